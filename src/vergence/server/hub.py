"""The clients of a server, and what waits for each of them.

Nobody waits for a slow client: it has room for one packet, the newest, and gets none while two are unanswered. All of
this runs on the event loop; the engine's threads only call `publish`, `wanted` and `is_watched`.
"""

import asyncio
import itertools
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from vergence.server.adaptation import LADDER, Pace, Payload, Quality, adapted, quality_of
from vergence.server.settings import LiveSettings

logger = logging.getLogger(__name__)

Role = Literal["viewer", "camera", "both"]

WINDOW = 2  # packets sent and not acknowledged
FILM_WINDOW = 8  # the same of film: small, and too far apart where the way is long
FILM_WAITING = 4  # frames of film that wait for a client; then it has to begin again
KEY_AGAIN = 0.5  # s before a frame to begin with is asked for again
SILENT, DEAD = 5.0, 30.0  # s without an acknowledgement: nothing more is sent; the client is closed
HELLO = 10.0  # s in which a client says who it is
MOST_TEXTS = 256  # messages waiting for a client that reads none
MOST_CLIENTS = 16
NORMAL, GOING_AWAY, POLICY, TRY_LATER = 1000, 1001, 1008, 1013  # RFC 6455, 7.4


class Socket(Protocol):
    """What is needed of a WebSocket."""

    async def send_text(self, data: str) -> None: ...
    async def send_bytes(self, data: bytes) -> None: ...


@dataclass(frozen=True)
class FilmFrame:
    """A frame of film: shown with all since the last key frame, and with nothing but these.

    Attributes:
        number: one more than that of the frame before it.
        is_key: it needs none before it.
        packets: VIDEO_RGB and VIDEO_DEPTH.
    """

    number: int
    is_key: bool
    packets: tuple[bytes, bytes]


@dataclass(frozen=True)
class Published:
    """One frame for everybody: its packet in every quality that somebody wants, or its frame of film."""

    sequence: int
    packets: Mapping[Quality, bytes]
    films: Mapping[Quality, FilmFrame] = field(default_factory=dict)


class Tap(Protocol):
    """Who takes frames besides the clients; all of it may be called by any thread and returns at once."""

    @property
    def is_watching(self) -> bool: ...
    def wanted(self) -> frozenset[Quality]: ...
    def take(self, frame: Published) -> None: ...


@dataclass(frozen=True)
class Closing:
    """Why a client is let go, see docs/protocol.md."""

    code: int
    reason: str


