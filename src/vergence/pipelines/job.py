"""What every job shares: its part of the source, depth of the user's own, progress, and where the result goes."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import TypeVar

from vergence.depth.model import DepthModel
from vergence.errors import FormatError, MediaError, SettingsError, TargetError
from vergence.media.depth_file import DepthName
from vergence.media.formats import is_pattern, written_suffixes
from vergence.media.open import Source, open_source
from vergence.media.sampling import Shrunk, Stopped
from vergence.media.video_writer import EncodeSettings, codec_for, container_for
from vergence.stability.shots import mark_shots
from vergence.stability.stabilise import StabiliseSettings, stabilise
from vergence.streaming import Stage
from vergence.types import DepthFrame, DepthMap, Frame, MediaInfo

T = TypeVar("T")

QUEUE = 2  # finished frames between two stages
PHOTO_SUFFIX = ".jpg"  # of a result whose source's own format is not written


@dataclass(frozen=True)
class Progress:
    """How far a job has come: `done` of `total` frames (None: unknown) after `seconds`."""

    stage: str
    done: int
    total: int | None
    seconds: float

    @property
    def fps(self) -> float:
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds still to go, None where nobody knows."""
        if self.total is None or self.done == 0:
            return None
        return max(self.total - self.done, 0) / self.done * self.seconds


ProgressCallback = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Part:
    """How much of a source to take.

    Attributes:
        start, end: of a film, seconds on its own clock, `end` excluded.
        max_frames: of a film, at most as many, counted after `target_rate`.
        target_rate: of a film, at most so many frames a second, see `Thinned`.
        max_side: shrink pictures whose longer side has more pixels, see `Shrunk`.
        until: the source ends once it is set, see `Stopped`.
    """

    start: Fraction | None = None
    end: Fraction | None = None
    max_frames: int | None = None
    target_rate: Fraction | None = None
    max_side: int | None = None
    until: Event | None = None

    def of(self, source: str | Path) -> Source:
        """Open this much of a source; raises as `open_source`."""
        media = open_source(
            source, start=self.start, end=self.end, max_frames=self.max_frames, target_rate=self.target_rate
        )
        if self.until is not None:
            media = Stopped(media, self.until)
        return media if self.max_side is None else Shrunk(media, self.max_side)

    def check_given(self) -> None:
        """Raise `SettingsError` where depth of the user's own, one map a frame of the film, would miss its frames."""
        if self.start is not None:
            raise SettingsError(
                "depth of your own belongs to a film's first frame on; leave out the start, or cut both"
            )
        if self.target_rate is not None:
            raise SettingsError(
                "depth of your own is one map a frame of the film; leave out the frame rate, or thin out both"
            )


@dataclass(frozen=True)
class GivenDepth:
    """Depth of the user's own in place of a model: a file, a folder of them or a depth film.

    `kind` says what files of other programs hold: "metric" metres, "inverse" larger is nearer, "disparity" pixels
    of x_left - x_right used exactly as they are. Our own files say it themselves.
    """

    path: str | Path
    kind: DepthName | None = None


@dataclass(frozen=True)
class Result:
    """What a job made: where it lies, of how many frames, in how many seconds, by which model (None: given depth).

    `also` are files beside the one at `path`, such as the right eye's; `notes` are lines that a person should read.
    """

    path: Path
    frames: int
    seconds: float
    model: str | None
    also: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def depth_stages(info: MediaInfo, model: DepthModel, stabilising: StabiliseSettings | None) -> list[Stage]:
    if not info.is_film:
        return [model.estimate]
    settings = stabilising or StabiliseSettings()
    is_steady = settings.method == "auto" and model.card.lookahead > 0
    estimate: Stage = lambda frames: model.estimate(mark_shots(frames) if settings.shots else frames)  # noqa: E731
    return [estimate] if is_steady else [estimate, lambda items: stabilise(items, settings=settings)]


def joined(frames: Iterable[Frame], depths: Iterable[tuple[int, DepthMap]], path: str | Path) -> Iterator[DepthFrame]:
    """Give every frame its depth; depth past the last frame is left alone."""
    maps = iter(depths)
    for frame in mark_shots(frames):
        _, depth = next(maps, (0, None))
        if depth is None:
            raise MediaError(f"{path} has depth for {frame.index} frames only; give one for every frame")
        yield DepthFrame(frame, depth)


def drain(
    items: Iterable[T], write: Callable[[T], None], info: MediaInfo, progress: ProgressCallback
) -> tuple[int, float]:
    """Write every item; returns how many there were and the seconds it took."""
    began, done = time.monotonic(), 0
    for item in items:
        write(item)
        done += 1
        progress(Progress("convert", done, info.frames, time.monotonic() - began))
    return done, time.monotonic() - began


def check_not_its_own(path: Path, info: MediaInfo) -> None:
    """No result may take the place of what it is made from, numbered files not that of numbered pictures."""
    if info.path is None:
        return
    source = info.path.parent if is_pattern(info.path) else info.path
    is_numbered = info.is_film and path.suffix.lower() in (*written_suffixes("depth"), *written_suffixes("points"))
    taken = path.parent if is_pattern(path) else path.with_suffix("") if is_numbered else path
    if taken.resolve() == source.resolve():
        raise TargetError(f"the result would replace its own source {info.path}; choose another name")


def result_path(
    info: MediaInfo,
    target: str | Path | None,
    tag: str,
    *,
    encode: EncodeSettings | None = None,
    photo_suffix: str | None = None,
    film_suffix: str | None = None,
) -> Path:
    """Where a result goes: `target`, or under a derived name in it where it is a folder, or beside the source.

    `holiday.mp4` becomes `holiday_sbs.mp4`; the suffix is the source's own where that can be written.
    """
    if target is not None and not Path(target).is_dir():
        return Path(target)
    if info.path is None:
        raise FormatError("a live source has no name to derive the result's from; say where to write with -o")
    if info.is_film:
        suffix = film_suffix or container_for(info.path, codec_for(encode or EncodeSettings(), info))
    else:
        is_written = info.path.suffix.lower() in written_suffixes("picture")
        suffix = photo_suffix or (info.path.suffix if is_written else PHOTO_SUFFIX)
    folder = Path(target) if target is not None else info.path.parent
    return folder / f"{info.path.stem}{tag}{suffix}"
