"""Holes of a warped view, filled from what lies behind: what a near thing uncovers never belongs to that thing.

Every hole pixel gets the mean of the surface behind about it, over a wider area the deeper it lies in the hole, and on
top the detail of that surface mirrored at the hole's end: its structure goes on from all sides, its texture is not
smeared, and the row-by-row streaks of mirroring alone are gone with the low frequencies.
"""

import numpy as np
from numba import njit

from vergence.geometry.rows import by_rows
from vergence.stereo.backdrop import SAME_SURFACE, backdrop, mean_about
from vergence.stereo.scan import HOLE, next_hole
from vergence.stereo.warp import HALF, Warped

F = np.float32

SIGMA = F(1.5)  # px of the mean at a hole's end
GROWTH = F(0.8)  # of that, for each pixel further in
WIDEST = F(14)  # px, above which wider means know no better
DETAIL = F(0.5)  # share of the mirrored detail: at 1 it is as sharp as the truth and as wrong as can be
WINDOW = 2  # cells to either side that the mean takes in
SEARCH = 32  # px beyond a hole in which the surface behind is looked for
COLUMN = 3  # px up and down that a quick fill takes in


def fill(view: Warped, *, is_quick: bool = False) -> Warped:
    """Fill the holes of `view`, which is taken over: the pixels of its `rgb` that were holes are written.

    Its disparity keeps `HOLE` there, so that later stages know what was made up. Quick, the surface behind is mirrored
    alone, smoothed along columns.
    """
    if is_quick:
        by_rows(_mirror_rows, view.rgb.shape[0], view.disparity, view.behind, view.rgb)
    else:
        white = F(np.iinfo(view.rgb.dtype).max)
        by_rows(_fill_rows, view.rgb.shape[0], view.disparity, view.behind, backdrop(view), white, view.rgb)
    return view


@njit(nogil=True, cache=True, fastmath=True)
def _fill_rows(first, last, near, behind, levels, white, rgb):  # type: ignore[no-untyped-def]
    width = near.shape[1]
    mean, about = np.zeros(4, np.float32), np.zeros(4, np.float32)
    for y in range(first, last):
        row = near[y]
        x = next_hole(row, 0)
        while x < width:
            a = x
            while x < width and row[x] == HOLE:
                x += 1
            if x - a == width:
                break  # there is nothing to fill it from: it stays black
            surface = behind[y, a]
            left, reach_left, right, reach_right = _ends(row, a, x, surface)
            for k in range(a, x):
                twin, deep = _twin(k, left, reach_left, right, reach_right, width)
                has_twin = deep < width
                sigma = min(SIGMA + GROWTH * F(deep), WIDEST)
                mean_about(y, k, sigma, WINDOW, surface, rgb, near, levels, mean)
                if mean[3] == F(0):
                    if has_twin:
                        rgb[y, k, 0], rgb[y, k, 1], rgb[y, k, 2] = rgb[y, twin, 0], rgb[y, twin, 1], rgb[y, twin, 2]
                    continue  # else the colour that it came with is all that is known
                about[3] = F(0)
                if has_twin:
                    mean_about(y, twin, sigma, 0, row[twin], rgb, near, levels, about)
                detail = DETAIL if about[3] > F(0) else F(0)
                for c in range(3):
                    value = mean[c] + detail * (F(rgb[y, twin, c]) - about[c])
                    rgb[y, k, c] = min(max(value + HALF, F(0)), white)
            x = next_hole(row, x)


@njit(nogil=True, cache=True, fastmath=True)
def _mirror_rows(first, last, near, behind, rgb):  # type: ignore[no-untyped-def]
    height, width = near.shape
    for y in range(first, last):
        row = near[y]
        x = next_hole(row, 0)
        while x < width:
            a = x
            while x < width and row[x] == HOLE:
                x += 1
            if x - a == width:
                break  # as above
            left, reach_left, right, reach_right = _ends(row, a, x, behind[y, a])
            for k in range(a, x):
                twin, deep = _twin(k, left, reach_left, right, reach_right, width)
                if deep == width:
                    continue
                count = red = green = blue = F(0)
                for j in range(max(y - COLUMN, 0), min(y + COLUMN + 1, height)):
                    if abs(near[j, twin] - row[twin]) <= SAME_SURFACE:
                        count += F(1)
                        red += rgb[j, twin, 0]
                        green += rgb[j, twin, 1]
                        blue += rgb[j, twin, 2]
                share = F(1) / count
                rgb[y, k, 0], rgb[y, k, 1], rgb[y, k, 2] = (
                    red * share + HALF, green * share + HALF, blue * share + HALF,
                )  # fmt: skip
            x = next_hole(row, x)


@njit(nogil=True, cache=True)
def _ends(row, a, b, surface):  # type: ignore[no-untyped-def]
    """Where the surface begins to the left of the hole a..b - 1 (-1: nowhere) and how far it goes, and to its right."""
    most = b - a + SEARCH
    left, right = _seek(row, a - 1, -1, surface, most), _seek(row, b, 1, surface, most)
    reach_left = _reach(row, left, -1, most) if left >= 0 else 0
    reach_right = _reach(row, right, 1, most) if right >= 0 else 0
    return left, reach_left, right, reach_right


@njit(nogil=True, cache=True)
def _twin(k, left, reach_left, right, reach_right, width):  # type: ignore[no-untyped-def]
    """The pixel of the nearer end that mirrors k, and how deep in the hole k lies; `width` where there is no end."""
    deep_left = k - left - 1 if left >= 0 else width
    deep_right = right - 1 - k if right >= 0 else width
    if deep_left <= deep_right:
        return left - _mirrored(deep_left, reach_left), deep_left
    return right + _mirrored(deep_right, reach_right), deep_right


@njit(nogil=True, cache=True)
def _seek(row, start, step, surface, most):  # type: ignore[no-untyped-def]
    """The first pixel of the surface from `start` on, at most `most` away; -1 where there is none."""
    for n in range(most):
        x = start + step * n
        if x < 0 or x >= row.shape[0]:
            return -1
        if abs(row[x] - surface) <= SAME_SURFACE:
            return x
    return -1


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
