"""Where the camera stands, what a picture must show to be worth taking, and how the camera moves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import cos, pi, radians, sin, tan
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vergence.synthetic.builder import Dice
from vergence.synthetic.kinds.sight import Sight
from vergence.synthetic.render.intersect import GROUND, ROOM, TERRAIN, height_at
from vergence.synthetic.render.picture import Pose, Renderer, Visible
from vergence.synthetic.scene import Floats, Scene
from vergence.types import Intrinsics

CameraMotion = Literal["handheld", "dolly", "pan", "static"]
CAMERA_MOTIONS: tuple[CameraMotion, ...] = get_args(CameraMotion)

USUAL_FOV, ANY_FOV = (38.0, 92.0), (25.0, 110.0)  # degrees, horizontal
PROBE = 48  # px across the small picture that a view is judged by
CLEARANCE = 0.12  # m, nothing is nearer
LEAST_MEDIAN = 0.25  # m
MOST_SKY = 0.75
FEWEST_PRIMITIVES = 3
LEAST_SHARE = 0.004  # of the picture, for a primitive to count as seen
MOST_PLACE = 0.93  # of what is seen, that may be floor, walls or land
LEAST_CONTRAST = 1.3  # far over near: the depths at 95 % and 5 %
PATH_CHECKS = 9  # moments at which a path is tried
SHRINK = (1.0, 0.5, 0.25, 0.1, 0.0)  # of a path that runs into something


def place_camera(sight: Sight, dice: Dice, width: int, height: int) -> Pose:
    """A camera at a sight, with a lens, a slight roll, and the principal point in the middle."""
    low, high = USUAL_FOV if dice.chance(0.8) else ANY_FOV
    fov = sight.fov or radians(dice.uniform(low, high))
    roll = radians(dice.gauss(0, 3 if dice.chance(0.8) else 12))
    # An upright picture is a turned camera: its lens is as wide along the longer side.
    f = max(width, height) / 2 / tan(fov / 2)
    return Pose(
        Intrinsics(f, f, width / 2, height / 2, width, height),
        facing(sight.yaw, sight.pitch) @ _about(2, roll),
        np.array(sight.eye),
    )


def facing(yaw: float, pitch: float) -> Floats:
    """(3, 3) world_from_camera looking along `yaw` (from +y to the left) and `pitch` (up), rad."""
    forward = np.array([-sin(yaw) * cos(pitch), cos(yaw) * cos(pitch), sin(pitch)])
    right = np.array([cos(yaw), sin(yaw), 0.0])
    return np.stack([right, np.cross(forward, right), forward], axis=1)


def is_clear(renderer: Renderer, point: Floats) -> bool:
    """Whether nothing lies within `CLEARANCE` of a point, and it is inside the room and above the ground."""
    scene = renderer.scene
    local = np.einsum("nij,nj->ni", renderer.inverse, point - renderer.centres)
    gap = (np.abs(local) - scene.extents) * scene.sizes
    bounded = scene.kinds < ROOM
    if bool((np.hypot.reduce(np.maximum(gap, 0), axis=1) < CLEARANCE)[bounded].any()):
        return False
    rooms = scene.kinds == ROOM
    if rooms.any() and bool((gap[rooms] > -CLEARANCE).any()):
        return False
    if bool(((scene.kinds == GROUND) & (local[:, 2] < CLEARANCE)).any()):
        return False
    land = height_at(scene.heights, scene.spacing, point[0], point[1])
    return not (scene.kinds == TERRAIN).any() or bool(point[2] > land + CLEARANCE)


def is_worth_taking(renderer: Renderer, pose: Pose) -> bool:
    """Whether a view shows several things at several depths, none too near, and not mostly sky."""
    camera = pose.intrinsics
    small = camera.resized(PROBE, max(8, round(PROBE * camera.height / camera.width)))
    return _shows_enough(renderer.visible(replace(pose, intrinsics=small)), renderer.scene.kinds)


def _shows_enough(visible: Visible, kinds: NDArray[np.int64]) -> bool:
    seen = visible.ids >= 0
    if seen.mean() < 1 - MOST_SKY:
        return False
    depth = visible.depth[seen]
    low, middle, high = np.quantile(depth, (0.05, 0.5, 0.95))
    counts = np.bincount(visible.ids[seen], minlength=len(kinds))
    return bool(
        depth.min() >= CLEARANCE
        and middle >= LEAST_MEDIAN
        and high >= LEAST_CONTRAST * low
        and counts[kinds >= ROOM].sum() <= MOST_PLACE * depth.size
        and (counts >= LEAST_SHARE * seen.size).sum() >= FEWEST_PRIMITIVES
    )


@dataclass(frozen=True)
class Path:
    """How a camera moves from `start`.

    Attributes:
        velocity: m/s in the camera's own axes at the start.
        turn: rad/s about the camera's x (tilt) and the world's z (pan).
        sway: (waves, 6) amplitudes of trembling, m and rad along and about the camera's axes.
        rates, phases: (waves,) 1/s, and (waves, 6).
        duration: s; movement eases in and out over it.
    """

    start: Pose
    velocity: Floats
    turn: tuple[float, float]
    sway: Floats
    rates: Floats
    phases: Floats
    duration: float

    def at(self, time: float) -> Pose:
        share = min(1.0, max(0.0, time / self.duration)) if self.duration else 0.0
        way = self.duration * (share + (share * share * (3 - 2 * share) - share) * 0.5)  # starts and ends at half speed
        waves = np.sin(2 * pi * (self.rates[:, None] * time + self.phases)) - np.sin(2 * pi * self.phases)
        tremble = (self.sway * waves).sum(axis=0)
        pose = self.start
        pan = _about(2, self.turn[1] * way) @ pose.rotation
        rotation = pan @ _about(0, self.turn[0] * way + tremble[3]) @ _about(1, tremble[4]) @ _about(2, tremble[5])
        origin = pose.origin + pose.rotation @ (self.velocity * way + tremble[:3])
        return Pose(pose.intrinsics, rotation, origin, time)


def draw_path(start: Pose, motion: CameraMotion, duration: float, dice: Dice) -> Path:
    """A path of the given manner, of random speed and direction."""
    rates = [0.25, 0.6, 1.3, 2.7]  # 1/s: sway of the body to tremble of the hand
    if motion in ("static", "pan"):
        trembling = 0.0
    else:
        trembling = dice.uniform(0.5, 3.0) * (1.0 if motion == "handheld" else 0.25)
    sway = [
        [trembling * dice.gauss(0, size) / rate for size in (0.006, 0.006, 0.004, 0.004, 0.004, 0.003)]
        for rate in rates
    ]
    velocity, turn = (0.0, 0.0, 0.0), (0.0, 0.0)
    if motion == "dolly":
        speed, angle = dice.uniform(0.15, 1.2), dice.choice((0.0, pi, pi / 2, -pi / 2)) + dice.gauss(0, 0.3)
        velocity = (speed * sin(angle), dice.gauss(0, 0.05) * speed, speed * cos(angle))
    if motion == "pan":
        turn = (radians(dice.gauss(0, 3)), radians(dice.uniform(4, 30)) * dice.choice((-1, 1)))
    return Path(
        start,
        np.array(velocity),
        turn,
        np.array(sway),
        np.array(rates) * dice.uniform(0.8, 1.25),
        np.array([[dice.random() for _ in range(6)] for _ in rates]),
        duration,
    )


def clear_path(scene: Scene, path: Path) -> Path | None:
    """The path, shortened until it touches nothing at any moment; None when even standing still does."""
    times = np.linspace(0, path.duration, PATH_CHECKS)
    moments = [Renderer(scene, float(time)) for time in times] if scene.motions else [Renderer(scene)] * len(times)
    for share in SHRINK:
        shorter = replace(path, velocity=path.velocity * share, sway=path.sway * max(share, 0.1))
        if _touches_nothing(shorter, moments, times):
            return shorter
    return None


def _touches_nothing(path: Path, moments: Sequence[Renderer], times: NDArray[np.float64]) -> bool:
    return all(is_clear(at, path.at(float(time)).origin) for at, time in zip(moments, times, strict=True))


def _about(axis: int, angle: float) -> Floats:
    """(3, 3) rotation about a coordinate axis."""
    a, b = [k for k in range(3) if k != axis]
    rotation = np.eye(3)
    rotation[a, a] = rotation[b, b] = cos(angle)
    sign = -1.0 if axis != 1 else 1.0
    rotation[a, b], rotation[b, a] = sign * sin(angle), -sign * sin(angle)
    return rotation
