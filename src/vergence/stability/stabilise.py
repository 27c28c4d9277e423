"""Depth that does not flicker: one scale through a shot, and what rests stays at rest.

Works in the logarithm of depth where depth is known up to scale, and in the values themselves where scale and shift
are unknown. Past frames only, so a film and a webcam run the same code, and one frame is held.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.stability.scale import median_step, robust_fit
from vergence.stability.smooth import Flow, carried, grey_of, grown, is_still, softened, trust
from vergence.types import DepthFrame

Method = Literal["auto", "gated", "ema", "none"]

NEAREST = np.float32(1e-3)  # m; the logarithm needs a floor
BOUND = 0.08  # log units a frame's scale is moved at most where depth has one: 8 %
TRACKING = 0.25  # seconds in which the smoothed scale follows the measured one
FORGETTING = 2.0  # seconds after which a correction of scale has faded, so that true scale is never lost
HOLDING = 1.0  # seconds after which half of a change of scale and shift is let through where they are unknown
RESTING, SETTLING = 8.0, 1.0  # times the half-life of what has rested for so many seconds: a tripod's background
CALM, SURPRISE = 0.35, 0.7  # innovation, log units or shares of the spread, that is flicker still; that is a change
BORDER, SMOOTH = 0.12, 0.08  # of the picture's height: between what rests and what moves; of a change beside the latter
FAR = 0.25  # of the median nearness: what is far flickers by large factors that nobody sees


@dataclass(frozen=True)
class StabiliseSettings:
    """How depth is steadied.

    Attributes:
        method: "gated" holds scale and filters what rests, "ema" is a plain moving average, "none" leaves depth alone.
            "auto" is gated, but in a whole job none for a video model, whose depth is steady already.
        half_life: seconds after which past depth counts half; several times that where nothing has moved for a while.
        shots: a whole job finds cuts and begins anew at each; otherwise all of a film counts as one shot.
    """

    method: Method = "auto"
    half_life: float = 0.2
    shots: bool = True

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise SettingsError(f"no way of stabilising is called {self.method!r}; choose from {', '.join(METHODS)}")
        if not self.half_life > 0:
            raise SettingsError(f"a half-life is a positive time in seconds, not {self.half_life}")


def stabilise(items: Iterable[DepthFrame], *, settings: StabiliseSettings | None = None) -> Iterator[DepthFrame]:
    """Steady the depth of a film, frame by frame; starts afresh at every shot and holds one frame.

    Metric depth keeps its scale: a frame is moved by 8 % at most, and by nothing over a few seconds. Disparity that
    the user gave is left alone.
    """
    settings = settings or StabiliseSettings()
    return METHODS[settings.method](items, settings)


def none(items: Iterable[DepthFrame], _: StabiliseSettings) -> Iterator[DepthFrame]:
    """Leave depth as it is."""
    yield from items


def ema(items: Iterable[DepthFrame], settings: StabiliseSettings) -> Iterator[DepthFrame]:
    """Blend each frame with the past, moving or not: the baseline others are measured against."""
    past: DepthFrame | None = None
    for item in items:
        if past is not None and _follows(past, item) and item.depth.kind != "disparity":
            keep = np.float32(0.5 ** (_seconds(past, item) / settings.half_life))
            x = (1 - keep) * _encoded(item) + keep * _encoded(past)
            item = _decoded(item, np.where(past.depth.valid, x, _encoded(item)))
        yield item
        past = item


def gated(items: Iterable[DepthFrame], settings: StabiliseSettings) -> Iterator[DepthFrame]:
    """Hold scale (and shift), carry the past along with the motion, and blend where it still fits."""
    flow = Flow()
    state: _State | None = None
    for item in items:
        if item.depth.kind == "disparity":
            yield item
            continue
        grey = grey_of(item.frame, *item.depth.values.shape[::-1])
        if state is None or not _follows(state.item, item):
            state = _State(item, grey, _encoded(item), grey.astype(np.float32), np.zeros(grey.shape, np.float32))
        else:
            state = _advanced(state, item, grey, flow, settings)
        steady = _decoded(item, state.values)
        state = replace(state, item=_without_picture(steady))
        yield steady


@dataclass(frozen=True)
class _State:
    """What is kept of the past of a shot.

    Attributes:
        item: the last frame's output, without its picture.
        grey: its picture, at the depth's size.
        values: its steadied depth, encoded.
        usual: the mean of the picture over the last second or so.
        rests: seconds each pixel has looked like that.
        raw: its depth before steadying, encoded; None at a shot's first frame, where the two are the same.
        measured, tracked, speed: the log scale of the raw depth since the shot's start, smoothed, and its slope, 1/s.
        mean: the mean correction of late, taken off again.
    """

    item: DepthFrame
    grey: NDArray[np.uint8]
    values: NDArray[np.float32]
    usual: NDArray[np.float32]
    rests: NDArray[np.float32]
    raw: NDArray[np.float32] | None = None
    measured: float = 0.0
    tracked: float = 0.0
    speed: float = 0.0
    mean: float = 0.0

    @property
    def correction(self) -> float:
        """What is added to the log depth of the frame, within `BOUND`."""
        return float(np.clip(self.tracked - self.measured - self.mean, -BOUND, BOUND))


def _advanced(
    past: _State, item: DepthFrame, grey: NDArray[np.uint8], flow: Flow, settings: StabiliseSettings
) -> _State:
    seconds = _seconds(past.item, item)
    motion = flow(grey, past.grey)
    sure = trust(grey, past.grey, motion)
    before = carried(past.values, motion)
    raw = _encoded(item)
    both = (item.depth.valid & past.item.depth.valid).astype(np.float32)
    if item.depth.kind == "affine_inverse":
        keep = 0.5 ** (seconds / HOLDING)
        scale, shift = robust_fit(raw, before, sure * both)
        values = np.float32(1 + keep * (scale - 1)) * raw + np.float32(keep * shift)
        state = replace(past, raw=raw)
        spread = max(float(np.ptp(np.percentile(before, (5, 95)))), 1e-6)
        innovation = (values - before) / np.float32(spread)
    else:
        raw_before = carried(past.raw if past.raw is not None else past.values, motion)
        state = _tracked(past, median_step(raw, raw_before, sure * both), seconds)
        state = replace(state, raw=raw)
        values = raw + np.float32(state.correction)
        # What moves keeps pace with the whole; what rests does not, whatever the model thinks of it today.
        pace = (state.measured + state.correction) - (past.measured + past.correction)
        before = before + np.float32(pace) * (1 - _rest(past.rests))
        innovation = _seen(values, before)
    surprise = np.clip((np.abs(innovation) - CALM) / (SURPRISE - CALM), 0, 1)
    gate = grown(np.maximum(1 - sure * both, surprise.astype(np.float32)))
    usual = past.usual + np.float32(1 - 0.5 ** (seconds / SETTLING)) * (grey - past.usual)
    rests = np.where(is_still(grey, past.usual) & (sure >= 1), past.rests + np.float32(seconds), 0).astype(np.float32)
    rest = _rest(rests)
    hold = np.exp2(-np.float32(seconds) / (settings.half_life * (1 + (RESTING - 1) * rest))) * (1 - gate) * both
    change = hold * (before - values)
    # Beside what moves only a smooth change is made: the border between held and let go would become an edge of depth.
    steady = (values + rest * change + (1 - rest) * softened(change, SMOOTH)).astype(np.float32)
    return replace(state, item=item, grey=grey, values=steady, usual=usual, rests=rests)


def _rest(rests: NDArray[np.float32]) -> NDArray[np.float32]:
    """0 (moved lately) to 1 (at rest for `SETTLING`), from seconds of rest, without borders."""
    return softened(np.minimum(rests / np.float32(SETTLING), 1), BORDER)


def _seen(now: NDArray[np.float32], before: NDArray[np.float32]) -> NDArray[np.float32]:
    """Change of log depth as far as it shows: the logarithm of nearness above a floor of `FAR` of its median."""
    a, b = np.exp(-now), np.exp(-before)
    floor = np.float32(FAR * float(np.median(b)))
    return np.asarray(np.log((a + floor) / (b + floor)), dtype=np.float32)


def _tracked(past: _State, step: float, seconds: float) -> _State:
    """Follow the measured scale with its slope (an alpha-beta filter), so that a dolly shot is not held back."""
    alpha = 1 - 0.5 ** (seconds / TRACKING)
    beta = alpha * alpha / (2 - alpha)
    measured = past.measured + step
    expected = past.tracked + past.speed * seconds
    error = measured - expected
    tracked, speed = expected + alpha * error, past.speed + beta / max(seconds, 1e-6) * error
    fade = 1 - 0.5 ** (seconds / FORGETTING)
    mean = past.mean + fade * (tracked - measured - past.mean)
    return replace(past, measured=measured, tracked=tracked, speed=speed, mean=mean)


def _follows(past: DepthFrame, item: DepthFrame) -> bool:
    """Whether the two are of one shot and one kind, and in order."""
    return (
        past.frame.shot == item.frame.shot
        and past.depth.kind == item.depth.kind
        and past.depth.values.shape == item.depth.values.shape
        and item.frame.time > past.frame.time
    )


def _seconds(past: DepthFrame, item: DepthFrame) -> float:
    return float(item.frame.time - past.frame.time)


def _encoded(item: DepthFrame) -> NDArray[np.float32]:
    if item.depth.kind == "affine_inverse":
        return item.depth.values
    return np.log(np.maximum(item.depth.values, NEAREST))


def _decoded(item: DepthFrame, values: NDArray[np.float32]) -> DepthFrame:
    depth = values if item.depth.kind == "affine_inverse" else np.exp(values)
    return replace(item, depth=replace(item.depth, values=depth.astype(np.float32)))


def _without_picture(item: DepthFrame) -> DepthFrame:
    return replace(item, frame=replace(item.frame, rgb=np.zeros((1, 1, 3), np.uint8)))


METHODS: dict[str, Callable[[Iterable[DepthFrame], StabiliseSettings], Iterator[DepthFrame]]] = {
    "auto": gated,
    "gated": gated,
    "ema": ema,
    "none": none,
}
