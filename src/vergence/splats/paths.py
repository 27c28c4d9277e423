"""Where a camera goes to show a scene: around it, swaying before it, or along given poses.

Poses are (4, 4) world_from_camera with OpenCV axes; y points down in the world.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan, cos, pi, radians, sin, tan
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.geometry.pose import quaternions, rotation_matrices
from vergence.types import Intrinsics

PathName = Literal["auto", "orbit", "wiggle", "spline"]
Pose = NDArray[np.float64]

BEFORE = 0.98  # share of a scene before the origin's camera from which on that camera is taken to have made it
COMMON_FOV = radians(60)  # over the longer side, where a scene does not say
COMMON_ASPECT = 16 / 9
MARGIN = 1.1  # of the distance at which a scene would just fill the picture
SWAY = 0.08  # of the distance of near things: how far a camera sways to either side
NEAR_PLANE = 0.02  # of the distance of near things


@dataclass(frozen=True)
class Home:
    """The view a scene is first shown from.

    Attributes:
        world_from_camera: (4, 4).
        focus: how far before the camera the scene's middle lies.
        nearest: how far its near things lie, the same unit.
        tangents: of half the angles across and down that the scene fills.
        is_only_side: the scene was made from here, and shows nothing of its back.
    """

    world_from_camera: Pose
    focus: float
    nearest: float
    tangents: tuple[float, float]
    is_only_side: bool

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.tangents[0] / self.tangents[1]

    @property
    def near_plane(self) -> float:
        """What is nearer to a camera on its way is not drawn."""
        return NEAR_PLANE * self.nearest

    def camera(self, width: int, height: int, fov_x: float | None = None) -> Intrinsics:
        """A camera for pictures of this size that shows all of the scene, or what `fov_x` (radians) takes in."""
        tangent = tan(fov_x / 2) if fov_x else max(self.tangents[0], self.tangents[1] * width / height)
        focal = width / 2 / tangent
        return Intrinsics(focal, focal, width / 2, height / 2, width, height)


def home(means: NDArray[np.float32]) -> Home:
    """Find a place to look from, for a scene of (N, 3) means.

    A scene that lies before a camera at the origin was most likely made from there, as a photo's is: that is its home,
    with the angle the scene fills. Any other is looked at from where all of it is seen, along z.

    Raises:
        SettingsError: there is nothing to see.
    """
    means = means[np.isfinite(means).all(axis=1)].astype(np.float64)
    if not len(means):
        raise SettingsError("there is nothing to see in an empty scene; give one with at least one point")
    is_before = means[:, 2] > 0
    if is_before.mean() >= BEFORE:
        x, y, z = means[is_before].T
        across, down = (float(np.quantile(np.abs(part / z), 0.99)) for part in (x, y))
        if across < tan(radians(80)) and down < tan(radians(80)) and across > 0 and down > 0:
            nearest, focus = np.quantile(z, (0.05, 0.5))
            return Home(np.eye(4), float(focus), float(nearest), (across, down), is_only_side=True)
    middle = np.median(means, axis=0)
    radius = float(np.quantile(np.linalg.norm(means - middle, axis=1), 0.9)) or 1.0
    across = tan(COMMON_FOV / 2)
    down = across / COMMON_ASPECT
    focus = MARGIN * radius / sin(atan(down))
    pose = np.eye(4)
    pose[:3, 3] = middle - [0, 0, focus]
    return Home(pose, float(focus), float(focus - radius), (across, down), is_only_side=False)


def orbit(home: Home, frames: int, *, degrees: float = 360) -> list[Pose]:
    """Around the scene's middle at the height of the eye; less than 360 degrees are swung to both sides and back."""
    about = home.world_from_camera.copy()
    about[:3, 3] += about[:3, 2] * home.focus
    out = np.eye(4)
    out[2, 3] = -home.focus
    poses = []
    for index in range(frames):
        turn = 2 * pi * index / frames
        angle = turn if degrees == 360 else radians(degrees) / 2 * sin(turn)
        poses.append(about @ _yaw(angle) @ out)
    return poses


def wiggle(home: Home, frames: int, *, reach: float = SWAY) -> list[Pose]:
    """A small ellipse before the scene, looking at its middle; it ends where it began.

    `reach` is how far to either side, as a share of the distance of near things.
    """
    poses = []
    for index in range(frames):
        turn = 2 * pi * index / frames
        side, rise = reach * home.nearest * sin(turn), -reach * home.nearest / 3 * (1 - cos(turn)) / 2
        poses.append(home.world_from_camera @ _looking(np.array([side, rise, 0.0]), np.array([0, 0, home.focus])))
    return poses


def tour(home: Home) -> list[Pose]:
    """Poses for `spline` where none are given: closer, to one side, to the other and back home."""
    step = 1.5 * SWAY * home.nearest
    places = [(0, 0, 0), (1, 0, 0.8), (0, -0.4, 2), (-1, 0, 0.8), (0, 0, 0)]
    focus = np.array([0, 0, home.focus])
    return [home.world_from_camera @ _looking(np.array(place) * step, focus) for place in places]


def spline(keys: Sequence[Pose], frames: int) -> list[Pose]:
    """Smoothly through given poses, the first and the last included, in equal time from each to the next.

    Places and turns follow uniform Catmull-Rom splines, of quaternions for the turns, which are made unit again.

    Raises:
        SettingsError: there are less than two poses.
    """
    if len(keys) < 2:
        raise SettingsError(f"a path needs at least 2 poses to go through, not {len(keys)}")
    places = np.array([key[:3, 3] for key in keys])
    turns = quaternions(np.array([key[:3, :3] for key in keys], np.float64))
    for index in range(1, len(turns)):
        if turns[index] @ turns[index - 1] < 0:  # of the two that mean one turn, the nearer
            turns[index] *= -1
    poses = []
    for moment in np.linspace(0, len(keys) - 1, frames):
        pose = np.eye(4)
        turn = _catmull_rom(turns, moment)
        pose[:3, :3] = rotation_matrices(turn)
        pose[:3, 3] = _catmull_rom(places, moment)
        poses.append(pose)
    return poses


def _catmull_rom(values: NDArray[np.float64], moment: float) -> NDArray[np.float64]:
    last = len(values) - 1
    first = min(int(moment), last - 1)
    t = moment - first
    p1, p2 = values[first], values[first + 1]
    p0 = values[first - 1] if first > 0 else 2 * p1 - p2
    p3 = values[first + 2] if first + 2 <= last else 2 * p2 - p1
    cubic = (2 * p0 - 5 * p1 + 4 * p2 - p3) * t + (3 * p1 - p0 - 3 * p2 + p3) * t * t
    return np.asarray(p1 + (t * (p2 - p0) + t * cubic) / 2, np.float64)


def _looking(place: NDArray[np.float64], focus: NDArray[np.float64]) -> Pose:
    """A level camera at `place` that looks at `focus`."""
    forward = (focus - place) / np.linalg.norm(focus - place)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.column_stack([right, np.cross(forward, right), forward, place])
    return pose


def _yaw(angle: float) -> Pose:
    """A turn about the axis that points down: of a camera, to its left."""
    pose = np.eye(4)
    pose[0, 0] = pose[2, 2] = cos(angle)
    pose[0, 2], pose[2, 0] = -sin(angle), sin(angle)
    return pose
