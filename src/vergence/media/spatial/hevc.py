"""Two HEVC streams become one of two layers: MV-HEVC (ITU-T H.265, annexes F and G).

Both views are encoded alike, each by itself, and their slices stay as the encoder wrote them: the right view's move to
layer 1, and a new video parameter set says that there are two layers, that they are the two views, and that neither
needs the other. So the base layer is an ordinary film for every player that knows one layer. What is given up is
prediction between the views: the film is as large as both views together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from vergence.errors import MediaError

START = b"\0\0\0\1"
VPS, SPS, PPS, PREFIX_SEI = 32, 33, 34, 39  # NAL unit types (table 7-1); slices lie below them
FIRST_IRAP, LAST_IRAP = 16, 23
RIGHT_LAYER = 1
MULTIVIEW_MAIN = 6  # general_profile_idc (G.11.1.1): 8 bits, 4:2:0
PROFILE_BITS, LEVEL_BITS = 88, 8  # of profile_tier_level() (7.3.3) without sub-layers
REFERENCE_DISPLAYS = 176  # payload type of the SEI message


class Bits:
    """Writes numbers bit by bit, the most significant first."""

    def __init__(self) -> None:
        self._value, self._length = 0, 0

    def u(self, bits: int, value: int) -> Self:
        """u(n): `value` in `bits` bits."""
        assert 0 <= value < 1 << bits
        self._value, self._length = self._value << bits | value, self._length + bits
        return self

    def ue(self, value: int) -> Self:
        """ue(v): an Exp-Golomb number (9.2)."""
        size = (value + 1).bit_length()
        return self.u(2 * size - 1, value + 1)

    def aligned(self, bit: int) -> Self:
        """Fill up the last byte with `bit`."""
        while self._length % 8:
            self.u(1, bit)
        return self

    def ended(self) -> bytes:
        """All of it, closed by a one and zeros (7.3.2.11)."""
        self.u(1, 1).aligned(0)
        return self._value.to_bytes(self._length // 8, "big")


class BitReader:
    """Reads numbers bit by bit; raises `MediaError` at the end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def u(self, bits: int) -> int:
        self._left -= bits
        if self._left < 0:
            raise MediaError("the encoder's stream breaks off in a header")
        return self._value >> self._left & (1 << bits) - 1

    def ue(self) -> int:
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros)


def nal_units(stream: bytes) -> Iterator[bytes]:
    """The NAL units of a byte stream (annex B)."""
    begin = stream.find(b"\0\0\1")
    while begin >= 0:
        end = stream.find(b"\0\0\1", begin + 3)
        unit = stream[begin + 3 : end] if end >= 0 else stream[begin + 3 :]
        yield unit.rstrip(b"\0")
        begin = end


def byte_stream(units: list[bytes]) -> bytes:
    """NAL units as a byte stream (annex B)."""
    return b"".join(START + unit for unit in units)


def unit_type(unit: bytes) -> int:
    """The type of a NAL unit."""
    return unit[0] >> 1 & 63


def is_slice(unit: bytes) -> bool:
    return unit_type(unit) < VPS


def on_layer(unit: bytes, layer: int) -> bytes:
    """The unit as part of another layer."""
    return bytes((unit[0] & 0xFE | layer >> 5, unit[1] & 0x07 | (layer & 31) << 3)) + unit[2:]


def unescaped(data: bytes) -> bytes:
    """What a NAL unit says, without the bytes that keep it from looking like a start code (7.4.2)."""
    return data.replace(b"\0\0\3", b"\0\0")


def escaped(data: bytes) -> bytes:
    """The reverse of `unescaped`."""
    out, zeros = bytearray(), 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


@dataclass(frozen=True)
class Slice:
    """What the first slice of a picture says of it: NAL unit type, and slice type (0 B, 1 P, 2 I)."""

    unit: int
    kind: int


def first_slice(units: list[bytes]) -> Slice:
    """What the first slice among NAL units says; raises `MediaError` where there is none."""
    for unit in units:
        if is_slice(unit):
            reader = BitReader(unescaped(unit[2:16]))
            if not reader.u(1):
                raise MediaError("the encoder's picture does not begin with its first slice")
            if FIRST_IRAP <= unit_type(unit) <= LAST_IRAP:
                reader.u(1)  # no_output_of_prior_pics_flag
            reader.ue()  # slice_pic_parameter_set_id
            return Slice(unit_type(unit), reader.ue())
    raise MediaError("the encoder gave a packet without a picture")


