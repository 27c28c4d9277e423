"""Colour that depends on where one looks from: real spherical harmonics up to degree 3.

Order and signs are those of "3D Gaussian Splatting" (Kerbl et al., 2023): for each degree l the orders m = -l to l,
with the Condon-Shortley sign (-1)^m.
"""

from math import pi, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows

F = np.float32
CONSTANT = 0.5 / sqrt(pi)  # the basis function of degree 0
C1 = F(sqrt(3 / (4 * pi)))
C2, C20 = F(sqrt(15 / (4 * pi))), F(sqrt(5 / (16 * pi)))
C3, C30 = F(sqrt(35 / (32 * pi))), F(sqrt(7 / (16 * pi)))
C31, C32 = F(sqrt(21 / (32 * pi))), F(sqrt(105 / (4 * pi)))
HALF = F(0.5)  # also the colour of a Gaussian whose harmonics are 0
BRIGHTEST = F(1000)  # times white; more is a mistake


def basis(directions: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the first `count` (1, 4, 9 or 16) functions for (N, 3) unit directions: (N, count)."""
    found = np.empty((len(directions), 16), np.float32)
    by_rows(_basis_rows, len(found), directions, count, found)
    return found[:, :count]


def colours(harmonics: NDArray[np.float32], directions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sRGB colours (N, 3), 0 or more, of (N, K, 3) harmonics seen along (N, 3) unit directions."""
    return colours_of(harmonics, np.arange(len(harmonics)), directions)


def colours_of(
    harmonics: NDArray[np.float32], places: NDArray[np.intp], directions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The colours of `harmonics[places]` along (len(places), 3) `directions`, see `colours`."""
    found = np.empty((len(places), 3), np.float32)
    by_rows(_colour_rows, len(places), harmonics, places, directions, found)
    return found


@njit(nogil=True, cache=True)
def _basis(x, y, z, count, found):  # type: ignore[no-untyped-def]
    found[0] = F(CONSTANT)
    if count > 1:
        found[1], found[2], found[3] = -C1 * y, C1 * z, -C1 * x
    if count > 4:
        xx, yy, zz = x * x, y * y, z * z
        found[4] = C2 * x * y
        found[5] = -C2 * y * z
        found[6] = C20 * (F(2) * zz - xx - yy)
        found[7] = -C2 * x * z
        found[8] = HALF * C2 * (xx - yy)
        if count > 9:
            found[9] = -C3 * y * (F(3) * xx - yy)
            found[10] = C32 * x * y * z
            found[11] = -C31 * y * (F(4) * zz - xx - yy)
            found[12] = C30 * z * (F(2) * zz - F(3) * xx - F(3) * yy)
            found[13] = -C31 * x * (F(4) * zz - xx - yy)
            found[14] = HALF * C32 * z * (xx - yy)
            found[15] = -C3 * x * (xx - F(3) * yy)


@njit(nogil=True, cache=True)
def _basis_rows(first, last, directions, count, found):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        _basis(directions[i, 0], directions[i, 1], directions[i, 2], count, found[i])


@njit(nogil=True, cache=True)
def _colour_rows(first, last, harmonics, places, directions, found):  # type: ignore[no-untyped-def]
    count = harmonics.shape[1]
    functions = np.empty(16, np.float32)
    for i in range(first, last):
        place = places[i]
        _basis(directions[i, 0], directions[i, 1], directions[i, 2], count, functions)
        for c in range(3):
            total = HALF
            for k in range(count):
                total += functions[k] * harmonics[place, k, c]
            # Said so that what is not a number, in a damaged file, becomes one.
            found[i, c] = min(total, BRIGHTEST) if total > F(0) else F(0)


def plain(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (N, 1, 3) harmonics of (N, 3) sRGB colours (0..1) that look the same from everywhere."""
    return np.asarray((rgb - HALF) / F(CONSTANT), np.float32)[:, None, :]
