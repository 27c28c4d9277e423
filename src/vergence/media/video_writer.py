"""Films out, by PyAV: frames at their exact times, with the colours, sound, subtitles and chapters of the source."""

import io
import logging
import math
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vergence.errors import FormatError, MediaError, SettingsError, ShapeError
from vergence.media.boxes import Box, rewrite_moov, with_entry_boxes
from vergence.media.frame_packing import with_arrangement
from vergence.media.light_levels import LightLevels, light_boxes, light_levels, svt_av1_parameters, x265_parameters
from vergence.media.matroska import set_display_size
from vergence.media.packing import PACKINGS, PackingTags
from vergence.media.priority import usual_priority
from vergence.media.spherical import packing_boxes
from vergence.media.targets import Target
from vergence.media.tracks import MATROSKA, OtherTracks, label
from vergence.media.yuv import YuvWriter, with_matrix
from vergence.types import Frame, MediaInfo, Packing

logger = logging.getLogger(__name__)

Codec = Literal["auto", "h264", "hevc", "av1"]


@dataclass(frozen=True)
class _Encoder:
    """A row of the table of encoders; presets from fast to thorough, crf as the encoder counts it.

    `least` is how many pixels a side it takes. Below, x265 4.2 writes past its memory and SVT-AV1 4.1 never ends.
    """

    library: str
    presets: tuple[str, ...]
    preset: str
    crf: int
    crf_limit: int
    pixels: str
    deep_pixels: str
    least: int


X26X_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
# Measured on a 3840x1080 clip: h264 veryfast and av1 9 give the most quality for their time, hevc is for headsets.
# From 10 on SVT-AV1 itself warns of visible artefacts.
# x264 could do 10 bits, but next to no hardware decodes that.
ENCODERS = {
    "h264": _Encoder("libx264", X26X_PRESETS, "veryfast", 18, 51, "yuv420p", "yuv420p", 1),
    "hevc": _Encoder("libx265", X26X_PRESETS, "ultrafast", 20, 51, "yuv420p", "yuv420p10le", 48),
    "av1": _Encoder("libsvtav1", tuple(str(i) for i in range(13, -1, -1)), "9", 28, 63, "yuv420p", "yuv420p10le", 48),
}
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
HELD_CODECS = {".mov": ("h264", "hevc"), ".webm": ("av1",)}  # the others hold all
BITS_PER_PIXEL = 0.2  # of a finished film, generously: h264 veryfast at crf 18 took 0.13
VIEWS = 2  # a stereo film has about twice the source's pixels
FASTEST_TICK = Fraction(1, 1_000_000)  # MP4 counts a frame's duration in 32 bits
BUFFER = 1 << 20  # bytes handed to the disk at a time
PQ, HLG = 16, 18


@dataclass(frozen=True)
class EncodeSettings:
    """How to encode a film.

    Attributes:
        codec: auto is h264, or hevc with 10 bits for a source of more than 8.
        crf: constant quality, lower is better; None is the codec's default (18 h264, 20 hevc, 28 av1).
        preset: how thorough; None is the codec's default (veryfast h264, ultrafast hevc, 9 av1).

    Raises:
        SettingsError: a name or number that the codec does not have.
    """

    codec: Codec = "auto"
    crf: int | None = None
    preset: str | None = None

    def __post_init__(self) -> None:
        if self.codec not in get_args(Codec):
            raise SettingsError(f"no codec is called {self.codec!r}; choose from {', '.join(get_args(Codec))}")
        encoder = ENCODERS["h264" if self.codec == "auto" else self.codec]
        if self.crf is not None and not 1 <= self.crf <= encoder.crf_limit:
            raise SettingsError(f"crf of {self.codec} is 1 (best) to {encoder.crf_limit} (smallest), not {self.crf}")
        if self.preset is not None and self.preset not in encoder.presets:
            raise SettingsError(f"{self.codec} has no preset {self.preset!r}; choose from {', '.join(encoder.presets)}")


