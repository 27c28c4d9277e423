"""The frame packing arrangement SEI message of HEVC (ITU-T H.265, D.2.16), which x265 does not write.

It tells a player from the stream alone, in a container without a word for it too, how its pictures hold two views.
"""

from __future__ import annotations  # PyAV's Packet is generic for type checkers only

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from av.packet import Packet

from vergence.media.spatial.hevc import PREFIX_SEI, Bits, byte_stream, escaped, is_slice, nal_units

if TYPE_CHECKING:
    from av.video.stream import VideoStream

FRAME_PACKING = 45  # payload type


@dataclass(frozen=True)
class Arrangement:
    """What the message says: `kind` 3 is side by side, 4 top and bottom; whether the right view comes first."""

    kind: int
    right_first: bool = False


def with_arrangement(packet: Packet[VideoStream], arrangement: Arrangement) -> Packet[VideoStream]:
    """A key frame with the message before its first slice; it holds until the next key frame."""
    units = list(nal_units(bytes(packet)))
    first = next(index for index, unit in enumerate(units) if is_slice(unit))
    told: Packet[Any] = Packet(byte_stream([*units[:first], message(arrangement), *units[first:]]))
    told.stream, told.is_keyframe = packet.stream, packet.is_keyframe
    told.pts, told.dts, told.duration, told.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    return told


def message(arrangement: Arrangement) -> bytes:
    """The NAL unit."""
    payload = (
        Bits()
        .ue(0)  # frame_packing_arrangement_id
        .u(1, 0)  # cancel_flag
        .u(7, arrangement.kind)
        .u(1, 0)  # quincunx_sampling_flag
        .u(6, 2 if arrangement.right_first else 1)  # content_interpretation_type
        .u(6, 0)  # flipping, field views, which frame this is, what each refers to
        .u(16, 0)  # grid positions of both views
        .u(8, 0)  # reserved_byte
        .u(1, 1)  # persistence_flag
        .u(1, 0)  # upsampled_aspect_ratio_flag
        .ended()
    )
    return bytes((PREFIX_SEI << 1, 1)) + escaped(bytes((FRAME_PACKING, len(payload))) + payload) + b"\x80"
