"""Pictures that clients send: looked at before they are decoded."""

import io
from fractions import Fraction
from math import tan

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from vergence.errors import MediaError
from vergence.server.protocol import Capture
from vergence.types import Frame, Intrinsics

LONGEST_SIDE, MOST_PIXELS = 4096, 8_300_000  # px: 4K film


def check_jpeg(data: bytes, capture: Capture) -> None:
    """Raise `MediaError` where the bytes are no JPEG, or not of the size that is said, or of too large a one."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            width, height = picture.size
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError("what was sent is no JPEG picture") from error
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise MediaError(
            f"a picture of {width}x{height} is too large; at most {LONGEST_SIDE} px a side and {MOST_PIXELS} in all"
        )
    if (width, height) != (capture.width, capture.height):
        raise MediaError(f"a picture of {width}x{height} is said to be {capture.width}x{capture.height}")


def decoded(data: bytes, capture: Capture, *, index: int, time_us: int) -> Frame:
    """The frame of a JPEG that `check_jpeg` has let pass; raises `MediaError` where it is damaged."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None or bgr.shape[:2] != (capture.height, capture.width):
        raise MediaError("a picture that was sent is damaged")
    height, width = bgr.shape[:2]
    camera = None
    if capture.fov_x > 0:
        focal = width / 2 / tan(capture.fov_x / 2)
        camera = Intrinsics(focal, focal, width / 2, height / 2, width, height)
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    return Frame(rgb, index, Fraction(time_us, 1_000_000), intrinsics=camera)
