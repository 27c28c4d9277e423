"""Cameras that look up or down."""

from math import atan2, hypot, pi, radians

from vergence.synthetic.assemblies import aloft, furniture, outdoors, small, thin
from vergence.synthetic.builder import Builder, Dice
from vergence.synthetic.kinds.outside import country, land_thing
from vergence.synthetic.kinds.rooms import furnish, room_size, shell
from vergence.synthetic.kinds.sight import Sight, Sights, ahead, lens


def skyward(b: Builder) -> Sights:
    """Towers, trees, roofs, wires and tracks from below: the sky reaches under them, to the lower edge."""
    dice = b.dice
    country(b, things=dice.randint(0, 6))
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
        return Sight((*eye, z), yaw, max(up, radians(dice.uniform(12, 40))), lens(dice, 28, 70))

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
        shell(b, *room_size(dice))
        assert b.room is not None
        furnish(b, dice.randint(3, 10))
        span, above = min(b.room[0], b.room[1]) * 0.35, dice.uniform(1.2, b.room[2] - 0.3)
        if dice.chance(0.5):
            furniture.table(b, dice.uniform(0.7, 1.8), dice.uniform(0.6, 1.1), dice.uniform(0.4, 0.8),
                            things=dice.randint(3, 14))  # fmt: skip
        for _ in range(dice.randint(2, 9)):
            with b.at(dice.gauss(0, 0.5) * span, dice.gauss(0, 0.5) * span, yaw=dice.uniform(0, 2 * pi)):
                furniture.chair(b) if dice.chance(0.2) else small.clutter(b, dice.log_uniform(0.04, 0.3))
    else:
        country(b, things=dice.randint(5, 25))
        above = dice.log_uniform(1.5, 25)
        span = above
        for _ in range(dice.randint(4, 16)):
            x, y = dice.gauss(0, 0.6) * span, dice.gauss(0, 0.6) * span
            with b.at(x, y, b.ground_at(x, y) - 0.03, yaw=dice.uniform(0, 2 * pi)):
                land_thing(b)

    def sights(dice: Dice) -> Sight:
        """Down at a place not far from one's feet."""
        eye = (dice.gauss(0, 0.5) * span, dice.gauss(0, 0.5) * span)
        height = above * dice.uniform(0.7, 1.0)
        pitch = -atan2(1.0, dice.uniform(0.0, 0.6))
        return Sight((*eye, b.ground_at(*eye) + height), dice.uniform(0, 2 * pi), pitch, lens(dice, 35, 85))

    return sights
