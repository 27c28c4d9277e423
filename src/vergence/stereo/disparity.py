"""Depth of any kind to disparity in pixels: how much 3-D, and what lies on the screen.

Disparity is x_left - x_right: positive in front of the screen, negative behind it. Nearness (1 / z, or the values of
a relative model) is scaled by a robust range that eases through the shot, so neither a snowflake near the lens nor a
model's wobble pumps the picture; what falls outside the range is compressed softly, never past the budget. True to
scale (`stereo.screen`) disparity follows from metres instead, and the budget only limits it. Either way no eyes
diverge on the stated screen, and what one looks at does not jump far at a cut.
"""

import logging
import statistics
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.geometry.nearness import nearness
from vergence.stereo.screen import Screen
from vergence.stereo.settings import StereoSettings
from vergence.stereo.subject import subject
from vergence.stereo.to_scale import Curve, squeezed, true_curve
from vergence.types import DepthFrame, DepthMap, Frame, Sampling

logger = logging.getLogger(__name__)

FAR_PERCENTILE, NEAR_PERCENTILE = 2.0, 98.0
KNEE = 0.12  # share of the range at either end that takes up what lies outside it
FLATTEST = 0.15  # a scene's range of nearness, as a share of its nearest, under which it is not stretched further
SAMPLES = 64  # per side; enough for percentiles
SPECK = 5  # samples; what is thinner or smaller than half of it, such as snow, has no say in the range
MOST_AHEAD = 12  # frames held at once, however fast they come
EASING = 0.4  # s in which a shot comes to its own place after a cut: about the 10 frames editors give it


@dataclass(frozen=True)
class DisparityFrame:
    """A picture and its disparity.

    Attributes:
        frame: the picture.
        disparity: (h, w) float32, x_left - x_right in pixels of the frame's full width, at the depth's own resolution.
        sampling: where its samples lie.
        is_exact: given in pixels by the user: to be used as it is, edges too.
    """

    frame: Frame
    disparity: NDArray[np.float32]
    sampling: Sampling
    is_exact: bool = False


@dataclass(frozen=True)
class _Range:
    """Nearness of the farthest, of what one looks at, and of the nearest."""

    far: float
    subject: float
    near: float


@dataclass(frozen=True)
class _State:
    """What the next frame needs of the last one.

    Attributes:
        shot, time: of that frame.
        extent: its eased range.
        subject: disparity of what one looks at, px.
        cut: when its shot began, seconds.
        offset: how far its shot was shifted then, px, so that the subject did not jump.
    """

    shot: int
    time: Fraction
    extent: _Range
    subject: float
    cut: Fraction
    offset: float


def disparities(items: Iterable[DepthFrame], *, settings: StereoSettings) -> Iterator[DisparityFrame]:
    """Turn depth into disparity; state starts afresh at every shot, but for the place of what one looks at.

    Holds the frames of `settings.lookahead` seconds, `MOST_AHEAD` at most. Disparity of the user's own passes as it is.

    Raises:
        DepthKindError: true to scale is asked of depth that is not metric.
        SettingsError: true to scale is asked of a picture whose camera is not known.
    """
    ahead: deque[tuple[DepthFrame, _Range]] = deque()
    state: _State | None = None
    told: set[str] = set()
    for item in items:
        while ahead and not (len(ahead) < MOST_AHEAD and _is_in_sight(ahead[0][0], item, settings.lookahead)):
            made, state = _next(ahead, state, settings, told)
            yield made
        ahead.append((item, _measure(item.depth)))
        if settings.lookahead == 0:  # live: nobody waits for the next one
            made, state = _next(ahead, state, settings, told)
            yield made
    while ahead:
        made, state = _next(ahead, state, settings, told)
        yield made


def _is_in_sight(now: DepthFrame, later: DepthFrame, lookahead: float) -> bool:
    return later.frame.shot == now.frame.shot and later.frame.time - now.frame.time <= lookahead


def _next(
    ahead: deque[tuple[DepthFrame, _Range]], past: _State | None, settings: StereoSettings, told: set[str]
) -> tuple[DisparityFrame, _State | None]:
    """Take the next frame off `ahead`; returns its disparity and what its successor needs."""
    extent = _eased(ahead, past, settings)
    item, _ = ahead.popleft()
    frame, depth = item.frame, item.depth
    if depth.kind == "disparity":
        return DisparityFrame(frame, _filled(depth.values, depth.valid), depth.sampling, is_exact=True), None
    if settings.is_to_scale:
        curve = true_curve(item, (extent.far, extent.near), settings, told)
    else:
        curve = _budget_curve(extent, settings, frame.width)
    looked_at = float(curve(_array(extent.subject))[0])
    if past is None:
        cut, offset = frame.time, 0.0
    elif past.shot != frame.shot:
        most = settings.max_jump / 100 * frame.width
        jump = looked_at - past.subject
        cut, offset = frame.time, float(np.clip(jump, -most, most)) - jump
    else:
        cut, offset = past.cut, past.offset
    shift = offset * _rest(float(frame.time - cut) / EASING)
    deepest = -float(curve(_array(0 if settings.is_to_scale else -np.inf))[0]) - shift
    values = curve(_whole_nearness(depth)) + np.float32(shift)
    values = _without_divergence(values, deepest, frame.width, settings.screen, told)
    state = _State(frame.shot, frame.time, extent, looked_at + shift, cut, offset)
    return DisparityFrame(frame, values, depth.sampling), state


