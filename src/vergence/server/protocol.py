"""Packets of the live protocol `vergence.v1`, to bytes and back; docs/protocol.md is the layout in words.

`packet` writes one, `parse` reads one and refuses whatever the page does not allow. What is in the blocks (pictures,
deflated depth) is left packed: see `rgbd` and `splat16`. `web/src/protocol.js` is this module's twin.
"""

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, ClassVar, Self, TypeVar

from vergence.errors import ProtocolError

E = TypeVar("E", bound=IntEnum)
Buffer = bytes | bytearray | memoryview

NAME = "vergence.v1"  # of the WebSocket's sub-protocol
MAGIC = b"VGN1"
MAJOR = 1
HEADER = struct.Struct("<4sBBHHHIQII")
ALIGNMENT = 16  # bytes; typed arrays look straight into the message
SPLAT_BYTES = 16
SPLAT_BLOCK = 2048  # splats; a viewer's texture is so wide
VIDEO_CODES = 1024  # of a sample of 10 bits
LARGEST = 1 << 28  # bytes of a payload: nothing we send comes near

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)


class Kind(IntEnum):
    """What a packet holds."""

    RGBD = 1
    SPLAT16 = 2
    POINTS16 = 4
    VIDEO_RGB = 5
    VIDEO_DEPTH = 6
    CAPTURE = 16


class Flag(IntFlag):
    """What is to be known of a packet without opening it."""

    INDEPENDENT = 1
    HIGH_QUALITY = 2
    LAST_OF_CAPTURE = 4
    METRIC = 8
    STILL = 16


class DepthCodec(IntEnum):
    """How the integers of depth lie in their block."""

    RAW16 = 0
    DELTA_DEFLATE16 = 1
    DELTA_DEFLATE12 = 2


class ColourCodec(IntEnum):
    """What the picture's block is."""

    JPEG = 0
    WEBP = 1
    RAW = 2


class ConfidenceCodec(IntEnum):
    """What the block of confidence is."""

    NONE = 0
    DEFLATE8 = 1


class SplatCodec(IntEnum):
    """How the bytes of splats lie in the payload."""

    PLAIN = 0
    PLANAR_DEFLATE = 1


@dataclass(frozen=True)
class Rgbd:
    """The extension of an RGBD packet: the grid of depth, its camera, and how its three blocks are packed.

    `width` and `height` are of the depth; `fx` to `cy` px of that grid; `near` and `far` the range of the integers;
    `pose` the 12 numbers of world_from_camera (3 x 4) row by row, OpenCV axes. Bytes are without padding.
    """

    KIND: ClassVar[Kind] = Kind.RGBD
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HH4f2fBBBBIII12f4x")

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    near: float
    far: float
    depth_codec: DepthCodec
    colour_codec: ColourCodec
    confidence_codec: ConfidenceCodec
    colour_bytes: int
    depth_bytes: int
    confidence_bytes: int
    pose: tuple[float, ...] = _IDENTITY

    def to_bytes(self) -> bytes:
        return self.LAYOUT.pack(
            self.width, self.height, self.fx, self.fy, self.cx, self.cy, self.near, self.far,
            self.depth_codec, self.colour_codec, self.confidence_codec, 0,
            self.colour_bytes, self.depth_bytes, self.confidence_bytes, *self.pose,
        )  # fmt: skip

    @classmethod
    def from_bytes(cls, extension: memoryview) -> Self:
        width, height, fx, fy, cx, cy, near, far, depth, colour, confidence, zero, a, b, c, *pose = _unpacked(
            cls.LAYOUT, extension
        )
        _refuse_unless(zero == 0 and not any(extension[92:]), "reserved bytes of an RGBD packet are not 0")
        return cls(
            width, height, fx, fy, cx, cy, near, far,
            _named(DepthCodec, depth), _named(ColourCodec, colour), _named(ConfidenceCodec, confidence),
            a, b, c, tuple(pose),
        )  # fmt: skip

    def check(self, payload_bytes: int) -> None:
        """Raise `ProtocolError` where the numbers contradict each other."""
        pixels = self.width * self.height
        _refuse_unless(pixels > 0, f"depth of {self.width}x{self.height} has no pixel")
        _check_camera(self)
        _refuse_unless(self.colour_bytes > 0, "there is no picture")
        is_whole = self.depth_codec != DepthCodec.RAW16 or self.depth_bytes == 2 * pixels
        _refuse_unless(is_whole, f"raw depth of {pixels} pixels has {self.depth_bytes} bytes")
        is_whole = self.colour_codec != ColourCodec.RAW or self.colour_bytes == 3 * pixels
        _refuse_unless(is_whole, f"a raw picture of {pixels} pixels has {self.colour_bytes} bytes")
        has_confidence = self.confidence_codec != ConfidenceCodec.NONE
        _refuse_unless(has_confidence == (self.confidence_bytes > 0), "the block of confidence is not what is said")
        blocks = (self.colour_bytes, self.depth_bytes, self.confidence_bytes)
        _refuse_unless(sum(map(padded, blocks)) == payload_bytes, f"blocks of {blocks} bytes are not {payload_bytes}")


