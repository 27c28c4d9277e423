"""Fewer Gaussians: those that lie together become one, and those that hardly show go. Nothing here runs unasked."""

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from vergence.geometry.pose import quaternions, rotation_matrices
from vergence.geometry.voxels import voxel_keys
from vergence.types import Gaussians


def chosen(gaussians: Gaussians, which: NDArray[np.bool_] | NDArray[np.intp]) -> Gaussians:
    """Return some of the Gaussians, by a mask (N,) or by their places."""
    return Gaussians(**{field.name: getattr(gaussians, field.name)[which] for field in fields(gaussians)})


def without_faint(gaussians: Gaussians, opacity: float) -> Gaussians:
    """Leave out Gaussians of less than this opacity, 0..1."""
    return chosen(gaussians, gaussians.opacities >= opacity)


def merge_voxels(gaussians: Gaussians, size: float) -> Gaussians:
    """Make one Gaussian of all whose means lie in one cube of a grid of `size`, in the means' unit.

    It has their mean, covariance (that within each and that between them) and colour, all weighted by opacity, and the
    largest opacity. Along its two longer axes it is widened, to half a cube at most, until it covers as much as they
    did together: surfaces stay closed as they thin out. Cubes of the world's grid with one Gaussian keep it as it is.

    Raises:
        SettingsError: the size is not positive, or so small that the scene has too many cubes.
    """
    keys = voxel_keys(gaussians.means, size)
    if not len(gaussians):
        return gaussians
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    counts = np.diff(starts, append=len(order))
    alone = chosen(gaussians, np.sort(order[starts[counts == 1]]))
    many = np.repeat(counts > 1, counts)
    if not many.any():
        return gaussians
    part = chosen(gaussians, order[many])
    from_starts = np.concatenate([[0], np.cumsum(counts[counts > 1])[:-1]])
    together = _merged(part, from_starts, counts[counts > 1], size)
    return Gaussians(
        **{
            field.name: np.concatenate([getattr(alone, field.name), getattr(together, field.name)])
            for field in fields(gaussians)
        }
    )


def _merged(part: Gaussians, starts: NDArray[np.intp], counts: NDArray[np.intp], size: float) -> Gaussians:
    """One Gaussian of each run of them, see `merge_voxels`."""
    weights = np.maximum(part.opacities, 1e-6).astype(np.float64)
    weights /= np.repeat(np.add.reduceat(weights, starts), counts)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.add.reduceat(values * weights.reshape(-1, *[1] * (values.ndim - 1)), starts)

    means = mean(part.means.astype(np.float64))
    offset = part.means - np.repeat(means, counts, axis=0)
    axes = rotation_matrices(part.rotations) * part.scales[:, None, :]
    spread = mean(axes.astype(np.float64) @ axes.transpose(0, 2, 1) + offset[:, :, None] * offset[:, None, :])
    variances, turns = np.linalg.eigh(spread)
    turns[:, :, 2] = np.cross(turns[:, :, 0], turns[:, :, 1])  # no mirror
    scales = np.sqrt(np.maximum(variances, 0))  # in rising order
    opacities = np.maximum.reduceat(part.opacities, starts)
    covered = np.add.reduceat(part.opacities * np.sort(part.scales, axis=1)[:, 1:].prod(axis=1), starts)
    covers = np.maximum(opacities * scales[:, 1] * scales[:, 2], np.finfo(np.float64).tiny)
    wider = np.sqrt(np.maximum(covered / covers, 1))[:, None] * scales[:, 1:]
    scales[:, 1:] = np.minimum(wider, np.maximum(scales[:, 1:], size / 2))
    return Gaussians(
        means=means.astype(np.float32),
        scales=scales.astype(np.float32),
        rotations=quaternions(turns.astype(np.float32)),
        opacities=opacities,
        harmonics=mean(part.harmonics.astype(np.float64)).astype(np.float32),
    )