class VideoSink:
    """Writes frames as a film, with all that the source has beside its picture.

    Frames keep their times to the tick, shifted so that the film, or the part asked for, begins at zero. Matroska
    counts in milliseconds, and from the first sound where that is primed before zero. Odd sizes gain a copy of the
    last row or column. The film lies under `path` when the context is left without an error, and not at all otherwise.

    Args:
        path: of the film; the suffix chooses the container.
        like: the source: its clock, colours and bits, and its file for everything beside the picture.
        settings: codec and quality.
        overwrite: replace what lies at `path`.
        carry_tracks: copy sound, subtitles, chapters, tags, fonts and cover of the source.
        stereo: how the frames hold two views, where they do.
        is_bound: stay in the container asked for: what it cannot hold is left out, and of subtitles the text is kept.
            A half sphere always stays in an MP4, as Matroska has no word for it.

    Attributes:
        path: where the film really lies: Matroska takes over where the container asked for cannot hold a track.

    Raises:
        FormatError: when made: a suffix that is no film's, or a codec the container does not take. On the first
            `write`: pictures of a size the encoder cannot do.
        MediaError: the film cannot be encoded or written.
        TargetError: see `Target`.
    """

    def __init__(
        self,
        path: Path,
        *,
        like: MediaInfo,
        settings: EncodeSettings = EncodeSettings(),
        overwrite: bool = False,
        carry_tracks: bool = True,
        stereo: Packing | None = None,
        is_bound: bool = False,
    ) -> None:
        self._like, self._settings, self._stereo = like, settings, stereo
        self._codec = codec_for(settings, like)
        self._format = _container(path, self._codec)
        self._is_bound = is_bound or (stereo == "vr180" and self._format not in MATROSKA)
        self._tracks: OtherTracks | None = None
        self._left_out: list[Stream] = []
        self.path = path
        if like.is_film and like.path is not None and like.path.is_file():
            length = like.frames / like.rate if like.is_clipped and like.frames and like.rate else None
            self._tracks = OtherTracks(
                like.path, start=like.start, end=like.end, length=length, drops_styles=self._is_bound
            )
        self._carried = self._tracks if carry_tracks else None
        if self._carried is not None:
            self._format, self._left_out = self._choose_container(self._carried)
            if self._format != CONTAINERS[path.suffix.lower()]:
                self.path = path.with_suffix(".mkv")
        self._shift = self._tracks.shift if self._tracks else Fraction(0)
        self._time_base = max(like.time_base or (1 / like.rate if like.rate else Fraction(1, 90000)), FASTEST_TICK)
        self._target = Target(self.path, overwrite=overwrite, needed_bytes=_needed_bytes(like))
        self._stack = ExitStack()
        self._file: _WholeWrites | None = None
        self._output: OutputContainer | None = None
        self._size: tuple[int, int] | None = None
        self._last_tick: int | None = None
        self._first: tuple[int, int] | None = None  # ticks at which the first packet is shown and decoded
        self._count = 0
        self._durations: dict[int, int] = {}  # of frames inside the encoder, in ticks, by their time

    def __enter__(self) -> Self:
        self._stack.enter_context(self._target)
        self._stack.callback(self._release)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:
            self._finish()

    def write(self, frame: Frame) -> None:
        """Append a frame; times must increase and sizes stay."""
        size = (frame.width, frame.height)
        if self._size not in (None, size):
            raise ShapeError(f"a film's frames have one size: this one is {size}, the ones before {self._size}")
        tick = round((frame.time - self._shift) / self._time_base)
        if self._last_tick is not None and tick <= self._last_tick:
            raise MediaError(f"frame {frame.index} at {float(frame.time):.3f} s does not follow the one before in time")
        try:
            if self._size is None:
                self._start(frame)
                self._size = size
            picture = self._yuv.write(frame.rgb)
            picture.pts, picture.time_base = tick, self._time_base
            duration = None if frame.duration is None else max(1, round(frame.duration / self._time_base))
            if duration is not None:
                self._durations[tick] = duration
            self._last_tick = tick
            self._count += 1
            self._last_end = frame.time + (frame.duration or 1 / (self._like.rate or Fraction(24)))
            self._end_tick = max(tick + 1, round((self._last_end - self._shift) / self._time_base))
            self._mux(picture)
        except (av.FFmpegError, OSError) as error:
            raise self._translated(error) from error

    def _start(self, frame: Frame) -> None:
        like, encoder = self._like, ENCODERS[self._codec]
        is_deep = like.bits > 8
        pixels = encoder.deep_pixels if is_deep else encoder.pixels
        if is_deep and pixels == encoder.pixels:
            logger.warning("%s is written with 8 bits of the source's %d; hevc and av1 keep 10", self.path, like.bits)
        colour = with_matrix(like.colour, height=like.height)
        is_hdr = colour.transfer in (PQ, HLG) and self._tracks is not None
        self._levels = light_levels(like.path) if is_hdr and like.path is not None else LightLevels()
        self._yuv = YuvWriter(pixels, colour)
        self._file = _WholeWrites(self._target.temporary, "wb")
        self._output = output = av.open(
            self._file,
            "w",
            format=self._format,
            container_options=self._container_options(),
            metadata_errors="surrogateescape",
            buffer_size=BUFFER,
        )
        stream = output.add_stream(encoder.library, rate=like.rate or 24)
        assert isinstance(stream, VideoStream)
        self._stream = stream
        stream.time_base = self._time_base
        if self._carried is not None:
            stream.metadata.update(self._carried.picture_tags)
            stream.disposition = self._carried.picture_disposition
            self._carried.add_to(output, left_out=self._left_out)
        else:
            stream.disposition = Disposition.default
        if self._stereo is not None and self._format in MATROSKA:
            tags = PACKINGS[self._stereo]
            if self._format == "matroska" or tags.in_webm:
                stream.metadata["stereo_mode"] = tags.stereo_mode
            if self._stereo == "vr180":
                logger.warning("%s says that it holds two views, not that they are half a sphere; .mp4 does", self.path)
        context = stream.codec_context
        context.width, context.height = frame.width + frame.width % 2, frame.height + frame.height % 2
        context.pix_fmt = pixels
        context.time_base = self._time_base
        context.thread_type = "AUTO"  # PyAV's default would cut every picture into slices
        context.color_primaries, context.color_trc = colour.primaries, colour.transfer
        context.colorspace, context.color_range = colour.matrix, 2 if colour.full_range else 1
        if self._codec == "hevc" and self._format not in MATROSKA:
            context.codec_tag = "hvc1"  # Apple's players take no other
        if self._codec == "av1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only; SVT-AV1 writes to stderr by itself
        context.options = self._codec_options()
        self._open_encoder(context, frame)
        output.start_encoding()

    def _choose_container(self, tracks: OtherTracks) -> tuple[str, list[Stream]]:
        """The container the film goes into, and the tracks that are left out."""
        wanted, path = self._format, self.path
        chosen, left_out = (wanted, tracks.unheld(wanted)) if self._is_bound else _best_container(tracks, wanted)
        if chosen != wanted:
            reason = ", ".join(label(stream) for stream in _of_weight(tracks.unheld(wanted)))
            logger.warning("%s cannot hold %s of the source; writing %s.mkv", path.name, reason, path.stem)
        if left_out:
            logger.warning("left out, as a %s file does not hold it: %s", chosen, ", ".join(map(label, left_out)))
        return chosen, left_out

    def _open_encoder(self, context: VideoCodecContext, frame: Frame) -> None:
        least = ENCODERS[self._codec].least
        if min(frame.width, frame.height) < least:
            raise FormatError(
                f"{context.name} needs pictures of at least {least}x{least}, and these are {frame.width}x"
                f"{frame.height}; choose a larger picture, or h264 where the layout takes it"
            )
        _open(context, frame)

    def _encode(self, picture: VideoFrame | None) -> "list[Packet[VideoStream]]":  # generic for type checkers only
        """Packets the encoder has ready; None asks for all that are left."""
        packets = self._stream.encode(picture)
        if self._codec != "hevc" or self._stereo is None or (arrangement := PACKINGS[self._stereo].hevc) is None:
            return packets
        return [with_arrangement(packet, arrangement) if packet.is_keyframe else packet for packet in packets]

    def _header_edit(self) -> Callable[[Box], Box] | None:
        """What the header of an MP4 is to say that its muxer does not; None where there is nothing."""
        boxes = self._entry_boxes()
        return (lambda moov: with_entry_boxes(moov, *boxes)) if boxes and self._format not in MATROSKA else None

    def _entry_boxes(self) -> tuple[Box, ...]:
        """What the sample entry of an MP4 is to say besides."""
        packing = () if self._stereo is None else packing_boxes(self._stereo)
        return packing + (light_boxes(self._levels) if self._codec != "h264" else ())  # 8 bits are no HDR10

    def _codec_options(self) -> dict[str, str]:
        encoder, settings = ENCODERS[self._codec], self._settings
        options = {
            "crf": str(encoder.crf if settings.crf is None else settings.crf),
            "preset": settings.preset or encoder.preset,
        }
        if self._codec == "h264":
            options["profile"] = "high"
            if self._stereo is not None and (packing := PACKINGS[self._stereo].frame_packing) is not None:
                options["x264-params"] = f"frame-packing={packing}"
        if self._codec == "hevc":
            parameters = ["log-level=error"]  # x265 writes to stderr by itself
            options["x265-params"] = ":".join(parameters + x265_parameters(self._levels))
        if self._codec == "av1" and (parameters := svt_av1_parameters(self._levels)):
            options["svtav1-params"] = ":".join(parameters)
        return options

    def _container_options(self) -> dict[str, str]:
        if self._format in MATROSKA:
            if (self._time_base * 1000).denominator != 1 and self._time_base.denominator != 1000:
                logger.debug("%s counts in milliseconds; times are rounded to them", self.path)
            return {}
        # An MP4 whose tracks begin at different times says so in ticks of the film, by default milliseconds.
        ticks = [self._time_base.denominator]
        if self._carried is not None:
            ticks += [stream.time_base.denominator for stream in self._carried.streams if stream.time_base]
        timescale = math.lcm(*ticks)
        if timescale >= 1 << 31:
            timescale = ticks[0]
        flags = {} if self._header_edit() else {"movflags": "+faststart"}  # the edit moves the header by itself
        return flags | {"movie_timescale": str(timescale)}

    def _mux(self, picture: VideoFrame | None) -> None:
        assert self._output is not None
        packets = self._encode(picture)
        for packet in packets:
            if picture is None and self._count <= 2:
                packet.dts = packet.pts  # nothing to reorder, and x265 leaves the times of so short a film to chance
            assert packet.pts is not None
            assert packet.dts is not None
            if duration := self._durations.pop(packet.pts, None):
                packet.duration = duration
            if self._first is None:
                self._first = (packet.pts, packet.dts)
            if picture is None and packet is packets[-1] and self._format not in MATROSKA:
                # MP4 has the steps of decoding for a length, and the packet decoded last may be shown before others:
                # it takes what is missing, so that length and frames a second come out as they are shown.
                first_shown, first_decoded = self._first
                packet.duration = max(1, self._end_tick - first_shown - (packet.dts - first_decoded))
            if self._carried is not None:
                self._carried.copy_until(packet.dts * self._time_base, self._output)
            self._output.mux_one(packet)

    def _finish(self) -> None:
        if self._output is None or self._last_tick is None:
            raise MediaError(f"no frame was written to {self.path}")
        try:
            self._durations[self._last_tick] = self._end_tick - self._last_tick
            self._mux(None)
            if self._carried is not None:
                if self._like.is_clipped and self._like.end is None:
                    self._carried.end_at(self._last_end)
                self._carried.copy_until(None, self._output)
            self._output.close()
            if (edit := self._header_edit()) is not None:
                assert self._file is not None
                self._file.close()
                rewrite_moov(self._target.temporary, edit)
            if self._stereo is not None and self._format in MATROSKA and "stereo_mode" in self._stream.metadata:
                self._say_display_size(PACKINGS[self._stereo])
        except (av.FFmpegError, OSError) as error:
            raise self._translated(error) from error

    def _say_display_size(self, tags: PackingTags) -> None:
        if not tags.is_squeezed:
            return
        assert self._file is not None
        self._file.close()
        context = self._stream.codec_context
        if not set_display_size(self._target.temporary, context.width, context.height):
            logger.debug("%s is too small to say at what size each view is shown", self.path)

    def _release(self) -> None:
        # The file is closed first: without it the container leaves out its trailer, for which it would have to move
        # all of a film that is about to be removed. After a regular end nothing is left to write.
        if self._file is not None:
            self._file.close()
        if self._output is not None:
            self._output.close()
        if self._tracks is not None:
            self._tracks.close()

    def _translated(self, error: Exception) -> MediaError:
        return MediaError(f"cannot write {self.path}: {getattr(error, 'strerror', None) or error}")


