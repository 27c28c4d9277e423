"""Things that stand on tables, shelves and floors."""

from math import pi

from vergence.synthetic.builder import Builder, grey, hsv
from vergence.synthetic.render.intersect import BOX, ELLIPSOID, FRUSTUM, LATHE, PRISM, ROUNDED


def items(b: Builder, half_width: float, half_depth: float, count: int) -> None:
    """Scatter small things over a surface."""
    for _ in range(count):
        x, y = b.dice.uniform(-half_width, half_width), b.dice.uniform(-half_depth, half_depth)
        with b.at(x, y, yaw=b.dice.uniform(0, 2 * pi)), b.thing():
            b.dice.pick(ITEMS)(b)


def mug(b: Builder) -> None:
    m, r, h = b.material(), b.dice.uniform(0.03, 0.06), b.dice.uniform(0.08, 0.16)
    b.post(0, 0, 0, h, r, m)
    b.ring((r * 1.25, 0, h * 0.5), h * 0.32, h * 0.07, m, turn=(pi / 2, 0, 0))


def books(b: Builder) -> None:
    z = 0.0
    for _ in range(b.dice.randint(1, 5)):
        t = b.dice.uniform(0.005, 0.025)
        size = (b.dice.uniform(0.07, 0.12), b.dice.uniform(0.1, 0.16), t)
        m = b.material(texture=b.dice.uniform(0.4, 1), group="print", scale=0.25)
        b.box((0, 0, z + t), size, m, turn=(0, 0, b.dice.uniform(-0.3, 0.3)))
        z += 2 * t


def bottle(b: Builder) -> None:
    m = glass(b) if b.dice.chance(0.4) else b.material(shine=0.6)
    r, h = b.dice.uniform(0.02, 0.05), b.dice.uniform(0.1, 0.22)
    b.post(0, 0, 0, h, r, m)
    b.post(0, 0, h, h * 0.3, r, m, top=0.4)
    b.post(0, 0, h * 1.3, h * 0.25, r * 0.4, m)
    if b.dice.chance(0.5):
        b.post(0, 0, h * 0.3, h * 0.4, r * 1.02, b.material(texture=1, group="print", scale=0.12))


def carton(b: Builder) -> None:
    size = [b.dice.uniform(0.03, 0.15) for _ in range(3)]
    b.box((0, 0, size[2]), size, b.material(texture=b.dice.random(), group="print", scale=0.3))


def fruit(b: Builder) -> None:
    m = b.material(hsv(b.dice.uniform(0, 0.3), b.dice.uniform(0.4, 1), b.dice.uniform(0.4, 1)), texture=0.1, shine=0.4)
    for _ in range(b.dice.choice((1, 1, 3, 5))):
        r = b.dice.uniform(0.03, 0.05)
        b.ball((b.dice.gauss(0, 0.06), b.dice.gauss(0, 0.06), r), (r, r, r * b.dice.uniform(0.8, 1.1)), m)


def toy_ball(b: Builder) -> None:
    r = b.dice.uniform(0.03, 0.13)
    b.ball((0, 0, r), r, b.material())


def screen(b: Builder) -> None:
    """A monitor, a laptop or a framed picture."""
    w = b.dice.uniform(0.12, 0.35)
    h, lift = w * b.dice.uniform(0.5, 0.8), b.dice.uniform(0, 0.12)
    case = b.material(grey(b.dice.uniform(0.05, 0.9)), texture=0.05)
    shown = b.material(texture=1, group="screen", scale=2 * w, glow=b.dice.uniform(0, 0.8), is_upright=True)
    tilt = b.dice.uniform(-0.35, 0.1)
    with b.at(0, 0, h + lift, tilt=tilt):
        b.box((0, 0, 0), (w, 0.012, h), case)
        b.box((0, -0.014, 0), (w * 0.94, 0.004, h * 0.9), shown, casts=False)
    if lift > 0.04:
        b.box((0, 0.02, lift / 2), (0.03, 0.01, lift / 2), case)
        b.box((0, 0.02, 0.006), (0.12, 0.08, 0.006), case)
    else:
        b.box((0, -w * 0.6, 0.01), (w, w * 0.6, 0.01), case)


def vase(b: Builder) -> None:
    m = glass(b) if b.dice.chance(0.3) else b.material(shine=b.dice.random())
    h = b.dice.uniform(0.12, 0.4)
    b.vessel(0, 0, 0, h, h * b.dice.uniform(0.25, 0.5), m)
    if b.dice.chance(0.5):
        stems(b, h, h * b.dice.uniform(0.8, 1.6))


def stems(b: Builder, z: float, height: float) -> None:
    """Flowers or twigs that rise from z."""
    green = b.material(hsv(b.dice.uniform(0.2, 0.4), 0.6, b.dice.uniform(0.2, 0.5)), texture=0.1)
    bloom = b.material(hsv(b.dice.random(), b.dice.uniform(0.4, 0.9), 0.9), texture=0.1)
    for _ in range(b.dice.randint(2, 6)):
        tip = (b.dice.gauss(0, height * 0.3), b.dice.gauss(0, height * 0.3), z + height * b.dice.uniform(0.5, 1))
        b.rod((0, 0, z * 0.8), tip, height * 0.008 + 0.001, green)
        b.ball(tip, (height * 0.09, height * 0.09, height * 0.06), bloom)


