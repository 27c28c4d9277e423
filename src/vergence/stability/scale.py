"""The scale and shift of one frame's depth against what its shot had before, found robustly.

Most flicker of a good image model is scale and shift from frame to frame, not shape. One near object or one percentile
may truly change, so the fit is over all pixels that still show what they showed, outliers aside.
"""

import numpy as np
from numpy.typing import NDArray

ROUNDS = 4  # of reweighting; the fit has settled after three
FLAT = 1e-4  # a map whose spread is under this share of its size has no scale to fit
SAMPLES = 4096  # pixels of a fit, spread evenly


def median_step(now: NDArray[np.float32], past: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
    """Return the weighted median of `now - past` over (h, w) maps of log depth: by how much the scale stepped."""
    difference, weight = _thinned(now - past), _thinned(weight)
    order = np.argsort(difference)
    total = np.cumsum(weight[order], dtype=np.float64)
    if total[-1] <= 0:
        return 0.0
    return float(difference[order[np.searchsorted(total, total[-1] / 2)]])


def robust_fit(
    source: NDArray[np.float32], target: NDArray[np.float32], weight: NDArray[np.float32]
) -> tuple[float, float]:
    """Find `scale` and `shift` for which `scale * source + shift` matches `target`, outliers aside.

    Iteratively reweighted least squares with Geman-McClure weights (all maps (h, w)); (1, shift) where the source is
    flat, and the scale stays within a factor of two, since a step further is no flicker.
    """
    x, y, w0 = (_thinned(a).astype(np.float64) for a in (source, target, weight))
    if w0.sum() <= 0:
        return 1.0, 0.0
    scale, shift = 1.0, float(np.median(y - x))
    for _ in range(ROUNDS):
        error = y - scale * x - shift
        spread = 1.4826 * np.median(np.abs(error)) + 1e-9
        w = w0 / (1 + (error / (2 * spread)) ** 2) ** 2
        mean_x, mean_y = np.average(x, weights=w + 1e-12), np.average(y, weights=w + 1e-12)
        dx, dy = x - mean_x, y - mean_y
        variance = np.average(dx * dx, weights=w + 1e-12)
        if variance <= (FLAT * max(abs(mean_x), 1e-9)) ** 2:
            return 1.0, float(mean_y - mean_x)
        scale = float(np.clip(np.average(dx * dy, weights=w + 1e-12) / variance, 0.5, 2.0))
        shift = float(mean_y - scale * mean_x)
    return scale, shift


def _thinned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    step = max(1, int(np.sqrt(values.size / SAMPLES)))
    return values[::step, ::step].ravel()
