"""Gaussians for tests, and what they mean: covariances, and colours by the formulas of the paper's code."""

import numpy as np

from vergence.types import Gaussians


def gaussians(count=500, *, degree=2, seed=0):
    """Gaussians of all shapes, turned every way, whose harmonics stay in -1..1."""
    dice = np.random.default_rng(seed)

    def normal(*shape):
        return dice.normal(size=shape).astype(np.float32)

    rotations = normal(count, 4)
    return Gaussians(
        means=normal(count, 3) * np.float32(3),
        scales=np.exp(normal(count, 3) - 4),
        rotations=rotations / np.linalg.norm(rotations, axis=1, keepdims=True),
        opacities=dice.random(count, dtype=np.float32),
        harmonics=(dice.random((count, (degree + 1) ** 2, 3), dtype=np.float32) - np.float32(0.5)) * np.float32(1.6),
    )


def covariances(rotations, scales):
    """(N, 3, 3), by turning each axis with q v q* in plain quaternion products."""
    basis = np.eye(3)
    axes = np.stack([turned(rotations, np.tile(axis, (len(rotations), 1))) for axis in basis], axis=2)
    return axes @ (np.eye(3) * (scales.astype(np.float64) ** 2)[:, None, :]) @ axes.transpose(0, 2, 1)


def turned(rotations, vectors):
    """Vectors (N, 3) turned by quaternions wxyz (N, 4)."""
    w, u = rotations[:, :1].astype(np.float64), rotations[:, 1:].astype(np.float64)
    return vectors + 2 * w * np.cross(u, vectors) + 2 * np.cross(u, np.cross(u, vectors))


def colours(harmonics, directions):
    """(N, 3) colours towards unit directions (N, 3): real spherical harmonics to degree 3, as in the paper's code."""
    x, y, z = directions.T.astype(np.float64)
    basis = [
        0.28209479177387814 * np.ones_like(x),
        -0.4886025119029199 * y,
        0.4886025119029199 * z,
        -0.4886025119029199 * x,
        1.0925484305920792 * x * y,
        -1.0925484305920792 * y * z,
        0.31539156525252005 * (2 * z * z - x * x - y * y),
        -1.0925484305920792 * x * z,
        0.5462742152960396 * (x * x - y * y),
        -0.5900435899266435 * y * (3 * x * x - y * y),
        2.890611442640554 * x * y * z,
        -0.4570457994644658 * y * (4 * z * z - x * x - y * y),
        0.3731763325901154 * z * (2 * z * z - 3 * x * x - 3 * y * y),
        -0.4570457994644658 * x * (4 * z * z - x * x - y * y),
        1.445305721320277 * z * (x * x - y * y),
        -0.5900435899266435 * x * (x * x - 3 * y * y),
    ]
    count = harmonics.shape[1]
    return 0.5 + np.einsum("kn,nkc->nc", np.array(basis[:count]), harmonics.astype(np.float64))
