"""Several views of one world in one cloud."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.errors import SettingsError, ShapeError
from vergence.geometry.rows import by_rows
from vergence.points.voxel import VoxelGrid
from vergence.types import Camera, PointCloud

F = np.float32


@dataclass(frozen=True)
class DepthView:
    """What a camera saw: z-depth (h, w) float32, 0 where nothing is known, and the camera of that (w, h) picture."""

    z: NDArray[np.float32]
    camera: Camera

    def __post_init__(self) -> None:
        lens = self.camera.intrinsics
        if self.z.shape != (lens.height, lens.width) or self.z.dtype != np.float32:
            raise ShapeError(
                f"depth is {self.z.shape} {self.z.dtype}, but its camera for {lens.width}x{lens.height} float32"
            )


def moved(cloud: PointCloud, world_from_camera: NDArray[np.float64]) -> PointCloud:
    """Bring a cloud from its camera's axes to the world's, by a (4, 4) rigid pose."""
    turn, shift = world_from_camera[:3, :3], world_from_camera[:3, 3]
    return PointCloud(
        (cloud.points @ turn.T + shift).astype(np.float32),
        cloud.colours,
        None if cloud.normals is None else (cloud.normals @ turn.T).astype(np.float32),
        cloud.confidence,
    )


def fuse(clouds: Iterable[PointCloud], *, voxel: float | None = None) -> PointCloud:
    """Put clouds of one world together.

    With a `voxel` size there is one point a cube, the mean of all in it, and no more than two clouds are held at a
    time: that so far and the next. None keeps every point.

    Raises:
        SettingsError: voxels are so small that the scene has too many.
        ShapeError: some clouds have normals or confidence and others have none.
    """
    if voxel is None:
        return joined(list(clouds))
    grid = VoxelGrid(voxel)
    for cloud in clouds:
        grid.add(cloud)
    return grid.cloud()


def joined(clouds: Sequence[PointCloud]) -> PointCloud:
    """All points of all clouds; raises `ShapeError` as `fuse`."""
    arrays: dict[str, Any] = {}
    for field in fields(PointCloud):
        parts = [part for cloud in clouds if (part := getattr(cloud, field.name)) is not None]
        if len(parts) not in (0, len(clouds)):
            raise ShapeError(f"clouds to put together have {field.name} all or none")
        arrays[field.name] = np.concatenate(parts) if parts else None
    if not clouds:
        return PointCloud.empty()
    return PointCloud(**arrays)


def is_contradicted(points: NDArray[np.float32], views: Sequence[DepthView], *, tolerance: float) -> NDArray[np.bool_]:
    """Which points (N, 3) more views see through than agree with.

    A view agrees with a point where its depth, in one of the 3 x 3 pixels about where the point falls, is that of the
    point within a share of `tolerance`. It sees through it where all of them are farther than that. Where it looks at
    something nearer, beside the picture or at nothing known it says nothing.

    Raises:
        SettingsError: the tolerance is no share between 0 and 1.
    """
    if not 0 < tolerance < 1:
        raise SettingsError(f"depths agree within a share between 0 and 1, not {tolerance:g}")
    votes = np.zeros(len(points), np.int32)
    for view in views:
        lens = view.camera.intrinsics
        camera_from_world = np.linalg.inv(view.camera.world_from_camera)
        matrix = np.diag([lens.fx, lens.fy, 1.0]) @ camera_from_world[:3]
        matrix += np.outer([lens.cx, lens.cy, 0], camera_from_world[2])
        by_rows(_vote, len(points), points, view.z, matrix, F(tolerance), votes)
    return np.asarray(votes < 0)


@njit(nogil=True, cache=True)
def _vote(first, last, points, depth, pixel_from_world, tolerance, votes):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    m = pixel_from_world
    for i in range(first, last):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        there = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
        if there <= 0:
            continue
        u = int(np.floor((m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]) / there))
        v = int(np.floor((m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]) / there))
        if not (0 <= u < width and 0 <= v < height):
            continue
        agrees, farther, known = False, 0, 0
        for row in range(max(v - 1, 0), min(v + 2, height)):
            for column in range(max(u - 1, 0), min(u + 2, width)):
                seen = depth[row, column]
                if seen <= 0:
                    continue
                known += 1
                if abs(seen - there) <= tolerance * there:
                    agrees = True
                elif seen > there:
                    farther += 1
        if agrees:
            votes[i] += 1
        elif known > 0 and farther == known:
            votes[i] -= 1