def joined(left: bytes, right: bytes) -> bytes:
    """One picture of both views: the left's units as they are, then the right's slices on layer 1.

    A key frame also gets the SEI message on how to show the two.

    Raises:
        MediaError: the two pictures are not of one type.
    """
    base, other = list(nal_units(left)), list(nal_units(right))
    ours, theirs = first_slice(base), first_slice(other)
    if ours != theirs:
        raise MediaError(f"the encoder treats the two views unlike ({ours} and {theirs}); choose another preset")
    units: list[bytes] = []
    for unit in base:
        if is_slice(unit) and FIRST_IRAP <= ours.unit <= LAST_IRAP and not any(map(is_slice, units)):
            units.append(reference_displays())
        units.append(unit)
    units += [on_layer(unit, RIGHT_LAYER) for unit in other if is_slice(unit)]
    return byte_stream(units)


def reference_displays() -> bytes:
    """The three dimensional reference displays information SEI message (G.14.2.3): view 0 is for the left eye.

    Of the display it says nothing: one display, of the least width there is, at no stated distance, without shift.
    """
    payload = (
        Bits()
        .ue(31)  # prec_ref_display_width
        .u(1, 0)  # ref_viewing_distance_flag
        .ue(0)  # num_ref_displays_minus1
        .ue(0)  # left_view_id
        .ue(1)  # right_view_id
        .u(6, 0)  # exponent_ref_display_width
        .u(1, 0)  # mantissa_ref_display_width
        .u(1, 0)  # additional_shift_present_flag
        .u(1, 0)  # three_dimensional_reference_displays_extension_flag
        .ended()
    )
    return bytes((PREFIX_SEI << 1, 1)) + escaped(bytes((REFERENCE_DISPLAYS, len(payload))) + payload) + b"\x80"


@dataclass(frozen=True)
class Format:
    """Coded size and bit depth of 4:2:0 pictures, by their sequence parameter set."""

    width: int
    height: int
    bits: int


def picture_format(sps: bytes) -> Format:
    """Read a sequence parameter set (7.3.2.2.1); raises `MediaError` where it is not 4:2:0 without sub-layers."""
    reader = BitReader(unescaped(sps[2:]))
    reader.u(4)  # sps_video_parameter_set_id
    sub_layers = reader.u(3)
    reader.u(1 + PROFILE_BITS + LEVEL_BITS)  # sps_temporal_id_nesting_flag, profile_tier_level()
    reader.ue()  # sps_seq_parameter_set_id
    if sub_layers or reader.ue() != 1:
        raise MediaError("the encoder's pictures are not 4:2:0 in one temporal layer")
    width, height = reader.ue(), reader.ue()
    if reader.u(1):  # conformance_window_flag
        for _ in range(4):
            reader.ue()
    return Format(width, height, 8 + reader.ue())


def two_layer_vps(vps: bytes, coded: Format) -> bytes:
    """The video parameter set of both views, made from that of one (7.3.2.1 and F.7.3.2.1.1).

    Layers 0 and 1 are views 0 and 1. Neither depends on the other, so the right view's slices are read as those of a
    single layer, without an order count at key frames (poc_lsb_not_present_flag).

    Args:
        vps: a NAL unit of an encoder without temporal sub-layers.
        coded: what the pictures of both views are.

    Raises:
        MediaError: it has sub-layers or layer sets.
    """
    old, new = BitReader(unescaped(vps[2:])), Bits()
    new.u(6, old.u(6))  # vps_video_parameter_set_id, vps_base_layer_internal_flag, vps_base_layer_available_flag
    old.u(6)
    new.u(6, 1)  # vps_max_layers_minus1
    if sub_layers := old.u(3):
        raise MediaError(f"the encoder made {sub_layers + 1} temporal layers where one was expected")
    new.u(3, 0).u(1, old.u(1)).u(16, old.u(16))  # vps_temporal_id_nesting_flag, vps_reserved_0xffff_16bits
    profile, level = old.u(PROFILE_BITS), old.u(LEVEL_BITS)
    new.u(PROFILE_BITS, profile).u(LEVEL_BITS, level)
    new.u(1, old.u(1))  # vps_sub_layer_ordering_info_present_flag
    pictures, reorder, latency = old.ue(), old.ue(), old.ue()
    new.ue(pictures).ue(reorder).ue(latency)
    old.u(6)
    new.u(6, 1)  # vps_max_layer_id
    if old.ue():
        raise MediaError("the encoder made layer sets of its own")
    new.ue(1).u(2, 0b11)  # vps_num_layer_sets_minus1; layer_id_included_flag[1]: layers 0 and 1
    has_timing = old.u(1)
    new.u(1, has_timing)
    if has_timing:
        new.u(32, old.u(32)).u(32, old.u(32))  # vps_num_units_in_tick, vps_time_scale
        is_proportional = old.u(1)
        new.u(1, is_proportional)
        if is_proportional:
            new.ue(old.ue())  # vps_num_ticks_poc_diff_one_minus1
        if old.ue():
            raise MediaError("the encoder states a buffer model, which is not carried over")
        new.ue(0)  # vps_num_hrd_parameters
    new.u(1, 1).aligned(1)  # vps_extension_flag, vps_extension_alignment_bit_equal_to_one
    _write_extension(new, coded, profile=profile, level=level, dpb=(pictures, reorder, latency))
    new.u(1, 0)  # vps_extension2_flag
    return vps[:2] + escaped(new.ended())


