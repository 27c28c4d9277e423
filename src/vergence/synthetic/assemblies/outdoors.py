"""What stands in streets and in the country."""

from math import pi

from vergence.synthetic.assemblies.thin import branches
from vergence.synthetic.builder import Builder, grey, hsv
from vergence.synthetic.render.intersect import BLADES, PRISM


def tree(b: Builder, height: float) -> None:
    """A broad-leaved tree, a conifer or a bare one."""
    dice = b.dice
    if dice.chance(0.2):
        branches(b, height, leaves=dice.choice((0.0, 0.3, 1.0)), depth=3)
        return
    bark = b.material((0.1, 0.065, 0.04), texture=0.7, group="wood", scale=0.5, shine=0, mirror=0)
    leaf = b.material(
        hsv(dice.uniform(0.1, 0.38), dice.uniform(0.2, 0.8), dice.uniform(0.3, 0.75)),
        texture=0.8, group="foliage", scale=dice.uniform(0.5, 2), shine=0, bump=0.9, mirror=0,
    )  # fmt: skip
    trunk = height * dice.uniform(0.25, 0.5)
    with b.thing():
        b.post(0, 0, 0, trunk * 2, height * dice.uniform(0.015, 0.04), bark, top=0.4)
        if dice.chance(0.3):
            for level in range(5):
                z, r = height * (0.18 + 0.16 * level), height * 0.055 * (5.5 - level)
                b.post(0, 0, z, height * 0.28, r, leaf, top=0.05)
            return
        for _ in range(dice.randint(4, 11)):
            r = height * dice.uniform(0.1, 0.24)
            centre = (dice.gauss(0, height * 0.13), dice.gauss(0, height * 0.13), height * dice.uniform(0.5, 0.95))
            b.blob(centre, (r, r, r * dice.uniform(0.6, 1)), leaf)


def bush(b: Builder, size: float) -> None:
    leaf = b.material(texture=0.9, group="foliage", scale=b.dice.uniform(0.3, 1), shine=0, bump=0.9, mirror=0)
    with b.thing():
        for _ in range(b.dice.randint(1, 4)):
            r = size * b.dice.uniform(0.4, 0.8)
            centre = (b.dice.gauss(0, size * 0.4), b.dice.gauss(0, size * 0.4), r * 0.5)
            b.blob(centre, (r, r, r * b.dice.uniform(0.6, 1)), leaf)


def rock(b: Builder, size: float) -> None:
    stone = b.material(grey(b.dice.uniform(0.3, 0.8)), texture=0.6, group="stone", shine=0, bump=0.5, mirror=0)
    with b.thing():
        b.blob((0, 0, size * 0.25), (size, size * b.dice.uniform(0.5, 1), size * b.dice.uniform(0.4, 0.9)), stone)


def grass(b: Builder, size: float) -> None:
    """Tufts of blades."""
    green = b.material(
        hsv(b.dice.uniform(0.12, 0.33), b.dice.uniform(0.3, 0.8), b.dice.uniform(0.3, 0.7)),
        texture=0.3,
        mirror=0,
        shine=0,
    )
    with b.thing():
        for _ in range(b.dice.randint(2, 5)):
            x, y, h = b.dice.gauss(0, size), b.dice.gauss(0, size), size * b.dice.uniform(0.3, 0.8)
            with b.at(x, y, yaw=b.dice.uniform(0, 2 * pi)):
                b.card((0, 0, h), h * 1.2, h, green, turn=(pi / 2, 0, 0), cut=BLADES + b.dice.randint(6, 18))


def house(b: Builder, width: float, depth: float, height: float) -> None:
    """With windows in its front and a flat or gabled roof."""
    dice = b.dice
    is_printed = dice.chance(0.3)
    wall = b.material(
        texture=dice.uniform(0.4, 1),
        group="facade" if is_printed else "stone",
        scale=dice.uniform(4, 9) if is_printed else dice.uniform(0.8, 3.5),
        is_upright=True,
    )
    with b.thing():
        b.box((0, 0, height / 2), (width / 2, depth / 2, height / 2), wall)
        if not is_printed:
            _windows(b, width, depth, height)
        if dice.chance(0.5):
            tiles, rise = b.material(group="stone", scale=2), dice.uniform(0.2, 0.5) * width
            if width > 2 * depth:  # the ridge runs along the longer side
                with b.at(0, 0, height, yaw=pi / 2):
                    b.add(PRISM, (0, 0, depth * 0.3), (depth * 0.55, width * 0.52, depth * 0.3), tiles)
            else:
                b.add(PRISM, (0, 0, height + rise / 2), (width * 0.55, depth * 0.52, rise / 2), tiles)
            if dice.chance(0.5):
                b.box((width * 0.2, 0, height + rise * 0.7), (0.3, 0.3, rise * 0.5 + 0.3), b.material(group="stone"))
        else:
            b.box((0, 0, height), (width / 2 + 0.2, depth / 2 + 0.2, 0.15), b.material())


