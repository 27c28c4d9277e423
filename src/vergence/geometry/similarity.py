"""The similarity between two sets of matching points: a scale, a rotation and a translation."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import ShapeError

DEGENERATE = 1e-10  # of the largest singular value; points that vary less along a direction lie flat in it


@dataclass(frozen=True)
class Similarity:
    """`target = scale * rotation @ source + translation`.

    Attributes:
        scale: target units in one of source.
        rotation: (3, 3).
        translation: (3,), target units.
        rank: in how many directions the points vary; under 2 a rotation about their line is any.
    """

    scale: float
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    rank: int = 3

    def apply(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(..., 3) points of the source, in the target."""
        moved: NDArray[np.float64] = self.scale * points.astype(np.float64) @ self.rotation.T + self.translation
        return moved

    def apply_to_poses(self, world_from_camera: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(..., 4, 4) poses in the source's world, in the target's; rotations stay rotations."""
        moved = world_from_camera.astype(np.float64)
        moved[..., :3, :3] = self.rotation @ moved[..., :3, :3]
        moved[..., :3, 3] = self.apply(moved[..., :3, 3])
        return moved


def fit_similarity(
    source: NDArray[np.floating[Any]],
    target: NDArray[np.floating[Any]],
    *,
    weights: NDArray[np.floating[Any]] | None = None,
) -> Similarity:
    """Find the similarity that brings `source` nearest to `target`, both (N, 3), by weighted least squares.

    The closed form of Umeyama ("Least-squares estimation of transformation parameters between two point patterns",
    1991). `weights` are (N,), not negative.

    Raises:
        ShapeError: the points do not match, or all of one set are in the same place.
    """
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 3 or len(source) == 0:
        raise ShapeError(f"points to align are (N, 3) twice, not {source.shape} and {target.shape}")
    share = np.ones(len(source)) if weights is None else weights.astype(np.float64)
    total = share.sum()
    if share.shape != (len(source),) or not total > 0:
        raise ShapeError(f"weights of {len(source)} points are so many, some above 0, not {share.shape}")
    share = share / total
    source_mean, target_mean = share @ source.astype(np.float64), share @ target.astype(np.float64)
    x, y = source - source_mean, target - target_mean
    variance = float(share @ (x**2).sum(axis=1))
    u, singular, vt = np.linalg.svd((y * share[:, None]).T @ x)
    if variance <= 0 or singular[0] <= 0:
        raise ShapeError(f"{len(source)} points to align are all in one place; needed are two that differ")
    mirror = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * mirror) @ vt
    scale = float(singular @ mirror) / variance
    return Similarity(
        scale,
        rotation,
        target_mean - scale * rotation @ source_mean,
        int(np.count_nonzero(singular > DEGENERATE * singular[0])),
    )


def camera_centres(extrinsics: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(..., 3) where the cameras of (..., 3 or 4, 4) camera_from_world stand."""
    pose = extrinsics.astype(np.float64)
    centres: NDArray[np.float64] = -np.einsum("...ij,...i->...j", pose[..., :3, :3], pose[..., :3, 3])
    return centres
