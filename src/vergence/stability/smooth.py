"""What a recursive filter per pixel needs to know: where things were before, and whether they still look the same.

The past is carried along by low-resolution optical flow (DIS; Kroeger et al., arXiv:1603.03590). Where the picture, so
carried, does not match, something moved or was uncovered, and the present is taken.
"""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.geometry.resample import shrink
from vergence.types import Frame

QUIET, LOUD = 5.0, 16.0  # 8-bit levels of mismatch: sensor noise, and something else
BETTER = 1.0  # levels by which flow must match better than no flow, or the pixel rests: resampling it would only blur
BLUR = 1.2  # px; a mismatch is judged over a small neighbourhood
AROUND = 15  # px of the depth's size
GROWTH = 9 / 160  # of the picture's height; a gate as narrow as the motion leaves a rim of the past around it
SMALLEST = 16  # px a side; a smaller picture has no pyramid to find flow in


def grey_of(frame: Frame, width: int, height: int) -> NDArray[np.uint8]:
    """The picture in grey levels at the depth's size, (height, width) uint8."""
    step = max(1, min(frame.width // width, frame.height // height) // 2)  # a strided view costs nothing
    small = shrink(replace(frame, rgb=frame.rgb[::step, ::step]).rgb8, width, height)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


class Flow:
    """Where each pixel of a picture was in the one before."""

    def __init__(self) -> None:
        create: Any = cv2.DISOpticalFlow.create
        self._dis = create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)

    def __call__(self, now: NDArray[np.uint8], past: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(h, w, 2) px from a pixel of `now` to its place in `past`, both (h, w); exactly 0 for what rests."""
        if min(now.shape) < SMALLEST:
            return np.zeros((*now.shape, 2), np.float32)
        flow = np.asarray(self._dis.calc(now, past, None), dtype=np.float32)
        flow[_mismatch(now, past) <= _mismatch(now, carried(past, flow)) + BETTER] = 0
        return flow


def carried(values: NDArray[Any], flow: NDArray[np.float32]) -> NDArray[Any]:
    """`values` (h, w) of the past, from where each pixel was then."""
    return np.asarray(cv2.remap(values, *_places(flow), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def trust(now: NDArray[np.uint8], past: NDArray[np.uint8], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """How surely a pixel of `now` shows what it showed in `past`: 1 (the same) to 0 (other, or out of the picture)."""
    height, width = now.shape
    x, y = _places(flow)
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    likeness = 1 - np.clip((_mismatch(now, carried(past, flow)) - QUIET) / (LOUD - QUIET), 0, 1)
    return np.where(inside, likeness, 0).astype(np.float32)


def is_still(now: NDArray[np.uint8], usual: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a grey picture (h, w) and its surroundings are what they have been of late: a tripod's background.

    Frame by frame a slow zoom moves nothing by a whole pixel; against the mean of the last second it does, wherever
    there is texture, and a plain wall within `AROUND` of that texture moves with it.
    """
    window = np.ones((AROUND, AROUND), np.uint8)
    return np.asarray(cv2.dilate(_mismatch(now, usual), window) < QUIET)


def grown(gate: NDArray[np.float32]) -> NDArray[np.float32]:
    """Widen a (h, w) gate of 0..1 by a few pixels, with a soft rim."""
    size = max(3, round(GROWTH * gate.shape[0]) | 1)
    return softened(cv2.dilate(gate.astype(np.float32), np.ones((size, size), np.uint8)), GROWTH)


def softened(values: Any, share: float) -> NDArray[np.float32]:
    """Blur (h, w) values over a window of that share of the height, twice."""
    size = max(3, round(share * values.shape[0]) | 1)
    once = cv2.blur(np.asarray(values, dtype=np.float32), (size, size))
    return np.asarray(cv2.blur(once, (size, size)), dtype=np.float32)


def _places(flow: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return x.astype(np.float32), y.astype(np.float32)


def _mismatch(now: NDArray[Any], past: NDArray[Any]) -> NDArray[np.float32]:
    """Difference of two grey pictures, levels; a change of brightness of the whole, as of a flickering lamp, aside."""
    difference = now.astype(np.float32) - past.astype(np.float32)
    difference -= np.median(difference[::4, ::4])
    return np.asarray(np.abs(cv2.GaussianBlur(difference, (0, 0), BLUR)), dtype=np.float32)
