"""Holes of one eye's view, looked up in other frames of the shot where the same background is seen for sure.

Rows are taken in blocks, and the holes of a block that open beside one surface make a group. The visible strip of that
surface beside them is followed into each key frame, the nearest in time first: by the camera's motion, then corrected
by aligning the strip itself, coarse and fine (inverse compositional Lucas-Kanade; Baker and Matthews 2004). Only where
the strip then looks the same, and what stands in the hole's place is the same surface going on, is the colour taken,
with the strip's difference of brightness put right.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows
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
from vergence.stereo.warp import HOLE, Warped

F = np.float32

MOST_KEYS = 16  # of frames to look in; a fixed number, since each would be a type of its own to the compiler
BLOCKS = 108  # of rows to a picture
TRIES = 5  # key frames a group of holes is aligned with
COARSE, FINE = (10, 5), (11, 4)  # samples of a strip to either side, along and across


@dataclass(frozen=True)
class Surface:
    """The range of disparity about each sample of a frame; narrow within a surface.

    Attributes:
        range: (h, w, 2) float32 px, least and largest.
        place: where the sample of column x and row y of the full picture lies: (ax, bx, ay, by), ax * x + bx.
    """

    range: NDArray[np.float32]
    place: NDArray[np.float32]


@dataclass(frozen=True)
class Key:
    """A frame that holes are looked up in.

    Attributes:
        rgb: its picture, (H, W, 3) like the frame's that is filled.
        grey: the same small, see `register.Look`.
        surface: its ranges of disparity.
        steps: how many frames it is away.
        is_ahead: whether it comes later.
    """

    rgb: NDArray[Any]
    grey: NDArray[np.uint8]
    surface: Surface
    steps: int
    is_ahead: bool


def recall(
    view: Warped,
    *,
    rgb: NDArray[Any],
    grey: NDArray[np.uint8],
    surface: Surface,
    keys: list[Key],
    back: NDArray[np.float64],
    ahead: NDArray[np.float64],
    tolerance: float,
    grain: float,
) -> NDArray[np.bool_]:
    """Write colours and disparities into `view` (taken over) where a hole is seen in one of `keys`.

    Args:
        view: one eye's, of the frame.
        rgb, grey, surface: of the frame itself.
        keys: in the order they are asked, `MOST_KEYS` at most.
        back, ahead: (n, TERMS) motions of the background, frame by frame, into the past and the future.
        tolerance: px of disparity within which it is one surface.
        grain: standard deviation of the picture's noise, 8-bit levels.

    Returns:
        (H, W) bool: which pixels are known now.
    """
    height = rgb.shape[0]
    known = view.disparity.copy()
    if keys:
        padded = (keys * MOST_KEYS)[:MOST_KEYS]
        block = -(-height // BLOCKS)
        by_rows(
            _recall_blocks,
            -(-height // block),
            block,
            view.disparity,
            view.behind,
            view.rgb,
            F(view.shift),
            rgb,
            grey,
            surface.range,
            surface.place,
            tuple(key.rgb for key in padded),
            tuple(key.grey for key in padded),
            tuple(key.surface.range for key in padded),
            np.array([[key.steps, key.is_ahead] for key in keys[:MOST_KEYS]], np.int64),
            back,
            ahead,
            F(tolerance),
            F(grain),
            F(255 / np.iinfo(rgb.dtype).max),
            known,
        )
    found = np.asarray((known != HOLE) & (view.disparity == HOLE))
    view.disparity[found] = known[found]
    return found


@njit(nogil=True, cache=True)
def _recall_blocks(  # type: ignore[no-untyped-def]
    first, last, block, near, behind, view, shift, rgb, grey, surface, place, pictures, greys, surfaces, key_of,
    back, ahead, tolerance, grain, to_8_bit, known,
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
                runs[mine], depths[mine], near, view, shift, rgb, grey, surface, place, pictures, greys,
                surfaces, key_of, back, ahead, tolerance, grain, to_8_bit, known,
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
    runs, depths, near, view, shift, rgb, grey, surface, place, pictures, greys, surfaces, key_of,
    back, ahead, tolerance, grain, to_8_bit, known,
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
    points = gather(rgb[:, :, 1], F(1), to_8_bit, surface, place, x_edge, y_edge, depth, tolerance, stride, FINE, fine)
    if points < FEWEST:
        return
    samples = gather(grey, scale, F(1), surface, place, x_edge, y_edge, depth, tolerance, 1, COARSE, coarse)
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
    for k in range(key_of.shape[0]):
        steps, way = key_of[k, 0], key_of[k, 1]
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

        there, seen = depth_there(fine, points, surfaces[k], place, pose, depth, tolerance)
        if seen < PRESENT * F(points):
            continue
        rise = there - mean  # of disparity, from the frame to the key frame
        if not _is_uncovered(runs, depths, shift, slope_x, pose, rise, tolerance, surfaces[k], place, known):
            continue
        if samples >= FEWEST:
            align(coarse, samples, greys[k], scale, F(1), surfaces[k], place, pose, there, tolerance)
        tried += 1
        if align(
            fine, points, pictures[k][:, :, 1], F(1), to_8_bit, surfaces[k], place, pose, there, tolerance
        ) and is_alike(
            fine, points, rgb, pictures[k], to_8_bit, surfaces[k], place, x_edge, y_edge, pose, there, tolerance, grain,
            offset,
        ):  # fmt: skip
            stray[way, 0], stray[way, 1] = (pose[6] - origin[0]) / steps, (pose[7] - origin[1]) / steps
            holes -= _take(
                runs, depths, shift, slope_x, pose, rise, tolerance, surfaces[k], place, pictures[k], to_8_bit, offset,
                view, known,
            )  # fmt: skip
        if holes <= 0 or tried == TRIES:
            return


@njit(nogil=True, cache=True, fastmath=True)
def _is_uncovered(  # type: ignore[no-untyped-def]
    runs, depths, shift, slope, pose, rise, tolerance, surface, place, known
):
    """Whether the key frame may show any of the group's holes, before it is aligned."""
    height, width = known.shape
    for r in range(runs.shape[0]):
        row = runs[r, 0]
        for column in range(runs[r, 1], runs[r, 2], 2):
            if known[row, column] != HOLE:
                continue
            d = depths[r] + slope * F(column - runs[r, 3])
            u, v = placed(pose, F(column) - shift * d, F(row))
            if not (F(1) <= u < F(width - 2) and F(1) <= v < F(height - 2)):
                continue
            if is_surface(surface, place, u, v, d + rise, tolerance + tolerance):
                return True
    return False


@njit(nogil=True, cache=True, fastmath=True)
def _take(  # type: ignore[no-untyped-def]
    runs, depths, shift, slope, pose, rise, tolerance, surface, place, picture,
    to_8_bit, offset, view, known,
):  # fmt: skip
    """Write what the key frame shows of the group's holes; returns how many pixels that are."""
    height, width = picture.shape[:2]
    white = F(255) / to_8_bit
    count = 0
    for r in range(runs.shape[0]):
        row = runs[r, 0]
        for column in range(runs[r, 1], runs[r, 2]):
            if known[row, column] != HOLE:
                continue
            d = depths[r] + slope * F(column - runs[r, 3])
            u, v = placed(pose, F(column) - shift * d, F(row))
            if not (F(1) <= u < F(width - 2) and F(1) <= v < F(height - 2)):
                continue
            if not is_surface(surface, place, u, v, d + rise, tolerance):
                continue
            for c in range(3):
                value = cubic(picture, u, v, c) + offset[c] / to_8_bit
                view[row, column, c] = min(max(value + F(0.5), F(0)), white)
            known[row, column] = d
            count += 1
    return count
