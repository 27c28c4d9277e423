"""Depth of a film through windows of 32 frames, each frame encoded once, in memory that does not grow.

A window shares ten frames with the one before: two from farther back, on which its scale and shift are fitted, and
eight over which its depth takes over. The authors hold the whole film for this and encode three frames of ten again.
What is needed are the features of those ten (frames do not meet in the encoder), two maps to fit on, and eight to fade
from.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.depth.families.video_depth_anything.network import VideoNetwork
from vergence.geometry.resample import resize_depth
from vergence.types import Frame

WINDOW = 32  # frames, as the network was trained
FITTED = (0, 12)  # slots of a window that the next one is fitted on, as its first; 0 stays the shot's first frame
FADE = 8  # frames over which one window's depth takes over from the last one's
FADING = slice(WINDOW - FADE, WINDOW)
SHARED = len(FITTED) + FADE
NEW = WINDOW - SHARED

Map = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """The (32, H, W) maps of a window, as the network gives them, and whose they are.

    A slot without a frame is beyond the end of the film; its last frame stands in.
    """

    frames: tuple[Frame | None, ...]
    maps: Map


@dataclass(frozen=True)
class _Slot:
    frame: Frame | None
    features: Any


def run_windows(
    frames: Iterable[Frame],
    network: VideoNetwork,
    prepare: Callable[[Frame], NDArray[np.float32]],
    *,
    exact_tail: bool = False,
) -> Iterator[Window]:
    """Run the network over the windows of one shot.

    Args:
        frames: of one size.
        prepare: makes the (1, 3, H, W) input of a frame.
        exact_tail: after the last frame, run the window that would have begun in this one, as the authors do. It has
            nothing new; it only blends the film's last eight frames once more.
    """
    source = iter(frames)
    slots: list[_Slot] = []
    while True:
        has_tail = exact_tail and bool(slots) and slots[NEW].frame is not None
        slots = [slots[n] for n in FITTED] + slots[FADING] if slots else []
        new = list(islice(source, WINDOW - len(slots)))
        if not new and not has_tail:
            return
        features = network.encode([prepare(frame) for frame in new])
        slots += [_Slot(frame, made) for frame, made in zip(new, features, strict=True)]
        del features
        slots += [_Slot(None, slots[-1].features)] * (WINDOW - len(slots))
        maps = network.decode([slot.features for slot in slots])
        yield Window(tuple(slot.frame for slot in slots), maps)


def stitch(windows: Iterable[Window], *, is_metric: bool, at_picture_size: bool = False) -> Iterator[tuple[Frame, Map]]:
    """Bring the windows of one shot to one scale and shift, and yield every frame with its depth.

    Args:
        windows: from `run_windows`.
        is_metric: depth is in metres as it is; windows fade into each other without a fit.
        at_picture_size: resize maps to the picture first, as the authors do. Otherwise they keep the network's size:
            the same values once resized, but where the fit makes them negative, which are cut off before the resize.
    """
    fading: list[tuple[Frame | None, Map]] = []
    references: list[Map] = []  # at the picture's size, as what is fitted on them
    for window in windows:
        picture = next(frame for frame in window.frames if frame is not None)
        fit = _fit(window, picture, references, is_metric)
        size = picture if at_picture_size else None
        for n, (frame, old) in enumerate(fading):
            share = n / (FADE - 1)
            if frame is not None:
                yield frame, old * (1 - share) + _fitted(window, len(FITTED) + n, fit, size) * share
        for n in range(SHARED if references else 0, FADING.start):
            if (frame := window.frames[n]) is not None:
                yield frame, _fitted(window, n, fit, size)
        fading = [(window.frames[n], _fitted(window, n, fit, size)) for n in range(FADING.start, FADING.stop)]
        latest = [_fitted(window, n, fit, picture) for n in FITTED]
        references = [references[0], latest[1]] if references else latest
    for frame, old in fading:
        if frame is not None:
            yield frame, old


def _fit(window: Window, picture: Frame, references: list[Map], is_metric: bool) -> tuple[float, float] | None:
    """The scale and shift that bring a window to the first one's; None for that."""
    if not references:
        return None
    return (
        (1.0, 0.0) if is_metric else scale_and_shift([_enlarged(window.maps[n], picture) for n in (0, 1)], references)
    )


def _fitted(window: Window, n: int, fit: tuple[float, float] | None, picture: Frame | None) -> Map:
    """The map of slot `n` in the scale and shift of the first window, resized to `picture` where one is given."""
    values = window.maps[n] if picture is None else _enlarged(window.maps[n], picture)
    return values if fit is None else np.maximum(fit[0] * values + fit[1], np.float32(0))


def scale_and_shift(maps: list[Map], references: list[Map]) -> tuple[float, float]:
    """The `scale` and `shift` for which scale * maps + shift is nearest the references, in least squares of all pixels.

    Sums in float64: the authors' float32 is off by 5e-3 for two maps of 1080p with mean 30 and deviation 0.5.
    """
    x, y = (np.concatenate([one.ravel() for one in some]).astype(np.float64) for some in (maps, references))
    dx, dy = x - x.mean(), y - y.mean()
    variance = float(dx @ dx)
    if variance == 0:
        return 1.0, 0.0
    scale = float(dx @ dy) / variance
    return scale, float(y.mean() - scale * x.mean())


def _enlarged(values: Map, picture: Frame) -> Map:
    return resize_depth(values, picture.width, picture.height, sampling="corners")