class _WholeWrites(io.FileIO):
    """A file that writes all or raises: an almost full disk takes a part and FFmpeg would not notice."""

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        while view:
            view = view[super().write(view) :]
        return memoryview(data).nbytes


def container_for(path: Path, codec: str = "h264") -> str:
    """The suffix of the film that a conversion of `path` to `codec` (h264, hevc or av1) is best written to.

    The source's own where it can hold the codec and every other track; else .mp4, else .mkv. Of WebM it is .mkv.
    """
    own = path.suffix.lower()
    if own in CONTAINERS and codec in HELD_CODECS.get(own, tuple(ENCODERS)):
        suffix = own
    else:
        suffix = ".mkv" if own == ".webm" else ".mp4"  # MP4 could hold Vorbis, but next to nothing plays it there
    if not path.is_file():
        return suffix
    tracks = OtherTracks(path)
    try:
        chosen, _ = _best_container(tracks, CONTAINERS[suffix])
    finally:
        tracks.close()
    return suffix if chosen == CONTAINERS[suffix] else ".mkv"


def codec_for(settings: EncodeSettings, like: MediaInfo) -> str:
    """What `settings` make of a source: "auto" is h264, or hevc for one of more than 8 bits."""
    if settings.codec != "auto":
        return settings.codec
    if like.bits > 8:
        logger.info("the source has %d bits, so hevc with 10 bits is used; --codec h264 gives 8", like.bits)
        return "hevc"
    return "h264"


