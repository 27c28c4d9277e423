"""Films longer than a model of many views can see at once, in one world.

The film is cut into chunks that share some frames. Every chunk is a world of its own, with a beginning, a turn and
mostly a scale of its own; what the shared frames show in both gives the similarity between them, and with it each
chunk joins those before. The way of VGGT-Long (Deng et al., arXiv:2507.16443) and of the streaming of Depth Anything 3.

Errors of the similarities add up, so the far end of a long film drifts; `vergence.depth.loops` mends that where the
camera comes back to a place.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vergence.depth.world import WorldModel
from vergence.errors import ModelError, SettingsError
from vergence.geometry.rotation import between
from vergence.geometry.similarity import Similarity, fit_similarity_robust
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

logger = logging.getLogger(__name__)

PIXELS = 1000  # of each shared frame: enough for a median
LEAST_SURE = 0.1  # share of a frame's pixels that is left out, those the model is least sure of
MISFIT = 0.2  # of the distance, median: from here on two chunks do not show the same thing
METRE = 0.05  # share of the way to a chunk's own metre that the world's unit goes at each link
RESTING = 1e-9  # of a world's unit: cameras that are nearer to each other stand still
TRIPOD = np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])

Pairs = list[tuple[NDArray[np.intp], NDArray[np.float64]]]


@dataclass(frozen=True)
class ChunkSettings:
    """How a film is cut into chunks.

    Attributes:
        size: frames that the model sees at once.
        overlap: how many of them it has seen in the chunk before.
    """

    size: int = 16
    overlap: int = 6

    def __post_init__(self) -> None:
        if not 1 <= self.overlap < self.size:
            raise SettingsError(
                f"chunks of {self.size} frames cannot share {self.overlap}; give an overlap from 1 to {self.size - 1}"
            )


@dataclass(frozen=True)
class Link:
    """How a chunk joins the world so far.

    Attributes:
        world_from_chunk: the similarity.
        residual: median distance between the same point in both, as a share of its distance from the camera.
        points: how many pixels were compared; of none the scale comes from the cameras' distances alone.
    """

    world_from_chunk: Similarity
    residual: float
    points: int


Linker = Callable[[Sequence[DepthFrame], Sequence[DepthFrame]], Link]


def posed(
    frames: Iterable[Frame],
    model: WorldModel,
    *,
    settings: ChunkSettings | None = None,
    linker: Linker | None = None,
) -> Iterator[DepthFrame]:
    """Find depth and camera of every frame of a film, all of a shot in one world, in the memory of two chunks.

    A shot (`Frame.shot`, see `mark_shots`) begins a world of its own: nothing links its poses and its scale with those
    of the shots before it, which is said as a warning. Frames come out in order, up to a chunk later than they went in.

    Args:
        frames: of a film, or its key frames; neighbours must show mostly the same place.
        model: that sees many pictures at once.
        settings: how long chunks are.
        linker: finds how a chunk joins the world, from the shared frames in both; `fit_link` unless given.

    Returns:
        Of each frame the depth, with `intrinsics` and `world_from_camera`; scale and world are those of its shot's
        first chunk.

    Raises:
        ModelError: the model cannot do it, or gives no cameras.
    """
    settings, linker = settings or ChunkSettings(), linker or fit_link
    held: list[DepthFrame] = []  # the newest views of the world so far, which the next chunk has too
    for chunk, shared in _chunks(frames, settings):
        views = [_checked(view, model) for view in model.world(chunk).views]
        if shared:
            link = linker(views[:shared], held)
            _tell(link, views[0].frame)
            views = [moved(view, link.world_from_chunk) for view in views]
            views[:shared] = blended(held, views[:shared])
        else:
            yield from held
            if held:
                _tell_shot(chunk[0])
        held = views[-settings.overlap :]
        ready = views[: -settings.overlap]
        del views, chunk  # else they would be held through the next chunk
        while ready:
            yield ready.pop(0)
    yield from held


def fit_link(
    chunk: Sequence[DepthFrame], world: Sequence[DepthFrame], *, weights: Sequence[float] | None = None
) -> Link:
    """Find how a chunk joins a world, from the same frames in both; `weights`, over 0, say how much each counts.

    The scale is the median ratio of the depths of the same pixels, the turn and the shift are those that bring the
    cameras onto each other. Points brought onto each other, as VGGT-Long does, turn the world by errors of the depth:
    films of 24 chunks with errors of 2 % drifted 3 times as far so, with 10 % 13 times, and no less far where cameras
    err by half a degree (`benchmarks/trajectory.py`).

    Of metric chunks the scale is drawn towards 1 a little each time: over many chunks what each says of the metre is
    worth more than a chain of ratios.
    """
    shares = np.ones(len(chunk)) if weights is None else np.asarray(weights, np.float64)
    pairs = [_common_pixels(a.depth, b.depth, share) for a, b, share in zip(chunk, world, shares, strict=True)]
    points = sum(len(chosen) for chosen, _ in pairs)
    scale = _scale(chunk, world, pairs) if points else _scale_of_cameras(chunk, world)
    if all(view.depth.kind == "metric" for view in (*chunk, *world)):
        scale **= 1 - METRE
    found = fit_similarity_robust(*_tripods(chunk, world, scale), weights=np.repeat(shares, len(TRIPOD)), scale=scale)
    return Link(found, _residual(chunk, world, pairs, found) if points else float("nan"), points)


def moved(view: DepthFrame, world_from_chunk: Similarity) -> DepthFrame:
    """A view of a chunk in the world: its camera moves there, and its depth gets the world's scale."""
    depth = view.depth
    values = (depth.values * np.float32(world_from_chunk.scale)).astype(np.float32)
    pose = world_from_chunk.apply_to_poses(_pose(depth))
    return replace(view, depth=replace(depth, values=values, world_from_camera=pose))


