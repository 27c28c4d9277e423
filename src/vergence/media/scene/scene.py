"""What a scene is made of."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vergence.errors import MediaError, ShapeError
from vergence.media.ply import PointCloud
from vergence.types import DepthMap, Gaussians, Intrinsics

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])  # axes of a camera that looks along -z with y up, from OpenCV's and back


@dataclass(frozen=True)
class View:
    """One picture of a scene and its camera.

    Attributes:
        name: of the picture's file, as the scene's file has it.
        intrinsics: of that picture, px.
        world_from_camera: (4, 4) float64 rigid pose, OpenCV axes, metres where the scale is known.
        depth: of the picture, or None.
    """

    name: str
    intrinsics: Intrinsics
    world_from_camera: NDArray[np.float64]
    depth: DepthMap | None = None

    def __post_init__(self) -> None:
        pose = self.world_from_camera
        if pose.shape != (4, 4) or pose.dtype != np.float64:
            raise ShapeError(f"a pose is (4, 4) float64, not {pose.shape} {pose.dtype}")
        turn = pose[:3, :3]
        if not (np.isfinite(pose).all() and np.allclose(turn @ turn.T, np.eye(3), atol=1e-3) and _det(turn) > 0):
            raise ShapeError(f"the pose of {self.name} is no rotation and translation: {np.round(pose, 3).tolist()}")


@dataclass(frozen=True)
class Scene:
    """Views of one world, and what was found there; all in that world's axes.

    Attributes:
        views: in order.
        cloud: points, or None.
        triangles: (M, 3) int32 indices into the cloud's points, counter-clockwise where seen from outside; or None.
        gaussians: or None.
    """

    views: tuple[View, ...] = ()
    cloud: PointCloud | None = None
    triangles: NDArray[np.int32] | None = None
    gaussians: Gaussians | None = None

    def __post_init__(self) -> None:
        if self.triangles is None:
            return
        count = 0 if self.cloud is None else len(self.cloud.points)
        if self.triangles.ndim != 2 or self.triangles.shape[1] != 3 or self.triangles.dtype != np.int32:
            raise ShapeError(f"triangles are (M, 3) int32, not {self.triangles.shape} {self.triangles.dtype}")
        if self.triangles.size and not 0 <= self.triangles.min() <= self.triangles.max() < count:
            raise ShapeError(f"triangles name points from 0 to {count - 1}; some lie outside")


def rotation_of(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (3, 3) rotation of a quaternion wxyz of any length but 0."""
    w, x, y, z = np.asarray(quaternion, np.float64) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_of(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The unit quaternion wxyz, w >= 0, of a (3, 3) rotation.

    The eigenvector of I. Bar-Itzhack, "New method for extracting the quaternion from a rotation matrix" (2000): exact
    near half turns, where formulas with the trace lose digits.
    """
    (a, b, c), (d, e, f), (g, h, i) = rotation
    k = np.array(
        [
            [a + e + i, h - f, c - g, d - b],
            [h - f, a - e - i, b + d, c + g],
            [c - g, b + d, e - a - i, f + h],
            [d - b, c + g, f + h, i - a - e],
        ]
    )
    quaternion = np.linalg.eigh(k)[1][:, -1]
    return np.asarray(-quaternion if quaternion[0] < 0 else quaternion, np.float64)


def pose(rotation: NDArray[np.float64], translation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (4, 4) rigid transform of a (3, 3) rotation and a (3,) translation."""
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = rotation, translation
    return result


def inverse(rigid: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of a (4, 4) rigid transform."""
    turn = rigid[:3, :3].T
    return pose(turn, -turn @ rigid[:3, 3])


def read_whole(path: Path) -> bytes:
    """The bytes of a file; raises `MediaError` where there is none to read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise MediaError(f"there is no file {path}") from error
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error


def _det(matrix: NDArray[np.float64]) -> float:
    return float(np.linalg.det(matrix))
