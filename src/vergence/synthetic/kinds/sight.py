"""Where a camera stands and looks."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, radians, sin

from vergence.synthetic.builder import Dice


@dataclass(frozen=True)
class Sight:
    """Where a camera stands (m) and looks: `yaw` from +y to the left and `pitch` upwards, rad; `fov` as in a lens."""

    eye: tuple[float, float, float]
    yaw: float
    pitch: float
    fov: float | None = None  # horizontal, rad; None = whatever is at hand


Sights = Callable[[Dice], Sight]


def ahead(eye: tuple[float, float], yaw: float, distance: float, aside: float = 0.0) -> tuple[float, float]:
    """The place `distance` ahead and `aside` to the right of a camera."""
    return (
        eye[0] - sin(yaw) * distance + cos(yaw) * aside,
        eye[1] + cos(yaw) * distance + sin(yaw) * aside,
    )


def lens(dice: Dice, low: float, high: float) -> float:
    """A field of view between, in degrees; rad."""
    return radians(dice.uniform(low, high))
