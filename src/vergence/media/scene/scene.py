"""What a scene is made of."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import MediaError, ShapeError
from vergence.types import Camera, DepthMap, Gaussians, Intrinsics, PointCloud

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
        pose = self.camera.world_from_camera
        turn = pose[:3, :3]
        if not (np.isfinite(pose).all() and np.allclose(turn @ turn.T, np.eye(3), atol=1e-3) and _det(turn) > 0):
            raise ShapeError(f"the pose of {self.name} is no rotation and translation: {np.round(pose, 3).tolist()}")

    @property
    def camera(self) -> Camera:
        """The camera by itself."""
        return Camera(self.intrinsics, self.world_from_camera)


@dataclass(frozen=True)
class Scene:
    """Views of one world, and what was found there; all in that world's axes.

    Attributes:
        views: in order.
        cloud: points, or None.
        triangles: (M, 3) int32 indices into the cloud's points, counter-clockwise where seen from outside; or None.
        gaussians: or None.
        sightings: for each view which points of the cloud it is known to see, (K,) int32 indices; or None.
    """

    views: tuple[View, ...] = ()
    cloud: PointCloud | None = None
    triangles: NDArray[np.int32] | None = None
    gaussians: Gaussians | None = None
    sightings: tuple[NDArray[np.int32], ...] | None = None

    def __post_init__(self) -> None:
        count = 0 if self.cloud is None else len(self.cloud.points)
        if self.sightings is not None and len(self.sightings) != len(self.views):
            raise ShapeError(f"{len(self.views)} views came with what {len(self.sightings)} see; needed is each one's")
        if self.triangles is None:
            return
        if self.triangles.ndim != 2 or self.triangles.shape[1] != 3 or self.triangles.dtype != np.int32:
            raise ShapeError(f"triangles are (M, 3) int32, not {self.triangles.shape} {self.triangles.dtype}")
        if self.triangles.size and not 0 <= self.triangles.min() <= self.triangles.max() < count:
            raise ShapeError(f"triangles name points from 0 to {count - 1}; some lie outside")


def read_whole(path: Path) -> bytes:
    """The bytes of a file; raises `MediaError` where there is none to read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise MediaError(f"there is no file {path}") from error
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error


def read_json(path: Path) -> Any:
    """What a JSON file holds; raises `MediaError` where there is none, or it is damaged."""
    try:
        return json.loads(read_whole(path))
    except (ValueError, RecursionError) as error:
        raise MediaError(f"{path} is damaged or no JSON ({error}); get a whole copy") from error


def _det(matrix: NDArray[np.float64]) -> float:
    return float(np.linalg.det(matrix))
