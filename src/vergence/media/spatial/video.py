"""Spatial films: MV-HEVC in QuickTime or MP4, as a `VideoSink` whose encoder gives both views at once.

What a film says of its views follows what Apple's AVFoundation writes: `lhvC`, `vexu` with `eyes`, `hfov`, and the
reference displays message in `hvcC` (Apple, "QuickTime and ISO Base Media File Formats and Spatial and Immersive
Media"; ISO/IEC 14496-15, 9.5.3.1). FFmpeg decodes both views; on a device it has not been tried.
"""

import struct
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from av.codec.context import CodecContext, Flags
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from vergence.errors import FormatError, MediaError, SettingsError
from vergence.media.boxes import Box, full_box, holding, with_entry_boxes
from vergence.media.spatial.hevc import (
    PPS,
    RIGHT_LAYER,
    SPS,
    VPS,
    byte_stream,
    joined,
    nal_units,
    on_layer,
    picture_format,
    reference_displays,
    two_layer_vps,
    unit_type,
)
from vergence.media.spatial.metadata import SpatialCamera
from vergence.media.video_writer import EncodeSettings, VideoSink
from vergence.media.yuv import Picture
from vergence.types import Frame, MediaInfo, StereoPair

SUFFIXES = (".mov", ".mp4", ".m4v")
KEY_SECONDS = 2  # between two key frames, at which a player can begin
B_PICTURES = 3  # between two P pictures
# Both encoders must choose alike, whatever they see. These leave next to nothing to them, and the types of all pictures
# are given: even so x265 would put a P picture where a scene changes in one view and not in the other.
ALIKE = ("no-open-gop=1", "scenecut=0", "b-adapt=0", "info=0")


class SpatialVideoSink:
    """Writes pairs as an MV-HEVC film, with all that the source has beside its picture.

    The left view is an ordinary HEVC film for every player that knows no more. Times, sound, subtitles, chapters and
    colours are as `VideoSink` has them, 10 bits and HDR10 among them. Of subtitles that QuickTime and MP4 cannot hold
    the text is kept, and any other such track is left out with a warning.

    Args:
        path: of the film, .mov or .mp4.
        like: the source, as for `VideoSink`.
        settings: codec auto or hevc, and quality.
        camera: what the film says of its cameras; a field of view not stated is that of the first pair's picture.
        overwrite: replace what lies at `path`.
        carry_tracks: copy sound, subtitles, chapters and tags of the source.

    Raises:
        FormatError: another suffix.
        SettingsError: another codec.
        MediaError, TargetError: as of `VideoSink`.
    """

    def __init__(
        self,
        path: Path,
        *,
        like: MediaInfo,
        settings: EncodeSettings | None = None,
        camera: SpatialCamera | None = None,
        overwrite: bool = False,
        carry_tracks: bool = True,
    ) -> None:
        settings = settings or EncodeSettings()
        check_spatial(path, settings)
        self._film = _TwoLayerFilm(
            path,
            like=like,
            settings=replace(settings, codec="hevc"),
            overwrite=overwrite,
            carry_tracks=carry_tracks,
        )
        self._film.camera = camera or SpatialCamera()
        self.path = path

    def __enter__(self) -> Self:
        self._film.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._film.__exit__(kind, error, traceback)

    def write(self, pair: StereoPair) -> None:
        """Append a pair; times must increase and sizes stay."""
        self._film.right = pair.right
        self._film.write(replace(pair.frame, rgb=pair.left))


def check_spatial(path: Path, settings: EncodeSettings) -> None:
    """Raise `FormatError` or `SettingsError` where a spatial film cannot be written like this."""
    if path.suffix.lower() not in SUFFIXES:
        raise FormatError(f"spatial video goes into {' or '.join(SUFFIXES[:2])}, not {path.name}")
    if settings.codec not in ("auto", "hevc"):
        raise SettingsError(f"spatial video is hevc, not {settings.codec}; leave out the codec")


