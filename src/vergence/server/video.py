"""The tier of low bandwidth: picture and depth as two films, a tenth of the bytes of exact packets.

Colour is H.264. So is depth, the luma of 10 bits, for those who decode that profile: it costs a fifth of the time of
AV1 at the same bytes, and its edges stay sharper. Phones lack it, but 10 bits belong to the main profile of AV1, which
they have.
Neither looks ahead or reorders: a frame goes in, its packet comes out. One film serves all viewers who decode the same;
who joins asks for a key frame.
"""

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

from vergence.errors import MediaError
from vergence.geometry.nearness import nearness
from vergence.geometry.resample import shrink
from vergence.media.priority import usual_priority
from vergence.server.hub import FilmFrame
from vergence.server.pack import Header, Span, lens_of, pose_of, shown_range, thinned, within
from vergence.server.protocol import VIDEO_CODES, VideoDepth, VideoRgb
from vergence.types import DepthFrame, Intrinsics

logger = logging.getLogger(__name__)

F = np.float32

RATE = 30  # frames a second that rate control reckons with
ENDLESS = 1 << 20  # frames between key frames that nobody has asked for
LEAST = 64  # px a side; SVT-AV1 takes no less

# 0 is invalid and what is valid begins here: coding errors at their edges seldom reach half of it. Codes go by the root
# of nearness: there are few of them, and of what is far each would stand for a great many metres.
FAR_CODE, NEAR_CODE = 128, VIDEO_CODES - 1
STEPS = NEAR_CODE - FAR_CODE
LEVELS = 65535  # of the integers that luma is read as, evenly spaced in nearness
NEUTRAL = VIDEO_CODES // 2  # of chroma

_BT601, _LIMITED = 6, 1


@dataclass(frozen=True)
class Codec:
    """How a film is encoded: the encoder of FFmpeg, its samples and options.

    `name` is what WebCodecs calls it; "" where the film itself says that.
    """

    encoder: str
    pixels: str
    options: Mapping[str, str]
    threads: int | None = None
    name: str = ""


_X264 = {"tune": "zerolatency", "forced-idr": "1", "sc_threshold": "0"}
COLOUR_CODEC = Codec(
    "libx264", "yuv420p", {**_X264, "preset": "superfast", "crf": "24", "maxrate": "2M", "bufsize": "1M"}, threads=1
)
# By the words of a viewer's hello, the better one first. The level of AV1 holds more than the pixels of any film here.
DEPTH_CODECS: Mapping[str, Codec] = MappingProxyType({
    "h264-10": Codec(
        "libx264", "yuv420p10le", {**_X264, "preset": "ultrafast", "crf": "14", "profile": "high10"}, threads=1
    ),
    "av1-10": Codec(
        "libsvtav1", "yuv420p10le",
        {"preset": "10", "crf": "12", "svtav1-params": "pred-struct=1:lookahead=0:lp=1:rtc=1"},
        name="av01.0.04M.10",
    ),
})  # fmt: skip
COLOUR_DECODER = "h264"


@cache
def _has(encoder: str) -> bool:
    try:
        av.Codec(encoder, "w")
    except av.FFmpegError as error:
        logger.info("this installation makes no film: %s", error)
        return False
    return True


def can_film() -> bool:
    """Whether this installation makes film for anybody."""
    return _has(COLOUR_CODEC.encoder) and any(_has(codec.encoder) for codec in DEPTH_CODECS.values())


def depth_codec_for(decoders: Sequence[object]) -> str | None:
    """What depth is to be coded by for one who decodes these; None where there is no film for that."""
    if COLOUR_DECODER not in decoders or not _has(COLOUR_CODEC.encoder):
        return None
    return next((name for name, codec in DEPTH_CODECS.items() if name in decoders and _has(codec.encoder)), None)


class Film:
    """Encodes what it is given, frame after frame; begins anew with another source or size.

    `ask_key` may be called by any thread, the rest by one.

    Args:
        codec: of depth, one of `DEPTH_CODECS`.
        side: px the longer side has at most.
    """

    def __init__(self, codec: str, *, side: int) -> None:
        self._codec, self._side = DEPTH_CODECS[codec], side
        self._key_is_asked = threading.Event()
        self._begun: tuple[tuple[Any, ...], _Encoder, _Encoder] | None = None
        self._number = 0

    def ask_key(self) -> None:
        """Make the next frame one that needs none before it."""
        self._key_is_asked.set()

    def frame(
        self, item: DepthFrame, span: Span, header: Header, *, run: int = 0, camera: Intrinsics | None = None
    ) -> FilmFrame:
        """Encode a frame.

        Args:
            item, span, header, camera: as for `pack.rgbd_packet`.
            run: changes whenever the source begins anew.

        Raises:
            MediaError: an encoder fails; the next frame begins anew.
        """
        rgb, side = item.frame.rgb8, self._side
        (width, height), (columns, rows) = film_size(item.depth.values.shape, side), film_size(rgb.shape, side)
        colour, depth = self._encoders((header.source, run), (columns, rows), (width, height))
        is_key = self._key_is_asked.is_set()
        self._key_is_asked.clear()
        try:
            seen, seen_alone = colour.encode(_picture(shrink(rgb, columns, rows)), is_key=is_key)
            deep, deep_alone = depth.encode(_luma(codes_of(item, span, width, height)), is_key=is_key)
        except (MediaError, av.FFmpegError) as error:
            self.close()
            raise MediaError(f"the stream of low bandwidth failed: {error}") from error
        self._number += 1
        header = replace(header, is_independent=seen_alone and deep_alone)
        is_metric = item.depth.kind == "metric"
        lens = lens_of(item, camera, width, height)
        near, far = shown_range(item.depth, span)
        packets = (
            header.packet(VideoRgb(columns, rows, len(seen), colour.name_of(seen)), seen, is_metric=is_metric),
            header.packet(
                VideoDepth(
                    width, height, len(deep), depth.name_of(deep), lens.fx, lens.fy, lens.cx, lens.cy, near, far,
                    FAR_CODE, NEAR_CODE, **pose_of(item.depth),
                ),
                deep, is_metric=is_metric,
            ),
        )  # fmt: skip
        return FilmFrame(self._number, header.is_independent, packets)

    def close(self) -> None:
        """Nobody watches: give the encoders back. The next frame begins anew."""
        if self._begun is not None:
            for encoder in self._begun[1:]:
                encoder.close()
            self._begun = None

    def _encoders(self, *key: tuple[int, int]) -> tuple["_Encoder", "_Encoder"]:
        """Those of a source and run, a size of colour and one of depth."""
        if self._begun is None or self._begun[0] != key:
            self.close()
            self._begun = (key, _Encoder(COLOUR_CODEC, *key[1]), _Encoder(self._codec, *key[2]))
        return self._begun[1:]


