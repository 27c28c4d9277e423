"""One model for any number of viewers: pictures in, packets out, never behind.

Two threads, each with room for one thing before it, the newest: one runs the model and steadies its depth from the past
alone, the other packs. What nobody took in time is replaced, so that the age of what a viewer sees is bounded by what
the model needs for one frame, however many come.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from vergence.depth.cards import CARDS
from vergence.depth.model import DepthModel
from vergence.depth.standing_world import StandingWorld
from vergence.depth.world import WorldModel
from vergence.errors import ModelError, VergenceError
from vergence.media.camera import CameraSettings
from vergence.server.adaptation import Quality
from vergence.server.hub import Published
from vergence.server.pack import Spans, warm_up
from vergence.server.packer import Packer
from vergence.server.recording import Moment
from vergence.server.settings import LiveSettings
from vergence.server.shown import Answer, Arrival, Recorded, Seen, now_us
from vergence.server.slot import IDLE, Slot
from vergence.server.stages import Stages
from vergence.server.times import MEMORY, Times
from vergence.stability.stabilise import StabiliseSettings
from vergence.types import DepthFrame, Frame, Gaussians, Intrinsics

logger = logging.getLogger(__name__)

AGAIN = 5.0  # s after which the same error is told again
REST = 0.5  # s after an error nobody foresaw
JOIN_SECONDS = 10.0  # a network deep in one frame is waited for
THREAD_NAME = "vergence-live"


class Viewers(Protocol):
    """Who takes what the engine makes; all of it may be called by any thread and returns at once."""

    @property
    def is_watched(self) -> bool: ...
    def wanted(self) -> frozenset[Quality]: ...
    def publish(self, frame: Published) -> None: ...
    def announce(self, **message: Any) -> None: ...


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
        self.inbox: Slot[Arrival] = Slot()
        self._outbox: Slot[Answer | Recorded] = Slot()
        self._times = Times()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._viewers: Viewers | None = None
        self._last: Answer | Recorded | None = None
        self._is_paused = False
        self._sequence = 0
        self._counting = threading.Lock()
        self._told = ("", "", 0.0)
        self.frames = 0  # packed so far
        self.last_bytes = 0  # of the largest packet of the last frame
        self._pipe: tuple[tuple[Any, ...], Stages, Spans] | None = None
        self._packer = Packer(lambda message: self._tell("model-failed", message))
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
            self._packer.close()
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
        self._last = Recorded(moment, source, now_us())
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
        return self._last.arrival if isinstance(self._last, Answer) else None

    @property
    def replayed(self) -> Arrival | None:
        """The picture of the recorded frame that is shown; None where what is shown is no recording."""
        return self._last.picture if isinstance(self._last, Recorded) else None

    @property
    def newest(self) -> Seen | None:
        """What is shown now."""
        return None if self._last is None else self._last.seen

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
    def makes_film(self) -> bool:
        """Whether viewers may want the tier of low bandwidth."""
        return self._packer.makes_film

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
            self._show(Answer(arrival, item, spans(item), gaussians))

    def _show(self, answer: Answer) -> None:
        self._times.add(shown=0.0)
        self._last = answer
        self._outbox.put(answer)
        self._say_shown()

    def _look_together(self, arrival: Arrival) -> Answer | None:
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
        return Answer(arrival, views[0], spans(views[0]), views=views)

    def _pack(self) -> None:
        assert self._viewers is not None
        warm_up()
        while not self._stopping.is_set():
            shown = self._outbox.take(IDLE)
            if shown is None:
                continue
            began = time.perf_counter()
            wanted, sequence = self._viewers.wanted(), self.next_sequence()
            header = shown.header(sequence, is_paused=self.is_paused)
            camera = self._camera(shown.item.frame) if isinstance(shown, Answer) else None
            packets = self._packer.packets(shown, wanted, header, camera)
            films = self._packer.films(shown, wanted, header, camera)
            if packets or films:
                self.frames += 1
                sizes = [sum(map(len, film.packets)) for film in films.values()]
                self.last_bytes = max([*sizes, *map(len, packets.values())])
                self._times.add(pack=time.perf_counter() - began)
                self._viewers.publish(Published(sequence, packets, films))

    def ask_key(self) -> None:
        """Make frames of film that need none before them: somebody has joined, or lost some."""
        self._packer.ask_key()
        self.refresh()

    def _with_gaussians(self, model: WorldModel, frame: Frame) -> tuple[DepthFrame, Gaussians | None, float]:
        """Depth and Gaussians of one picture, in its camera's axes, and the seconds they took."""
        began = time.perf_counter()
        world = model.world([frame], gaussians=True)
        return world.views[0], world.gaussians, time.perf_counter() - began

    def _stages(self, arrival: Arrival) -> tuple[Stages, Spans]:
        settings = self.settings
        key = (arrival.source, arrival.run, settings.stabilise_method, settings.stabilise_half_life)
        if self._pipe is None or self._pipe[0] != key:
            steadying = StabiliseSettings(
                method=settings.stabilise_method,  # type: ignore[arg-type]
                half_life=settings.stabilise_half_life,
            )
            self._pipe = (key, Stages(self.model, steadying), Spans())
        return self._pipe[1], self._pipe[2]

    def _camera(self, frame: Frame) -> Intrinsics | None:
        if self.settings.camera_fov is None:
            return None
        return CameraSettings(fov_x_deg=self.settings.camera_fov).of(frame.width, frame.height)

    def _with_camera(self, frame: Frame) -> Frame:
        camera = self._camera(frame)
        return frame if camera is None else replace(frame, intrinsics=camera)
