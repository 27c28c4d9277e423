"""Holes of one eye's view, looked up in other frames of the shot where the same background is seen for sure.

Rows are taken in blocks, and the holes of a block that open beside one surface make a group. The visible strip of that
surface beside them is followed into each key frame, the nearest in time first: by the camera's motion, then corrected
by aligning the strip itself, coarse and fine (inverse compositional Lucas-Kanade; Baker and Matthews 2004). Only where
the strip then looks the same, and what stands in the hole's place is the same surface going on, is the colour taken,
with the strip's difference of brightness put right,
and not where it is plainly that of what stands in front.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows
from vergence.stereo.scan import HOLE
from vergence.stereo.strip import (
    FEWEST,
    MOST_POINTS,
    PRESENT,
    align,
    cubic,
    depth_there,
    gather,
    is_alike,
    is_surface,
    placed,
    plane_of,
    step,
)
from vergence.stereo.warp import Warped

F = np.float32

MOST_KEYS = 16  # of frames to look in; a fixed number, since each would be a type of its own to the compiler
BLOCKS = 72  # of rows to a picture
TRIES = 5  # key frames a group of holes is aligned with
LIKE_FRONT = F(8)  # times nearer, squared, than what is behind, a colour is to what stands in front: it is of that
CONTRAST = F(3 * 60.0**2)  # squared 8-bit distance of the two from which on that is sure
BESIDE = 6  # px beside a hole that say what these two look like
COARSE, FINE = (8, 4), (8, 4)  # samples of a strip to either side, along and across


@dataclass(frozen=True)
class Surface:
    """The range of disparity about each cell of a picture; narrow within a surface.

    Attributes:
        range: (h, w, 2) float32 px, least and largest.
        cell: px of the picture along a cell.
    """

    range: NDArray[np.float32]
    cell: int


@dataclass(frozen=True)
class Sight:
    """What is kept of a frame: its picture (H, W, 3), the same small (see `register.Look`), and its surfaces."""

    rgb: NDArray[Any]
    grey: NDArray[np.uint8]
    surface: Surface


@dataclass(frozen=True)
class Key:
    """A frame that holes are looked up in, so many steps after the one that is filled; before it where negative."""

    sight: Sight
    steps: int


def recall(
    view: Warped,
    sight: Sight,
    keys: Sequence[Key],
    *,
    back: NDArray[np.float64],
    ahead: NDArray[np.float64],
    tolerance: float,
    grain: float,
) -> None:
    """Write colours and disparities into `view`, which is taken over, where a hole is seen in one of `keys`.

    Args:
        view: one eye's, of the frame.
        sight: the frame itself.
        keys: in the order they are asked, `MOST_KEYS` at most, of the frame's size and type.
        back, ahead: (n, TERMS) motions of the background, frame by frame, into the past and the future.
        tolerance: px of disparity within which it is one surface.
        grain: standard deviation of the picture's noise, 8-bit levels.
    """
    if not keys:
        return
    height = sight.rgb.shape[0]
    padded = [key.sight for key in (list(keys) * MOST_KEYS)[:MOST_KEYS]]
    block = -(-height // BLOCKS)
    by_rows(
        _recall_blocks,
        -(-height // block),
        block,
        view.disparity,
        view.behind,
        view.rgb,
        F(view.shift),
        sight.rgb,
        sight.grey,
        sight.surface.range,
        F(sight.surface.cell),
        tuple(key.rgb for key in padded),
        tuple(key.grey for key in padded),
        tuple(key.surface.range for key in padded),
        np.array([key.steps for key in keys], np.int64),
        back,
        ahead,
        F(tolerance),
        F(grain),
        F(255 / np.iinfo(sight.rgb.dtype).max),
    )


@njit(nogil=True, cache=True)
def _recall_blocks(  # type: ignore[no-untyped-def]
    first, last, block, near, behind, view, shift, rgb, grey, surface, cell, pictures, greys, surfaces, steps_to,
    back, ahead, tolerance, grain, to_8_bit,
):  # fmt: skip
    height, width = near.shape
    most = block * (width // 2 + 1)
    runs = np.empty((most, 5), np.int64)  # row, first hole, one past the last, the background's edge, group
    depths = np.empty(most, np.float32)  # disparity of the background beside the run
    starts = np.empty(most + 1, np.int64)
    for b in range(first, last):
        top, bottom = b * block, min((b + 1) * block, height)
        count, groups = _find_runs(near, behind, top, bottom, tolerance, runs, depths)
        order = _by_group(runs[:count], groups, starts)
        for group in range(groups):
            mine = order[starts[group] : starts[group + 1]]
            _recall_group(
                runs[mine], depths[mine], near, view, shift, rgb, grey, surface, cell, pictures, greys,
                surfaces, steps_to, back, ahead, tolerance, grain, to_8_bit,
            )  # fmt: skip


@njit(nogil=True, cache=True)
def _find_runs(near, behind, top, bottom, tolerance, runs, depths):  # type: ignore[no-untyped-def]
    """List the holes of some rows; those under each other beside one surface get the same group."""
    width = near.shape[1]
    count = groups = 0
    above_from = above_to = 0
    for y in range(top, bottom):
        row_from = count
        x = 0
        while x < width:
            if near[y, x] != HOLE:
                x += 1
                continue
            a = x
            while x < width and near[y, x] == HOLE:
                x += 1
            if a == 0 and x == width:
                continue
            d = behind[y, a]
            edge = a - 1 if a > 0 and abs(near[y, a - 1] - d) <= tolerance else x
            if edge == x and (x == width or abs(near[y, x] - d) > tolerance):
                edge = (a + x) // 2  # a thin thing in front of the hole
            group = -1
            for r in range(above_from, above_to):
                if abs(runs[r, 3] - edge) <= 8 and abs(depths[r] - d) <= tolerance:
                    group = runs[r, 4]
                    break
            if group < 0:
                group = groups
                groups += 1
            runs[count, 0], runs[count, 1], runs[count, 2], runs[count, 3], runs[count, 4] = y, a, x, edge, group
            depths[count] = d
            count += 1
        above_from, above_to = row_from, count
    return count, groups


@njit(nogil=True, cache=True)
def _by_group(runs, groups, starts):  # type: ignore[no-untyped-def]
    """The order that puts runs of one group together (a counting sort), and where each group `starts` in it."""
    starts[: groups + 1] = 0
    for r in range(runs.shape[0]):
        starts[runs[r, 4] + 1] += 1
    for group in range(groups):
        starts[group + 1] += starts[group]
    order = np.empty(runs.shape[0], np.int64)
    filled = np.zeros(groups, np.int64)
    for r in range(runs.shape[0]):
        group = runs[r, 4]
        order[starts[group] + filled[group]] = r
        filled[group] += 1
    return order


@njit(nogil=True, cache=True)
def _recall_group(  # type: ignore[no-untyped-def]
    runs, depths, near, view, shift, rgb, grey, surface, cell, pictures, greys, surfaces, steps_to,
    back, ahead, tolerance, grain, to_8_bit,
):  # fmt: skip
    height, width = near.shape
    scale = F(width) / F(grey.shape[1])
    stride = max(1, int(F(0.75) * scale + F(0.5)))

    holes = 0
    x_edge = y_edge = F(0)
    depth = F(0)
    rows = runs.shape[0]
    for r in range(runs.shape[0]):
        holes += runs[r, 2] - runs[r, 1]
        x_edge += F(runs[r, 3]) - shift * depths[r]
        y_edge += F(runs[r, 0])
        depth += depths[r]
    x_edge, y_edge, depth = x_edge / F(rows), y_edge / F(rows), depth / F(rows)

    fine = np.empty((MOST_POINTS, 6), np.float32)
    coarse = np.empty((MOST_POINTS, 6), np.float32)
    points = gather(rgb[:, :, 1], F(1), to_8_bit, surface, cell, x_edge, y_edge, depth, tolerance, stride, FINE, fine)
    if points < FEWEST:
        return
    samples = gather(grey, scale, F(1), surface, cell, x_edge, y_edge, depth, tolerance, 1, COARSE, coarse)
    slope_x, slope_y, cx, cy, mean = plane_of(fine[:points])

    # Three points of the strip's plane show where and how it goes: turned, grown, and by its own parallax.
    reach = F(4) * scale
    ways = np.empty((2, 3, 3), np.float64)  # back or ahead; point; x, y, disparity
    for way in range(2):
        ways[way, 0] = cx, cy, mean
        ways[way, 1] = cx + reach, cy, mean + slope_x * reach
        ways[way, 2] = cx, cy + reach, mean + slope_y * reach
    done = np.zeros(2, np.int64)
    stray = np.zeros((2, 2), np.float64)  # by how much the strip itself moves besides, px a frame
    offset = np.zeros(3, np.float32)
    pose = np.empty(8, np.float32)

    tried = 0
    for k in range(steps_to.shape[0]):
        steps, way = abs(steps_to[k]), 1 if steps_to[k] > 0 else 0
        while done[way] < steps:
            motion = ahead[done[way]] if way == 1 else back[done[way]]
            for p in range(3):
                step(motion, width, height, ways[way, p])
            done[way] += 1
        origin, right, below = ways[way, 0], ways[way, 1], ways[way, 2]
        pose[0], pose[1] = cx, cy
        pose[2], pose[3] = (right[0] - origin[0]) / reach, (below[0] - origin[0]) / reach
        pose[4], pose[5] = (right[1] - origin[1]) / reach, (below[1] - origin[1]) / reach
        pose[6], pose[7] = origin[0] + stray[way, 0] * steps, origin[1] + stray[way, 1] * steps

        there, seen = depth_there(fine, points, surfaces[k], cell, pose, depth, tolerance)
        if seen < PRESENT * F(points):
            continue
        rise = there - mean  # of disparity, from the frame to the key frame
        if not _is_uncovered(runs, depths, shift, slope_x, pose, rise, tolerance, surfaces[k], cell, near):
            continue
        is_lost = stray[way, 0] == F(0) and stray[way, 1] == F(0)
        if is_lost and samples >= FEWEST:
            align(coarse, samples, greys[k], scale, F(1), surfaces[k], cell, pose, there, tolerance)
        tried += 1
        if align(
            fine, points, pictures[k][:, :, 1], F(1), to_8_bit, surfaces[k], cell, pose, there, tolerance
        ) and is_alike(
            fine, points, rgb, pictures[k], to_8_bit, surfaces[k], cell, x_edge, y_edge, pose, there, tolerance, grain,
            offset,
        ):  # fmt: skip
            stray[way, 0], stray[way, 1] = (pose[6] - origin[0]) / steps, (pose[7] - origin[1]) / steps
            holes -= _take(
                runs, depths, shift, slope_x, pose, rise, tolerance, surfaces[k], cell, pictures[k], to_8_bit, offset,
                view, near,
            )  # fmt: skip
        if holes <= 0 or tried == TRIES:
            return


@njit(nogil=True, cache=True, fastmath=True)
def _is_uncovered(  # type: ignore[no-untyped-def]
    runs, depths, shift, slope, pose, rise, tolerance, surface, cell, near
):
    """Whether the key frame may show any of the group's holes, before it is aligned."""
    height, width = near.shape
    for r in range(runs.shape[0]):
        row = runs[r, 0]
        for column in range(runs[r, 1] + r % 2, runs[r, 2], 4):
            if near[row, column] != HOLE:
                continue
            d = depths[r] + slope * F(column - runs[r, 3])
            u, v = placed(pose, F(column) - shift * d, F(row))
            if not (F(1) <= u < F(width - 2) and F(1) <= v < F(height - 2)):
                continue
            if is_surface(surface, cell, u, v, d + rise, tolerance + tolerance):
                return True
    return False


