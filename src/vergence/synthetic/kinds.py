"""The kinds of places. Each builds itself and says where a photographer would stand: see `KINDS`."""

from collections.abc import Callable
from dataclasses import dataclass
from math import atan2, cos, hypot, pi, radians, sin

import numpy as np

from vergence.synthetic.assemblies import aloft, animals, furniture, outdoors, people, small, thin, walls
from vergence.synthetic.builder import Builder, Dice, grey, hsv
from vergence.synthetic.lighting import daylight, dim_white, room_light, studio_light
from vergence.synthetic.render.intersect import GROUND, ROOM, TERRAIN
from vergence.synthetic.scene import Motion
from vergence.synthetic.textures import cloudy

WALK = (0.8, 1.6)  # m/s
DRIVE = (3.0, 14.0)  # m/s
TERRAIN_SIZE = 64


@dataclass(frozen=True)
class Sight:
    """Where a camera stands (m) and looks: `yaw` from +y to the left and `pitch` upwards, rad; `fov` as in a lens."""

    eye: tuple[float, float, float]
    yaw: float
    pitch: float
    fov: float | None = None  # horizontal, rad; None = whatever is at hand


Sights = Callable[[Dice], Sight]


def ahead(eye: tuple[float, float], yaw: float, distance: float, aside: float = 0.0) -> tuple[float, float]:
    """The place `distance` ahead and `aside` to the right of a camera."""
    return (
        eye[0] - sin(yaw) * distance + cos(yaw) * aside,
        eye[1] + cos(yaw) * distance + sin(yaw) * aside,
    )


# Rooms


def _walls(b: Builder, width: float, depth: float, height: float, *, most: int = 4) -> None:
    """The shell of a room around the origin, its light, and what hangs on its walls."""
    dice = b.dice
    b.room = (width, depth, height)
    floor = b.material(texture=dice.uniform(0.4, 1), group="floor", scale=dice.uniform(0.5, 2), bump=0,
                       mirror=dice.uniform(0.03, 0.2) if dice.chance(0.35) else 0)  # fmt: skip
    dim_white(b)
    paint = None
    if dice.chance(0.7):
        shade = dice.uniform(0.5, 1)
        paint = tuple(min(1.0, max(0.02, c + dice.gauss(0, 0.06))) for c in grey(shade))
    b.material(
        paint, texture=dice.random() ** 2, group="wall", scale=dice.uniform(0.4, 3), is_upright=True, mirror=0,
        bump=dice.uniform(0, 0.2) if dice.chance(0.3) else 0,
    )  # fmt: skip
    b.add(ROOM, (0, 0, height / 2), (width / 2, depth / 2, height / 2), floor)
    room_light(b)
    for x, y, yaw, length in _sides(width, depth):
        with b.at(x, y, yaw=yaw):
            walls.furnish(b, length, dice.randint(0, most))


def _sides(width: float, depth: float) -> tuple[tuple[float, float, float, float], ...]:
    """(x, y, yaw, length) of the four walls, each with the room at its -y."""
    return (
        (0, depth / 2, 0, width),
        (0, -depth / 2, pi, width),
        (width / 2, 0, -pi / 2, depth),
        (-width / 2, 0, pi / 2, depth),
    )


def _furnish(b: Builder, count: int) -> None:
    """Stand furniture along the walls and about the floor."""
    assert b.room is not None
    width, depth, height = b.room
    dice = b.dice
    for _ in range(count):
        if dice.chance(0.62):
            x, y, yaw, length = dice.choice(_sides(width, depth))
            wide, deep = dice.uniform(0.4, 2.4), dice.uniform(0.3, 0.65)
            along = dice.uniform(-0.5, 0.5) * max(0.1, length - wide)
            with b.at(x, y, yaw=yaw):
                _against_wall(b, along, wide, deep, height)
        else:
            x, y = dice.uniform(-0.5, 0.5) * (width - 0.8), dice.uniform(-0.5, 0.5) * (depth - 0.8)
            with b.at(x, y, yaw=dice.uniform(0, 2 * pi)):
                _free_standing(b, height)


