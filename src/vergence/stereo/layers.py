"""A picture in two layers along its depth edges: what is in front with a soft edge, and what is behind without it.

A pixel on the outline of a thing mixes its colour with that of what lies behind it; moved as one, it carries a rim of
the old background along. So every pixel about a tear is split. The two colours are read where each surface is pure,
along the normal of the edge, and the pixel's own colour says how much of it is in front (alpha matting on the line
between two colours, as in Ruzon and Tomasi 2000). What the line does not explain stays with both, so that the layers
laid over each other unmoved give the picture back.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows
from vergence.stereo.scan import HOLE, next_surface
from vergence.stereo.warp import HALF, TEAR, Warped

F = np.float32

BAND = 1  # px on either side of a tear that may be mixed: lens, sampling and codec spread an edge that far
REACH = 3  # px from a mixed pixel within which a pure one is looked for
LEAST_CONTRAST = F(14.0**2)  # squared 8-bit distance of the two colours under which the mix cannot be told
COVERED = F(0.7)  # share of what is in front above which a pixel tells nothing of what is behind
OCCLUDES = F(0.5)  # px of disparity by which a surface must be nearer to hide an edge


@dataclass(frozen=True)
class Layers:
    """A picture split along its depth edges.

    Attributes:
        rgb: (H, W, 3), what is behind; elsewhere the picture itself.
        disparity: (H, W) px of it, `HOLE` where it is not seen.
        fringe: (H, W, 4) like the picture, of what is in front: colour times share, then the share, of white. Means
            something where `front` is not `HOLE`.
        front: (H, W) px of what is in front at a mixed pixel, `HOLE` at all others.
    """

    rgb: NDArray[Any]
    disparity: NDArray[np.float32]
    fringe: NDArray[Any]
    front: NDArray[np.float32]


def split(rgb: NDArray[Any], disparity: NDArray[np.float32]) -> Layers:
    """Split (H, W, 3) uint8 or uint16 along the tears of its (H, W) disparity in px."""
    height, width = disparity.shape
    behind, far = rgb.copy(), disparity.copy()
    fringe, front = np.empty((height, width, 4), rgb.dtype), np.full_like(disparity, HOLE)
    white = F(np.iinfo(rgb.dtype).max)
    by_rows(_split_rows, height, rgb, disparity, _mixed(disparity), white, behind, far, fringe, front)
    return Layers(behind, far, fringe, front)


def lay_over(view: Warped, layers: Layers, rgb: NDArray[Any], disparity: NDArray[np.float32]) -> None:
    """Lay the fringe of `layers`, split from `rgb` and `disparity`, over `view`, whose pixels are written."""
    white = F(np.iinfo(rgb.dtype).max)
    by_rows(
        _over_rows,
        rgb.shape[0],
        rgb,
        disparity,
        layers.fringe,
        layers.front,
        view.disparity,
        F(view.shift),
        white,
        view.rgb,
    )


def _mixed(disparity: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Where (H, W) a tear runs between two pixels of the window of `BAND` pixels about one."""
    beside, below = np.empty(disparity.shape, np.uint8), np.empty(disparity.shape, np.uint8)
    by_rows(_tears_rows, disparity.shape[0], disparity, beside, below)
    whole, cut = 2 * BAND + 1, 2 * BAND
    anchor = (BAND, BAND)
    beside = np.asarray(cv2.dilate(beside, np.ones((whole, cut), np.uint8), anchor=anchor), dtype=np.uint8)
    below = np.asarray(cv2.dilate(below, np.ones((cut, whole), np.uint8), anchor=anchor), dtype=np.uint8)
    return beside | below


@njit(nogil=True, cache=True, fastmath=True)
def _tears_rows(first, last, disparity, beside, below):  # type: ignore[no-untyped-def]
    height, width = disparity.shape
    for y in range(first, last):
        under = min(y + 1, height - 1)
        for x in range(width - 1):
            beside[y, x] = abs(disparity[y, x + 1] - disparity[y, x]) > TEAR
            below[y, x] = abs(disparity[under, x] - disparity[y, x]) > TEAR
        beside[y, width - 1] = 0
        below[y, width - 1] = abs(disparity[under, width - 1] - disparity[y, width - 1]) > TEAR


