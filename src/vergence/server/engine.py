"""One model for any number of viewers: pictures in, packets out, never behind.

Two threads, each with room for one thing before it, the newest: one runs the model and steadies its depth from the past
alone, the other packs. What nobody took in time is replaced, so that the age of what a viewer sees is bounded by what
the model needs for one frame, however many come.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from vergence.depth.cards import CARDS
from vergence.depth.model import DepthModel
from vergence.depth.standing_world import StandingWorld
from vergence.depth.world import WorldModel
from vergence.errors import MediaError, ModelError, VergenceError
from vergence.media.camera import CameraSettings
from vergence.pipelines.moment import cloud_of_moment
from vergence.server.adaptation import Quality
from vergence.server.hub import FilmFrame, Published
from vergence.server.pack import Header, Span, Spans, points_packet, rgbd_packet, splat_packet, warm_up
from vergence.server.protocol import parse
from vergence.server.recording import Moment
from vergence.server.restamp import restamped
from vergence.server.settings import LiveSettings
from vergence.server.splat16 import capacity_for
from vergence.server.unpack import depth_frame
from vergence.server.video import Film, can_film
from vergence.stability.shots import mark_shots
from vergence.stability.stabilise import StabiliseSettings, stabilise
from vergence.types import DepthFrame, Frame, Gaussians, Intrinsics, PointCloud

logger = logging.getLogger(__name__)

T = TypeVar("T")

IDLE = 0.1  # s between looks at whether anybody watches, or the engine is to stop
AGAIN = 5.0  # s after which the same error is told again
REST = 0.5  # s after an error nobody foresaw
JOIN_SECONDS = 10.0  # a network deep in one frame is waited for
MEMORY = 2.0  # s of the past that statistics are about
THREAD_NAME = "vergence-live"


def now_us() -> int:
    """The server's clock, µs: steady, from any beginning."""
    return time.monotonic_ns() // 1000


class Viewers(Protocol):
    """Who takes what the engine makes; all of it may be called by any thread and returns at once."""

    @property
    def is_watched(self) -> bool: ...
    def wanted(self) -> frozenset[Quality]: ...
    def publish(self, frame: Published) -> None: ...
    def announce(self, **message: Any) -> None: ...


@dataclass(frozen=True)
class Arrival:
    """A picture on its way in.

    Attributes:
        frame: gives it; a camera's JPEG is decoded only where somebody takes it.
        source: number of its source.
        run: changes whenever a source begins anew, so that nothing of the past is carried over.
        time_us: when it was taken, on the server's clock.
        is_still: nothing follows it: a photo.
        position: seconds in a film, None elsewhere.
        together: of several cameras at one moment, by their numbers: the pictures to be seen together, of which this
            is the first.
    """

    frame: Callable[[], Frame]
    source: int
    run: int
    time_us: int
    is_still: bool = False
    position: float | None = None
    together: tuple["Arrival", ...] = ()


def sent_picture(data: bytes) -> Arrival:
    """The picture of an RGBD packet, with the lens it was shown with."""
    packet = parse(data)
    return Arrival(lambda: depth_frame(packet).frame, packet.source, 0, packet.time_us, is_still=True)


@dataclass(frozen=True)
class Seen:
    """What was last shown, for those that make something else of it than packets.

    Attributes:
        item: gives picture and depth; of a recording they are unpacked only then.
        gaussians: where the model made some.
        source, time_us: of its packets.
    """

    item: Callable[[], DepthFrame]
    gaussians: Gaussians | None
    source: int
    time_us: int


@dataclass(frozen=True)
class _Answer:
    """What the model said; of several cameras the `views` of all, of which `item` is the first."""

    arrival: Arrival
    item: DepthFrame
    span: Span
    gaussians: Gaussians | None = None
    views: tuple[DepthFrame, ...] = ()

    @cached_property
    def cloud(self) -> PointCloud | None:
        """All views in one cloud; made where it is asked for."""
        return cloud_of_moment(self.views) if self.views else None


@dataclass(frozen=True)
class _Recorded:
    """A frame that was made before, on its way to those who watch."""

    moment: Moment
    source: int
    time_us: int


