"""Films in, by PyAV: every frame upright, with square pixels, in RGB, at its exact time."""

import itertools
import logging
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideData
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vergence.errors import MediaError, SettingsError
from vergence.media.side_data import side_data_of
from vergence.media.yuv import UNSTATED, Picture, RgbReader, bits_per_sample, with_matrix
from vergence.types import Colour, Frame, MediaInfo

logger = logging.getLogger(__name__)

# Containers that hold a film themselves. Playlists (hls, dash, concat) would open other files and are left out.
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,obu,ivf,flv,gif,ogg,asf,"
    "mxf,nut,dv,rm,wtv,yuv4mpegpipe"
)
MAX_PIXELS = 8192 * 8192
ODDEST_PIXEL = 4  # a pixel wider or higher than this times its other side is a damaged tag
SEEK_MARGINS = (Fraction(1), Fraction(10))  # seconds before the start at which a key frame is looked for
CLAIM_SLACK = Fraction(1, 2)  # seconds a film may end before the length in its header without being short
TRANSPARENT = {"gif"}  # codecs whose transparency is part of the picture
JUMP = 1  # second: a timestamp that goes back further is a new clock, not jitter


def open_film(path: Path, *, max_pixels: int = MAX_PIXELS) -> InputContainer:
    """Open a film's container, whatever its suffix says; raises `MediaError` when that cannot be done."""
    if not path.exists():
        raise MediaError(f"there is no file {path}")
    if path.is_dir():
        raise MediaError(f"{path} is a folder, not a film")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes); copy it again")
    try:
        return av.open(
            str(path.absolute()),  # a relative "12:30.mp4" would be taken for a protocol called 12
            "r",
            options={"max_pixels": str(max_pixels)},
            container_options={"format_whitelist": DEMUXERS, "protocol_whitelist": "file"},
            metadata_errors="surrogateescape",  # tags of unknown encoding pass through unchanged
        )
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"cannot read {path}: not a film, or a damaged one ({reason})") from error


def is_cover(stream: av.stream.Stream) -> bool:
    """Whether a video stream is a still beside the film: cover art or a thumbnail."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def film_stream(container: InputContainer, path: Path) -> VideoStream:
    """The container's main moving picture; raises `MediaError` where there is none we can decode."""
    films = [stream for stream in container.streams.video if not is_cover(stream)]
    if not films:
        raise MediaError(f"{path} has no moving picture, only {_kinds(container) or 'nothing we know'}")
    best = container.streams.best("video")
    stream = best if isinstance(best, VideoStream) and best in films else films[0]
    if stream.codec_context is None or stream.time_base is None:
        raise MediaError(f"cannot read {path}: no decoder for its picture is in this build; convert it to h264 first")
    return stream


def clock_origin(container: InputContainer, stream: VideoStream) -> Fraction:
    """Where the film begins on its own clock, seconds, in whole ticks of `stream`; never negative.

    Broadcast recordings begin at any time of day, and no player shows the hours before.
    """
    starts = [
        other.start_time * other.time_base
        for other in (*container.streams.video, *container.streams.audio)
        if other.start_time is not None and other.time_base is not None and not is_cover(other)
    ]
    assert stream.time_base is not None
    return max(Fraction(0), math.floor(min(starts, default=Fraction(0)) / stream.time_base) * stream.time_base)