def _eased(ahead: deque[tuple[DepthFrame, _Range]], past: _State | None, settings: StereoSettings) -> _Range:
    """The next frame's range: its shot's, eased from the past's towards what is coming."""
    frame = ahead[0][0].frame
    names = ("far", "subject", "near")
    goal = _Range(*(statistics.median(getattr(r, name) for _, r in ahead) for name in names))
    if past is None or past.shot != frame.shot:
        return goal
    keep = 0.5 ** (float(frame.time - past.time) / settings.half_life)
    return _Range(*(keep * getattr(past.extent, name) + (1 - keep) * getattr(goal, name) for name in names))


def _array(*values: float) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def _rest(share: float) -> float:
    """What is left of a shift, 1 to 0, after `share` of the time to ease it; slow at both ends."""
    t = min(max(share, 0.0), 1.0)
    return 1 - t * t * (3 - 2 * t)


def _budget_curve(extent: _Range, settings: StereoSettings, width: int) -> Curve:
    """The shot's range of nearness fills the budget; the subject, or what `convergence` says, lies on the screen."""
    budget = settings.budget(width)

    def share(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return _soft((values - extent.far) / (extent.near - extent.far))

    if settings.convergence == "auto":
        screen = float(share(_array(extent.subject))[0])
    else:
        screen = settings.convergence
    return lambda values: ((share(values) - screen) * budget).astype(np.float32)


def _without_divergence(
    values: NDArray[np.float32], deepest: float, width: int, screen: Screen | None, told: set[str]
) -> NDArray[np.float32]:
    """Compress what may lie `deepest` px behind the screen to where the eyes look straight ahead, if that is less."""
    # A hair of room: what is exactly an eyes' distance deep, as infinity is to scale, may be off by a rounding.
    if screen is None or deepest <= (widest := screen.widest(width)) * 1.001:
        return values
    if "divergence" not in told:
        told.add("divergence")
        logger.warning(
            "behind a screen %g m wide eyes would diverge beyond %.2f %% of its width, so depth there is compressed; "
            "a smaller --strength would not need it",
            screen.width,
            widest / width * 100,
        )
    return squeezed(values, deepest, 0.0, widest / deepest)


def _whole_nearness(depth: DepthMap) -> NDArray[np.float32]:
    """Nearness everywhere. What is not valid but has a z all the same, as sky has, lies there: nothing else tells."""
    has_place = depth.valid
    if depth.kind in ("metric", "scale_invariant"):
        has_place = has_place | (depth.values > 0)
    return _filled(nearness(depth), has_place)


def _filled(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give each invalid sample the smaller (farther) of the nearest valid values left and right of it in its row."""
    if valid.all():
        return values
    if not valid.any():
        return np.zeros_like(values)
    columns = np.arange(values.shape[1])
    left = np.maximum.accumulate(np.where(valid, columns, -1), axis=1)
    right = np.minimum.accumulate(np.where(valid, columns, columns.size)[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(values.shape[0])[:, None]
    from_left = np.where(left >= 0, values[rows, np.maximum(left, 0)], np.inf)
    from_right = np.where(right < columns.size, values[rows, np.minimum(right, columns.size - 1)], np.inf)
    behind = np.minimum(from_left, from_right)
    return np.where(np.isfinite(behind), behind, values[valid].min()).astype(np.float32)


def _measure(depth: DepthMap) -> _Range:
    values = _whole_nearness(depth)
    small = np.asarray(cv2.resize(values, (SAMPLES, SAMPLES), interpolation=cv2.INTER_NEAREST), dtype=np.float32)
    small = np.asarray(cv2.medianBlur(small, SPECK), dtype=np.float32)
    far, near = (float(v) for v in np.percentile(small, (FAR_PERCENTILE, NEAR_PERCENTILE)))
    far = min(far, near - max(FLATTEST * abs(near), 1e-6))
    return _Range(far, subject(small), near)


def _soft(share: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    """Compress 0..1 and beyond into 0..1: straight in between, bending over the last `KNEE` at either end."""
    over = np.maximum(share - (1 - KNEE), 0)
    under = np.maximum(KNEE - share, 0)
    bent = np.clip(share, KNEE, 1 - KNEE) + KNEE * np.tanh(over / KNEE) - KNEE * np.tanh(under / KNEE)
    return np.asarray(bent, dtype=np.float32)