class Slot(Generic[T]):
    """Room for one thing. Putting replaces it; `put_patiently` waits for it to be taken."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self.replaced = 0

    def put(self, item: T) -> None:
        with self._changed:
            self.replaced += self._item is not None
            self._item = item
            self._changed.notify_all()

    def put_patiently(self, item: T, is_over: Callable[[], bool]) -> bool:
        """Put once there is room; False, without it, where `is_over` says so first."""
        with self._changed:
            while self._item is not None:
                if is_over():
                    return False
                self._changed.wait(IDLE)
            self._item = item
            self._changed.notify_all()
            return True

    def take(self, seconds: float) -> T | None:
        """Take what lies there, None where nothing comes for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None, seconds)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def clear(self) -> None:
        with self._changed:
            self._item = None
            self._changed.notify_all()


class _Pipe:
    """The stages of one source, fed frame by frame: each answers from the past alone."""

    def __init__(self, model: DepthModel, settings: StabiliseSettings) -> None:
        self._next: Frame | None = None
        self._estimate_seconds = 0.0
        estimated = self._timed(iter(model.estimate(mark_shots(self._fed()))))
        self._answers = iter(stabilise(estimated, settings=settings))

    def __call__(self, frame: Frame) -> tuple[DepthFrame, float, float]:
        """The depth of a frame, and the seconds the model and the steadying took."""
        self._next = frame
        began = time.perf_counter()
        item = next(self._answers)
        return item, self._estimate_seconds, time.perf_counter() - began - self._estimate_seconds

    def _fed(self) -> Iterator[Frame]:
        while True:
            if self._next is None:
                raise ModelError("the model asks for a frame that has not come yet; choose one without lookahead")
            frame, self._next = self._next, None
            yield frame

    def _timed(self, items: Iterator[DepthFrame]) -> Iterator[DepthFrame]:
        while True:
            began = time.perf_counter()
            item = next(items)
            self._estimate_seconds = time.perf_counter() - began
            yield item


@dataclass
class _Times:
    """What happened of late: (when, value) by name."""

    past: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **values: float) -> None:
        now = time.monotonic()
        with self.lock:
            for name, value in values.items():
                self.past.setdefault(name, deque(maxlen=600)).append((now, value))

    def recent(self, name: str) -> list[float]:
        since = time.monotonic() - MEMORY
        with self.lock:
            return [value for when, value in self.past.get(name, ()) if when >= since]

    def mean_ms(self, name: str) -> float | None:
        values = self.recent(name)
        return round(1e3 * sum(values) / len(values), 2) if values else None