def _against_wall(b: Builder, x: float, wide: float, deep: float, height: float) -> None:
    which = b.dice.pick(
        {"cabinet": 30, "wardrobe": 10, "shelf": 20, "sofa": 10, "bed": 8, "desk": 11, "plant": 7, "poles": 4}
    )
    away = {"sofa": 0.5, "bed": 1.1, "desk": 0.4}.get(which, deep / 2 + 0.02)
    with b.at(x, -away):
        match which:
            case "cabinet":
                furniture.cabinet(b, wide, deep, b.dice.uniform(0.4, 1.1))
            case "wardrobe":
                furniture.cabinet(b, wide * 0.6, deep, min(height - 0.1, b.dice.uniform(1.6, 2.3)))
            case "shelf":
                furniture.shelf(b, min(wide, 1.4), 0.3, b.dice.uniform(0.7, min(height - 0.1, 2.2)))
            case "sofa":
                furniture.sofa(b)
            case "bed":
                furniture.bed(b)
            case "desk":
                furniture.table(b, wide, 0.7, b.dice.uniform(0.6, 0.95))
            case "plant":
                small.plant(b, b.dice.uniform(0.5, 1.8))
            case _:
                thin.leaning_poles(b)


def _free_standing(b: Builder, height: float) -> None:
    match b.dice.pick(
        {
            "table": 28,
            "chair": 22,
            "person": 14,
            "lamp": 8,
            "pillar": 3,
            "stairs": 4,
            "clutter": 12,
            "pet": 6,
            "rail": 3,
        }
    ):
        case "table":
            furniture.round_table_group(b)
        case "chair":
            furniture.chair(b)
        case "person":
            walker(b)
        case "lamp":
            furniture.lamp(b)
        case "pillar":
            b.post(0, 0, 0, height, b.dice.uniform(0.1, 0.3), b.material())
        case "stairs":
            furniture.stairs(b)
        case "clutter":
            small.clutter(b, b.dice.uniform(0.05, 0.4))
        case "pet":
            animals.animal(b, length=b.dice.uniform(0.25, 0.7), is_moving=b.dice.chance(0.6))
        case _:
            thin.railing(b, b.dice.uniform(0.8, 2.0))


def walker(b: Builder, *, radius: float | None = None) -> None:
    """Someone who stands, sits, or walks in a circle of `radius` m, drawn where None."""
    if b.dice.chance(0.5):
        people.person(b, is_moving=b.dice.chance(0.5))
        return
    r = radius or b.dice.uniform(0.4, 1.2)
    spin = b.dice.uniform(*WALK) / r * 0.8
    with b.moving(Motion(pivot=(r, 0, 0), spin=spin)):  # which moves the origin towards -y, where people face
        people.person(b, is_seated=False, is_moving=True)


def passer(b: Builder) -> None:
    """Someone who walks straight on."""
    with b.moving(Motion(velocity=(0, -b.dice.uniform(*WALK), 0))):
        people.person(b, is_seated=False, is_moving=True)


def _room_sights(b: Builder, *, low: float = 0.2) -> Sights:
    assert b.room is not None
    width, depth, height = b.room

    def sights(dice: Dice) -> Sight:
        """From anywhere towards somewhere not too near."""
        z = dice.gauss(1.45, 0.3) if dice.chance(0.75) else dice.uniform(0.3, 2.3)
        eye = (dice.uniform(-0.5, 0.5) * (width - 0.5), dice.uniform(-0.5, 0.5) * (depth - 0.5))
        dx, dy = dice.uniform(-0.4, 0.4) * width - eye[0], dice.uniform(-0.4, 0.4) * depth - eye[1]
        if hypot(dx, dy) < 1:
            dx, dy = (-eye[0], -eye[1]) if hypot(*eye) > 0.5 else (dice.gauss(0, 1), dice.gauss(0, 1))
        yaw, pitch = atan2(-dx, dy), radians(dice.gauss(-10, 13))
        return Sight((*eye, max(low, min(z, height - 0.25))), yaw, pitch)

    return sights


def _room_size(dice: Dice) -> tuple[float, float, float]:
    size = (dice.uniform(2.4, 9), dice.uniform(2.4, 10), dice.uniform(2.2, 3.6))
    return (size[0] * 3, size[1] * 3, size[2] * 2.5) if dice.chance(0.06) else size


def room(b: Builder) -> Sights:
    """A furnished room."""
    _walls(b, *_room_size(b.dice))
    _furnish(b, b.dice.randint(4, 15))
    return _room_sights(b)


def corridor(b: Builder) -> Sights:
    """A long narrow room."""
    depth = b.dice.uniform(6, 30)
    _walls(b, b.dice.uniform(1.4, 3.5), depth, b.dice.uniform(2.2, 3.5), most=8)
    _furnish(b, b.dice.randint(1, 6))

    def sights(dice: Dice) -> Sight:
        assert b.room is not None
        height = max(0.3, min(dice.gauss(1.5, 0.3), b.room[2] - 0.3))
        eye = (dice.uniform(-0.3, 0.3) * b.room[0], -depth * dice.uniform(0.2, 0.45), height)
        return Sight(eye, dice.gauss(0, 0.2), radians(dice.gauss(-4, 6)))

    return sights


