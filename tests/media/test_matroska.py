import pytest

from vergence.errors import MediaError
from vergence.media.matroska import Element, elements, set_display_size


def element(number: bytes, data: bytes, size: bytes | None = None) -> bytes:
    return number + (size or bytes([0x80 | len(data)])) + data


def film(width=b"\x03\xc0", height=b"\x04\x38", unknown=b"\x01\xff\xff\xff\xff\xff\xff\xff"):
    video = element(b"\xe0", element(b"\x54\xb0", width) + element(b"\x54\xba", height))
    sound = element(b"\xae", element(b"\x83", b"\x02"))
    tracks = element(b"\x16\x54\xae\x6b", sound + element(b"\xae", element(b"\x83", b"\x01") + video))
    head = element(b"\x1a\x45\xdf\xa3", b"\x42\x86\x81\x01")
    return head + element(b"\x18\x53\x80\x67", element(b"\xec", b"\0" * 5) + tracks, unknown)


def test_elements_are_read_one_after_another():
    data = element(b"\xec", b"abc") + element(b"\x54\xb0", b"\x01", b"\x40\x01")
    assert list(elements(data, 0, len(data))) == [Element(0xEC, 2, 5), Element(0x54B0, 9, 10)]


def test_only_the_two_numbers_change(tmp_path):
    path = tmp_path / "a.mkv"
    path.write_bytes(film())
    assert set_display_size(path, 1920, 1081)
    assert path.read_bytes() == film(b"\x07\x80", b"\x04\x39")


def test_a_number_that_has_no_room_leaves_the_film_alone(tmp_path):
    path = tmp_path / "a.mkv"
    path.write_bytes(film(width=b"\x80"))
    assert not set_display_size(path, 256, 100)
    assert path.read_bytes() == film(width=b"\x80")


def test_a_file_that_is_no_such_film_is_refused(tmp_path):
    path = tmp_path / "a.mkv"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(MediaError, match="does not say"):
        set_display_size(path, 1, 1)
