"""Two eyes for coloured glasses: each colour of the result is a weighted sum of the six of both views."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows
from vergence.stereo.layout.settings import LayoutSettings
from vergence.types import StereoPair

F = np.float32

PQ, HLG = 16, 18  # transfer functions, as code points of ITU-T H.273
STEPS = 8192  # of the fourth root of light: dark tones get their share, and 10 bits of PQ survive


@dataclass(frozen=True)
class Method:
    """A way to mix.

    Attributes:
        weights: three rows, of the red, green and blue that come out; columns are left RGB, right RGB.
        is_linear: they weigh light; otherwise the picture's own numbers, as their source has it.
    """

    weights: tuple[tuple[float, ...], ...]
    is_linear: bool


# The first three: least squares in linear light by E. Dubois, "A projection method to generate anaglyph stereo
# images", ICASSP 2001, with the weights its author publishes for the filters of each kind of glasses. The others: as
# P. Wimmer's "Anaglyph Methods Comparison" (3dtv.at) gives them, on the picture's own numbers, with the luma of BT.601.
LUMA = (0.299, 0.587, 0.114)
NONE = (0.0, 0.0, 0.0)
RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
METHODS = {
    "dubois": Method(
        (
            (0.437, 0.449, 0.164, -0.011, -0.032, -0.007),
            (-0.062, -0.062, -0.024, 0.377, 0.761, 0.009),
            (-0.048, -0.050, -0.017, -0.026, -0.093, 1.234),
        ),
        is_linear=True,
    ),
    "dubois_green_magenta": Method(
        (
            (-0.062, -0.158, -0.039, 0.529, 0.705, 0.024),
            (0.284, 0.668, 0.143, -0.016, -0.015, -0.065),
            (-0.015, -0.027, 0.021, 0.009, 0.075, 0.937),
        ),
        is_linear=True,
    ),
    "dubois_amber_blue": Method(
        (
            (1.062, -0.205, 0.299, -0.016, -0.123, -0.017),
            (-0.026, 0.908, 0.068, 0.006, 0.062, -0.017),
            (-0.038, -0.173, 0.022, 0.094, 0.185, 0.911),
        ),
        is_linear=True,
    ),
    "half_colour": Method((LUMA + NONE, NONE + GREEN, NONE + BLUE), is_linear=False),
    "optimised": Method(((0.0, 0.7, 0.3, *NONE), NONE + GREEN, NONE + BLUE), is_linear=False),
    "grey": Method((LUMA + NONE, NONE + LUMA, NONE + LUMA), is_linear=False),
    "colour": Method((RED + NONE, NONE + GREEN, NONE + BLUE), is_linear=False),
}


def anaglyph(method: str, settings: LayoutSettings) -> Callable[[StereoPair], NDArray[Any]]:
    """A function that mixes the two views of a pair, (H, W, 3) each, into (H, W, 3) of the same dtype."""
    weights, transfer = np.array(METHODS[method].weights, dtype=np.float32), settings.colour.transfer

    def mix(pair: StereoPair) -> NDArray[Any]:
        out = np.empty_like(pair.left)
        white = int(np.iinfo(out.dtype).max)
        if METHODS[method].is_linear:
            linear, encoded = light_tables(white + 1, transfer)
            by_rows(_mix_light, out.shape[0], pair.left, pair.right, weights, linear, encoded, out)
        else:
            by_rows(_mix_codes, out.shape[0], pair.left, pair.right, weights, F(white), out)
        return out

    return mix


@cache
def light_tables(levels: int, transfer: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Code -> linear light 0..1, and `STEPS` of the fourth root of light -> code, for `levels` codes.

    PQ (SMPTE ST 2084; 1 is 10000 cd/m2) and HLG (ARIB STD-B67, scene light) are themselves, all else is sRGB
    (IEC 61966-2-1), which BT.709 films look like on the screens they are seen on.
    """
    code = np.arange(levels) / (levels - 1)
    light = (np.arange(STEPS + 1) / STEPS) ** 4
    if transfer == PQ:
        linear, encoded = _from_pq(code), _to_pq(light)
    elif transfer == HLG:
        linear, encoded = _from_hlg(code), _to_hlg(light)
    else:
        linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
        encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    dtype = np.uint8 if levels == 256 else np.uint16
    return linear.astype(np.float32), np.rint(np.clip(encoded, 0, 1) * (levels - 1)).astype(dtype)


M1, M2 = 2610 / 16384, 2523 / 4096 * 128  # of SMPTE ST 2084
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
A, B, C = 0.17883277, 0.28466892, 0.55991073  # of ARIB STD-B67


def _from_pq(code: NDArray[np.float64]) -> NDArray[np.float64]:
    root = code ** (1 / M2)
    return np.asarray((np.maximum(root - C1, 0) / (C2 - C3 * root)) ** (1 / M1))


def _to_pq(light: NDArray[np.float64]) -> NDArray[np.float64]:
    root = light**M1
    return np.asarray(((C1 + C2 * root) / (1 + C3 * root)) ** M2)


def _from_hlg(code: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - C) / A) + B) / 12)


def _to_hlg(light: NDArray[np.float64]) -> NDArray[np.float64]:
    bright = A * np.log(np.maximum(12 * light - B, 1e-9)) + C
    return np.where(light <= 1 / 12, np.sqrt(3 * light), bright)


@njit(nogil=True, cache=True, fastmath=True)
def _mix_light(first, last, left, right, weights, linear, encoded, out):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(out.shape[1]):
            a, b, c = linear[left[y, x, 0]], linear[left[y, x, 1]], linear[left[y, x, 2]]
            d, e, f = linear[right[y, x, 0]], linear[right[y, x, 1]], linear[right[y, x, 2]]
            for k in range(3):
                m = weights[k]
                light = m[0] * a + m[1] * b + m[2] * c + m[3] * d + m[4] * e + m[5] * f
                light = min(max(light, F(0)), F(1))
                out[y, x, k] = encoded[int(np.sqrt(np.sqrt(light)) * F(STEPS) + F(0.5))]


@njit(nogil=True, cache=True, fastmath=True)
def _mix_codes(first, last, left, right, weights, white, out):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(out.shape[1]):
            for k in range(3):
                value = F(0.5)
                for c in range(3):
                    value += weights[k, c] * left[y, x, c] + weights[k, 3 + c] * right[y, x, c]
                out[y, x, k] = min(max(value, F(0)), white)