def staircase(b: Builder) -> Sights:
    """A hall with stairs and railings."""
    dice = b.dice
    width, depth, height = dice.uniform(3, 8), dice.uniform(5, 10), dice.uniform(3.5, 7)
    _walls(b, width, depth, height)
    wide, steps = dice.uniform(0.8, width * 0.4), dice.randint(8, 18)
    with b.at(dice.uniform(-0.25, 0.25) * width, dice.uniform(-0.1, 0.1) * depth, yaw=dice.gauss(0, 0.4)):
        furniture.stairs(b, steps=steps, width=wide)
        if dice.chance(0.4):
            with b.at(dice.uniform(-0.5, 0.5), 2 * 0.29, 3 * 0.17):
                people.person(b, is_seated=False)
    _furnish(b, dice.randint(0, 4))

    def sights(dice: Dice) -> Sight:
        eye = (dice.uniform(-0.35, 0.35) * width, -depth * dice.uniform(0.3, 0.46), dice.uniform(0.6, 2.2))
        return Sight(eye, atan2(eye[0], depth * 0.5) + dice.gauss(0, 0.2), radians(dice.gauss(6, 12)))

    return sights


def table_top(b: Builder) -> Sights:
    """Things on a table, seen from near."""
    dice = b.dice
    _walls(b, *_room_size(dice))
    assert b.room is not None
    width, depth, _ = b.room
    h, w, d = dice.uniform(0.45, 0.9), dice.uniform(0.8, 2.2), dice.uniform(0.6, 1.2)
    x, y, turn = dice.uniform(-0.2, 0.2) * width, dice.uniform(-0.2, 0.2) * depth, dice.uniform(0, 2 * pi)
    with b.at(x, y, yaw=turn):
        furniture.table(b, w, d, h, things=dice.randint(3, 16))
        for _ in range(dice.randint(0, 3)):
            angle = dice.uniform(0, 2 * pi)
            with b.at(-sin(angle) * 0.9, cos(angle) * 0.9, yaw=angle):
                furniture.chair(b)
        if dice.chance(0.25):
            with b.at(0, d / 2 + 0.35):
                people.person(b, is_seated=True, is_moving=True)
    _furnish(b, dice.randint(1, 5))

    def sights(dice: Dice) -> Sight:
        away, yaw = dice.uniform(0.35, 1.5), turn + dice.gauss(0, 0.7)
        eye = (x + sin(yaw) * away, y - cos(yaw) * away)
        eye = (max(-width / 2 + 0.2, min(width / 2 - 0.2, eye[0])), max(-depth / 2 + 0.2, min(depth / 2 - 0.2, eye[1])))
        above = dice.uniform(0.15, 0.9)
        return Sight((*eye, h + above), yaw, -atan2(above * dice.uniform(0.5, 1.1), away), _lens(dice, 30, 75))

    return sights


def portrait(b: Builder) -> Sights:
    """People near, in a room or outside."""
    dice = b.dice
    if dice.chance(0.55):
        _walls(b, dice.uniform(3, 8), dice.uniform(4, 9), dice.uniform(2.3, 3.4))
        _furnish(b, dice.randint(2, 7))
    else:
        _country(b, things=dice.randint(5, 20))
    ground = b.ground_at
    n, faces, tall = dice.randint(1, 3), dice.uniform(0, 2 * pi), dice.uniform(1.1, 1.95)
    spot = (dice.uniform(-0.5, 0.5), dice.uniform(-0.5, 0.5))
    for i in range(n):
        place = ahead(
            spot, faces, 0.0 if i == 0 else dice.uniform(-0.4, 1.5), (i + 1) // 2 * (-1) ** i * dice.uniform(0.5, 0.9)
        )
        with b.at(*place, ground(*place), yaw=faces + dice.gauss(0, 0.5)):
            people.person(b, height=tall if i == 0 else None, is_seated=False, is_moving=dice.chance(0.5))
    if dice.chance(0.15):
        place = ahead(spot, faces, -0.4, 0.5)
        with b.at(*place, ground(*place), yaw=faces + dice.gauss(0, 0.8)):
            animals.animal(b, length=dice.uniform(0.3, 0.7), is_moving=dice.chance(0.5))

    def sights(dice: Dice) -> Sight:
        away = dice.log_uniform(0.6, 3.0)
        eye = ahead(spot, faces + dice.gauss(0, 0.35), -away)
        z, looks_at = tall * dice.uniform(0.75, 1.1), tall * (0.94 - 0.12 * away * dice.random())
        yaw = atan2(-(spot[0] - eye[0]), spot[1] - eye[1]) + dice.gauss(0, 0.1)
        pitch = atan2(looks_at - z, away) + radians(dice.gauss(0, 3))
        return Sight((*eye, ground(*spot) + z), yaw, pitch, _lens(dice, 30, 75))

    return sights