class _TwoLayerFilm(VideoSink):
    """A film of left views whose packets and header get the right views too.

    Attributes:
        right: the right view that belongs to the next frame written.
        camera: what the header says of the cameras.
    """

    right: Picture
    camera: SpatialCamera

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options, is_bound=True)  # Matroska has no two layers
        self._keys = max(1, round(KEY_SECONDS * (self._like.rate or 24)))  # pictures from one key frame to the next
        self._shown = 0
        # Packets wait for their twin: the encoders are alike, but one may be ahead by a picture.
        self._left_packets: deque[Packet[VideoStream]] = deque()
        self._right_packets: deque[Packet[VideoStream]] = deque()

    def _codec_options(self) -> dict[str, str]:
        options = super()._codec_options()
        keys = f"keyint={self._keys}:min-keyint={self._keys}:bframes={B_PICTURES}"
        options["x265-params"] = ":".join((options["x265-params"], keys, *ALIKE))
        return options | {"forced-idr": "1"}

    def _open_encoder(self, context: VideoCodecContext, frame: Frame) -> None:
        self.camera = self.camera.of(frame.intrinsics, width=frame.width, height=frame.height)
        twin = CodecContext.create(context.name, "w")
        assert isinstance(twin, VideoCodecContext)
        self._twin = twin
        twin.width, twin.height, twin.pix_fmt = context.width, context.height, context.pix_fmt
        twin.time_base, twin.framerate, twin.thread_type = context.time_base, context.framerate, context.thread_type
        twin.color_primaries, twin.color_trc = context.color_primaries, context.color_trc
        twin.colorspace, twin.color_range = context.colorspace, context.color_range
        twin.flags |= Flags.global_header
        twin.options = dict(context.options)
        super()._open_encoder(context, frame)
        super()._open_encoder(twin, frame)
        units, others = ([*nal_units(encoder.extradata or b"")] for encoder in (context, twin))
        coded = picture_format(next(unit for unit in units if unit_type(unit) == SPS))
        context.extradata = byte_stream(
            [two_layer_vps(unit, coded) if unit_type(unit) == VPS else unit for unit in units] + [reference_displays()]
        )
        self._right_sets = [on_layer(unit, RIGHT_LAYER) for unit in others if unit_type(unit) in (SPS, PPS)]

    def _encode(self, picture: VideoFrame | None) -> "list[Packet[VideoStream]]":
        twin = None
        if picture is not None:
            twin = self._yuv.write(self.right)
            twin.pts, twin.time_base = picture.pts, picture.time_base
            picture.pict_type = twin.pict_type = self._picture_type(self._shown)
            self._shown += 1
        self._left_packets.extend(super()._encode(picture))
        self._right_packets.extend(self._twin.encode(twin))
        if picture is None and len(self._left_packets) != len(self._right_packets):
            raise MediaError("the encoder gave more pictures of one view than of the other")
        packets: list[Packet[VideoStream]] = []
        while self._left_packets and self._right_packets:
            left, right = self._left_packets.popleft(), self._right_packets.popleft()
            if left.pts != right.pts:
                raise MediaError(f"the encoder gave the two views in different orders: {left.pts} and {right.pts}")
            packet: Packet[Any] = Packet(joined(bytes(left), bytes(right)))
            packet.stream, packet.is_keyframe = left.stream, left.is_keyframe
            packet.pts, packet.dts, packet.duration = left.pts, left.dts, left.duration
            packet.time_base = left.time_base
            packets.append(packet)
        return packets

    def _picture_type(self, index: int) -> PictureType:
        place = index % self._keys
        if place == 0:
            return PictureType.I
        is_last = place == self._keys - 1
        return PictureType.P if is_last or place % (B_PICTURES + 1) == 0 else PictureType.B

    def _header_edit(self) -> Callable[[Box], Box] | None:
        return self._with_views

    def _with_views(self, moov: Box) -> Box:
        record = moov_record(moov)
        layers = with_entry_boxes(moov, right_layer_record(record, self._right_sets), after=b"hvcC")
        return with_entry_boxes(layers, *camera_boxes(self.camera), *self._entry_boxes())


def moov_record(moov: Box) -> bytes:
    """The HEVC decoder configuration record of a film's first track that has one."""
    for trak in moov.all(b"trak"):
        for entry in trak.find(b"mdia", b"minf", b"stbl", b"stsd").children or ():
            for box in entry.all(b"hvcC"):
                return box.data
    raise MediaError("the film's header has no hvcC")


def right_layer_record(record: bytes, sets: list[bytes]) -> Box:
    """`lhvC`: what a decoder needs for the right view, beside the base layer's `record` (ISO/IEC 14496-15, 9.5.3.1)."""
    segmentation = 0xF000  # min_spatial_segmentation_idc: unknown
    parallelism = 0xFC  # parallelismType: unknown
    layout = 0xC0 | record[21] & 0x3F  # numTemporalLayers, temporalIdNested, lengthSizeMinusOne as in hvcC
    kinds = sorted({unit_type(unit) for unit in sets})
    data = struct.pack(">BHBBB", 1, segmentation, parallelism, layout, len(kinds))
    for kind in kinds:
        units = [unit for unit in sets if unit_type(unit) == kind]
        data += struct.pack(">BH", 0x80 | kind, len(units))  # array_completeness: none in the stream
        data += b"".join(struct.pack(">H", len(unit)) + unit for unit in units)
    return Box(b"lhvC", data)


def camera_boxes(camera: SpatialCamera) -> tuple[Box, Box]:
    """`vexu` and `hfov`: that there are two eyes, the left one first, and what is known of their cameras."""
    eyes = holding(
        b"eyes",
        full_box(b"stri", bytes((0b0011,))),  # has_right_eye_view, has_left_eye_view
        full_box(b"hero", bytes((1,))),  # the left
        holding(b"cams", full_box(b"blin", struct.pack(">I", round(camera.baseline * 1000)))),  # micrometres
        holding(b"cmfy", full_box(b"dadj", struct.pack(">i", round(camera.disparity_adjustment * 10_000)))),
    )
    return holding(b"vexu", eyes), Box(b"hfov", struct.pack(">I", round(camera.degrees * 1000)))  # millidegrees
