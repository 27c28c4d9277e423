"""What hangs on a wall. The wall is the plane y = 0 of the current frame, the room lies at -y."""

from vergence.synthetic.assemblies.small import items
from vergence.synthetic.assemblies.thin import blinds
from vergence.synthetic.builder import Builder, grey
from vergence.synthetic.render.intersect import FRUSTUM


def furnish(b: Builder, length: float, count: int) -> None:
    """Hang `count` things on a wall `length` m long."""
    if b.dice.chance(0.5):
        b.box((0, -0.01, 0.05), (length / 2, 0.012, 0.05), b.material(texture=0.2), casts=False)
    for _ in range(count):
        with b.at(b.dice.uniform(-0.42, 0.42) * length, 0), b.thing():
            b.dice.pick(HANGINGS)(b)


def window(b: Builder) -> None:
    w, h, z = b.dice.uniform(0.4, 1.1), b.dice.uniform(0.4, 0.8), b.dice.uniform(1.2, 1.6)
    frame = b.material(grey(b.dice.uniform(0.6, 1)), texture=0.1)
    glow = b.dice.uniform(0, 1.6)
    pane = b.material((0.6, 0.75, 0.9), texture=b.dice.uniform(0, 0.4), shine=0.5, glow=glow, mirror=0.15)
    b.box((0, -0.02, z), (w, 0.03, h), frame, casts=False)
    for i in (-0.48, 0.48):
        b.box((i * w, -0.025, z), (w * 0.44, 0.03, h * 0.92), pane, casts=False)
    if b.dice.chance(0.3):
        b.box((0, -0.12, z - h), (w * 1.1, 0.12, 0.02), frame)
    if glow > 0.6 and b.dice.chance(0.7):
        b.lamp(0, -0.35, z, (0.9 * glow, 0.95 * glow, glow), radius=0.5, reach=2.0)
    if b.dice.chance(0.15):
        with b.at(0, -0.1, z + h):
            blinds(b, 2 * w, b.dice.uniform(0.4, 1.0) * 2 * h)


def door(b: Builder) -> None:
    panel, knob = b.material(group="wood", is_upright=True), b.material(grey(0.6), texture=0, shine=0.8)
    b.box((0, -0.02, 1.02), (0.46, 0.03, 1.04), b.material(texture=0.2), casts=False)
    b.box((0, -0.03, 1.0), (0.41, 0.03, 1.0), panel, casts=False)
    if b.dice.chance(0.5):
        for z in (0.55, 1.45):
            b.box((0, -0.05, z), (0.28, 0.02, 0.32), panel, casts=False)
    b.ball((0.33, -0.1, 1.0), 0.03, knob)


def picture(b: Builder) -> None:
    """A framed picture, or a bare poster: texture without depth."""
    w = b.dice.uniform(0.1, 0.6)
    h = w * b.dice.uniform(0.5, 1.6)
    z = min(b.dice.uniform(1.1, 1.8), b.ceiling - h - 0.05)
    shown = b.material(texture=1, group="picture", scale=2 * max(w, h), is_upright=True)
    if b.dice.chance(0.6):
        b.box((0, -0.015, z), (w, 0.015, h), b.material(), casts=False)
        b.box((0, -0.02, z), (w * 0.88, 0.015, h * 0.88), shown, casts=False)
    else:
        b.box((0, 0, z), (w, 0.002, h), shown, casts=False)


def mural(b: Builder) -> None:
    """A picture nearly as tall as the wall."""
    h = b.ceiling * b.dice.uniform(0.3, 0.47)
    shown = b.material(texture=1, group="picture", scale=2 * h, is_upright=True)
    b.box((0, 0, b.ceiling / 2), (h * b.dice.uniform(0.8, 2.0), 0.004, h), shown, casts=False)


def mirror(b: Builder) -> None:
    w, h = b.dice.uniform(0.25, 0.9), b.dice.uniform(0.3, 0.9)
    z = min(1.5, b.ceiling - h - 0.05)
    b.box((0, -0.012, z), (w, 0.015, h), b.material(), casts=False)
    glass = b.material(grey(0.9), texture=0, shine=0, bump=0, mirror=0.92)
    b.box((0, -0.015, z), (w * 0.92, 0.015, h * 0.94), glass, casts=False)


def curtain(b: Builder) -> None:
    cloth = b.material(group="cloth")
    for i in range(b.dice.randint(3, 9)):
        b.add(FRUSTUM, (i * 0.11, -0.08, b.ceiling * 0.48), (0.07, 0.05, b.ceiling * 0.46), cloth)


def board(b: Builder) -> None:
    """A shelf with things on it."""
    w, z = b.dice.uniform(0.3, 0.9), b.dice.uniform(1.0, 1.7)
    b.box((0, -0.12, z), (w, 0.12, 0.015), b.material(group="wood"))
    with b.at(0, -0.12, z + 0.015):
        items(b, w * 0.9, 0.06, b.dice.randint(1, 5))


def radiator(b: Builder) -> None:
    white, ribs = b.material(grey(0.9), texture=0.05, shine=0.3), b.dice.randint(5, 14)
    for i in range(ribs):
        b.rounded(((i - ribs / 2) * 0.07, -0.09, 0.4), (0.03, 0.05, 0.3), white)


def lamp(b: Builder) -> None:
    glow = b.material(grey(0.95), texture=0, glow=1.5)
    z = min(b.dice.uniform(1.5, 2.0), b.ceiling - 0.2)
    b.ball((0, -0.12, z), b.dice.uniform(0.06, 0.14), glow)
    b.lamp(0, -0.4, z, (0.7, 0.6, 0.45), radius=0.2, reach=1.2)


HANGINGS = {
    window: 0.22,
    door: 0.1,
    picture: 0.34,
    mural: 0.04,
    mirror: 0.05,
    curtain: 0.08,
    board: 0.1,
    radiator: 0.04,
    lamp: 0.04,
}