def studio(b: Builder) -> Sights:
    """A subject before a plain backdrop."""
    dice = b.dice
    shade = dice.choice((grey(dice.random()), hsv(dice.random(), dice.uniform(0.1, 0.7), dice.uniform(0.3, 1))))
    b.room = (8.0, 8.0, 4.0)
    behind = dice.uniform(0.5, 3.0)  # m from the subject to the backdrop
    paper = b.material(shade, texture=0, shine=0, bump=0, mirror=0)
    b.material(grey(0.6), texture=0, mirror=0)
    b.material(shade, texture=0, shine=0, bump=0, mirror=0, covered_as="backdrop")
    y = 4.0 - behind
    b.add(ROOM, (0, 0, 2.0), (4.0, 4.0, 2.0), paper)
    studio_light(b, 0, y)
    subject = dice.pick({"bust": 30, "person": 25, "animal": 20, "things": 25, "bicycle": 6, "chair": 6})
    height, away = 0.9, dice.uniform(1.6, 3.4)
    with b.at(0, y, yaw=dice.gauss(0, 0.4)):
        match subject:
            case "bust":
                height, away = dice.uniform(1.4, 1.7), dice.log_uniform(0.5, 1.4)
                people.bust(b, height)
            case "person":
                people.person(b, is_moving=dice.chance(0.5))
                if dice.chance(0.3):
                    with b.at(0.7, 0.3):
                        people.person(b)
            case "animal":
                length = dice.uniform(0.3, 0.9)
                height, away = length * 0.9, length * dice.uniform(1.5, 4)
                animals.animal(b, length=length, is_moving=dice.chance(0.5))
            case "things":
                block = dice.uniform(0.3, 1.0)
                height, away = block + 0.1, dice.uniform(0.5, 1.3)
                b.box((0, 0, block / 2), (0.7, 0.5, block / 2), b.material(shade, texture=0, bump=0, mirror=0))
                with b.at(0, 0, block):
                    small.items(b, 0.3, 0.2, dice.randint(1, 6))
            case "bicycle":
                height = 0.5
                thin.bicycle(b)
            case _:
                furniture.chair(b)

    def sights(dice: Dice) -> Sight:
        up = dice.uniform(-0.2, 0.5)
        aside = dice.gauss(0, 0.15) * away
        eye = (aside, max(-3.6, y - away), min(3.5, max(0.15, height + up)))
        return Sight(eye, atan2(aside, away) + dice.gauss(0, 0.06), -atan2(up, away), _lens(dice, 28, 65))

    return sights


def posters(b: Builder) -> Sights:
    """Flat walls full of pictures: texture is not depth."""
    dice = b.dice
    width, depth, height = dice.uniform(3, 8), dice.uniform(3, 7), dice.uniform(2.4, 3.6)
    _walls(b, width, depth, height, most=2)
    for x, y, yaw, length in _sides(width, depth):
        with b.at(x, y, yaw=yaw):
            for _ in range(dice.randint(2, 7)):
                with b.at(dice.uniform(-0.45, 0.45) * length, 0), b.thing():
                    dice.pick({walls.picture: 4.0, walls.mural: 1.0, walls.mirror: 0.3})(b)
    _furnish(b, dice.randint(1, 4))

    def sights(dice: Dice) -> Sight:
        x, y, yaw, length = dice.choice(_sides(width, depth))
        away = dice.uniform(0.8, 2.5)
        eye = ahead((x, y), yaw, -away, dice.uniform(-0.35, 0.35) * length)
        eye = (max(-width / 2 + 0.2, min(width / 2 - 0.2, eye[0])), max(-depth / 2 + 0.2, min(depth / 2 - 0.2, eye[1])))
        return Sight((*eye, dice.uniform(1.0, 1.8)), yaw + dice.gauss(0, 0.5), radians(dice.gauss(-3, 8)))

    return sights


