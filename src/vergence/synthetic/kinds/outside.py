"""Places outside."""

from math import pi, radians

import numpy as np

from vergence.synthetic.assemblies import animals, outdoors, people, small, thin
from vergence.synthetic.builder import Builder, Dice, grey, hsv
from vergence.synthetic.kinds.sight import Sight, Sights, ahead
from vergence.synthetic.lighting import daylight
from vergence.synthetic.render.intersect import GROUND, TERRAIN
from vergence.synthetic.scene import Motion
from vergence.synthetic.textures import cloudy

DRIVE = (3.0, 14.0)  # m/s
TERRAIN_SIZE = 64


def country(b: Builder, *, things: int) -> None:
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
            land_thing(b)


def land_thing(b: Builder) -> None:
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
            people.passer(b) if dice.chance(0.5) else people.walker(b, radius=dice.uniform(0.5, 3))
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
    country(b, things=b.dice.randint(10, 45))

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
                people.passer(b)
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
