"""What one chooses about the two eyes' pictures."""

from dataclasses import dataclass
from typing import Literal

from vergence.errors import SettingsError
from vergence.stereo.screen import Screen


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
        fill: where a hole's colours come from: "texture" from beside it, "temporal" also from other frames of the shot
            where they show it for sure, see `stereo.memory`; "auto" is temporal, but not where `method` is "fast".
        half_life: seconds after which the past counts half in a shot's range and convergence.
        lookahead: seconds of film seen ahead of the picture being made; 0 for live sources.
        screen: where it is watched: nothing then lies so far behind it that eyes would diverge. None: not known.
        is_to_scale: metric depth as two eyes would see it through that screen, the strength being only a limit, and
            convergence the screen's own; see `stereo.screen`. With a convergence of 0, as by two parallel cameras:
            infinity has no disparity.
        max_jump: how far the subject's disparity may jump at a cut, % of the width; the rest is eased.
        floating_window: black edges where the border cuts what stands in front of the screen, see `stereo.window`.
            "auto": on a screen, not in a headset.
        device: where the eyes' pictures are made, see `stereo.device`; they are the same but for roundings.

    Raises:
        SettingsError: a number is out of range, or true scale is asked for without a screen.
    """

    strength: float = 2.0
    max_disparity: float | None = None
    convergence: float | Literal["auto"] = "auto"
    hero: Literal["left", "right"] | None = None
    method: Literal["layered", "fast"] = "layered"
    fill: Literal["auto", "texture", "temporal"] = "auto"
    half_life: float = 0.7
    lookahead: float = 0.4
    screen: Screen | None = None
    is_to_scale: bool = False
    max_jump: float = 1.0
    floating_window: Literal["auto", "on", "off"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "cpu"

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 10:
            raise SettingsError(f"strength is 0 to 10 % of the picture's width, not {self.strength}")
        if self.max_disparity is not None and not 0 <= self.max_disparity <= 1000:
            raise SettingsError(f"the largest disparity is 0 to 1000 pixels, not {self.max_disparity}")
        if self.convergence != "auto" and not 0 <= self.convergence <= 1:
            raise SettingsError(f"convergence is 'auto' or 0 to 1, not {self.convergence}")
        if not self.max_jump >= 0:
            raise SettingsError(f"a jump at a cut is 0 % of the width or more, not {self.max_jump}")
        if self.is_to_scale and self.screen is None:
            raise SettingsError("true to scale on which screen? give --screen-width-m, or --for")
        if self.is_to_scale and self.convergence not in ("auto", 0):
            raise SettingsError(
                "true to scale, the screen lies where it stands; leave out the convergence, or make it 0"
            )

    @property
    def remembers(self) -> bool:
        """Whether holes are looked up in other frames."""
        return self.fill == "temporal" or (self.fill == "auto" and self.method == "layered")

    def budget(self, width: int) -> float:
        """Total disparity in pixels of a picture `width` pixels wide."""
        return self.max_disparity if self.max_disparity is not None else self.strength / 100 * width