def mirrors(b: Builder) -> Sights:
    """A room with big mirrors, panes of glass and shiny things."""
    dice = b.dice
    sights = room(b)
    assert b.room is not None
    width, depth, height = b.room
    silver = b.material(grey(0.9), texture=0, shine=0, bump=0, mirror=0.93)
    for x, y, yaw, length in dice.sample(_sides(width, depth), dice.randint(1, 2)):
        with b.at(x, y, yaw=yaw), b.thing():
            w, h = length * dice.uniform(0.15, 0.4), height * dice.uniform(0.25, 0.45)
            b.box((dice.uniform(-0.1, 0.1) * length, -0.02, h + 0.1), (w, 0.015, h), silver, casts=False)
    for _ in range(dice.randint(1, 3)):
        with b.at(dice.uniform(-0.3, 0.3) * width, dice.uniform(-0.3, 0.3) * depth, yaw=dice.uniform(0, pi)), b.thing():
            if dice.chance(0.5):
                w, h = dice.uniform(0.4, 1.0), min(2.0, height - 0.1)
                frame = b.material(grey(0.3), texture=0)
                b.box((0, 0, h / 2), (w, 0.006, h / 2), small.glass(b))
                for side in (-1, 1):
                    b.box((side * w, 0, h / 2), (0.02, 0.02, h / 2), frame)
            else:
                r = dice.uniform(0.1, 0.4)
                b.ball((0, 0, r), r, b.material(grey(0.8), texture=0, mirror=dice.uniform(0.3, 0.9), bump=0))
    return sights


# Outside


def _country(b: Builder, *, things: int) -> None:
    """Open land, flat or hilly, with trees, rocks and sometimes people and animals."""
    dice = b.dice
    daylight(b)
    colour = hsv(dice.uniform(0.07, 0.36), dice.uniform(0.2, 0.6), dice.uniform(0.35, 0.75))
    land = b.material(
        colour, texture=dice.uniform(0.4, 0.95), group="ground", scale=dice.uniform(0.6, 4), shine=0, mirror=0,
        bump=dice.uniform(0, 0.5),
    )  # fmt: skip
    if dice.chance(0.7):
        amplitude = dice.log_uniform(0.2, 7)
        noise = np.random.default_rng(dice.getrandbits(32))
        b.heights = (cloudy(noise, dice.uniform(1.8, 2.6), size=TERRAIN_SIZE) - 0.5) * 2 * amplitude
        b.spacing = dice.uniform(1, 4)
        b.add(TERRAIN, (0, 0, 0), (1, 1, 1), land)
        if dice.chance(0.2):  # a lake
            level = float(np.quantile(b.heights, dice.uniform(0.1, 0.4)))
            water = b.material(
                (0.02, 0.05, 0.06), texture=0, shine=0.5, bump=dice.uniform(0.02, 0.15), mirror=0.12, scale=3
            )
            b.add(GROUND, (0, 0, level), (1, 1, 1), water)
    else:
        b.add(GROUND, (0, 0, 0), (1, 1, 1), land)
    heading = dice.uniform(0, 2 * pi)
    for _ in range(things):
        away = dice.log_uniform(2.0, 70)
        x, y = ahead((0, 0), heading, away, dice.uniform(-0.9, 0.9) * away)
        with b.at(x, y, b.ground_at(x, y) - 0.03, yaw=dice.uniform(0, 2 * pi)):
            _land_thing(b)


def _land_thing(b: Builder) -> None:
    dice = b.dice
    match dice.pick(
        {"tree": 38, "bush": 14, "rock": 10, "grass": 14, "clutter": 6, "person": 9, "animal": 8, "house": 6}
        | {"fence": 4.0, "bird": 2, "car": 3}
    ):
        case "tree":
            outdoors.tree(b, dice.uniform(2, 11))
        case "bush":
            outdoors.bush(b, dice.uniform(0.3, 1.5))
        case "rock":
            outdoors.rock(b, dice.log_uniform(0.1, 1.5))
        case "grass":
            outdoors.grass(b, dice.uniform(0.15, 0.6))
        case "clutter":
            small.clutter(b, dice.uniform(0.1, 1))
        case "person":
            passer(b) if dice.chance(0.5) else walker(b, radius=dice.uniform(0.5, 3))
        case "animal":
            with b.moving(Motion(velocity=(0, -dice.uniform(0, 1.2), 0))):
                animals.animal(b, is_moving=True)
        case "house":
            outdoors.house(b, dice.uniform(4, 12), dice.uniform(4, 10), dice.uniform(3, 8))
        case "fence":
            thin.fence(b, dice.uniform(3, 15), height=dice.uniform(0.8, 1.8))
        case "bird":
            animals.bird(b, dice.uniform(0.15, 0.5))
        case _:
            outdoors.car(b)


def nature(b: Builder) -> Sights:
    """Open land."""
    _country(b, things=b.dice.randint(10, 45))

    def sights(dice: Dice) -> Sight:
        x, y = dice.gauss(0, 3), dice.gauss(0, 3)
        height = dice.gauss(1.55, 0.25) if dice.chance(0.75) else dice.uniform(0.3, 6)
        return Sight((x, y, b.ground_at(x, y) + max(0.25, height)), dice.uniform(0, 2 * pi), radians(dice.gauss(-4, 8)))

    return sights