class Client:
    """One connection. `pump` sends what waits; everything else only leaves things for it."""

    def __init__(self, number: int, settings: LiveSettings, clock: Callable[[], float]) -> None:
        self.number = number
        self.role: Role | None = None
        self.name = ""
        self.pace = Pace()
        self.payload: Payload = "rgbd"
        self.film: str | None = None  # what its depth is coded by, where it can show film
        self.saves_data = False
        self.quality = quality_of(self.pace, settings)
        self.sent = self.skipped = 0  # packets since the last statistics
        self.last_bytes = 0
        self.is_held = False  # it looks back: what is live now does not come to it
        self.round_trip: float | None = None  # s
        self._clock = clock
        self.joined_at = clock()
        self._texts: deque[str] = deque()
        self._waiting: tuple[int, bytes] | None = None
        self._special: deque[tuple[int, bytes]] = deque()
        self._film: deque[tuple[int, FilmFrame]] = deque()
        self._last_film: int | None = None  # number of the frame the next one must follow
        self._asked_at: float | None = None
        self._unanswered: dict[int, float] = {}  # sequence to when it was sent
        self._sent_at = self.joined_at
        self._changed = asyncio.Event()
        self.closing: Closing | None = None

    @property
    def is_viewer(self) -> bool:
        return self.role in ("viewer", "both")

    @property
    def is_camera(self) -> bool:
        return self.role in ("camera", "both")

    @property
    def gets_film(self) -> bool:
        return self.quality.payload == "video"

    def choose(self, settings: LiveSettings) -> None:
        """Reckon anew what it is sent."""
        may = self.film is not None and self.payload == "rgbd" and settings.stream_tier != "exact"
        must = settings.stream_tier == "video" or self.saves_data
        if may and (must or self.pace.is_video):
            self.quality = quality_of(self.pace, settings, "video", film=self.film or "")
        else:
            self.quality = quality_of(self.pace, settings, self.payload)

    @property
    def silence(self) -> float:
        """Seconds that the oldest unanswered packet has been waiting."""
        return self._clock() - min(self._unanswered.values()) if self._unanswered else 0.0

    def tell(self, **message: Any) -> None:
        """Leave a text message."""
        if len(self._texts) >= MOST_TEXTS:
            self.close(TRY_LATER, "messages are not being read")
            return
        self._texts.append(json.dumps(message, separators=(",", ":")))
        self._changed.set()

    def offer(self, sequence: int, data: bytes) -> None:
        """Leave a packet, in place of one that was not sent yet."""
        self.skipped += (self._waiting is not None) + len(self._film)
        if self._film:
            self._begin_again()
        self._waiting = (sequence, data)
        self._changed.set()

    def offer_film(self, sequence: int, frame: FilmFrame) -> None:
        """Leave a frame of film. Where one is left out, so are all up to the next key frame."""
        if frame.is_key:
            self.skipped += len(self._film)
            self._film.clear()
        elif self._last_film is None or frame.number != self._last_film + 1 or len(self._film) >= FILM_WAITING:
            self.skipped += 1 + len(self._film)
            self._begin_again()
            return
        self.skipped += self._waiting is not None
        self._waiting = None
        self._film.append((sequence, frame))
        self._last_film = frame.number
        self._changed.set()

    def _begin_again(self) -> None:
        self._film.clear()
        self._last_film = None

    def lose_film(self) -> None:
        """It could not show what it was sent, or has only begun: it needs a key frame."""
        self._begin_again()
        self._asked_at = None

    def needs_key(self) -> bool:
        """Whether a key frame is to be made for it now: once its line is free, and not again at once."""
        if not self.gets_film or self.is_held or self._last_film is not None or self._unanswered:
            return False
        if self._asked_at is not None and self._clock() - self._asked_at < KEY_AGAIN:
            return False
        self._asked_at = self._clock()
        return True

    def send(self, sequence: int, data: bytes) -> None:
        """Leave a packet that nothing replaces, such as a capture."""
        self._special.append((sequence, data))
        self._changed.set()

    def acknowledge(self, sequence: int, *, settings: LiveSettings, period: float, unpacking: float = 0.0) -> None:
        """Take an answer, which also answers what was sent before it; `unpacking`: s the client took itself."""
        if sequence not in self._unanswered:
            return
        now = self._clock()
        took = now - self._unanswered[sequence]
        for older in list(self._unanswered):
            del self._unanswered[older]
            if older == sequence:
                break
        is_asked = settings.stream_tier is not None or self.saves_data
        if not (self.gets_film and is_asked):  # there is nothing to choose
            may = self.film is not None and not is_asked
            self.pace = adapted(self.pace, now=now, took=took, period=period, has_video=may, unpacking=unpacking)
        self.choose(settings)
        self._changed.set()

    def close(self, code: int, reason: str) -> None:
        """Let it go once what waits in texts is sent; the first reason counts."""
        self.closing = self.closing or Closing(code, reason)
        self._changed.set()

    async def pump(self, socket: Socket) -> Closing:
        """Send what waits until the client is let go; returns why."""
        while True:
            while self._texts:
                await socket.send_text(self._texts.popleft())
            if self.closing is not None:
                return self.closing
            wait = self._seconds_until_ready()
            if wait == 0:
                sequence, packets = self._next_packets()
                self._unanswered[sequence] = self._sent_at = self._clock()
                self.sent, self.last_bytes = self.sent + 1, sum(map(len, packets))
                for data in packets:
                    await socket.send_bytes(data)
                continue
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    def _next_packets(self) -> tuple[int, tuple[bytes, ...]]:
        if self._special:
            sequence, data = self._special.popleft()
        elif self._film:
            sequence, frame = self._film.popleft()
            return sequence, frame.packets
        else:
            assert self._waiting is not None
            (sequence, data), self._waiting = self._waiting, None
        return sequence, (data,)

    def _seconds_until_ready(self) -> float | None:
        """0: a packet may go now; None: something has to happen first."""
        has_something = self._waiting is not None or self._special or self._film
        window = FILM_WINDOW if self._film and not self._special else WINDOW
        if not has_something or len(self._unanswered) >= window or self.silence > SILENT:
            return None
        interval = 0.0 if self._film else self.pace.interval
        return max(self._sent_at + interval - self._clock(), 0.0) if interval else 0.0


