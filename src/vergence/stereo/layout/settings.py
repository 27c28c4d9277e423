"""What arranging two eyes has to know of the film as a whole."""

from dataclasses import dataclass, field
from math import pi, radians, tan

from vergence.errors import SettingsError
from vergence.types import Colour, Intrinsics

ASSUMED_FOV_X_DEG = 60.0  # of a picture whose camera nobody knows: between a phone's (66) and a film's (40 to 60)


@dataclass(frozen=True)
class LayoutSettings:
    """How the eyes are arranged, where a layout leaves a choice.

    Attributes:
        fov_x_deg: horizontal field of view of the picture, degrees, where its frame has no camera; for vr180.
        largest_eye: the most pixels a half sphere is wide and high; for vr180.
        colour: what the numbers of the frames mean; anaglyphs are mixed in linear light.

    Raises:
        SettingsError: a number is out of range.
    """

    fov_x_deg: float = ASSUMED_FOV_X_DEG
    largest_eye: int = 4096
    colour: Colour = field(default_factory=Colour)

    def __post_init__(self) -> None:
        if not 1 <= self.fov_x_deg <= 170:
            raise SettingsError(f"a field of view on a half sphere is 1 to 170 degrees, not {self.fov_x_deg:g}")
        if not 64 <= self.largest_eye <= 16384 or self.largest_eye % 2:
            raise SettingsError(f"a half sphere is 64 to 16384 pixels wide, an even number, not {self.largest_eye}")

    def camera(self, width: int, height: int, known: Intrinsics | None) -> Intrinsics:
        """The camera of a `width` x `height` picture: the one known, else by the field of view."""
        if known is not None:
            return known.resized(width, height)
        focal = width / 2 / tan(radians(self.fov_x_deg) / 2)
        return Intrinsics(focal, focal, width / 2, height / 2, width, height)

    def eye(self, focal: float) -> int:
        """Pixels a half sphere is wide and high: as fine as the middle of the picture, no more than the largest."""
        return min(self.largest_eye, max(64, 2 * round(pi * focal / 2)))
