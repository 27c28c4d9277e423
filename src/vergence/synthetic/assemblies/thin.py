"""Thin structures: railings, fences, branches, wires, bicycles, scaffolds."""

from itertools import pairwise
from math import cos, pi, sin

from vergence.synthetic.builder import Builder, grey


def railing(b: Builder, length: float, *, height: float = 1.0) -> None:
    """Bars between two rails, along x."""
    metal, gap = b.material(texture=0.15), b.dice.uniform(0.09, 0.2)
    r = b.dice.uniform(0.006, 0.015)
    n = max(2, min(40, int(length / gap)))
    with b.thing():
        b.limb((-length / 2, 0, height), (length / 2, 0, height), r * 2.2, metal)
        b.box((0, 0, height * 0.1), (length / 2, r, r), metal)
        is_level = b.dice.chance(0.3)
        if is_level:
            for k in range(1, b.dice.randint(3, 6)):
                z = height * k / 6
                b.rod((-length / 2, 0, z), (length / 2, 0, z), r, metal)
            n = max(2, n // 8)
        for i in range(n + 1):
            x = length * (i / n - 0.5)
            b.rod((x, 0, 0), (x, 0, height), r, metal)


def fence(b: Builder, length: float, *, height: float = 1.6) -> None:
    """A mesh of wires or wooden pales between posts, along x."""
    with b.thing():
        metal = b.material(grey(b.dice.uniform(0.2, 0.8)), texture=0.1)
        for i in range(int(length / 2.5) + 1):
            x = -length / 2 + 2.5 * i
            b.post(x, 0, 0, height * 1.05, 0.03, metal)
        if b.dice.chance(0.5):
            half, x = height / 2, -length / 2
            while x < length / 2:  # square cards, so that the mesh is square
                b.card((x + half, 0, half), half, half, metal, turn=(pi / 2, 0, 0), cut=float(b.dice.randint(6, 22)))
                x += height
        else:
            wood, gap = b.material(group="wood"), b.dice.uniform(0.1, 0.22)
            for i in range(min(60, int(length / gap))):
                x = -length / 2 + gap * (i + 0.5)
                b.box((x, 0, height * 0.48), (gap * b.dice.uniform(0.25, 0.38), 0.012, height * 0.48), wood)
            for z in (0.25, 0.75):
                b.box((0, 0.03, height * z), (length / 2, 0.02, 0.04), wood)


def branches(b: Builder, height: float, *, leaves: float = 0.5, depth: int = 3) -> None:
    """A branching plant that stands at the origin; a share of twigs carries leaves."""
    bark = b.material((0.12, 0.08, 0.05), texture=0.6, group="wood", scale=0.3, shine=0, mirror=0)
    green = b.material(texture=0.7, group="foliage", scale=0.4, shine=0.1, mirror=0)
    with b.thing():
        _grow(b, (0.0, 0.0, 0.0), 0.0, 0.0, height * 0.38, height * 0.022, depth, bark, green, leaves)


def _grow(
    b: Builder, root: tuple[float, float, float], lean: float, turn: float, length: float, radius: float, depth: int,
    bark: int, green: int, leaves: float,
) -> None:  # fmt: skip
    tip = (
        root[0] + length * sin(lean) * cos(turn),
        root[1] + length * sin(lean) * sin(turn),
        root[2] + length * cos(lean),
    )
    b.limb(root, tip, radius, bark)
    if depth == 0:
        if b.dice.chance(leaves):
            s = length * b.dice.uniform(0.5, 1.0)
            for _ in range(2):
                turns = (b.dice.uniform(0, pi), b.dice.uniform(0, pi), b.dice.uniform(0, pi))
                b.card(tip, s * 0.5, s, green, turn=turns, cut=b.dice.random())
        return
    for _ in range(b.dice.randint(2, 3)):
        _grow(
            b, tip, lean + b.dice.gauss(0, 0.5), turn + b.dice.uniform(-2.2, 2.2), length * b.dice.uniform(0.6, 0.85),
            radius * 0.62, depth - 1, bark, green, leaves,
        )  # fmt: skip


def wires(b: Builder, length: float, height: float) -> None:
    """Poles along y with wires that sag between them."""
    wood, wire = b.material((0.1, 0.07, 0.05), texture=0.5, group="wood"), b.material(grey(0.1), texture=0)
    spans, sag = max(1, int(length / 25)), b.dice.uniform(0.3, 1.0)
    lines = [(x, height * 0.95) for x in (-0.8, -0.3, 0.3, 0.8)][: b.dice.randint(2, 4)]
    with b.thing():
        for i in range(spans + 1):
            b.post(0, i * 25.0, 0, height, 0.12, wood, top=0.7)
            b.box((0, i * 25.0, height * 0.93), (0.95, 0.05, 0.06), wood)
        for i in range(spans):
            for x, z in lines:
                parts = 4
                points = [
                    (x, 25.0 * (i + j / parts), z - sag * 4 * (j / parts) * (1 - j / parts)) for j in range(parts + 1)
                ]
                for a, c in pairwise(points):
                    b.rod(a, c, 0.012, wire)


def bicycle(b: Builder) -> None:
    """Wheels with spokes and a frame of tubes, along x."""
    tube, rubber, steel = (
        b.material(texture=0.05, shine=0.7),
        b.material(grey(0.15), texture=0),
        b.material(grey(0.7), texture=0, shine=0.6),
    )
    r, back, front = 0.33, -0.5, 0.5
    with b.thing(), b.at(0, 0, 0, tilt=b.dice.gauss(0, 0.06)):
        for x in (back, front):
            b.ring((x, 0, r), r, 0.02, rubber, turn=(pi / 2, 0, 0))
            b.ring((x, 0, r), r * 0.92, 0.008, steel, turn=(pi / 2, 0, 0))
            for i in range(8):
                angle = pi * i / 8
                dx, dz = r * 0.9 * cos(angle), r * 0.9 * sin(angle)
                b.rod((x - dx, 0, r - dz), (x + dx, 0, r + dz), 0.0015, steel)
        seat, crank, steer = (-0.2, 0.0, 0.85), (-0.05, 0.0, 0.3), (0.36, 0.0, 0.85)
        low = (0.4, 0.0, 0.68)
        for a, c in (
            (seat, crank), (crank, low), ((-0.17, 0.0, 0.75), steer), ((back, 0.0, r), crank),
            ((back, 0.0, r), (-0.17, 0.0, 0.75)), (steer, (front, 0.0, r)), (steer, (0.33, 0.0, 1.0)),
        ):  # fmt: skip
            b.limb(a, c, 0.017, tube)
        b.limb((0.33, -0.25, 1.0), (0.33, 0.25, 1.0), 0.013, steel)
        b.rounded((-0.22, 0, 0.9), (0.13, 0.07, 0.03), rubber)
        b.ring((-0.05, 0, 0.3), 0.09, 0.006, steel, turn=(pi / 2, 0, 0))
        b.limb((-0.05, -0.1, 0.22), (-0.05, -0.02, 0.3), 0.01, steel)


def scaffold(b: Builder, width: float, height: float) -> None:
    """A lattice of pipes facing -y."""
    pipe = b.material(grey(b.dice.uniform(0.3, 0.8)), texture=0.1, shine=0.5)
    across, up = max(1, int(width / 1.5)), max(1, int(height / 1.8))
    with b.thing():
        for j in (0.0, 0.8):
            for i in range(across + 1):
                x = width * (i / across - 0.5)
                b.rod((x, j, 0), (x, j, height), 0.025, pipe)
            for k in range(1, up + 1):
                z = height * k / up
                b.rod((-width / 2, j, z), (width / 2, j, z), 0.025, pipe)
        for k in range(up):
            low, high = height * k / up, height * (k + 1) / up
            b.rod((-width / 2, 0, low), (-width / 2 + width / across, 0, high), 0.02, pipe)
            b.box((0, 0.4, high), (width / 2, 0.35, 0.02), b.material(group="wood"))


def blinds(b: Builder, width: float, height: float) -> None:
    """Slats hung from the origin downwards."""
    slat, n = b.material(grey(b.dice.uniform(0.4, 1)), texture=0.1), b.dice.randint(10, 24)
    with b.thing():
        for i in range(n):
            b.box(
                (0, 0, -height * (i + 0.5) / n), (width / 2, 0.02, 0.001), slat, turn=(b.dice.uniform(0.3, 0.9), 0, 0)
            )


def leaning_poles(b: Builder) -> None:
    """A bundle of thin poles, as brooms, skis or reeds are."""
    with b.thing():
        for _ in range(b.dice.randint(2, 7)):
            foot = (b.dice.uniform(-0.3, 0.3), b.dice.uniform(-0.1, 0.1), 0.0)
            top = (foot[0] + b.dice.gauss(0, 0.2), foot[1] + b.dice.uniform(0, 0.3), b.dice.uniform(0.9, 2.0))
            b.limb(foot, top, b.dice.uniform(0.004, 0.02), b.material(texture=0.2))
