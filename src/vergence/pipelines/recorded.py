"""Films of what is seen live: the picture and its depth side by side, from one moment to another."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from vergence.depth.model import DepthModel
from vergence.errors import VergenceError
from vergence.geometry.resample import resize_depth
from vergence.media.colour_map import colourise, grey
from vergence.media.live.source import TICK
from vergence.media.open import Sink, open_sink
from vergence.media.visualise import DisplayRange
from vergence.types import DepthFrame, Frame, MediaInfo

HALF_LIFE = 1.0  # s after which a past range of depth counts half: what comes near brightens, nothing pumps


def side_by_side(items: Iterable[DepthFrame], *, grayscale: bool) -> Iterator[tuple[DepthFrame, Frame]]:
    """Each frame with its depth at its right. The range of brightness follows slowly, and afresh at every shot."""
    paint = grey if grayscale else colourise
    range_: DisplayRange | None = None
    past: Frame | None = None
    for item in items:
        frame, fresh = item.frame, DisplayRange.of([item.depth])
        if range_ is None or past is None or past.shot != frame.shot:
            range_ = fresh
        else:
            keep = 0.5 ** (max(0.0, float(frame.time - past.time)) / HALF_LIFE)
            range_ = DisplayRange(
                keep * range_.low + (1 - keep) * fresh.low, keep * range_.high + (1 - keep) * fresh.high
            )
        past = frame
        shown = resize_depth(range_.shown(item.depth), frame.width, frame.height, sampling=item.depth.sampling)
        yield item, replace(frame, rgb=np.concatenate([frame.rgb8, paint(shown)], axis=1))


def named_by_time(folder: Path, suffix: str) -> Path:
    """A name by the time of day that nothing has yet."""
    stem = f"vergence_{datetime.now():%Y%m%d_%H%M%S}"
    path, number = folder / f"{stem}{suffix}", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}_{number}{suffix}"
    return path


class Recorder:
    """Films of what is shown, each from one key press to the next."""

    def __init__(self, folder: Path, info: MediaInfo, tell: Callable[[str], None]) -> None:
        self._folder, self._info, self._tell = folder, info, tell
        self._sink: Sink[Frame] | None = None
        self._began = Fraction(0)
        self.is_on = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._finish()  # what was recorded before an error is whole up to there

    def toggle(self) -> None:
        self.is_on = not self.is_on
        if not self.is_on:
            self._finish()

    def write(self, picture: Frame) -> None:
        if not self.is_on:
            return
        if self._sink is None:
            like = replace(
                self._info,
                path=None,
                is_film=True,
                width=picture.width,
                height=picture.height,
                bits=8,
                frames=None,
                start=None,
                end=None,
                is_clipped=True,
            )
            self._sink = open_sink(named_by_time(self._folder, ".mp4"), like=like, carry_tracks=False)
            self._sink.__enter__()
            self._began = picture.time
        self._sink.write(replace(picture, time=picture.time - self._began))

    def _finish(self) -> None:
        if self._sink is not None:
            sink, self._sink = self._sink, None
            sink.__exit__(None, None, None)
            self._tell(f"recorded {sink.path}")


class Recorded:
    """A depth model whose answers are also recorded, at the moments they come, whatever the source's clock says.

    Where pictures change their size another film is begun. A recording that fails is told and ends; the model goes on.
    It is a context manager: leaving it finishes the film.

    Args:
        model: gives the depth.
        folder: where films go, named by the time of day.
        tell: called with a line for each film, and with what went wrong.
    """

    def __init__(
        self,
        model: DepthModel,
        folder: Path,
        *,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model, self._folder, self._tell, self._clock = model, folder, tell, clock
        self.card, self.lookahead = model.card, model.lookahead
        self._recorder: Recorder | None = None
        self._size = (0, 0)
        self._last = Fraction(-1)
        self._is_over = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_over = True
            self._finish()

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        for item, picture in side_by_side(self._model.estimate(frames), grayscale=False):
            with self._lock:
                if not self._is_over:
                    try:
                        self._write(picture)
                    except VergenceError as error:
                        self._is_over, self._recorder = True, None
                        self._tell(f"recording ended: {error}")
            yield item

    def _write(self, picture: Frame) -> None:
        if self._size != (picture.width, picture.height):
            self._finish()
            self._size, self._last = (picture.width, picture.height), Fraction(-1)
        if self._recorder is None:
            like = MediaInfo(path=None, is_film=True, width=picture.width, height=picture.height, time_base=TICK)
            self._recorder = Recorder(self._folder, like, self._tell)
            self._recorder.toggle()
        self._last = max(self._last + TICK, round(self._clock() / TICK) * TICK)
        self._recorder.write(replace(picture, time=self._last, duration=None))

    def _finish(self) -> None:
        if self._recorder is not None:
            recorder, self._recorder = self._recorder, None
            recorder.__exit__(None, None, None)
