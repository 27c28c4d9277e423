"""Whole jobs, from a file to a file. The command line and the library call these; what they join is in the folders.

A film runs through one thread a stage, so that decoding, the network, the warp and the encoder overlap, and no stage
holds more than a few frames. A result lies under its name only once it is whole.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from vergence.depth import weights as store
from vergence.depth.cards import CARDS
from vergence.depth.model import DepthModel, load_model
from vergence.errors import DepthKindError, FormatError, MediaError, SettingsError, TargetError
from vergence.media.cloud import CameraSettings, CloudSettings, clouds, with_camera
from vergence.media.depth_file import DepthName, DepthSink, DepthSource
from vergence.media.formats import is_pattern, read_suffixes, written_suffixes
from vergence.media.open import Source, open_sink, open_source
from vergence.media.ply import SUFFIX as CLOUD_SUFFIX
from vergence.media.ply import PlySink
from vergence.media.sampling import Shrunk
from vergence.media.video_writer import EncodeSettings, codec_for, container_for
from vergence.media.visualise import beside, visualise
from vergence.stability.shots import mark_shots
from vergence.stability.stabilise import StabiliseSettings, stabilise
from vergence.stereo.layout import Layout, find_layout
from vergence.stereo.settings import StereoSettings
from vergence.stereo.synthesise import synthesise
from vergence.streaming import Stage, overlapped
from vergence.types import Colour, DepthFrame, DepthKind, DepthMap, Frame, MediaInfo

logger = logging.getLogger(__name__)

T = TypeVar("T")

QUEUE = 2  # finished frames between two stages
SCREEN = Colour(primaries=1, transfer=1, matrix=1)  # BT.709, as H.273 counts
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
    """

    start: Fraction | None = None
    end: Fraction | None = None
    max_frames: int | None = None
    target_rate: Fraction | None = None
    max_side: int | None = None

    def of(self, source: str | Path) -> Source:
        """Open this much of a source; raises as `open_source`."""
        media = open_source(
            source, start=self.start, end=self.end, max_frames=self.max_frames, target_rate=self.target_rate
        )
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
    """What a job made: where it lies, of how many frames, in how many seconds, by which model (None: given depth)."""

    path: Path
    frames: int
    seconds: float
    model: str | None


def process_photo(
    source: str | Path,
    target: str | Path | None = None,
    *,
    layout: str = "sbs",
    stereo: StereoSettings | None = None,
    depth: str | DepthModel | GivenDepth = "auto",
    overwrite: bool = False,
) -> Result:
    """Make a stereo picture of a photo.

    Args:
        source: a picture.
        target: a file or an existing folder; None puts the result beside the source, its name tagged with the layout.
        layout: a name in `vergence.stereo.layout.LAYOUTS`.
        stereo: how much 3-D, see `StereoSettings`.
        depth: a model, its name, or depth of your own.
        overwrite: replace what lies at `target`.

    Raises:
        VergenceError: with what was found, what was needed and what to do.
    """
    chosen = find_layout(layout)
    with open_source(source) as photo:
        if photo.info.is_film:
            raise FormatError(f"{source} is a film; use process_video for it")
        path = result_path(photo.info, target, chosen.tag)
        return _run(photo, path, chosen, stereo, depth, overwrite=overwrite)


