"""Memory over time: what a near thing hides in one frame is often seen in another of the same shot.

`remember` holds a window of frames ahead and a few key frames of the past, the older the sparser, so that what it
holds does not grow with the film. Each frame comes out with its `Background`, which fills what it knows of a view's
holes and leaves the rest to `fill`.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.stereo.disparity import MOST_AHEAD, DisparityFrame
from vergence.stereo.recall import MOST_KEYS, Key, Surface, recall
from vergence.stereo.register import TERMS, Look, look, motions
from vergence.stereo.warp import Warped

BETWEEN = 3  # frames from one key frame to the next
RAMP = 5  # samples a network's edge is wide
RECENT = 3  # key frames kept; of every second one twice that age is kept, of every fourth four times, and so on
OCTAVES = 4  # of that doubling: 48 key frames, 6 seconds at 24 frames per second
GUARD = 2  # px, and one sample of disparity, about what is looked up that must be of one surface too
SURFACE = 0.05  # of the frame's range of disparity, within which it is one surface
LEAST = 0.5  # px, the same in a scene without depth
GRAIN_ROWS, GRAIN_BLOCK = 16, 32  # one row of so many is looked at, in blocks of so many pixels
PLAIN = 20  # % of a picture's blocks that are taken to be plain


@dataclass(frozen=True)
class Background:
    """What other frames of the shot know of the background of one; see `remember`."""

    _frame: "_Seen"
    _keys: list[Key]
    _back: NDArray[np.float64]
    _ahead: NDArray[np.float64]

    def into(self, view: Warped) -> NDArray[np.bool_]:
        """Fill the holes of `view` that are known; its `rgb` and `disparity` are written there.

        Args:
            view: of this background's frame, as `warp` made it.

        Returns:
            (H, W) bool: what was filled in.
        """
        return recall(
            view,
            rgb=self._frame.rgb,
            grey=self._frame.look.grey,
            surface=self._frame.surface,
            keys=self._keys,
            back=self._back,
            ahead=self._ahead,
            tolerance=self._frame.tolerance,
            grain=self._frame.grain,
        )


@dataclass(frozen=True)
class _Seen:
    """A frame of the window: `number` counts from the shot's start; motions to and from the frame before."""

    item: DisparityFrame
    rgb: NDArray[Any]
    look: Look
    surface: Surface
    tolerance: float
    grain: float
    number: int
    to_past: NDArray[np.float64]
    from_past: NDArray[np.float64]


def remember(items: Iterable[DisparityFrame], *, lookahead: float = 0.4) -> Iterator[tuple[DisparityFrame, Background]]:
    """Give each frame what others know of its background; starts afresh at every shot.

    Holds the frames of `lookahead` seconds, as many as `disparities` at most, and some eight of the past; with 0, for
    live use, it knows the past only.
    """
    window: deque[_Seen] = deque()
    past: list[_Seen] = []
    steps: deque[NDArray[np.float64]] = deque(maxlen=RECENT * 2**OCTAVES * BETWEEN)  # to the past, the newest first
    last: _Seen | None = None
    for item in items:
        follows = last is not None and _follows(last.item, item)
        while window and not (follows and len(window) <= MOST_AHEAD and _is_in_sight(window[0].item, item, lookahead)):
            yield _next(window, past, steps)
        if not follows:
            last = None
            past.clear()
            steps.clear()
        last = _seen(item, last)
        window.append(last)
        if lookahead <= 0:
            yield _next(window, past, steps)
    while window:
        yield _next(window, past, steps)