def _windows(b: Builder, width: float, depth: float, height: float) -> None:
    glass = b.material(grey(b.dice.uniform(0.1, 0.5)), texture=0.1, shine=0.8, mirror=0.25)
    frame, door = b.material(grey(b.dice.uniform(0.2, 1)), texture=0.1), b.material()
    floors, across = min(5, max(1, int(height / 3))), min(6, max(1, int(width / b.dice.uniform(2, 4))))
    has_sills = b.dice.chance(0.4)
    for floor in range(floors):
        for i in range(across):
            x, z = width * ((i + 0.5) / across - 0.5), (floor + 0.55) * height / floors
            w, h = width / across * 0.28, height / floors * 0.3
            if floor == 0 and i == across // 2:
                b.box((x, -depth / 2, 1.05), (0.5, 0.06, 1.05), door, casts=False)
                continue
            b.box((x, -depth / 2, z), (w * 1.12, 0.06, h * 1.1), frame, casts=False)
            b.box((x, -depth / 2 - 0.02, z), (w, 0.06, h), glass, casts=False)
            if has_sills:
                b.box((x, -depth / 2 - 0.1, z - h), (w * 1.2, 0.12, 0.04), frame)


def car(b: Builder) -> None:
    """Along x, its nose towards +x."""
    dice = b.dice
    paint = b.material(texture=0.03, shine=0.8, mirror=0.12, bump=0)
    glass, rubber = b.material(grey(0.12), texture=0, shine=0.9, mirror=0.25), b.material(grey(0.12), texture=0)
    rim, light = (
        b.material(grey(0.6), texture=0, shine=0.6),
        b.material(grey(0.9), texture=0, glow=dice.uniform(0, 0.8)),
    )
    length, w, cabin = dice.uniform(1.7, 2.5), 0.88, dice.uniform(0.42, 0.9)
    with b.thing():
        b.rounded((0, 0, 0.62), (length, w, 0.32), paint)
        b.add(
            PRISM if dice.chance(0.15) else 0, (-0.1, 0, 0.9 + cabin / 2), (length * 0.55, w * 0.88, cabin / 2), glass
        )
        b.box((-0.1, 0, 0.92 + cabin), (length * 0.5, w * 0.85, 0.04), paint)
        for i in (-1, 1):
            b.box(
                (-0.1 + i * length * 0.55, 0, 0.85 + cabin / 2),
                (0.03, w * 0.86, cabin / 2),
                paint,
                turn=(0, -i * 0.5, 0),
            )
            b.box((length * 0.99, i * 0.6, 0.65), (0.02, 0.17, 0.09), light)
            b.box((-length * 0.99, i * 0.65, 0.7), (0.02, 0.14, 0.07), b.material((0.5, 0.02, 0.02), texture=0))
            for j in (-1, 1):
                x, y = i * length * 0.62, j * w * 0.9
                b.rod((x, y - j * 0.1, 0.33), (x, y + j * 0.1, 0.33), 0.33, rubber)
                b.rod((x, y, 0.33), (x, y + j * 0.115, 0.33), 0.2, rim)


def street_furniture(b: Builder) -> None:
    """A lamp post, sign, bench, bin, bollard or mailbox."""
    metal = b.material(grey(b.dice.uniform(0.1, 0.7)), texture=0.1)
    with b.thing():
        match b.dice.randint(0, 4):
            case 0:
                h = b.dice.uniform(3.5, 6)
                b.post(0, 0, 0, h, 0.07, metal, top=0.6)
                b.limb((0, 0, h), (0, -1.2, h + 0.2), 0.035, metal)
                b.rounded((0, -1.3, h + 0.18), (0.12, 0.3, 0.06), metal)
            case 1:
                b.post(0, 0, 0, 2.6, 0.03, metal)
                sign = b.material(texture=0.9, group="print", scale=0.7, is_upright=True)
                if b.dice.chance(0.5):
                    b.rod((0, -0.05, 2.3), (0, -0.03, 2.3), 0.32, sign)
                else:
                    b.box((0, -0.04, 2.2), (b.dice.uniform(0.25, 0.6), 0.015, 0.3), sign)
            case 2:
                wood = b.material(group="wood")
                for i in range(4):
                    b.box((0, -0.2 + 0.11 * i, 0.45), (0.8, 0.045, 0.02), wood)
                for i in range(3):
                    b.box((0, 0.25, 0.6 + 0.12 * i), (0.8, 0.015, 0.045), wood)
                for x in (-0.7, 0.7):
                    b.box((x, 0, 0.22), (0.03, 0.22, 0.22), metal)
            case 3:
                b.post(0, 0, 0, b.dice.uniform(0.7, 1.1), b.dice.uniform(0.08, 0.3), b.material(texture=0.2), top=0.9)
            case _:
                b.rounded((0, 0, 0.7), (0.25, 0.2, 0.6), b.material(texture=0.2))
