"""What stands in rooms."""

from math import cos, pi, sin

from vergence.synthetic.assemblies.small import glass, items
from vergence.synthetic.builder import Builder, grey
from vergence.synthetic.render.intersect import BOX, ELLIPSOID, FRUSTUM, LATHE


def table(b: Builder, width: float, depth: float, height: float, *, things: int | None = None) -> None:
    """With `things` on it, random when None."""
    top = glass(b) if b.dice.chance(0.08) else b.material(group="wood" if b.dice.chance(0.5) else "any")
    legs = b.material() if b.dice.chance(0.4) else top
    t = b.dice.uniform(0.015, 0.06)
    with b.thing():
        if b.dice.chance(0.2):
            b.add(FRUSTUM, (0, 0, height - t), (width / 2, depth / 2, t), top)
            b.post(0, 0, 0, height - 2 * t, 0.05, legs)
            b.post(0, 0, 0, 0.04, min(width, depth) * 0.35, legs, top=0.5)
        else:
            b.box((0, 0, height - t), (width / 2, depth / 2, t), top)
            q, is_round = b.dice.uniform(0.02, 0.06), b.dice.chance(0.3)
            for i in (-1, 1):
                for j in (-1, 1):
                    x, y = i * (width / 2 - q * 1.2), j * (depth / 2 - q * 1.2)
                    if is_round:
                        b.post(x, y, 0, height - 2 * t, q, legs)
                    else:
                        b.box((x, y, height / 2 - t), (q, q, height / 2 - t), legs)
            if b.dice.chance(0.4):
                b.box((0, 0, height - 2 * t - 0.05), (width / 2 - 0.05, depth / 2 - 0.05, 0.05), legs)
    with b.at(0, 0, height):
        items(b, width * 0.45, depth * 0.45, b.dice.randint(0, 8) if things is None else things)


def chair(b: Builder) -> None:
    frame = b.material(group="wood" if b.dice.chance(0.5) else "any")
    seat = b.material(group="cloth") if b.dice.chance(0.5) else frame
    w, h, back, q = 0.22, b.dice.uniform(0.4, 0.5), b.dice.uniform(0.35, 0.6), b.dice.uniform(0.012, 0.03)
    with b.thing():
        if b.dice.chance(0.3):
            b.rounded((0, 0, h), (w, w, b.dice.uniform(0.03, 0.06)), seat)
        else:
            b.box((0, 0, h), (w, w, b.dice.uniform(0.015, 0.05)), seat)
        if b.dice.chance(0.3):
            b.post(0, 0, 0, h, 0.03, frame)
            b.post(0, 0, 0, 0.06, w, frame, top=0.4)
        else:
            for i in (-1, 1):
                for j in (-1, 1):
                    b.rod((i * w * 1.1, j * w * 1.1, 0), (i * (w - q), j * (w - q), h), q, frame)
        with b.at(0, w, h, tilt=-b.dice.uniform(0, 0.25)):
            if b.dice.chance(0.5):
                b.box((0, 0, back * 0.6), (w, 0.02, back * 0.4), seat)
            elif b.dice.chance(0.5):
                bars = b.dice.randint(2, 4)
                for k in range(bars):
                    b.box((0, 0, back * (0.35 + 0.6 * k / bars)), (w, 0.012, 0.03), frame)
            else:
                bars = b.dice.randint(3, 7)
                for k in range(bars):
                    x = w * (2 * (k + 0.5) / bars - 1)
                    b.rod((x, 0, 0), (x, 0, back), 0.008, frame)
                b.box((0, 0, back), (w, 0.015, 0.03), frame)
            for i in (-1, 1):
                b.rod((i * (w - q), 0, 0), (i * (w - q), 0, back), q, frame)


def sofa(b: Builder) -> None:
    cloth, w = b.material(group="cloth"), b.dice.uniform(0.45, 1.2)
    with b.thing():
        b.box((0, 0, 0.17), (w, 0.45, 0.14), cloth)
        seats = max(1, round(w / 0.5))
        for k in range(seats):
            x = w * (2 * (k + 0.5) / seats - 1) * 0.82
            b.rounded((x, -0.05, 0.39), (w / seats * 0.8, 0.4, 0.1), cloth)
            b.rounded((x, 0.3, 0.62), (w / seats * 0.8, 0.14, 0.27), cloth, turn=(-0.15, 0, 0))
        for i in (-1, 1):
            b.rounded((i * (w - 0.06), 0, 0.4), (0.11, 0.46, 0.22), cloth)
        for _ in range(b.dice.randint(0, 3)):
            turn = (-0.4, 0.0, b.dice.uniform(-0.5, 0.5))
            b.rounded(
                (b.dice.uniform(-w, w) * 0.7, 0.08, 0.62), (0.2, 0.08, 0.18), b.material(group="cloth"), turn=turn
            )


def bed(b: Builder) -> None:
    w, board = b.dice.uniform(0.45, 0.95), b.material(group="wood")
    with b.thing():
        b.box((0, 0, 0.15), (w, 1.0, 0.15), board)
        b.rounded((0, 0, 0.4), (w, 1.0, 0.13), b.material(group="cloth"))
        b.rounded((0, -0.25, 0.46), (w + 0.03, 0.76, 0.12), b.material(group="cloth"))
        b.box((0, 1.02, 0.5), (w, 0.04, b.dice.uniform(0.4, 0.7)), board)
        for i in (-0.5, 0.5):
            b.ball((i * w, 0.75, 0.56), (0.32, 0.2, 0.1), b.material(group="cloth", texture=0.3))


