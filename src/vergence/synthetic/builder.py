"""Putting a scene together: nested frames, primitives, materials, lights, motions."""

import colorsys
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vergence.synthetic.photographs import Cover
from vergence.synthetic.render import intersect as shape
from vergence.synthetic.render import surface
from vergence.synthetic.render.kernels import LIGHT_COLUMNS
from vergence.synthetic.scene import STATIC, Motion, Scene, Vector

T = TypeVar("T")
Colour = Sequence[float]

THINNEST = 5e-4  # m, half of the least thickness
SOLID = (1.0, 1.0, 1.0)


class Dice(random.Random):
    """Seeded chance. `random.Random` and not a NumPy generator: one number at a time it is twenty times as fast."""

    def chance(self, share: float) -> bool:
        return self.random() < share

    def log_uniform(self, low: float, high: float) -> float:
        return float(low * (high / low) ** self.random())

    def pick(self, table: Mapping[T, float]) -> T:
        """One of the keys, by their weights."""
        return self.choices(tuple(table), weights=tuple(table.values()))[0]

    def branch(self) -> "Dice":
        """Other dice that follow from where these stand, and leave them there."""
        state = self.getstate()
        other = Dice(self.getrandbits(64))
        self.setstate(state)
        return other


@dataclass(frozen=True)
class Place:
    """A frame: its axes (rows of `axes` are the world's x, y, z) and its origin in the world."""

    axes: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    origin: Vector = (0.0, 0.0, 0.0)

    def point(self, x: float, y: float, z: float) -> Vector:
        (a, b, c), (d, e, f), (g, h, i) = self.axes
        ox, oy, oz = self.origin
        return ox + a * x + b * y + c * z, oy + d * x + e * y + f * z, oz + g * x + h * y + i * z

    def direction(self, x: float, y: float, z: float) -> Vector:
        (a, b, c), (d, e, f), (g, h, i) = self.axes
        return a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z


def euler(x: float, y: float, z: float) -> tuple[Vector, Vector, Vector]:
    """Rotation about x, then y, then z, rad, as rows."""
    cx, sx, cy, sy, cz, sz = math.cos(x), math.sin(x), math.cos(y), math.sin(y), math.cos(z), math.sin(z)
    return (
        (cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx),
        (sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx),
        (-sy, cy * sx, cy * cx),
    )