def _next(
    window: deque[_Seen], past: list[_Seen], steps: deque[NDArray[np.float64]]
) -> tuple[DisparityFrame, Background]:
    """Take the next frame off the window."""
    now = window.popleft()
    if now.number:
        steps.appendleft(now.to_past)
    keys = [_key(seen, now) for seen in (*past, *window) if seen.number % BETWEEN == 0]
    keys.sort(key=lambda key: key.steps)
    background = Background(
        now,
        keys[:MOST_KEYS],
        np.array(steps, np.float64).reshape(-1, TERMS),
        np.array([seen.from_past for seen in window], np.float64).reshape(-1, TERMS),
    )
    if now.number % BETWEEN == 0:
        past[:] = [seen for seen in past if _is_kept(seen.number // BETWEEN, now.number // BETWEEN)] + [now]
    return now.item, background


def _is_kept(number: int, newest: int) -> bool:
    """Whether key frame `number` is still kept when `newest` is the last: the more twos divide it, the longer."""
    octaves = 0
    while octaves < OCTAVES and (number >> octaves) % 2 == 0:
        octaves += 1
    return newest - number < RECENT << octaves


def _key(seen: _Seen, now: _Seen) -> Key:
    return Key(seen.rgb, seen.look.grey, seen.surface, abs(seen.number - now.number), is_ahead=seen.number > now.number)


def _seen(item: DisparityFrame, last: _Seen | None) -> _Seen:
    now = look(item.frame.rgb, item.disparity)
    to_past, from_past = (np.zeros(TERMS), np.zeros(TERMS)) if last is None else motions(last.look, now)
    far, near = np.percentile(now.near[::4, ::4], (2, 98))
    return _Seen(
        item,
        _plain(item.frame.rgb),
        now,
        _surface(item),
        max(LEAST, SURFACE * float(near - far)),
        _grain(item.frame.rgb),
        0 if last is None else last.number + 1,
        to_past,
        from_past,
    )


def _grain(rgb: NDArray[Any]) -> float:
    """Standard deviation of the noise, 8-bit levels: what neighbouring pixels differ by where the picture is plain."""
    rows = rgb[GRAIN_ROWS // 2 :: GRAIN_ROWS, :, 1].astype(np.float32) * np.float32(255 / np.iinfo(rgb.dtype).max)
    bend = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])
    blocks = bend[:, : bend.shape[1] // GRAIN_BLOCK * GRAIN_BLOCK].reshape(-1, GRAIN_BLOCK).mean(axis=1)
    # Of normal noise the mean is sqrt(2 / pi) of the deviation, which the second difference makes sqrt(6) times larger.
    return float(np.percentile(blocks, PLAIN)) * np.sqrt(np.pi / 2) / np.sqrt(6) if blocks.size else 0.0


def _surface(item: DisparityFrame) -> Surface:
    low, high = _extremes(item.disparity, RAMP)
    # A network's edge is a ramp; each of its samples is taken to be of the nearer of the two sides.
    sharp = np.where(item.disparity - low < high - item.disparity, low, high)
    guard = max(1, round(GUARD * item.disparity.shape[1] / item.frame.width))
    extremes = np.dstack(_extremes(sharp, 2 * guard + 1))
    places = []
    for samples, size in zip(item.disparity.shape[::-1], (item.frame.width, item.frame.height), strict=True):
        if item.sampling == "centres":
            places += [samples / size, 0.5 * samples / size - 0.5]
        else:
            places += [(samples - 1) / max(size - 1, 1), 0.0]
    return Surface(np.ascontiguousarray(extremes, np.float32), np.array(places, np.float32))


def _extremes(values: NDArray[np.float32], size: int) -> tuple[Any, Any]:
    window = np.ones((size, size), np.uint8)
    return cv2.erode(values, window), cv2.dilate(values, window)


def _plain(rgb: NDArray[Any]) -> NDArray[Any]:
    """The picture as the kernel's one type of array: contiguous and writeable, though nobody writes."""
    return rgb if rgb.flags.c_contiguous and rgb.flags.writeable else rgb.copy()


def _is_in_sight(now: DisparityFrame, later: DisparityFrame, lookahead: float) -> bool:
    return bool(later.frame.time - now.frame.time <= lookahead)


def _follows(past: DisparityFrame, item: DisparityFrame) -> bool:
    """Whether the two are of one shot, and their arrays of one kind."""
    return (
        past.frame.shot == item.frame.shot
        and past.frame.rgb.dtype == item.frame.rgb.dtype
        and past.frame.rgb.shape[:2] == item.frame.rgb.shape[:2]
        and past.disparity.shape[:2] == item.disparity.shape[:2]
    )