def shelf(b: Builder, width: float, depth: float, height: float) -> None:
    """Open shelves with books and things."""
    board, levels, t = b.material(group="wood"), b.dice.randint(2, 6), 0.012
    with b.thing():
        for i in (-1, 1):
            b.box((i * width / 2, 0, height / 2), (t, depth / 2, height / 2), board)
        if b.dice.chance(0.7):
            b.box((0, depth / 2, height / 2), (width / 2, t, height / 2), board)
        for level in range(levels + 1):
            b.box((0, 0, height * level / levels), (width / 2, depth / 2, t), board)
    for level in range(levels):
        z, room = height * level / levels + t, height / levels - 2 * t
        x = -width / 2 + 0.03
        if b.dice.chance(0.5):
            length, tall = width * b.dice.uniform(0.3, 0.9), room * b.dice.uniform(0.5, 0.85) / 2
            spines = b.material(texture=1, group="books", scale=b.dice.uniform(0.3, 0.8), is_upright=True)
            y = b.dice.uniform(-0.05, 0.05)
            b.box((x + length / 2, y, z + tall), (length / 2, depth * 0.35, tall), spines)
            continue
        while x < width / 2 - 0.1 and b.dice.chance(0.8):
            q = b.dice.uniform(0.03, 0.12)
            kind, tall = b.dice.choice((BOX, FRUSTUM, ELLIPSOID, LATHE)), room * b.dice.uniform(0.2, 0.8) / 2
            size = (q, min(q, depth / 2), tall)
            b.add(kind, (x + q, 0, z + tall), size, b.material(), parameter=b.dice.uniform(0.5, 1))
            x += 2 * q + b.dice.uniform(0, 0.2)


def cabinet(b: Builder, width: float, depth: float, height: float) -> None:
    """With doors or drawers, and things on it where one sees them."""
    body = b.material()
    front = b.material() if b.dice.chance(0.5) else body
    knob, doors, is_drawers = b.material(texture=0.1), b.dice.randint(1, 4), b.dice.chance(0.4)
    with b.thing():
        b.box((0, 0, height / 2), (width / 2, depth / 2, height / 2), body)
        for i in range(doors):
            share = (i + 0.5) / doors
            if is_drawers:
                b.box((0, -depth / 2, height * share), (width / 2 - 0.02, 0.012, height / doors / 2 - 0.008), front)
                b.box((0, -depth / 2 - 0.02, height * share), (0.06, 0.012, 0.008), knob)
            else:
                x = width * (share - 0.5)
                b.box((x, -depth / 2, height / 2), (width / doors / 2 - 0.006, 0.012, height / 2 - 0.03), front)
                b.box((x + width / doors * 0.3, -depth / 2 - 0.02, height * 0.6), (0.008, 0.012, 0.06), knob)
        if b.dice.chance(0.6):
            b.box((0, 0, height + 0.015), (width / 2 + 0.02, depth / 2 + 0.02, 0.02), b.material())
    if height < 1.3:
        with b.at(0, 0, height + 0.035):
            items(b, width * 0.45, depth * 0.4, b.dice.randint(0, 6))


def lamp(b: Builder) -> None:
    """A standing lamp that may be on."""
    h, metal = b.dice.uniform(0.8, 1.8), b.material(texture=0.1)
    is_on = b.dice.chance(0.5)
    with b.thing():
        b.post(0, 0, 0, h, 0.012, metal)
        b.post(0, 0, 0, 0.03, 0.14, metal)
        shade = b.material(grey(0.9), texture=0.2, glow=1.2 if is_on else 0.0)
        b.post(0, 0, h - 0.1, 0.28, 0.2, shade, top=b.dice.uniform(0.3, 1))
    if is_on:
        b.lamp(0, 0, h + 0.25, (0.6, 0.5, 0.35), radius=0.15, reach=1.0)


def stairs(b: Builder, *, steps: int | None = None, width: float | None = None) -> None:
    """Steps that rise away from the viewer, with or without a railing."""
    n, w = steps or b.dice.randint(3, 14), width or b.dice.uniform(0.5, 1.5)
    stone, rise, tread = b.material(group="stone" if b.dice.chance(0.5) else "wood"), 0.17, b.dice.uniform(0.24, 0.34)
    nose = b.material() if b.dice.chance(0.4) else stone
    with b.thing():
        for i in range(n):
            b.box((0, i * tread, (i + 1) * rise / 2), (w, tread * 0.55, (i + 1) * rise / 2), stone)
            b.box((0, i * tread - tread * 0.5, (i + 1) * rise - 0.015), (w * 1.01, tread * 0.1, 0.02), nose)
    if b.dice.chance(0.7):
        metal, is_dense = b.material(texture=0.1), b.dice.chance(0.6)
        for side in (-1, 1) if b.dice.chance(0.5) else (1,):
            with b.thing():
                x = side * (w - 0.05)
                for i in range(0, n, 1 if is_dense else 3):
                    b.rod((x, i * tread, (i + 1) * rise), (x, i * tread, (i + 1) * rise + 0.9), 0.012, metal)
                top = ((n - 1) * tread, n * rise + 0.9)
                b.limb((x, 0, rise + 0.9), (x, top[0], top[1]), 0.03, b.material(group="wood"))


def round_table_group(b: Builder) -> None:
    """A table with chairs around."""
    table(b, b.dice.uniform(0.6, 1.8), b.dice.uniform(0.6, 1.0), b.dice.uniform(0.65, 0.8))
    for _ in range(b.dice.randint(0, 4)):
        angle, away = b.dice.uniform(0, 2 * pi), b.dice.uniform(0.6, 1.0)
        with b.at(-sin(angle) * away, cos(angle) * away, yaw=angle):
            chair(b)
