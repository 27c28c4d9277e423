"""The last seconds of the stream, for looking back: bounded in time and in bytes."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vergence.server.adaptation import Payload, Quality
from vergence.server.hub import Published
from vergence.server.restamp import time_of

SECONDS = 10.0
MOST_BYTES = 64 << 20
MOST_HELD = 4  # clients for whom a whole past is kept


@dataclass(frozen=True)
class Past:
    """One frame that was shown: its finest packet of each kind, and when that was, s of any steady clock."""

    at: float
    taken_us: int
    packets: Mapping[Payload, bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.packets.values()))


def finest(packets: Mapping[Quality, bytes]) -> dict[Payload, bytes]:
    """Of packets of one frame the finest of each kind."""
    found: dict[Payload, bytes] = {}
    for quality in sorted(packets, key=lambda quality: (quality.bits, quality.side, quality.jpeg, quality.points)):
        found[quality.payload] = packets[quality]
    return found


class Ring:
    """Keeps what was published.

    Args:
        seconds, most_bytes: how much; the oldest goes first.
        clock: s.
    """

    def __init__(
        self, *, seconds: float = SECONDS, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._most_bytes, self._clock = seconds, most_bytes, clock
        self._kept: deque[Past] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._held = 0

    # As a tap of the hub: it takes what there is, and asks for nothing.

    is_watching = False

    def wanted(self) -> frozenset[Quality]:
        return frozenset()

    def take(self, frame: Published) -> None:
        """Keep a frame; the same picture once more, as after a change of settings, takes the place of the last."""
        packets = finest(frame.packets)
        if not packets:
            return
        past = Past(self._clock(), time_of(next(iter(packets.values()))), packets)
        with self._lock:
            if self._kept and self._kept[-1].taken_us == past.taken_us:
                self._bytes -= self._kept.pop().size
            self._kept.append(past)
            self._bytes += past.size
            while len(self._kept) > 1 and (
                past.at - self._kept[0].at > self._seconds or self._bytes > self._most_bytes
            ):
                self._bytes -= self._kept.popleft().size

    @property
    def seconds(self) -> float:
        """How far back one can look now."""
        with self._lock:
            return self._kept[-1].at - self._kept[0].at if self._kept else 0.0

    def hold(self) -> "Held | None":
        """What is kept now, for one who looks back: only the newest where many do already; None where nothing is."""
        with self._lock:
            if not self._kept:
                return None
            self._held += 1
            return Held(self, tuple(self._kept) if self._held <= MOST_HELD else (self._kept[-1],))

    def release(self) -> None:
        """One who looked back is done."""
        with self._lock:
            self._held -= 1


class Held:
    """The past as it was when somebody began to look back: it does not move on meanwhile."""

    def __init__(self, ring: Ring, kept: tuple[Past, ...]) -> None:
        self._ring, self._kept = ring, kept
        self._is_released = False

    @property
    def seconds(self) -> float:
        """From the oldest frame to the newest."""
        return self._kept[-1].at - self._kept[0].at

    def back(self, seconds: float) -> tuple[Past, float]:
        """The frame nearest to so many seconds before the newest, and how many it lies before it."""
        newest = self._kept[-1].at
        found = min(self._kept, key=lambda past: abs(newest - past.at - seconds))
        return found, newest - found.at

    def release(self) -> None:
        """Let it go; once is enough."""
        if not self._is_released:
            self._is_released = True
            self._ring.release()
