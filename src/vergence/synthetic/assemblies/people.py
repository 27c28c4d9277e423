"""People: jointed, so that they can be posed, walk and wave."""

from math import cos, pi, sin

from vergence.synthetic.builder import Builder, Colour, grey
from vergence.synthetic.scene import Motion

HEIGHT = 1.75  # m of the person that the proportions below are of
SKIN = (0.72, 0.42, 0.28)
HAIR = (0.12, 0.06, 0.025)
WALK = (0.8, 1.6)  # m/s
STRIDE = 0.85  # steps a second of each leg, at walking speed


def person(b: Builder, *, height: float | None = None, is_seated: bool | None = None, is_moving: bool = False) -> None:
    """Someone who stands, walks or sits, facing -y; in films also moves when `is_moving`."""
    dice = b.dice
    k = (height or (dice.uniform(1.45, 1.95) if dice.chance(0.85) else dice.uniform(0.9, 1.4))) / HEIGHT
    seated = dice.chance(0.25) if is_seated is None else is_seated
    wide = dice.uniform(0.85, 1.2)
    skin = b.material(tinted(SKIN, dice.uniform(0.12, 1.15)), texture=0.05, shine=0.15, bump=0, mirror=0)
    shirt, trousers = b.material(group="cloth", mirror=0, scale=0.4), b.material(group="cloth", mirror=0, scale=0.5)
    sleeve = skin if dice.chance(0.4) else shirt
    shoe = b.material(grey(dice.uniform(0.1, 0.8)), texture=0.1)
    hip = 0.5 * k if seated else 0.92 * k
    rate = STRIDE if is_moving and not seated else 0.0
    phase, swing = dice.random(), dice.uniform(0.25, 0.5) if rate else abs(dice.gauss(0, 0.3))
    with b.thing():
        with b.moving(Motion(pivot=(0, 0, hip), axis=(1, 0, 0), swing=dice.gauss(0, 0.06), phase=0.25)):
            body(b, k, wide, hip, shirt, is_skirted=dice.chance(0.15), bottom=trousers)
            _breathing_head(b, k, hip, skin, is_moving=is_moving)
            for side in (-1, 1):
                _arm(
                    b,
                    k,
                    wide,
                    hip,
                    side,
                    skin,
                    sleeve,
                    shirt,
                    _limb_motion(side, swing, rate, phase, seated, is_moving),
                )
        for side in (-1, 1):
            _leg(b, k, wide, hip, side, trousers, shoe, seated, swing, rate, phase)


def tinted(colour: Colour, factor: float) -> Colour:
    return tuple(min(1.0, channel * factor) for channel in colour)


def body(b: Builder, k: float, wide: float, hip: float, shirt: int, *, is_skirted: bool, bottom: int) -> None:
    """Torso and hips."""
    b.ball((0, 0, hip + 0.3 * k), (0.19 * wide * k, 0.125 * wide * k, 0.32 * k), shirt)
    b.ball((0, 0, hip + 0.44 * k), (0.21 * wide * k, 0.11 * wide * k, 0.15 * k), shirt)
    b.ball((0, 0, hip), (0.175 * wide * k, 0.135 * wide * k, 0.15 * k), bottom)
    if is_skirted and hip > 0.6 * k:
        b.post(0, 0, hip - 0.42 * k, 0.5 * k, 0.27 * wide * k, bottom, top=0.6)


def _breathing_head(b: Builder, k: float, hip: float, skin: int, *, is_moving: bool) -> None:
    neck = hip + 0.56 * k
    b.limb((0, 0, neck), (0, -0.01 * k, neck + 0.1 * k), 0.055 * k, skin)
    nod = Motion(
        pivot=(0, 0, neck + 0.08 * k),
        axis=(0, 0, 1),
        swing=b.dice.gauss(0, 0.35),
        rate=b.dice.uniform(0.05, 0.25) if is_moving else 0.0,
        phase=b.dice.random(),
    )
    with b.moving(nod), b.at(0, -0.02 * k, neck + 0.2 * k):
        head(b, k, skin)


