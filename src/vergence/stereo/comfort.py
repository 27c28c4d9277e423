"""How comfortable a stereo film is: what is measured of every pair, shot by shot, and which pictures are worst.

Disparity is in % of the picture's width, positive in front of the screen. A film of any length costs a few numbers a
frame and a handful of thumbnails.
"""

import itertools
from array import array
from dataclasses import dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.geometry.resample import shrink
from vergence.stereo.layout import LAYOUTS
from vergence.stereo.screen import Screen
from vergence.stereo.settings import StereoSettings
from vergence.stereo.subject import subject
from vergence.stereo.window import VISIBLE, FloatingWindow, cut_disparity
from vergence.types import StereoPair

ASSUMED = Screen(1.2, 2.5)  # a 55-inch television, where nobody says what it is watched on
MOST_DEGREES = 1.0  # of vergence from the screen: the usual rule, see `stereo.presets`
SAMPLES = 100  # rows and columns at most that are looked at
THUMBNAILS, THUMBNAIL_WIDTH, QUALITY = 6, 480, 82  # how many, px, JPEG's own scale
APART = 4.0  # s within which one thumbnail of a shot is enough
DIGITS = 4  # after the point in files: a thousandth of a pixel


@dataclass(frozen=True)
class Moment:
    """What is measured of one pair. Disparities in % of the width, shares 0 to 1.

    Attributes:
        index, time, shot: of its frame; seconds.
        far, middle, near: the 1st, 50th and 99th percentile of disparity.
        subject: disparity of the middle of the picture: where the eyes converge.
        over: share of pixels more than 1 degree of vergence off the screen.
        over_budget: share of pixels farther from the screen than the budget, in either direction.
        diverging: share of pixels for which the eyes would turn outward.
        cut, cut_after: share of rows in which the left or the right border cuts what is in front of it, without and
            with the floating window.
        change: of far, middle or near, whichever is fastest, % of the width per second; 0 at a cut.
        jump: of the subject from the picture before the cut; 0 inside a shot.
    """

    index: int
    time: float
    shot: int
    far: float
    middle: float
    near: float
    subject: float
    over: float
    over_budget: float
    diverging: float
    cut: float
    cut_after: float
    change: float = 0.0
    jump: float = 0.0


COLUMNS = tuple(field.name for field in fields(Moment))
SHARES = ("over", "over_budget", "diverging", "cut", "cut_after")


@dataclass(frozen=True)
class Worst:
    """A picture to look at: its measures, why it was chosen, and a JPEG of it for red-cyan glasses."""

    moment: Moment
    badness: float
    why: str
    jpeg: bytes


@dataclass(frozen=True)
class Comfort:
    """The measures of a whole film.

    Attributes:
        columns: one array for each field of `Moment`.
        shots: one row a shot, see `shot_rows`.
        worst: worst first.
        screen: what degrees are reckoned for; `is_assumed` where nobody said.
        settings: how the pairs were made.
    """

    columns: dict[str, NDArray[np.float64]]
    shots: tuple[dict[str, float], ...]
    worst: tuple[Worst, ...]
    screen: Screen
    is_assumed: bool
    settings: StereoSettings

    def as_json(self) -> dict[str, Any]:
        """Everything but the pictures, in plain values: frames as columns."""
        whole = {"index", "shot"}
        return {
            "screen": {
                "width_m": self.screen.width,
                "distance_m": self.screen.distance,
                "ipd_mm": round(self.screen.ipd * 1000, 3),
                "is_assumed": self.is_assumed,
                "diverges_behind_percent": round(-100 * self.screen.ipd / self.screen.width, DIGITS),
            },
            "budget_percent": self.settings.strength if self.settings.max_disparity is None else None,
            "budget_px": self.settings.max_disparity,
            "most_degrees": MOST_DEGREES,
            "shots": [{name: round(value, DIGITS) for name, value in row.items()} for row in self.shots],
            "worst": [
                {"index": w.moment.index, "time": round(w.moment.time, DIGITS), "why": w.why} for w in self.worst
            ],
            "frames": {
                name: [int(v) if name in whole else round(v, DIGITS) for v in values.tolist()]
                for name, values in self.columns.items()
            },
        }


