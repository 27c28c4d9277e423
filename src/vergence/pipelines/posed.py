"""Pictures of one place, or a film of it, brought into one world: each with depth, a lens and a pose.

Cameras come from a model that sees the pictures together, or from a file of the user's. Depth keeps the size it was
computed at, and pictures are brought to it: a world has many views, and a point for each pixel of every photo is more
than anybody can open.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from vergence.depth import weights as store
from vergence.depth.cards import CARDS, ModelCard
from vergence.depth.known_cameras import placed
from vergence.depth.long_film import ChunkSettings, moved, posed
from vergence.depth.loops import Recollection, close_loops, find_loops, frames_needed
from vergence.depth.model import DepthModel
from vergence.depth.world import WorldModel
from vergence.errors import ModelError, SettingsError
from vergence.geometry.resample import shrink
from vergence.media.formats import by_suffix
from vergence.media.frames import pictures_in
from vergence.media.key_frames import by_parallax, every, every_seconds
from vergence.media.sampling import Shrunk
from vergence.media.scene.cameras import cameras_of, fitted, read_cameras
from vergence.media.scene.scene import Scene, View
from vergence.pipelines.job import Part
from vergence.pipelines.lifting import model_for_cloud
from vergence.stability.shots import mark_shots
from vergence.types import DepthFrame, DepthMap, Frame, Gaussians, Intrinsics

logger = logging.getLogger(__name__)

LONGER_SIDE = 1280  # px that pictures are shrunk to as they are read, unless told; networks see less


@dataclass(frozen=True)
class WorldSettings:
    """How pictures come into one world, and what is told of their cameras.

    Attributes:
        poses: a file or folder of known cameras, see `read_cameras`; None lets the model find them.
        poses_to: where cameras are written to, see `write_cameras`; None writes none.
        every: which frames of a film are used: each so-many-th for a whole number, one in so many seconds for a
            `Fraction`; None takes one whenever the picture has moved enough, see `by_parallax`.
        shots: look for a film's first cut, and end there.
        loops: mend a film's drift where it comes back to a place, see `depth.loops`; all key frames are then held in
            memory, at the size of their depth.
        chunks: how many frames of a film are seen together.
    """

    poses: Path | None = None
    poses_to: Path | None = None
    every: int | Fraction | None = None
    shots: bool = True
    loops: bool = False
    chunks: ChunkSettings = field(default_factory=ChunkSettings)


@dataclass(frozen=True)
class Posed:
    """A picture with its depth, in the world.

    Attributes:
        item: the picture at the size of its depth; the depth has its pose and its `intrinsics`.
        view: the picture's name, and its camera in pixels of the file's own picture.
    """

    item: DepthFrame
    view: View


@dataclass(frozen=True)
class _Picture:
    """A photo: its frame, shrunk, and the size it has in its file."""

    name: str
    frame: Frame
    width: int
    height: int


def posed_pictures(
    sources: Sequence[str | Path],
    model: DepthModel,
    *,
    world: WorldSettings,
    part: Part | None = None,
    take_gaussians: Callable[[Gaussians], None] | None = None,
) -> Iterator[Posed]:
    """Put pictures into one world.

    Photos are held in memory together, as the model has to see them; of a film no more than two chunks are.

    Args:
        sources: pictures, or one film; where cameras are known also folders of pictures.
        model: a `WorldModel`, or where `world.poses` are given any that gives z.
        world: the cameras.
        part: how much of a film, and the size of all.
        take_gaussians: called with those of the model's own head; of photos only.

    Raises:
        VergenceError: with what was found, what was needed and what to do.
    """
    part = part or Part()
    part = replace(part, max_side=part.max_side or LONGER_SIDE)
    sources = unfolded(sources, world)
    if film := film_among(sources, part):
        if world.poses is not None:
            raise SettingsError(
                f"known cameras are found by pictures' names, and {film} is a film; give its frames' folder"
            )
        assert sees_many(model)
        yield from _of_film(film, model, world, part)
        return
    if world.every is not None or world.loops:
        raise SettingsError("--every and --loops are of a film, and these are photos")
    if world.poses is None:
        pictures = _pictures(sources, part)
        assert sees_many(model)
        made = model.world([one.frame for one in pictures], gaussians=take_gaussians is not None)
    else:
        known = read_cameras(world.poses)
        matched = cameras_of(sources, known.views, world.poses)
        kept = [source for source, view in zip(sources, matched, strict=True) if view is not None]
        pictures = _pictures(kept, part)
        views = [
            fitted(view, one.frame.width, one.frame.height)
            for view, one in zip((view for view in matched if view is not None), pictures, strict=True)
        ]
        frames, cameras = [one.frame for one in pictures], [view.camera for view in views]
        if not sees_many(model):
            points = [_points_of(known, view) for view in views]
            for one, item in zip(pictures, placed(frames, cameras, points, model), strict=True):
                yield _posed(item, one)
            return
        made = model.world(frames, cameras=cameras, gaussians=take_gaussians is not None)
    if take_gaussians is not None and made.gaussians is not None:
        take_gaussians(made.gaussians)
    _tell_scale(made.views[0], model.card)
    for one, item in zip(pictures, made.views, strict=True):
        yield _posed(item, one)


def sees_many(model: DepthModel) -> TypeGuard[WorldModel]:
    """Whether a model is also a `WorldModel`."""
    return hasattr(model, "world")


def model_for_world(name: str, *, has_cameras: bool) -> str:
    """What "auto" means for one world: a model that sees many pictures on this machine, else with known cameras
    what `model_for_cloud` says; any other name stays.

    Raises:
        ModelError: the model sees one picture at a time and cameras are not known, or "auto" finds none.
    """
    if name != "auto":
        card = CARDS.get(name)
        if card is not None and not has_cameras and not card.options.get("sees_many"):
            raise sees_one(card)
        return name
    able = (card for card in CARDS.values() if card.options.get("sees_many") and card.is_commercial)
    here = next((card.name for card in able if store.find(card) is not None), None)
    if here is not None or has_cameras:
        return here or model_for_cloud(name)
    raise ModelError(
        "pictures in one world need a model that sees them together, and none is on this machine; run "
        f"`vergence models pull {_able()[0]}`, or give the cameras with --poses"
    )


def sees_one(card: ModelCard) -> ModelError:
    """What to raise where a model sees one picture at a time and cameras are not known."""
    return ModelError(
        f"{card.name!r} sees one picture at a time, which gives no cameras; choose {', '.join(_able())}, "
        "or give the cameras with --poses"
    )


def unfolded(sources: Sequence[str | Path], world: WorldSettings) -> Sequence[str | Path]:
    """The sources, where cameras are known with the pictures of a folder in its place: their names tell the cameras."""
    if world.poses is None:
        return sources
    return [one for source in sources for one in (pictures_in(Path(source)) if Path(source).is_dir() else [source])]


def film_among(sources: Sequence[str | Path], part: Part) -> str | Path | None:
    """The one film among the sources; None where all are pictures, and `SettingsError` where it is not alone."""
    films = []
    for source in sources:
        row = by_suffix(Path(source))
        if row is not None and row.reads[0] == "picture":
            continue  # known without decoding it
        with part.of(source) as media:
            if media.info.is_film:
                films.append(source)
    if films and len(sources) > 1:
        raise SettingsError(f"one world is of pictures or of one film, and {films[0]} is a film; give it by itself")
    return films[0] if films else None


def lens_of(depth: DepthMap) -> Intrinsics:
    if depth.intrinsics is None:
        raise ModelError("the model gives no lenses, which one world needs; choose another")
    return depth.intrinsics


def pose_of(depth: DepthMap) -> NDArray[np.float64]:
    if depth.world_from_camera is None:
        raise ModelError("the model gives no poses, which one world needs; choose another")
    return depth.world_from_camera


def _points_of(scene: Scene, view: View) -> NDArray[np.float64] | None:
    """What a view is known to see, else all points there are."""
    if scene.cloud is None:
        return None
    points = scene.cloud.points.astype(np.float64)
    if scene.sightings is None:
        return points
    place = next(index for index, one in enumerate(scene.views) if one.name == view.name)
    return points[scene.sightings[place]]


def _pictures(sources: Sequence[str | Path], part: Part) -> list[_Picture]:
    names = [Path(source).name for source in sources]
    if len(set(names)) < len(names):
        names = [Path(source).as_posix() for source in sources]
    pictures = []
    for index, (source, name) in enumerate(zip(sources, names, strict=True)):
        with part.of(source) as media:
            frame = next(iter(media))
            whole = media.source.info if isinstance(media, Shrunk) else media.info
        pictures.append(_Picture(name, replace(frame, index=index, time=Fraction(index)), whole.width, whole.height))
    return pictures


def _of_film(source: str | Path, model: WorldModel, world: WorldSettings, part: Part) -> Iterator[Posed]:
    count = 0
    with part.of(source) as media:
        whole = media.source.info if isinstance(media, Shrunk) else media.info
        frames = _first_shot(mark_shots(media)) if world.shots else iter(media)
        items = posed(_key_frames(frames, world.every), model, settings=world.chunks)
        for count, item in enumerate(_without_drift(items, model) if world.loops else items, start=1):
            if count == 1:
                _tell_scale(item, model.card)
            yield _posed(item, _Picture(f"{item.frame.index:06}.png", item.frame, whole.width, whole.height))
    if count == 1 and world.every is None:
        logger.warning("the picture hardly moves, so that one frame is all of the world; --every takes more of them")


def _without_drift(items: Iterable[DepthFrame], model: WorldModel) -> Iterator[DepthFrame]:
    """Views of a film that agree with each other where it comes back to a place."""
    remembered = Recollection()
    held = [_small_enough(item) for item in remembered.keep(items)]
    pairs = find_loops(remembered)
    needed = frames_needed(remembered, pairs)
    pictures = {item.frame.index: item.frame for item in held if item.frame.index in needed}
    corrections = close_loops(remembered, pairs, pictures, model)
    for item, correction in zip(held, corrections, strict=True):
        yield moved(item, correction)


def _tell_scale(item: DepthFrame, card: ModelCard) -> None:
    if item.depth.kind == "scale_invariant":
        logger.warning("%s does not know the true scale; the size of the world is a guess", card.name)


def _key_frames(frames: Iterator[Frame], step: int | Fraction | None) -> Iterator[Frame]:
    if step is None:
        return by_parallax(frames)
    return every(frames, step) if isinstance(step, int) else every_seconds(frames, step)


def _first_shot(frames: Iterable[Frame]) -> Iterator[Frame]:
    for frame in frames:
        if frame.shot:
            logger.warning(
                "the film cuts at %.2f s, and nothing links what follows with what was before: the world ends there; "
                "--start begins later, --no-shots looks for no cuts",
                float(frame.time),
            )
            return
        yield frame


def _posed(item: DepthFrame, picture: _Picture) -> Posed:
    """Bring the picture to the size of its depth, and its camera to that of the file's own picture."""
    frame, lens = item.frame, lens_of(item.depth)
    own = lens.resized(frame.width, frame.height)
    whole = picture.frame
    if (whole.width, whole.height) != (own.width, own.height):  # the model saw its middle
        dx, dy = (whole.width - own.width) / 2, (whole.height - own.height) / 2
        own = Intrinsics(own.fx, own.fy, own.cx + dx, own.cy + dy, whole.width, whole.height)
    view = View(picture.name, own.resized(picture.width, picture.height), pose_of(item.depth))
    return Posed(_small_enough(item), view)


def _small_enough(item: DepthFrame) -> DepthFrame:
    """With a picture no larger than its depth."""
    height, width = item.depth.values.shape
    if item.frame.width <= width:
        return item
    frame = replace(item.frame, rgb=shrink(item.frame.rgb, width, height), intrinsics=None)
    return DepthFrame(frame, item.depth)


def _able() -> list[str]:
    return [card.name for card in CARDS.values() if card.options.get("sees_many")]