@dataclass(frozen=True)
class Splat16:
    """The extension of a SPLAT16 packet: how many splats, room for how many, and the ranges of their bytes."""

    KIND: ClassVar[Kind] = Kind.SPLAT16
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<IIffffB7x")

    count: int
    capacity: int
    ln_scale_min: float
    ln_scale_max: float
    rgb_min: float
    rgb_max: float
    codec: SplatCodec

    def to_bytes(self) -> bytes:
        return self.LAYOUT.pack(
            self.count, self.capacity, self.ln_scale_min, self.ln_scale_max, self.rgb_min, self.rgb_max, self.codec
        )

    @classmethod
    def from_bytes(cls, extension: memoryview) -> Self:
        count, capacity, ln_min, ln_max, rgb_min, rgb_max, codec = _unpacked(cls.LAYOUT, extension)
        _refuse_unless(not any(extension[25:]), "reserved bytes of a SPLAT16 packet are not 0")
        return cls(count, capacity, ln_min, ln_max, rgb_min, rgb_max, _named(SplatCodec, codec))

    @property
    def plain_bytes(self) -> int:
        """Of the splats, whole blocks of 2048, before any packing."""
        return -(-self.count // SPLAT_BLOCK) * SPLAT_BLOCK * SPLAT_BYTES

    def check(self, payload_bytes: int) -> None:
        """Raise `ProtocolError` where the numbers contradict each other."""
        _refuse_unless(
            self.capacity % SPLAT_BLOCK == 0 and self.count <= self.capacity,
            f"{self.count} splats in room for {self.capacity}, which must be a multiple of {SPLAT_BLOCK}",
        )
        ranges = (self.ln_scale_min, self.ln_scale_max, self.rgb_min, self.rgb_max)
        is_sound = all(map(math.isfinite, ranges)) and ranges[0] < ranges[1] and ranges[2] < ranges[3]
        _refuse_unless(is_sound, f"the ranges {ranges} are empty")
        _refuse_unless(self.plain_bytes <= LARGEST, f"{self.count} splats are too many")
        is_whole = self.codec != SplatCodec.PLAIN or payload_bytes == self.plain_bytes
        _refuse_unless(is_whole, f"{self.count} plain splats are {self.plain_bytes} bytes, not {payload_bytes}")


@dataclass(frozen=True)
class Points16:
    """The extension of a POINTS16 packet: a point is `origin + int16 / 32767 * scale`."""

    KIND: ClassVar[Kind] = Kind.POINTS16
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<Iffff12x")

    count: int
    scale: float
    origin: tuple[float, float, float]

    def to_bytes(self) -> bytes:
        return self.LAYOUT.pack(self.count, self.scale, *self.origin)

    @classmethod
    def from_bytes(cls, extension: memoryview) -> Self:
        count, scale, x, y, z = _unpacked(cls.LAYOUT, extension)
        _refuse_unless(not any(extension[20:]), "reserved bytes of a POINTS16 packet are not 0")
        return cls(count, scale, (x, y, z))

    def check(self, payload_bytes: int) -> None:
        """Raise `ProtocolError` where the numbers contradict each other."""
        is_sound = all(map(math.isfinite, (self.scale, *self.origin))) and self.scale > 0
        _refuse_unless(is_sound, f"points have scale {self.scale:g} and origin {self.origin}")
        wanted = padded(8 * self.count) + padded(4 * self.count)
        _refuse_unless(payload_bytes == wanted, f"{self.count} points are {wanted} bytes, not {payload_bytes}")


@dataclass(frozen=True)
class VideoRgb:
    """The extension of a VIDEO_RGB packet: a frame of colour, decoded with all since the last independent one.

    `codec` is what WebCodecs calls it; bytes are without padding.
    """

    KIND: ClassVar[Kind] = Kind.VIDEO_RGB
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HHI16s8x")

    width: int
    height: int
    frame_bytes: int
    codec: str

    def to_bytes(self) -> bytes:
        return self.LAYOUT.pack(self.width, self.height, self.frame_bytes, self.codec.encode("ascii"))

    @classmethod
    def from_bytes(cls, extension: memoryview) -> Self:
        width, height, frame_bytes, codec = _unpacked(cls.LAYOUT, extension)
        _refuse_unless(not any(extension[24:]), "reserved bytes of a VIDEO_RGB packet are not 0")
        return cls(width, height, frame_bytes, _codec_name(codec))

    def check(self, payload_bytes: int) -> None:
        """Raise `ProtocolError` where the numbers contradict each other."""
        _check_video(self.width, self.height, self.frame_bytes, self.codec, payload_bytes)


@dataclass(frozen=True)
class VideoDepth:
    """The extension of a VIDEO_DEPTH packet: a frame whose 10-bit luma is depth, and its camera as in `Rgbd`.

    `far_code` and `near_code` are the luma of `far` and `near`; what is under half of `far_code` is invalid.
    """

    KIND: ClassVar[Kind] = Kind.VIDEO_DEPTH
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HHI16s4f2fHH12f12x")

    width: int
    height: int
    frame_bytes: int
    codec: str
    fx: float
    fy: float
    cx: float
    cy: float
    near: float
    far: float
    far_code: int
    near_code: int
    pose: tuple[float, ...] = _IDENTITY

    def to_bytes(self) -> bytes:
        return self.LAYOUT.pack(
            self.width, self.height, self.frame_bytes, self.codec.encode("ascii"), self.fx, self.fy, self.cx, self.cy,
            self.near, self.far, self.far_code, self.near_code, *self.pose,
        )  # fmt: skip

    @classmethod
    def from_bytes(cls, extension: memoryview) -> Self:
        width, height, frame_bytes, codec, *numbers = _unpacked(cls.LAYOUT, extension)
        _refuse_unless(not any(extension[100:]), "reserved bytes of a VIDEO_DEPTH packet are not 0")
        fx, fy, cx, cy, near, far, far_code, near_code, *pose = numbers
        return cls(
            width, height, frame_bytes, _codec_name(codec), fx, fy, cx, cy, near, far, far_code, near_code,
            tuple(pose),
        )  # fmt: skip

    def check(self, payload_bytes: int) -> None:
        """Raise `ProtocolError` where the numbers contradict each other."""
        _check_video(self.width, self.height, self.frame_bytes, self.codec, payload_bytes)
        _check_camera(self)
        codes = (self.far_code, self.near_code)
        _refuse_unless(0 < codes[0] < codes[1] < VIDEO_CODES, f"the codes of far and near are {codes}")


@dataclass(frozen=True)
class Capture:
    """The extension of a CAPTURE packet: a picture's size, px, its horizontal field of view, radians (0: unknown)."""

    KIND: ClassVar[Kind] = Kind.CAPTURE
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HHBBBBfI")

    width: int
    height: int
    codec: ColourCodec
    fov_x: float
    picture_bytes: int

    def to_bytes(self) -> bytes:
        return self.LAYOUT.pack(self.width, self.height, self.codec, 0, 0, 0, self.fov_x, self.picture_bytes)

    @classmethod
    def from_bytes(cls, extension: memoryview) -> Self:
        width, height, codec, *zeros, fov_x, picture_bytes = _unpacked(cls.LAYOUT, extension)
        _refuse_unless(not any(zeros), "reserved bytes of a CAPTURE packet are not 0")
        return cls(width, height, _named(ColourCodec, codec), fov_x, picture_bytes)

    def check(self, payload_bytes: int) -> None:
        """Raise `ProtocolError` where the numbers contradict each other."""
        _refuse_unless(self.codec == ColourCodec.JPEG, "a capture is a JPEG")
        _refuse_unless(self.width > 0 and self.height > 0, f"a capture of {self.width}x{self.height} has no pixel")
        _refuse_unless(0 <= self.fov_x < math.pi, f"a field of view of {self.fov_x:g} radians")
        is_whole = self.picture_bytes > 0 and padded(self.picture_bytes) == payload_bytes
        _refuse_unless(is_whole, f"a picture of {self.picture_bytes} bytes comes in {payload_bytes}")


Extension = Rgbd | Splat16 | Points16 | VideoRgb | VideoDepth | Capture
_EXTENSIONS: dict[Kind, type[Extension]] = {
    each.KIND: each for each in (Rgbd, Splat16, Points16, VideoRgb, VideoDepth, Capture)
}


@dataclass(frozen=True)
class Packet:
    """A packet taken apart: header, extension and the payload, which looks into the bytes it was read from."""

    flags: Flag
    source: int
    sequence: int
    time_us: int
    extension: Extension
    payload: memoryview

    @property
    def blocks(self) -> tuple[memoryview, ...]:
        """The payload's blocks without their padding."""
        extension = self.extension
        if isinstance(extension, Rgbd):
            sizes: tuple[int, ...] = (extension.colour_bytes, extension.depth_bytes, extension.confidence_bytes)
        elif isinstance(extension, Points16):
            sizes = (8 * extension.count, 4 * extension.count)
        elif isinstance(extension, Capture):
            sizes = (extension.picture_bytes,)
        elif isinstance(extension, VideoRgb | VideoDepth):
            sizes = (extension.frame_bytes,)
        else:
            sizes = (len(self.payload),)
        found, at = [], 0
        for size in sizes:
            found.append(self.payload[at : at + size])
            at += padded(size)
        return tuple(found)


def padded(size: int) -> int:
    """`size` rounded up to whole 16 bytes."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def packet(
    extension: Extension,
    blocks: Sequence[Buffer],
    *,
    flags: Flag = Flag.INDEPENDENT,
    source: int = 0,
    sequence: int = 0,
    time_us: int = 0,
    checked: bool = False,
) -> bytes:
    """Make a packet of blocks, each of which is padded.

    Args:
        extension, blocks: what it holds.
        flags, source, sequence, time_us: of the header; time on the server's clock.
        checked: carry a checksum. TCP and TLS have their own: it is for files and tests.

    Raises:
        ProtocolError: the blocks are not what the extension says.
    """
    parts: list[Buffer] = []
    for block in blocks:
        size = memoryview(block).nbytes
        parts += [block, bytes(padded(size) - size)]
    head = extension.to_bytes()
    payload_bytes = sum(memoryview(part).nbytes for part in parts)
    extension.check(payload_bytes)
    crc = 0
    if checked:
        for part in (head, *parts):
            crc = zlib.crc32(part, crc)
    header = HEADER.pack(
        MAGIC, MAJOR, extension.KIND, flags, source, len(head) // ALIGNMENT, sequence & 0xFFFFFFFF, time_us,
        payload_bytes, crc,
    )  # fmt: skip
    return b"".join((header, head, *parts))


def parse(message: Buffer) -> Packet:
    """Take a packet apart.

    Raises:
        ProtocolError: it is not exactly what docs/protocol.md says.
    """
    view = memoryview(message).cast("B")
    _refuse_unless(len(view) >= HEADER.size, f"{len(view)} bytes are too few for a packet's header")
    magic, major, kind, flags, source, head, sequence, time_us, payload_bytes, crc = HEADER.unpack(view[: HEADER.size])
    _refuse_unless(magic == MAGIC, "this is no packet: it does not begin with VGN1")
    _refuse_unless(major == MAJOR, f"the packet is of protocol version {major}, needed is {MAJOR}; reload the page")
    _refuse_unless(flags & ~sum(Flag) == 0, f"flags are {flags:#x}, of which some are unknown")
    start = HEADER.size + head * ALIGNMENT
    wanted = start + payload_bytes
    _refuse_unless(len(view) == wanted, f"a packet of {wanted} bytes comes in {len(view)}")
    _refuse_unless(payload_bytes % ALIGNMENT == 0, f"a payload of {payload_bytes} bytes is not padded")
    _refuse_unless(crc == 0 or zlib.crc32(view[HEADER.size :]) == crc, "the packet's checksum is wrong")
    extension = _EXTENSIONS[_named(Kind, kind)].from_bytes(view[HEADER.size : start])
    extension.check(payload_bytes)
    return Packet(Flag(flags), source, sequence, time_us, extension, view[start:])


def _unpacked(layout: struct.Struct, extension: memoryview) -> tuple[Any, ...]:
    _refuse_unless(len(extension) == layout.size, f"an extension has {len(extension)} bytes, not {layout.size}")
    return layout.unpack(extension)


def _named(names: type[E], value: int) -> E:
    try:
        return names(value)
    except ValueError as error:
        raise ProtocolError(f"no {names.__name__} has the number {value}") from error


def _codec_name(field: bytes) -> str:
    name, _, rest = field.partition(b"\0")
    _refuse_unless(not any(rest) and name.isascii(), "the name of a codec is not ASCII, padded with zeros")
    return name.decode("ascii")


def _check_camera(seen: Rgbd | VideoDepth) -> None:
    numbers = (seen.fx, seen.fy, seen.cx, seen.cy, seen.near, seen.far, *seen.pose)
    _refuse_unless(all(map(math.isfinite, numbers)), "a camera has a number that is not finite")
    _refuse_unless(seen.fx > 0 and seen.fy > 0, f"focal lengths are {seen.fx:g} and {seen.fy:g}, not positive")
    _refuse_unless(0 < seen.near < seen.far, f"near and far are {seen.near:g} and {seen.far:g}")


def _check_video(width: int, height: int, frame_bytes: int, codec: str, payload_bytes: int) -> None:
    _refuse_unless(width > 0 and height > 0, f"a film of {width}x{height} has no pixel")
    is_named = 0 < len(codec) <= 16 and all(c.isalnum() or c == "." for c in codec)
    _refuse_unless(is_named, f"{codec!r} is no name of a codec")
    is_whole = frame_bytes > 0 and padded(frame_bytes) == payload_bytes
    _refuse_unless(is_whole, f"a frame of {frame_bytes} bytes comes in {payload_bytes}")


def _refuse_unless(is_right: bool, why: str) -> None:
    if not is_right:
        raise ProtocolError(why)
