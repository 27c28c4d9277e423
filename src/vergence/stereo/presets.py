"""Where a pair is watched, by name: `--for tv`. A preset sets defaults; what is said explicitly wins.

Strengths follow from the angle the picture fills. One degree of vergence to either side of the screen is the usual rule
for comfort (M. Lambooij et al., "Visual discomfort and visual fatigue of stereoscopic displays", J. Imaging Science and
Technology 53(3), 2009); with the subject on the screen, mostly six tenths of the budget lie behind it.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from vergence.errors import SettingsError
from vergence.stereo.screen import Screen


@dataclass(frozen=True)
class Preset:
    """Defaults for one place to watch.

    Attributes:
        name: what `--for` calls it.
        layout: a name in `stereo.layout.LAYOUTS`.
        codec: of films.
        headset_names: whether files are named as headsets' galleries tell 3-D by.
        strength: total disparity, % of the picture's width.
        screen: what it is watched on.
        why: the reason for its numbers.
    """

    name: str
    layout: str
    codec: Literal["auto", "h264", "hevc", "av1"]
    headset_names: bool
    strength: float
    screen: Screen
    why: str

    @property
    def summary(self) -> str:
        """Its defaults in a line."""
        names = ", headset names" if self.headset_names else ""
        codec = "" if self.codec == "auto" else f" {self.codec}"
        screen = f"a screen {self.screen.width:g} m wide at {self.screen.distance:g} m"
        return f"{self.name}: {self.layout}{codec}{names}, strength {self.strength:g}, {screen}"


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "quest",
            "sbs",
            "hevc",
            headset_names=True,
            strength=2.0,
            screen=Screen(4.0, 4.0, is_worn=True),
            why="its player's screen fills about 53 degrees; it decodes large HEVC and reads the layout off the name",
        ),
        Preset(
            "visionpro",
            "spatial",
            "hevc",
            headset_names=False,
            strength=2.0,
            screen=Screen(3.0, 2.5, is_worn=True),
            why="spatial films fill about 60 degrees, the field of the phones that take them",
        ),
        Preset(
            "tv",
            "half-sbs",
            "h264",
            headset_names=False,
            strength=3.0,
            screen=Screen(1.2, 2.5),
            why="a 55-inch set fills only 27 degrees, so 3 % are 0.8 degrees; sets take half the width for each eye",
        ),
        Preset(
            "cinema",
            "sbs",
            "auto",
            headset_names=False,
            strength=1.0,
            screen=Screen(10.0, 12.0),
            why="63 mm are 0.63 % of a 10 m screen, and nothing may lie farther behind it",
        ),
        Preset(
            "cardboard",
            "sbs",
            "h264",
            headset_names=True,
            strength=1.2,
            screen=Screen(3.4, 2.0, is_worn=True),
            why="simple lenses spread the picture over 80 degrees, and phones decode h264",
        ),
        Preset(
            "anaglyph",
            "anaglyph",
            "auto",
            headset_names=False,
            strength=1.2,
            screen=Screen(0.6, 0.7),
            why="coloured glasses let a ghost of the other eye through, which wide disparity sets apart",
        ),
    )
}


def find_preset(name: str) -> Preset:
    """Return the preset called `name`; raises `SettingsError` with the nearest name."""
    if name in PRESETS:
        return PRESETS[name]
    near = get_close_matches(name, PRESETS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise SettingsError(f"no preset is called {name!r}{hint} (choose from {', '.join(PRESETS)})")
