"""A subject before a background."""

from math import atan2, pi, radians

from vergence.synthetic.assemblies import animals, furniture, people, small, thin
from vergence.synthetic.builder import Builder, Dice, grey, hsv
from vergence.synthetic.kinds.outside import country
from vergence.synthetic.kinds.rooms import furnish, shell
from vergence.synthetic.kinds.sight import Sight, Sights, ahead, lens
from vergence.synthetic.lighting import studio_light
from vergence.synthetic.render.intersect import ROOM
from vergence.synthetic.scene import Motion


def portrait(b: Builder) -> Sights:
    """People near, in a room or outside."""
    dice = b.dice
    if dice.chance(0.55):
        shell(b, dice.uniform(3, 8), dice.uniform(4, 9), dice.uniform(2.3, 3.4))
        furnish(b, dice.randint(2, 7))
    else:
        country(b, things=dice.randint(5, 20))
    ground = b.ground_at
    n, faces, tall = dice.randint(1, 3), dice.uniform(0, 2 * pi), dice.uniform(1.1, 1.95)
    spot = (dice.uniform(-0.5, 0.5), dice.uniform(-0.5, 0.5))
    for i in range(n):
        place = ahead(
            spot, faces, 0.0 if i == 0 else dice.uniform(-0.4, 1.5), (i + 1) // 2 * (-1) ** i * dice.uniform(0.5, 0.9)
        )
        with b.at(*place, ground(*place), yaw=faces + dice.gauss(0, 0.5)):
            people.person(b, height=tall if i == 0 else None, is_seated=False, is_moving=dice.chance(0.5))
    if dice.chance(0.15):
        place = ahead(spot, faces, -0.4, 0.5)
        with b.at(*place, ground(*place), yaw=faces + dice.gauss(0, 0.8)):
            animals.animal(b, length=dice.uniform(0.3, 0.7), is_moving=dice.chance(0.5))

    def sights(dice: Dice) -> Sight:
        away = dice.log_uniform(0.6, 3.0)
        eye = ahead(spot, faces + dice.gauss(0, 0.35), -away)
        z, looks_at = tall * dice.uniform(0.75, 1.1), tall * (0.94 - 0.12 * away * dice.random())
        yaw = atan2(-(spot[0] - eye[0]), spot[1] - eye[1]) + dice.gauss(0, 0.1)
        pitch = atan2(looks_at - z, away) + radians(dice.gauss(0, 3))
        return Sight((*eye, ground(*spot) + z), yaw, pitch, lens(dice, 30, 75))

    return sights


def studio(b: Builder) -> Sights:
    """A subject before a plain backdrop."""
    dice = b.dice
    shade = dice.choice((grey(dice.random()), hsv(dice.random(), dice.uniform(0.1, 0.7), dice.uniform(0.3, 1))))
    b.room = (8.0, 8.0, 4.0)
    behind = dice.uniform(0.5, 3.0)  # m from the subject to the backdrop
    paper = b.material(shade, texture=0, shine=0, bump=0, mirror=0)
    b.material(grey(0.6), texture=0, mirror=0)
    b.material(shade, texture=0, shine=0, bump=0, mirror=0, covered_as="backdrop")
    y = 4.0 - behind
    b.add(ROOM, (0, 0, 2.0), (4.0, 4.0, 2.0), paper)
    studio_light(b, 0, y)
    subject = dice.pick({"bust": 30, "person": 25, "animal": 20, "things": 25, "bicycle": 6, "chair": 6})
    height, away = 0.9, dice.uniform(1.6, 3.4)
    with b.at(0, y, yaw=dice.gauss(0, 0.4)):
        match subject:
            case "bust":
                height, away = dice.uniform(1.4, 1.7), dice.log_uniform(0.5, 1.4)
                people.bust(b, height)
            case "person":
                people.person(b, is_moving=dice.chance(0.5))
                if dice.chance(0.3):
                    with b.at(0.7, 0.3):
                        people.person(b)
            case "animal":
                length = dice.uniform(0.3, 0.9)
                height, away = length * 0.9, length * dice.uniform(1.5, 4)
                animals.animal(b, length=length, is_moving=dice.chance(0.5))
            case "things":
                block = dice.uniform(0.3, 1.0)
                height, away = block + 0.1, dice.uniform(0.5, 1.3)
                b.box((0, 0, block / 2), (0.7, 0.5, block / 2), b.material(shade, texture=0, bump=0, mirror=0))
                with b.at(0, 0, block):
                    small.items(b, 0.3, 0.2, dice.randint(1, 6))
            case "bicycle":
                height = 0.5
                thin.bicycle(b)
            case _:
                furniture.chair(b)

    def sights(dice: Dice) -> Sight:
        up = dice.uniform(-0.2, 0.5)
        aside = dice.gauss(0, 0.15) * away
        eye = (aside, max(-3.6, y - away), min(3.5, max(0.15, height + up)))
        return Sight(eye, atan2(aside, away) + dice.gauss(0, 0.06), -atan2(up, away), lens(dice, 28, 65))

    return sights


