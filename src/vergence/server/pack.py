"""From pictures with depth, and from Gaussians, to their packets."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vergence.geometry.nearness import nearness
from vergence.geometry.resample import shrink
from vergence.media.camera import guessed_camera
from vergence.server.adaptation import Quality
from vergence.server.points16 import points_payload
from vergence.server.protocol import (
    ColourCodec,
    ConfidenceCodec,
    DepthCodec,
    Extension,
    Flag,
    Rgbd,
    Splat16,
    SplatCodec,
    packet,
)
from vergence.server.rgbd import packed_colour, packed_confidence, packed_depth
from vergence.server.splat16 import LN_SCALE_MAX, LN_SCALE_MIN, packed_splats, splat_payload
from vergence.splats.prune import chosen
from vergence.types import DepthFrame, DepthMap, Frame, Gaussians, Intrinsics, PointCloud

T = TypeVar("T", bound=np.generic)

STRIDE = 3  # of the samples that a range is taken from
OUTLIERS = 0.1  # % of the samples at each end that are brought to the others
MARGIN = 0.03  # of the range, at each end
SHRINKING = 1.5  # s in which a range that is too wide loses half of what it has too much
SLACK = 0.1  # of the range: a little too wide is left as it is, so that the integers rest
DEEPEST = 1e4  # times the nearest: what is farther is sent as that far
RELATIVE_NEAR, RELATIVE_FAR = 1.0, 6.0  # where relative depth, which knows neither, is shown


@dataclass(frozen=True)
class Span:
    """The nearness that the integers of a frame stand for, from `low` to `high`."""

    low: float
    high: float

    def followed(self, found: "Span", seconds: float) -> "Span":
        """The span for a frame whose own is `found`: wider at once, narrower slowly and not for trifles."""
        keep = 0.5 ** (max(seconds, 0.0) / SHRINKING)
        slack = SLACK * (found.high - found.low)
        low = min(self.low, found.low) if found.low - self.low <= slack else found.low + keep * (self.low - found.low)
        high = max(self.high, found.high)
        if self.high - found.high > slack:
            high = found.high + keep * (self.high - found.high)
        return Span(low, high)


def span_of(depth: DepthMap) -> Span | None:
    """The range of a depth map without its outliers; None where nothing is valid."""
    near, valid = nearness(depth)[::STRIDE, ::STRIDE], depth.valid[::STRIDE, ::STRIDE]
    samples = near[valid & np.isfinite(near)]
    if not samples.size:
        return None
    low, high = np.percentile(samples, (OUTLIERS, 100 - OUTLIERS))
    if depth.kind in ("affine_inverse", "disparity"):
        margin = max(MARGIN * float(high - low), 1e-6 * max(abs(float(high)), 1e-6))
        return Span(float(low) - margin, float(high) + margin)
    high = max(float(high), 1e-6) * (1 + MARGIN)
    return Span(max(float(low) * (1 - MARGIN), high / DEEPEST), high)


class Spans:
    """The span of every frame of a source in turn, steadied; starts afresh at a shot."""

    def __init__(self) -> None:
        self._past: tuple[Span, int, float] | None = None

    def __call__(self, item: DepthFrame) -> Span:
        found = span_of(item.depth)
        shot, time = item.frame.shot, float(item.frame.time)
        if self._past is not None and self._past[1] == shot and self._past[2] <= time:
            span = self._past[0] if found is None else self._past[0].followed(found, time - self._past[2])
        else:
            span = found or Span(1e-3, 1.0)
        self._past = (span, shot, time)
        return span


@dataclass(frozen=True)
class Header:
    """What every packet says of itself, see docs/protocol.md."""

    source: int = 0
    sequence: int = 0
    time_us: int = 0
    is_still: bool = False
    is_independent: bool = True
    flags: Flag | None = None  # besides what is said above and found out below

    def packet(self, extension: Extension, *blocks: bytes, is_metric: bool) -> bytes:
        """Make the packet."""
        flags = self.flags or Flag(0)
        if self.is_independent:
            flags |= Flag.INDEPENDENT
        if is_metric:
            flags |= Flag.METRIC
        if self.is_still:
            flags |= Flag.STILL
        return packet(extension, blocks, flags=flags, source=self.source, sequence=self.sequence, time_us=self.time_us)


FIRST = Header()


def splat_packet(
    gaussians: Gaussians, room: int, quality: Quality, header: Header = FIRST, *, is_metric: bool = False
) -> bytes:
    """Pack Gaussians for a stream that has room for so many; of more the most opaque are sent."""
    if len(gaussians) > room:
        opaque = np.argpartition(-gaussians.opacities, room - 1)[:room]
        gaussians = chosen(gaussians, np.sort(opaque))
    codec = SplatCodec.PLAIN if quality.bits == 16 else SplatCodec.PLANAR_DEFLATE
    payload = splat_payload(packed_splats(gaussians), codec=codec)
    extension = Splat16(len(gaussians), room, LN_SCALE_MIN, LN_SCALE_MAX, 0.0, 1.0, codec)
    return header.packet(extension, payload, is_metric=is_metric)


def points_packet(cloud: PointCloud, quality: Quality, header: Header = FIRST, *, is_metric: bool = False) -> bytes:
    """Pack the first points of a cloud, as many as the quality has."""
    return header.packet(*points_payload(cloud, quality.points), is_metric=is_metric)


def rgbd_packet(
    item: DepthFrame, span: Span, quality: Quality, header: Header = FIRST, *, camera: Intrinsics | None = None
) -> bytes:
    """Pack a picture with depth.

    Args:
        item: any kind of depth; relative kinds are shown between `RELATIVE_NEAR` and `RELATIVE_FAR`.
        span: of the integers, see `Spans`.
        quality: how fine.
        header: what it says of itself.
        camera: what the user says of it; else the depth's, the picture's, or 60 degrees over the longer side.
    """
    near = nearness(item.depth)
    height, width = within(near.shape, quality.side)
    depth = packed_depth(
        thinned(near, width, height), thinned(item.depth.valid, width, height), span.low, span.high,
        codec=(codec := DepthCodec.DELTA_DEFLATE16 if quality.bits == 16 else DepthCodec.DELTA_DEFLATE12),
    )  # fmt: skip
    rgb = item.frame.rgb8
    rows, columns = within(rgb.shape[:2], quality.side)
    colour = packed_colour(np.ascontiguousarray(shrink(rgb, columns, rows)), quality.jpeg)
    confidence = _confidence(item.depth, width, height)
    lens = lens_of(item, camera, width, height)
    nearest, farthest = shown_range(item.depth, span)
    extension = Rgbd(
        width, height, lens.fx, lens.fy, lens.cx, lens.cy,
        nearest, farthest,
        codec, ColourCodec.JPEG, ConfidenceCodec.DEFLATE8 if confidence else ConfidenceCodec.NONE,
        len(colour), len(depth), len(confidence), **pose_of(item.depth),
    )  # fmt: skip
    return header.packet(extension, colour, depth, confidence, is_metric=item.depth.kind == "metric")


def warm_up() -> None:
    """Pack a frame that nobody sees, so that the first one that somebody sees does not wait for compiled code."""
    side = 64
    slope = np.repeat(np.linspace(1, 2, side, dtype=np.float32)[None], side, axis=0)
    frame = Frame(np.zeros((2 * side, 2 * side, 3), np.uint8), 0, Fraction(0))
    item = DepthFrame(frame, DepthMap(slope, np.ones(slope.shape, bool), "metric"))
    for bits in (12, 16):
        rgbd_packet(item, Spans()(item), Quality(bits, 80, side))


def within(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """(rows, columns) of a picture brought down to `side` px."""
    height, width = shape[0], shape[1]
    scale = min(1.0, side / max(height, width))
    return max(round(height * scale), 1), max(round(width * scale), 1)


def thinned(values: NDArray[T], width: int, height: int) -> NDArray[T]:
    """Samples at the centres of a coarser grid, as they are: the mean of two sides of an edge would hang in the air."""
    if values.shape == (height, width):
        return values
    rows = ((np.arange(height) + 0.5) * (values.shape[0] / height)).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * (values.shape[1] / width)).astype(np.intp)
    thinned: NDArray[T] = values[rows[:, None], columns]
    return thinned


def _confidence(depth: DepthMap, width: int, height: int) -> bytes:
    if depth.confidence is None:
        return b""
    low, high = np.percentile(depth.confidence[::STRIDE, ::STRIDE], (1, 99))
    return packed_confidence(thinned(depth.confidence, width, height), float(low), float(high))


def lens_of(item: DepthFrame, camera: Intrinsics | None, width: int, height: int) -> Intrinsics:
    """The camera of the grid of depth that is sent."""
    frame, depth = item.frame, item.depth
    known = camera or depth.intrinsics or frame.intrinsics or guessed_camera(frame.width, frame.height)
    if depth.sampling == "centres":
        return known.resized(width, height)
    # Its outer samples lie on the centres of the picture's outer pixels, so its pixels are a little wider.
    known = known.resized(frame.width, frame.height)
    rows, columns = depth.values.shape
    sx = (columns - 1) / max(frame.width - 1, 1) or 1.0
    sy = (rows - 1) / max(frame.height - 1, 1) or 1.0
    grid = Intrinsics(
        known.fx * sx, known.fy * sy, (known.cx - 0.5) * sx + 0.5, (known.cy - 0.5) * sy + 0.5, columns, rows
    )
    return grid.resized(width, height)


def shown_range(depth: DepthMap, span: Span) -> tuple[float, float]:
    """Near and far of a packet: relative depth is shown between `RELATIVE_NEAR` and `RELATIVE_FAR`."""
    if depth.kind in ("affine_inverse", "disparity"):
        return RELATIVE_NEAR, RELATIVE_FAR
    return 1 / span.high, 1 / span.low


def pose_of(depth: DepthMap) -> dict[str, tuple[float, ...]]:
    """The field `pose` of an extension, by its name; nothing where the place of the camera is not known."""
    pose = depth.world_from_camera
    if pose is None or not np.isfinite(pose).all():
        return {}
    return {"pose": tuple(map(float, pose[:3].ravel()))}
