"""Rooms that are lived or worked in."""

from math import atan2, pi, radians

from vergence.synthetic.assemblies import animals, furniture, people, small
from vergence.synthetic.builder import Builder, Dice, grey
from vergence.synthetic.kinds.rooms import against_wall, shell, sides
from vergence.synthetic.kinds.sight import Sight, Sights, lens


def crowded(b: Builder) -> Sights:
    """Full along every wall, on tables and on the floor, and seen from the height of a hand."""
    dice = b.dice
    width, depth, height = dice.uniform(2.8, 7), dice.uniform(2.8, 8), dice.uniform(2.3, 3.2)
    shell(b, width, depth, height, most=7)
    for x, y, yaw, length in sides(width, depth):
        if dice.chance(0.85):
            with b.at(x, y, yaw=yaw):
                _line_wall(b, length, height)
    for _ in range(dice.randint(0, 2)):
        x, y = dice.uniform(-0.3, 0.3) * width, dice.uniform(-0.3, 0.3) * depth
        with b.at(x, y, yaw=dice.choice((0, pi / 2)) + dice.gauss(0, 0.15)):
            _table_set(b) if dice.chance(0.7) else _partition(b)
    if dice.chance(0.12):
        x, y = dice.uniform(-0.3, 0.3) * width, dice.uniform(-0.3, 0.3) * depth
        b.post(x, y, 0, height, dice.uniform(0.05, 0.25), b.material())
    if dice.chance(0.2):
        _pipes(b, width, depth, height)
    for _ in range(dice.randint(3, 20)):
        x, y = dice.uniform(-0.5, 0.5) * (width - 0.6), dice.uniform(-0.5, 0.5) * (depth - 0.6)
        with b.at(x, y, yaw=dice.uniform(0, 2 * pi)):
            _left_on_floor(b)

    def sights(dice: Dice) -> Sight:
        """From anywhere, a little down, through the lens of a phone or a depth camera."""
        eye = (dice.uniform(-0.5, 0.5) * (width - 0.5), dice.uniform(-0.5, 0.5) * (depth - 0.5))
        target = (dice.uniform(-0.4, 0.4) * width, dice.uniform(-0.4, 0.4) * depth)
        yaw = atan2(-(target[0] - eye[0]), target[1] - eye[1])
        z = max(0.5, min(dice.gauss(1.35, 0.25), height - 0.3))
        return Sight((*eye, z), yaw, radians(dice.gauss(-14, 11)), lens(dice, 48, 78))

    return sights


def _line_wall(b: Builder, length: float, height: float) -> None:
    """Furniture side by side along a wall, with gaps here and there, and things on top of it."""
    dice = b.dice
    x = -length / 2 + dice.uniform(0.05, 0.7)
    while x < length / 2 - 0.5:
        wide, deep = dice.uniform(0.4, 1.8), dice.uniform(0.3, 0.7)
        wide = min(wide, length / 2 - x)
        middle = x + wide / 2
        match dice.pick({"fitting": 70, "stack": 14, "machine": 16, "gap": 14}):
            case "fitting":
                against_wall(b, middle, wide, deep, height)
            case "stack":
                with b.at(middle, -deep / 2 - 0.05):
                    _stack(b, min(wide, 0.7), height)
            case "machine":
                with b.at(middle, -deep / 2 - 0.02):
                    _machine(b, min(wide, 0.8), deep, height)
            case _:
                pass
        x += wide + dice.uniform(0, 0.25)


def _stack(b: Builder, wide: float, height: float) -> None:
    """Boxes on boxes, none quite straight."""
    dice, z = b.dice, 0.0
    for _ in range(dice.randint(1, 5)):
        half = [wide / 2 * dice.uniform(0.5, 1), wide / 2 * dice.uniform(0.4, 0.9), dice.uniform(0.06, 0.25)]
        if z + 2 * half[2] > height - 0.2:
            return
        with b.thing():
            b.box((dice.gauss(0, 0.03), dice.gauss(0, 0.03), z + half[2]), half, b.material(),
                  turn=(0, 0, dice.gauss(0, 0.2)))  # fmt: skip
        z += 2 * half[2]


