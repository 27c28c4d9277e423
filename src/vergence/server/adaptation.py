"""How much each viewer is sent: less while its answers take long, slowly more again.

Lowered in the order in which the eye misses it least: bits of depth, quality of the picture, its size, frames a second.
"""

from dataclasses import dataclass, replace
from typing import Literal

from vergence.server.settings import LiveSettings

Payload = Literal["rgbd", "splat16"]

TOO_LONG = 2.0  # frame periods from sending to acknowledgement that count as slow,
AT_LEAST = 0.1  # s, but never less: a distant viewer is not a slow one
PATIENCE = 1.0  # s of slow answers before less is sent
QUICK = 0.6  # of what is too long: under it there is room for more
COURAGE, LONGEST_COURAGE = 6.0, 96.0  # s of quick answers before more is tried; doubled whenever that went wrong


@dataclass(frozen=True)
class Quality:
    """What a packet is made with: bits of depth, quality of the JPEG, px of the longer side.

    Splats have none of these; where `bits` is 12 they are packed smaller, which costs time.
    """

    bits: int
    jpeg: int
    side: int
    payload: Payload = "rgbd"


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


@dataclass(frozen=True)
class Pace:
    """Where on the ladder a viewer stands, and since when its answers have been slow or quick (s of the clock)."""

    step: int = FIRST
    slow_since: float | None = None
    quick_since: float | None = None
    courage: float = COURAGE
    raised_at: float | None = None

    @property
    def level(self) -> Level:
        return LADDER[self.step]


def adapted(pace: Pace, *, now: float, took: float, period: float) -> Pace:
    """Where a viewer stands after an answer.

    Args:
        pace: before it.
        now: s of any steady clock.
        took: s from sending a packet to its acknowledgement.
        period: s between frames.
    """
    limit = max(TOO_LONG * max(period, pace.level.interval), AT_LEAST)
    if took > limit:
        since = now - took if pace.slow_since is None else pace.slow_since
        if now - since < PATIENCE or pace.step == len(LADDER) - 1:
            return replace(pace, slow_since=since, quick_since=None)
        was_too_much = pace.raised_at is not None and now - pace.raised_at < LONGEST_COURAGE
        courage = min(2 * pace.courage, LONGEST_COURAGE) if was_too_much else pace.courage
        return Pace(pace.step + 1, courage=courage)
    if took < QUICK * limit:
        since = now if pace.quick_since is None else pace.quick_since
        if now - since < pace.courage or pace.step == 0:
            return replace(pace, slow_since=None, quick_since=since)
        return Pace(pace.step - 1, courage=pace.courage, raised_at=now)
    return replace(pace, slow_since=None, quick_since=None)


def quality_of(pace: Pace, settings: LiveSettings, payload: Payload = "rgbd") -> Quality:
    """What a viewer is sent: what its connection bears, except where a setting says otherwise."""
    found = pace.level.quality
    if payload == "splat16":
        return Quality(16 if pace.step <= FIRST else 12, 0, 0, payload)
    return Quality(
        settings.depth_bits or found.bits,
        settings.colour_quality or found.jpeg,
        min(found.side, settings.picture_side),
    )
