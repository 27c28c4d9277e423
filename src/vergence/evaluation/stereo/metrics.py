"""Measures of a right eye against the true one: pictures in, numbers out.

Pictures are (H, W, 3) uint8; masks (H, W) bool say which pixels count. Where none does a measure is NaN.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.evaluation.stereo.truth import Disparity, Mask, Rgb, Truth

WHITE = 255.0
SSIM_SIGMA, SSIM_SIZE = 1.5, 11  # px, the window of Wang et al. 2004
SSIM_K1, SSIM_K2 = 0.01, 0.03
SEEN = 0.002  # of the width
BLACK = 16  # of 255; what is darker is taken for black
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


def psnr(picture: Rgb, truth: Rgb, mask: Mask) -> float:
    """Peak signal-to-noise ratio over the pixels of `mask`, dB; infinite where they are equal."""
    return decibels(squared_error(picture, truth), mask)


def squared_error(picture: Rgb, truth: Rgb) -> NDArray[np.float32]:
    """(H, W): mean over the channels of the squared difference."""
    error = picture.astype(np.float32) - truth
    return np.asarray(np.einsum("hwc,hwc->hw", error, error) / np.float32(3))


def decibels(squared: NDArray[np.float32], mask: Mask) -> float:
    """The PSNR that a map of squared errors means over the pixels of `mask`."""
    mean = mean_over(squared, mask)
    return float(10 * np.log10(WHITE * WHITE / mean)) if mean != 0 else np.inf


def ssim_map(picture: Rgb, truth: Rgb) -> NDArray[np.float32]:
    """Structural similarity of luma at every pixel, (H, W) (Wang et al., IEEE TIP 2004): 11 x 11 Gaussian window."""
    x, y = luma(picture), luma(truth)
    mean_x, mean_y = _window(x), _window(y)
    var_x, var_y = _window(x * x) - mean_x * mean_x, _window(y * y) - mean_y * mean_y
    covariance = _window(x * y) - mean_x * mean_y
    c1, c2 = np.float32((SSIM_K1 * WHITE) ** 2), np.float32((SSIM_K2 * WHITE) ** 2)
    same = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return np.asarray(same / ((mean_x * mean_x + mean_y * mean_y + c1) * (var_x + var_y + c2)), dtype=np.float32)


def luma(picture: Rgb) -> NDArray[np.float32]:
    """(H, W) float32, 0..255."""
    return np.asarray(picture.astype(np.float32) @ LUMA, dtype=np.float32)


def _window(values: NDArray[np.float32]) -> NDArray[np.float32]:
    blurred = cv2.GaussianBlur(values, (SSIM_SIZE, SSIM_SIZE), SSIM_SIGMA, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, dtype=np.float32)


def mean_over(values: NDArray[np.floating], mask: Mask) -> float:
    """Mean of `values` over the pixels of `mask`."""
    return float(np.mean(values[mask], dtype=np.float64)) if mask.any() else np.nan


def sharpness(picture: Rgb, truth: Rgb, mask: Mask) -> float:
    """Horizontal gradient inside `mask` as a share of the truth's: 1 is as sharp, 0.3 a smear, 2 ghosts.

    Mean |difference| of neighbours in a row that both lie in `mask`. It keeps a blur from winning by PSNR, which
    rewards blur where nobody can know what is right.
    """
    both = mask[:, 1:] & mask[:, :-1]
    if not both.any():
        return np.nan
    found, wanted = (np.abs(np.diff(p.astype(np.int16), axis=1))[both].mean(dtype=np.float64) for p in (picture, truth))
    return float(found / wanted) if wanted > 0 else np.nan


def flicker(before: tuple[Rgb, Rgb, Mask], after: tuple[Rgb, Rgb, Mask]) -> float:
    """Change of the error from one frame to the next where both have holes: mean, as a share of white.

    Each frame is (picture, truth, disoccluded). What moves as the truth does scores 0 however it moves.
    """
    both = before[2] & after[2]
    if not both.any():
        return np.nan
    errors = [picture[both].astype(np.float64) - truth[both] for picture, truth, _ in (before, after)]
    return float(np.mean(np.abs(errors[1] - errors[0]))) / WHITE


def consistency(truth: Truth, right: Rgb) -> float:
    """PSNR of the left eye against `right` brought back by the left eye's disparity, dB, where both eyes see.

    It needs the disparity that was asked for, and no true right eye.
    """
    height, width = truth.disparity.shape
    place = np.arange(width, dtype=np.float32) - truth.disparity
    rows = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
    back = cv2.remap(right, place, rows, cv2.INTER_CUBIC)
    return psnr(np.asarray(back, dtype=np.uint8), truth.left, truth.seen)


def window_violations(left: Rgb, right: Rgb, disparity: Disparity) -> float:
    """Share of rows, of both borders, at which a thing in front of the screen is cut and one eye alone sees past it.

    `disparity` (H, W) px, x_left - x_right, is that of the source's pixels. At the left border it is the left eye that
    sees more, at the right border the right one, by the thing's disparity; black there, as a floating window is, hides
    it. What is less than `SEEN` of the width disturbs nobody.
    """
    least = SEEN * disparity.shape[1]
    at_left = disparity[:, 0] - _black_columns(left)
    at_right = disparity[:, -1] - _black_columns(right[:, ::-1])
    return float(np.mean(np.concatenate([at_left, at_right]) > least))


def _black_columns(picture: Rgb) -> NDArray[np.intp]:
    """(H,): how many columns of each row are black before the first that is not."""
    is_lit = picture.max(axis=2) >= BLACK
    return np.asarray(np.where(is_lit.any(axis=1), is_lit.argmax(axis=1), picture.shape[1]))