def head(b: Builder, k: float, skin: int) -> None:
    """A head around the origin, 0.24 k m tall: face, ears, hair, perhaps glasses, a hat or a beard."""
    dice = b.dice
    hair = b.material(
        tinted(HAIR, dice.choice((0.15, 1, 2.5, 6)) * dice.uniform(0.7, 1.3)),
        texture=0.5,
        group="fur",
        scale=0.15,
        bump=0.5,
    )
    b.ball((0, 0, 0), (0.075 * k, 0.095 * k, 0.12 * k), skin)
    b.ball((0, -0.03 * k, -0.055 * k), (0.058 * k, 0.062 * k, 0.062 * k), skin)
    b.limb((0, -0.09 * k, 0.015 * k), (0, -0.108 * k, -0.018 * k), 0.0115 * k, skin)
    white, iris = (
        b.material((0.8, 0.8, 0.78), texture=0, shine=0.6),
        b.material(grey(dice.uniform(0.05, 0.4)), texture=0),
    )
    lips = b.material((0.45, 0.14, 0.12), texture=0)
    for side in (-1, 1):
        b.ball((side * 0.031 * k, -0.081 * k, 0.022 * k), (0.016 * k, 0.012 * k, 0.009 * k), white)
        b.ball((side * 0.031 * k, -0.0925 * k, 0.022 * k), (0.0065 * k, 0.0025 * k, 0.0068 * k), iris)
        brow = (side * 0.03 * k, -0.088 * k, 0.042 * k)
        b.ball(brow, (0.02 * k, 0.008 * k, 0.0045 * k), hair, turn=(0, -side * 0.15, -side * 0.25))
        b.ball((side * 0.077 * k, 0.005 * k, 0.0), (0.012 * k, 0.022 * k, 0.033 * k), skin)
    b.ball((0, -0.087 * k, -0.055 * k), (0.026 * k, 0.009 * k, dice.uniform(0.004, 0.01) * k), lips)
    if dice.chance(0.9):
        b.ball((0, 0.022 * k, 0.04 * k), (0.086 * k, 0.098 * k, 0.1 * k), hair)
        if dice.chance(0.4):  # long
            b.ball((0, 0.055 * k, -0.08 * k), (0.09 * k, 0.055 * k, dice.uniform(0.12, 0.22) * k), hair)
    if dice.chance(0.15):
        b.ball((0, -0.05 * k, -0.085 * k), (0.055 * k, 0.048 * k, 0.045 * k), hair)
    if dice.chance(0.15):
        wire = b.material(grey(0.15), texture=0)
        for side in (-1, 1):
            b.ring((side * 0.033 * k, -0.104 * k, 0.02 * k), 0.025 * k, 0.0025 * k, wire, turn=(pi / 2, 0, 0))
            b.limb((side * 0.057 * k, -0.1 * k, 0.022 * k), (side * 0.08 * k, 0.0, 0.02 * k), 0.002 * k, wire)
    if dice.chance(0.12):
        felt = b.material(group="cloth")
        b.post(0, 0.01 * k, 0.07 * k, 0.09 * k, 0.095 * k, felt, top=0.85)
        b.post(0, 0, 0.07 * k, 0.01 * k, dice.uniform(0.1, 0.17) * k, felt)


def bust(b: Builder, height: float) -> None:
    """Head and shoulders, for close portraits; the head's centre is at `height`."""
    skin = b.material(tinted(SKIN, b.dice.uniform(0.12, 1.15)), texture=0.05, shine=0.15, bump=0, mirror=0)
    shirt = b.material(group="cloth", mirror=0, scale=0.4)
    with b.thing():
        body(b, 1.0, b.dice.uniform(0.9, 1.15), height - 0.76, shirt, is_skirted=False, bottom=shirt)
        for side in (-1, 1):
            b.limb((side * 0.19, 0, height - 0.27), (side * 0.27, 0.02, height - 0.6), 0.06, shirt)
        b.limb((0, 0, height - 0.2), (0, -0.01, height - 0.1), 0.055, skin)
        with b.at(0, -0.02, height, yaw=b.dice.gauss(0, 0.25), tilt=b.dice.gauss(0, 0.1)):
            head(b, 1.0, skin)


