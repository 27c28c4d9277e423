"""What jobs that lift pictures into space share: a model that gives z, the cameras, and the way from source to sink."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from vergence.depth import weights as store
from vergence.depth.cards import CARDS
from vergence.depth.model import DepthModel, load_model
from vergence.errors import DepthKindError
from vergence.media.camera import CameraSettings, with_camera, with_known_camera
from vergence.media.depth_file import DepthSource
from vergence.media.open import Sink, Source
from vergence.media.sampling import Shrunk
from vergence.pipelines.job import QUEUE, GivenDepth, Part, ProgressCallback, Result, depth_stages, drain, joined
from vergence.stability.stabilise import StabiliseSettings
from vergence.streaming import Stage, overlapped
from vergence.types import DepthFrame, DepthKind, Intrinsics, MediaInfo

logger = logging.getLogger(__name__)

T = TypeVar("T")


def lift_all(
    source: str | Path,
    sink_of: Callable[[MediaInfo], Sink[T]],
    stage: Callable[[Iterable[tuple[DepthFrame, Intrinsics]]], Iterator[T]],
    *,
    depth: str | DepthModel | GivenDepth,
    camera: CameraSettings | None,
    stabilising: StabiliseSettings | None,
    part: Part | None,
    progress: ProgressCallback,
) -> Result:
    """Run every picture of a source with its z-depth and its camera through `stage` and write what comes.

    `sink_of` opens what is written to, before a model is loaded; the rest is as in `process_cloud`.
    """
    part = part or Part()
    if isinstance(depth, GivenDepth):
        part.check_given()
    with ExitStack() as stack:
        media = stack.enter_context(part.of(source))
        sink = sink_of(media.info)
        stages, told, name = _stages(stack, media, depth, camera, stabilising)
        stack.enter_context(sink)
        stages.append(lambda items: stage(with_known_camera(items, told)))
        results = stack.enter_context(overlapped(media, *stages, size=QUEUE))
        frames, seconds = drain(results, sink.write, media.info, progress)
    return Result(sink.path, frames, seconds, name)


def model_for_cloud(name: str) -> str:
    """What "auto" means where metres are needed: a metric model on this machine, else the one inside the package."""
    if name != "auto":
        return name
    metric = (card for card in CARDS.values() if card.kind == "metric" and card.is_commercial)
    return next((card.name for card in metric if store.find(card) is not None), "preview")


def _stages(
    stack: ExitStack,
    media: Source,
    depth: str | DepthModel | GivenDepth,
    camera: CameraSettings | None,
    stabilising: StabiliseSettings | None,
) -> tuple[list[Stage], Intrinsics | None, str | None]:
    """From frames to frames with z-depth; with the camera the user told, px, and the model's name.

    What is opened is closed with `stack`.
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
