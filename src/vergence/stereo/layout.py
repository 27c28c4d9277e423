"""Two eyes in one picture: the arrangements players, headsets and glasses take."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.geometry.resample import shrink
from vergence.geometry.rows import by_rows
from vergence.types import Packing, StereoPair

F = np.float32


@dataclass(frozen=True)
class Layout:
    """One arrangement: its name, the tags its files carry in their names, and how it is made.

    `tag` is for people and desktop players; `headset_tag` is what the galleries of headsets tell 3-D films by.
    """

    name: str
    tag: str
    headset_tag: str
    pack: Callable[[StereoPair], NDArray[Any]]
    packing: Packing | None = None


def _beside(pair: StereoPair) -> NDArray[Any]:
    return np.hstack([pair.left, pair.right])


def _half_beside(pair: StereoPair) -> NDArray[Any]:
    height, width = pair.left.shape[:2]
    first = (width + 1) // 2
    return np.hstack([shrink(pair.left, first, height), shrink(pair.right, width - first, height)])


def _above(pair: StereoPair) -> NDArray[Any]:
    return np.vstack([pair.left, pair.right])


def _half_above(pair: StereoPair) -> NDArray[Any]:
    height, width = pair.left.shape[:2]
    first = (height + 1) // 2
    return np.vstack([shrink(pair.left, width, first), shrink(pair.right, width, height - first)])


def _cross(pair: StereoPair) -> NDArray[Any]:
    return np.hstack([pair.right, pair.left])


# Red-cyan glasses, least squares in linear light: E. Dubois, "A projection method to generate anaglyph stereo
# images", ICASSP 2001; the matrices its author publishes for these filters. Columns: left RGB, right RGB.
DUBOIS = np.array(
    [
        [0.437, 0.449, 0.164, -0.011, -0.032, -0.007],
        [-0.062, -0.062, -0.024, 0.377, 0.761, 0.009],
        [-0.048, -0.050, -0.017, -0.026, -0.093, 1.234],
    ],
    dtype=np.float32,
)


@cache
def _srgb_tables(levels: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """sRGB code -> linear 0..1, and 4096 steps of linear light -> sRGB code (IEC 61966-2-1), for `levels` codes."""
    code = np.arange(levels) / (levels - 1)
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    # Indexed by the square root of linear light, so that dark tones get their share of the steps.
    light = (np.arange(4097) / 4096) ** 2
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    dtype = np.uint8 if levels == 256 else np.uint16
    return linear.astype(np.float32), np.rint(encoded * (levels - 1)).astype(dtype)


def _anaglyph(pair: StereoPair) -> NDArray[Any]:
    linear, encoded = _srgb_tables(int(np.iinfo(pair.left.dtype).max) + 1)
    out = np.empty_like(pair.left)
    by_rows(_anaglyph_rows, out.shape[0], pair.left, pair.right, DUBOIS, linear, encoded, out)
    return out


@njit(nogil=True, cache=True, fastmath=True)
def _anaglyph_rows(first, last, left, right, matrix, linear, encoded, out):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(out.shape[1]):
            a, b, c = linear[left[y, x, 0]], linear[left[y, x, 1]], linear[left[y, x, 2]]
            d, e, f = linear[right[y, x, 0]], linear[right[y, x, 1]], linear[right[y, x, 2]]
            for k in range(3):
                m = matrix[k]
                light = m[0] * a + m[1] * b + m[2] * c + m[3] * d + m[4] * e + m[5] * f
                light = min(max(light, F(0)), F(1))
                out[y, x, k] = encoded[int(np.sqrt(light) * F(4096) + F(0.5))]


LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout("sbs", "_sbs", "_LRF_Full_SBS", _beside, "left_right"),
        Layout("half-sbs", "_half_sbs", "_SBS", _half_beside, "left_right"),
        Layout("tb", "_tb", "_TB", _above, "top_bottom"),
        Layout("half-tb", "_half_tb", "_TB", _half_above, "top_bottom"),
        Layout("anaglyph", "_anaglyph", "_anaglyph", _anaglyph),
        Layout("left", "_left", "_left", lambda pair: pair.left),
        Layout("right", "_right", "_right", lambda pair: pair.right),
        Layout("cross", "_cross", "_cross", _cross, "right_left"),
    )
}


def find_layout(name: str) -> Layout:
    """Return the layout called `name`; raises `SettingsError` that lists them."""
    if name not in LAYOUTS:
        raise SettingsError(f"no layout is called {name!r}; choose from {', '.join(LAYOUTS)}")
    return LAYOUTS[name]