class Builder:
    """Collects a scene. Everything is placed in the current frame: x right, y away from its viewer, z up, metres."""

    def __init__(
        self, dice: Dice, tiles: NDArray[np.uint8], groups: dict[str, tuple[int, ...]], cover: Cover | None = None
    ) -> None:
        """With the tiles and groups of `textures.draw_tiles`; `cover` puts photographs over some of them."""
        self.dice = dice
        self.texels = tiles.reshape(-1, 3) if cover is None else cover.texels
        self.groups = groups
        self._cover = cover
        self.here = Place()
        self.room: Vector | None = None  # width, depth, height of the room we are in
        self.sky = [0.0] * surface.SKY_ENTRIES
        self.ambient = [0.5, 0.5, 0.5, 0.6, 0.3]
        self.fog = 0.0
        self.haze: Colour = (0.7, 0.75, 0.8)
        self.heights = np.zeros((4, 4))
        self.spacing = 1.0
        self._rows: list[tuple[float, ...]] = []
        self._frames: list[Place] = [self.here]
        self._materials: list[list[float]] = []
        self._lights: list[tuple[float, ...]] = []
        self._motions: list[Motion] = []
        self._frame = 0
        self._motion = STATIC
        self._object = 0
        self._things = 0

    # Frames and things

    @contextmanager
    def at(self, x: float, y: float, z: float = 0.0, *, yaw: float = 0.0, tilt: float = 0.0) -> Iterator[None]:
        """Place what follows in a frame there, turned by `yaw` about z and before that by `tilt` about x, rad."""
        outer, frame = self.here, self._frame
        columns = [outer.direction(*column) for column in zip(*euler(tilt, 0.0, yaw), strict=True)]
        rows = tuple(zip(*columns, strict=True))
        self.here = Place((rows[0], rows[1], rows[2]), outer.point(x, y, z))
        self._frames.append(self.here)
        self._frame = len(self._frames) - 1
        yield
        self.here, self._frame = outer, frame

    @contextmanager
    def thing(self) -> Iterator[None]:
        """What follows is one object."""
        outer = self._object
        self._things += 1
        self._object = self._things
        yield
        self._object = outer

    @contextmanager
    def moving(self, motion: Motion) -> Iterator[None]:
        """What follows moves so; its pivot, axis and velocity are in the current frame."""
        outer = self._motion
        self._motions.append(
            Motion(
                outer,
                self.here.point(*motion.pivot),
                self.here.direction(*motion.axis),
                motion.spin,
                motion.swing,
                motion.rate,
                motion.phase,
                self.here.direction(*motion.velocity),
            )
        )
        self._motion = len(self._motions) - 1
        yield
        self._motion = outer

    # Materials and light

    def material(
        self,
        colour: Colour | None = None,
        *,
        texture: float | None = None,
        group: str = "any",
        scale: float | None = None,
        shine: float | None = None,
        glow: float = 0.0,
        bump: float | None = None,
        mirror: float | None = None,
        clear: float = 0.0,
        is_upright: bool = False,
        covered_as: str | None = None,
    ) -> int:
        """A material, random where nothing is said; returns its number.

        Args:
            colour: linear reflectance.
            texture: its share in the colour, 0..1.
            group: of tiles it is drawn from, see `textures.GROUPS`.
            scale: m covered by a tile.
            is_upright: the texture is not turned.
            covered_as: group of `photographs.SHARES` that says how often a photograph covers it; `group` when None,
                but never for what is given a share of texture and no group, which is plain on purpose.
        """
        dice = self.dice
        cover_group = covered_as or ("plain" if texture is not None and group == "any" else group)
        turn = 0.0 if is_upright else dice.pick({0.0: 0.45, math.pi / 2: 0.25, dice.uniform(0, 6.28): 0.3})
        if texture is None:
            texture = dice.random() ** 0.6 if dice.chance(0.65) else 0.08
        if shine is None:
            shine = dice.uniform(0, 0.8) if dice.chance(0.35) else 0.0
        if bump is None:
            bump = dice.uniform(0, 0.5) if dice.chance(0.2) else 0.0
        if mirror is None:
            mirror = dice.uniform(0.02, 0.2) if dice.chance(0.08) else 0.0
        row = [
            *(colour if colour is not None else random_colour(dice)),
            texture,
            scale if scale is not None else dice.log_uniform(0.12, 1.5),
            math.cos(turn),
            math.sin(turn),
            dice.random() if not is_upright else 0.5,
            dice.random() if not is_upright else 0.5,
            shine,
            2.0 ** dice.uniform(2, 7),
            dice.uniform(0, 0.45) if dice.chance(0.4) else 0.0,
            2.0 ** dice.uniform(-1, 4),
            glow,
            bump,
            mirror,
            clear,
            dice.choice(self.groups[group]) * surface.LEVEL_TEXELS,
            surface.TILE,
        ]
        self._materials.append(row if self._cover is None else self._cover.over(row, cover_group))
        return len(self._materials) - 1

    def lamp(self, x: float, y: float, z: float, colour: Colour, *, radius: float, reach: float) -> None:
        """A lamp at a place of the current frame; at `reach` m it is half as bright."""
        self._lights.append((*self.here.point(x, y, z), *colour, 1.0, radius, reach))

    def sun(self, direction: Vector, colour: Colour, *, radius: float) -> None:
        """Light from a unit direction, `radius` rad wide."""
        self._lights.append((*direction, *colour, 0.0, radius, 1.0))

    # Primitives

    def add(
        self,
        kind: int,
        centre: Sequence[float],
        size: Sequence[float],
        material: int,
        *,
        turn: Vector = (0.0, 0.0, 0.0),
        parameter: float = 1.0,
        extent: Vector = SOLID,
        casts: bool = True,
    ) -> None:
        """A unit shape with half sizes `size`, m, turned by Euler angles (see `euler`), rad."""
        a, b, c = size
        self._rows.append(
            (kind, parameter, self._frame, *centre, *turn, max(a, THINNEST), max(b, THINNEST), max(c, THINNEST),
             *extent, material, self._motion, self._object, casts)
        )  # fmt: skip

    def box(
        self,
        centre: Sequence[float],
        size: Sequence[float],
        material: int,
        *,
        turn: Vector = (0.0, 0.0, 0.0),
        casts: bool = True,
    ) -> None:
        self.add(shape.BOX, centre, size, material, turn=turn, casts=casts)

    def rounded(
        self, centre: Sequence[float], size: Sequence[float], material: int, *, turn: Vector = (0.0, 0.0, 0.0)
    ) -> None:
        """A cushion: a box with rounded edges."""
        self.add(shape.ROUNDED, centre, size, material, turn=turn, parameter=self.dice.uniform(0.15, 0.6))

    def ball(
        self, centre: Sequence[float], size: Sequence[float] | float, material: int, *, turn: Vector = (0.0, 0.0, 0.0)
    ) -> None:
        """An ellipsoid."""
        sizes = (size, size, size) if isinstance(size, int | float) else size
        self.add(shape.ELLIPSOID, centre, sizes, material, turn=turn)

    def blob(self, centre: Sequence[float], size: Sequence[float], material: int) -> None:
        """A lumpy ball."""
        self.add(shape.BLOB, centre, size, material, parameter=self.dice.uniform(0, 99))

    def post(
        self, x: float, y: float, z: float, height: float, radius: float, material: int, *, top: float = 1.0
    ) -> None:
        """An upright cylinder or cone that stands at z; its upper radius is `top` (0..1) of the lower one."""
        self.add(shape.FRUSTUM, (x, y, z + height / 2), (radius, radius, height / 2), material, parameter=top)

    def rod(self, a: Sequence[float], b: Sequence[float], radius: float, material: int, *, top: float = 1.0) -> None:
        """A cylinder or cone with flat ends from a to b."""
        centre, turn, half = _along(a, b)
        self.add(shape.FRUSTUM, centre, (radius, radius, half), material, turn=turn, parameter=top)

    def limb(self, a: Sequence[float], b: Sequence[float], radius: float, material: int) -> None:
        """A capsule from a to b."""
        centre, turn, half = _along(a, b)
        tall = half / radius
        self.add(
            shape.CAPSULE, centre, (radius, radius, radius), material,
            turn=turn, parameter=tall, extent=(1.0, 1.0, 1.0 + tall),
        )  # fmt: skip

    def ring(
        self, centre: Sequence[float], radius: float, tube: float, material: int, *, turn: Vector = (0.0, 0.0, 0.0)
    ) -> None:
        """A torus around the turned z axis; `radius` is of its outermost circle."""
        self.add(shape.TORUS, centre, (radius, radius, tube), material, turn=turn, parameter=tube / radius)

    def vessel(self, x: float, y: float, z: float, height: float, radius: float, material: int) -> None:
        """Something turned on a lathe, standing at z."""
        self.add(
            shape.LATHE, (x, y, z + height / 2), (radius, radius, height / 2), material,
            parameter=self.dice.uniform(0, 6.28),
        )  # fmt: skip

    def card(
        self,
        centre: Sequence[float],
        half_width: float,
        half_height: float,
        material: int,
        *,
        turn: Vector = (0.0, 0.0, 0.0),
        cut: float = 0.0,
    ) -> None:
        """A flat leaf, mesh or tuft, by `cut`; see `intersect.CARD`."""
        self.add(
            shape.CARD, centre, (half_width, half_height, 1.0), material,
            turn=turn, parameter=cut, extent=(1.0, 1.0, 1e-6),
        )  # fmt: skip

    # The end

    @property
    def ceiling(self) -> float:
        """Height of the room we are in, m."""
        assert self.room is not None
        return self.room[2]

    def ground_at(self, x: float, y: float) -> float:
        """Height of the ground at a place of the world, m."""
        return float(shape.height_at(self.heights, self.spacing, float(x), float(y)))

    def finish(self, kind: str) -> Scene:
        """The scene, with everything in the world's axes."""
        rows = np.array(self._rows, dtype=np.float64)
        frames = rows[:, 2].astype(np.int64)
        axes = np.array([frame.axes for frame in self._frames])[frames]
        origins = np.array([frame.origin for frame in self._frames])[frames]
        kinds = rows[:, 0].astype(np.int64)
        return Scene(
            kind=kind,
            kinds=kinds,
            shapes=np.ascontiguousarray(rows[:, 1]),
            rotations=axes @ _euler_matrices(rows[:, 6:9]),
            centres=origins + np.einsum("nij,nj->ni", axes, rows[:, 3:6]),
            sizes=np.ascontiguousarray(rows[:, 9:12]),
            extents=np.ascontiguousarray(rows[:, 12:15]),
            materials_of=rows[:, 15].astype(np.int64),
            motions_of=rows[:, 16].astype(np.int64),
            objects=rows[:, 17].astype(np.int64),
            casts=(rows[:, 18] > 0) & (kinds < shape.ROOM),
            motions=tuple(self._motions),
            materials=np.array(self._materials),
            texels=self.texels,
            lights=np.array(self._lights, dtype=np.float64).reshape(-1, LIGHT_COLUMNS),
            sky=np.array(self.sky, dtype=np.float64),
            ambient=np.array(self.ambient, dtype=np.float64),
            fog=self.fog,
            haze=np.array(self.haze, dtype=np.float64),
            heights=self.heights,
            spacing=self.spacing,
        )


