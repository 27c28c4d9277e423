"""What passes through the engine: pictures on their way in, and what is shown of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from vergence.pipelines.moment import cloud_of_moment
from vergence.server.pack import Header, Span
from vergence.server.protocol import parse
from vergence.server.recording import Moment
from vergence.server.unpack import depth_frame
from vergence.types import DepthFrame, Frame, Gaussians, PointCloud


def now_us() -> int:
    """The server's clock, µs: steady, from any beginning."""
    return time.monotonic_ns() // 1000


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
class Answer:
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

    @property
    def seen(self) -> Seen:
        return Seen(lambda: self.item, self.gaussians, self.arrival.source, self.arrival.time_us)

    def header(self, sequence: int, *, is_paused: bool) -> Header:
        """Of its packets."""
        is_still = self.arrival.is_still or is_paused
        return Header(self.arrival.source, sequence, self.arrival.time_us, is_still=is_still)


@dataclass(frozen=True)
class Recorded:
    """A frame that was made before, on its way to those who watch."""

    moment: Moment
    source: int
    time_us: int

    @property
    def seen(self) -> Seen | None:
        data, kind = self.moment.packets.get("rgbd"), self.moment.kind
        if data is None:
            return None
        return Seen(lambda: depth_frame(parse(data), kind=kind), None, self.source, self.time_us)

    @property
    def picture(self) -> Arrival | None:
        """As it was sent; None where no picture was sent with it."""
        data = self.moment.packets.get("rgbd")
        return None if data is None else replace(sent_picture(data), source=self.source, time_us=self.time_us)

    def header(self, sequence: int, *, is_paused: bool) -> Header:
        """Of its packets."""
        return Header(self.source, sequence, self.time_us, is_still=is_paused)
