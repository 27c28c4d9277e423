"""Where a pair is watched: what two eyes can fuse there, and what is true to scale there.

Disparity is x_left - x_right on the screen, positive in front of it. A point at z metres before a camera of focal
length fx (px) whose two eyes stand `ipd` apart, and whose infinity lies `ipd` apart on the screen, has

    disparity = ipd * fx / z - ipd * picture_width / screen_width    (px),

that is parallax = ipd * (1 - own / z) on the screen, with `own = fx * screen_width / picture_width`: the distance from
which the picture fills the same angle as before the camera. Watched from there, every point stands where it stood.
From `distance` instead, widths are still true, and depth is `distance / own` times as deep (similar triangles: eyes,
screen, point). See Woods, Docherty and Koch, "Image distortions in stereoscopic video systems", SPIE 1915 (1993).
"""

from dataclasses import dataclass
from math import atan, degrees, isfinite, radians, tan

from vergence.errors import SettingsError

IPD = 0.063  # m between the pupils of most grown-ups (52 to 78)
SEAT = 2.0  # screen widths from which one watches where nobody says: 28 degrees, what film theatres aim at


@dataclass(frozen=True)
class Screen:
    """What a pair is shown on, real or worn.

    Attributes:
        width: of the picture, metres.
        distance: from the eyes, metres.
        ipd: between the eyes, metres.
        is_worn: a headset's, which has no frame in the room: no floating window there unless asked for.

    Raises:
        SettingsError: a number is out of range.
    """

    width: float
    distance: float
    ipd: float = IPD
    is_worn: bool = False

    def __post_init__(self) -> None:
        for name, size, most in (("width", self.width, 100), ("viewing distance", self.distance, 1000)):
            if not (isfinite(size) and 0.01 <= size <= most):
                raise SettingsError(f"a screen's {name} is 0.01 to {most} metres, not {size:g}")
        if not 0.02 <= self.ipd <= 0.1:
            raise SettingsError(f"eyes are 20 to 100 mm apart, not {self.ipd * 1000:g}")

    @property
    def fov(self) -> float:
        """The angle the picture fills, degrees."""
        return degrees(2 * atan(self.width / self.distance / 2))

    def widest(self, picture_width: int) -> float:
        """The parallax at which the eyes look straight ahead, px: what exceeds it makes them diverge."""
        return self.ipd / self.width * picture_width

    def vergence(self, share: float) -> float:
        """How much more the eyes turn inward than for the screen, degrees, at a disparity of `share` of its width."""
        towards = 2 * atan((self.ipd + share * self.width) / self.distance / 2)
        return degrees(towards - 2 * atan(self.ipd / self.distance / 2))

    def share(self, vergence: float) -> float:
        """The disparity, as a share of the width, at which the eyes turn `vergence` degrees more: see `vergence`."""
        turned = radians(vergence) + 2 * atan(self.ipd / self.distance / 2)
        return (2 * self.distance * tan(turned / 2) - self.ipd) / self.width

    def own_distance(self, fx: float, picture_width: int) -> float:
        """The distance, metres, from which a picture of a camera of focal length `fx` (px) is seen in true angles."""
        return fx * self.width / picture_width
