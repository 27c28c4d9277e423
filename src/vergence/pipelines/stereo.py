"""Photos and films to stereo."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from vergence.depth.model import DepthModel, load_model
from vergence.errors import FormatError, SettingsError
from vergence.media.depth_file import DepthSource
from vergence.media.open import Source, open_sink, open_source
from vergence.media.video_writer import EncodeSettings
from vergence.pipelines.job import (
    QUEUE,
    GivenDepth,
    Part,
    ProgressCallback,
    Result,
    check_not_its_own,
    depth_stages,
    drain,
    joined,
    result_path,
    silent,
)
from vergence.stability.stabilise import StabiliseSettings
from vergence.stereo.layout import Layout, find_layout
from vergence.stereo.settings import StereoSettings
from vergence.stereo.synthesise import synthesise
from vergence.streaming import Stage, overlapped
from vergence.types import DepthFrame, Frame


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
    check_not_its_own(path, info)
    with ExitStack() as stack:
        if isinstance(depth, GivenDepth):
            given = stack.enter_context(DepthSource(depth.path, kind=depth.kind))
            stages: list[Stage] = [lambda frames: joined(frames, given, depth.path)]
            if is_shrunk:
                stages.append(_without_pixels_of_disparity)
            name = None
        else:
            model = load_model(depth) if isinstance(depth, str) else depth
            stages = depth_stages(info, model, stabilising)
            name = model.card.name
        stages.append(lambda items: _packed(items, layout, stereo or StereoSettings()))
        sink = stack.enter_context(
            open_sink(path, like=info, settings=encode, overwrite=overwrite, stereo=layout.packing)
        )
        pictures = stack.enter_context(overlapped(media, *stages, size=QUEUE))
        frames, seconds = drain(pictures, sink.write, info, progress)
    return Result(sink.path, frames, seconds, name)


def _without_pixels_of_disparity(items: Iterable[DepthFrame]) -> Iterator[DepthFrame]:
    for item in items:
        if item.depth.kind == "disparity":
            raise SettingsError("disparity of your own counts pixels of the whole picture; leave out the greatest size")
        yield item


def _packed(items: Iterable[DepthFrame], layout: Layout, settings: StereoSettings) -> Iterator[Frame]:
    for pair in synthesise(items, settings=settings):
        yield replace(pair.frame, rgb=layout.pack(pair))