def process_video(
    source: str | Path,
    target: str | Path | None = None,
    *,
    layout: str = "sbs",
    stereo: StereoSettings | None = None,
    depth: str | DepthModel | GivenDepth = "auto",
    stabilising: StabiliseSettings | None = None,
    encode: EncodeSettings | None = None,
    part: Part | None = None,
    headset_names: bool = False,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    """Make a stereo film of a film, with every other track, timestamp and colour tag of it.

    As `process_photo`; besides:

    Args:
        source: a film or a folder of numbered frames; a photo is converted as `process_photo` does.
        stabilising: how depth is steadied over time; None takes the default.
        encode: codec and quality.
        part: how much of the film.
        headset_names: tag a derived name as headsets' galleries expect, `holiday_LRF_Full_SBS.mp4`.
        progress: called after every frame, in the caller's thread.
    """
    chosen, part = find_layout(layout), part or Part()
    if isinstance(depth, GivenDepth):
        part.check_given()
    with part.of(source) as film:
        tag = chosen.headset_tag if headset_names else chosen.tag
        path = result_path(film.info, target, tag, encode=encode)
        return _run(
            film,
            path,
            chosen,
            stereo,
            depth,
            stabilising=stabilising,
            encode=encode,
            is_shrunk=part.max_side is not None,
            overwrite=overwrite,
            progress=progress,
        )


def process_depth(
    source: str | Path,
    target: str | Path | None = None,
    *,
    model: str | DepthModel = "auto",
    grayscale: bool = False,
    side_by_side: bool = False,
    audio: bool = True,
    stabilising: StabiliseSettings | None = None,
    encode: EncodeSettings | None = None,
    part: Part | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    """Write the depth of a photo or film.

    The suffix of `target` chooses: .png (16 bit), .npz and .exr hold the values, their kind and unit (of a film one
    file per frame, in a folder of the target's name); a film's suffix, or of a photo one such as .jpg, shows them,
    coloured or `grayscale`. None writes `NAME_depth.png` beside a photo and `NAME_depth.mp4` beside a film.

    `side_by_side` shows them to the right of the source instead, in a film, or of a photo in a picture. `audio=False`
    leaves out the sound of a film, with its subtitles and chapters.
    """
    part = part or Part()
    with part.of(source) as media:
        info = media.info
        path = result_path(info, target, "_depth", encode=encode, photo_suffix=None if side_by_side else ".png")
        _check_not_its_own(path, info)
        estimator = load_model(model) if isinstance(model, str) else model
        stages = _depth_stages(info, estimator, stabilising)
        if path.suffix.lower() in written_suffixes("depth") and not side_by_side:
            if grayscale:
                logger.warning(
                    "%s holds values, not greys; depth to look at is a .mp4, or of a photo a .jpg", path.name
                )
            with (
                DepthSink(path, like=info, overwrite=overwrite) as files,
                overlapped(media, *stages, size=QUEUE) as items,
            ):
                frames, seconds = _drain(items, files.write, info, progress)
            return Result(files.path, frames, seconds, estimator.card.name)
        # Not .tif, which other programs keep values in.
        shown_in = [suffix for suffix in written_suffixes("picture") if suffix not in read_suffixes("depth")]
        if not (info.is_film or side_by_side or path.suffix.lower() in shown_in):
            raise FormatError(
                f"{path} cannot hold a photo's depth; choose from {', '.join(written_suffixes('depth'))}, "
                f"or to look at it from {', '.join(shown_in)}"
            )
        stages.append(lambda items: visualise(items, grayscale=grayscale))
        if side_by_side:
            # The source is read a second time: until a shot's range is known, only its depth is held in memory.
            stages.append(lambda pictures: beside(media, pictures))
        # Depth's own colours are a screen's, also where the film's are of another world, such as HDR.
        like = replace(info, bits=8, colour=info.colour if side_by_side else SCREEN)
        with (
            open_sink(path, like=like, settings=encode, overwrite=overwrite, carry_tracks=audio) as shown,
            overlapped(media, *stages, size=QUEUE) as pictures,
        ):
            frames, seconds = _drain(pictures, shown.write, info, progress)
        return Result(shown.path, frames, seconds, estimator.card.name)


def process_cloud(
    source: str | Path,
    target: str | Path | None = None,
    *,
    depth: str | DepthModel | GivenDepth = "auto",
    camera: CameraSettings | None = None,
    settings: CloudSettings | None = None,
    stabilising: StabiliseSettings | None = None,
    part: Part | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    """Make a coloured point cloud of a photo, and of a film one for every frame, in a folder of the target's name.

    Args:
        source: a picture, a film or a folder of numbered frames.
        target: a .ply file, a pattern of them or an existing folder; None writes `NAME.ply` beside a photo and
            `NAME_cloud/000000.ply, ...` beside a film. Points are metres; see `media.ply` for the axes.
        depth: a model that gives metres, its name, or depth of your own; see `model_for_cloud` for "auto". Depth up to
            an unknown scale is taken too, with a warning.
        camera: what you know of the camera, before what a model or the EXIF says; see `clouds` for the rest.
        settings: which points to keep.
        stabilising: how depth is steadied over time; None takes the default.
        part: how much of the source.
        overwrite: replace what lies at `target`.
        progress: called after every frame, in the caller's thread.

    Raises:
        DepthKindError: depth that no points can be made of, such as a relative model's.
        VergenceError: with what was found, what was needed and what to do.
    """
    part, settings = part or Part(), settings or CloudSettings()
    if isinstance(depth, GivenDepth):
        part.check_given()
    with ExitStack() as stack:
        media = stack.enter_context(part.of(source))
        info = media.info
        path = _cloud_path(info, target)
        _check_not_its_own(path, info)
        whole = media.source.info if isinstance(media, Shrunk) else info
        told = (camera or CameraSettings()).of(whole.width, whole.height)
        told = told and told.resized(info.width, info.height)
        stages: list[Stage] = [lambda frames: with_camera(frames, told)]
        if isinstance(depth, GivenDepth):
            given = stack.enter_context(DepthSource(depth.path, kind=depth.kind))
            stages.append(lambda frames: _joined(frames, given, depth.path))
            name, giver = None, str(depth.path)
        else:
            model = load_model(model_for_cloud(depth)) if isinstance(depth, str) else depth
            _require_depth(model.card.kind, repr(model.card.name))
            stages += _depth_stages(info, model, stabilising)
            name, giver = model.card.name, repr(model.card.name)
        sink = stack.enter_context(PlySink(path, like=info, overwrite=overwrite))
        stages.append(lambda items: _with_scale(items, giver))
        stages.append(lambda items: clouds(items, settings=settings, camera=told))
        points = stack.enter_context(overlapped(media, *stages, size=QUEUE))
        frames, seconds = _drain(points, sink.write, info, progress)
    return Result(sink.path, frames, seconds, name)


def model_for_cloud(name: str) -> str:
    """What "auto" means where metres are needed: a metric model on this machine, else the one inside the package."""
    if name != "auto":
        return name
    metric = (card for card in CARDS.values() if card.kind == "metric" and card.is_commercial)
    return next((card.name for card in metric if store.find(card) is not None), "preview")


def _run(
    media: Source,
    path: Path,
    layout: Layout,
    stereo: StereoSettings | None,
    depth: str | DepthModel | GivenDepth,
    *,
    stabilising: StabiliseSettings | None = None,
    encode: EncodeSettings | None = None,
    is_shrunk: bool = False,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    info = media.info
    _check_not_its_own(path, info)
    with ExitStack() as stack:
        if isinstance(depth, GivenDepth):
            given = stack.enter_context(DepthSource(depth.path, kind=depth.kind))
            stages: list[Stage] = [lambda frames: _joined(frames, given, depth.path)]
            if is_shrunk:
                stages.append(_without_pixels_of_disparity)
            name = None
        else:
            model = load_model(depth) if isinstance(depth, str) else depth
            stages = _depth_stages(info, model, stabilising)
            name = model.card.name
        stages.append(lambda items: _packed(items, layout, stereo or StereoSettings()))
        sink = stack.enter_context(
            open_sink(path, like=info, settings=encode, overwrite=overwrite, stereo=layout.packing)
        )
        pictures = stack.enter_context(overlapped(media, *stages, size=QUEUE))
        frames, seconds = _drain(pictures, sink.write, info, progress)
    return Result(sink.path, frames, seconds, name)


def _depth_stages(info: MediaInfo, model: DepthModel, stabilising: StabiliseSettings | None) -> list[Stage]:
    if not info.is_film:
        return [model.estimate]
    settings = stabilising or StabiliseSettings()
    is_steady = settings.method == "auto" and model.card.lookahead > 0
    estimate: Stage = lambda frames: model.estimate(mark_shots(frames) if settings.shots else frames)  # noqa: E731
    return [estimate] if is_steady else [estimate, lambda items: stabilise(items, settings=settings)]


def _joined(frames: Iterable[Frame], depths: Iterable[tuple[int, DepthMap]], path: str | Path) -> Iterator[DepthFrame]:
    """Give every frame its depth; depth past the last frame is left alone."""
    maps = iter(depths)
    for frame in mark_shots(frames):
        _, depth = next(maps, (0, None))
        if depth is None:
            raise MediaError(f"{path} has depth for {frame.index} frames only; give one for every frame")
        yield DepthFrame(frame, depth)


def _without_pixels_of_disparity(items: Iterable[DepthFrame]) -> Iterator[DepthFrame]:
    for item in items:
        if item.depth.kind == "disparity":
            raise SettingsError("disparity of your own counts pixels of the whole picture; leave out the greatest size")
        yield item


def _with_scale(items: Iterable[DepthFrame], giver: str) -> Iterator[DepthFrame]:
    """Pass on z-depth, warning once where its scale is a guess."""
    has_warned = False
    for item in items:
        _require_depth(item.depth.kind, giver)
        if item.depth.kind == "scale_invariant" and not has_warned:
            logger.warning("%s does not know the true scale; the size of the points' world is a guess", giver)
            has_warned = True
        yield item


def _require_depth(kind: DepthKind, giver: str) -> None:
    if kind not in ("metric", "scale_invariant"):
        raise DepthKindError(
            f"a point cloud needs metric depth, but {giver} gives {kind}; choose a model from "
            "`vergence models list --kind metric`, or give metres of your own with --depth"
        )


def _cloud_path(info: MediaInfo, target: str | Path | None) -> Path:
    if target is not None and not Path(target).is_dir():
        return Path(target)
    if info.path is None:
        raise FormatError("a live source has no name to derive the result's from; say where to write with -o")
    folder = Path(target) if target is not None else info.path.parent
    return folder / f"{info.path.stem}{'_cloud' if info.is_film else ''}{CLOUD_SUFFIX}"


def _check_not_its_own(path: Path, info: MediaInfo) -> None:
    """No result may take the place of what it is made from, numbered files not that of numbered pictures."""
    if info.path is None:
        return
    source = info.path.parent if is_pattern(info.path) else info.path
    is_numbered = info.is_film and path.suffix.lower() in (*written_suffixes("depth"), *written_suffixes("points"))
    taken = path.parent if is_pattern(path) else path.with_suffix("") if is_numbered else path
    if taken.resolve() == source.resolve():
        raise TargetError(f"the result would replace its own source {info.path}; choose another name")


def _packed(items: Iterable[DepthFrame], layout: Layout, settings: StereoSettings) -> Iterator[Frame]:
    for pair in synthesise(items, settings=settings):
        yield replace(pair.frame, rgb=layout.pack(pair))


def _drain(
    items: Iterable[T], write: Callable[[T], None], info: MediaInfo, progress: ProgressCallback
) -> tuple[int, float]:
    """Write every item; returns how many there were and the seconds it took."""
    began, done = time.monotonic(), 0
    for item in items:
        write(item)
        done += 1
        progress(Progress("convert", done, info.frames, time.monotonic() - began))
    return done, time.monotonic() - began


def result_path(
    info: MediaInfo,
    target: str | Path | None,
    tag: str,
    *,
    encode: EncodeSettings | None = None,
    photo_suffix: str | None = None,
) -> Path:
    """Where a result goes: `target`, or under a derived name in it where it is a folder, or beside the source.

    `holiday.mp4` becomes `holiday_sbs.mp4`; the suffix is the source's own where that can be written.
    """
    if target is not None and not Path(target).is_dir():
        return Path(target)
    if info.path is None:
        raise FormatError("a live source has no name to derive the result's from; say where to write with -o")
    if info.is_film:
        suffix = container_for(info.path, codec_for(encode or EncodeSettings(), info))
    else:
        is_written = info.path.suffix.lower() in written_suffixes("picture")
        suffix = photo_suffix or (info.path.suffix if is_written else PHOTO_SUFFIX)
    folder = Path(target) if target is not None else info.path.parent
    return folder / f"{info.path.stem}{tag}{suffix}"
