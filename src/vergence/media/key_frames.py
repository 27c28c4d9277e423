"""Fewer frames of a film, for models that look at many pictures of one place: key frames.

Stages that let some frames through, with the numbers and the times they had. The first frame of every shot is one.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.geometry.resample import shrink
from vergence.types import Frame

WIDTH = 192  # px of the picture that movement is measured on
NEAR = 0.75  # share of the wanted movement from which on a frame may be chosen for being sharp
CORNERS = 200  # that are followed
FEWEST = 20  # corners, of a picture that shows something
FLAT = 4.0  # grey levels, standard deviation of a picture that shows nothing
KEPT = 0.4  # share of a key frame's corners without which it shows another place
ASTRAY = 1.0  # px that a corner comes back beside its place if it was lost on the way


def every(frames: Iterable[Frame], step: int) -> Iterator[Frame]:
    """Every `step`-th frame, counted from the first of each shot.

    Raises:
        SettingsError: `step` is under 1.
    """
    if step < 1:
        raise SettingsError(f"key frames are 1 or more frames apart, not {step}")
    return _every(frames, step)


def _every(frames: Iterable[Frame], step: int) -> Iterator[Frame]:
    shot, count = None, 0
    for frame in frames:
        if frame.shot != shot:
            shot, count = frame.shot, 0
        if count % step == 0:
            yield frame
        count += 1


def every_seconds(frames: Iterable[Frame], seconds: Fraction | float) -> Iterator[Frame]:
    """The first frame at or after each multiple of `seconds` since the beginning of each shot, none of them twice.

    Raises:
        SettingsError: `seconds` is not positive.
    """
    if not seconds > 0:
        raise SettingsError(f"key frames are more than 0 seconds apart, not {float(seconds):g}")
    return _every_seconds(frames, Fraction(seconds))


def _every_seconds(frames: Iterable[Frame], seconds: Fraction) -> Iterator[Frame]:
    shot, start, due = None, Fraction(0), Fraction(0)
    for frame in frames:
        if frame.shot != shot:
            shot, start, due = frame.shot, frame.time, frame.time
        if frame.time >= due:
            yield frame
            due = start + ((frame.time - start) // seconds + 1) * seconds


def by_parallax(frames: Iterable[Frame], min_share: float = 0.05) -> Iterator[Frame]:
    """A frame each time the picture has moved by `min_share` of its width since the last one, on average.

    Corners of the last key frame are followed; they move where the camera moves or turns, or things do. Of the frames
    that have come nearly so far the sharpest is taken, so that few key frames are blurred. A frame is taken as well
    when most corners are gone. Of a camera that rests one frame remains.

    Raises:
        SettingsError: `min_share` is not between 0 and a half, beyond which too few of them are left.
    """
    if not 0 < min_share <= 0.5:
        raise SettingsError(f"pictures of key frames are 0 to 0.5 of their width apart, not {min_share:g}")
    return _by_parallax(frames, min_share)


class _Movement:
    """Follows corners of a key frame from picture to picture (B. Lucas and T. Kanade, 1981, by J.-Y. Bouguet, 2000)."""

    def __init__(self, key: NDArray[np.uint8]) -> None:
        self.shape = key.shape
        self._last = key
        self._start = _corners(key)
        self._now = self._start
        self._corners = len(self._start)

    def share(self, grey: NDArray[np.uint8]) -> float:
        """Mean way of the corners since the key frame, as a share of the width; 1 once most of them are gone."""
        if len(self._start) < FEWEST:  # black, or fog: whatever shows something is another place
            return float(len(_corners(grey)) >= FEWEST)
        found, ok = _follow(self._last, grey, self._now)
        back, ok_back = _follow(grey, self._last, found)
        there = ok & ok_back & (np.linalg.norm(back - self._now, axis=1) < ASTRAY)
        self._last, self._now, self._start = grey, found[there], self._start[there]
        if len(self._now) < KEPT * self._corners:
            return 1.0
        way = float(np.linalg.norm(self._now - self._start, axis=1).mean())
        return way / int(self.shape[1])


def _corners(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 2) px; none in a picture that is as good as one grey, whose corners are noise."""
    if grey.std() < FLAT:
        return np.zeros((0, 2), np.float32)
    found = cv2.goodFeaturesToTrack(grey, CORNERS, 0.01, 4)
    return np.zeros((0, 2), np.float32) if found is None else np.asarray(found, np.float32).reshape(-1, 2)


def _follow(
    one: NDArray[np.uint8], two: NDArray[np.uint8], points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    if not len(points):
        return points, np.zeros(0, np.bool_)
    found: Any
    found, status, _ = cv2.calcOpticalFlowPyrLK(one, two, points, points.copy(), winSize=(15, 15), maxLevel=3)
    return np.asarray(found, np.float32), np.asarray(status).ravel() > 0


def _by_parallax(frames: Iterable[Frame], min_share: float) -> Iterator[Frame]:
    moved: _Movement | None = None
    best: tuple[float, Frame, NDArray[np.uint8]] | None = None  # by sharpness
    shot = 0
    for frame in frames:
        grey = _grey(frame)
        if moved is None or frame.shot != shot or grey.shape != moved.shape:
            moved, best, shot = _Movement(grey), None, frame.shot
            yield frame
            continue
        share = moved.share(grey)
        if share < NEAR * min_share:
            continue
        sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
        if best is None or sharpness > best[0]:
            best = sharpness, frame, grey
        if share >= min_share:
            yield best[1]
            moved, best = _Movement(best[2]), None


def _grey(frame: Frame) -> NDArray[np.uint8]:
    # A strided view first: averaging all of a 1080p frame costs ten times the rest of this module.
    step = max(1, frame.width // (2 * WIDTH))
    height = max(16, round(WIDTH * frame.height / frame.width))
    rgb = frame.rgb[step // 2 :: step, step // 2 :: step]
    rgb8 = rgb if rgb.dtype == np.uint8 else (rgb >> 8).astype(np.uint8)
    return np.asarray(cv2.cvtColor(shrink(np.ascontiguousarray(rgb8), WIDTH, height), cv2.COLOR_RGB2GRAY), np.uint8)