@njit(nogil=True, cache=True, fastmath=True)
def _split_rows(first, last, rgb, disparity, mixed, white, behind, far, fringe, front):  # type: ignore[no-untyped-def]
    width = disparity.shape[1]
    to_8_bit = F(255) / white
    least = LEAST_CONTRAST / (to_8_bit * to_8_bit)
    for y in range(first, last):
        for x in range(width):
            if not mixed[y, x]:
                continue
            low, high, normal_x, normal_y = _edge(disparity, y, x)
            longer = max(abs(normal_x), abs(normal_y))
            if longer < F(1e-3):
                continue
            middle = (low + high) * HALF
            step_x, step_y = normal_x / longer, normal_y / longer
            near_y, near_x, near_steps = _pure(disparity, mixed, y, x, step_y, step_x, middle, high + TEAR, True)
            far_y, far_x, far_steps = _pure(disparity, mixed, y, x, -step_y, -step_x, middle, high + TEAR, False)
            if near_x < 0 or far_x < 0 or max(near_steps, far_steps) > BAND:
                continue
            contrast = along = F(0)
            for c in range(3):
                axis = F(rgb[near_y, near_x, c]) - F(rgb[far_y, far_x, c])
                contrast += axis * axis
                along += axis * (F(rgb[y, x, c]) - F(rgb[far_y, far_x, c]))
            share = F(1) if disparity[y, x] > middle else F(0)
            if contrast > least:
                share = min(max(along / contrast, F(0)), F(1))
            rest = F(1) - share
            both = share * share + rest * rest
            for c in range(3):
                before, after = F(rgb[near_y, near_x, c]), F(rgb[far_y, far_x, c])
                left_over = (F(rgb[y, x, c]) - share * before - rest * after) / both
                fringe[y, x, c] = min(max(before + share * left_over, F(0)), white) * share + HALF
                behind[y, x, c] = min(max(after + rest * left_over + HALF, F(0)), white)
            fringe[y, x, 3] = white * share + HALF
            front[y, x] = disparity[near_y, near_x]
            far[y, x] = disparity[far_y, far_x] if share <= COVERED else HOLE


@njit(nogil=True, cache=True, fastmath=True)
def _edge(disparity, y, x):  # type: ignore[no-untyped-def]
    """The lowest and highest disparity in the window about a pixel, and the way (x, y) from far to near."""
    height, width = disparity.shape
    top, bottom = max(y - BAND, 0), min(y + BAND, height - 1)
    left, right = max(x - BAND, 0), min(x + BAND, width - 1)
    low = high = disparity[y, x]
    for j in range(top, bottom + 1):
        for i in range(left, right + 1):
            low, high = min(low, disparity[j, i]), max(high, disparity[j, i])
    middle = (low + high) * HALF
    normal_x = normal_y = F(0)
    for j in range(top, bottom + 1):
        for i in range(left, right + 1):
            side = F(1) if disparity[j, i] > middle else F(-1)
            normal_x += side * F(i - x)
            normal_y += side * F(j - y)
    return low, high, normal_x, normal_y


@njit(nogil=True, cache=True, fastmath=True)
def _pure(disparity, mixed, y, x, step_y, step_x, middle, most, is_near):  # type: ignore[no-untyped-def]
    """Walk to the first unmixed pixel of one side, or the last of a thin one: its row, column, and steps to the side.

    The column is -1 where there is none.
    """
    height, width = disparity.shape
    found_y = found_x = -1
    steps = 0
    for n in range(REACH + 1):
        i, j = int(np.floor(x + step_x * n + HALF)), int(np.floor(y + step_y * n + HALF))
        if i < 0 or i >= width or j < 0 or j >= height:
            break
        if (disparity[j, i] > middle) == is_near and disparity[j, i] <= most:
            if found_x < 0:
                steps = n
            found_y, found_x = j, i
            if not mixed[j, i]:
                break
        elif found_x >= 0:
            break
    return found_y, found_x, steps


@njit(nogil=True, cache=True, fastmath=True)
def _over_rows(first, last, rgb, disparity, fringe, front, near, shift, white, out):  # type: ignore[no-untyped-def]
    width = disparity.shape[1]
    for y in range(first, last):
        x = next_surface(front[y], 0)
        while x < width:
            a = x
            while x < width and front[y, x] != HOLE and (x == a or abs(front[y, x] - front[y, x - 1]) <= TEAR):
                x += 1
            _over_run(rgb[y], disparity[y], fringe[y], front[y], near[y], shift, white, a, x, out[y])
            x = next_surface(front[y], x)


@njit(nogil=True, cache=True, fastmath=True)
def _over_run(rgb, disparity, fringe, front, near, shift, white, a, b, out):  # type: ignore[no-untyped-def]
    """Lay the mixed pixels a..b - 1 of a row, one surface, over a view; beyond them it goes on whole, or ends."""
    width = disparity.shape[0]
    for i in range(a - 1, b):
        d, d_next = front[max(i, a)], front[min(i + 1, b - 1)]
        t, t_next = F(i) + shift * d, F(i + 1) + shift * d_next
        for k in range(max(int(np.ceil(t)), 0), min(int(np.ceil(t_next)), width)):
            f = (F(k) - t) / (t_next - t)
            if near[k] > d + f * (d_next - d) + OCCLUDES:
                continue
            share = red = green = blue = F(0)
            for j in range(i, i + 2):
                w = f if j > i else F(1) - f
                if a <= j < b:
                    share += w * fringe[j, 3] / white
                    red += w * fringe[j, 0]
                    green += w * fringe[j, 1]
                    blue += w * fringe[j, 2]
                elif 0 <= j < width and front[j] == HOLE and abs(disparity[j] - d) <= TEAR:
                    share += w
                    red += w * rgb[j, 0]
                    green += w * rgb[j, 1]
                    blue += w * rgb[j, 2]
            rest = F(1) - share
            out[k, 0] = min(max(rest * out[k, 0] + red + HALF, F(0)), white)
            out[k, 1] = min(max(rest * out[k, 1] + green + HALF, F(0)), white)
            out[k, 2] = min(max(rest * out[k, 2] + blue + HALF, F(0)), white)
