"""Depth of any kind to disparity in pixels: how much 3-D, and what lies on the screen.

Disparity is x_left - x_right: positive in front of the screen, negative behind it. Nearness (1 / z, or the values of
a relative model) is scaled by a robust range that eases through the shot, so neither a snowflake near the lens nor a
model's wobble pumps the picture; what falls outside the range is compressed softly, never past the budget.
"""

import statistics
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.geometry.nearness import nearness
from vergence.stereo.settings import StereoSettings
from vergence.types import DepthFrame, DepthMap, Frame, Sampling

FAR_PERCENTILE, NEAR_PERCENTILE = 2.0, 98.0
KNEE = 0.12  # share of the range at either end that takes up what lies outside it
FLATTEST = 0.15  # a scene's range of nearness, as a share of its nearest, under which it is not stretched further
SUBJECT_PERCENTILE = 60.0  # of nearness, weighted to the centre: a little behind the front of what one looks at
CENTRE = 0.22  # standard deviation of that weight, in picture sizes
SAMPLES = 64  # per side; enough for percentiles
MOST_AHEAD = 12  # frames held at once, however fast they come


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
    """Nearness of the farthest, of what lies on the screen, and of the nearest."""

    far: float
    screen: float
    near: float


def disparities(items: Iterable[DepthFrame], *, settings: StereoSettings) -> Iterator[DisparityFrame]:
    """Turn depth into disparity; state starts afresh at every shot.

    Holds the frames of `settings.lookahead` seconds, `MOST_AHEAD` at most.
    """
    ahead: deque[tuple[DepthFrame, _Range]] = deque()
    state: tuple[DepthFrame, _Range] | None = None
    for item in items:
        while ahead and not (len(ahead) < MOST_AHEAD and _is_in_sight(ahead[0][0], item, settings.lookahead)):
            state = _ease(ahead, state, settings)
            yield _disparity(*state, settings)
        ahead.append((item, _measure(item.depth)))
    while ahead:
        state = _ease(ahead, state, settings)
        yield _disparity(*state, settings)


def _is_in_sight(now: DepthFrame, later: DepthFrame, lookahead: float) -> bool:
    return later.frame.shot == now.frame.shot and later.frame.time - now.frame.time <= lookahead


def _ease(
    ahead: deque[tuple[DepthFrame, _Range]], past: tuple[DepthFrame, _Range] | None, settings: StereoSettings
) -> tuple[DepthFrame, _Range]:
    """Take the next frame off `ahead`, with its shot's range eased from the past's towards what is coming."""
    ranges = [r for _, r in ahead]
    goal = _Range(*(statistics.median(getattr(r, name) for r in ranges) for name in ("far", "screen", "near")))
    item, _ = ahead.popleft()
    if past is None or past[0].frame.shot != item.frame.shot:
        return item, goal
    keep = 0.5 ** (float(item.frame.time - past[0].frame.time) / settings.half_life)
    was = past[1]
    return item, _Range(*(keep * getattr(was, n) + (1 - keep) * getattr(goal, n) for n in ("far", "screen", "near")))


def _disparity(item: DepthFrame, extent: _Range, settings: StereoSettings) -> DisparityFrame:
    depth = item.depth
    if depth.kind == "disparity":
        return DisparityFrame(item.frame, _filled(depth.values, depth.valid), depth.sampling, is_exact=True)
    share = _soft((_whole_nearness(depth) - extent.far) / (extent.near - extent.far))
    if settings.convergence == "auto":
        screen = float(_soft(np.float32((extent.screen - extent.far) / (extent.near - extent.far))))
    else:
        screen = settings.convergence
    values = ((share - screen) * settings.budget(item.frame.width)).astype(np.float32)
    return DisparityFrame(item.frame, values, depth.sampling)


def _whole_nearness(depth: DepthMap) -> NDArray[np.float32]:
    return _filled(nearness(depth), depth.valid)


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
    far, near = (float(v) for v in np.percentile(small, (FAR_PERCENTILE, NEAR_PERCENTILE)))
    far = min(far, near - max(FLATTEST * abs(near), 1e-6))
    return _Range(far, _weighted_percentile(small, _centre_weight(), SUBJECT_PERCENTILE), near)


def _centre_weight() -> NDArray[np.float64]:
    offset = ((np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5) / CENTRE
    line = np.exp(-0.5 * offset * offset)
    return np.outer(line, line)


def _weighted_percentile(values: NDArray[np.float32], weights: NDArray[np.float64], percent: float) -> float:
    order = np.argsort(values, axis=None)
    total = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order[np.searchsorted(total, percent / 100 * total[-1])]])


def _soft(share: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    """Compress 0..1 and beyond into 0..1: straight in between, bending over the last `KNEE` at either end."""
    over = np.maximum(share - (1 - KNEE), 0)
    under = np.maximum(KNEE - share, 0)
    bent = np.clip(share, KNEE, 1 - KNEE) + KNEE * np.tanh(over / KNEE) - KNEE * np.tanh(under / KNEE)
    return np.asarray(bent, dtype=np.float32)
