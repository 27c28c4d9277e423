"""One picture of a scene: the passes of `kernels` in their order."""

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows
from vergence.synthetic.render.device import Processor
from vergence.synthetic.render.intersect import (
    BLOB,
    BLOB_REACH,
    CAPSULE,
    CENTRE,
    ELLIPSOID,
    EXTENT,
    FAR,
    FRUSTUM,
    INVERSE,
    LATHE,
    LOCAL,
    NEAREST,
    NUMBERS,
    RADIUS,
    ROOM,
    SHAPE,
    SIZE,
)
from vergence.synthetic.render.kernels import POWER, cells, compose_rows, edge_rows, light_rows, visible_rows
from vergence.synthetic.scene import Floats, Scene
from vergence.types import Intrinsics

CORNERS = np.array([[x, y, z] for z in (-1.0, 1.0) for y in (-1.0, 1.0) for x in (-1.0, 1.0)])  # in binary order
SKY = -1  # the id of the sky

_Seen = tuple[Any, Floats, Any, Any, Floats, NDArray[np.int64], NDArray[np.int64]]  # Any may be in a GPU's memory


@dataclass(frozen=True)
class Pose:
    """A camera in the world at a moment.

    `rotation` (3, 3) takes the camera's axes (x right, y down, z forward) to the world's; `origin` is (3,) m.
    """

    intrinsics: Intrinsics
    rotation: Floats
    origin: Floats
    time: float = 0.0

    @property
    def world_from_camera(self) -> Floats:
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = self.rotation, self.origin
        return pose

    @property
    def entries(self) -> Floats:
        """The camera as the kernels take it."""
        camera = self.intrinsics
        return np.array([*self.rotation.flat, *self.origin, camera.fx, camera.fy, camera.cx, camera.cy])

    def moved_right(self, metres: float) -> "Pose":
        """The same camera shifted along its own x axis, as the other eye is."""
        return Pose(self.intrinsics, self.rotation, self.origin + metres * self.rotation[:, 0], self.time)


@dataclass(frozen=True)
class Visible:
    """What each pixel's centre sees.

    Attributes:
        depth: (H, W) float32 z in metres, 0 where it is the sky.
        ids: (H, W) int32 primitive, or `SKY`.
        faces: (H, W) uint8, see `intersect`.
    """

    depth: NDArray[np.float32]
    ids: NDArray[np.int32]
    faces: NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """A rendering: `linear` (H, W, 3) float32 light, `normals` (H, W, 3) float32 in the camera's axes, 0 in the sky."""

    linear: NDArray[np.float32]
    visible: Visible
    normals: NDArray[np.float32]


