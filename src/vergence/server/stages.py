"""A model and what steadies its depth, as a function of one frame after another."""

import time
from collections.abc import Iterator

from vergence.depth.model import DepthModel
from vergence.errors import ModelError
from vergence.stability.shots import mark_shots
from vergence.stability.stabilise import StabiliseSettings, stabilise
from vergence.types import DepthFrame, Frame


class Stages:
    """The stages of one source, fed frame by frame: each answers from the past alone."""

    def __init__(self, model: DepthModel, settings: StabiliseSettings) -> None:
        self._next: Frame | None = None
        self._estimate_seconds = 0.0
        estimated = self._timed(iter(model.estimate(mark_shots(self._fed()))))
        self._answers = iter(stabilise(estimated, settings=settings))

    def __call__(self, frame: Frame) -> tuple[DepthFrame, float, float]:
        """The depth of a frame, and the seconds the model and the steadying took."""
        self._next = frame
        began = time.perf_counter()
        item = next(self._answers)
        return item, self._estimate_seconds, time.perf_counter() - began - self._estimate_seconds

    def _fed(self) -> Iterator[Frame]:
        while True:
            if self._next is None:
                raise ModelError("the model asks for a frame that has not come yet; choose one without lookahead")
            frame, self._next = self._next, None
            yield frame

    def _timed(self, items: Iterator[DepthFrame]) -> Iterator[DepthFrame]:
        while True:
            began = time.perf_counter()
            item = next(items)
            self._estimate_seconds = time.perf_counter() - began
            yield item