class Engine:
    """Runs a model for the viewers.

    Args:
        model: answers every frame at once.
        settings: to begin with.
        gaussian_model: makes Gaussians of single pictures, for viewers that want those; None where none does.
        world_model: puts pictures of several cameras into one world; None where none does.

    Attributes:
        listeners: called with everything that is shown, by the thread that made it; they return at once.

    Raises:
        ModelError: the model looks ahead.
    """

    def __init__(
        self,
        model: DepthModel,
        *,
        settings: LiveSettings | None = None,
        gaussian_model: WorldModel | None = None,
        world_model: WorldModel | None = None,
    ) -> None:
        if model.lookahead > 0:
            raise ModelError(
                f"{model.card.name} looks {model.lookahead} frames ahead and cannot run live; add --streaming, or "
                "choose one from `vergence models list` that answers at once"
            )
        self.model = model
        self.settings = settings or LiveSettings()
        self._gaussian_model, self._world_model = gaussian_model, world_model
        self.listeners: list[Callable[[Seen], None]] = []
        self._capacity: tuple[tuple[int, int], int] | None = None
        self.inbox: Slot[Arrival] = Slot()
        self._outbox: Slot[_Answer | _Recorded] = Slot()
        self._times = _Times()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._viewers: Viewers | None = None
        self._last: _Answer | _Recorded | None = None
        self._is_paused = False
        self._sequence = 0
        self._counting = threading.Lock()
        self._told = ("", "", 0.0)
        self.frames = 0  # packed so far
        self.last_bytes = 0  # of the largest packet of the last frame
        self._pipe: tuple[tuple[Any, ...], _Pipe, Spans] | None = None
        self.makes_film = can_film()
        self._films: dict[Quality, Film] = {}
        self._standing: tuple[int, StandingWorld, Spans] | None = None

    def start(self, viewers: Viewers) -> None:
        """Begin to work for them."""
        self._viewers = viewers
        for work in (self._infer, self._pack):
            thread = threading.Thread(target=self._guarded, args=(work,), name=THREAD_NAME, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End both threads; a frame in the model is waited for."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        if not any(thread.is_alive() for thread in self._threads):
            self._keep_films(frozenset())
        self._threads.clear()

    def refresh(self) -> None:
        """Pack the last frame again: somebody has joined, or a setting has changed."""
        if self._last is not None:
            self._outbox.put(self._last)

    @property
    def is_paused(self) -> bool:
        """Whether the source is: what is shown is a still, whenever it was read."""
        return self._is_paused

    @is_paused.setter
    def is_paused(self, is_paused: bool) -> None:
        if is_paused != self._is_paused:
            self._is_paused = is_paused
            self.refresh()

    def repeat(self) -> None:
        """Ask the model about the last picture again, where no other follows by itself."""
        arrival = self.shown
        if arrival is not None and (self.is_paused or arrival.is_still):
            self.inbox.put(arrival)

    def replay(self, moment: Moment, *, source: int) -> None:
        """Show a recorded frame."""
        self._last = _Recorded(moment, source, now_us())
        self._times.add(shown=0.0)
        self._outbox.put(self._last)
        self._say_shown()

    def forget(self) -> None:
        """Another source: show nothing of the last one any more."""
        self.inbox.clear()
        self._last = None

    @property
    def shown(self) -> Arrival | None:
        """The picture last answered."""
        return self._last.arrival if isinstance(self._last, _Answer) else None

    @property
    def replayed(self) -> Arrival | None:
        """The picture of the recorded frame that is shown; None where what is shown is no recording."""
        last = self._last
        if not isinstance(last, _Recorded) or "rgbd" not in last.moment.packets:
            return None
        return replace(sent_picture(last.moment.packets["rgbd"]), source=last.source, time_us=last.time_us)

    @property
    def newest(self) -> Seen | None:
        """What is shown now."""
        last = self._last
        if isinstance(last, _Recorded):
            data, kind = last.moment.packets.get("rgbd"), last.moment.kind
            if data is None:
                return None
            return Seen(lambda: depth_frame(parse(data), kind=kind), None, last.source, last.time_us)
        if last is not None:
            return Seen(lambda: last.item, last.gaussians, last.arrival.source, last.arrival.time_us)
        return None

    def _say_shown(self) -> None:
        newest = self.newest
        if newest is not None:
            for listener in self.listeners:
                listener(newest)

    def next_sequence(self) -> int:
        """The number of another packet; by any thread."""
        with self._counting:
            self._sequence = (self._sequence + 1) & 0xFFFFFFFF
            return self._sequence

    @property
    def makes_gaussians(self) -> bool:
        """Whether viewers may want SPLAT16 packets."""
        return self._gaussian_model is not None or bool(self.model.card.options.get("recorded_gaussians"))

    @property
    def makes_points(self) -> bool:
        """Whether viewers may want POINTS16 packets."""
        return self._world_model is not None or bool(self.model.card.options.get("recorded_points"))

    @property
    def why_not_together(self) -> str | None:
        """Why several cameras cannot be put together; None where they can."""
        if self._world_model is not None:
            return None
        able = next(card.name for card in CARDS.values() if card.options.get("sees_many") and card.is_commercial)
        return f"{self.model.card.name} sees one picture at a time; start with --model {able}, or another of its kind"

    @property
    def fps(self) -> float:
        """Frames a second of late."""
        return len(self._times.recent("shown")) / MEMORY

    @property
    def period(self) -> float:
        """Seconds between frames."""
        return 1 / self.fps if self.fps else 1 / 30

    @property
    def is_busy(self) -> bool:
        """Whether the threads are alive."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def stats(self) -> dict[str, Any]:
        """What `stats` tells of the engine."""
        replaced = [self.inbox.replaced, self._outbox.replaced]
        self.inbox.replaced = self._outbox.replaced = 0
        names = ("decode", "infer", "stabilise", "pack", "wait")
        return {
            "fps": round(self.fps, 1),
            **{f"{name}_ms": self._times.mean_ms(name) for name in names},
            "dropped": sum(replaced),
            "bytes": self.last_bytes,
        }

    def _guarded(self, work: Callable[[], None]) -> None:
        """A bug in one frame is told and does not end the show."""
        while not self._stopping.is_set():
            try:
                work()
            except VergenceError as error:
                self._pipe = None
                self._tell("model-failed", str(error))
                self._stopping.wait(REST)
            except Exception as error:
                logger.exception("the live engine failed on a frame")
                self._pipe = None
                self._tell("model-failed", f"{type(error).__name__}: {error}")
                self._stopping.wait(REST)

    def _tell(self, code: str, message: str) -> None:
        now = time.monotonic()
        is_new = (code, message) != self._told[:2] or now - self._told[2] > AGAIN
        if self._viewers is not None and is_new:
            self._told = (code, message, now)
            self._viewers.announce(t="error", code=code, msg=message, hint="")

    def _infer(self) -> None:
        assert self._viewers is not None
        last = 0.0
        while not self._stopping.is_set():
            if not self._viewers.is_watched:
                self._stopping.wait(IDLE)
                continue
            # Waited for before taking: what is taken then is the newest.
            early = last + 1 / self.settings.rate_most - time.monotonic()
            if early > 0 and self._stopping.wait(early):
                return
            arrival = self.inbox.take(IDLE)
            if arrival is None:
                continue
            last = time.monotonic()
            self._times.add(wait=max(now_us() - arrival.time_us, 0) / 1e6)
            began = time.perf_counter()
            if arrival.together:
                answer = self._look_together(arrival)
                if answer is not None:
                    self._show(answer)
                continue
            try:
                frame = self._with_camera(arrival.frame())
            except VergenceError as error:
                self._tell("bad-picture", str(error))
                continue
            decoded = time.perf_counter() - began
            pipe, spans = self._stages(arrival)
            gaussians = None
            if self._gaussian_model is not None and any(q.payload == "splat16" for q in self._viewers.wanted()):
                item, gaussians, infer, steady = *self._with_gaussians(self._gaussian_model, frame), 0.0
            else:
                item, infer, steady = pipe(frame)
            self._times.add(decode=decoded, infer=infer, stabilise=steady)
            self._show(_Answer(arrival, item, spans(item), gaussians))

    def _show(self, answer: _Answer) -> None:
        self._times.add(shown=0.0)
        self._last = answer
        self._outbox.put(answer)
        self._say_shown()

    def _look_together(self, arrival: Arrival) -> _Answer | None:
        """Put the pictures of several cameras into one world, which stays where it was; None where too few are left."""
        assert self._world_model is not None  # else there is no such source
        if self._standing is None or self._standing[0] != arrival.run:
            self._standing = arrival.run, StandingWorld(), Spans()
        _, standing, spans = self._standing
        began = time.perf_counter()
        frames: dict[int, Frame] = {}
        for each in arrival.together:
            try:
                frames[each.source] = each.frame()
            except VergenceError as error:
                self._tell("bad-picture", str(error))
        if len(frames) < 2:
            return None
        decoded = time.perf_counter()
        world = self._world_model.world(list(frames.values()))
        inferred = time.perf_counter()
        placed = standing(dict(zip(frames, world.views, strict=True)))
        self._times.add(decode=decoded - began, infer=inferred - decoded, stabilise=time.perf_counter() - inferred)
        views = tuple(placed.values())
        return _Answer(arrival, views[0], spans(views[0]), views=views)

    def _pack(self) -> None:
        assert self._viewers is not None
        warm_up()
        while not self._stopping.is_set():
            answer = self._outbox.take(IDLE)
            if answer is None:
                continue
            began = time.perf_counter()
            sequence = self.next_sequence()
            packets, films = self._packets(answer, sequence), self._film_frames(answer, sequence)
            if packets or films:
                self.frames += 1
                sizes = [sum(map(len, film.packets)) for film in films.values()]
                self.last_bytes = max([*sizes, *map(len, packets.values())])
                self._times.add(pack=time.perf_counter() - began)
                self._viewers.publish(Published(sequence, packets, films))

    def _packets(self, answer: _Answer | _Recorded, sequence: int) -> dict[Quality, bytes]:
        """A frame's packet in every quality that is wanted."""
        assert self._viewers is not None
        wanted = self._viewers.wanted()
        if isinstance(answer, _Recorded):
            made = {
                payload: restamped(
                    data, sequence=sequence, source=answer.source, time_us=answer.time_us, is_still=self.is_paused
                )
                for payload, data in answer.moment.packets.items()
            }
            packets = {quality: made[quality.payload] for quality in wanted if quality.payload in made}
            if not packets and "rgbd" in made:  # those who want points get the picture of a frame that has none
                packets = {replace(quality, payload="rgbd"): made["rgbd"] for quality in wanted}
            return packets
        packets, arrival = {}, answer.arrival
        header = Header(arrival.source, sequence, arrival.time_us, is_still=arrival.is_still or self.is_paused)
        for quality in wanted:
            if quality.payload == "rgbd":
                camera = None if answer.views else self._camera(answer.item.frame)  # worlds have their own
                packets[quality] = rgbd_packet(answer.item, answer.span, quality, header, camera=camera)
            elif quality.payload == "points16":
                cloud, is_metric = answer.cloud, answer.item.depth.kind == "metric"
                if cloud is not None:
                    packets[quality] = points_packet(cloud, quality, header, is_metric=is_metric)
            elif answer.gaussians is not None:
                is_metric, room = answer.item.depth.kind == "metric", self._room(answer)
                packets[quality] = splat_packet(answer.gaussians, room, quality, header, is_metric=is_metric)
        return packets

    def _film_frames(self, answer: _Answer | _Recorded, sequence: int) -> dict[Quality, FilmFrame]:
        """A frame of every film that is wanted; what was recorded is sent as it was."""
        assert self._viewers is not None
        if not self.makes_film or not isinstance(answer, _Answer):
            self._keep_films(frozenset())
            return {}
        self._keep_films(frozenset(quality for quality in self._viewers.wanted() if quality.payload == "video"))
        arrival, made = answer.arrival, dict[Quality, FilmFrame]()
        for quality, film in self._films.items():
            header = Header(arrival.source, sequence, arrival.time_us, is_still=arrival.is_still or self.is_paused)
            camera = self._camera(answer.item.frame)
            try:
                made[quality] = film.frame(answer.item, answer.span, header, run=arrival.run, camera=camera)
            except MediaError as error:  # exact packets go on
                self.makes_film = False
                self._tell("model-failed", str(error))
        return made

    def _keep_films(self, wanted: frozenset[Quality]) -> None:
        for quality in self._films.keys() - wanted:
            self._films.pop(quality).close()
        for quality in wanted - self._films.keys():
            self._films[quality] = Film(quality.film, side=quality.side)

    def ask_key(self) -> None:
        """Make frames of film that need none before them: somebody has joined, or lost some."""
        for film in list(self._films.values()):
            film.ask_key()
        self.refresh()

    def _with_gaussians(self, model: WorldModel, frame: Frame) -> tuple[DepthFrame, Gaussians | None, float]:
        """Depth and Gaussians of one picture, in its camera's axes, and the seconds they took."""
        began = time.perf_counter()
        world = model.world([frame], gaussians=True)
        return world.views[0], world.gaussians, time.perf_counter() - began

    def _room(self, answer: _Answer) -> int:
        """For how many splats a stream has room: those of its first frame."""
        key = (answer.arrival.source, answer.arrival.run)
        if self._capacity is None or self._capacity[0] != key:
            self._capacity = (key, capacity_for(len(answer.gaussians) if answer.gaussians else 0))
        return self._capacity[1]

    def _stages(self, arrival: Arrival) -> tuple[_Pipe, Spans]:
        settings = self.settings
        key = (arrival.source, arrival.run, settings.stabilise_method, settings.stabilise_half_life)
        if self._pipe is None or self._pipe[0] != key:
            steadying = StabiliseSettings(
                method=settings.stabilise_method,  # type: ignore[arg-type]
                half_life=settings.stabilise_half_life,
            )
            self._pipe = (key, _Pipe(self.model, steadying), Spans())
        return self._pipe[1], self._pipe[2]

    def _camera(self, frame: Frame) -> Intrinsics | None:
        if self.settings.camera_fov is None:
            return None
        return CameraSettings(fov_x_deg=self.settings.camera_fov).of(frame.width, frame.height)

    def _with_camera(self, frame: Frame) -> Frame:
        camera = self._camera(frame)
        return frame if camera is None else replace(frame, intrinsics=camera)
