"""Rotations as matrices and as quaternions, many at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def quaternions(rotations: NDArray[Any]) -> NDArray[Any]:
    """Return the unit quaternions wxyz (N, 4), w >= 0, of rotation matrices (N, 3, 3)."""
    # Of the four ways to write one, each dividing by another of its parts, the one with the largest part
    # (S. Shepperd, "Quaternion from rotation matrix", 1978).
    diagonal = np.diagonal(rotations, axis1=1, axis2=2)
    trace = diagonal.sum(axis=1)
    choice = np.argmax(np.column_stack([trace, diagonal]), axis=1)
    found = np.empty((len(rotations), 4), rotations.dtype)
    for largest in range(4):
        chosen = choice == largest
        r = rotations[chosen]
        if largest == 0:
            rows = [1 + trace[chosen], r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]]
        else:
            i = largest - 1
            j, k = (i + 1) % 3, (i + 2) % 3
            rows = [r[:, k, j] - r[:, j, k]] * 4
            rows[1 + i] = 1 + r[:, i, i] - r[:, j, j] - r[:, k, k]
            rows[1 + j] = r[:, j, i] + r[:, i, j]
            rows[1 + k] = r[:, k, i] + r[:, i, k]
        found[chosen] = np.stack(rows, axis=1)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return np.where(found[:, :1] < 0, -found, found)


def rotation_matrices(quaternions: NDArray[Any]) -> NDArray[Any]:
    """Return the matrices (N, 3, 3) of unit quaternions wxyz (N, 4)."""
    w, x, y, z = quaternions.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