def _container(path: Path, codec: str) -> str:
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise FormatError(f"{path} does not end like a film; use one of {', '.join(CONTAINERS)}")
    if codec not in (held := HELD_CODECS.get(suffix, tuple(ENCODERS))):
        raise FormatError(f"{suffix} does not hold {codec}; use --codec {held[0]}, or the suffix .mp4 or .mkv")
    return CONTAINERS[suffix]


def _best_container(tracks: OtherTracks, wanted: str) -> tuple[str, list[Stream]]:
    """`wanted`, or Matroska where that holds more of the sound and subtitles; with the tracks to be left out."""
    left_out = tracks.unheld(wanted)
    if wanted != "matroska" and (missed := _of_weight(left_out)):
        left_out_of_matroska = tracks.unheld("matroska")
        if len(_of_weight(left_out_of_matroska)) < len(missed):
            return "matroska", left_out_of_matroska
    return wanted, left_out


def _of_weight(streams: list[Stream]) -> list[Stream]:
    return [stream for stream in streams if stream.type in ("audio", "subtitle")]


def _needed_bytes(like: MediaInfo) -> int | None:
    if like.frames is None:
        return None
    return int(like.frames * like.width * like.height * VIEWS * BITS_PER_PIXEL / 8)


def _open(context: VideoCodecContext, frame: Frame) -> None:
    try:
        with usual_priority():
            context.open()
    except av.FFmpegError as error:
        raise FormatError(
            f"{context.name} cannot encode pictures of {frame.width}x{frame.height}; "
            "choose another codec or a smaller picture"
        ) from error
    assert not context.options, f"the encoder does not know {context.options}"