def _limb_motion(
    side: int, swing: float, rate: float, phase: float, seated: bool, is_moving: bool
) -> tuple[float, float, float]:
    """(swing, rate, phase) of an arm: opposite to its leg when walking, else as it happens to hang."""
    if rate:
        return swing * 0.8, rate, phase + (0.5 if side > 0 else 0.0)
    return swing * (1.5 if seated else 1.0) * side, 0.3 if is_moving else 0.0, phase


def _arm(
    b: Builder, k: float, wide: float, hip: float, side: int, skin: int, sleeve: int, shirt: int,
    motion: tuple[float, float, float],
) -> None:  # fmt: skip
    dice = b.dice
    shoulder = (side * 0.2 * wide * k, 0.0, hip + 0.49 * k)
    swing, rate, phase = motion
    with b.moving(Motion(pivot=shoulder, axis=(1, 0, 0), swing=swing, rate=rate, phase=phase)):
        raised = abs(dice.gauss(0, 0.25)) if dice.chance(0.85) else dice.uniform(0.5, 2.2)
        out = dice.uniform(0.05, 0.25)
        elbow = (
            shoulder[0] + side * 0.3 * k * sin(out),
            shoulder[1] - 0.3 * k * sin(raised) * cos(out),
            shoulder[2] - 0.3 * k * cos(raised) * cos(out),
        )
        bend = raised + dice.uniform(0.1, 1.3)
        hand = (
            elbow[0] - side * dice.uniform(0, 0.1) * k,
            elbow[1] - sin(bend) * 0.27 * k,
            elbow[2] - cos(bend) * 0.27 * k,
        )
        b.limb(shoulder, elbow, 0.052 * k * wide, shirt)
        b.limb(elbow, hand, 0.04 * k, sleeve)
        b.ball(hand, (0.04 * k, 0.045 * k, 0.06 * k), skin)


def _leg(
    b: Builder, k: float, wide: float, hip: float, side: int, cloth: int, shoe: int, seated: bool,
    swing: float, rate: float, phase: float,
) -> None:  # fmt: skip
    top = (side * 0.095 * wide * k, 0.0, hip)
    if seated:
        knee = (top[0] + side * 0.05 * k, -0.44 * k, hip + 0.02 * k)
        ankle = (knee[0], knee[1] - 0.02 * k, 0.06 * k)
        b.limb(top, knee, 0.075 * k * wide, cloth)
        b.limb(knee, ankle, 0.055 * k, cloth)
        b.ball((ankle[0], ankle[1] - 0.06 * k, 0.045 * k), (0.05 * k, 0.13 * k, 0.045 * k), shoe)
        return
    turn = phase + (0.0 if side > 0 else 0.5)
    knee, ankle = (top[0], 0.0, 0.49 * k), (top[0], 0.0, 0.08 * k)
    with b.moving(Motion(pivot=top, axis=(1, 0, 0), swing=swing, rate=rate, phase=turn)):
        b.limb(top, knee, 0.075 * k * wide, cloth)
        with b.moving(Motion(pivot=knee, axis=(1, 0, 0), swing=0.5 * swing, rate=rate, phase=turn - 0.25)):
            b.limb(knee, ankle, 0.055 * k, cloth)
            b.ball((ankle[0], -0.06 * k, 0.045 * k), (0.048 * k, 0.13 * k, 0.045 * k), shoe)


def walker(b: Builder, *, radius: float | None = None) -> None:
    """Someone who stands, sits, or walks in a circle of `radius` m, drawn where None."""
    if b.dice.chance(0.5):
        person(b, is_moving=b.dice.chance(0.5))
        return
    r = radius or b.dice.uniform(0.4, 1.2)
    spin = b.dice.uniform(*WALK) / r * 0.8
    with b.moving(Motion(pivot=(r, 0, 0), spin=spin)):  # which moves the origin towards -y, where people face
        person(b, is_seated=False, is_moving=True)


def passer(b: Builder) -> None:
    """Someone who walks straight on."""
    with b.moving(Motion(velocity=(0, -b.dice.uniform(*WALK), 0))):
        person(b, is_seated=False, is_moving=True)
