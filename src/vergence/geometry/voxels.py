"""Cubes of a grid over the world, each with a number of its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError

FARTHEST = 2**20  # voxels from the middle along an axis, so that three numbers fit one of 64 bits


def voxel_keys(points: NDArray[np.floating[Any]], size: float) -> NDArray[np.int64]:
    """Number (N,) the cubes of `size`, in the unit of the points (N, 3), that these lie in.

    Corners of cubes lie at whole multiples of `size`, so a point has the same number in any cloud of one world.

    Raises:
        SettingsError: the size is not positive, or so small that the scene has too many cubes; or a point is no number.
    """
    if not size > 0:
        raise SettingsError(f"the side of a voxel is a positive length, not {size:g}")
    if not len(points):
        return np.empty(0, np.int64)
    cells = np.floor(points.astype(np.float64) / size)
    if not np.abs(cells).max() < FARTHEST:
        raise SettingsError(
            f"voxels of {size:g} are too small for points up to {np.abs(points).max():g} from the middle of the world"
        )
    x, y, z = cells.astype(np.int64).T + FARTHEST
    return np.asarray((x << 42) | (y << 21) | z)
