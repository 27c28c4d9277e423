"""Resizing pictures and depth. The one home of OpenCV's resize and its conventions."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.types import Sampling


def shrink(picture: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Resize by area averaging (bilinear when growing), half-pixel centres.

    `picture` is (H, W) or (H, W, C) of any dtype OpenCV takes; returns (height, width[, C]) of the same dtype.
    """
    # By halves first: averaging 2 x 2 pixels is a third of the work of any other area filter.
    while picture.shape[1] >= 2 * width and picture.shape[0] >= 2 * height:
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        picture = cv2.resize(picture, half, interpolation=cv2.INTER_AREA)
    if picture.shape[:2] == (height, width):
        return picture
    grows = width > picture.shape[1] or height > picture.shape[0]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR if grows else cv2.INTER_AREA)


def resize_depth(values: NDArray[np.float32], width: int, height: int, *, sampling: Sampling) -> NDArray[np.float32]:
    """Resize a (h, w) depth map bilinearly to (height, width), reading it where its `sampling` says it was taken.

    "corners" is `align_corners=True` of torch, which the published depth networks are resized with.
    """
    if values.shape == (height, width):
        return values
    if sampling == "centres":
        return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    return _along(_along(values, height, axis=0), width, axis=1)


def _along(values: NDArray[np.float32], size: int, axis: int) -> NDArray[np.float32]:
    last = values.shape[axis] - 1
    position = np.arange(size, dtype=np.float64) * (last / (size - 1) if size > 1 else 0.0)
    low = np.minimum(position.astype(np.intp), max(last - 1, 0))
    weight = (position - low).astype(np.float32)
    shape = [1, 1]
    shape[axis] = size
    weight = weight.reshape(shape)
    high = np.minimum(low + 1, last)
    return np.asarray(values.take(low, axis) * (1 - weight) + values.take(high, axis) * weight)
