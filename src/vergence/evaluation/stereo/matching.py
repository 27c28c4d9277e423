"""How much 3-D a pair of pictures really shows: its disparity measured by matching, against what was asked for.

Blocks of the left eye are looked for in the right one, along the row and then a little above and below. Only places are
asked whose texture tells columns apart, that lie on one surface which both eyes see, and where the same search finds
the truth in the true right eye: so what is measured is the method and not the search.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.evaluation.stereo.metrics import luma
from vergence.evaluation.stereo.truth import Disparity, Rgb, Truth, edge_band
from vergence.geometry.rows import by_rows

F = np.float32

RADIUS = 5  # px of a block on every side of its middle
STEP = 1 / 80  # of the picture's width from place to place
LEAST_TEXTURE = 4.0  # grey levels, mean step from column to column in a block
BEYOND = 8  # px that are searched past the disparities that occur, and past their negatives
MOST_VERTICAL = 3  # px up and down
OFF = 1.0  # px; a disparity farther from the truth is wrong
LEVEL = 0.5  # px of height that matching may be off where the truth has none
LEAST_APART = 0.1  # of the range of disparity, between two places that the slope is taken from
PAIRS = 20_000  # of places


@dataclass(frozen=True)
class Places:
    """Where disparity is measured: rows and columns of the left eye (N,), and the disparities asked for there (N,)."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    disparity: Disparity


@dataclass(frozen=True)
class Fidelity:
    """The disparity a method made.

    Attributes:
        slope: made over asked for: 1 as asked, 0 flat, negative with the eyes exchanged.
        wrong: share of places more than `OFF` px off.
        vertical: mean |difference of height| between the eyes, px.
    """

    slope: float
    wrong: float
    vertical: float


NOTHING = Fidelity(np.nan, np.nan, np.nan)


def places(truth: Truth) -> Places:
    """Places of a scene where matching can be trusted."""
    height, width = truth.disparity.shape
    step = max(2, round(width * STEP))
    grey = luma(truth.left)
    texture = cv2.blur(np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1)) / 2, (2 * RADIUS + 1, 2 * RADIUS + 1))
    block = np.ones((2 * RADIUS + 3, 2 * RADIUS + 3), np.uint8)
    is_mixed = cv2.dilate((edge_band(truth.disparity) | ~truth.seen).astype(np.uint8), block)
    rows, columns = np.mgrid[RADIUS : height - RADIUS : step, RADIUS : width - RADIUS : step].reshape(2, -1)
    good = (texture[rows, columns] > LEAST_TEXTURE) & (is_mixed[rows, columns] == 0)
    found = Places(rows[good], columns[good], truth.disparity[rows[good], columns[good]])
    across, down = _match(truth.left, truth.right, found)
    is_found = (np.abs(across - found.disparity) <= OFF) & (np.abs(down) <= LEVEL)
    return Places(found.rows[is_found], found.columns[is_found], found.disparity[is_found])


def fidelity(left: Rgb, right: Rgb, at: Places) -> Fidelity:
    """Measure a pair at places; NaN where there are too few."""
    if len(at.rows) < 2:
        return NOTHING
    made, vertical = _match(left, right, at)
    wrong = float(np.mean(np.abs(made - at.disparity) > OFF))
    return Fidelity(_slope(made, at.disparity), wrong, float(np.mean(np.abs(vertical), dtype=np.float64)))


def _slope(made: Disparity, asked: Disparity) -> float:
    """Median slope of random pairs of places (Theil 1950, Sen 1968), which a third of wrong matches does not move."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(len(asked), size=(2, PAIRS))
    apart = asked[a] - asked[b]
    is_apart = np.abs(apart) > max(LEAST_APART * float(np.ptp(asked)), 1e-3)
    if not is_apart.any():
        return np.nan
    return float(np.median((made[a] - made[b])[is_apart] / apart[is_apart]))


def _match(left: Rgb, right: Rgb, at: Places) -> tuple[Disparity, Disparity]:
    """Disparity across (N,) and down (N,), px, by the least sum of absolute differences."""
    most = int(np.ceil(np.abs(at.disparity).max(initial=0))) + BEYOND
    across, down = np.zeros(len(at.rows), np.float32), np.zeros(len(at.rows), np.float32)
    by_rows(_match_places, len(at.rows), luma(left), luma(right), at.rows, at.columns, most, across, down)
    return across, down


@njit(nogil=True, cache=True)
def _match_places(first, last, left, right, rows, columns, most, across, down):  # type: ignore[no-untyped-def]
    width = left.shape[1]
    costs = np.empty(2 * most + 1, np.float32)
    heights = np.empty(2 * MOST_VERTICAL + 1, np.float32)
    for n in range(first, last):
        y, x = rows[n], columns[n]
        best = -1
        for k in range(2 * most + 1):
            at = x - (k - most)
            costs[k] = np.inf
            if RADIUS <= at < width - RADIUS:
                costs[k] = _cost(left, right, y, x, y, at)
                if best < 0 or costs[k] < costs[best]:
                    best = k
        across[n] = F(best - most) + _vertex(costs, best)
        at = x - (best - most)
        lowest = 0
        for k in range(2 * MOST_VERTICAL + 1):
            row = y + k - MOST_VERTICAL
            heights[k] = np.inf
            if RADIUS <= row < left.shape[0] - RADIUS:
                heights[k] = _cost(left, right, y, x, row, at)
            if heights[k] < heights[lowest]:
                lowest = k
        down[n] = F(lowest - MOST_VERTICAL) + _vertex(heights, lowest)


@njit(nogil=True, cache=True, fastmath=True)
def _cost(left, right, y, x, row, column):  # type: ignore[no-untyped-def]
    total = F(0)
    for dy in range(-RADIUS, RADIUS + 1):
        for dx in range(-RADIUS, RADIUS + 1):
            total += abs(left[y + dy, x + dx] - right[row + dy, column + dx])
    return total


@njit(nogil=True, cache=True)
def _vertex(costs, best):  # type: ignore[no-untyped-def]
    """Where between its neighbours the least cost lies: two equal slopes through three costs, -1/2 to 1/2."""
    if best <= 0 or best >= costs.shape[0] - 1:
        return F(0)
    before, here, after = costs[best - 1], costs[best], costs[best + 1]
    if not (np.isfinite(before) and np.isfinite(after)):
        return F(0)
    steep = max(before, after) - here
    return F(0) if steep <= 0 else F(0.5) * (before - after) / steep