def street(b: Builder) -> Sights:
    """A road along y between houses, with traffic, people and trees."""
    dice = b.dice
    daylight(b)
    land = b.material(texture=dice.uniform(0.5, 1), group="street", scale=dice.uniform(0.5, 4), shine=0, mirror=0)
    b.add(GROUND, (0, 0, 0), (1, 1, 1), land)
    road = dice.uniform(4, 14)
    if dice.chance(0.75):
        wet = dice.uniform(0.05, 0.3) if dice.chance(0.2) else 0.0
        asphalt = b.material(
            grey(dice.uniform(0.25, 0.65)), texture=dice.uniform(0.1, 0.5), group="street", scale=2, mirror=wet
        )
        b.box((0, 60, 0.005), (road / 2, 100, 0.006), asphalt, casts=False)
    if dice.chance(0.5):
        line = b.material(grey(0.95), texture=0, mirror=0)
        for i in range(12):
            b.box((0, -5 + 5 * i, 0.012), (0.08, 1.2, 0.003), line, casts=False)
    has_houses = dice.chance(0.8)
    for side in (-1, 1):
        _roadside(b, side, road, has_houses=has_houses)
    for _ in range(dice.randint(0, 3)):
        lane = dice.choice((-1, 1))
        with (
            b.at(lane * road * 0.25, dice.uniform(7, 60), yaw=lane * pi / 2),
            b.moving(Motion(velocity=(dice.uniform(*DRIVE), 0, 0))),
        ):
            outdoors.car(b)

    def sights(dice: Dice) -> Sight:
        x, y = dice.uniform(-0.5, 0.5) * (road + 2), dice.uniform(-3, 10)
        height = dice.gauss(1.55, 0.25) if dice.chance(0.8) else dice.uniform(0.4, 5)
        yaw = dice.gauss(0, 0.4) + (pi if dice.chance(0.1) else 0.0)
        return Sight((x, y, max(0.3, height)), yaw, radians(dice.gauss(-1, 6)))

    return sights


def _roadside(b: Builder, side: int, road: float, *, has_houses: bool) -> None:
    dice = b.dice
    x = side * road / 2
    kerb = b.material(texture=0.5, group="street", mirror=0)
    b.box((x + side * 1.5, 60, 0.06), (1.5, 100, 0.08), kerb, casts=False)
    y = -14.0
    while y < 85:
        w = dice.uniform(6, 20)
        if has_houses and dice.chance(0.87):
            with b.at(x + side * (7 + dice.uniform(0, 2)), y + w / 2, yaw=-side * pi / 2):
                outdoors.house(b, w * 0.95, 8, dice.uniform(3, 16))
        y += w
    with b.at(x, 0, 0.14):
        for _ in range(dice.randint(0, 5)):
            with b.at(side * dice.uniform(0.5, 2.5), dice.uniform(3, 60)):
                outdoors.tree(b, dice.uniform(3, 9))
        for _ in range(dice.randint(1, 5)):
            with b.at(side * dice.uniform(0.4, 2.5), dice.uniform(2, 35), yaw=side * pi / 2):
                outdoors.street_furniture(b)
        for _ in range(dice.randint(0, 5)):
            with b.at(
                side * dice.uniform(0.2, 2.5), dice.uniform(2, 30), yaw=dice.choice((0.0, pi)) + dice.gauss(0, 0.2)
            ):
                passer(b)
        if dice.chance(0.3):
            with b.at(side * 0.4, dice.uniform(3, 14), yaw=pi / 2 + dice.gauss(0, 0.1)):
                thin.bicycle(b)
        if dice.chance(0.2):
            with b.at(side * 0.3, 4):
                thin.wires(b, 60, 7)
        if dice.chance(0.2):
            with b.at(side * 0.15, dice.uniform(6, 14), yaw=pi / 2):
                thin.railing(b, dice.uniform(3, 8))
        if dice.chance(0.12):
            with b.at(side * 2.9, dice.uniform(5, 20), yaw=-side * pi / 2):
                thin.scaffold(b, dice.uniform(4, 8), dice.uniform(4, 9))
    for _ in range(dice.randint(0, 5)):
        with b.at(x - side * 1.1, dice.uniform(4, 50), yaw=side * pi / 2 + dice.gauss(0, 0.03)):
            outdoors.car(b)