class VideoSource:
    """The frames of a film in order of time.

    Frames are upright (display rotation and mirroring are applied), have square pixels and one size, and are RGB by
    the film's own matrix and range: uint8, or uint16 where it has more than 8 bits. `Frame.time` is the film's own
    timestamp. A damaged film gives the frames that can be read and one warning. Iterating again starts again.

    Args:
        path: of the film.
        start, end: the part wanted, seconds from the beginning of the film, `end` exclusive.
        max_frames: stop after so many.
        max_pixels: refuse larger pictures.

    Raises:
        MediaError: the file is missing, is no film, or nothing in it can be decoded.
        SettingsError: `start`, `end` and `max_frames` make no sense together.
    """

    def __init__(
        self,
        path: Path,
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        max_frames: int | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        if (start or 0) < 0 or (end is not None and end <= (start or 0)):
            raise SettingsError(f"the part must have 0 <= start < end, not start {start} and end {end}")
        if max_frames is not None and max_frames < 1:
            raise SettingsError(f"at least 1 frame must be asked for, not {max_frames}")
        self._path, self._max_pixels, self._max_frames = path, max_pixels, max_frames
        self._is_closed = False
        with open_film(path, max_pixels=max_pixels) as container:
            self._film = _examine(container, path, max_pixels)
            origin = clock_origin(container, film_stream(container, path))
        film = self._film
        self.info = MediaInfo(
            path=path,
            is_film=True,
            width=film.height if film.turn.is_transposed else film.width,
            height=film.width if film.turn.is_transposed else film.height,
            frames=_frames_in_part(film, start, end, max_frames),
            rate=film.rate,
            time_base=film.time_base,
            bits=film.bits,
            colour=film.colour,
            start=None if start is None else origin + start,
            end=None if end is None else origin + end,
            is_clipped=end is not None or max_frames is not None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every iteration at its next frame. Each owns its decoder, so another thread may be in the middle."""
        self._is_closed = True

    def __iter__(self) -> Iterator[Frame]:
        film, info, path = self._film, self.info, self._path
        reader = RgbReader(
            film.colour, width=film.width, height=film.height, bits=film.bits, on_white=film.is_transparent
        )
        clock = _Clock(film, path)
        damages: list[str] = []
        index, finish, is_whole = 0, Fraction(0), True
        with ExitStack() as opened:
            for picture in self._pictures(opened, damages):
                if self._is_closed:
                    return
                time = clock.tick(picture.pts) * film.time_base
                duration = picture.duration * film.time_base if picture.duration > 0 else None
                if info.start is not None and time < info.start:
                    continue
                if info.end is not None and time >= info.end:
                    is_whole = False
                    break
                yield Frame(film.turn.apply(reader.read(picture)), index=index, time=time, duration=duration)
                index, finish = index + 1, time + (duration or clock.step * film.time_base)
                if index == self._max_frames:
                    is_whole = False
                    break
        if index == 0:
            reason = f": {damages[-1]}" if damages else " in the part asked for" if info.start or info.end else ""
            raise MediaError(f"no frame of {path} could be read{reason}")
        if damages or (is_whole and film.ends_before_its_claim(index, finish, from_start=info.start is None)):
            expected = f" of {'' if film.frames else 'about '}{info.frames}" if info.frames else ""
            logger.warning("%s is damaged or cut short: %d%s frames could be read", path, index, expected)

    def _pictures(self, opened: ExitStack, damages: list[str]) -> Iterator[VideoFrame]:
        """Decoded frames, from a key frame at or before the start where one is found, else from the beginning."""
        start, film = self.info.start, self._film
        for margin in SEEK_MARGINS if start is not None else ():
            assert start is not None
            if film.has_no_times or start - margin <= film.start:
                break
            with ExitStack() as attempt:
                container, stream = self._open(attempt)
                try:
                    container.seek(math.floor((start - margin) / film.time_base), stream=stream)
                except av.FFmpegError:
                    break  # the container has no index; reading on from the beginning is as right, only slower
                found: list[str] = []
                # Some containers seek to a place between two key frames, where pictures are incomplete.
                pictures = itertools.dropwhile(
                    lambda picture: not picture.key_frame, _decoded(container, stream, found)
                )
                first = next(pictures, None)
                if first is not None and first.pts is not None and first.pts * film.time_base <= start:
                    opened.push(attempt.pop_all())
                    yield first
                    del first
                    yield from pictures
                    damages += found
                    return
        yield from _decoded(*self._open(opened), damages)

    def _open(self, opened: ExitStack) -> tuple[InputContainer, VideoStream]:
        container = opened.enter_context(open_film(self._path, max_pixels=self._max_pixels))
        stream = film_stream(container, self._path)
        _select(container, stream, self._max_pixels)
        return container, stream


@dataclass(frozen=True)
class _Turn:
    """One of the eight ways to lay a picture: transpose first, then flip."""

    is_transposed: bool = False
    flips_x: bool = False
    flips_y: bool = False

    def apply(self, picture: Picture) -> Picture:
        turned: Any = cv2.transpose(picture) if self.is_transposed else picture
        if self.flips_x or self.flips_y:
            turned = cv2.flip(turned, -1 if self.flips_x and self.flips_y else int(self.flips_x))
        upright: Picture = np.ascontiguousarray(turned)
        return upright


@dataclass(frozen=True)
class _Film:
    """What the header and the first frame say. Sizes are of square pixels, before turning."""

    width: int
    height: int
    turn: _Turn
    bits: int
    colour: Colour
    is_transparent: bool
    time_base: Fraction
    rate: Fraction | None
    start: Fraction  # of the first frame
    has_no_times: bool
    frames: int | None  # exact: from the container's index
    claimed_end: Fraction | None
    length: Fraction | None  # seconds, at least roughly

    @property
    def estimated_frames(self) -> int | None:
        if self.frames is not None or self.length is None or self.rate is None:
            return self.frames
        return max(1, round(self.length * self.rate))

    def ends_before_its_claim(self, frames: int, finish: Fraction, *, from_start: bool) -> bool:
        if self.frames is not None and from_start:
            return frames < self.frames
        return self.claimed_end is not None and finish < self.claimed_end - CLAIM_SLACK


class _Clock:
    """Makes timestamps that are missing or go back into ones that increase, and says so once."""

    def __init__(self, film: _Film, path: Path) -> None:
        self.step = max(1, round(1 / (film.rate * film.time_base))) if film.rate else 1
        self._jump = math.ceil(JUMP / film.time_base)
        self._path = path
        self._last: int | None = None
        self._has_warned = False

    def tick(self, pts: int | None) -> int:
        last = self._last
        if last is None:
            tick = 0 if pts is None else pts
        elif pts is None or pts <= last - self._jump:
            tick = last + self.step
        else:
            tick = max(pts, last + 1)
        if tick != pts and not self._has_warned:
            logger.warning("%s lacks proper timestamps; frames without one follow at the average rate", self._path)
            self._has_warned = True
        self._last = tick
        return tick


def _kinds(container: InputContainer) -> str:
    return ", ".join(sorted({"a still" if stream.type == "video" else stream.type for stream in container.streams}))


def _select(container: InputContainer, stream: VideoStream, max_pixels: int) -> None:
    """Decode `stream` alone, on all cores."""
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"max_pixels": str(max_pixels)}


def _decoded(container: InputContainer, stream: VideoStream, damages: list[str]) -> Iterator[VideoFrame]:
    """Decode what can be decoded; what cannot is noted in `damages`."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError) as error:  # the file ends in mid-air: hand out what the decoder still has
            damages.append(str(error))
            packet = None
        try:
            yield from stream.decode(packet)
        except av.error.EOFError:
            return  # flushed already, by the empty packet at the end
        except av.FFmpegError as error:
            damages.append(str(error))
        if packet is None:
            return


def _examine(container: InputContainer, path: Path, max_pixels: int) -> _Film:
    stream = film_stream(container, path)
    context = stream.codec_context
    if context.width * context.height > max_pixels:
        raise MediaError(
            f"{path} has pictures of {context.width}x{context.height}, more than {max_pixels} pixels; "
            "scale it down first"
        )
    if left_out := [other.index for other in container.streams.video if other is not stream and not is_cover(other)]:
        logger.warning(
            "%s has %d moving pictures; track %d is used, %s left out", path, 1 + len(left_out), stream.index, left_out
        )
    _select(container, stream, max_pixels)
    damages: list[str] = []
    first = next(_decoded(container, stream, damages), None)
    if first is None:
        raise MediaError(f"nothing in {path} can be decoded{f' ({damages[-1]})' if damages else ''}")
    if first.interlaced_frame:
        logger.warning("%s is interlaced; deinterlace it first, or its lines will show as combs", path)
    time_base = stream.time_base
    assert time_base is not None
    width, height = _square(first.width, first.height, stream.sample_aspect_ratio or Fraction(1), path)
    if width * height > max_pixels:
        raise MediaError(f"{path} shows as {width}x{height}, more than {max_pixels} pixels; scale it down first")
    start = (first.pts or 0) * time_base
    duration = _duration(stream)
    return _Film(
        width=width,
        height=height,
        turn=_turn(first, path),
        bits=bits_per_sample(first.format),
        colour=colour_of(first, stream),
        is_transparent=context.name in TRANSPARENT,
        time_base=time_base,
        rate=stream.average_rate or stream.guessed_rate or None,
        start=start,
        has_no_times=first.pts is None,
        frames=_exact_frames(container, stream),
        claimed_end=None if duration is None else start + duration,
        length=duration or (Fraction(container.duration, av.time_base) if container.duration else None),
    )


def _square(width: int, height: int, aspect: Fraction, path: Path) -> tuple[int, int]:
    """The size with square pixels: the longer side of the pixel is stretched, so nothing is lost; even numbers."""
    if not Fraction(1, ODDEST_PIXEL) <= aspect <= ODDEST_PIXEL:
        if aspect > 0:
            logger.warning("%s claims pixels of %s; they are taken as square", path, aspect)
        return width, height
    if aspect == 1:
        return width, height
    stretched = (2 * round(width * aspect / 2), height) if aspect > 1 else (width, 2 * round(height / aspect / 2))
    # 4320:4319 and its kind are rounding noise of some encoder, not a shape.
    is_noise = abs(stretched[0] - width) + abs(stretched[1] - height) <= 2
    return (width, height) if is_noise else stretched


def _turn(frame: VideoFrame, path: Path) -> _Turn:
    """Read the display matrix: 16.16 fixed point (a b u, c d v, x y w) with x' = a x + c y and y' = b x + d y."""
    try:
        matrix = np.frombuffer(side_data_of(frame)[SideData.DISPLAYMATRIX], np.int32)
    except KeyError:
        return _Turn()
    a, b, c, d = (matrix[i] / 65536 for i in (0, 1, 3, 4))
    if max(abs(b), abs(c)) < 0.01 < min(abs(a), abs(d)):
        return _Turn(is_transposed=False, flips_x=bool(a < 0), flips_y=bool(d < 0))
    if max(abs(a), abs(d)) < 0.01 < min(abs(b), abs(c)):
        return _Turn(is_transposed=True, flips_x=bool(c < 0), flips_y=bool(b < 0))
    logger.warning("%s is to be shown turned by %d degrees; only quarter turns are followed", path, frame.rotation)
    return _Turn()


def colour_of(frame: VideoFrame, stream: VideoStream) -> Colour:
    """Tags of the frame, else of the container; the matrix is always stated."""
    context = stream.codec_context

    def tag(of_frame: int, of_stream: int) -> int:
        return of_stream if of_frame in (0, UNSTATED) else of_frame

    is_yuv = not (frame.format.is_rgb or frame.format.has_palette)
    value_range = frame.color_range or context.color_range
    colour = Colour(
        primaries=tag(frame.color_primaries, context.color_primaries) or UNSTATED,
        transfer=tag(frame.color_trc, context.color_trc) or UNSTATED,
        matrix=tag(frame.colorspace, context.colorspace) if is_yuv else UNSTATED,
        full_range=is_yuv and (value_range == 2 or frame.format.name.startswith("yuvj")),
    )
    return with_matrix(colour, height=frame.height)


def _exact_frames(container: InputContainer, stream: VideoStream) -> int | None:
    """The number of frames where the container keeps a list of them all."""
    if not stream.frames:
        return None
    if "mp4" not in container.format.name:
        return stream.frames
    shown = sum(not entry.is_discard for entry in stream.index_entries)  # less those an edit list cuts off
    return shown or stream.frames


def _duration(stream: VideoStream) -> Fraction | None:
    """Seconds the picture lasts by the header, or None."""
    if stream.duration is not None and stream.time_base is not None:
        return stream.duration * stream.time_base
    for key, value in stream.metadata.items():  # Matroska: DURATION or DURATION-eng, 00:01:02.345000000
        if key.upper().startswith("DURATION"):
            try:
                hours, minutes, seconds = value.split(":")
                return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)
            except ValueError:
                logger.debug("unreadable duration %r", value)
    return None  # the container's own length is that of its longest track


def _frames_in_part(film: _Film, start: Fraction | None, end: Fraction | None, max_frames: int | None) -> int | None:
    frames = film.estimated_frames
    if (start is not None or end is not None) and film.rate is not None:
        whole = None if frames is None else frames / film.rate
        stop = whole if end is None else end if whole is None else min(end, whole)
        frames = None if stop is None else max(0, round((stop - (start or 0)) * film.rate))
    if max_frames is None:
        return frames
    return max_frames if frames is None else min(frames, max_frames)
