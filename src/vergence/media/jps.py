"""Stereo photos of two views in one JPEG (.jps): the right eye's at the left, for crossed eyes and shutter glasses.

An APP3 segment says so (VRex, "Stereoscopic JPEG file format"): its descriptor of 32 bits is, from the last byte to the
first, the kind (1: stereo), the arrangement (2: side by side), flags and the pixels between the views.
"""

import struct

from vergence.media.jpeg import after_exif, segment

IDENTIFIER = b"_JPSJPS_"
STEREO, SIDE_BY_SIDE = 0x01, 0x02 << 8  # no flag: full height, full width, the right view first
COMMENT = b"made by vergence"


def stereo_jpeg(picture: bytes) -> bytes:
    """A JPEG of two views side by side, the right eye's at the left, as one that says so."""
    block = struct.pack(">I", STEREO | SIDE_BY_SIDE)
    payload = IDENTIFIER + struct.pack(">H", len(block)) + block + struct.pack(">H", len(COMMENT)) + COMMENT
    at = after_exif(picture)
    return picture[:at] + segment(3, payload) + picture[at:]