def _along(a: Sequence[float], b: Sequence[float]) -> tuple[Vector, Vector, float]:
    """Centre, turn and half length of what reaches from a to b along its own z axis."""
    dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    length = math.sqrt(dx * dx + dy * dy + dz * dz) or THINNEST
    turn = (0.0, math.acos(max(-1.0, min(1.0, dz / length))), math.atan2(dy, dx))
    return ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2), turn, length / 2


def _euler_matrices(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """`euler` for (n, 3) angles: (n, 3, 3)."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles).T, np.sin(angles).T
    rows = [
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ]
    return np.array(rows).transpose(2, 0, 1)


def random_colour(dice: Dice) -> tuple[float, float, float]:
    """A linear reflectance as surfaces have it: mostly muted, mostly wood, stone, plants or cloth."""
    hue = dice.random() if dice.chance(0.5) else dice.choice((0.08, 0.6, 0.02, 0.1)) + dice.gauss(0, 0.03)
    saturation = dice.betavariate(1.4, 2.2) * (0.5 if dice.chance(0.6) else 1.0)
    return hsv(hue, saturation, dice.betavariate(3, 1.8))


def hsv(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """Linear colour of an sRGB-like (hue, saturation, value), each 0..1; gamma 2 as in `surface.texel`."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return red * red, green * green, blue * blue


def grey(value: float) -> tuple[float, float, float]:
    """Linear grey of an sRGB-like value 0..1."""
    return value * value, value * value, value * value
