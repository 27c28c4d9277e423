"""Photos and films to point clouds."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from vergence.depth import weights as store
from vergence.depth.cards import CARDS
from vergence.depth.model import DepthModel, load_model
from vergence.errors import DepthKindError, FormatError
from vergence.media.cloud import CameraSettings, CloudSettings, clouds, with_camera
from vergence.media.depth_file import DepthSource
from vergence.media.open import Source
from vergence.media.ply import SUFFIX as CLOUD_SUFFIX
from vergence.media.ply import PlySink
from vergence.media.sampling import Shrunk
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
    silent,
)
from vergence.stability.stabilise import StabiliseSettings
from vergence.streaming import Stage, overlapped
from vergence.types import DepthFrame, DepthKind, Intrinsics, MediaInfo

logger = logging.getLogger(__name__)


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
        check_not_its_own(path, info)
        stages, told, name = lifting_stages(stack, media, depth, camera, stabilising)
        sink = stack.enter_context(PlySink(path, like=info, overwrite=overwrite))
        stages.append(lambda items: clouds(items, settings=settings, camera=told))
        points = stack.enter_context(overlapped(media, *stages, size=QUEUE))
        frames, seconds = drain(points, sink.write, info, progress)
    return Result(sink.path, frames, seconds, name)


def lifting_stages(
    stack: ExitStack,
    media: Source,
    depth: str | DepthModel | GivenDepth,
    camera: CameraSettings | None,
    stabilising: StabiliseSettings | None,
) -> tuple[list[Stage], Intrinsics | None, str | None]:
    """From frames to frames with z-depth; with the camera the user told, px, and the model's name.

    Arguments as `process_cloud`; what is opened is closed with `stack`.
    """
    info = media.info
    whole = media.source.info if isinstance(media, Shrunk) else info
    told = (camera or CameraSettings()).of(whole.width, whole.height)
    told = told and told.resized(info.width, info.height)
    stages: list[Stage] = [lambda frames: with_camera(frames, told)]
    if isinstance(depth, GivenDepth):
        given = stack.enter_context(DepthSource(depth.path, kind=depth.kind))
        stages.append(lambda frames: joined(frames, given, depth.path))
        name, giver = None, str(depth.path)
    else:
        model = load_model(model_for_cloud(depth)) if isinstance(depth, str) else depth
        _require_depth(model.card.kind, repr(model.card.name))
        stages += depth_stages(info, model, stabilising)
        name, giver = model.card.name, repr(model.card.name)
    stages.append(lambda items: _with_scale(items, giver))
    return stages, told, name


def model_for_cloud(name: str) -> str:
    """What "auto" means where metres are needed: a metric model on this machine, else the one inside the package."""
    if name != "auto":
        return name
    metric = (card for card in CARDS.values() if card.kind == "metric" and card.is_commercial)
    return next((card.name for card in metric if store.find(card) is not None), "preview")


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
