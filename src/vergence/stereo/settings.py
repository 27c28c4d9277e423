"""What one chooses about the two eyes' pictures."""

from dataclasses import dataclass
from typing import Literal

from vergence.errors import SettingsError


@dataclass(frozen=True)
class StereoSettings:
    """How a picture becomes two.

    Attributes:
        strength: total disparity from the farthest to the nearest, % of the picture's width; 2 is comfortable.
        max_disparity: the same in pixels, in place of `strength`.
        convergence: nearness that lies on the screen, 0 = the farthest (all comes forward) .. 1 = the nearest (all lies
            behind); "auto" = what the middle of the picture shows, per shot.
        hero: the eye that is the source untouched; None shares the shift, so that both have half the holes.
        method: "layered" splits mixed edge pixels and fills with texture; "fast" is for live use.
        half_life: seconds after which the past counts half in a shot's range and convergence.
        lookahead: seconds of film seen ahead of the picture being made; 0 for live sources.
    """

    strength: float = 2.0
    max_disparity: float | None = None
    convergence: float | Literal["auto"] = "auto"
    hero: Literal["left", "right"] | None = None
    method: Literal["layered", "fast"] = "layered"
    half_life: float = 0.7
    lookahead: float = 0.4

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 10:
            raise SettingsError(f"strength is 0 to 10 % of the picture's width, not {self.strength}")
        if self.max_disparity is not None and not 0 <= self.max_disparity <= 1000:
            raise SettingsError(f"the largest disparity is 0 to 1000 pixels, not {self.max_disparity}")
        if self.convergence != "auto" and not 0 <= self.convergence <= 1:
            raise SettingsError(f"convergence is 'auto' or 0 to 1, not {self.convergence}")

    def budget(self, width: int) -> float:
        """Total disparity in pixels of a picture `width` pixels wide."""
        return self.max_disparity if self.max_disparity is not None else self.strength / 100 * width
