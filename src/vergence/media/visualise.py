"""Depth to look at: one range of brightness for a whole shot, so that a picture never pumps."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vergence.geometry.nearness import nearness
from vergence.geometry.resample import resize_depth
from vergence.media.colour_map import colourise, grey
from vergence.types import DepthFrame, DepthMap, Frame

LOW, HIGH = 2, 98  # percentiles of nearness that mark the ends of the scale, so that a few outliers do not
WIDENED = 0.1  # by this share of itself, as a shot may come nearer than its first second
SAMPLES = 20_000  # of a frame, enough for percentiles
FLAT = 1e-5  # share of its own size under which a shot's range is rounding, which must not be shown as relief


@dataclass(frozen=True)
class DisplayRange:
    """The nearness shown darkest and brightest, fixed for a shot."""

    low: float
    high: float

    @classmethod
    def of(cls, maps: Iterable[DepthMap]) -> Self:
        """The range of some maps of one shot: their 2nd to 98th percentile of nearness, widened by a tenth."""
        samples = np.concatenate([_samples(depth) for depth in maps])
        if not samples.size:
            return cls(0.0, 1.0)
        low, high = np.percentile(samples, (LOW, HIGH))
        margin = WIDENED / 2 * (high - low)
        return cls(float(low - margin), float(high + margin))

    def shown(self, depth: DepthMap) -> NDArray[np.float32]:
        """Nearness of a map as 0 (far) to 1 (near), clipped; a flat shot is half-way, invalid values are 0."""
        span = self.high - self.low
        if span <= FLAT * max(abs(self.low), abs(self.high)):
            values = np.full_like(depth.values, 0.5)
        else:
            values = ((nearness(depth).astype(np.float64) - self.low) / span).astype(np.float32)
        return np.where(depth.valid, np.clip(values, 0, 1), np.float32(0))


def visualise(
    items: Iterable[DepthFrame], *, grayscale: bool = False, lookahead_seconds: float = 1.0
) -> Iterator[Frame]:
    """Turn depth into pictures of the frames' size; near is bright, and warm unless `grayscale`.

    The first `lookahead_seconds` of a shot are held (their depth, not their pictures) to fix its range, which never
    changes after; what lies outside is clipped.
    """
    held: list[DepthFrame] = []
    fixed: DisplayRange | None = None
    shot: int | None = None
    for item in items:
        if item.frame.shot != shot:
            yield from _painted(held, fixed, grayscale)
            held, fixed, shot = [], None, item.frame.shot
        held.append(_without_pixels(item))
        if fixed is None and item.frame.time - held[0].frame.time >= lookahead_seconds:
            fixed = DisplayRange.of(kept.depth for kept in held)
        if fixed is not None:
            yield from _painted(held, fixed, grayscale)
            held = []
    yield from _painted(held, fixed, grayscale)


def beside(sources: Iterable[Frame], pictures: Iterable[Frame]) -> Iterator[Frame]:
    """Lay each picture of depth to the right of the source's own, which come in the same order."""
    frames = iter(sources)
    for picture in pictures:
        frame = next(frames)
        assert frame.time == picture.time, f"frame {frame.index} at {frame.time} and {picture.time}"
        yield replace(picture, rgb=np.concatenate([frame.rgb8, picture.rgb8], axis=1))


class Remembered:
    """A source read once, whose pictures are kept until they are laid beside their depth."""

    def __init__(self, source: Iterable[Frame]) -> None:
        self._source = source
        self._held: deque[Frame] = deque()

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            self._held.append(frame)
            yield frame

    def again(self) -> Iterator[Frame]:
        """The same pictures; each is let go. There must be one, as there is once its depth has come."""
        while True:
            yield self._held.popleft()


def _painted(held: list[DepthFrame], fixed: DisplayRange | None, grayscale: bool) -> Iterator[Frame]:
    if not held:
        return
    paint = grey if grayscale else colourise
    fixed = fixed or DisplayRange.of(kept.depth for kept in held)
    for item in held:
        width, height = item.frame.width, item.frame.height
        shown = resize_depth(fixed.shown(item.depth), width, height, sampling=item.depth.sampling)
        yield replace(item.frame, rgb=paint(shown))


def _without_pixels(item: DepthFrame) -> DepthFrame:
    """The same with a picture of one shared black pixel, as a second of film would fill the memory."""
    return replace(item, frame=replace(item.frame, rgb=np.broadcast_to(np.uint8(0), (*item.frame.rgb.shape[:2], 3))))


def _samples(depth: DepthMap) -> NDArray[np.float32]:
    known = nearness(depth)[depth.valid]
    return known[:: max(1, known.size // SAMPLES)]