def cone(b: Builder) -> None:
    r = b.dice.uniform(0.04, 0.12)
    b.post(0, 0, 0, r * b.dice.uniform(1, 3), r, b.material(), top=b.dice.uniform(0, 0.8))


def statuette(b: Builder) -> None:
    m, h = b.material(), b.dice.uniform(0.1, 0.35)
    b.box((0, 0, h * 0.06), (h * 0.25, h * 0.25, h * 0.06), m)
    b.blob((0, 0, h * 0.5), (h * 0.28, h * 0.24, h * 0.45), m)
    if b.dice.chance(0.5):
        b.ball((0, 0, h * 1.02), h * 0.14, m)


def glasses(b: Builder) -> None:
    """A wine glass."""
    m, h = glass(b), b.dice.uniform(0.12, 0.22)
    b.post(0, 0, 0, 0.006, h * 0.24, m)
    b.post(0, 0, 0, h * 0.5, 0.005, m)
    b.ball((0, 0, h * 0.72), (h * 0.24, h * 0.24, h * 0.28), m)


def plate(b: Builder) -> None:
    r = b.dice.uniform(0.08, 0.15)
    m = b.material(grey(b.dice.uniform(0.5, 1)), texture=0.1, shine=0.5)
    b.post(0, 0, 0, 0.012, r, m)
    b.ring((0, 0, 0.014), r * 1.05, 0.01, m)
    for _ in range(b.dice.randint(0, 4)):
        s = b.dice.uniform(0.015, 0.05)
        b.blob((b.dice.gauss(0, r / 3), b.dice.gauss(0, r / 3), 0.012 + s * 0.7), (s, s, s), b.material())


def cushion(b: Builder) -> None:
    s = b.dice.uniform(0.08, 0.25)
    b.rounded((0, 0, s * 0.5), (s, s * 0.9, s * 0.5), b.material(group="cloth"))


def lying_rods(b: Builder) -> None:
    """Pens, cutlery, tools."""
    for _ in range(b.dice.randint(1, 4)):
        length = b.dice.uniform(0.06, 0.2)
        x, y, angle = b.dice.gauss(0, 0.05), b.dice.gauss(0, 0.05), b.dice.uniform(-0.6, 0.6)
        b.limb((x - length * angle, y - length, 0.006), (x + length * angle, y + length, 0.006), 0.006, b.material())


def plant(b: Builder, height: float | None = None) -> None:
    """A potted plant with leaves of one kind."""
    h = height or b.dice.uniform(0.15, 0.5)
    pot = h * b.dice.uniform(0.12, 0.22)
    if b.dice.chance(0.3):
        b.vessel(0, 0, 0, 2 * pot, pot, b.material())
    else:
        b.post(0, 0, 0, 2 * pot, pot, b.material())
    leaf = b.material(
        hsv(b.dice.uniform(0.2, 0.4), b.dice.uniform(0.3, 0.8), b.dice.uniform(0.25, 0.75)),
        texture=0.5, group="foliage", scale=0.2, shine=0.2, mirror=0,
    )  # fmt: skip
    is_flat = b.dice.chance(0.6)
    for _ in range(b.dice.randint(6, 18)):
        lean, length = b.dice.uniform(0.1, 1.2), h * b.dice.uniform(0.2, 0.5)
        with b.at(0, 0, 2 * pot + h * b.dice.uniform(0, 0.2), yaw=b.dice.uniform(0, 2 * pi)):
            if is_flat:
                with b.at(0, 0, 0, tilt=-lean):
                    turn = (pi / 2, 0, 0)
                    b.card((0, 0, length), length * 0.24, length, leaf, turn=turn, cut=b.dice.random())
            else:
                with b.at(0, 0, 0, tilt=-lean):
                    b.ball((0, 0, length * 0.8), (length * 0.18, length * 0.06, length * 0.7), leaf)


def clutter(b: Builder, size: float) -> None:
    """One solid of any shape, upright or fallen over, standing on or stuck in the ground."""
    half = [size * b.dice.lognormvariate(0, 0.5) for _ in range(3)]
    kind = b.dice.pick({BOX: 4, FRUSTUM: 2, ELLIPSOID: 2, ROUNDED: 1.5, LATHE: 1, PRISM: 1})
    tilt = b.dice.gauss(0, 0.6) if b.dice.chance(0.3) else 0.0
    with b.thing():
        b.add(
            kind, (0, 0, half[2]), half, b.material(), turn=(tilt, 0, b.dice.uniform(0, 2 * pi)),
            parameter=b.dice.uniform(0.15, 0.9),
        )  # fmt: skip


def glass(b: Builder) -> int:
    """A clear material, a little tinted."""
    tint = hsv(b.dice.random(), b.dice.uniform(0, 0.5), b.dice.uniform(0.5, 1))
    return b.material(tint, texture=0, shine=0.9, bump=0, mirror=0.06, clear=b.dice.uniform(0.5, 0.9))


ITEMS = {
    mug: 2.0,
    books: 2.0,
    bottle: 2.0,
    carton: 1.5,
    fruit: 1.0,
    toy_ball: 1.0,
    screen: 1.5,
    vase: 1.5,
    cone: 0.7,
    statuette: 1.0,
    glasses: 1.0,
    plate: 1.0,
    cushion: 0.4,
    lying_rods: 1.0,
    plant: 1.5,
}
