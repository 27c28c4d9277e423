"""Walking a row from hole to hole: pixels are looked at many at once, which stopping at the first would prevent."""

import numpy as np
from numba import njit

F = np.float32

HOLE = F(-1e9)  # disparity of what no surface covers: behind everything
STRIDE = 64  # pixels looked at together


@njit(nogil=True, cache=True, fastmath=True)
def next_hole(row, x):  # type: ignore[no-untyped-def]
    """The first `HOLE` from `x` on in a row of disparity; the row's width where there is none."""
    width = row.shape[0]
    while x < width:
        end = min(x + STRIDE, width)
        lowest = row[x]
        for i in range(x, end):
            lowest = min(lowest, row[i])
        if lowest == HOLE:
            while row[x] != HOLE:
                x += 1
            return x
        x = end
    return width


@njit(nogil=True, cache=True, fastmath=True)
def next_surface(row, x):  # type: ignore[no-untyped-def]
    """The first pixel from `x` on that is no `HOLE`; the row's width where there is none."""
    width = row.shape[0]
    while x < width:
        end = min(x + STRIDE, width)
        highest = row[x]
        for i in range(x, end):
            highest = max(highest, row[i])
        if highest > HOLE:
            while row[x] == HOLE:
                x += 1
            return x
        x = end
    return width
