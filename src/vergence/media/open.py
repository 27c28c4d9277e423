"""The one door to pictures and films, in and out: what lies behind a name decides which module is loaded."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from vergence.errors import FormatError, MediaError
from vergence.media import live
from vergence.media.formats import by_content, by_suffix, is_pattern, read_suffixes, written_suffixes
from vergence.media.sampling import Thinned
from vergence.types import Frame, MediaInfo, Packing, StereoPair

if TYPE_CHECKING:
    from vergence.media.spatial.metadata import SpatialSettings
    from vergence.media.video_writer import EncodeSettings

logger = logging.getLogger(__name__)

T = TypeVar("T", contravariant=True)


class Source(Protocol):
    """Where frames come from."""

    @property
    def info(self) -> MediaInfo: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def __iter__(self) -> Iterator[Frame]: ...


class Sink(Protocol[T]):
    """Where results go. What it writes lies at `path`, whole, once it is left without an error."""

    @property
    def path(self) -> Path: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def write(self, item: T, /) -> None: ...


def open_source(
    uri: str | Path,
    *,
    start: Fraction | None = None,
    end: Fraction | None = None,
    max_frames: int | None = None,
    rate: Fraction | None = None,
    target_rate: Fraction | None = None,
) -> Source:
    """Open a film, a photo, a folder of numbered pictures or a pattern of them such as `shot/%04d.png`.

    A string can also name what goes on by itself: `webcam:0`, `screen:1`, `rtsp://camera.local/stream`, see `live`.

    Args:
        uri: where it lies. The suffix says what it is, and for an unknown one the first bytes.
        start, end: the part of a film wanted, seconds, `end` exclusive.
        max_frames: of a film, at most as many, counted after `target_rate`.
        rate: frames a second of numbered pictures, 24 unless given; other films have their own.
        target_rate: of a film, at most so many frames a second, see `sampling.Thinned`.

    Raises:
        MediaError: nothing lies there, or it is damaged.
        FormatError: it is neither a picture nor a film.
        SettingsError: `start`, `end`, `max_frames` and the rates make no sense.
    """
    if target_rate is not None:
        whole = open_source(uri, start=start, end=end, rate=rate)
        if whole.info.is_film:
            return Thinned(whole, target_rate, max_frames=max_frames)
        if (start, end) == (None, None):
            _warn_of_part(Path(uri))
        return whole
    if isinstance(uri, str) and live.is_live(uri):
        if rate is not None:
            logger.warning("%s has its own clock; the rate given is not used", uri)
        return live.open_live(uri, start=start, end=end, max_frames=max_frames)
    path = Path(uri)
    if is_pattern(path) or path.is_dir():
        return _open_frames(path, start=start, end=end, max_frames=max_frames, rate=rate)
    if not path.exists():
        raise MediaError(f"there is no file {path}")
    row = by_suffix(path) or by_content(path)
    if rate is not None:
        logger.warning("%s has its own clock; the rate given is not used", path)
    if row is not None and row.name == "GIF":
        from vergence.media.image import is_animated

        holds = "film" if is_animated(path) else "picture"
    else:
        holds = row.reads[0] if row is not None else ""
    if holds == "film":
        from vergence.media.video import VideoSource

        return VideoSource(path, start=start, end=end, max_frames=max_frames)
    if holds == "picture":
        from vergence.media.image import ImageSource

        if (start, end, max_frames) != (None, None, None):
            _warn_of_part(path)
        return ImageSource(path)
    if holds == "depth":
        raise FormatError(f"{path} holds depth, not a picture; give the picture, and this file as its depth")
    if holds in ("points", "splats"):
        raise FormatError(f"{path} holds {holds}, not a picture; give the picture they were made from")
    known = ", ".join(dict.fromkeys((*read_suffixes("film"), *read_suffixes("picture"))))
    raise FormatError(f"{path} is in no format we know ({known})")


def open_sink(
    uri: str | Path,
    *,
    like: MediaInfo,
    settings: "EncodeSettings | None" = None,
    overwrite: bool = False,
    carry_tracks: bool = True,
    stereo: Packing | None = None,
) -> Sink[Frame]:
    """Open what a photo or film is written to; the suffix chooses the format.

    A film can also go into numbered pictures: `uri` is then a pattern such as `shot/%04d.png`, or a folder, told by a
    slash at its end.

    Args:
        uri: where the result shall lie.
        like: the source it is made from.
        settings: of a film's codec.
        overwrite: replace what lies there.
        carry_tracks: copy the sound, subtitles and chapters of a film.
        stereo: how the frames of a film hold two views.

    Raises:
        FormatError: the suffix is unknown, or a photo is to become a film or the reverse.
        TargetError: something is in the way, see `Target`.
    """
    path = Path(uri)
    wanted = written_suffixes("film" if like.is_film else "picture")
    if is_pattern(path) or path.is_dir() or str(uri).endswith(("/", "\\")):
        if not like.is_film:
            raise FormatError(f"{path} would be a folder of frames, but {like.path} is a photo; name one file for it")
        from vergence.media.frames import FramesSink

        return FramesSink(path, overwrite=overwrite)
    if path.suffix.lower() not in wanted:
        kind, usual = ("film", ".mp4") if like.is_film else ("photo", ".jpg")
        numbered = f", or {path.stem}/%06d.png for numbered pictures" if like.is_film else ""
        raise FormatError(
            f"{like.path or 'the source'} is a {kind}, which cannot be written as {path.name}; name the result "
            f"{path.stem}{usual} (or {', '.join(suffix for suffix in wanted if suffix != usual)}){numbered}"
        )
    if like.is_film:
        from vergence.media.video_writer import EncodeSettings, VideoSink

        return VideoSink(
            path,
            like=like,
            settings=settings or EncodeSettings(),
            overwrite=overwrite,
            carry_tracks=carry_tracks,
            stereo=stereo,
        )
    from vergence.media.image import ImageSink

    return ImageSink(path, like=like, overwrite=overwrite)


def open_pairs(
    uri: str | Path,
    *,
    layout: str,
    like: MediaInfo,
    settings: "EncodeSettings | None" = None,
    spatial: "SpatialSettings | None" = None,
    overwrite: bool = False,
) -> Sink[StereoPair]:
    """Open what takes the two views of a pair apart: two files, or a format that holds both.

    Args:
        uri: where the result shall lie; of "separate" the name without the eye.
        layout: "separate", "mpo", "jps" or "spatial".
        like, settings, overwrite: as `open_sink`.
        spatial: what a spatial film or photo says of its cameras, and who encodes it.

    Raises:
        VergenceError: as `open_sink`.
    """
    path = Path(uri)
    if layout == "separate":
        from vergence.media.separate import SeparateSink

        return SeparateSink(path, like=like, settings=settings, overwrite=overwrite)
    if layout in ("mpo", "jps"):
        from vergence.media.stereo_photo import StereoPhotoSink

        return StereoPhotoSink(path, like=like, overwrite=overwrite)
    if layout == "spatial":
        from vergence.media.spatial.sink import open_spatial

        return open_spatial(path, like=like, settings=settings, spatial=spatial, overwrite=overwrite)
    raise FormatError(f"no file holds pairs as {layout!r}")


def _warn_of_part(path: Path) -> None:
    logger.warning("%s is a photo, which has no part; all of it is used", path)


def _open_frames(
    path: Path,
    *,
    start: Fraction | None,
    end: Fraction | None,
    max_frames: int | None,
    rate: Fraction | None,
) -> Source:
    from vergence.media.frames import RATE, FramesSource, is_frames_folder, pictures_in

    if path.is_dir() and not is_frames_folder(path):
        found = pictures_in(path)
        raise MediaError(
            f"the {len(found)} pictures in {path} are not the frames of one film, which are numbered and of one size; "
            "give one of them, or convert them one by one"
        )
    return FramesSource(path, rate=rate or RATE, start=start, end=end, max_frames=max_frames)
