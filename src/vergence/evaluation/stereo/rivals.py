"""What others do without learned weights, written from public descriptions, and two floors that do nothing clever.

All make the right eye from the left one and its disparity, x_left - x_right px at the picture's own size or smaller.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.evaluation.stereo.truth import Disparity, Rgb
from vergence.geometry.resample import resize_depth
from vergence.types import DepthFrame

DILATION = (2, 1)  # px of the depth map that near things are widened by, across and down: iw3's default
MOST_PASSES = 100  # of the fill, each a pixel
BEHIND = np.float32(-1e9)  # px of disparity where nothing landed
CRACK = 1.0  # px of disparity by which both neighbours are nearer than what shows through between them


def identity(item: DepthFrame) -> Rgb:
    """The left eye again: no 3-D at all."""
    return _rgb(item)


def whole_shift(item: DepthFrame) -> Rgb:
    """The left eye moved by the median disparity, its last column repeated: a flat card at one depth."""
    rgb, disparity = _rgb(item), item.depth.values
    shift = round(float(np.median(disparity)))
    columns = np.clip(np.arange(rgb.shape[1]) + shift, 0, rgb.shape[1] - 1)
    return np.ascontiguousarray(rgb[:, columns])


def plain_backward(item: DepthFrame) -> Rgb:
    """`backward` with the depth map as it is, as spatial-maker does it (its eyes put right)."""
    rgb = _rgb(item)
    return _read_back(rgb, _full(item.depth.values, item, rgb))


def backward(item: DepthFrame) -> Rgb:
    """Every target pixel reads the source at its own column plus the source's disparity there (iw3 `backward`).

    Bilinear, the border repeated; near things are first widened by `DILATION`, iw3's default. It is wrong at edges
    by design, because it asks the source's depth at the target's place.
    """
    rgb = _rgb(item)
    return _read_back(rgb, _full(_widened(item.depth.values), item, rgb))


def forward_fill(item: DepthFrame) -> Rgb:
    """Every pixel moves, far ones first, and holes are filled a pixel at a time (iw3 `forward_fill`).

    Pixels are sorted by disparity and written twice, to the columns left and right of where they land, so that nearer
    ones overwrite; the two pictures are blended by the fraction. Pixels of something farther that shows through a
    crack between two nearer neighbours are holes too. A hole then takes its right neighbour, pass by pass, up to
    `MOST_PASSES`: behind a near thing that moved to the left lies the background. Near things are first widened by
    `DILATION`.
    """
    rgb = _rgb(item)
    height, width = rgb.shape[:2]
    disparity = _full(_widened(item.depth.values), item, rgb)
    order = np.argsort(disparity, axis=None, kind="stable")
    rows, columns = np.divmod(order, width)
    place = columns - disparity.ravel()[order]
    floor = np.floor(place)
    share = (place - floor).astype(np.float32)
    colours = rgb.reshape(-1, 3)[order]
    near = disparity.ravel()[order]
    total = np.zeros((height, width, 3), np.float32)
    weight = np.zeros((height, width), np.float32)
    front = np.full((height, width), BEHIND, np.float32)
    for step, part in ((0, 1 - share), (1, share)):
        column = floor.astype(np.intp) + step
        is_inside = (column >= 0) & (column < width)
        target = rows[is_inside] * width + column[is_inside]
        # Of several written to one place the last stays, which is the nearest.
        colour, portion = np.zeros((height * width, 3), np.float32), np.zeros(height * width, np.float32)
        depth = np.full(height * width, BEHIND, np.float32)
        colour[target], portion[target], depth[target] = colours[is_inside], part[is_inside], near[is_inside]
        total += (colour * portion[:, None]).reshape(total.shape)
        weight += portion.reshape(weight.shape)
        front = np.maximum(front, depth.reshape(front.shape))
    is_hole = (weight <= 0) | _cracks(front)
    out = np.where(is_hole[..., None], 0, total / np.maximum(weight, np.float32(1e-6))[..., None])
    return _shifted_in(np.asarray(np.clip(out + 0.5, 0, 255), dtype=np.uint8), is_hole)


def _shifted_in(picture: Rgb, is_hole: NDArray[np.bool_]) -> Rgb:
    """Fill holes from the right, one pixel a pass; what is left at the border comes from the left."""
    picture, is_hole = picture.copy(), is_hole.copy()
    for step in (1, -1):
        for _ in range(MOST_PASSES):
            if not is_hole.any():
                return picture
            inner = slice(None, -1) if step == 1 else slice(1, None)
            source = slice(1, None) if step == 1 else slice(None, -1)
            taken = is_hole[:, inner] & ~is_hole[:, source]
            if not taken.any():
                break
            picture[:, inner][taken] = picture[:, source][taken]
            is_hole[:, inner] &= ~taken
    return picture


def _cracks(front: Disparity) -> NDArray[np.bool_]:
    """Single pixels that are farther than both neighbours in their row by `CRACK`."""
    found = np.zeros(front.shape, dtype=np.bool_)
    nearer = np.minimum(front[:, :-2], front[:, 2:])
    found[:, 1:-1] = nearer - front[:, 1:-1] > CRACK
    return found


def _widened(disparity: Disparity) -> Disparity:
    across, down = DILATION
    kernel = np.ones((2 * down + 1, 2 * across + 1), np.uint8)
    return np.asarray(cv2.dilate(disparity, kernel), dtype=np.float32)


def _read_back(rgb: Rgb, disparity: Disparity) -> Rgb:
    height, width = disparity.shape
    column = np.arange(width, dtype=np.float32) + disparity
    row = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
    return np.asarray(cv2.remap(rgb, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)


def _full(values: Disparity, item: DepthFrame, rgb: Rgb) -> Disparity:
    return resize_depth(values, rgb.shape[1], rgb.shape[0], sampling=item.depth.sampling)


def _rgb(item: DepthFrame) -> Rgb:
    return np.asarray(item.frame.rgb, dtype=np.uint8)
