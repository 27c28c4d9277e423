"""Rotations: their vectors, their mean, and what lies between two of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mean_rotation(rotations: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The (3, 3) rotation nearest to all of (N, 3, 3), in least squares of their entries."""
    u, _, vt = np.linalg.svd(rotations.astype(np.float64).sum(axis=0))
    mirror = np.array([1.0, 1.0, np.linalg.det(u) * np.linalg.det(vt)])
    return np.asarray((u * mirror) @ vt, dtype=np.float64)


def between(one: NDArray[np.floating[Any]], two: NDArray[np.floating[Any]], share: float) -> NDArray[np.float64]:
    """The (3, 3) rotation that is `share` of the shortest way from `one` to `two`."""
    return np.asarray(one @ rotation_about(share * rotation_vector(one.T @ two)), dtype=np.float64)


def rotation_vector(rotation: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The axis of a (3, 3) rotation times its angle, rad, 0 to pi."""
    twist = np.array(
        [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]]
    )
    sine, cosine = np.linalg.norm(twist) / 2, (np.trace(rotation) - 1) / 2
    angle = float(np.arctan2(sine, cosine))
    if sine > 1e-6:
        return np.asarray(twist * (angle / (2 * sine)), dtype=np.float64)
    if cosine > 0:
        return np.asarray(twist / 2, dtype=np.float64)
    # About half a turn: the symmetric part of R + 1 is 2 axis axis^T, whose longest column is the axis or its opposite;
    # which of them, what little there is of the twist says.
    outer = np.asarray(rotation + rotation.T, np.float64) / 2 + np.eye(3)
    axis = outer[:, int(np.argmax(np.diagonal(outer)))]
    axis = -axis if axis @ twist < 0 else axis
    return np.asarray(axis / np.linalg.norm(axis) * angle, dtype=np.float64)


def rotation_about(vector: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The (3, 3) rotation about an axis by an angle, rad, given as axis times angle (O. Rodrigues, 1840)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector.astype(np.float64)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    first = np.sinc(angle / np.pi)  # sin(angle) / angle
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2  # (1 - cos(angle)) / angle ** 2
    return np.asarray(np.eye(3) + first * cross + second * cross @ cross, dtype=np.float64)