def measure(pair: StereoPair, window: FloatingWindow, *, settings: StereoSettings, screen: Screen) -> Moment:
    """Measure one pair; `change` and `jump` are left to `ComfortLog`, which knows the pair before it.

    Raises:
        SettingsError: nobody knows the pair's disparity.
    """
    if pair.disparity is None:
        raise SettingsError("a comfort report needs the pairs' disparity, and these have none; leave out --report")
    frame, disparity = pair.frame, pair.disparity
    rows, columns = (-(-size // SAMPLES) for size in disparity.shape)
    small = disparity[rows // 2 :: rows, columns // 2 :: columns] * np.float32(100 / frame.width)
    far, middle, near = np.percentile(small, (1, 50, 99)).tolist()
    low, high = limits(screen)
    needs = cut_disparity(disparity, settings)
    widths = window.widths(frame.height)
    least = VISIBLE / 100 * frame.width
    return Moment(
        index=frame.index,
        time=float(frame.time),
        shot=frame.shot,
        far=far,
        middle=middle,
        near=near,
        subject=subject(small),
        over=float(np.mean((small < low) | (small > high))),
        over_budget=float(np.mean(np.abs(small) > 100.1 / frame.width * settings.budget(frame.width))),
        # A hair of room: what was compressed to this very limit is not beyond it.
        diverging=float(np.mean(small < -100 * screen.ipd / screen.width * 1.001)),
        cut=float(np.mean([need > least for need in needs])),
        cut_after=float(np.mean([need - width > least for need, width in zip(needs, widths, strict=True)])),
    )


def limits(screen: Screen) -> tuple[float, float]:
    """The disparities, % of the width, that are `MOST_DEGREES` behind and in front of the screen."""
    return 100 * screen.share(-MOST_DEGREES), 100 * screen.share(MOST_DEGREES)


class ComfortLog:
    """Measures pairs one after another: `see` each, then `done`.

    Args:
        settings: how the pairs were made.
    """

    def __init__(self, settings: StereoSettings) -> None:
        self._settings = settings
        self._screen = settings.screen or ASSUMED
        self._columns = {name: array("d") for name in COLUMNS}
        self._last: Moment | None = None
        self._worst: list[Worst] = []

    def see(self, pair: StereoPair, window: FloatingWindow) -> None:
        """Measure a pair as it will be shown behind `window`."""
        now = measure(pair, window, settings=self._settings, screen=self._screen)
        if self._last is not None:
            now = _after(self._last, now)
        for name, column in self._columns.items():
            column.append(getattr(now, name))
        self._keep(now, pair)
        self._last = now

    def done(self) -> Comfort:
        """Everything measured so far."""
        columns = {name: np.array(column, dtype=np.float64) for name, column in self._columns.items()}
        return Comfort(
            columns,
            shot_rows(columns),
            tuple(sorted(self._worst, key=lambda w: (-w.badness, w.moment.index))),
            self._screen,
            self._settings.screen is None,
            self._settings,
        )

    def _keep(self, now: Moment, pair: StereoPair) -> None:
        """Keep a thumbnail if it is among the worst, and the worst of its shot for some seconds."""
        badness, why = _badness(now, self._screen, self._settings)
        beside = [
            worst
            for worst in self._worst
            if worst.moment.shot == now.shot and abs(now.time - worst.moment.time) < APART
        ]
        if any(worst.badness >= badness for worst in beside):
            return
        others = [worst for worst in self._worst if worst not in beside]
        if len(others) == THUMBNAILS:
            mildest = min(others, key=lambda worst: worst.badness)
            if mildest.badness >= badness:
                return
            others.remove(mildest)
        self._worst = [*others, Worst(now, badness, why, _thumbnail(pair))]


def _after(last: Moment, now: Moment) -> Moment:
    if now.shot != last.shot:
        return replace(now, jump=now.subject - last.subject)
    seconds = max(now.time - last.time, 1e-3)
    rates = [(getattr(now, name) - getattr(last, name)) / seconds for name in ("far", "middle", "near")]
    return replace(now, change=max(rates, key=abs))


def _badness(now: Moment, screen: Screen, settings: StereoSettings) -> tuple[float, str]:
    """How uncomfortable a picture is (1: at a limit), and what makes it so."""
    behind, front = screen.vergence(now.far / 100), screen.vergence(now.near / 100)
    reasons = [
        (2 + now.diverging if now.diverging > 0.001 else 0.0, f"eyes diverge on {now.diverging:.0%} of the picture"),
        (-behind / MOST_DEGREES, f"{-behind:.2f} degrees behind the screen"),
        (front / MOST_DEGREES, f"{front:.2f} degrees in front of the screen"),
        (2 * now.cut_after, f"the border cuts what is in front of it in {now.cut_after:.0%} of its rows"),
        (
            abs(now.jump) / max(settings.max_jump, 0.1),
            f"the subject jumps by {abs(now.jump):.2f} % of the width at the cut",
        ),
    ]
    return max(reasons, key=lambda reason: reason[0])


def _thumbnail(pair: StereoPair) -> bytes:
    width = min(THUMBNAIL_WIDTH, pair.frame.width)
    height = max(1, round(pair.frame.height * width / pair.frame.width))
    eyes = (replace(pair.frame, rgb=eye).rgb8 for eye in (pair.left, pair.right))
    left, right = (shrink(np.ascontiguousarray(eye), width, height) for eye in eyes)
    pack = LAYOUTS["anaglyph"].pack
    assert pack is not None
    picture = pack(StereoPair(left, right, replace(pair.frame, rgb=left)))
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(jpeg)


def shot_rows(columns: dict[str, NDArray[np.float64]]) -> tuple[dict[str, float], ...]:
    """Sum up each shot.

    Each row has `shot`, `start`, `end` (of its last frame), `frames`, `far` and `near` (the range that all but a
    hundredth of its frames keep to), `subject` (median), the means of `SHARES`, `change` (the largest, as a size) and
    `jump` (into the shot).
    """
    rows = []
    # Shots are numbered in order, so that each is one run of frames.
    firsts = np.flatnonzero(np.diff(columns["shot"], prepend=np.nan) != 0)
    for first, last in itertools.pairwise([*firsts.tolist(), len(columns["shot"])]):
        part = {name: values[first:last] for name, values in columns.items()}
        rows.append(
            {
                "shot": int(part["shot"][0]),
                "start": float(part["time"][0]),
                "end": float(part["time"][-1]),
                "frames": len(part["time"]),
                "far": float(np.percentile(part["far"], 1)),
                "near": float(np.percentile(part["near"], 99)),
                "subject": float(np.median(part["subject"])),
                **{name: float(part[name].mean()) for name in SHARES},
                "change": float(np.abs(part["change"]).max()),
                "jump": float(part["jump"][0]),
            }
        )
    return tuple(rows)
