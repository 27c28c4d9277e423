"""Light for a scene under construction: lamps of a room, a studio, the sun and the sky."""

from math import cos, pi, radians, sin

from vergence.synthetic.builder import Builder, Colour, grey
from vergence.synthetic.render.surface import CLOUD_SCALE, CLOUD_SEED, CLOUDS, HORIZON, SUN, SUN_GLOW, ZENITH


def room_light(b: Builder) -> None:
    """One to three lamps under the ceiling or beside a wall, and what the walls throw back."""
    assert b.room is not None
    width, depth, height = b.room
    dice = b.dice
    warm = dice.gauss(0, 0.1)
    tint = (1 + warm, 1 + 0.1 * warm, 1 - warm)
    level = dice.uniform(0.1, 0.6)
    b.ambient = [*(level * (c + dice.gauss(0, 0.04)) for c in tint), dice.uniform(0.3, 1.2), 0.15]
    for _ in range(dice.randint(1, 3)):
        x, y, z = (
            dice.uniform(-0.45, 0.45) * width,
            dice.uniform(-0.45, 0.45) * depth,
            height * dice.uniform(0.75, 0.98),
        )
        if dice.chance(0.3):
            x, z = dice.choice((-0.47, 0.47)) * width, height * dice.uniform(0.4, 0.8)
        power = dice.uniform(0.3, 1.4)
        colour = tuple(power * max(0.2, c + dice.gauss(0, 0.06)) for c in tint)
        b.lamp(x, y, z, colour, radius=dice.uniform(0.1, 1.2), reach=dice.uniform(1.5, 5))
        if dice.chance(0.5) and z > height * 0.75:
            glow = b.material((1, 1, 1), texture=0, glow=2.0)
            b.box((x, y, height - 0.02), (dice.uniform(0.1, 0.6), dice.uniform(0.1, 0.6), 0.02), glow, casts=False)
    if dice.chance(0.06):
        b.fog = dice.uniform(0.01, 0.08)
        b.haze = tuple(0.8 * level + 0.2 * level * c for c in tint)


def studio_light(b: Builder, x: float, y: float) -> None:
    """A key and a fill light around a subject at (x, y)."""
    dice = b.dice
    level = dice.uniform(0.25, 0.7)
    b.ambient = [level, level, level, dice.uniform(0.3, 0.8), 0.2]
    side = dice.choice((-1, 1))
    for power, angle in (
        (dice.uniform(0.6, 1.6), side * dice.uniform(0.3, 1.3)),
        (dice.uniform(0.1, 0.6), -side * 0.9),
    ):
        away = dice.uniform(1.5, 2.8)
        place = (x + away * sin(angle), y - away * cos(angle), dice.uniform(1.5, 2.6))
        b.lamp(*place, (power, power, power * dice.uniform(0.85, 1.05)), radius=dice.uniform(0.1, 1.0), reach=3.0)


def daylight(b: Builder) -> None:
    """Sun or overcast, clear or hazy, noon or evening; sometimes night with little light."""
    dice = b.dice
    rise, turn = radians(dice.uniform(6, 75)), dice.uniform(0, 2 * pi)
    sun = (cos(rise) * cos(turn), cos(rise) * sin(turn), sin(rise))
    is_overcast = dice.chance(0.3)
    power = dice.uniform(0.03, 0.25) if is_overcast else dice.uniform(0.7, 1.6)
    zenith: Colour = scaled((0.1, 0.24, 0.62), dice.uniform(0.5, 1.1))
    horizon: Colour = scaled((0.55, 0.68, 0.85), dice.uniform(0.7, 1.1))
    warm: Colour = (1, 0.96, 0.87)
    if is_overcast:
        zenith = horizon = scaled((0.66, 0.7, 0.74), dice.uniform(0.5, 1.2))
    elif dice.chance(0.2):
        horizon, warm = scaled((1.0, 0.55, 0.28), dice.uniform(0.6, 1)), (1, 0.7, 0.42)
    elif dice.chance(0.06):
        zenith, horizon, power = (0.004, 0.006, 0.015), (0.012, 0.014, 0.025), 0.05
    b.sky[ZENITH : ZENITH + 3], b.sky[HORIZON : HORIZON + 3], b.sky[SUN : SUN + 3] = zenith, horizon, sun
    b.sky[CLOUDS] = dice.choice((0.0, dice.uniform(0.3, 0.75), dice.uniform(0.3, 0.75)))
    b.sky[CLOUD_SCALE], b.sky[CLOUD_SEED] = dice.uniform(0.7, 3), dice.uniform(0, 99)
    b.sky[SUN_GLOW] = 0.0 if is_overcast else 0.6 * min(1.0, power)
    b.sun(sun, scaled(warm, power), radius=dice.uniform(0.01, 0.1) if not is_overcast else 0.5)
    b.ambient = [*scaled(horizon, dice.uniform(0.35, 0.75)), dice.uniform(0.5, 2.5), 0.38]
    b.fog = dice.pick({0.0: 0.45, dice.uniform(0.001, 0.01): 0.43, dice.uniform(0.01, 0.06): 0.12})
    b.haze = horizon


def scaled(colour: Colour, factor: float) -> Colour:
    return tuple(channel * factor for channel in colour)


def dim_white(b: Builder) -> int:
    """The usual paint of a ceiling."""
    return b.material(grey(b.dice.uniform(0.75, 1)), texture=b.dice.uniform(0, 0.3), group="wall", mirror=0)
