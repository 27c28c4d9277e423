"""The floating window: black edges for what stands in front of the screen and is cut by its border.

At the left border of the screen the left eye sees more of such a thing than the right eye does, which no real window
frame can do: the thing flickers between in front of the screen and behind its edge. A black edge as wide as the thing's
disparity, over the left border of the left eye's picture, takes what only that eye sees; both eyes then see one edge
that hangs in the air as near as the thing itself. The right border is its mirror. The edge is straight, upright or
tilted, never narrower than any row needs once it has come, and it comes fast and goes slowly. See B. Mendiburu,
"3D Movie Making" (2009), chapter 5.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.stereo.settings import StereoSettings
from vergence.stereo.synthesise import SHIFTS
from vergence.types import StereoPair

OPENS, CLOSES = 0.1, 0.8  # s after which half of the way is left, when a row needs more and when all need less
VISIBLE = 0.1  # % of the width: a cut thing whose disparity is less disturbs nobody
TILTS = 17  # tried between upright and running out at one end
SOFT = 2.0  # px over which black becomes picture
WITHOUT_BORDER = ("vr180", "rgbd", "half-rgbd", "parallax-mp4")  # a sphere, and what is no pair of eyes
FOR_SCREENS = ("half-sbs", "half-tb", "rows", "columns")  # layouts of television sets; anaglyphs are for screens too


@dataclass(frozen=True)
class FloatingWindow:
    """How wide the black edges are, px in the (first, last) row: `left` of the left eye, `right` of the right eye."""

    left: tuple[float, float] = (0.0, 0.0)
    right: tuple[float, float] = (0.0, 0.0)

    @property
    def is_open(self) -> bool:
        """Whether every pixel stays."""
        return not (any(self.left) or any(self.right))

    def widths(self, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of the `left` and the `right` edge in each row: (height,) px each."""
        y = _places(height)
        left, right = ((1 - y) * top + y * bottom for top, bottom in (self.left, self.right))
        return left.astype(np.float32), right.astype(np.float32)


OPEN = FloatingWindow()


def is_floating(settings: StereoSettings, layout: str) -> bool:
    """Whether pairs in this layout get a floating window.

    "auto": on the stated screen unless it is a headset's; where none is stated, in the layouts of television sets and
    of coloured glasses. A side-by-side film at full size is mostly for headsets, where a black edge in one eye only
    looks like a fault, and one eye alone needs none.
    """
    if settings.floating_window != "auto":
        return settings.floating_window == "on"
    if layout in WITHOUT_BORDER:
        return False
    if settings.screen is not None:
        return not settings.screen.is_worn
    return layout in FOR_SCREENS or layout.startswith("anaglyph")


def float_windows(
    pairs: Iterable[StereoPair], *, settings: StereoSettings
) -> Iterator[tuple[StereoPair, FloatingWindow]]:
    """Mask what one eye alone sees past the border, in pairs that know their disparity; state restarts at every shot.

    Not for disparity of the user's own, which is used to the pixel.
    """
    past: tuple[StereoPair, FloatingWindow] | None = None
    for pair in pairs:
        if pair.disparity is None:
            raise SettingsError("a floating window needs the pair's disparity; turn it off with --floating-window off")
        left, right = cut_disparity(pair.disparity, settings)
        least = VISIBLE / 100 * pair.frame.width
        goal = FloatingWindow(_edge(left, least), _edge(right, least))
        if past is not None and past[0].frame.shot == pair.frame.shot:
            window = _eased(past[1], goal, pair.frame.time - past[0].frame.time)
        else:
            window = goal
        past = (pair, window)
        yield masked(pair, window), window


def cut_disparity(
    disparity: NDArray[np.float32], settings: StereoSettings
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far in front of the screen each row is cut by the left and by the right border: (H,) px each, 0 if not.

    `disparity` is (H, W) px of the source's pixels. At the left border it counts where the right eye's view ends.
    """
    of_left, of_right = SHIFTS[settings.hero]
    return _cut(disparity, -of_right), _cut(disparity[:, ::-1], of_left)


def _cut(disparity: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """The largest crossed disparity at or past column 0 of the eye that sees less, where columns move by `-share`."""
    reach = min(disparity.shape[1], int(np.ceil(max(float(disparity.max()), 0.0) * share)) + 1)
    strip = disparity[:, :reach]
    is_cut = np.arange(reach, dtype=np.float32) - np.float32(share) * strip < 1
    return np.asarray(np.where(is_cut, strip, np.float32(0)).max(axis=1, initial=0), dtype=np.float32)


def _edge(needs: NDArray[np.float32], least: float) -> tuple[float, float]:
    """The narrowest straight edge that covers every row, px in the first and the last, neither over the neediest row's.

    `needs` is (H,) px, of which `least` and less is no need.
    """
    needs = np.where(needs > least, needs, 0).astype(np.float64)
    most = float(needs.max())
    if most == 0:
        return 0.0, 0.0
    y = _places(needs.size)[None]
    top = np.linspace(0, most, TILTS)[:, None]
    missing = needs[None] - top * (1 - y)
    bottom = np.where(missing > 1e-6 * most, missing / np.maximum(y, 1e-9), 0).max(axis=1)
    best = int(np.argmin(np.where(bottom <= most * (1 + 1e-6), top[:, 0] + bottom, np.inf)))
    return float(top[best, 0]), float(bottom[best])


def _places(height: int) -> NDArray[np.float64]:
    """Where each row lies between the first (0) and the last (1): (height,)."""
    return np.linspace(0, 1, height)


def _eased(past: FloatingWindow, goal: FloatingWindow, seconds: Fraction) -> FloatingWindow:
    def ease(was: tuple[float, float], wanted: tuple[float, float]) -> tuple[float, float]:
        half_life = OPENS if max(w - p for w, p in zip(wanted, was, strict=True)) > 0 else CLOSES
        keep = 0.5 ** (float(seconds) / half_life)
        top, bottom = (keep * p + (1 - keep) * w for p, w in zip(was, wanted, strict=True))
        return (top, bottom) if max(top, bottom) > 0.05 else (0.0, 0.0)  # px: an end that never quite comes

    return FloatingWindow(ease(past.left, goal.left), ease(past.right, goal.right))


def masked(pair: StereoPair, window: FloatingWindow) -> StereoPair:
    """The pair behind the window: new pictures where an edge covers any of them, its disparity as it was."""
    if window.is_open:
        return pair
    left, right = window.widths(pair.frame.height)
    return replace(pair, left=_covered(pair.left, left), right=_covered(pair.right, right, is_mirrored=True))


def _covered(picture: NDArray[Any], widths: NDArray[np.float32], *, is_mirrored: bool = False) -> NDArray[Any]:
    """Black out the first (mirrored: last) `widths` (H,) columns of an (H, W, 3) picture, half of it at the edge."""
    widest = float(widths.max())
    if widest <= 0:
        return picture
    columns = min(picture.shape[1], int(np.ceil(widest + SOFT / 2)) + 1)
    light = (np.arange(columns, dtype=np.float32)[None] + np.float32(0.5) - widths[:, None]) / np.float32(SOFT) + 0.5
    # A row without an edge keeps its first pixel too.
    light = np.where(widths[:, None] > 0, np.clip(light, 0, 1), 1)
    out = picture.copy()
    strip = out[:, -columns:] if is_mirrored else out[:, :columns]
    strip[:] = np.rint(strip * (light[:, ::-1] if is_mirrored else light)[..., None])
    return out
