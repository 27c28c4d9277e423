"""JPEG pictures as bytes, and the marker segments put into them (ITU-T T.81, B.1.1)."""

import io
import struct
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from vergence.errors import FormatError

LONGEST = 65_500  # pixels a side that libjpeg takes
SOI, APP0 = b"\xff\xd8", 0xE0


def encoded(rgb: NDArray[Any], *, quality: int, metadata: Mapping[str, bytes]) -> bytes:
    """A (H, W, 3) uint8 picture as a JPEG in 4:4:4; raises `FormatError` where it is too large for one."""
    height, width = rgb.shape[:2]
    if max(width, height) > LONGEST:
        raise FormatError(
            f"JPEG pictures have at most {LONGEST} pixels a side, and this one is {width}x{height}; make it smaller"
        )
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality, subsampling="4:4:4", **metadata)
    return file.getvalue()


def segment(application: int, payload: bytes) -> bytes:
    """The marker segment APPn that holds `payload`."""
    return struct.pack(">BBH", 0xFF, APP0 + application, len(payload) + 2) + payload


def after_exif(jpeg: bytes) -> int:
    """Where in a JPEG its JFIF and EXIF segments (APP0 and APP1) end, which come before all others."""
    at = len(SOI)
    while jpeg[at] == 0xFF and jpeg[at + 1] in (APP0, APP0 + 1):
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return at
