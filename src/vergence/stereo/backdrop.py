"""What lies behind, at several scales: the mean colour of the farthest surface in cells of 2, 4, 8 and 16 pixels.

A hole is filled from what is behind the thing that uncovered it. Means of cells that near things have no part in give
it at any distance, from every side at once, for the cost of a few cells per pixel (a masked Gaussian pyramid; Burt and
Adelson 1983).
"""

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows
from vergence.stereo.scan import HOLE, next_hole
from vergence.stereo.warp import HALF, Warped

F = np.float32

LEVELS = 4  # cells of 2, 4, 8 and 16 pixels
COARSEST = 1 << LEVELS  # px
NEARBY = 2  # coarsest cells about a hole that its filling may ask for
SAME_SURFACE = F(2)  # px of disparity within which two pixels count as one surface
NOTHING = F(1e-4)  # weight under which no cell was found
SPREAD = F(1.2)  # of a level's weights, in its own cells
SHAPE = F(0.25)  # of the weight 1 / (1 + SHAPE r^2 / sigma^2)^2, which has a Gaussian's middle without its cost

Levels = tuple[NDArray[np.float32], ...]  # each (h, w, 5): mean colour, share of the cell it covers, disparity in px


def backdrop(view: Warped) -> Levels:
    """Return the levels of `view` about its holes, finest first; everywhere else cells are empty."""
    height, width = view.disparity.shape
    blocks = -(-height // COARSEST), -(-width // COARSEST)
    has_hole = np.zeros(blocks, np.uint8)
    by_rows(_holes_rows, blocks[0], view.disparity, has_hole)
    wanted = cv2.dilate(has_hole, np.ones((2 * NEARBY + 1, 2 * NEARBY + 1), np.uint8))
    levels: list[NDArray[np.float32]] = []
    for level in range(LEVELS):
        cells = COARSEST >> (level + 1)  # of this level along a block
        out = np.zeros((blocks[0] * cells, blocks[1] * cells, 5), np.float32)
        if level == 0:
            by_rows(_first_rows, blocks[0], wanted, view.rgb, view.disparity, out)
        else:
            by_rows(_next_rows, blocks[0], wanted, levels[-1], out)
        levels.append(out)
    return tuple(levels)


@njit(nogil=True, cache=True)
def _holes_rows(first, last, near, has_hole):  # type: ignore[no-untyped-def]
    height, width = near.shape
    for y in range(first * COARSEST, min(last * COARSEST, height)):
        x = next_hole(near[y], 0)
        while x < width:
            has_hole[y // COARSEST, x // COARSEST] = 1
            x = next_hole(near[y], (x // COARSEST + 1) * COARSEST)


@njit(nogil=True, cache=True, fastmath=True)
def _first_rows(first, last, wanted, rgb, near, out):  # type: ignore[no-untyped-def]
    height, width = near.shape
    cells = COARSEST // 2
    for y in range(first * cells, last * cells):
        for x in range(out.shape[1]):
            if not wanted[y // cells, x // cells]:
                continue
            below, right = min(2 * y + 2, height), min(2 * x + 2, width)
            farthest = -HOLE
            for j in range(2 * y, below):
                for i in range(2 * x, right):
                    if HOLE < near[j, i] < farthest:
                        farthest = near[j, i]
            count = disparity = red = green = blue = F(0)
            for j in range(2 * y, below):
                for i in range(2 * x, right):
                    if HOLE < near[j, i] <= farthest + SAME_SURFACE:
                        count += F(1)
                        red += rgb[j, i, 0]
                        green += rgb[j, i, 1]
                        blue += rgb[j, i, 2]
                        disparity += near[j, i]
            _put(out[y, x], count, red, green, blue, disparity)


@njit(nogil=True, cache=True, fastmath=True)
def _next_rows(first, last, wanted, finer, out):  # type: ignore[no-untyped-def]
    cells = out.shape[0] // wanted.shape[0]
    for y in range(first * cells, last * cells):
        for x in range(out.shape[1]):
            if not wanted[y // cells, x // cells]:
                continue
            farthest = -HOLE
            for j in range(2 * y, 2 * y + 2):
                for i in range(2 * x, 2 * x + 2):
                    if finer[j, i, 3] > F(0) and finer[j, i, 4] < farthest:
                        farthest = finer[j, i, 4]
            count = disparity = red = green = blue = F(0)
            for j in range(2 * y, 2 * y + 2):
                for i in range(2 * x, 2 * x + 2):
                    share = finer[j, i, 3]
                    if share > F(0) and finer[j, i, 4] <= farthest + SAME_SURFACE:
                        count += share
                        red += share * finer[j, i, 0]
                        green += share * finer[j, i, 1]
                        blue += share * finer[j, i, 2]
                        disparity += share * finer[j, i, 4]
            _put(out[y, x], count, red, green, blue, disparity)


@njit(nogil=True, cache=True, fastmath=True)
def _put(cell, count, red, green, blue, disparity):  # type: ignore[no-untyped-def]
    if count > F(0):
        cell[0], cell[1], cell[2], cell[4] = red / count, green / count, blue / count, disparity / count
        cell[3] = count * F(0.25)


@njit(nogil=True, cache=True, fastmath=True)
def mean_about(y, x, sigma, window, surface, rgb, near, levels, out):  # type: ignore[no-untyped-def]
    """Write to `out` the mean colour of `surface` about a pixel, weighted over some `sigma` px, and how much was found.

    `out` is 4 float32. `window` cells to either side are asked. A level that has nothing of the surface gives way to
    the next coarser one.
    """
    level = min(max(int(np.floor(np.log2(sigma / SPREAD) + HALF)), 0), LEVELS)
    while True:
        out[:] = F(0)
        tolerance = SAME_SURFACE * (F(1) + HALF * F(level))
        if level == 0:
            _add_pixels(y, x, sigma, window, surface, tolerance, rgb, near, out)
        else:
            _add_cells(y, x, sigma, window, surface, tolerance, F(1 << level), levels[level - 1], out)
        if out[3] > NOTHING or level == LEVELS:
            break
        level += 1
    if out[3] > NOTHING:
        inverse = F(1) / out[3]
        for c in range(3):
            out[c] *= inverse
    else:
        out[3] = F(0)


@njit(nogil=True, cache=True, fastmath=True)
def _add_pixels(y, x, sigma, window, surface, tolerance, rgb, near, total):  # type: ignore[no-untyped-def]
    height, width = near.shape
    fall = SHAPE / (sigma * sigma)
    for j in range(max(y - window, 0), min(y + window + 1, height)):
        for i in range(max(x - window, 0), min(x + window + 1, width)):
            if abs(near[j, i] - surface) <= tolerance:
                w = F(1) / (F(1) + fall * F((i - x) * (i - x) + (j - y) * (j - y)))
                w *= w
                total[0] += w * rgb[j, i, 0]
                total[1] += w * rgb[j, i, 1]
                total[2] += w * rgb[j, i, 2]
                total[3] += w


@njit(nogil=True, cache=True, fastmath=True)
def _add_cells(y, x, sigma, window, surface, tolerance, cell, level, total):  # type: ignore[no-untyped-def]
    height, width = level.shape[0], level.shape[1]
    centre_x, centre_y = (F(x) + HALF) / cell - HALF, (F(y) + HALF) / cell - HALF
    middle_x, middle_y = int(np.floor(centre_x + HALF)), int(np.floor(centre_y + HALF))
    fall = SHAPE * cell * cell / (sigma * sigma)
    for j in range(max(middle_y - window, 0), min(middle_y + window + 1, height)):
        dy = (F(j) - centre_y) * (F(j) - centre_y)
        for i in range(max(middle_x - window, 0), min(middle_x + window + 1, width)):
            if level[j, i, 3] > F(0) and abs(level[j, i, 4] - surface) <= tolerance:
                dx = F(i) - centre_x
                w = F(1) / (F(1) + fall * (dx * dx + dy))
                w *= w * level[j, i, 3]
                total[0] += w * level[j, i, 0]
                total[1] += w * level[j, i, 1]
                total[2] += w * level[j, i, 2]
                total[3] += w