def thin_structures(b: Builder) -> Sights:
    """Railings, fences, branches, wires or a bicycle before something else."""
    dice = b.dice
    is_inside = dice.chance(0.3)
    if is_inside:
        shell(b, dice.uniform(5, 9), dice.uniform(6, 10), dice.uniform(2.4, 3.6))
        furnish(b, dice.randint(3, 7))
    else:
        country(b, things=dice.randint(8, 25))
    ground = b.ground_at
    heading = 0.0 if is_inside else dice.uniform(0, 2 * pi)
    start = (0.0, -2.2) if is_inside else (0.0, 0.0)
    for _ in range(dice.randint(1, 4)):
        away = dice.log_uniform(0.9, 4.0 if is_inside else 7.0)
        place = ahead(start, heading, away, dice.gauss(0, 0.3) * away)
        with b.at(*place, ground(*place), yaw=heading + dice.gauss(0, 0.5)):
            match dice.pick({"railing": 3, "fence": 3, "branches": 4, "bicycle": 3, "poles": 2, "scaffold": 1}):
                case "railing":
                    thin.railing(b, dice.uniform(1.5, 4))
                case "fence":
                    thin.fence(b, dice.uniform(2, 6), height=dice.uniform(0.8, 2))
                case "branches":
                    thin.branches(b, dice.uniform(1.2, 3), leaves=dice.random())
                case "bicycle":
                    thin.bicycle(b)
                case "poles":
                    thin.leaning_poles(b)
                case _:
                    thin.scaffold(b, 2.5, 2.2)
    if not is_inside and dice.chance(0.4):
        with b.at(dice.uniform(-4, 4), 2, ground(0, 2), yaw=heading):
            thin.wires(b, 75, dice.uniform(4, 7))

    def sights(dice: Dice) -> Sight:
        eye = (start[0] + dice.gauss(0, 0.4), start[1] + dice.gauss(0, 0.3))
        z = ground(*eye) + max(0.3, dice.gauss(1.3, 0.35))
        return Sight((*eye, z), heading + dice.gauss(0, 0.25), radians(dice.gauss(-6, 6)))

    return sights


def chaos(b: Builder) -> Sights:
    """Solids of any size hanging in a room or in the open: no habit of the world holds."""
    dice = b.dice
    if dice.chance(0.6):
        shell(b, dice.uniform(4, 9), dice.uniform(5, 10), dice.uniform(2.6, 4))
        furnish(b, dice.randint(0, 4))
    else:
        country(b, things=dice.randint(0, 12))
    eye = (0.0, -1.5, b.ground_at(0, -1.5) + 1.4)
    for _ in range(dice.randint(8, 40)):
        away = dice.log_uniform(0.6, 10)
        x, y = ahead((eye[0], eye[1]), 0.0, away, dice.uniform(-0.7, 0.7) * away)
        with b.at(
            x, y, eye[2] + dice.uniform(-0.5, 0.5) * away, yaw=dice.uniform(0, 2 * pi), tilt=dice.uniform(0, 2 * pi)
        ):
            drift = dice.gauss(0, 0.4)
            with b.moving(Motion(spin=dice.gauss(0, 0.6), velocity=(drift, 0, 0))):
                if dice.chance(0.15):
                    r = away * dice.uniform(0.03, 0.15)
                    with b.thing():
                        b.ring((0, 0, 0), r, r * dice.uniform(0.08, 0.4), b.material())
                else:
                    small.clutter(b, away * dice.uniform(0.02, 0.13))

    def sights(dice: Dice) -> Sight:
        place = (eye[0] + dice.gauss(0, 0.2), eye[1] + dice.gauss(0, 0.2), eye[2] + dice.gauss(0, 0.15))
        return Sight(place, dice.gauss(0, 0.2), dice.gauss(0, 0.15))

    return sights
