import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import MediaError
from vergence.media.spatial.hevc import (
    BitReader,
    Bits,
    Slice,
    byte_stream,
    escaped,
    first_slice,
    joined,
    nal_units,
    on_layer,
    picture_format,
    reference_displays,
    two_layer_vps,
    unescaped,
    unit_type,
)

# Of x265, for pictures of 480x360 in 8 bits.
ONE_LAYER_VPS = bytes.fromhex("40010c01ffff01600000030090000003000003003f959409")
ONE_LAYER_SPS = bytes.fromhex("42010101600000030090000003000003003fa00f0805c7cb965654a4c2e68080000003008000000c04")
# The message in a file written by Apple's AVFoundation.
APPLES_MESSAGE = bytes.fromhex("4e01b004040d002080")
IDR, TRAIL = 19, 1


def unit(kind: int, content: bytes, *, layer: int = 0) -> bytes:
    return on_layer(bytes((kind << 1, 1)), layer) + content


def slice_of(kind: int, slice_type: int, content: bytes = b"") -> bytes:
    bits = Bits().u(1, 1)  # first_slice_segment_in_pic_flag
    if 16 <= kind <= 23:
        bits.u(1, 0)
    return unit(kind, escaped(bits.ue(0).ue(slice_type).ended()) + content)


@given(numbers=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 1 << 30)), min_size=1, max_size=20))
def test_bits_that_are_written_are_read_again(numbers: list[tuple[int, int]]) -> None:
    bits = Bits()
    for size, value in numbers:
        bits.u(size, value % (1 << size)).ue(value)
    reader = BitReader(bits.ended())
    for size, value in numbers:
        assert (reader.u(size), reader.ue()) == (value % (1 << size), value)
    assert reader.u(1) == 1


@pytest.mark.parametrize(("value", "code"), [(0, "1"), (1, "010"), (2, "011"), (3, "00100"), (7, "0001000")])
def test_exp_golomb_codes_are_those_of_the_standard(value: int, code: str) -> None:  # table 9-2
    padded = int((code + "1").ljust(8, "0"), 2)
    assert Bits().ue(value).ended() == bytes((padded,))


def test_a_header_that_breaks_off_is_refused() -> None:
    with pytest.raises(MediaError, match="breaks off"):
        BitReader(b"\0\0").ue()


@given(data=st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]), max_size=30).map(bytes))
def test_no_start_code_is_left_in_a_unit(data: bytes) -> None:
    data += b"\x80"  # as every unit ends
    hidden = escaped(data)
    assert unescaped(hidden) == data
    assert not any(hidden[i : i + 2] == b"\0\0" and hidden[i + 2] < 3 for i in range(len(hidden) - 2))


def test_units_are_found_behind_short_and_long_start_codes() -> None:
    stream = b"\0\0\0\1\x40\1abc" + b"\0\0\1\x42\1d" + b"\0\0\0\1\x44\1e\0\0\1\x26\1" + bytes(range(1, 9))
    found = list(nal_units(stream))
    assert [unit_type(unit) for unit in found] == [32, 33, 34, 19]
    assert found[0] == b"\x40\1abc"
    assert list(nal_units(byte_stream(found))) == found


def test_a_layer_is_a_number_of_six_bits() -> None:
    for layer in (0, 1, 31, 32, 63):
        header = on_layer(unit(IDR, b"x"), layer)
        assert (header[0] & 1) << 5 | header[1] >> 3 == layer
        assert (unit_type(header), header[1] & 7, header[2:]) == (IDR, 1, b"x")


def test_the_message_is_the_one_apple_writes() -> None:
    assert reference_displays() == APPLES_MESSAGE


def test_the_first_slice_says_what_a_picture_is() -> None:
    assert first_slice([APPLES_MESSAGE, slice_of(IDR, 2)]) == Slice(IDR, 2)
    assert first_slice([slice_of(TRAIL, 0)]) == Slice(TRAIL, 0)
    with pytest.raises(MediaError, match="without a picture"):
        first_slice([APPLES_MESSAGE])


def test_a_key_picture_of_both_views_has_the_message_before_its_slices() -> None:
    left, right = slice_of(IDR, 2, b"\x11" * 20), slice_of(IDR, 2, b"\x22" * 20)
    hdr = unit(39, b"\x89\x01\xff\x80")
    found = list(nal_units(joined(byte_stream([hdr, left]), byte_stream([hdr, right]))))
    assert found == [hdr, APPLES_MESSAGE, left, on_layer(right, 1)]


def test_a_later_picture_has_its_slices_alone() -> None:
    left, right = slice_of(TRAIL, 1, b"\x11"), slice_of(TRAIL, 1, b"\x22")
    assert list(nal_units(joined(byte_stream([left]), byte_stream([right])))) == [left, on_layer(right, 1)]


@pytest.mark.parametrize(
    ("left", "right"),
    [(slice_of(IDR, 2), slice_of(TRAIL, 2)), (slice_of(TRAIL, 0), slice_of(TRAIL, 1))],
    ids=["key", "type"],
)
def test_pictures_of_two_types_are_refused(left: bytes, right: bytes) -> None:
    with pytest.raises(MediaError, match="the encoder treats the two views unlike"):
        joined(byte_stream([left]), byte_stream([right]))


def test_the_coded_size_is_that_of_the_parameter_set() -> None:
    found = picture_format(ONE_LAYER_SPS)
    assert (found.width, found.height, found.bits) == (480, 368, 8)  # in whole blocks of 16


def test_the_parameter_set_of_two_layers_says_two_views() -> None:  # read by hand after F.7.3.2.1.1
    found = two_layer_vps(ONE_LAYER_VPS, picture_format(ONE_LAYER_SPS))
    reader = BitReader(unescaped(found[2:]))
    assert reader.u(6) == 0b000011
    assert reader.u(6) == 1  # two layers
    reader.u(3 + 1 + 16)
    assert reader.u(8) == 1  # Main
    reader.u(80 + 8 + 1)
    [reader.ue() for _ in range(3)]
    assert (reader.u(6), reader.ue(), reader.u(2)) == (1, 1, 0b11)  # highest layer; one more layer set, of both
    assert (reader.u(1), reader.u(1)) == (0, 1)  # no timing; an extension
    while reader._left % 8:
        assert reader.u(1) == 1
    reader.u(8)
    assert (reader.u(1), reader.u(16)) == (0, 0b0100000000000000)  # multiview
    reader.u(3)
    assert (reader.u(1), reader.u(1)) == (0, 1)  # layer 1 is view order 1
    assert (reader.u(4), reader.u(1), reader.u(1)) == (1, 0, 1)  # view ids
    assert reader.u(1) == 0  # no dependency


def test_temporal_layers_are_refused() -> None:
    vps = bytearray(ONE_LAYER_VPS)
    vps[3] |= 2  # vps_max_sub_layers_minus1
    with pytest.raises(MediaError, match="temporal layers"):
        two_layer_vps(bytes(vps), picture_format(ONE_LAYER_SPS))
