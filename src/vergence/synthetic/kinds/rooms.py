"""Places inside."""

from math import atan2, cos, hypot, pi, radians, sin

from vergence.synthetic.assemblies import animals, furniture, people, small, thin, walls
from vergence.synthetic.builder import Builder, Dice, grey
from vergence.synthetic.kinds.sight import Sight, Sights, ahead, lens
from vergence.synthetic.lighting import dim_white, room_light
from vergence.synthetic.render.intersect import ROOM


def shell(b: Builder, width: float, depth: float, height: float, *, most: int = 4) -> None:
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
    for x, y, yaw, length in sides(width, depth):
        with b.at(x, y, yaw=yaw):
            walls.furnish(b, length, dice.randint(0, most))


def sides(width: float, depth: float) -> tuple[tuple[float, float, float, float], ...]:
    """(x, y, yaw, length) of the four walls, each with the room at its -y."""
    return (
        (0, depth / 2, 0, width),
        (0, -depth / 2, pi, width),
        (width / 2, 0, -pi / 2, depth),
        (-width / 2, 0, pi / 2, depth),
    )


def furnish(b: Builder, count: int) -> None:
    """Stand furniture along the walls and about the floor."""
    assert b.room is not None
    width, depth, height = b.room
    dice = b.dice
    for _ in range(count):
        if dice.chance(0.62):
            x, y, yaw, length = dice.choice(sides(width, depth))
            wide, deep = dice.uniform(0.4, 2.4), dice.uniform(0.3, 0.65)
            along = dice.uniform(-0.5, 0.5) * max(0.1, length - wide)
            with b.at(x, y, yaw=yaw):
                against_wall(b, along, wide, deep, height)
        else:
            x, y = dice.uniform(-0.5, 0.5) * (width - 0.8), dice.uniform(-0.5, 0.5) * (depth - 0.8)
            with b.at(x, y, yaw=dice.uniform(0, 2 * pi)):
                _free_standing(b, height)


def against_wall(b: Builder, x: float, wide: float, deep: float, height: float) -> None:
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
            people.walker(b)
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


def room_sights(b: Builder, *, low: float = 0.2) -> Sights:
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


def room_size(dice: Dice) -> tuple[float, float, float]:
    size = (dice.uniform(2.4, 9), dice.uniform(2.4, 10), dice.uniform(2.2, 3.6))
    return (size[0] * 3, size[1] * 3, size[2] * 2.5) if dice.chance(0.06) else size


def room(b: Builder) -> Sights:
    """A furnished room."""
    shell(b, *room_size(b.dice))
    furnish(b, b.dice.randint(4, 15))
    return room_sights(b)


def corridor(b: Builder) -> Sights:
    """A long narrow room."""
    depth = b.dice.uniform(6, 30)
    shell(b, b.dice.uniform(1.4, 3.5), depth, b.dice.uniform(2.2, 3.5), most=8)
    furnish(b, b.dice.randint(1, 6))

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
    shell(b, width, depth, height)
    wide, steps = dice.uniform(0.8, width * 0.4), dice.randint(8, 18)
    with b.at(dice.uniform(-0.25, 0.25) * width, dice.uniform(-0.1, 0.1) * depth, yaw=dice.gauss(0, 0.4)):
        furniture.stairs(b, steps=steps, width=wide)
        if dice.chance(0.4):
            with b.at(dice.uniform(-0.5, 0.5), 2 * 0.29, 3 * 0.17):
                people.person(b, is_seated=False)
    furnish(b, dice.randint(0, 4))

    def sights(dice: Dice) -> Sight:
        eye = (dice.uniform(-0.35, 0.35) * width, -depth * dice.uniform(0.3, 0.46), dice.uniform(0.6, 2.2))
        return Sight(eye, atan2(eye[0], depth * 0.5) + dice.gauss(0, 0.2), radians(dice.gauss(6, 12)))

    return sights


def table_top(b: Builder) -> Sights:
    """Things on a table, seen from near."""
    dice = b.dice
    shell(b, *room_size(dice))
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
    furnish(b, dice.randint(1, 5))

    def sights(dice: Dice) -> Sight:
        away, yaw = dice.uniform(0.35, 1.5), turn + dice.gauss(0, 0.7)
        eye = (x + sin(yaw) * away, y - cos(yaw) * away)
        eye = (max(-width / 2 + 0.2, min(width / 2 - 0.2, eye[0])), max(-depth / 2 + 0.2, min(depth / 2 - 0.2, eye[1])))
        above = dice.uniform(0.15, 0.9)
        return Sight((*eye, h + above), yaw, -atan2(above * dice.uniform(0.5, 1.1), away), lens(dice, 30, 75))

    return sights


def posters(b: Builder) -> Sights:
    """Flat walls full of pictures: texture is not depth."""
    dice = b.dice
    width, depth, height = dice.uniform(3, 8), dice.uniform(3, 7), dice.uniform(2.4, 3.6)
    shell(b, width, depth, height, most=2)
    for x, y, yaw, length in sides(width, depth):
        with b.at(x, y, yaw=yaw):
            for _ in range(dice.randint(2, 7)):
                with b.at(dice.uniform(-0.45, 0.45) * length, 0), b.thing():
                    dice.pick({walls.picture: 4.0, walls.mural: 1.0, walls.mirror: 0.3})(b)
    furnish(b, dice.randint(1, 4))

    def sights(dice: Dice) -> Sight:
        x, y, yaw, length = dice.choice(sides(width, depth))
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
    for x, y, yaw, length in dice.sample(sides(width, depth), dice.randint(1, 2)):
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