def blended(before: Sequence[DepthFrame], after: Sequence[DepthFrame]) -> list[DepthFrame]:
    """The shared frames of two chunks of one world, fading from the one to the other so that nothing jumps."""
    shares = (np.arange(len(before)) + 1) / (len(before) + 1)
    return [mixed(a, b, float(share)) for a, b, share in zip(before, after, shares, strict=True)]


def _chunks(frames: Iterable[Frame], settings: ChunkSettings) -> Iterator[tuple[list[Frame], int]]:
    """The frames of each chunk, none of two shots, and how many of them the chunk before had."""
    chunk: list[Frame] = []
    shared = 0
    for frame in frames:
        is_cut = bool(chunk) and frame.shot != chunk[-1].shot
        if is_cut or len(chunk) == settings.size:
            if len(chunk) > shared:
                yield chunk, shared
            chunk = [] if is_cut else chunk[-settings.overlap :]
            shared = len(chunk)
        chunk.append(frame)
    if len(chunk) > shared:
        yield chunk, shared


def _checked(view: DepthFrame, model: WorldModel) -> DepthFrame:
    if view.depth.intrinsics is None or view.depth.world_from_camera is None:
        raise ModelError(f"{model.card.name} gives no cameras, which a long film is put together by; choose another")
    return view


