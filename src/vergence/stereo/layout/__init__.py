"""Two eyes in one picture or file: the arrangements players, headsets and glasses take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.stereo.layout.anaglyph import anaglyph
from vergence.stereo.layout.arrange import above, beside, columns, half_above, half_beside, rows
from vergence.stereo.layout.equirectangular import vr180
from vergence.stereo.layout.rgbd import Rgbd
from vergence.stereo.layout.settings import LayoutSettings
from vergence.types import Packing, StereoPair

__all__ = ["LAYOUTS", "Layout", "LayoutSettings", "find_layout"]

Pack = Callable[[StereoPair], NDArray[Any]]


@dataclass(frozen=True)
class Layout:
    """One arrangement.

    Attributes:
        name: what it is called by.
        tag: what its files carry in their names, for people and desktop players.
        headset_tag: the same for the galleries of headsets, which tell 3-D films by it.
        packer: makes the function that packs the pairs of one film, in order, into one picture each. None where the
            eyes do not share a picture: a sink of pairs (`vergence.media.open.open_pairs`) then takes them apart.
        packing: what the file says of how its pictures hold two views.
        suffix: of its files, where it is a format of its own.
        film_suffix: of its films, where that is not their source's; with a packer it is only what they are named by
            where nothing else is said.
        for_films: the layout to take for a film, where this one is for photos alone.
        convergence: what "auto" means: see `StereoSettings.convergence`; None finds the subject.
    """

    name: str
    tag: str
    headset_tag: str
    packer: Callable[[LayoutSettings], Pack] | None
    packing: Packing | None = None
    suffix: str | None = None
    film_suffix: str | None = None
    for_films: str | None = None
    convergence: float | None = None

    @property
    def pack(self) -> Pack | None:
        """Pack one pair that stands alone, with the usual settings; None where the eyes do not share a picture."""
        return None if self.packer is None else self.packer(LayoutSettings())


def _always(pack: Pack) -> Callable[[LayoutSettings], Pack]:
    return lambda _: pack


def _mixed(method: str) -> Callable[[LayoutSettings], Pack]:
    return lambda settings: anaglyph(method, settings)


def _left_first(arrange: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]) -> Callable[[LayoutSettings], Pack]:
    return _always(lambda pair: arrange(pair.left, pair.right))


LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout("sbs", "_sbs", "_LRF_Full_SBS", _left_first(beside), "left_right"),
        Layout("half-sbs", "_half_sbs", "_SBS", _left_first(half_beside), "half_left_right"),
        Layout("tb", "_tb", "_TB", _left_first(above), "top_bottom"),
        Layout("half-tb", "_half_tb", "_TB", _left_first(half_above), "half_top_bottom"),
        # As sbs, but for the unaided eye: without tags no player takes it apart, and with them it would.
        Layout("parallel", "_parallel", "_parallel", _left_first(beside)),
        Layout("cross", "_cross", "_cross", _always(lambda pair: beside(pair.right, pair.left)), "right_left"),
        Layout("anaglyph", "_anaglyph", "_anaglyph", _mixed("dubois"), "anaglyph_red_cyan"),
        Layout("anaglyph-half", "_anaglyph_half", "_anaglyph_half", _mixed("half_colour"), "anaglyph_red_cyan"),
        Layout("anaglyph-optimised", "_anaglyph_opt", "_anaglyph_opt", _mixed("optimised"), "anaglyph_red_cyan"),
        Layout("anaglyph-gray", "_anaglyph_gray", "_anaglyph_gray", _mixed("grey"), "anaglyph_red_cyan"),
        Layout("anaglyph-colour", "_anaglyph_colour", "_anaglyph_colour", _mixed("colour"), "anaglyph_red_cyan"),
        Layout(
            "anaglyph-green-magenta",
            "_anaglyph_gm",
            "_anaglyph_gm",
            _mixed("dubois_green_magenta"),
            "anaglyph_green_magenta",
        ),
        Layout("anaglyph-amber-blue", "_anaglyph_ab", "_anaglyph_ab", _mixed("dubois_amber_blue")),
        Layout("rows", "_rows", "_rows", _always(rows), "rows"),
        Layout("columns", "_columns", "_columns", _always(columns), "columns"),
        Layout("rgbd", "_rgbd", "_rgbd", lambda _: Rgbd()),
        Layout("half-rgbd", "_half_rgbd", "_half_rgbd", lambda _: Rgbd(is_half=True)),
        # On a sphere zero disparity is infinity: what lay behind a screen would make the eyes diverge.
        # Of the containers only MP4 and QuickTime can say that a film is one.
        Layout("vr180", "_180_sbs", "_180_SBS", vr180, "vr180", film_suffix=".mp4", convergence=0.0),
        Layout("left", "_left", "_left", _always(lambda pair: pair.left)),
        Layout("right", "_right", "_right", _always(lambda pair: pair.right)),
        Layout("separate", "_left", "_left", None),
        Layout("mpo", "_3d", "_3d", None, suffix=".mpo", for_films="separate"),
        Layout("jps", "_3d", "_3d", None, suffix=".jps", for_films="cross"),
        Layout("spatial", "_spatial", "_spatial", None, suffix=".heic", film_suffix=".mov"),
        Layout("parallax-mp4", "_parallax", "_parallax", None, suffix=".mp4", for_films="sbs"),
    )
}


def find_layout(name: str) -> Layout:
    """Return the layout called `name`; raises `SettingsError` that lists them."""
    if name not in LAYOUTS:
        raise SettingsError(f"no layout is called {name!r}; choose from {', '.join(LAYOUTS)}")
    return LAYOUTS[name]
