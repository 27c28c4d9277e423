"""Four-legged animals and birds."""

from vergence.synthetic.builder import Builder, hsv
from vergence.synthetic.scene import Motion


def animal(b: Builder, *, length: float | None = None, is_moving: bool = False) -> None:
    """A cat, dog, sheep or horse by its proportions; it faces -y, `length` is of its trunk."""
    dice = b.dice
    n = length or dice.choice((dice.uniform(0.25, 0.4), dice.uniform(0.35, 0.8), dice.uniform(0.9, 1.7)))
    coat = b.material(texture=0.9, group="fur", scale=n * 0.8, bump=0.4, shine=0, mirror=0)
    dark = b.material(hsv(0.06, 0.3, dice.uniform(0.03, 0.2)), texture=0)
    leg, fat = n * dice.uniform(0.45, 0.95), n * dice.uniform(0.17, 0.3)
    back = leg + fat * 0.7
    rate = dice.uniform(0.6, 1.4) if is_moving else 0.0
    with b.thing():
        is_sitting = dice.chance(0.25) and not is_moving
        if is_sitting:
            b.limb((0, n * 0.2, fat), (0, -n * 0.25, n * 0.7), fat, coat)
            front, leg = (0.0, -n * 0.28, n * 0.78), n * 0.6
        else:
            b.limb((0, n * 0.4, back), (0, -n * 0.4, back * dice.uniform(0.98, 1.1)), fat, coat)
            b.blob((0, n * 0.05, back - fat * 0.2), (fat * 1.15, n * 0.5, fat * 1.1), coat)
            front = (0.0, -n * 0.45, back + fat * 0.3)
        for i, side in enumerate((-1, 1)):
            for j, y in enumerate((-n * 0.36, n * 0.36)):
                if is_sitting and j:
                    b.ball((side * fat * 0.9, n * 0.1, fat * 0.6), (fat * 0.5, n * 0.28, fat * 0.6), coat)
                    continue
                top = (side * fat * 0.65, y, leg)
                step = Motion(pivot=top, axis=(1, 0, 0), swing=dice.uniform(0.1, 0.4), rate=rate, phase=(i + j) * 0.5)
                with b.moving(step):
                    b.limb(top, (top[0], y, fat * 0.2), fat * 0.27, coat)
                    b.ball((top[0], y - fat * 0.12, fat * 0.16), (fat * 0.3, fat * 0.4, fat * 0.18), coat)
        _head(b, n, fat, front, coat, dark, is_moving=is_moving)
        root = (0.0, n * 0.45, fat if is_sitting else back + fat * 0.3)
        wag = Motion(pivot=root, axis=(0, 0, 1), swing=0.4, rate=2 * rate)
        with b.moving(wag):
            tip = (dice.gauss(0, 0.1) * n, n * dice.uniform(0.6, 0.9), root[2] + n * dice.uniform(-0.4, 0.4))
            b.limb(root, tip, fat * dice.uniform(0.12, 0.3), coat)


def _head(
    b: Builder, n: float, fat: float, neck: tuple[float, float, float], coat: int, dark: int, *, is_moving: bool
) -> None:
    dice = b.dice
    rise, size = dice.uniform(0.1, 0.45) * n, n * dice.uniform(0.13, 0.2)
    snout = dice.uniform(0.5, 1.5)
    place = (0.0, neck[1] - n * 0.16, neck[2] + rise)
    b.limb(neck, place, fat * 0.55, coat)
    look = Motion(pivot=place, axis=(0, 0, 1), swing=dice.gauss(0, 0.4), rate=0.2 if is_moving else 0, phase=0.25)
    with b.moving(look), b.at(*place):
        b.ball((0, 0, 0), (size * 0.85, size, size * 0.85), coat)
        b.limb((0, -size * 0.5, -size * 0.25), (0, -size * (0.6 + snout), -size * 0.3), size * 0.38, coat)
        b.ball((0, -size * (0.95 + snout), -size * 0.2), size * 0.16, dark)
        is_floppy = dice.chance(0.4)
        for side in (-1, 1):
            b.ball((side * size * 0.42, -size * 0.82, size * 0.15), size * 0.14, dark)
            if is_floppy:
                b.ball((side * size * 0.85, 0, -size * 0.1), (size * 0.18, size * 0.4, size * 0.65), coat)
            else:
                b.rod(
                    (side * size * 0.5, 0, size * 0.5), (side * size * 0.65, 0, size * 1.35), size * 0.32, coat, top=0.1
                )


def bird(b: Builder, size: float) -> None:
    """Standing, `size` m long."""
    coat = b.material(texture=0.5, group="fur", scale=size, mirror=0)
    beak = b.material(hsv(0.1, 0.8, 0.8), texture=0)
    with b.thing():
        b.ball((0, 0, size * 0.5), (size * 0.24, size * 0.45, size * 0.26), coat, turn=(-0.4, 0, 0))
        b.ball((0, -size * 0.38, size * 0.82), size * 0.17, coat)
        b.rod((0, -size * 0.5, size * 0.82), (0, -size * 0.75, size * 0.78), size * 0.06, beak, top=0.1)
        b.card((0, size * 0.6, size * 0.36), size * 0.12, size * 0.3, coat, turn=(-0.3, 0, 0))
        for side in (-1, 1):
            b.rod((side * size * 0.1, 0, 0), (side * size * 0.1, 0, size * 0.3), size * 0.02, beak)
            b.ball(
                (side * size * 0.2, size * 0.1, size * 0.5),
                (size * 0.07, size * 0.4, size * 0.2),
                coat,
                turn=(-0.4, 0, 0),
            )
