"""Depth as colours: dark and cold is far, bright and warm is near."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

LEVELS = 256
DARKEST, BRIGHTEST = 0.14, 0.95  # lightness of OKLab: neither end is black or white, which mark nothing and everything
HUES = np.radians([275.0, 300.0, 350.0, 390.0, 425.0, 465.0])  # blue, violet, pink, red, orange, yellow
CHROMA = 0.19  # of the vivid middle; both ends of the lightness allow less


def colourise(nearness: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour a (h, w) picture of nearness, 0 (far) to 1 (near), as (h, w, 3) sRGB; values outside are clipped.

    The map runs from dark blue over violet and orange to light yellow in equal steps of OKLab (Ottosson 2020), so equal
    differences look equal, and lightness grows all the way, so it reads in black and white too.
    """
    return np.asarray(cv2.applyColorMap(_levels(nearness), _table()), dtype=np.uint8)


def grey(nearness: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The same in greys, (h, w, 3): black is far."""
    return np.asarray(cv2.cvtColor(_levels(nearness), cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def _levels(nearness: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(nearness, 0, 1) * (LEVELS - 1)), dtype=np.uint8)


@cache
def _table() -> NDArray[np.uint8]:
    """(256, 1, 3) sRGB, as OpenCV takes it."""
    fine = np.linspace(0, 1, 16 * LEVELS)
    lightness = DARKEST + (BRIGHTEST - DARKEST) * fine
    hue = np.interp(fine, np.linspace(0, 1, len(HUES)), HUES)
    chroma, too_much = np.zeros_like(fine), np.full_like(fine, CHROMA)
    for _ in range(20):  # bisect: as colourful as the screen can show
        tried = (chroma + too_much) / 2
        linear = _linear_srgb(lightness, tried, hue)
        shown = ((linear >= 0) & (linear <= 1)).all(axis=1)
        chroma, too_much = np.where(shown, tried, chroma), np.where(shown, too_much, tried)
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(lab, axis=0), axis=1))])
    even = np.interp(np.linspace(0, length[-1], LEVELS), length, fine)
    linear = np.clip(_linear_srgb(*(np.interp(even, fine, part) for part in (lightness, chroma, hue))), 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    table: NDArray[np.uint8] = np.rint(encoded * 255).astype(np.uint8)
    return table[:, None]


def _linear_srgb(
    lightness: NDArray[np.float64], chroma: NDArray[np.float64], hue: NDArray[np.float64]
) -> NDArray[np.float64]:
    """OKLCh to linear sRGB (B. Ottosson, "A perceptual color space for image processing", 2020)."""
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    l_ = lightness + 0.3963377774 * a + 0.2158037573 * b
    m_ = lightness - 0.1055613458 * a - 0.0638541728 * b
    s_ = lightness - 0.0894841775 * a - 1.2914855480 * b
    to_rgb = np.array(
        [
            [+4.0767416621, -3.3077115913, +0.2309699292],
            [-1.2684380046, +2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, +1.7076147010],
        ]
    )
    return np.asarray(np.stack([l_, m_, s_], axis=1) ** 3 @ to_rgb.T)
