"""How far the cameras found of a film are from where they were.

The two errors of J. Sturm et al., "A Benchmark for the Evaluation of RGB-D SLAM Systems" (2012), Sec. VI: the absolute
one tells how well the whole path lies on the true one, the relative one how fast it strays. What is found of pictures
has a world and a unit of its own, so it is brought onto the truth by a similarity first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vergence.errors import ShapeError
from vergence.geometry.pose import inverse
from vergence.geometry.rotation import rotation_vector
from vergence.geometry.similarity import fit_similarity

SEGMENT = 0.1  # of the path, over which relative errors are measured


@dataclass(frozen=True)
class TrajectoryErrors:
    """Errors of N cameras; metres where the truth is in metres.

    Attributes:
        path: length of the true path, m.
        scale: metres in one of the found unit.
        absolute: root mean square distance between the cameras' centres and the true ones, m.
        relative: root mean square error of the way over each tenth of the path, as a share of it.
        turn: root mean square error of the turn over each tenth of the path, degrees per metre.
    """

    path: float
    scale: float
    absolute: float
    relative: float
    turn: float

    @property
    def drift(self) -> float:
        """The absolute error as a share of the path."""
        return self.absolute / self.path


def trajectory_errors(found: NDArray[np.float64], truth: NDArray[np.float64]) -> TrajectoryErrors:
    """Compare (N, 4, 4) world_from_camera with the true ones, after the similarity that brings the centres nearest.

    Raises:
        ShapeError: they are not as many, or the camera stands still, which has no scale.
    """
    if found.shape != truth.shape or found.ndim != 3 or found.shape[1:] != (4, 4):
        raise ShapeError(f"poses to compare are (N, 4, 4) twice, not {found.shape} and {truth.shape}")
    centres = truth[:, :3, 3]
    fitted = fit_similarity(found[:, :3, 3], centres)
    ours = fitted.apply_to_poses(found)
    absolute = float(np.sqrt(((ours[:, :3, 3] - centres) ** 2).sum(axis=1).mean()))
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(centres, axis=0), axis=1))])
    path = float(way[-1])
    pairs = segments(way, SEGMENT * path)
    lengths = np.array([way[end] - way[start] for start, end in pairs])
    translations, turns = relative_errors(ours, truth, pairs)
    return TrajectoryErrors(
        path,
        fitted.scale,
        absolute,
        float(np.sqrt(((translations / lengths) ** 2).mean())),
        float(np.degrees(np.sqrt(((turns / lengths) ** 2).mean()))),
    )


def segments(way: NDArray[np.float64], length: float) -> list[tuple[int, int]]:
    """Pairs of frames between which the camera goes `length` or a little more; `way` is (N,), gone till each frame."""
    ends = np.searchsorted(way, way + length)
    return [(start, int(end)) for start, end in enumerate(ends) if end < len(way)]


def relative_errors(
    found: NDArray[np.float64], truth: NDArray[np.float64], pairs: list[tuple[int, int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors of the motion between pairs of frames, in the truth's unit and rad, of (N, 4, 4) poses in that unit."""
    translations, turns = [], []
    for start, end in pairs:
        true_motion = inverse(truth[start]) @ truth[end]
        error = inverse(true_motion) @ inverse(found[start]) @ found[end]
        translations.append(np.linalg.norm(error[:3, 3]))
        turns.append(np.linalg.norm(rotation_vector(error[:3, :3])))
    return np.array(translations), np.array(turns)