@njit(nogil=True, cache=True, fastmath=True)
def _take(  # type: ignore[no-untyped-def]
    runs, depths, shift, slope, pose, rise, tolerance, surface, cell, picture,
    to_8_bit, offset, view, near,
):  # fmt: skip
    """Write what the key frame shows of the group's holes; returns how many pixels that are."""
    height, width = picture.shape[:2]
    white = F(255) / to_8_bit
    count = 0
    colour, front, back = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    for r in range(runs.shape[0]):
        row = runs[r, 0]
        is_left = runs[r, 3] < runs[r, 1]  # where the background is
        has_front = _mean_of(
            view[row], near[row], runs[r, 2] if is_left else runs[r, 1] - 1, 1 if is_left else -1, front
        )
        has_back = _mean_of(view[row], near[row], runs[r, 1] - 1 if is_left else runs[r, 2], -1 if is_left else 1, back)
        contrast = F(0)
        if has_front and has_back:
            for c in range(3):
                contrast += (front[c] - back[c]) * (front[c] - back[c])
        if contrast * to_8_bit * to_8_bit < CONTRAST:
            contrast = F(0)
        for column in range(runs[r, 1], runs[r, 2]):
            if near[row, column] != HOLE:
                continue
            d = depths[r] + slope * F(column - runs[r, 3])
            u, v = placed(pose, F(column) - shift * d, F(row))
            if not (F(1) <= u < F(width - 2) and F(1) <= v < F(height - 2)):
                continue
            if not is_surface(surface, cell, u, v, d + rise, tolerance):
                continue
            to_front = F(0)
            for c in range(3):
                value = min(max(cubic(picture, u, v, c) + offset[c] / to_8_bit, F(0)), white)
                colour[c] = value
                to_front += (value - front[c]) * (value - front[c])
            if LIKE_FRONT * to_front < contrast:
                continue  # depth and picture disagree about where the near thing ends, in the key frame
            for c in range(3):
                view[row, column, c] = colour[c] + F(0.5)
            near[row, column] = d
            count += 1
    return count


@njit(nogil=True, cache=True, fastmath=True)
def _mean_of(view, near, first, step, mean):  # type: ignore[no-untyped-def]
    """Write the mean colour of up to `BESIDE` pixels of one surface from `first` on; returns whether there are any."""
    mean[:] = F(0)
    n = 0
    while n < BESIDE:
        x = first + n * step
        if x < 0 or x >= near.shape[0] or near[x] == HOLE or abs(near[x] - near[first]) > F(2):
            break
        for c in range(3):
            mean[c] += view[x, c]
        n += 1
    if n:
        for c in range(3):
            mean[c] /= F(n)
    return n > 0
