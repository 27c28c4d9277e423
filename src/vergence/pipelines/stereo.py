"""Photos and films to stereo."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from vergence.depth.model import DepthModel, load_model
from vergence.errors import FormatError, SettingsError
from vergence.media.camera import CameraSettings, with_camera
from vergence.media.depth_file import DepthSource
from vergence.media.open import Sink, Source, open_pairs, open_sink, open_source
from vergence.media.sampling import Shrunk
from vergence.media.separate import SeparateSink
from vergence.media.spatial.metadata import SpatialSettings
from vergence.media.video_writer import EncodeSettings
from vergence.pipelines.arranged import (
    LARGEST_PARALLAX,
    PARALLAX,
    arranged,
    fitting,
    parallax_info,
    swayed,
    target_of,
    with_layouts_convergence,
)
from vergence.pipelines.comfort import pairs_of, reported, with_known_camera
from vergence.pipelines.job import (
    QUEUE,
    GivenDepth,
    Part,
    ProgressCallback,
    Result,
    depth_stages,
    drain,
    joined,
    silent,
)
from vergence.stability.stabilise import StabiliseSettings
from vergence.stereo.layout import Layout, find_layout
from vergence.stereo.parallax import Sway
from vergence.stereo.settings import StereoSettings
from vergence.stereo.to_scale import require_metric
from vergence.streaming import Stage, overlapped
from vergence.types import DepthFrame


def process_photo(
    source: str | Path,
    target: str | Path | None = None,
    *,
    layout: str = "sbs",
    stereo: StereoSettings | None = None,
    depth: str | DepthModel | GivenDepth = "auto",
    camera: CameraSettings | None = None,
    spatial: SpatialSettings | None = None,
    report: str | Path | None = None,
    overwrite: bool = False,
) -> Result:
    """Make a stereo picture of a photo.

    Args:
        source: a picture.
        target: a file or an existing folder; None puts the result beside the source, its name tagged with the layout.
        layout: a name in `vergence.stereo.layout.LAYOUTS`.
        stereo: how much 3-D, see `StereoSettings`.
        depth: a model, its name, or depth of your own.
        camera: what you know of the camera, before what the depth or the EXIF says; for pairs true to scale.
        spatial: what a result in the layout "spatial" says of its cameras, and who encodes it.
        report: an .html or .json file, or a folder for one, that says how comfortable the result is.
        overwrite: replace what lies at `target` and `report`.

    Raises:
        VergenceError: with what was found, what was needed and what to do.
    """
    chosen = find_layout(layout)
    with open_source(source) as photo:
        if photo.info.is_film:
            raise FormatError(f"{source} is a film; use process_video for it")
        path = target_of(photo.info, target, chosen, chosen.tag)
        return _run(
            photo, path, chosen, stereo, depth, camera=camera, spatial=spatial, report=report, overwrite=overwrite
        )


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
    camera: CameraSettings | None = None,
    spatial: SpatialSettings | None = None,
    report: str | Path | None = None,
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
        path = target_of(film.info, target, chosen, tag, encode=encode)
        return _run(
            film,
            path,
            chosen,
            stereo,
            depth,
            stabilising=stabilising,
            encode=encode,
            is_shrunk=part.max_side is not None,
            camera=camera,
            spatial=spatial,
            report=report,
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
    camera: CameraSettings | None = None,
    spatial: SpatialSettings | None = None,
    report: str | Path | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    asked = media
    media = fitting(asked, layout)
    is_shrunk = is_shrunk or media is not asked
    info = media.info
    settings = with_layouts_convergence(stereo or StereoSettings(), layout)
    whole = media.source.info if isinstance(media, Shrunk) else info
    told = (camera or CameraSettings()).of(whole.width, whole.height)
    told = told and told.resized(info.width, info.height)
    with ExitStack() as stack:
        if isinstance(depth, GivenDepth):
            given = stack.enter_context(DepthSource(depth.path, kind=depth.kind))
            stages: list[Stage] = [lambda frames: joined(frames, given, depth.path)]
            if is_shrunk:
                stages.append(_without_pixels_of_disparity)
            name = None
        else:
            model = load_model(depth) if isinstance(depth, str) else depth
            if settings.is_to_scale:
                require_metric(model.card.kind)
            stages = depth_stages(info, model, stabilising)
            name = model.card.name
        stages.insert(0, lambda frames: with_camera(frames, told))
        if settings.is_to_scale:
            stages.append(lambda items: with_known_camera(items, told))
        log = stack.enter_context(reported(report, settings, info, overwrite=overwrite))
        pairs: Stage = lambda items: pairs_of(items, settings=settings, layout=layout.name, log=log)  # noqa: E731
        sink: Sink[Any]
        if layout.name == PARALLAX:
            sway = Sway()
            stages.append(lambda items: swayed(pairs(items), sway, settings))
            info = parallax_info(info, sway)
            sink = open_sink(path, like=info, settings=encode, overwrite=overwrite)
        elif layout.packer is None:
            stages.append(pairs)
            sink = open_pairs(
                path, layout=layout.name, like=info, settings=encode, spatial=spatial, overwrite=overwrite
            )
        else:
            stages.append(lambda items: arranged(pairs(items), layout, info))
            sink = open_sink(path, like=info, settings=encode, overwrite=overwrite, stereo=layout.packing)
        stack.enter_context(sink)
        pictures = stack.enter_context(overlapped(media, *stages, size=QUEUE))
        frames, seconds = drain(pictures, sink.write, info, progress)
    also = (sink.right_path,) if isinstance(sink, SeparateSink) else ()
    return Result(sink.path, frames, seconds, name, also)


def _without_pixels_of_disparity(items: Iterable[DepthFrame]) -> Iterator[DepthFrame]:
    for item in items:
        if item.depth.kind == "disparity":
            raise SettingsError(
                "disparity of your own counts pixels of the whole picture; leave out the greatest size, or give "
                f"--layout {PARALLAX} a picture of at most {LARGEST_PARALLAX} px"
            )
        yield item
