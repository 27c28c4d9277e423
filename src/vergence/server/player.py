"""What is shown: one source of several at a time, or all cameras together, and where a film stands.

A thread reads the source that is active and hands its pictures to the engine: at a film's own pace, where late ones are
replaced, or every one as fast as the model takes them. Nothing is read while nobody watches.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any, Literal

from vergence.errors import SettingsError, VergenceError
from vergence.geometry.resample import shrink
from vergence.media.camera import CameraSettings
from vergence.media.live import is_live, open_live
from vergence.media.open import open_source
from vergence.server import recording as recorded
from vergence.server.engine import Engine
from vergence.server.gathering import LEAST, Gathering
from vergence.server.recording import Recording, is_recording
from vergence.server.shown import Arrival, now_us
from vergence.server.slot import IDLE
from vergence.types import Frame, MediaInfo

logger = logging.getLogger(__name__)

SourceKind = Literal["film", "image", "recording", "test", "camera", "screen", "together"]
Moment = tuple[float, Callable[[float], None]]  # seconds of a film, and what shows it, given its position

FIRST_CAMERA = 1000  # number of the first client's camera: those of the command line come before
TOGETHER = 999  # number of all cameras seen together
LAST = 0.1  # s before a film's end that one can seek to
LATE = 0.5  # s behind its own clock after which a film goes on from where it is
THREAD_NAME = "vergence-player"
JOIN_SECONDS = 3.0


@dataclass(frozen=True)
class Listed:
    """A source one can choose.

    Attributes:
        id: its number in packets.
        name, kind: for people.
        uri: where it lies; None: a client sends it.
        info: what is known of it; None of a client's before its first picture.
        duration: s, None where nobody knows.
        has_points: its frames may also come as POINTS16.
        unavailable: why it cannot be shown, None where it can.
    """

    id: int
    name: str
    kind: SourceKind
    uri: str | None = None
    info: MediaInfo | None = None
    has_points: bool = False
    unavailable: str | None = None

    @property
    def is_live(self) -> bool:
        return self.kind not in ("film", "image", "recording")

    @property
    def duration(self) -> float | None:
        info = self.info
        if self.kind not in ("film", "recording") or info is None or not info.frames or not info.rate:
            return None
        return round(float(info.frames / info.rate), 3)

    def described(self, *, is_active: bool) -> dict[str, Any]:
        """As `sources` has it."""
        info = self.info
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "width": info.width if info else None,
            "height": info.height if info else None,
            "rate": float(info.rate) if info and info.rate else None,
            "frames": info.frames if info else None,
            "duration": self.duration,
            "is_live": self.is_live,
            "is_active": is_active,
            "has_points": self.has_points,
            "unavailable": self.unavailable,
        }


def listed(uri: str, number: int) -> Listed:
    """Look at a source without reading it; raises as `open_source` and `open_live`."""
    if is_live(uri):
        scheme = uri.partition(":")[0]
        kinds: dict[str, SourceKind] = {"test": "test", "screen": "screen", "window": "screen"}
        return Listed(number, uri, kinds.get(scheme, "camera"), uri)
    if is_recording(uri):
        with Recording(uri) as recording:
            rate = Fraction(len(recording) / recording.duration).limit_denominator(1000)
            info = MediaInfo(
                recording.path, is_film=True, width=recording.width, height=recording.height, frames=len(recording),
                rate=rate,
            )  # fmt: skip
            has_points = "points16" in recording.payloads
        return Listed(number, recording.path.name, "recording", uri, info, has_points)
    with open_source(uri) as media:
        name = media.info.path.name if media.info.path else str(uri)
        return Listed(number, name, "film" if media.info.is_film else "image", uri, media.info)


class Player:
    """Shows one of the sources.

    Args:
        engine: gets the pictures.
        uris: sources of the command line, or what `listed` has found of them; the first one is shown.
        max_side: shrink larger pictures to so many px a side before the model sees them.
        camera: what is known of the camera of all of them.
        tell: called with what went wrong, and whenever the list or what is shown has changed; by any thread.

    Raises:
        VergenceError: a source cannot be opened.
    """

    def __init__(
        self,
        engine: Engine,
        uris: tuple[str | Listed, ...] = (),
        *,
        max_side: int | None = None,
        camera: CameraSettings | None = None,
    ) -> None:
        self._engine, self._camera = engine, camera
        self._max_side = max_side
        self._sources: dict[int, Listed] = {}
        for number, uri in enumerate(uris):
            self._sources[number] = listed(uri, number) if isinstance(uri, str) else uri
        self.active: int | None = next(iter(self._sources), None)
        self.on_change: Callable[[], None] = lambda: None
        self.on_error: Callable[[str], None] = lambda _: None
        self.on_settings: Callable[[Mapping[str, Any]], None] = lambda _: None  # a recording's have changed
        self.is_watched: Callable[[], bool] = lambda: True
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._gathering = Gathering(TOGETHER)
        self._generation = 0  # of the thread that may go on; also the `run` of its arrivals
        self._seek: float | None = None
        self._steps = 0
        self._position: float | None = None
        self._frames: dict[int, int] = {}  # of clients' cameras
        self._adopted = (0, 0.0)  # generation and position of the settings last taken from a recording

    # What clients ask for.

    def start(self) -> None:
        """Show the active source."""
        if self.active is not None and not self._threads:
            self.select(self.active)

    def stop(self) -> None:
        """End the threads, and wait for them a while."""
        self._retire()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(JOIN_SECONDS)
        self._threads = []

    def select(self, number: int) -> None:
        """Show another source; raises `SettingsError` where there is none of this number, or it cannot be shown.

        Returns at once.
        """
        source = self._listed().get(number)
        if source is None:
            raise SettingsError(f"no source has the number {number}")
        if source.unavailable is not None:
            raise SettingsError(source.unavailable)
        read = [each for each in (self._cameras() if number == TOGETHER else [source]) if each.uri is not None]
        before = self._threads
        self.active, self._position = number, None
        self._seek, self._steps = None, 0
        generation = self._retire()
        self._engine.forget()
        self._engine.is_paused = False
        self._gathering.keep(())
        self._threads = [
            threading.Thread(target=self._run, args=(each, generation, before), name=THREAD_NAME, daemon=True)
            for each in read
        ]
        for thread in self._threads:
            thread.start()
        self.on_change()

    def _retire(self) -> int:
        """Tell the thread that its time is over; returns the generation of the next one."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()
            return self._generation

    def play(self) -> None:
        with self._changed:
            self._engine.is_paused = False
            self._changed.notify_all()

    def pause(self) -> None:
        with self._changed:
            self._engine.is_paused = True
            self._changed.notify_all()

    def seek(self, seconds: float) -> None:
        """Go on from another place of a film."""
        with self._changed:
            self._seek = max(seconds, 0.0)
            self._changed.notify_all()

    def step(self, frames: int) -> None:
        """Show the next frames of a paused film, or go back by so many."""
        if frames < 0:
            info = self._shown().info if self.active is not None else None
            rate = float(info.rate) if info and info.rate else 24.0
            self.seek((self._position or 0.0) + (frames - 0.5) / rate)
            return
        with self._changed:
            self._steps += frames
            self._changed.notify_all()

    @property
    def is_playing(self) -> bool:
        return not self._engine.is_paused

    @property
    def position(self) -> float | None:
        """Seconds from a film's beginning; None where there is none."""
        return self._position

    def described(self) -> list[dict[str, Any]]:
        """All sources as `sources` has them."""
        return [source.described(is_active=source.id == self.active) for source in self._listed().values()]

    def _cameras(self) -> list[Listed]:
        """Those that could be seen together."""
        return [source for source in self._sources.values() if source.kind == "camera"]

    def _listed(self) -> dict[int, Listed]:
        """All sources by number; where there are several cameras, also all of them together."""
        listed = dict(self._sources)
        if len(self._cameras()) >= LEAST:
            why_not = self._engine.why_not_together
            listed[TOGETHER] = Listed(
                TOGETHER, "All cameras", "together", has_points=why_not is None, unavailable=why_not
            )
        return listed

    @property
    def source_fps(self) -> float | None:
        if self.active is None:
            return None
        info = self._shown().info
        return float(info.rate) if info and info.rate else None

    # Cameras of clients.

    def add_camera(self, client: int, name: str, kind: SourceKind) -> int:
        """Take a client's camera in; it is shown where nothing else is. Returns its number."""
        number = FIRST_CAMERA + client
        self._sources[number] = Listed(number, name, kind)
        if self.active is None:
            self.select(number)
        else:
            self.on_change()
        return number

    def remove_camera(self, number: int) -> None:
        """A client has gone."""
        if self._sources.pop(number, None) is None:
            return
        self._frames.pop(number, None)
        with self._changed:
            self._gathering.keep([camera.id for camera in self._cameras()])
        if self.active not in self._listed():
            was_together = self.active == TOGETHER
            self.active = None
            self._engine.forget()
            left = [camera.id for camera in self._cameras()] if was_together else []
            if self._sources:
                self.select(next(iter(left or self._sources)))
        self.on_change()

    def offer(self, number: int, frame: Callable[[int], Frame], *, width: int, height: int, time_us: int) -> bool:
        """Hand on a client's picture; False where its source is not the one shown."""
        source = self._sources.get(number)
        if source is None:
            return False
        if source.info is None or (source.info.width, source.info.height) != (width, height):
            self._sources[number] = replace(source, info=MediaInfo(None, is_film=True, width=width, height=height))
            self.on_change()
        is_shown = self.active == number or (self.active == TOGETHER and source.kind == "camera")
        if not is_shown or not self.is_playing:
            return False
        index = self._frames[number] = self._frames.get(number, -1) + 1
        self._put(Arrival(lambda: self._small(frame(index)), number, self._generation, time_us))
        return True

    # The thread.

    def _shown(self) -> Listed:
        assert self.active is not None
        return self._listed()[self.active]

    def _is_over(self, generation: int) -> bool:
        return generation != self._generation

    def _run(self, source: Listed, generation: int, before: list[threading.Thread]) -> None:
        for thread in before:
            thread.join(JOIN_SECONDS)  # it may hold the very camera
        try:
            if source.kind == "image":
                self._show_image(source, generation)
            elif source.is_live:
                self._show_live(source, generation)
            else:
                self._show_film(source, generation)
        except VergenceError as error:
            self.on_error(str(error))
        except Exception as error:
            logger.exception("the source %s failed", source.name)
            self.on_error(f"{source.name} failed: {type(error).__name__}: {error}")

    def _show_image(self, source: Listed, generation: int) -> None:
        assert source.uri is not None
        with open_source(source.uri) as media:
            frame = self._seen(next(iter(media)))
        if not self._is_over(generation):
            self._put(Arrival(lambda: frame, source.id, generation, now_us(), is_still=True))

    def _show_live(self, source: Listed, generation: int) -> None:
        assert source.uri is not None
        with open_live(source.uri) as media:
            if media.info != source.info:
                self._sources[source.id] = replace(source, info=media.info)
                self.on_change()
            began = now_us()
            while not self._is_over(generation):
                if not (self.is_playing and self.is_watched()):
                    time.sleep(IDLE)
                    continue
                frame = media.latest()
                if frame is None:
                    break
                # Its clock began when it was opened.
                taken = min(began + round(float(frame.time) * 1e6), now_us())
                self._put(Arrival(partial(self._seen, frame), source.id, generation, taken))

    def _show_film(self, source: Listed, generation: int) -> None:
        start, origin = 0.0, None
        while not self._is_over(generation):
            clock, is_first = _FilmClock(), True
            with self._moments(source, generation, start) as moments:
                for seconds, show in moments:
                    if not self._hold(generation, is_first=is_first):
                        return
                    if self._seek is not None:
                        break
                    origin = seconds if origin is None else origin
                    position = seconds - origin
                    settings = self._engine.settings
                    # A recording has no model that would hold it back.
                    is_timed = source.kind == "recording" or not settings.film_every_frame
                    if is_timed and not is_first:
                        self._wait(clock.early(position, settings.film_speed), generation)
                    self._position, is_first = round(position, 3), False
                    show(position)
            if is_first and self._seek is None:
                raise SettingsError(f"{source.name} has no frame from {start:g} s on")
            if self._seek is None and not self._engine.settings.film_loop:
                self._engine.is_paused = True
                self.on_change()
                if not self._hold(generation, is_first=False):
                    return
            start, self._seek = self._next_start(source), None

    @contextmanager
    def _moments(self, source: Listed, generation: int, start: float) -> Iterator[Iterator[Moment]]:
        """What a film or a recording shows from `start` on."""
        if source.kind == "recording":
            with Recording(str(source.uri)) as recording:
                yield (
                    (seconds, partial(self._show_moment, moment, source.id, generation))
                    for seconds, moment in recording.since(start)
                )
            return
        with open_source(str(source.uri), start=Fraction(start).limit_denominator(1000) or None) as media:
            yield ((float(frame.time), partial(self._show_frame, frame, source.id, generation)) for frame in media)

    def _show_frame(self, frame: Frame, number: int, generation: int, position: float) -> None:
        arrival = Arrival(partial(self._seen, frame), number, generation, now_us(), position=position)
        if self._engine.settings.film_every_frame:
            self._engine.inbox.put_patiently(arrival, lambda: self._is_over(generation))
        else:
            self._put(arrival)

    def _show_moment(self, moment: recorded.Moment, number: int, generation: int, position: float) -> None:
        with self._changed:
            if self._is_over(generation):
                return
            self._engine.replay(moment, source=number)
        if moment.settings is not None and self._adopted < (generation, position):
            self._adopted = (generation, position)  # once, and not again when it begins anew
            self.on_settings(moment.settings)

    def _next_start(self, source: Listed) -> float:
        """Where a film goes on: where someone wants it, else from the beginning."""
        start = self._seek or 0.0
        return min(start, max(source.duration - LAST, 0.0)) if source.duration else start

    def _put(self, arrival: Arrival) -> None:
        """Hand on a picture, or all cameras' together, unless another source is shown by now."""
        with self._changed:
            if self._is_over(arrival.run):
                return
            wanted = self._gathering.put(arrival) if self.active == TOGETHER else arrival
            if wanted is not None:
                self._engine.inbox.put(wanted)

    def _hold(self, generation: int, *, is_first: bool) -> bool:
        """Wait while the film is paused or nobody watches; False where the thread is to end.

        The first frame after a seek is shown in a paused film too.
        """
        with self._changed:
            while not self._is_over(generation):
                if self._seek is not None:
                    return True
                if self.is_watched() and (self.is_playing or is_first):
                    return True
                if self._steps > 0 and self.is_watched():
                    self._steps -= 1
                    return True
                self._changed.wait(IDLE)
        return False

    def _wait(self, seconds: float, generation: int) -> None:
        """Sleep, but wake where the film is sought in or paused."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_over(generation) or self._seek is not None or not self.is_playing, max(seconds, 0)
            )

    def _seen(self, frame: Frame) -> Frame:
        camera = None if self._camera is None else self._camera.of(frame.width, frame.height)
        return self._small(frame if camera is None else replace(frame, intrinsics=camera))

    def _small(self, frame: Frame) -> Frame:
        side = max(frame.width, frame.height)
        if self._max_side is None or side <= self._max_side:
            return frame
        width, height = (max(round(s * self._max_side / side), 1) for s in (frame.width, frame.height))
        camera = frame.intrinsics and frame.intrinsics.resized(width, height)
        return replace(frame, rgb=shrink(frame.rgb8, width, height), intrinsics=camera)


class _FilmClock:
    """When a film's frames are due by its own clock, which starts anew where it has fallen behind."""

    def __init__(self) -> None:
        self._anchor: tuple[float, float, float] | None = None  # a moment, the position then, the speed since

    def early(self, position: float, speed: float) -> float:
        """Seconds to wait for a position in the film; not positive where it is late."""
        now = time.monotonic()
        if self._anchor is not None and self._anchor[2] == speed:
            early = self._anchor[0] + (position - self._anchor[1]) / speed - now
            if early > -LATE:
                return early
        self._anchor = (now, position, speed)
        return 0.0
