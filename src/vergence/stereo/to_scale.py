"""Metric depth to disparity as two eyes would see it through the screen, with the comfort budget as a limit.

What `stereo.screen` derives is kept as far as the budget lets it. Disparity d that spans more than the budget becomes
d / (1 + a |d|) on either side of the screen, so that what is near the screen stays true and the shot's range fits.
What then still lies farther from the screen than the budget is moved towards it as a whole, which keeps its depth.
"""

import logging
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vergence.errors import DepthKindError, SettingsError
from vergence.stereo.screen import Screen
from vergence.stereo.settings import StereoSettings
from vergence.types import DepthFrame, DepthKind

logger = logging.getLogger(__name__)

Curve = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # from nearness to disparity in pixels

ROOM = 0.04  # share of the budget at either end for what lies outside a shot's robust range
TRUE_ENOUGH = 0.1  # share by which depth may look deeper or flatter before that is said


def require_metric(kind: DepthKind) -> None:
    """Raise `DepthKindError` unless this kind of depth can be shown true to scale."""
    if kind != "metric":
        raise DepthKindError(
            f"true to scale (--ipd-mm) needs metric depth, but this is {kind}; choose a model from "
            "`vergence models list --kind metric`, give metres of your own with --depth, or leave out --ipd-mm"
        )


def true_curve(item: DepthFrame, extent: tuple[float, float], settings: StereoSettings, told: set[str]) -> Curve:
    """How nearness (1/m) becomes disparity in one picture.

    Args:
        item: of metric depth, with a camera.
        extent: nearness of the shot's farthest and nearest.
        settings: with a screen.
        told: what has been said already in this job; what is said now is put in.

    Raises:
        DepthKindError: the depth is not metric.
        SettingsError: the camera is not known.
    """
    frame, screen = item.frame, settings.screen
    assert screen is not None
    require_metric(item.depth.kind)
    camera = item.depth.intrinsics or frame.intrinsics
    if camera is None:
        raise SettingsError("true to scale (--ipd-mm) needs the camera's field of view; give --fov-x-deg")
    fx = camera.resized(frame.width, frame.height).fx
    budget, is_parallel = settings.budget(frame.width), settings.convergence == 0
    infinity = 0.0 if is_parallel else screen.widest(frame.width)
    if budget == 0:
        return lambda values: np.zeros_like(values)

    def true(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(screen.ipd * fx * values - infinity, dtype=np.float32)

    far, near = (float(end) for end in true(np.array(extent, dtype=np.float32)))
    keep = min(1.0, (1 - 2 * ROOM) * budget / max(near - far, 1e-6))
    behind, front = max(-far, 0.0), max(near, 0.0)  # px from the screen to the range's ends
    low, high = (float(end) for end in squeezed(np.array([far, near], dtype=np.float32), behind, front, keep))
    shift = 0.0 if is_parallel else max(-budget - low, 0.0) + min(budget - high, 0.0)
    room = (budget - (high - low)) / 2
    if not is_parallel:
        _tell_scale(told, screen, screen.own_distance(fx, frame.width))
    if keep < 1 or shift:
        _tell_limit(told, far / frame.width, near / frame.width, budget / frame.width)
    return lambda values: _limited(squeezed(true(values), behind, front, keep), low, high, room) + np.float32(shift)


def squeezed(values: NDArray[np.float32], behind: float, front: float, keep: float) -> NDArray[np.float32]:
    """Bring `-behind` to `-keep * behind` and `front` to `keep * front`, with slope 1 at 0."""
    if keep == 1:
        return values
    bend = np.float32(1 / keep - 1)
    reach = np.where(values < 0, np.float32(behind), np.float32(front))
    share = np.abs(values) / np.maximum(reach, np.float32(1e-6))
    return np.asarray(np.where(reach > 0, values / (1 + bend * share), values), dtype=np.float32)


def _limited(values: NDArray[np.float32], low: float, high: float, room: float) -> NDArray[np.float32]:
    """Keep `low` to `high` as it is, and bend what lies beyond into `room` px at either end."""
    over = np.maximum(values - np.float32(high), 0) / np.float32(room)
    under = np.maximum(np.float32(low) - values, 0) / np.float32(room)
    inside = np.clip(values, np.float32(low), np.float32(high))
    return np.asarray(inside + np.float32(room) * (np.tanh(over) - np.tanh(under)), dtype=np.float32)


def _tell_scale(told: set[str], screen: Screen, own: float) -> None:
    """Say once how deep the scene looks from elsewhere than the picture's `own` distance, metres."""
    stretch = screen.distance / own
    if "scale" not in told and abs(stretch - 1) > TRUE_ENOUGH:
        logger.warning(
            "widths are true to scale, but from %.2g m away depth looks %.2g times as deep as it was; "
            "from %.2g m away it would be true too",
            screen.distance,
            stretch,
            own,
        )
    told.add("scale")


def _tell_limit(told: set[str], far: float, near: float, budget: float) -> None:
    if "budget" not in told:
        logger.warning(
            "true to scale, disparity runs from %+.1f %% to %+.1f %% of the width, more than the budget of %.1f %% in "
            "all or from the screen: it is brought nearer to the screen; a larger --strength allows more",
            far * 100,
            near * 100,
            budget * 100,
        )
    told.add("budget")
