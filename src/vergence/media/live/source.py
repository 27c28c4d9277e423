"""What goes on by itself, whoever looks: of a live source only the newest picture counts.

A thread takes pictures as they come and keeps one; who is slower than the camera misses some and never falls behind.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar, runtime_checkable

from numpy.typing import NDArray

from vergence.errors import MediaError, SettingsError
from vergence.types import Frame, MediaInfo

logger = logging.getLogger(__name__)

T = TypeVar("T")

TICK = Fraction(1, 90_000)  # s, as MPEG counts; fine enough for every frame rate and known to every container
SILENCE = 10.0  # s without a picture after which a camera is taken for dead
JOIN_SECONDS = 1.0  # a thread that waits inside a driver is left to end alone; it closes its device itself
THREAD_NAME = "vergence-live"


@dataclass(frozen=True)
class Taken:
    """A picture as it came: (H, W, 3) uint8, and when, in seconds of `time.monotonic`."""

    rgb: NDArray[Any]
    seconds: float


class Grabber(Protocol):
    """What takes the pictures. `read` and `close` are called by one thread, which may be another than made it."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def rate(self) -> Fraction | None:
        """Frames per second as the device says, None where it does not."""

    def read(self) -> Taken | None:
        """Wait for the next picture; None: there will be no more. Raises `MediaError` where the device fails."""

    def close(self) -> None: ...


@runtime_checkable
class Stoppable(Protocol):
    """A grabber whose `read` may wait for long, for a server to come back; `stop` ends that, from any thread."""

    def stop(self) -> None: ...


class Newest(Generic[T]):
    """Room for one thing, the newest: putting never waits, taking waits for one that was not taken yet."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._is_finished = False
        self._error: BaseException | None = None
        self.missed = 0  # things that were replaced before anybody took them

    def put(self, item: T) -> None:
        with self._changed:
            self.missed += self._item is not None
            self._item = item
            self._changed.notify_all()

    def finish(self, error: BaseException | None = None) -> None:
        """Say that nothing more comes; what lies there can still be taken. The first call counts."""
        with self._changed:
            if not self._is_finished:
                self._is_finished, self._error = True, error
            self._changed.notify_all()

    def take(self, timeout: float | None = None) -> T | None:
        """The newest thing, once; None when all is over.

        Raises:
            TimeoutError: nothing came within `timeout` seconds.
            Exception: what `finish` was given.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._item is not None or self._is_finished, timeout):
                raise TimeoutError
            item, self._item = self._item, None
            if item is None and self._error is not None:
                raise self._error
            return item


class LiveSource:
    """The newest pictures of a grabber, as frames: a `Source` without an end of its own.

    Frames are numbered as they are handed out and carry the moment they were taken, in seconds since the source was
    entered. It is read once, by one consumer, by iterating or by `latest`. Leaving it, or `close` from any thread, ends
    both within a moment.

    Args:
        name: of the source, as its user knows it.
        grabber: is closed with the source.
        start, end: the part wanted, seconds from entering it, `end` exclusive.
        max_frames: end after so many.
        silence: seconds without a picture after which it is given up.

    Attributes:
        info: `path` is None.
        began: where `Frame.time` is 0, seconds of `time.monotonic`; None before it was entered.

    Raises:
        SettingsError: `start`, `end` and `max_frames` make no sense together.
    """

    def __init__(
        self,
        name: str,
        grabber: Grabber,
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        max_frames: int | None = None,
        silence: float = SILENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if (start or 0) < 0 or (end is not None and end <= (start or 0)):
            raise SettingsError(f"the part must have 0 <= start < end, not start {start} and end {end}")
        if max_frames is not None and max_frames < 1:
            raise SettingsError(f"at least 1 frame must be asked for, not {max_frames}")
        self.name = name
        self.began: float | None = None
        self._grabber, self._silence, self._clock, self._max_frames = grabber, silence, clock, max_frames
        self._slot: Newest[Taken] = Newest()
        self._thread: threading.Thread | None = None
        self._is_closed = threading.Event()
        self._given, self._last_tick = 0, -1
        self.info = MediaInfo(
            path=None,
            is_film=True,
            width=grabber.width,
            height=grabber.height,
            frames=max_frames,
            rate=grabber.rate,
            time_base=TICK,
            start=start,
            end=end,
            is_clipped=end is not None or max_frames is not None,
        )

    def __enter__(self) -> Self:
        if self._thread is None:
            self.began = self._clock()
            self._thread = threading.Thread(target=self._take_pictures, name=THREAD_NAME, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, and wait a moment for its thread. The device is closed by the thread that reads it."""
        self._is_closed.set()
        self._slot.finish()
        if isinstance(self._grabber, Stoppable):
            self._grabber.stop()
        if self._thread is None:
            self._grabber.close()
        elif self._thread is not threading.current_thread():
            self._thread.join(JOIN_SECONDS)

    @property
    def missed(self) -> int:
        """How many pictures were taken that nobody was quick enough to see."""
        return self._slot.missed

    def __iter__(self) -> Iterator[Frame]:
        if self._given:
            raise MediaError(f"{self.name} is live and can be read only once; record it first")
        while (frame := self.latest()) is not None:
            yield frame

    def latest(self) -> Frame | None:
        """Wait for a picture not seen yet; None when the source has ended.

        Raises:
            MediaError: the device fails, or gives nothing for `silence` seconds.
        """
        self.__enter__()
        assert self.began is not None
        while not self._is_closed.is_set() and self._given != self._max_frames:
            try:
                taken = self._slot.take(self._silence)
            except TimeoutError as error:
                raise MediaError(
                    f"{self.name} has given no picture for {self._silence:g} s; is it in use by another program?"
                ) from error
            if taken is None:
                return None
            tick = max(self._last_tick + 1, round((taken.seconds - self.began) / TICK))
            time = tick * TICK
            if self.info.end is not None and time >= self.info.end:
                return None
            if self.info.start is not None and time < self.info.start:
                continue
            self._last_tick, self._given = tick, self._given + 1
            return Frame(taken.rgb, self._given - 1, time)
        return None

    def _take_pictures(self) -> None:
        error: BaseException | None = None
        try:
            while not self._is_closed.is_set() and (taken := self._grabber.read()) is not None:
                self._slot.put(taken)
        except BaseException as raised:  # is raised to the consumer
            error = raised
        finally:
            self._slot.finish(error)
            self._grabber.close()


class Pace:
    """Waits for the next of evenly spaced moments; one that is late is not made up for."""

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._step, self._clock, self._sleep = 1 / rate, clock, sleep
        self._next: float | None = None

    def wait(self) -> None:
        now = self._clock()
        if self._next is not None and self._next > now:
            self._sleep(self._next - now)
            now = self._next
        self._next = now + self._step
