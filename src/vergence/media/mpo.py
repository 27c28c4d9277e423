"""Stereo photos of two JPEGs in one file (.mpo), as 3-D cameras, televisions and the Nintendo 3DS have them.

The Multi-Picture Format of CIPA DC-007: the left view comes first and is what a program sees that knows only JPEG; an
APP2 segment in it tells where the right one begins, and that the two differ by disparity.
"""

import struct
from collections.abc import Sequence

from vergence.media.jpeg import after_exif, segment

IDENTIFIER = b"MPF\0"
HEADER = b"MM\0\x2a" + struct.pack(">I", 8)  # big endian, the first directory follows
DISPARITY = 0x020002  # MP type: multi-frame, disparity
REPRESENTATIVE = 1 << 29  # the picture to show where only one can be
VERSION, IMAGES, ENTRIES = 0xB000, 0xB001, 0xB002  # tags of the index
INDIVIDUAL, BASE_VIEWPOINT = 0xB101, 0xB204  # tags of the attributes; viewpoints count from the left, from 1
LONG, UNDEFINED = 4, 7  # types of TIFF


def multi_picture(pictures: Sequence[bytes]) -> bytes:
    """JPEGs of one scene, from the leftmost viewpoint to the rightmost, as one file."""
    tagged = [_with_segment(picture, _attributes_only(number)) for number, picture in enumerate(pictures[1:], 2)]
    first, at = pictures[0], after_exif(pictures[0])
    # The segment's length does not depend on the numbers in it.
    blank = _with_segment(first, _index([0] * len(pictures), [0] * len(pictures)))
    sizes = [len(blank), *(len(picture) for picture in tagged)]
    header = at + 4 + len(IDENTIFIER)  # offsets are counted from the byte order, inside the segment of the first
    begins = [0, *(sum(sizes[:i]) - header for i in range(1, len(sizes)))]
    return b"".join([_with_segment(first, _index(sizes, begins)), *tagged])


def _with_segment(picture: bytes, payload: bytes) -> bytes:
    at = after_exif(picture)
    return picture[:at] + segment(2, payload) + picture[at:]


def _index(sizes: Sequence[int], begins: Sequence[int]) -> bytes:
    """The segment of the first picture: where all of them lie, then its own attributes."""
    entries = b"".join(
        struct.pack(">IIIHH", DISPARITY | (REPRESENTATIVE if i == 0 else 0), size, begin, 0, 0)
        for i, (size, begin) in enumerate(zip(sizes, begins, strict=True))
    )
    tags = 3
    entries_at = len(HEADER) + 2 + 12 * tags + 4
    attributes_at = entries_at + len(entries)
    directory = struct.pack(">H", tags)
    directory += struct.pack(">HHI4s", VERSION, UNDEFINED, 4, b"0100")
    directory += struct.pack(">HHII", IMAGES, LONG, 1, len(sizes))
    directory += struct.pack(">HHII", ENTRIES, UNDEFINED, len(entries), entries_at)
    directory += struct.pack(">I", attributes_at)
    return IDENTIFIER + HEADER + directory + entries + _attributes(1)


def _attributes_only(number: int) -> bytes:
    return IDENTIFIER + HEADER + _attributes(number, version=True)


def _attributes(number: int, *, version: bool = False) -> bytes:
    """The directory of one picture. Nothing is said of baseline and angle: no camera stood at these viewpoints."""
    tags = [struct.pack(">HHI4s", VERSION, UNDEFINED, 4, b"0100")] if version else []
    tags.append(struct.pack(">HHII", INDIVIDUAL, LONG, 1, number))
    tags.append(struct.pack(">HHII", BASE_VIEWPOINT, LONG, 1, 1))
    return struct.pack(">H", len(tags)) + b"".join(tags) + struct.pack(">I", 0)