def film_size(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """(width, height) of a film of pictures or depth of this shape: even, and no less than the encoders take."""
    height, width = within(shape, side)
    return max(width - width % 2, LEAST), max(height - height % 2, LEAST)


def codes_of(item: DepthFrame, span: Span, width: int, height: int) -> NDArray[np.uint16]:
    """Depth as luma, (height, width): 0 where it is invalid, else `FAR_CODE` to `NEAR_CODE`."""
    near = thinned(nearness(item.depth), width, height)
    valid = thinned(item.depth.valid, width, height) & np.isfinite(near)
    share = (np.where(valid, near, F(span.low)) - F(span.low)) * F(1 / max(span.high - span.low, 1e-30))
    codes = np.sqrt(np.clip(share, 0, 1)) * F(STEPS) + F(FAR_CODE + 0.5)
    return np.where(valid, codes.astype(np.uint16), np.uint16(0))


def whole_of(codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The integers of decoded luma, 0 invalid, else 1 to `LEVELS`: what the page's decoder does."""
    share = (np.clip(codes, FAR_CODE, NEAR_CODE) - FAR_CODE) / STEPS
    return np.where(codes < FAR_CODE / 2, 0, 1 + np.rint(share**2 * (LEVELS - 1))).astype(np.uint16)


class _Encoder:
    """One film: a frame in, its bytes out."""

    def __init__(self, codec: Codec, width: int, height: int) -> None:
        if codec.encoder == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only; SVT-AV1 writes to stderr by itself
        context = av.CodecContext.create(codec.encoder, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = width, height
        context.time_base, context.framerate = Fraction(1, RATE), Fraction(RATE)
        context.gop_size, context.max_b_frames = ENDLESS, 0
        context.color_range = _LIMITED
        context.pix_fmt, context.options = codec.pixels, dict(codec.options)
        if codec.threads is not None:
            context.thread_count = codec.threads
        context.color_primaries = context.color_trc = context.colorspace = _BT601
        with usual_priority():
            context.open()
        self._context, self._count, self._name = context, 0, codec.name

    def encode(self, frame: av.VideoFrame, *, is_key: bool) -> tuple[bytes, bool]:
        """The bytes of a frame, and whether they need none before them."""
        frame.pts, frame.time_base = self._count, Fraction(1, RATE)
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        self._count += 1
        packets = self._context.encode(frame)
        if len(packets) != 1:
            raise MediaError(f"{self._context.name} gave {len(packets)} packets for a frame")
        return bytes(packets[0]), packets[0].is_keyframe

    def name_of(self, data: bytes) -> str:
        """What WebCodecs calls the film; H.264 says it in the three bytes after the header of its parameters."""
        at = data.find(b"\x00\x00\x01\x67")
        if at >= 0 and not self._name.startswith("av01"):
            self._name = f"avc1.{data[at + 4 : at + 7].hex().upper()}"
        return self._name

    def close(self) -> None:
        try:
            self._context.encode(None)  # SVT-AV1 complains where it is not told of the end
        except av.FFmpegError as error:
            logger.debug("an encoder ended with %s", error)


def _picture(rgb: NDArray[np.uint8]) -> av.VideoFrame:
    planes = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2YUV_I420)
    return av.VideoFrame.from_ndarray(np.asarray(planes, np.uint8), format="yuv420p")


def _luma(codes: NDArray[np.uint16]) -> av.VideoFrame:
    height, width = codes.shape
    frame = av.VideoFrame(width, height, "yuv420p10le")
    luma, *chroma = frame.planes
    np.frombuffer(luma, np.uint16).reshape(-1, luma.line_size // 2)[:height, :width] = codes  # type: ignore[call-overload]
    for plane in chroma:
        np.frombuffer(plane, np.uint16)[:] = NEUTRAL  # type: ignore[call-overload]
    return frame
