"""Holes of a warped view, filled from the background side only: what a near thing uncovers belongs to what is behind.

Along the row the background's texture is mirrored into the hole, as far as its surface reaches and then back and
forth within it; a hole that lies within one surface is cross-faded from both sides. Filled pixels are then averaged
with filled ones above and below, which takes away the streaks that rows filled apart from each other show.
"""

import numpy as np
from numba import njit

from vergence.geometry.rows import by_rows
from vergence.stereo.warp import HOLE, Warped

F = np.float32

SAME_SURFACE = F(2)  # px of disparity within which two pixels count as one background
RADIUS = 2  # rows above and below that smooth a filled pixel


def fill(view: Warped) -> Warped:
    """Fill the holes of `view`, which is taken over: the pixels of its `rgb` that were holes are written.

    Its disparity keeps `HOLE` there, so that later stages know what was made up.
    """
    rows = view.rgb.shape[0]
    by_rows(_fill_rows, rows, view.disparity, view.rgb)
    smooth = np.empty_like(view.rgb)  # memory that only holes touch
    by_rows(_smooth_rows, rows, view.disparity, view.rgb, smooth)
    by_rows(_copy_holes, rows, view.disparity, smooth, view.rgb)
    return view


@njit(nogil=True, cache=True)
def _fill_rows(first, last, near, rgb):  # type: ignore[no-untyped-def]
    width = near.shape[1]
    for y in range(first, last):
        row = near[y]
        x = 0
        while x < width:
            if row[x] != HOLE:
                x += 1
                continue
            a = x
            while x < width and row[x] == HOLE:
                x += 1
            has_left, has_right = a > 0, x < width
            left = row[a - 1] if has_left else HOLE
            right = row[x] if has_right else HOLE
            reach_left = _reach(row, a - 1, -1, x - a) if has_left else 0
            reach_right = _reach(row, x, 1, x - a) if has_right else 0
            for k in range(a, x):
                from_left = a - 1 - _mirrored(k - a, reach_left)
                from_right = x + _mirrored(x - 1 - k, reach_right)
                if has_left and has_right and abs(left - right) <= SAME_SURFACE:
                    w = F(k - a + 1) / F(x - a + 1)
                    for c in range(3):
                        rgb[y, k, c] = (F(1) - w) * rgb[y, from_left, c] + w * rgb[y, from_right, c] + F(0.5)
                elif has_left and (left < right or not has_right):
                    for c in range(3):
                        rgb[y, k, c] = rgb[y, from_left, c]
                elif has_right:
                    for c in range(3):
                        rgb[y, k, c] = rgb[y, from_right, c]


@njit(nogil=True, cache=True)
def _reach(row, start, step, most):  # type: ignore[no-untyped-def]
    """How many pixels from `start` on belong to its surface, at most `most`."""
    count = 1
    while count < most:
        x = start + step * count
        if x < 0 or x >= row.shape[0] or abs(row[x] - row[start]) > SAME_SURFACE:
            break
        count += 1
    return count


@njit(nogil=True, cache=True)
def _mirrored(offset, reach):  # type: ignore[no-untyped-def]
    """Walk 0, 1, ... reach - 1, reach - 1, ... 1, 0, 0, 1, ..."""
    if reach <= 0:
        return 0
    phase = offset % (2 * reach)
    return phase if phase < reach else 2 * reach - 1 - phase


@njit(nogil=True, cache=True, fastmath=True)
def _smooth_rows(first, last, near, filled, smooth):  # type: ignore[no-untyped-def]
    height, width = near.shape
    for y in range(first, last):
        for x in range(width):
            if near[y, x] != HOLE:
                continue
            total = red = green = blue = F(0)
            for dy in range(-RADIUS, RADIUS + 1):
                if 0 <= y + dy < height and near[y + dy, x] == HOLE:
                    w = F(RADIUS + 1 - abs(dy))
                    total += w
                    red += w * filled[y + dy, x, 0]
                    green += w * filled[y + dy, x, 1]
                    blue += w * filled[y + dy, x, 2]
            smooth[y, x, 0] = red / total + F(0.5)
            smooth[y, x, 1] = green / total + F(0.5)
            smooth[y, x, 2] = blue / total + F(0.5)


@njit(nogil=True, cache=True)
def _copy_holes(first, last, near, smooth, filled):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(near.shape[1]):
            if near[y, x] == HOLE:
                for c in range(3):
                    filled[y, x, c] = smooth[y, x, c]
