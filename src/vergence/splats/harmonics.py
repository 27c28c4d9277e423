"""Colour that depends on where one looks from: real spherical harmonics up to degree 3.

Order and signs are those of "3D Gaussian Splatting" (Kerbl et al., 2023): for each degree l the orders m = -l to l,
with the Condon-Shortley sign (-1)^m.
"""

from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONSTANT = 0.5 / sqrt(pi)  # the basis function of degree 0
MIDDLE = np.float32(0.5)  # colour of a Gaussian whose harmonics are 0
BRIGHTEST = np.float32(1000)  # times white; more is a mistake
CHUNK = 1 << 16  # Gaussians whose colours are worked out at once, for the cache's sake


def basis(directions: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the first `count` (1, 4, 9 or 16) functions for (N, 3) unit directions: (N, count)."""
    x, y, z = directions.T
    xx, yy, zz = x * x, y * y, z * z
    c1, c2, c3 = sqrt(3 / (4 * pi)), sqrt(15 / (4 * pi)), sqrt(35 / (32 * pi))
    columns: list[Any] = [
        np.full_like(x, CONSTANT),
        -c1 * y,
        c1 * z,
        -c1 * x,
    ]
    if count > 4:
        columns += [
            c2 * x * y,
            -c2 * y * z,
            sqrt(5 / (16 * pi)) * (2 * zz - xx - yy),
            -c2 * x * z,
            c2 / 2 * (xx - yy),
        ]
    if count > 9:
        columns += [
            -c3 * y * (3 * xx - yy),
            sqrt(105 / (4 * pi)) * x * y * z,
            -sqrt(21 / (32 * pi)) * y * (4 * zz - xx - yy),
            sqrt(7 / (16 * pi)) * z * (2 * zz - 3 * xx - 3 * yy),
            -sqrt(21 / (32 * pi)) * x * (4 * zz - xx - yy),
            sqrt(105 / (16 * pi)) * z * (xx - yy),
            -c3 * x * (xx - 3 * yy),
        ]
    return np.stack(columns[:count], axis=1).astype(np.float32, copy=False)


def colours(harmonics: NDArray[np.float32], directions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sRGB colours (N, 3), 0 or more, of (N, K, 3) harmonics seen along (N, 3) unit directions."""
    count = harmonics.shape[1]
    found = np.empty((len(harmonics), 3), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # of a damaged file; see `_shown`
        if count == 1:
            return _shown(np.float32(CONSTANT) * harmonics[:, 0])
        for first in range(0, len(harmonics), CHUNK):
            part = slice(first, first + CHUNK)
            found[part] = np.einsum("nk,nkc->nc", basis(directions[part], count), harmonics[part])
    return _shown(found)


def plain(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (N, 1, 3) harmonics of (N, 3) sRGB colours (0..1) that look the same from everywhere."""
    return np.asarray((rgb - MIDDLE) / np.float32(CONSTANT), np.float32)[:, None, :]


def _shown(sums: NDArray[np.float32]) -> NDArray[np.float32]:
    # fmin and fmax also turn what is not a number, in a damaged file, into one.
    return np.asarray(np.fmin(np.fmax(MIDDLE + sums, 0), BRIGHTEST), np.float32)
