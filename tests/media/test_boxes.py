import io
import struct
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import Audio, tracks, write_clip
from vergence.errors import MediaError
from vergence.media.boxes import (
    FILM,
    Box,
    full_box,
    holding,
    moved,
    parse,
    read_moov,
    rewrite_moov,
    top_level,
    with_entry_boxes,
)

leaves = st.builds(Box, st.sampled_from([b"free", b"name"]), st.binary(max_size=20))
nodes = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda kind, children: Box(kind, bytes(FILM[kind]), tuple(children)),
        st.sampled_from([b"moov", b"trak", b"stsd", b"hvc1"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


@given(boxes=st.lists(nodes, max_size=4))
def test_what_is_written_is_read_again(boxes: list[Box]) -> None:
    data = b"".join(box.encode() for box in boxes)
    assert parse(data, FILM) == (tuple(boxes), b"")


def test_sizes_are_counted_by_hand() -> None:
    assert full_box(b"stri", b"\x03").encode() == b"\0\0\0\x0dstri\0\0\0\0\x03"
    assert holding(b"eyes", Box(b"free", b"ab")).encode() == b"\0\0\0\x12eyes\0\0\0\x0afreeab"


def test_four_zeros_behind_the_last_child_stay() -> None:
    data = Box(b"hvc1", bytes(78), (Box(b"free"),), tail=bytes(4)).encode()
    (box,), rest = parse(data, FILM)
    assert (box.tail, rest) == (bytes(4), b"")
    assert box.encode() == data


@pytest.mark.parametrize("size", [0x7FFFFFFF, 7, 3])
def test_a_size_that_makes_no_sense_is_refused(size: int) -> None:
    with pytest.raises(MediaError, match="the box free has"):
        parse(struct.pack(">I4s", size, b"free") + bytes(20), FILM)


def test_the_last_box_may_reach_to_the_end() -> None:
    (box,), _ = parse(struct.pack(">I4s", 0, b"mdat") + b"abc", FILM)
    assert box == Box(b"mdat", b"abc")


def test_sizes_of_64_bits_are_read() -> None:
    data = struct.pack(">I4sQ", 1, b"mdat", 19) + b"abc"
    assert parse(data, FILM)[0] == (Box(b"mdat", b"abc"),)
    assert list(top_level(io.BytesIO(data))) == [(b"mdat", 0, 19)]


def test_a_file_that_breaks_off_is_refused() -> None:
    with pytest.raises(MediaError, match="30 bytes where 10 are left"):
        list(top_level(io.BytesIO(struct.pack(">I4s", 30, b"mdat") + b"ab")))


def film_of(table: Box) -> Box:
    stbl = holding(b"stbl", Box(b"stsz", b"other"), table)
    return holding(b"moov", holding(b"trak", holding(b"mdia", holding(b"minf", stbl))))


def test_media_places_move_along() -> None:
    found = moved(film_of(full_box(b"stco", struct.pack(">3I", 2, 40, 90))), 1000)
    assert found == film_of(full_box(b"stco", struct.pack(">3I", 2, 1040, 1090)))
    found = moved(film_of(full_box(b"co64", struct.pack(">IQ", 1, 1 << 40))), 5)
    assert found == film_of(full_box(b"co64", struct.pack(">IQ", 1, (1 << 40) + 5)))


def test_places_past_4_gigabytes_become_wider() -> None:
    found = moved(film_of(full_box(b"stco", struct.pack(">3I", 2, 40, 0xFFFFFFF0))), 100)
    assert found == film_of(full_box(b"co64", struct.pack(">I2Q", 2, 140, 0xFFFFFFF0 + 100)))


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_film_with_more_to_say_plays_as_before(tmp_path: Path, suffix: str) -> None:
    path = write_clip(tmp_path / f"a{suffix}", audio=(Audio(),))
    before = tracks(path)
    assert [kind for kind, _, _ in top_level(io.BytesIO(path.read_bytes()))][-1] == b"moov"
    rewrite_moov(path, lambda moov: with_entry_boxes(moov, Box(b"abcd", b"word"), after=b"avcC"))
    kinds = [kind for kind, _, _ in top_level(io.BytesIO(path.read_bytes()))]
    assert kinds[:2] == [b"ftyp", b"moov"]
    entry = read_moov(path).find(b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    assert [box.kind for box in entry.children or ()][:2] == [b"avcC", b"abcd"]
    assert [(track.codec, track.packets) for track in tracks(path)] == [
        (track.codec, track.packets) for track in before
    ]
    with av.open(str(path)) as film:
        assert len(list(film.decode(video=0))) == 12


def test_a_film_whose_places_become_wider_still_plays(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", audio=(Audio(),))
    before = [track.packets for track in tracks(path)]

    def wide(table: Box) -> Box:
        count = int.from_bytes(table.data[4:8], "big")
        places = struct.unpack(f">{count}I", table.data[8:])
        return full_box(b"co64", struct.pack(f">I{count}Q", count, *places))

    stbl = (b"trak", b"mdia", b"minf", b"stbl")
    rewrite_moov(path, lambda moov: moov.edited(wide, *stbl, b"stco"))
    assert read_moov(path).find(*stbl).all(b"co64")
    assert [track.packets for track in tracks(path)] == before


def test_only_the_moving_picture_is_told_of(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", audio=(Audio(),))
    rewrite_moov(path, lambda moov: with_entry_boxes(moov, Box(b"abcd")))
    moov = read_moov(path)
    picture, sound = moov.all(b"trak")
    assert b"abcd" in picture.encode()
    assert b"abcd" not in sound.encode()
    again = with_entry_boxes(moov, Box(b"abcd"))
    assert again.encode().count(b"abcd") == 1


def test_a_film_whose_header_lies_first_is_left_alone(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4")
    rewrite_moov(path, lambda moov: moov)
    before = path.read_bytes()
    with pytest.raises(MediaError, match="does not end with its header but with mdat"):
        rewrite_moov(path, lambda moov: moov)
    assert path.read_bytes() == before


def test_a_box_that_is_not_there_is_named() -> None:
    with pytest.raises(MediaError, match="there is no box trak in moov"):
        holding(b"moov").find(b"trak")


def test_moving_more_than_a_piece_at_a_time_keeps_every_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vergence.media.boxes.COPIED", 7)
    path = tmp_path / "a.mp4"
    media = bytes(range(256)) * 3
    chunk = full_box(b"stco", struct.pack(">2I", 1, 16 + 8))
    path.write_bytes(Box(b"ftyp", b"isom\0\0\0\0").encode() + Box(b"mdat", media).encode() + film_of(chunk).encode())
    rewrite_moov(path, lambda moov: moov)
    data = path.read_bytes()
    table = read_moov(path).find(b"trak", b"mdia", b"minf", b"stbl", b"stco").data
    (place,) = struct.unpack(">I", table[8:])
    assert data[place : place + len(media)] == media
    assert data[place + len(media) :] == b""
