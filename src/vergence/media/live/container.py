"""Pictures of whatever FFmpeg opens as it runs: devices, streams and drawn patterns, by PyAV."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any, TypeVar

import av
from av.container import InputContainer
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vergence.errors import MediaError, VergenceError
from vergence.media.live.source import Taken
from vergence.media.video import colour_of
from vergence.media.yuv import RgbReader

logger = logging.getLogger(__name__)

T = TypeVar("T")
Opener = Callable[[], InputContainer]

JUMP = 10.0  # s between two pictures above which the clock was set, not the camera slow
NOT_YET = 0.002  # s until a device that does not wait itself is asked again
DAMAGED_AT_ONCE = 100  # pictures in a row that cannot be decoded, after which it is not a camera's hiccup


class ContainerGrabber:
    """Decodes a container that runs by itself, one picture at a time, as it comes.

    Pictures keep the size of the first: later ones of another size are scaled to it.

    Args:
        name: of the source, for errors.
        opener: opens the container; it is opened here, so that its size is known.
        paced: hold pictures back until their own time. What a server hands out in bursts needs that; a device does not.
        lost: what to do when it fails while running, for the error.

    Raises:
        MediaError: it cannot be opened, or shows nothing that can be decoded.
    """

    def __init__(self, name: str, opener: Opener, *, paced: bool = False, lost: str = "start again") -> None:
        self._name, self._lost = name, lost
        try:
            self._container = opener()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise MediaError(f"cannot open {name}: {reason(error)}") from error
        try:
            self._stream = _moving_picture(self._container, name)
            self.format = self._container.format.name
            # Files of known length end; the length of a playlist says nothing of what it lists.
            has_length = self.format != "hls" and self._container.size > 0
            self.is_endless = not (self._container.duration or has_length)
            self._pace = Timekeeper() if paced else None
            self._pictures = self._decoded()
            first = next(self._pictures, None)
            if first is None:
                raise MediaError(f"{name} shows no picture")
        except BaseException:
            self._container.close()
            raise
        self._first: tuple[VideoFrame, float] | None = first
        self.width, self.height = first[0].width, first[0].height
        self.rate: Fraction | None = self._stream.average_rate or self._stream.guessed_rate or None
        self._reader = RgbReader(colour_of(first[0], self._stream), width=self.width, height=self.height, bits=8)

    def play_as_it_comes(self) -> None:
        """Hold nothing back after all."""
        self._pace = None

    def read(self) -> Taken | None:
        found = self._first or next(self._pictures, None)
        self._first = None
        if found is None:
            return None
        picture, seconds = found
        if self._pace is not None and picture.pts is not None and picture.time_base is not None:
            seconds = self._pace.wait(float(picture.pts * picture.time_base))
        return Taken(self._reader.read(picture), seconds)

    def close(self) -> None:
        self._container.close()

    def _decoded(self) -> Iterator[tuple[VideoFrame, float]]:
        """Pictures and when they came. What is damaged is left out; a container that fails raises `MediaError`."""
        damaged = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except BlockingIOError:  # AVFoundation has no picture yet, and PyAV's iterator is over
                time.sleep(NOT_YET)
                packets = self._container.demux(self._stream)
                continue
            except (av.FFmpegError, OSError) as error:
                raise MediaError(f"{self._name} is gone ({reason(error)}); {self._lost}") from error
            seconds = time.monotonic()
            if packet is None:
                return
            try:
                pictures = self._stream.decode(packet)
            except av.error.EOFError:
                return
            except av.FFmpegError as error:
                damaged += 1
                logger.debug("%s: a picture is damaged (%s)", self._name, error)
                if damaged >= DAMAGED_AT_ONCE:
                    raise MediaError(f"{self._name} sends nothing that can be decoded ({reason(error)})") from error
                continue
            for picture in pictures:
                damaged = 0
                yield picture, seconds


class Timekeeper:
    """Plays pictures at the times they carry; a jump, or falling behind by more than `slack` seconds, starts afresh."""

    def __init__(
        self,
        *,
        slack: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._slack, self._clock, self._sleep = slack, clock, sleep
        self._origin: float | None = None
        self._last = 0.0

    def wait(self, presented: float) -> float:
        """Sleep until the moment of `presented`, seconds on the stream's clock; returns that moment on ours."""
        now = self._clock()
        is_jump = not 0 <= presented - self._last <= JUMP
        if self._origin is None or is_jump or self._origin + presented < now - self._slack:
            self._origin = now - presented
        self._last = presented
        moment = self._origin + presented
        if moment > now:
            self._sleep(moment - now)
        return moment


def within(seconds: float, work: Callable[[], T], *, name: str) -> T:
    """The result of `work`, done in a thread that is left behind where it hangs: drivers and name servers do.

    Raises:
        MediaError: it took longer than `seconds`.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    done, is_late, lock = threading.Event(), threading.Event(), threading.Lock()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            errors.append(error)
        else:
            with lock:
                results.append(result)
                if is_late.is_set():
                    _close(result)
        done.set()

    threading.Thread(target=run, name="vergence-open", daemon=True).start()
    if not done.wait(seconds):
        with lock:
            is_late.set()
            if results:
                _close(results[0])
        raise MediaError(f"{name} does not answer within {seconds:g} s; is it in use by another program?")
    if errors:
        raise errors[0]
    return results[0]


def reason(error: BaseException) -> str:
    """What an error of FFmpeg or the system says, on one line."""
    if isinstance(error, VergenceError):
        return str(error)
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())


def _close(thing: Any) -> None:
    with suppress(Exception):
        thing.close()


def _moving_picture(container: InputContainer, name: str) -> VideoStream:
    if not container.streams.video:
        raise MediaError(f"{name} has no picture")
    best = container.streams.best("video")
    stream = best if isinstance(best, VideoStream) else container.streams.video[0]
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    if stream.codec_context is None:
        raise MediaError(f"{name} is in a format that this build cannot decode")
    stream.thread_type = "SLICE"  # decoding several frames at once would delay each by as many
    return stream
