"""How much each viewer is sent: less while its answers take long, slowly more again.

Lowered in the order in which the eye misses it least: bits of depth, quality of the picture, its size, frames a second.
"""

from dataclasses import dataclass, replace
from typing import Literal

from vergence.server.settings import LiveSettings

Payload = Literal["rgbd", "splat16", "points16", "video"]

TOO_LONG = 2.0  # frame periods from sending to acknowledgement that count as slow,
AT_LEAST = 0.1  # s, but never less: a distant viewer is not a slow one
PATIENCE = 1.0  # s of slow answers before less is sent
QUICK = 0.6  # of what is too long: under it there is room for more
COURAGE, LONGEST_COURAGE = 6.0, 96.0  # s of quick answers before more is tried; doubled whenever that went wrong


@dataclass(frozen=True)
class Quality:
    """What a packet is made with: bits of depth, quality of the JPEG, px of the longer side.

    Of film there is one for all viewers who decode the same, see `server.video`: its size, and what its depth is
    coded by.

    Splats have none of these; where `bits` is 12 they are packed smaller, which costs time. Clouds have `points` at
    most, and nothing else.
    """

    bits: int
    jpeg: int
    side: int
    payload: Payload = "rgbd"
    points: int = 0
    film: str = ""


@dataclass(frozen=True)
class Level:
    """A step of the ladder; `interval` is the least time between two packets, s."""

    quality: Quality
    interval: float = 0.0


LADDER = (
    Level(Quality(16, 85, 1920)),
    Level(Quality(12, 85, 1920)),
    Level(Quality(12, 75, 1920)),
    Level(Quality(12, 75, 504)),
    Level(Quality(12, 65, 384)),
    Level(Quality(12, 55, 384), 1 / 15),
    Level(Quality(12, 45, 320), 1 / 6),
)
FIRST = 1  # 12 bits: what the eye sees of a stream
VIDEO_SIDE = 504  # px of the longer side of film, at most
VIDEO_COURAGE = 2.0  # times as long quick answers come before exact packets are tried again after film
AFTER_VIDEO = 3  # the step they begin with: a smaller picture would look worse than the film did
POINTS = (250_000, 250_000, 180_000, 120_000, 60_000, 30_000, 15_000)  # of a cloud, at each step of the ladder


@dataclass(frozen=True)
class Pace:
    """Where on the ladder a viewer stands, and since when its answers have been slow or quick (s of the clock)."""

    step: int = FIRST
    slow_since: float | None = None
    quick_since: float | None = None
    courage: float = COURAGE
    raised_at: float | None = None
    is_video: bool = False  # it is sent film: no exact packets were small enough
    was_video: bool = False  # before it was raised

    @property
    def level(self) -> Level:
        return LADDER[self.step]

    @property
    def interval(self) -> float:
        """Least s between two packets; of film none is left out, which would cost a whole picture."""
        return 0.0 if self.is_video else self.level.interval


def adapted(
    pace: Pace, *, now: float, took: float, period: float, has_video: bool = False, unpacking: float = 0.0
) -> Pace:
    """Where a viewer stands after an answer.

    Film comes after the last step of the ladder, for those that can show it and whose line it is that is slow: it is
    less to send, and more to unpack.

    Args:
        pace: before it.
        now: s of any steady clock.
        took: s from sending a packet to its acknowledgement.
        period: s between frames.
        has_video: it can be sent film.
        unpacking: s of `took` that the viewer spent itself.
    """
    if pace.is_video and not has_video:
        pace = Pace(len(LADDER) - 1, courage=pace.courage)
    limit = max(TOO_LONG * max(period, pace.interval), AT_LEAST)
    if took > limit:
        since = now - took if pace.slow_since is None else pace.slow_since
        is_line = unpacking < took / 2
        may_film, is_lowest = has_video and is_line, pace.step == len(LADDER) - 1
        has_less = not is_line if pace.is_video else not is_lowest or may_film
        if now - since < PATIENCE or not has_less:
            return replace(pace, slow_since=since, quick_since=None)
        was_too_much = pace.raised_at is not None and now - pace.raised_at < LONGEST_COURAGE
        courage = min(2 * pace.courage, LONGEST_COURAGE) if was_too_much else pace.courage
        if pace.is_video:
            return Pace(len(LADDER) - 1, courage=courage)
        if may_film and (is_lowest or (pace.was_video and was_too_much)):
            return Pace(len(LADDER) - 1, courage=courage, is_video=True)
        return Pace(pace.step + 1, courage=courage)
    if took < QUICK * limit:
        since = now if pace.quick_since is None else pace.quick_since
        courage = VIDEO_COURAGE * pace.courage if pace.is_video else pace.courage
        if now - since < courage or pace.step == 0:
            return replace(pace, slow_since=None, quick_since=since)
        if pace.is_video:
            return Pace(AFTER_VIDEO, courage=pace.courage, raised_at=now, was_video=True)
        return Pace(pace.step - 1, courage=pace.courage, raised_at=now)
    return replace(pace, slow_since=None, quick_since=None)


def quality_of(pace: Pace, settings: LiveSettings, payload: Payload = "rgbd", *, film: str = "") -> Quality:
    """What a viewer is sent: what its connection bears, except where a setting says otherwise."""
    found = pace.level.quality
    if payload == "video":
        return Quality(10, 0, min(VIDEO_SIDE, settings.picture_side), payload, film=film)
    if payload == "splat16":
        return Quality(16 if pace.step <= FIRST else 12, 0, 0, payload)
    if payload == "points16":
        return Quality(16, 0, 0, payload, POINTS[pace.step])
    return Quality(
        settings.depth_bits or found.bits,
        settings.colour_quality or found.jpeg,
        min(found.side, settings.picture_side),
    )