class Hub:
    """All clients. Made anywhere, `bind` on the loop it is to run on."""

    def __init__(self, *, most_clients: int = MOST_CLIENTS, clock: Callable[[], float] = time.monotonic) -> None:
        self.most_clients = most_clients
        self.settings = LiveSettings()
        self.period = 1 / 30  # s between frames, as the engine has measured it
        self._clients: dict[int, Client] = {}
        self._numbers = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock = clock
        self._wanted: frozenset[Quality] = frozenset()
        self.taps: list[Tap] = []
        self.is_stopping = False
        self.on_key_needed: Callable[[], None] = lambda: None

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say which loop the clients live on."""
        self._loop = loop

    @property
    def clients(self) -> list[Client]:
        return list(self._clients.values())

    @property
    def is_full(self) -> bool:
        return len(self._clients) >= self.most_clients

    def join(self) -> Client:
        """Take in a client that has yet to say who it is."""
        client = Client(next(self._numbers), self.settings, self._clock)
        self._clients[client.number] = client
        return client

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self._clients.pop(client.number, None)
        self.update()

    def tell_all(self, **message: Any) -> None:
        """Leave a text message for everyone who has said hello."""
        for client in self.clients:
            if client.role is not None:
                client.tell(**message)

    def apply(self, settings: LiveSettings) -> None:
        """Settings have changed."""
        self.settings = settings
        for client in self.clients:
            client.choose(settings)
        self.update()

    def want(self, client: Client, payload: Payload) -> None:
        """A client would rather have the other kind of packet."""
        client.payload = payload
        self.apply(self.settings)

    def acknowledge(self, client: Client, sequence: int, *, unpacking: float = 0.0) -> None:
        """Take a client's answer to a packet; `unpacking`: s it took itself."""
        client.acknowledge(sequence, settings=self.settings, period=self.period, unpacking=unpacking)
        self.update()
        if client.needs_key():
            self.on_key_needed()

    def lose_film(self, client: Client) -> None:
        """A client needs a key frame."""
        client.lose_film()
        if client.needs_key():
            self.on_key_needed()

    def update(self) -> None:
        """Reckon anew which qualities are wanted."""
        viewers = [
            client for client in self.clients if client.is_viewer and not client.is_held and client.silence <= SILENT
        ]
        wanted = {client.quality for client in viewers}
        if wanted and all(quality.payload == "video" for quality in wanted):
            # Exact packets too, the smallest: for looking back, and for whoever has to do without film.
            wanted.add(quality_of(Pace(len(LADDER) - 1), self.settings))
        self._wanted = frozenset(wanted)

    def check(self) -> None:
        """Let go who never said hello or has stopped answering; call it about once a second."""
        for client in self.clients:
            if client.role is None and self._clock() - client.joined_at > HELLO:
                client.close(POLICY, "no hello came")
            elif client.silence > DEAD:
                client.close(TRY_LATER, f"no packet was acknowledged for {DEAD:g} s")
        self.update()

    # From here on: called by other threads.

    @property
    def is_watched(self) -> bool:
        """Whether anybody looks."""
        return bool(self._wanted) or any(tap.is_watching for tap in self.taps)

    def wanted(self) -> frozenset[Quality]:
        """In which qualities somebody wants the next frame."""
        return self._wanted.union(*(tap.wanted() for tap in self.taps))

    def publish(self, frame: Published) -> None:
        """Leave a frame for all viewers. Returns at once."""
        for tap in self.taps:
            tap.take(frame)
        self.call(self._deliver, frame)

    def announce(self, **message: Any) -> None:
        """`tell_all` from another thread."""
        self.call(lambda: self.tell_all(**message))

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Have the loop call something soon."""
        if self._loop is None or self._loop.is_closed():
            return
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # closed in between
            logger.debug("the loop has gone")

    def _deliver(self, frame: Published) -> None:
        for client in self.clients:
            if not client.is_viewer or client.is_held:
                continue
            film = frame.films.get(client.quality)
            if film is not None:
                client.offer_film(frame.sequence, film)
                if client.needs_key():
                    self.on_key_needed()
                continue
            data = frame.packets.get(client.quality)
            if data is None:  # chosen after the frame was packed: another one of its kind
                others = (data for quality, data in frame.packets.items() if quality.payload == client.payload)
                data = next(others, None)
            if data is None and client.payload == "points16":
                data = next((data for quality, data in frame.packets.items() if quality.payload == "rgbd"), None)
            if data is not None:
                client.offer(frame.sequence, data)
