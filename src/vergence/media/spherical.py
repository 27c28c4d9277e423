"""How an MP4 or QuickTime film says that its pictures hold two views, and that they are a half sphere.

Google's Spherical Video V2 (github.com/google/spatial-media, docs/spherical-video-v2-rfc.md): `st3d` and `sv3d` in the
sample entry. YouTube, headsets and FFmpeg read them.
"""

import struct

from vergence.media.boxes import Box, full_box, holding
from vergence.types import Packing

STEREO_MODES: dict[Packing, int] = {
    "top_bottom": 1,
    "half_top_bottom": 1,
    "left_right": 2,
    "half_left_right": 2,
    "vr180": 2,
}  # for the others there is no number
QUARTER = 1 << 30  # of a full turn, as a share of 2^32
WRITER = b"vergence\0"


def packing_boxes(packing: Packing) -> tuple[Box, ...]:
    """What a sample entry holds for films packed like this; none where the format has no word for it."""
    mode = STEREO_MODES.get(packing)
    if mode is None:
        return ()
    stereo = full_box(b"st3d", bytes((mode,)))
    return (stereo, _half_sphere()) if packing == "vr180" else (stereo,)


def _half_sphere() -> Box:
    """Equirectangular over the half of the sphere that lies ahead: a quarter is missing on its left and right."""
    bounds = struct.pack(">4I", 0, 0, QUARTER, QUARTER)  # top, bottom, left, right
    no_turn = struct.pack(">3i", 0, 0, 0)  # yaw, pitch, roll
    return holding(
        b"sv3d",
        full_box(b"svhd", WRITER),
        holding(b"proj", full_box(b"prhd", no_turn), full_box(b"equi", bounds)),
    )
