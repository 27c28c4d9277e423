"""What networks of 14-pixel patches are shown: the size of the picture, and its normalised values."""

import logging
import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

PATCH = 14  # pixels of the picture that become one token
MEAN = np.array((0.485, 0.456, 0.406))  # of ImageNet, per channel
STD = np.array((0.229, 0.224, 0.225))
MOST_PATCHES = 8192  # attention over more takes gigabytes; a picture wider than 6:1 is computed at a shorter side


def input_size(width: int, height: int, short_side: int = 518) -> tuple[int, int]:
    """The network's (width, height) for a picture: its shape, multiples of 14, both sides at least `short_side`.

    The authors' rule (`Resize` of their transforms: keep_aspect_ratio, "lower_bound"). Beyond `MOST_PATCHES` the
    short side gives way.
    """
    while True:
        scale = max(short_side / width, short_side / height)
        w, h = (_multiple(scale * side, short_side) for side in (width, height))
        if w * h <= MOST_PATCHES * PATCH**2 or short_side <= PATCH:
            return min(w, MOST_PATCHES * PATCH), min(h, MOST_PATCHES * PATCH)
        short_side -= PATCH


class InputSize:
    """`input_size` for the pictures of one model, which says once where less than was asked for is what they get.

    Args:
        name: of the model.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._has_said = False

    def __call__(self, width: int, height: int, short_side: int) -> tuple[int, int]:
        found = input_size(width, height, short_side)
        if min(found) < short_side and not self._has_said:
            self._has_said = True
            logger.warning(
                "%s sees this picture at %d x %d px: an input size of %d px would take more memory than is sane",
                self._name, *found, short_side,
            )  # fmt: skip
        return found


def _multiple(size: float, least: int) -> int:
    nearest = round(size / PATCH) * PATCH
    return nearest if nearest >= least else math.ceil(size / PATCH) * PATCH


def preprocess(
    rgb: NDArray[np.uint8] | NDArray[np.uint16],
    width: int,
    height: int,
    *,
    dtype: type[np.float32] | type[np.float64] = np.float64,
) -> NDArray[np.float32]:
    """Resize and normalise an (H, W, 3) picture to (1, 3, height, width) as the authors do.

    Cubic without antialiasing, even when shrinking: the networks were trained on exactly that. `dtype` is what the
    resize computes in: float64 in Depth Anything V2, float32 in Video Depth Anything.
    """
    picture: NDArray[Any] = rgb.astype(dtype)
    picture /= np.iinfo(rgb.dtype).max
    resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
    normalised = (resized - MEAN) / STD
    return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None], dtype=np.float32)