class Renderer:
    """A scene at one moment, ready to be seen by any number of cameras.

    `device` is where its passes run, see `choose_device`. Depth, ids and normals are the same on both to rounding.
    """

    def __init__(self, scene: Scene, time: float = 0.0, *, device: Processor = "cpu") -> None:
        self.scene = scene
        self.device = device
        self._marks: Any = np.stack([scene.kinds, scene.materials_of, scene.casts], axis=1).astype(np.int64)
        self._ground: Any = np.array([scene.spacing, scene.heights.max() + 1e-3, _steepest(scene)])
        self._heights: Any = scene.heights
        self._materials: Any = scene.materials
        self._texels: Any = scene.texels
        if device == "cuda":  # what stays the same from picture to picture goes there once
            from vergence.synthetic.render import cuda

            self._marks, self._ground, self._heights, self._materials, self._texels = cuda.send(
                self._marks, self._ground, self._heights, self._materials, self._texels
            )
        self._place(time)

    def at(self, time: float) -> "Renderer":
        """The same scene at another moment."""
        other = copy(self)
        other._place(time)
        return other

    def _place(self, time: float) -> None:
        """Put the primitives where they are at a moment."""
        scene = self.scene
        rotations, centres = scene.rotations, scene.centres
        if scene.motions:
            moved = scene.transforms(time)
            rotations = moved[:, :3, :3] @ rotations
            centres = np.einsum("nij,nj->ni", moved[:, :3, :3], centres) + moved[:, :3, 3]
        self._corners = centres[:, None] + (CORNERS * (scene.sizes * scene.extents)[:, None]) @ rotations.transpose(
            0, 2, 1
        )
        self.inverse = rotations.transpose(0, 2, 1) / scene.sizes[:, :, None]
        self.centres = centres
        numbers = self._numbers = np.zeros((len(scene.kinds), NUMBERS))
        numbers[:, INVERSE : INVERSE + 9] = self.inverse.reshape(-1, 9)
        numbers[:, CENTRE : CENTRE + 3] = centres
        numbers[:, RADIUS] = _radii(scene)
        numbers[:, SHAPE] = scene.shapes
        numbers[:, SIZE : SIZE + 3] = scene.sizes
        numbers[:, EXTENT : EXTENT + 3] = scene.extents

    def visible(self, pose: Pose) -> Visible:
        """Depth and ids alone, at a fifth of a picture's price."""
        return self._visible(self._seen_from(pose), pose.intrinsics)

    def picture(self, pose: Pose, *, light: float = 1.0) -> Picture:
        """Render; `light` scales every lamp and the sun, as flicker does."""
        scene, rows = self.scene, pose.intrinsics.height
        world = self._seen_from(pose)
        lights = scene.lights.copy()
        lights[:, POWER : POWER + 3] *= light
        air = np.concatenate([scene.ambient, [scene.fog], scene.haze, scene.sky])
        if self.device == "cuda":
            from vergence.synthetic.render import cuda

            smooth, depth, ids, faces, normals = cuda.picture(
                world, self._materials, self._texels, lights, air, rows, pose.intrinsics.width
            )
            return Picture(smooth, Visible(depth, ids, faces), normals)
        visible = self._visible(world, pose.intrinsics)
        depth, ids = visible.depth, visible.ids
        albedo, received, extra, normals, linear, smooth = np.empty((6, *depth.shape, 3), np.float32)
        by_rows(
            light_rows, rows, *world[:5], self._materials, self._texels, lights, air,
            depth, ids, visible.faces, albedo, received, extra, normals,
        )  # fmt: skip
        by_rows(compose_rows, rows, air, depth, ids, albedo, received, extra, normals, linear)
        by_rows(edge_rows, rows, *world, ids, linear, smooth)
        return Picture(smooth, visible, normals)

    def _seen_from(self, pose: Pose) -> _Seen:
        """The primitives, the ground, the camera and the lists of its cells, as the kernels take them."""
        camera = pose.intrinsics
        entries = pose.entries
        seen = (self._corners - pose.origin) @ pose.rotation
        kinds = self.scene.kinds
        nearest = np.where(kinds >= ROOM, -FAR, seen[:, :, 2].min(axis=1))
        starts, members = cells(kinds, seen, nearest, camera.width, camera.height, entries)
        numbers = self._numbers.copy()
        numbers[:, LOCAL : LOCAL + 3] = np.einsum("nij,nj->ni", self.inverse, pose.origin - self.centres)
        numbers[:, NEAREST] = nearest
        return self._marks, numbers, self._heights, self._ground, entries, starts, members

    def _visible(self, world: _Seen, camera: Intrinsics) -> Visible:
        if self.device == "cuda":
            from vergence.synthetic.render import cuda

            return Visible(*cuda.visible(world, camera.height, camera.width))
        shape = (camera.height, camera.width)
        seen = Visible(np.empty(shape, np.float32), np.empty(shape, np.int32), np.empty(shape, np.uint8))
        by_rows(visible_rows, camera.height, *world, seen.depth, seen.ids, seen.faces)
        return seen


def _radii(scene: Scene) -> Floats:
    """Radius of the ball around each primitive, m; tighter than its box's where the shape is round."""
    sizes, kinds = scene.sizes * scene.extents, scene.kinds
    radii = np.linalg.norm(sizes, axis=1)
    widest = sizes[:, :2].max(axis=1)
    sizes = np.where((kinds == BLOB)[:, None], sizes * BLOB_REACH, sizes)
    is_round = (kinds == ELLIPSOID) | (kinds == CAPSULE) | (kinds == BLOB)
    radii = np.where(is_round, sizes.max(axis=1), radii)
    radii = np.where((kinds == FRUSTUM) | (kinds == LATHE), np.hypot(widest, sizes[:, 2]), radii)
    return np.where(kinds >= ROOM, FAR, radii * (1 + 1e-6))


def _steepest(scene: Scene) -> float:
    """An upper bound of the terrain's slope: bilinear patches are steepest along their edges."""
    steps = [np.abs(np.roll(scene.heights, -1, axis) - scene.heights).max() for axis in (0, 1)]
    return float(np.hypot(*steps) / scene.spacing) + 1e-6
