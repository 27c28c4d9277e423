"""What stands or hangs against the sky: lattice towers, cranes, roller coasters, balloons."""

from itertools import pairwise
from math import cos, pi, sin

from vergence.synthetic.builder import Builder, grey, hsv

Point = tuple[float, float, float]


def tower(b: Builder, height: float, width: float) -> None:
    """Four legs that lean towards each other, with rings and diagonals of pipes between them."""
    dice = b.dice
    pipe = _paint(b)
    r, top = width * dice.uniform(0.02, 0.06), dice.uniform(0.15, 0.9)
    floors = max(2, min(9, round(height / (width * dice.uniform(0.7, 1.4)))))

    def corner(level: int, side: int) -> Point:
        reach = width / 2 * (1 + (top - 1) * level / floors)
        angle = pi / 4 + side * pi / 2
        return (reach * cos(angle) * 2**0.5, reach * sin(angle) * 2**0.5, height * level / floors)

    with b.thing():
        for side in range(4):
            b.limb(corner(0, side), corner(floors, side), r, pipe)
            for level in range(floors):
                here, above = corner(level, side), corner(level + 1, side + 1)
                b.rod(corner(level + 1, side), above, r * 0.7, pipe)
                b.rod(here, above, r * 0.6, pipe)
                if dice.chance(0.5):
                    b.rod(corner(level, side + 1), corner(level + 1, side), r * 0.6, pipe)


def crane(b: Builder, height: float) -> None:
    """A slim tower under a long jib along x, with a counterweight and a load on a rope."""
    dice = b.dice
    tower(b, height, height * dice.uniform(0.04, 0.07))
    metal, reach, r = _paint(b), height * dice.uniform(0.4, 0.8), height * 0.006
    low, high = height, height * 1.05
    with b.thing():
        for z in (low, high):
            b.rod((-reach * 0.35, 0, z), (reach, 0, z), r, metal)
        places = [reach * (k / 9) for k in range(10)]
        for a, c in pairwise(places):
            b.rod((a, 0, low), ((a + c) / 2, 0, high), r * 0.7, metal)
            b.rod(((a + c) / 2, 0, high), (c, 0, low), r * 0.7, metal)
        b.box((-reach * 0.3, 0, low), (height * 0.03, height * 0.02, height * 0.035), b.material(grey(0.5)))
        x, down = reach * dice.uniform(0.3, 0.95), height * dice.uniform(0.1, 0.6)
        b.rod((x, 0, low - down), (x, 0, low), r * 0.3, b.material(grey(0.1), texture=0))
        side = height * dice.uniform(0.01, 0.03)
        b.box((x, 0, low - down), (side, side, side), b.material())


def coaster(b: Builder, height: float) -> None:
    """Two rails with sleepers that rise, fall and bend along x, on braced columns, with a train on them."""
    dice = b.dice
    steel, pipe = _paint(b), _paint(b)
    span, waves, bends = height * dice.uniform(1.5, 4), dice.uniform(0.5, 1.6), dice.gauss(0, 0.5)
    phase, gauge = dice.uniform(0, 2 * pi), dice.uniform(0.5, 0.8)
    spread = height * dice.uniform(0.15, 0.4)

    def track(share: float) -> Point:
        """A place of the track, at a share of its length."""
        angle = 2 * pi * waves * share + phase
        return (
            (share - 0.5) * span + spread * sin(angle) * 0.5,
            bends * height * (share - 0.5) + spread * cos(angle * 0.7),
            height * (0.72 + 0.28 * cos(angle)),
        )

    parts = 36
    places = [track(k / parts) for k in range(parts + 1)]
    spine, rail = gauge * dice.uniform(0.2, 0.6), gauge * 0.12
    with b.thing():
        for a, c in pairwise(places):
            b.limb(_raised(a, 0, -gauge * 0.7), _raised(c, 0, -gauge * 0.7), spine, steel)
            for side in (-gauge, gauge):
                b.limb(_raised(a, side, 0), _raised(c, side, 0), rail, steel)
            for k in range(2):
                at = (a[0] + (c[0] - a[0]) * k / 2, a[1] + (c[1] - a[1]) * k / 2, a[2] + (c[2] - a[2]) * k / 2)
                b.rod(_raised(at, -gauge, 0), _raised(at, gauge, 0), rail * 0.7, steel)
    r = gauge * dice.uniform(0.25, 0.5)
    step = dice.randint(5, 9)
    with b.thing():
        for k in range(dice.randint(0, 3), parts + 1, step):
            x, y, z = places[k]
            foot = spread * dice.uniform(0.1, 0.5)
            b.limb((x, y, 0), (x, y, z - gauge), r, pipe)
            for side in (-1, 1):
                b.limb((x, y + side * foot, 0), (x, y, z - gauge), r * 0.7, pipe)
            if k + step <= parts and dice.chance(0.7):
                ahead = places[k + step]
                b.limb((x, y, z * 0.15), (ahead[0], ahead[1], ahead[2] * 0.85), r * 0.6, pipe)
                b.limb((x, y, z * 0.5), (ahead[0], ahead[1], ahead[2] * 0.5), r * 0.6, pipe)
    start, cars = dice.randint(1, parts - 8), dice.randint(2, 5)
    body = b.material(shine=0.6)
    with b.thing():
        for k in range(start, start + cars):
            x, y, z = places[k]
            b.rounded((x, y, z + gauge * 0.6), (gauge, gauge, gauge * 0.5), body)
            for side in (-0.5, 0.5):
                cloth = b.material(group="cloth", mirror=0)
                b.ball((x, y + side * gauge, z + gauge * 1.4), (gauge * 0.3, gauge * 0.3, gauge * 0.55), cloth)


def balloon(b: Builder, size: float) -> None:
    """An envelope of `size` m across with a basket, hanging from the origin upwards."""
    dice = b.dice
    cloth = b.material(hsv(dice.random(), dice.uniform(0.3, 1), dice.uniform(0.4, 1)), texture=dice.uniform(0, 0.6))
    rope = b.material(grey(0.2), texture=0)
    with b.thing():
        b.ball((0, 0, size * 1.1), (size / 2, size / 2, size * dice.uniform(0.5, 0.65)), cloth)
        b.box((0, 0, 0), (size * 0.08, size * 0.08, size * 0.06), b.material(group="wood"))
        for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            b.rod((x * size * 0.08, y * size * 0.08, 0), (x * size * 0.2, y * size * 0.2, size * 0.72), size * 0.004,
                  rope)  # fmt: skip


def _paint(b: Builder) -> int:
    """Of steel outside: grey, dark against the light, or of a strong colour."""
    dice = b.dice
    kind = dice.random()
    if kind < 0.3:
        return b.material(grey(dice.uniform(0.03, 0.25)), texture=0.05, mirror=0)
    if kind < 0.6:
        return b.material(grey(dice.uniform(0.4, 0.95)), texture=0.1, mirror=0)
    return b.material(hsv(dice.random(), dice.uniform(0.5, 1), dice.uniform(0.3, 0.95)), texture=0.05, mirror=0)


def _raised(place: Point, aside: float, up: float) -> Point:
    return (place[0], place[1] + aside, place[2] + up)