def thin_structures(b: Builder) -> Sights:
    """Railings, fences, branches, wires or a bicycle before something else."""
    dice = b.dice
    is_inside = dice.chance(0.3)
    if is_inside:
        _walls(b, dice.uniform(5, 9), dice.uniform(6, 10), dice.uniform(2.4, 3.6))
        _furnish(b, dice.randint(3, 7))
    else:
        _country(b, things=dice.randint(8, 25))
    ground = b.ground_at
    heading = 0.0 if is_inside else dice.uniform(0, 2 * pi)
    start = (0.0, -2.2) if is_inside else (0.0, 0.0)
    for _ in range(dice.randint(1, 4)):
        away = dice.log_uniform(0.9, 4.0 if is_inside else 7.0)
        place = ahead(start, heading, away, dice.gauss(0, 0.3) * away)
        with b.at(*place, ground(*place), yaw=heading + dice.gauss(0, 0.5)):
            match dice.pick({"railing": 3, "fence": 3, "branches": 4, "bicycle": 3, "poles": 2, "scaffold": 1}):
                case "railing":
                    thin.railing(b, dice.uniform(1.5, 4))
                case "fence":
                    thin.fence(b, dice.uniform(2, 6), height=dice.uniform(0.8, 2))
                case "branches":
                    thin.branches(b, dice.uniform(1.2, 3), leaves=dice.random())
                case "bicycle":
                    thin.bicycle(b)
                case "poles":
                    thin.leaning_poles(b)
                case _:
                    thin.scaffold(b, 2.5, 2.2)
    if not is_inside and dice.chance(0.4):
        with b.at(dice.uniform(-4, 4), 2, ground(0, 2), yaw=heading):
            thin.wires(b, 75, dice.uniform(4, 7))

    def sights(dice: Dice) -> Sight:
        eye = (start[0] + dice.gauss(0, 0.4), start[1] + dice.gauss(0, 0.3))
        z = ground(*eye) + max(0.3, dice.gauss(1.3, 0.35))
        return Sight((*eye, z), heading + dice.gauss(0, 0.25), radians(dice.gauss(-6, 6)))

    return sights


def chaos(b: Builder) -> Sights:
    """Solids of any size hanging in a room or in the open: no habit of the world holds."""
    dice = b.dice
    if dice.chance(0.6):
        _walls(b, dice.uniform(4, 9), dice.uniform(5, 10), dice.uniform(2.6, 4))
        _furnish(b, dice.randint(0, 4))
    else:
        _country(b, things=dice.randint(0, 12))
    eye = (0.0, -1.5, b.ground_at(0, -1.5) + 1.4)
    for _ in range(dice.randint(8, 40)):
        away = dice.log_uniform(0.6, 10)
        x, y = ahead((eye[0], eye[1]), 0.0, away, dice.uniform(-0.7, 0.7) * away)
        with b.at(
            x, y, eye[2] + dice.uniform(-0.5, 0.5) * away, yaw=dice.uniform(0, 2 * pi), tilt=dice.uniform(0, 2 * pi)
        ):
            drift = dice.gauss(0, 0.4)
            with b.moving(Motion(spin=dice.gauss(0, 0.6), velocity=(drift, 0, 0))):
                if dice.chance(0.15):
                    r = away * dice.uniform(0.03, 0.15)
                    with b.thing():
                        b.ring((0, 0, 0), r, r * dice.uniform(0.08, 0.4), b.material())
                else:
                    small.clutter(b, away * dice.uniform(0.02, 0.13))

    def sights(dice: Dice) -> Sight:
        place = (eye[0] + dice.gauss(0, 0.2), eye[1] + dice.gauss(0, 0.2), eye[2] + dice.gauss(0, 0.15))
        return Sight(place, dice.gauss(0, 0.2), dice.gauss(0, 0.15))

    return sights


def skyward(b: Builder) -> Sights:
    """Towers, trees, roofs, wires and tracks from below: the sky reaches under them, to the lower edge."""
    dice = b.dice
    _country(b, things=dice.randint(0, 6))
    aims: list[tuple[float, float, float, float]] = []  # x, y, height of what is worth a look, m, and its reach
    for _ in range(dice.randint(2, 6)):
        away, bearing = dice.log_uniform(4, 40), dice.gauss(0, 0.35)
        x, y = ahead((0, 0), bearing, away)
        with b.at(x, y, b.ground_at(x, y) - 0.1, yaw=dice.uniform(0, 2 * pi)):
            aims.append((x, y, _raise_something(b, away), away))
    if dice.chance(0.3):
        with b.at(dice.uniform(-4, 4), dice.uniform(2, 8), b.ground_at(0, 2), yaw=dice.gauss(0, 0.8)):
            thin.wires(b, 75, dice.uniform(4, 9))

    def sights(dice: Dice) -> Sight:
        """Up at one of them, with the horizon below the picture more often than not."""
        x, y, height, away = dice.choice(aims)
        eye = (dice.gauss(0, 0.1) * away, dice.gauss(0, 0.1) * away)
        z = b.ground_at(*eye) + max(0.3, dice.gauss(1.5, 0.3))
        up = atan2(height * dice.uniform(0.5, 1.0), hypot(x - eye[0], y - eye[1]))
        yaw = atan2(-(x - eye[0]), y - eye[1]) + dice.gauss(0, 0.12)
        return Sight((*eye, z), yaw, max(up, radians(dice.uniform(12, 40))), _lens(dice, 28, 70))

    return sights


