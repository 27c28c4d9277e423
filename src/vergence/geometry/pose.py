"""Rotations as matrices and as quaternions wxyz, one or many at once, and rigid poses made of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def rotation_matrices(quaternions: NDArray[Any]) -> NDArray[Any]:
    """The matrices (..., 3, 3) of quaternions wxyz (..., 4) of any length but 0."""
    norm = np.linalg.norm(quaternions, axis=-1, keepdims=True)
    w, x, y, z = np.moveaxis(quaternions / norm, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quaternions(rotations: NDArray[Any]) -> NDArray[Any]:
    """The unit quaternions wxyz (..., 4), w >= 0, of rotation matrices (..., 3, 3)."""
    # Of the four ways to write one, each dividing by another of its parts, the one with the largest part
    # (S. Shepperd, "Quaternion from rotation matrix", 1978).
    flat = rotations.reshape(-1, 3, 3)
    diagonal = np.diagonal(flat, axis1=1, axis2=2)
    trace = diagonal.sum(axis=1)
    choice = np.argmax(np.column_stack([trace, diagonal]), axis=1)
    found = np.empty((len(flat), 4), rotations.dtype)
    for largest in range(4):
        chosen = choice == largest
        r = flat[chosen]
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
    return np.where(found[:, :1] < 0, -found, found).reshape(*rotations.shape[:-2], 4)


def pose(rotation: NDArray[np.float64], translation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (4, 4) rigid transform of a (3, 3) rotation and a (3,) translation."""
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = rotation, translation
    return result


def inverse(rigid: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverses of (..., 4, 4) rigid transforms."""
    turn = np.swapaxes(rigid[..., :3, :3], -1, -2)
    inverted = np.zeros_like(rigid)
    inverted[..., :3, :3] = turn
    inverted[..., :3, 3:] = -turn @ rigid[..., :3, 3:]
    inverted[..., 3, 3] = 1
    return inverted
