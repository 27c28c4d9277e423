"""Less of a source: fewer frames a second, smaller pictures. Each wraps a source and is one itself."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import floor
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from vergence.errors import SettingsError
from vergence.geometry.resample import shrink
from vergence.types import Frame, MediaInfo

if TYPE_CHECKING:
    from vergence.media.open import Source

ROUNDING = Fraction(1, 2000)  # s that a timestamp may lie too early by: Matroska counts in milliseconds
SMALLEST = 16  # px of a longer side that still shows something


class _Wrapped:
    """A source that opens and closes with the one it is made from."""

    def __init__(self, source: "Source", info: MediaInfo) -> None:
        self.source, self.info = source, info

    def __enter__(self) -> Self:
        self.source.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.source.__exit__(kind, error, traceback)


class Thinned(_Wrapped):
    """A film with at most `rate` frames a second, at its own speed.

    Time is cut at every k / rate on the film's own clock; the film's first frame and, after it, the first one at or
    after each cut are kept. Kept frames have the times they had, and each lasts until the next. Nothing is invented: a
    film whose rate is not above `rate` keeps every frame.

    Args:
        source: of the film.
        rate: frames per second.
        max_frames: stop after so many kept ones.

    Raises:
        SettingsError: `rate` is not positive, or `max_frames` is less than 1.
    """

    def __init__(self, source: "Source", rate: Fraction, *, max_frames: int | None = None) -> None:
        if rate <= 0:
            raise SettingsError(f"a film has more than {float(rate):g} frames a second; give a positive rate")
        if max_frames is not None and max_frames < 1:
            raise SettingsError(f"at least 1 frame must be asked for, not {max_frames}")
        whole = source.info
        self._keeps_all = whole.rate is not None and rate >= whole.rate
        self._rate, self._max_frames = rate, max_frames
        frames = whole.frames
        if frames and whole.rate and not self._keeps_all:
            frames = floor((frames - 1) * rate / whole.rate) + 1
        if max_frames is not None:
            frames = max_frames if frames is None else min(frames, max_frames)
        info = replace(
            whole,
            frames=frames,
            rate=whole.rate if self._keeps_all else rate,
            is_clipped=whole.is_clipped or max_frames is not None,
        )
        super().__init__(source, info)

    def __iter__(self) -> Iterator[Frame]:
        kept: Frame | None = None
        last_tick, finish = 0, Fraction(0)
        for frame in self.source:
            tick = floor((frame.time + ROUNDING) * self._rate)
            if kept is None or self._keeps_all or tick > last_tick:
                if kept is not None:
                    yield replace(kept, duration=frame.time - kept.time)
                    if kept.index + 1 == self._max_frames:
                        return
                kept, last_tick = replace(frame, index=0 if kept is None else kept.index + 1), tick
            finish = frame.time + (frame.duration or (1 / self.source.info.rate if self.source.info.rate else 0))
        if kept is not None:
            yield replace(kept, duration=finish - kept.time if finish > kept.time else None)


class Stopped(_Wrapped):
    """A source that ends, as if it were over, once `until` is set: by Ctrl-C, for one without an end of its own."""

    def __init__(self, source: "Source", until: Event) -> None:
        super().__init__(source, replace(source.info, is_clipped=True))
        self._until = until

    def __iter__(self) -> Iterator[Frame]:
        for frame in self.source:
            if self._until.is_set():
                return
            yield frame


class Shrunk(_Wrapped):
    """Pictures whose longer side has at most `max_side` pixels, by area averaging.

    The shape is kept to the rounding of both sides to even numbers, and cameras shrink along. Pictures that are small
    enough stay as they are, odd sides included.

    Raises:
        SettingsError: `max_side` is under 16.
    """

    def __init__(self, source: "Source", max_side: int) -> None:
        if max_side < SMALLEST:
            raise SettingsError(f"pictures cannot be shrunk to {max_side} px; needed are {SMALLEST} or more")
        width, height = fitted(source.info.width, source.info.height, max_side)
        super().__init__(source, replace(source.info, width=width, height=height))

    def __iter__(self) -> Iterator[Frame]:
        width, height = self.info.width, self.info.height
        for frame in self.source:
            if (frame.width, frame.height) == (width, height):
                yield frame
                continue
            rgb: Any = shrink(frame.rgb, width, height)
            yield replace(frame, rgb=rgb, intrinsics=frame.intrinsics and frame.intrinsics.resized(width, height))


def fitted(width: int, height: int, max_side: int) -> tuple[int, int]:
    """The size of a picture whose longer side may have `max_side` pixels: even where it has to shrink."""
    longer = max(width, height)
    if longer <= max_side:
        return width, height
    scale = Fraction(max_side // 2 * 2, longer)
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))