def _machine(b: Builder, wide: float, deep: float, height: float) -> None:
    """A stove, washer, boiler or refrigerator: a plain body, a round or square front, knobs."""
    dice = b.dice
    tall = dice.choice((dice.uniform(0.8, 1.0), dice.uniform(1.3, min(2.0, height - 0.1))))
    body = b.material(grey(dice.uniform(0.3, 1)) if dice.chance(0.75) else None, texture=0.08, shine=dice.random())
    front = b.material(grey(dice.uniform(0.02, 0.5)), texture=0.1, shine=0.7)
    with b.thing():
        if dice.chance(0.2):
            b.post(0, 0, 0.05, tall, wide * 0.4, body)
        else:
            b.box((0, 0, tall / 2), (wide / 2, deep / 2, tall / 2), body)
        if dice.chance(0.4):
            b.ball((0, -deep / 2, tall * 0.5), (wide * 0.3, 0.05, wide * 0.3), front)
        else:
            b.box((0, -deep / 2, tall * 0.45), (wide * 0.4, 0.012, tall * dice.uniform(0.1, 0.4)), front)
        for k in range(dice.randint(0, 4)):
            b.ball((wide * (0.2 * k - 0.3), -deep / 2 - 0.01, tall * 0.92), 0.02, front)
    with b.at(0, 0, tall):
        small.items(b, wide * 0.4, deep * 0.4, dice.randint(0, 4))


def _table_set(b: Builder) -> None:
    """A laid table with chairs drawn up to it."""
    dice = b.dice
    long, deep = dice.uniform(0.9, 2.4), dice.uniform(0.7, 1.2)
    furniture.table(b, long, deep, dice.uniform(0.68, 0.8), things=dice.randint(2, 14))
    seats = max(1, round(long / 0.7))
    for side in (-1, 1):
        for k in range(seats):
            if dice.chance(0.8):
                out = deep / 2 + dice.uniform(-0.1, 0.3)
                with b.at(
                    long * ((k + 0.5) / seats - 0.5), side * out, yaw=(pi if side < 0 else 0) + dice.gauss(0, 0.2)
                ):
                    furniture.chair(b)


def _partition(b: Builder) -> None:
    """A panel that stands in the room, as between desks."""
    dice = b.dice
    wide, tall = dice.uniform(0.5, 1.4), dice.uniform(0.6, 0.95)
    with b.thing():
        b.box(
            (0, 0, tall), (wide, dice.uniform(0.015, 0.06), tall), b.material(grey(dice.uniform(0.3, 1)), texture=0.2)
        )
        for i in (-1, 1):
            b.box((i * wide * 0.9, 0, 0.02), (0.03, 0.25, 0.02), b.material(grey(0.3), texture=0))


def _pipes(b: Builder, width: float, depth: float, height: float) -> None:
    """Pipes and ducts under the ceiling."""
    dice = b.dice
    for _ in range(dice.randint(1, 6)):
        z, r = height - dice.uniform(0.1, 0.5), dice.log_uniform(0.015, 0.15)
        x, y = dice.uniform(-0.45, 0.45) * width, dice.uniform(-0.45, 0.45) * depth
        with b.thing():
            if dice.chance(0.5):
                b.rod((-width / 2, y, z), (width / 2, y, z), r, b.material(grey(dice.uniform(0.2, 1)), texture=0.1))
            else:
                b.rod((x, -depth / 2, z), (x, depth / 2, z), r, b.material(grey(dice.uniform(0.2, 1)), texture=0.1))


def _left_on_floor(b: Builder) -> None:
    dice = b.dice
    match dice.pick(
        {"clutter": 26, "chair": 22, "stack": 14, "items": 12, "lamp": 5, "person": 6, "plant": 7, "table": 5, "pet": 3}
    ):
        case "clutter":
            small.clutter(b, dice.log_uniform(0.05, 0.35))
        case "chair":
            furniture.chair(b)
        case "stack":
            _stack(b, dice.uniform(0.25, 0.6), 2.0)
        case "items":
            small.items(b, 0.3, 0.3, dice.randint(1, 5))
        case "lamp":
            furniture.lamp(b)
        case "person":
            people.walker(b)
        case "plant":
            small.plant(b, dice.uniform(0.4, 1.6))
        case "table":
            furniture.table(b, dice.uniform(0.4, 1.0), dice.uniform(0.4, 0.8), dice.uniform(0.35, 0.75))
        case _:
            animals.animal(b, length=dice.uniform(0.25, 0.7), is_moving=dice.chance(0.6))
