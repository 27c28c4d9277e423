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
        scale, shift = 1.0, 0.0
        if references and not is_metric:
            scale, shift = scale_and_shift([_enlarged(one, picture) for one in window.maps[: len(FITTED)]], references)
        is_first = not references

        def fitted(n: int, *, enlarge: bool = at_picture_size) -> Map:
            values = _enlarged(window.maps[n], picture) if enlarge else window.maps[n]  # noqa: B023
            return values if is_first else np.maximum(scale * values + shift, np.float32(0))  # noqa: B023

        for n, (frame, old) in enumerate(fading):
            share = n / (FADE - 1)
            if frame is not None:
                yield frame, old * (1 - share) + fitted(len(FITTED) + n) * share
        for n in range(0 if is_first else SHARED, FADING.start):
            if (frame := window.frames[n]) is not None:
                yield frame, fitted(n)
        fading = [(window.frames[n], fitted(n)) for n in range(FADING.start, FADING.stop)]
        references = [references[0] if references else fitted(FITTED[0], enlarge=True), fitted(FITTED[1], enlarge=True)]
    for frame, old in fading:
        if frame is not None:
            yield frame, old


def scale_and_shift(maps: list[Map], references: list[Map]) -> tuple[float, float]:
    """The `scale` and `shift` for which scale * maps + shift is nearest the references, in least squares of all pixels.

    Sums in float64: the authors' float32 is off by 5e-3 for two maps of 1080p with mean 30 and deviation 0.5.
    """
    x, y = (np.concatenate([one.ravel() for one in some]).astype(np.float64) for some in (maps, references))
    dx, dy = x - x.mean(), y - y.mean()
    variance = float(dx @ dx)
    scale = float(dx @ dy) / variance if variance > 0 else 1.0
    return (scale, float(y.mean() - scale * x.mean())) if variance > 0 else (1.0, 0.0)


def _enlarged(values: Map, picture: Frame) -> Map:
    return resize_depth(values, picture.width, picture.height, sampling="corners")
