"""Memory over time: what a near thing hides in one frame is often seen in another of the same shot.

`remember` holds a window of frames ahead and a few key frames of the past, the older the sparser, so that what it
holds does not grow with the film. Each frame comes out with its `Background`, which fills what it knows of a view's
holes and leaves the rest to `fill`.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows
from vergence.stereo.disparity import MOST_AHEAD, DisparityFrame
from vergence.stereo.recall import MOST_KEYS, Key, Sight, Surface, recall
from vergence.stereo.refine import refine
from vergence.stereo.register import TERMS, Look, look, motions
from vergence.stereo.warp import Warped

BETWEEN = 2  # frames from one key frame to the next
RECENT = 3  # key frames kept; of every second one twice that age is kept, of every fourth four times, and so on
OCTAVES = 4  # of that doubling: 48 key frames, 4 seconds at 24 frames per second
CELLS = 960  # of a surface, across a picture
GUARD = 1  # px about a cell that must be of one surface too
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

    def into(self, view: Warped) -> None:
        """Fill the holes of `view` that are known; its `rgb` and `disparity` are written there.

        Args:
            view: of this background's frame, as `warp` made it.
        """
        if self._keys:  # a photo has none, and is not looked at any further
            recall(
                view,
                self._frame.sight,
                self._keys,
                back=self._back,
                ahead=self._ahead,
                tolerance=self._frame.tolerance,
                grain=self._frame.grain,
            )


@dataclass(frozen=True)
class Remembered:
    """A picture, its disparity (H, W) px as `refine` makes it, and what is known of its background."""

    item: DisparityFrame
    disparity: NDArray[np.float32]
    background: Background


def remember(items: Iterable[DisparityFrame], *, lookahead: float = 0.4) -> Iterator[Remembered]:
    """Give each frame what others know of its background; starts afresh at every shot, and where sizes change.

    Holds the frames of `lookahead` seconds, as many as `disparities` at most, and some nine of the past; with 0, for
    live use, it knows the past only.
    """
    shot = _Shot()
    for item in items:
        follows = shot.goes_on_with(item)
        while shot.frames and not (follows and shot.has_in_sight(item, lookahead)):
            yield shot.next()
        if not follows:
            shot = _Shot()
        shot.see(item)
        if lookahead <= 0:
            yield shot.next()
    while shot.frames:
        yield shot.next()


class _Seen:
    """A frame, `number` from the start of its shot; nothing of it is computed before another frame asks."""

    def __init__(self, item: DisparityFrame, number: int) -> None:
        self.item, self.number = item, number
        self.to_past = self.from_past = np.zeros(TERMS)

    @cached_property
    def disparity(self) -> NDArray[np.float32]:
        return refine(self.item.disparity, self.item.frame.rgb, sampling=self.item.sampling)

    @cached_property
    def look(self) -> Look:
        return look(self.item.frame.rgb, self.item.disparity)

    @cached_property
    def sight(self) -> Sight:
        return Sight(_plain(self.item.frame.rgb), self.look.grey, _surface(self.disparity))

    @cached_property
    def tolerance(self) -> float:
        far, near = np.percentile(self.look.near[::4, ::4], (2, 98))
        return max(LEAST, SURFACE * float(near - far))

    @cached_property
    def grain(self) -> float:
        return _grain(self.item.frame.rgb)


@dataclass(frozen=True)
class _Kept:
    """A key frame of the past."""

    sight: Sight
    number: int


class _Shot:
    """What is known of a shot: `frames` that wait for their turn, key frames before them, and how the camera moved."""

    def __init__(self) -> None:
        self.frames: deque[_Seen] = deque()
        self._kept: list[_Kept] = []
        self._back: deque[NDArray[np.float64]] = deque(maxlen=RECENT * 2**OCTAVES * BETWEEN)  # the newest first
        self._last: _Seen | None = None
        self._made: _Seen | None = None

    def goes_on_with(self, item: DisparityFrame) -> bool:
        """Whether `item` is of this shot, and its arrays are of the same kind."""
        if self._last is None:
            return False
        past = self._last.item
        return (
            past.frame.shot == item.frame.shot
            and past.frame.rgb.dtype == item.frame.rgb.dtype
            and past.frame.rgb.shape == item.frame.rgb.shape
            and past.disparity.shape == item.disparity.shape
        )

    def has_in_sight(self, item: DisparityFrame, lookahead: float) -> bool:
        """Whether the frame whose turn it is waits for `item`."""
        now = self.frames[0].item.frame
        return len(self.frames) <= MOST_AHEAD and item.frame.time - now.time <= lookahead

    def see(self, item: DisparityFrame) -> None:
        """Take in the next frame of the shot."""
        seen = _Seen(item, 0 if self._last is None else self._last.number + 1)
        if self._last is not None:
            seen.to_past, seen.from_past = motions(self._last.look, seen.look)
        self.frames.append(seen)
        self._last = seen

    def next(self) -> Remembered:
        """Take the frame whose turn it is."""
        if self._made is not None:
            self._keep(self._made)
        now = self.frames.popleft()
        if now.number:
            self._back.appendleft(now.to_past)
        keys = [Key(kept.sight, kept.number - now.number) for kept in self._kept]
        keys += [Key(seen.sight, seen.number - now.number) for seen in self.frames if seen.number % BETWEEN == 0]
        keys.sort(key=lambda key: abs(key.steps))
        self._made = now
        background = Background(
            now,
            keys[:MOST_KEYS],
            np.array(self._back, np.float64).reshape(-1, TERMS),
            np.array([seen.from_past for seen in self.frames], np.float64).reshape(-1, TERMS),
        )
        return Remembered(now.item, now.disparity, background)

    def _keep(self, seen: _Seen) -> None:
        """Keep a frame that has been made if it is a key frame, and let go of those that are now too old."""
        if seen.number % BETWEEN:
            return
        newest = seen.number // BETWEEN
        self._kept = [kept for kept in self._kept if _is_kept(kept.number // BETWEEN, newest)]
        self._kept.append(_Kept(seen.sight, seen.number))


def _is_kept(number: int, newest: int) -> bool:
    """Whether key frame `number` is still kept when `newest` is the last: the more twos divide it, the longer."""
    octaves = 0
    while octaves < OCTAVES and (number >> octaves) % 2 == 0:
        octaves += 1
    return newest - number < RECENT << octaves


def _grain(rgb: NDArray[Any]) -> float:
    """Standard deviation of the noise, 8-bit levels: what neighbouring pixels differ by where the picture is plain."""
    rows = rgb[GRAIN_ROWS // 2 :: GRAIN_ROWS, :, 1].astype(np.float32) * np.float32(255 / np.iinfo(rgb.dtype).max)
    bend = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])
    blocks = bend[:, : bend.shape[1] // GRAIN_BLOCK * GRAIN_BLOCK].reshape(-1, GRAIN_BLOCK).mean(axis=1)
    # Of normal noise the mean is sqrt(2 / pi) of the deviation, which the second difference makes sqrt(6) times larger.
    return float(np.percentile(blocks, PLAIN)) * np.sqrt(np.pi / 2) / np.sqrt(6) if blocks.size else 0.0


def _surface(disparity: NDArray[np.float32]) -> Surface:
    height, width = disparity.shape
    cell = max(1, round(width / CELLS))
    found = np.empty((-(-height // cell), -(-width // cell), 2), np.float32)
    by_rows(_surface_rows, found.shape[0], disparity, cell, found)
    return Surface(found, cell)


@njit(nogil=True, cache=True)
def _surface_rows(first, last, disparity, cell, found):  # type: ignore[no-untyped-def]
    height, width = disparity.shape
    low, high = np.empty(width, np.float32), np.empty(width, np.float32)  # of the rows about a cell
    for i in range(first, last):
        top, bottom = max(i * cell - GUARD, 0), min((i + 1) * cell + GUARD, height)
        low[:] = disparity[top]
        high[:] = disparity[top]
        for y in range(top + 1, bottom):
            for x in range(width):
                low[x] = min(low[x], disparity[y, x])
                high[x] = max(high[x], disparity[y, x])
        for j in range(found.shape[1]):
            left, right = max(j * cell - GUARD, 0), min((j + 1) * cell + GUARD, width)
            least, largest = low[left], high[left]
            for x in range(left + 1, right):
                least, largest = min(least, low[x]), max(largest, high[x])
            found[i, j, 0], found[i, j, 1] = least, largest


def _plain(rgb: NDArray[Any]) -> NDArray[Any]:
    """The picture as the kernel's one type of array: contiguous and writeable, though nobody writes."""
    return rgb if rgb.flags.c_contiguous and rgb.flags.writeable else rgb.copy()
