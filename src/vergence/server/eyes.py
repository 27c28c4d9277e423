"""Two eyes of what is shown, for those who listen: players, and programs that take it for a camera.

One thread, which works only while somebody listens and makes a pair of the newest frame alone. Every listener has room
for one picture, the newest, so that a slow one holds up nobody.
"""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError, VergenceError
from vergence.geometry.resample import shrink
from vergence.server.adaptation import Quality
from vergence.server.hub import Published
from vergence.server.shown import Seen
from vergence.server.slot import IDLE, Slot
from vergence.stereo.layout import find_layout
from vergence.stereo.settings import StereoSettings
from vergence.stereo.synthesise import synthesise
from vergence.types import DepthFrame, Frame, StereoPair

logger = logging.getLogger(__name__)

LAYOUTS = ("half-sbs", "sbs", "half-tb", "tb", "cross", "anaglyph")  # the first where none is named
SETTINGS = StereoSettings(method="fast", lookahead=0)
MOST_LISTENERS = 4
MOST_SIDE = 1280  # px of an eye's longer side
LEAST_SIDE = 16
THREAD_NAME = "vergence-eyes"


@dataclass(frozen=True)
class Picture:
    """A packed pair: (H, W, 3) uint8 of even sizes, and when it was taken, µs of the server's clock."""

    rgb: NDArray[np.uint8]
    time_us: int


class Listener:
    """One who listens; a context manager. `pictures` holds the newest.

    Attributes:
        layout: how the eyes are packed.
        size: (width, height) of one eye; None until the first picture, which says it for all that follow.
    """

    def __init__(self, eyes: "Eyes", layout: str, size: tuple[int, int] | None) -> None:
        self._eyes, self.layout, self.size = eyes, layout, size
        self.pictures: Slot[Picture] = Slot()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening; once is enough."""
        self._eyes.leave(self)


class Eyes:
    """Makes pairs of what is shown.

    Args:
        settings: how; without looking ahead.
        most_listeners: at once.
    """

    def __init__(self, *, settings: StereoSettings = SETTINGS, most_listeners: int = MOST_LISTENERS) -> None:
        self._settings, self._most = settings, most_listeners
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        self._inbox: Slot[Seen] = Slot()
        self._thread: threading.Thread | None = None

    def listen(self, layout: str = LAYOUTS[0], *, size: tuple[int, int] | None = None) -> Listener:
        """Begin to listen.

        Args:
            layout: one of `LAYOUTS`.
            size: (width, height) of an eye; None takes that of the first picture.

        Raises:
            SettingsError: there is no such layout, or as many listen already as may.
        """
        if layout not in LAYOUTS:
            raise SettingsError(f"pairs are packed as {', '.join(LAYOUTS)}, not {layout!r}")
        with self._lock:
            if len(self._listeners) >= self._most:
                raise SettingsError(f"{self._most} players listen already; close one of them")
            listener = Listener(self, layout, size)
            self._listeners = (*self._listeners, listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                self._thread.start()
            return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

    def hear(self, seen: Seen) -> None:
        """Take what is shown; a listener of the engine."""
        if self._listeners:
            self._inbox.put(seen)

    # As a tap of the hub: it makes the engine work, and asks for no packets.

    @property
    def is_watching(self) -> bool:
        return bool(self._listeners)

    def wanted(self) -> frozenset[Quality]:
        return frozenset()

    def take(self, frame: Published) -> None:
        """Packets are not what it is made of."""

    def _run(self) -> None:
        pipe, source, time = _Pipe(self._settings), -1, None
        while True:
            with self._lock:
                if not self._listeners:
                    self._thread = None
                    self._inbox.clear()
                    return
            seen = self._inbox.take(IDLE)
            if seen is None:
                continue
            try:
                item = _smaller(seen.item())
                if seen.source != source or time is None or item.frame.time < time:
                    pipe = _Pipe(self._settings)  # nothing of another source's past
                source, time = seen.source, item.frame.time
                self._hand_out(pipe(item), seen.time_us)
            except VergenceError as error:
                logger.warning("no pair could be made: %s", error)
                time = None
            except Exception:
                logger.exception("a pair failed")
                time = None

    def _hand_out(self, pair: StereoPair, time_us: int) -> None:
        made: dict[tuple[str, tuple[int, int]], Picture] = {}
        for listener in self._listeners:
            height, width = pair.left.shape[:2]
            listener.size = listener.size or (max(width // 2, 1) * 2, max(height // 2, 1) * 2)
            key = (listener.layout, listener.size)
            if key not in made:
                made[key] = Picture(packed(pair, *key), time_us)
            listener.pictures.put(made[key])


class _Pipe:
    """The stage from depth to two eyes, fed frame by frame."""

    def __init__(self, settings: StereoSettings) -> None:
        self._next: DepthFrame | None = None
        self._pairs = synthesise(self._fed(), settings=settings)

    def __call__(self, item: DepthFrame) -> StereoPair:
        self._next = item
        return next(self._pairs)

    def _fed(self) -> Iterator[DepthFrame]:
        while True:
            assert self._next is not None, "a stage looks ahead"
            item, self._next = self._next, None
            yield item


def packed(pair: StereoPair, layout: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A pair in one picture of even sizes, each eye brought to `size` (width, height) with black around it."""
    left, right = (fitted(np.asarray(eye, np.uint8), *size) for eye in (pair.left, pair.right))
    pack = find_layout(layout).pack
    assert pack is not None
    found: NDArray[Any] = pack(StereoPair(left, right, pair.frame))
    height, width = found.shape[:2]
    return np.ascontiguousarray(found[: height // 2 * 2, : width // 2 * 2])


def packed_size(layout: str, size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of what `packed` makes of eyes of that size."""
    blank = np.zeros((size[1], size[0], 3), np.uint8)
    found = packed(StereoPair(blank, blank, Frame(blank, 0, Fraction(0))), layout, size)
    return int(found.shape[1]), int(found.shape[0])


def fitted(rgb: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture as large as it fits into `width` x `height`, black around it."""
    rows, columns = rgb.shape[:2]
    if (columns, rows) == (width, height):
        return rgb
    scale = min(width / columns, height / rows)
    inner = (max(min(round(columns * scale), width), 1), max(min(round(rows * scale), height), 1))
    shrunk = cv2.resize(rgb, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    found = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
    found[top : top + inner[1], left : left + inner[0]] = shrunk
    return found


def _smaller(item: DepthFrame) -> DepthFrame:
    """The picture in 8 bits, within `MOST_SIDE`; depth stays as it is."""
    frame = item.frame
    scale = min(1.0, MOST_SIDE / max(frame.width, frame.height))
    width, height = (max(round(side * scale), LEAST_SIDE) for side in (frame.width, frame.height))
    rgb = frame.rgb8 if scale == 1 and min(width, height) > LEAST_SIDE else shrink(frame.rgb8, width, height)
    camera = frame.intrinsics and frame.intrinsics.resized(rgb.shape[1], rgb.shape[0])
    return DepthFrame(Frame(rgb, frame.index, frame.time, frame.duration, frame.shot, camera), item.depth)
