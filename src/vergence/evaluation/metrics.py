"""Measures of one depth map against its truth: arrays in, numbers out.

Depth is z in metres, (H, W); `valid` says where both may be compared. Where nothing can be compared a measure is NaN.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vergence.errors import ShapeError

Depth = NDArray[np.floating]
Mask = NDArray[np.bool_]

DELTA = 1.25
BOUNDARY_RATIOS = np.linspace(1.05, 1.25, 10)  # how much farther the far side of an edge is
ORDERED_RATIO = 1.15  # true depths closer than this have no order worth asking for
PAIRS_PER_ROW = 64


def align_affine(inverse_depth: Depth, truth: Depth, valid: Mask, *, farthest: float) -> Depth:
    """Depth from relative inverse depth by the scale and shift that fit 1 / truth best (MiDaS, arXiv:1907.01341).

    What comes out behind `farthest` (or behind infinity) is put there.
    """
    x, y = inverse_depth[valid].astype(np.float64), 1 / truth[valid].astype(np.float64)
    dx, dy = x - x.mean(), y - y.mean()
    variance = float(np.mean(dx * dx))
    scale = float(np.mean(dx * dy)) / variance if variance > 0 else 0.0
    fitted = scale * (inverse_depth - x.mean()) + y.mean()
    return np.asarray(1 / np.maximum(fitted, 1 / farthest))


def align_scale(depth: Depth, truth: Depth, valid: Mask) -> Depth:
    """Depth times the median of truth over depth."""
    return np.asarray(depth * np.median(truth[valid] / depth[valid]))


def abs_rel(depth: Depth, truth: Depth, valid: Mask) -> float:
    """Mean of |depth - truth| / truth."""
    return (
        float(np.mean(np.abs(depth[valid] - truth[valid]) / truth[valid], dtype=np.float64)) if valid.any() else np.nan
    )


def delta1(depth: Depth, truth: Depth, valid: Mask) -> float:
    """Share of pixels off by less than a factor of 1.25."""
    if not valid.any():
        return np.nan
    ratio = depth[valid] / truth[valid]
    return float(np.mean(np.maximum(ratio, 1 / ratio) < DELTA))


def boundary_f1(depth: Depth, truth: Depth, valid: Mask) -> float:
    """How well edges between near and far lie where they are in truth (Depth Pro, arXiv:2410.02073, Sec. 4).

    An edge is a pair of neighbours whose depths differ by a given ratio, told apart by which side is near. The F1 of
    ten ratios is averaged, larger ones weighing more. It does not change with the scale of `depth`.
    """
    scores, weights = [], []
    for ratio in BOUNDARY_RATIOS:
        found, wanted = _edges(depth, valid, ratio), _edges(truth, valid, ratio)
        hits = np.count_nonzero(found & wanted)
        edges = np.count_nonzero(found) + np.count_nonzero(wanted)
        if np.count_nonzero(wanted):
            scores.append(2 * hits / edges)
            weights.append(ratio - 1)
    return float(np.average(scores, weights=weights)) if scores else np.nan


def _edges(depth: Depth, valid: Mask, ratio: float) -> Mask:
    across, down = (valid[:, 1:] & valid[:, :-1]), (valid[1:] & valid[:-1])
    left, right, upper, lower = depth[:, :-1], depth[:, 1:], depth[:-1], depth[1:]
    return np.concatenate(
        [
            (is_both & (far > ratio * near)).ravel()
            for is_both, near, far in (
                (across, left, right),
                (across, right, left),
                (down, upper, lower),
                (down, lower, upper),
            )
        ]
    )


def same_row_order(depth: Depth, truth: Depth, valid: Mask, *, generator: np.random.Generator) -> float:
    """Share of pairs of pixels in one row, truly 15 % or more apart, of which the right one is called nearer.

    Whatever knows only how depth changes from top to bottom scores 0.5, so this tells whether objects are seen.
    """
    height, width = truth.shape
    rows = np.repeat(np.arange(height), PAIRS_PER_ROW)
    a, b = generator.integers(width, size=(2, rows.size))
    is_far = truth[rows, a] > ORDERED_RATIO * truth[rows, b]
    is_near = truth[rows, b] > ORDERED_RATIO * truth[rows, a]
    asked = valid[rows, a] & valid[rows, b] & (is_far | is_near)
    if not asked.any():
        return np.nan
    rows, a, b, is_far = rows[asked], a[asked], b[asked], is_far[asked]
    first, second = depth[rows, a], depth[rows, b]
    right = np.where(first == second, 0.5, (first > second) == is_far)
    return float(np.mean(right, dtype=np.float64))


def confidence_correlation(confidence: Depth, depth: Depth, truth: Depth, valid: Mask) -> float:
    """Spearman's rank correlation of confidence with accuracy, -|log depth - log truth|; 1 is perfect."""
    if confidence.shape != truth.shape:
        raise ShapeError(f"confidence is {confidence.shape}, but the truth is {truth.shape}; resize one of them")
    if np.count_nonzero(valid) < 2:
        return np.nan
    error = np.abs(np.log(depth[valid]) - np.log(truth[valid]))
    x, y = _ranks(confidence[valid]), _ranks(-error)
    dx, dy = x - x.mean(), y - y.mean()
    spread = float(np.sqrt(np.sum(dx * dx) * np.sum(dy * dy)))
    return float(np.sum(dx * dy)) / spread if spread > 0 else np.nan


def _ranks(values: Depth) -> NDArray[np.float64]:
    """Ranks from 0, equal values sharing their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts + 1) / 2)[place])


def flicker(depths: Sequence[Depth]) -> float:
    """Mean |change of log depth| from one frame to the next of a scene in which nothing moves."""
    if len(depths) < 2:
        return np.nan
    logs = [np.log(depth) for depth in depths]
    return float(np.mean([np.mean(np.abs(b - a)) for a, b in itertools.pairwise(logs)]))
