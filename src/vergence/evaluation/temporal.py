"""How steady depth is over time, measured without ground truth. Videos are (T, H, W) of one shot, in order.

The static measures take pixels that rest: a mask that is given, or those whose grey level stays put (`still_pixels`).
Depth is compared in its logarithm, so the figures are relative changes and do not depend on the unit.
"""

import numpy as np
from numpy.typing import NDArray

STILL = 4.0  # grey levels, 8 bit, a resting pixel's 3x3 mean may change from frame to frame
SLOW = 3.0  # Hz; slower changes are seen as motion, faster ones as flicker
MAD = 1.4826  # makes the median absolute deviation of a normal distribution its standard deviation


def still_pixels(grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(H, W): pixels of a (T, H, W) grey video whose 3x3 mean never changes by `STILL` or more between neighbours."""
    padded = np.pad(grey.astype(np.float32), ((0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = grey.shape[1:]
    mean = sum(padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)) / 9
    return np.asarray((np.abs(np.diff(mean, axis=0)) < STILL).all(axis=0))


def static_mad(depth: NDArray[np.float32], still: NDArray[np.bool_]) -> tuple[float, float]:
    """Relative deviation of resting pixels over time, robust: mean and 95th percentile over the pixels of `still`.

    1.4826 * median_t |D - median_t D| / median_t D of each pixel.
    """
    over_time = depth[:, still].astype(np.float64)
    middle = np.median(over_time, axis=0)
    deviation = MAD * np.median(np.abs(over_time - middle), axis=0) / np.maximum(middle, 1e-9)
    return float(deviation.mean()), float(np.percentile(deviation, 95))


def temporal_std(depth: NDArray[np.float32], still: NDArray[np.bool_]) -> float:
    """Standard deviation over time of log depth, mean over the resting pixels."""
    return float(_log(depth[:, still]).std(axis=0).mean())


def flicker(depth: NDArray[np.float32], still: NDArray[np.bool_]) -> float:
    """Mean change of log depth from one frame to the next, over the resting pixels: what the eye sees as shimmer."""
    return float(np.abs(np.diff(_log(depth[:, still]), axis=0)).mean())


def fast_share(depth: NDArray[np.float32], still: NDArray[np.bool_], *, rate: float) -> float:
    """Share of the temporal power of log depth above 3 Hz, over the resting pixels, at `rate` frames per second."""
    over_time = _log(depth[:, still])
    power = np.abs(np.fft.rfft(over_time - over_time.mean(axis=0), axis=0)) ** 2
    is_fast = np.fft.rfftfreq(len(depth), d=1 / rate) > SLOW
    total = float(power.sum())
    return float(power[is_fast].sum()) / total if total > 0 else 0.0


def scale_excursion(depth: NDArray[np.float32], still: NDArray[np.bool_]) -> float:
    """Largest excursion, max - min over time, of the median log depth of the resting pixels: pumping of the whole."""
    scale = np.median(_log(depth[:, still]), axis=1)
    return float(np.ptp(scale))


def detail_kept(filtered: NDArray[np.float32], raw: NDArray[np.float32]) -> float:
    """Gradient of log depth that a filter left, as a share of the raw depth's; 1 is all of it, under 1 is smear."""

    def gradient(depth: NDArray[np.float32]) -> float:
        log = _log(depth)
        return float(np.abs(np.diff(log, axis=1)).mean() + np.abs(np.diff(log, axis=2)).mean())

    return gradient(filtered) / max(gradient(raw), 1e-12)


def lag(filtered: NDArray[np.float32], raw: NDArray[np.float32], moving: NDArray[np.bool_]) -> float:
    """Mean |log filtered - log raw| of a (T, H, W) mask of moving pixels, scale per frame aside: what trails behind."""
    error = _log(filtered) - _log(raw)
    error -= np.median(error, axis=(1, 2), keepdims=True)
    return float(np.abs(error[moving]).mean()) if moving.any() else 0.0


def _log(depth: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.log(np.maximum(depth.astype(np.float64), 1e-9))