def _raise_something(b: Builder, away: float) -> float:
    """Something tall beside someone `away` m from it; how high it reaches, m."""
    dice = b.dice
    height = away * dice.uniform(0.6, 1.6)
    match dice.pick({"coaster": 24, "tree": 22, "tower": 16, "house": 14, "branches": 10, "crane": 7, "balloon": 7}):
        case "coaster":
            aloft.coaster(b, max(6.0, height))
            return max(6.0, height)
        case "tree":
            outdoors.tree(b, height)
        case "tower":
            aloft.tower(b, height, height * dice.uniform(0.1, 0.5))
        case "house":
            outdoors.house(b, dice.uniform(0.3, 1.2) * away, dice.uniform(0.3, 0.8) * away, height)
        case "branches":
            thin.branches(b, height * 0.7, leaves=dice.random())
        case "crane":
            aloft.crane(b, height)
        case _:
            with b.at(0, 0, height * 0.7):
                aloft.balloon(b, away * dice.uniform(0.08, 0.4))
    return height


def downward(b: Builder) -> Sights:
    """A floor, a table or the ground from above: low in the picture is hardly nearer than high in it."""
    dice = b.dice
    if dice.chance(0.6):
        _walls(b, *_room_size(dice))
        assert b.room is not None
        _furnish(b, dice.randint(3, 10))
        span, above = min(b.room[0], b.room[1]) * 0.35, dice.uniform(1.2, b.room[2] - 0.3)
        if dice.chance(0.5):
            furniture.table(b, dice.uniform(0.7, 1.8), dice.uniform(0.6, 1.1), dice.uniform(0.4, 0.8),
                            things=dice.randint(3, 14))  # fmt: skip
        for _ in range(dice.randint(2, 9)):
            with b.at(dice.gauss(0, 0.5) * span, dice.gauss(0, 0.5) * span, yaw=dice.uniform(0, 2 * pi)):
                furniture.chair(b) if dice.chance(0.2) else small.clutter(b, dice.log_uniform(0.04, 0.3))
    else:
        _country(b, things=dice.randint(5, 25))
        above = dice.log_uniform(1.5, 25)
        span = above
        for _ in range(dice.randint(4, 16)):
            x, y = dice.gauss(0, 0.6) * span, dice.gauss(0, 0.6) * span
            with b.at(x, y, b.ground_at(x, y) - 0.03, yaw=dice.uniform(0, 2 * pi)):
                _land_thing(b)

    def sights(dice: Dice) -> Sight:
        """Down at a place not far from one's feet."""
        eye = (dice.gauss(0, 0.5) * span, dice.gauss(0, 0.5) * span)
        height = above * dice.uniform(0.7, 1.0)
        pitch = -atan2(1.0, dice.uniform(0.0, 0.6))
        return Sight((*eye, b.ground_at(*eye) + height), dice.uniform(0, 2 * pi), pitch, _lens(dice, 35, 85))

    return sights


def _lens(dice: Dice, low: float, high: float) -> float:
    """A field of view between, in degrees; rad."""
    return radians(dice.uniform(low, high))


@dataclass(frozen=True)
class Kind:
    """A kind of place.

    Attributes:
        build: builds it.
        share: how often it comes up, beside the shares of the others.
        is_shown: whether pictures on walls show it. Another kind of picture would change the walls of every place, and
            with them what has been measured on held-out ones.
    """

    build: Callable[[Builder], Sights]
    share: float
    is_shown: bool = True


KINDS: dict[str, Kind] = {
    "room": Kind(room, 0.22),
    "table": Kind(table_top, 0.13),
    "street": Kind(street, 0.13),
    "portrait": Kind(portrait, 0.12),
    "nature": Kind(nature, 0.1),
    "studio": Kind(studio, 0.08),
    "thin": Kind(thin_structures, 0.06),
    "corridor": Kind(corridor, 0.04),
    "stairs": Kind(staircase, 0.03),
    "mirrors": Kind(mirrors, 0.03),
    "posters": Kind(posters, 0.03),
    "chaos": Kind(chaos, 0.03),
    "skyward": Kind(skyward, 0.08, is_shown=False),
    "downward": Kind(downward, 0.05, is_shown=False),
}