def _write_extension(new: Bits, coded: Format, *, profile: int, level: int, dpb: tuple[int, int, int]) -> None:
    """vps_extension() (F.7.3.2.1.1) of two independent layers that are two views."""
    pictures, reorder, latency = dpb
    new.u(LEVEL_BITS, level)  # profile_tier_level(0, ...), the second in the list: that of the base layer again
    new.u(1, 0)  # splitting_flag
    new.u(16, 1 << 14)  # scalability_mask_flag[1]: multiview
    new.u(3, 0)  # dimension_id_len_minus1
    new.u(1, 0)  # vps_nuh_layer_id_present_flag
    new.u(1, 1)  # dimension_id[1]: view order index 1
    new.u(4, 1).u(1, 0).u(1, 1)  # view_id_len, view_id_val
    new.u(1, 0)  # direct_dependency_flag[1][0]
    new.ue(0)  # num_add_layer_sets
    new.u(1, 0).u(1, 0).u(1, 0)  # vps_sub_layers_max_minus1_present, max_tid_ref_present, default_ref_layers_active
    new.ue(2)  # vps_num_profile_tier_level_minus1
    # The third in the list: that of the right view. The standard's multiview profile has 8 bits; a deeper view is,
    # taken by itself, of the same profile as the base layer.
    new.u(1, 1).u(PROFILE_BITS, _multiview_main(profile) if coded.bits == 8 else profile).u(LEVEL_BITS, level)
    new.ue(0).u(2, 0)  # num_add_olss, default_output_layer_idc: all layers are shown
    new.u(2, 1).u(2, 2)  # profile_tier_level_idx[1]
    new.ue(0)  # vps_num_rep_formats_minus1
    new.u(16, coded.width).u(16, coded.height)  # rep_format()
    new.u(1, 1).u(2, 1)  # chroma_and_bit_depth_vps_present_flag, chroma_format_vps_idc: 4:2:0
    new.u(4, coded.bits - 8).u(4, coded.bits - 8).u(1, 0)  # bit depths, conformance_window_vps_flag
    new.u(1, 1).u(1, 1)  # max_one_active_ref_layer_flag, vps_poc_lsb_aligned_flag
    new.u(1, 1)  # poc_lsb_not_present_flag[1]
    new.u(1, 0).ue(pictures).ue(pictures).ue(reorder).ue(latency)  # dpb_size()
    new.ue(0).u(1, 1).u(2, 0)  # direct_dep_type_len_minus2, direct_dependency_all_layers_flag and _type
    new.ue(0)  # vps_non_vui_extension_length
    new.u(1, 0)  # vps_vui_present_flag


def _multiview_main(profile: int) -> int:
    """The 88 bits of the Multiview Main profile (7.3.3, G.11.1.1), of the tier and source type of `profile`."""
    tier, source = profile >> 85 & 1, profile >> 44 & 0xF
    bits = tier << 5 | MULTIVIEW_MAIN
    bits = bits << 32 | 1 << 31 - MULTIVIEW_MAIN
    bits = bits << 4 | source
    bits = bits << 9 | 0b111_11_000_1  # at most 12, 10, 8 bits; 4:2:2, 4:2:0; lower bit rates too
    return bits << 35
