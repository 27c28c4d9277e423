"""The similarity between two sets of matching points: a scale, a rotation and a translation."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import ShapeError

DEGENERATE = 1e-10  # of the largest singular value; points that vary less along a direction lie flat in it
HUBER = 1.345  # standard deviations from which on a point pulls with constant force: 95 % as sure as least squares
MAD = 1.4826  # makes the median absolute deviation of a normal distribution its standard deviation
ROUNDS = 20  # of reweighting at most; two to eight are needed
SETTLED = 1e-6  # share of the standard deviation that the points may still move by in the last round


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

    def __matmul__(self, first: "Similarity") -> "Similarity":
        """The similarity that does `first` and then this one: `c_from_b @ b_from_a`."""
        return Similarity(
            self.scale * first.scale,
            self.rotation @ first.rotation,
            self.apply(first.translation),
            min(self.rank, first.rank),
        )

    def inverse(self) -> "Similarity":
        """The way back: source from target."""
        back = self.rotation.T
        return Similarity(1 / self.scale, back, -back @ self.translation / self.scale, self.rank)


def identity() -> Similarity:
    """The similarity that leaves everything where it is."""
    return Similarity(1.0, np.eye(3), np.zeros(3))


def fit_similarity(
    source: NDArray[np.floating[Any]],
    target: NDArray[np.floating[Any]],
    *,
    weights: NDArray[np.floating[Any]] | None = None,
    scale: float | None = None,
) -> Similarity:
    """Find the similarity that brings `source` nearest to `target`, both (N, 3), by weighted least squares.

    The closed form of Umeyama ("Least-squares estimation of transformation parameters between two point patterns",
    1991). `weights` are (N,), not negative; `scale` is found unless it is given.

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
    if scale is None:
        scale = float(singular @ mirror) / variance
    return Similarity(
        scale,
        rotation,
        target_mean - scale * rotation @ source_mean,
        int(np.count_nonzero(singular > DEGENERATE * singular[0])),
    )


def fit_similarity_robust(
    source: NDArray[np.floating[Any]],
    target: NDArray[np.floating[Any]],
    *,
    weights: NDArray[np.floating[Any]] | None = None,
    scale: float | None = None,
) -> Similarity:
    """Find the similarity that brings most of `source` near `target`, both (N, 3), whatever the rest does.

    Iteratively reweighted least squares with the weights of P. Huber ("Robust estimation of a location parameter",
    1964): a pair's pull stops growing with its distance at 1.345 standard deviations, which the median distance tells.
    `weights` are (N,), not negative, one over a pair's variance up to a factor: distances count in their square root,
    so that a point twice as uncertain may lie twice as far off. `scale` is found unless it is given.

    Raises:
        ShapeError: as `fit_similarity`.
    """
    surety = np.ones(len(source)) if weights is None else weights.astype(np.float64)
    found = fit_similarity(source, target, weights=surety, scale=scale)
    told = surety > 0
    root = np.sqrt(surety[told])
    past = found.apply(source[told])
    for _ in range(ROUNDS):
        distance = root * np.linalg.norm(past - target[told], axis=1)
        bound = HUBER * MAD * float(np.median(distance))
        if bound <= 0:  # half of them match to the last digit
            break
        reweighted = surety.copy()
        reweighted[told] *= np.minimum(1.0, bound / np.maximum(distance, bound))
        found = fit_similarity(source, target, weights=reweighted, scale=scale)
        moved = found.apply(source[told])
        change = float((root * np.linalg.norm(moved - past, axis=1)).max())
        past = moved
        if change < SETTLED * bound:
            break
    return found


def camera_centres(extrinsics: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(..., 3) where the cameras of (..., 3 or 4, 4) camera_from_world stand."""
    pose = extrinsics.astype(np.float64)
    centres: NDArray[np.float64] = -np.einsum("...ij,...i->...j", pose[..., :3, :3], pose[..., :3, 3])
    return centres
