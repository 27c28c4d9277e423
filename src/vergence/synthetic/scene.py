"""A built world: primitives, materials, light, and how parts of it move. The world's axes: z up, metres, seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

STATIC = -1  # the motion of what does not move

Vector = tuple[float, float, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """How one rigid part moves: about a pivot, along a line, and with the part it hangs on.

    Attributes:
        parent: index of the motion it hangs on, or `STATIC`.
        pivot, axis: of its rotation, in the rest pose; m and a unit direction.
        spin: rad/s.
        swing, rate, phase: it also turns by `swing * sin(2 pi (rate * time + phase))` rad; `rate` in 1/s.
        velocity: m/s.
    """

    parent: int = STATIC
    pivot: Vector = (0.0, 0.0, 0.0)
    axis: Vector = (0.0, 0.0, 1.0)
    spin: float = 0.0
    swing: float = 0.0
    rate: float = 0.0
    phase: float = 0.0
    velocity: Vector = (0.0, 0.0, 0.0)

    @property
    def is_moving(self) -> bool:
        return self.spin != 0 or (self.swing != 0 and self.rate != 0) or any(self.velocity)

    def at(self, time: float) -> Floats:
        """(4, 4) from the rest pose to the pose at `time`, without its parent."""
        angle = self.spin * time + self.swing * sin(2 * pi * (self.rate * time + self.phase))
        x, y, z = self.axis
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        rotation = np.eye(3) + sin(angle) * cross + (1 - cos(angle)) * (cross @ cross)  # Rodrigues
        pose = np.eye(4)
        pose[:3, :3] = rotation
        pose[:3, 3] = np.asarray(self.pivot) - rotation @ self.pivot + np.asarray(self.velocity) * time
        return pose


def poses(motions: Sequence[Motion], time: float) -> Floats:
    """(motions + 1, 4, 4) poses at `time`, parents included; the last one, `STATIC`, is the identity."""
    result = np.tile(np.eye(4), (len(motions) + 1, 1, 1))
    for i, motion in enumerate(motions):  # a parent comes before its children
        result[i] = result[motion.parent] @ motion.at(time)
    return result


@dataclass(frozen=True)
class Scene:
    """n primitives at rest, what they are made of and the light on them.

    Attributes:
        kind: which kind of place it is, see `kinds.KINDS`.
        kinds, shapes: (n,) unit shapes and their parameter, see `render.intersect`.
        rotations, centres, sizes: (n, 3, 3), (n, 3), (n, 3): world = rotation @ (size * local) + centre.
        extents: (n, 3) half of each unit shape's own bounding box.
        materials_of, motions_of, objects: (n,) row of `materials`, index of `motions` or `STATIC`, thing it is part of.
        casts: (n,) bool, throws shadows.
        motions: parents before children.
        materials: (m, `surface.COLUMNS`).
        texels: (k, 3) uint8, sRGB-like, of all tiles and their coarser levels, one after the other.
        lights: (lights, `kernels.LIGHT_COLUMNS`), at least one.
        sky: (`surface.SKY_ENTRIES`,).
        ambient: (5,) linear colour, reach of ambient occlusion in m, share of it from above.
        fog, haze: 1/m and (3,) linear colour.
        heights, spacing: (N, N) m of the terrain and m between them.
    """

    kind: str
    kinds: NDArray[np.int64]
    shapes: Floats
    rotations: Floats
    centres: Floats
    sizes: Floats
    extents: Floats
    materials_of: NDArray[np.int64]
    motions_of: NDArray[np.int64]
    objects: NDArray[np.int64]
    casts: NDArray[np.bool_]
    motions: tuple[Motion, ...]
    materials: Floats
    texels: NDArray[np.uint8]
    lights: Floats
    sky: Floats
    ambient: Floats
    fog: float
    haze: Floats
    heights: Floats
    spacing: float

    @property
    def is_static(self) -> NDArray[np.bool_]:
        """(n,) whether each primitive stays where it is at all times."""
        moving = np.zeros(len(self.motions) + 1, dtype=np.bool_)
        for i, motion in enumerate(self.motions):
            moving[i] = motion.is_moving or moving[motion.parent]
        return ~moving[self.motions_of]

    def transforms(self, time: float) -> Floats:
        """(n, 4, 4) of each primitive from rest to its pose at `time`."""
        return poses(self.motions, time)[self.motions_of]