def _common_pixels(one: DepthMap, two: DepthMap, share: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Which pixels, by their numbers row by row, have a depth in both worlds, and how sure both are, times `share`."""
    if one.values.shape != two.values.shape:
        raise ModelError(f"a frame's depth is {one.values.shape} in one chunk and {two.values.shape} in the next")
    usable = one.valid & two.valid & (one.values > 0) & (two.values > 0)
    surety = np.ones(usable.shape)
    if one.confidence is not None and two.confidence is not None:
        surety = np.sqrt(np.maximum(one.confidence, 0).astype(np.float64) * np.maximum(two.confidence, 0))
        if usable.any():
            usable &= surety >= np.quantile(surety[usable], LEAST_SURE)
    chosen = np.flatnonzero(usable)
    chosen = chosen[:: -(-len(chosen) // PIXELS) or 1]
    return chosen, share * surety.ravel()[chosen]


def _scale(chunk: Sequence[DepthFrame], world: Sequence[DepthFrame], pairs: Pairs) -> float:
    """The median ratio of the depths of common pixels, weighted by how sure both chunks are."""
    ratios = [
        np.log(b.depth.values.ravel()[chosen].astype(np.float64) / a.depth.values.ravel()[chosen])
        for a, b, (chosen, _) in zip(chunk, world, pairs, strict=True)
    ]
    ratio, surety = np.concatenate(ratios), np.concatenate([surety for _, surety in pairs])
    order = np.argsort(ratio)
    total = np.cumsum(surety[order])
    return float(np.exp(ratio[order][np.searchsorted(total, total[-1] / 2)]))


def _scale_of_cameras(chunk: Sequence[DepthFrame], world: Sequence[DepthFrame]) -> float:
    """The ratio of how far the cameras stand from their middle; 1 where they do not move."""
    centres = [np.stack([_pose(view.depth)[:3, 3] for view in views]) for views in (chunk, world)]
    before, after = (float(np.linalg.norm(places - places.mean(axis=0))) for places in centres)
    return after / before if min(before, after) > RESTING else 1.0


def _tripods(
    chunk: Sequence[DepthFrame], world: Sequence[DepthFrame], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cameras as points, (7 N, 3) in both worlds: each one's centre, and a step along its axes either way.

    The step is as long as things are away: to turn a camera then counts as much as it moves the picture.
    """
    source, target = [], []
    for a, b in zip(chunk, world, strict=True):
        used = a.depth.values[a.depth.valid]
        step = float(np.median(used)) if used.size else 1.0
        source.append(TRIPOD * step @ _pose(a.depth)[:3, :3].T + _pose(a.depth)[:3, 3])
        target.append(TRIPOD * (scale * step) @ _pose(b.depth)[:3, :3].T + _pose(b.depth)[:3, 3])
    return np.concatenate(source), np.concatenate(target)


def _residual(chunk: Sequence[DepthFrame], world: Sequence[DepthFrame], pairs: Pairs, found: Similarity) -> float:
    """Median distance of the same point in both, as a share of its distance."""
    shares = []
    for a, b, (chosen, _) in zip(chunk, world, pairs, strict=True):
        apart = np.linalg.norm(found.apply(_points(a.depth, chosen)) - _points(b.depth, chosen), axis=1)
        shares.append(apart / b.depth.values.ravel()[chosen])
    return float(np.median(np.concatenate(shares)))


def _points(depth: DepthMap, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
    """(N, 3) world points of some pixels, by their numbers row by row."""
    height, width = depth.values.shape
    camera = _intrinsics(depth).resized(width, height)
    row, column = np.divmod(chosen, width)
    z = depth.values.ravel()[chosen].astype(np.float64)
    x, y = (column + 0.5 - camera.cx) / camera.fx * z, (row + 0.5 - camera.cy) / camera.fy * z
    pose = _pose(depth)
    return np.asarray(np.stack([x, y, z], axis=1) @ pose[:3, :3].T + pose[:3, 3])


def mixed(one: DepthFrame, two: DepthFrame, share: float) -> DepthFrame:
    """One view of two of the same frame in one world, `share` of it from the second."""
    a, b = one.depth, two.depth
    both = a.valid & b.valid
    values = np.where(both, (1 - share) * a.values + share * b.values, np.where(a.valid, a.values, b.values))
    first, second = _pose(a), _pose(b)
    pose = np.eye(4)
    pose[:3, :3] = between(first[:3, :3], second[:3, :3], share)
    pose[:3, 3] = (1 - share) * first[:3, 3] + share * second[:3, 3]
    confidence = b.confidence
    if a.confidence is not None and confidence is not None:
        confidence = ((1 - share) * a.confidence + share * confidence).astype(np.float32)
    lens, other = _intrinsics(a), _intrinsics(b)
    mixed = {k: (1 - share) * getattr(lens, k) + share * getattr(other, k) for k in ("fx", "fy", "cx", "cy")}
    depth = replace(
        b,
        values=values.astype(np.float32),
        valid=a.valid | b.valid,
        world_from_camera=pose,
        confidence=confidence,
        intrinsics=replace(other, **mixed),
    )
    return replace(two, depth=depth)


def _pose(depth: DepthMap) -> NDArray[np.float64]:
    assert depth.world_from_camera is not None  # checked as it came
    return depth.world_from_camera


def _intrinsics(depth: DepthMap) -> Intrinsics:
    assert depth.intrinsics is not None  # checked as it came
    return depth.intrinsics


def _tell(link: Link, frame: Frame) -> None:
    if link.points == 0:
        logger.warning(
            "from frame %d on the film shows no point that was seen before: its scale comes from its cameras alone",
            frame.index,
        )
    elif link.residual > MISFIT:
        logger.warning(
            "the film before and after frame %d does not fit: points are %.0f %% of their distance apart; "
            "if there is a cut, mark the shots",
            frame.index,
            100 * link.residual,
        )
    else:
        logger.debug("frame %d: chunks are %.2f %% apart", frame.index, 100 * link.residual)


def _tell_shot(frame: Frame) -> None:
    logger.warning(
        "frame %d begins another shot: its cameras and its scale are of a world of its own, which nothing links "
        "with the one before",
        frame.index,
    )
