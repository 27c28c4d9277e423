"""Several pictures of one place, or a film of it, to points or Gaussians in one world."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from vergence.depth.cards import CARDS
from vergence.depth.model import DepthModel, load_model
from vergence.errors import FormatError, MediaError, ModelError, SettingsError
from vergence.media.cloud_file import check_cloud_name, write_cloud
from vergence.media.scene.cameras import check_cameras_name, is_colmap, write_cameras
from vergence.media.scene.colmap import OURS, write_colmap
from vergence.media.scene.npz import write_npz
from vergence.media.scene.scene import Scene, View
from vergence.media.splats.open import SUFFIXES as SPLAT_SUFFIXES
from vergence.media.splats.open import up_to_degree, write_gaussians
from vergence.media.targets import Target
from vergence.pipelines.cloud import in_world
from vergence.pipelines.job import Part, Progress, ProgressCallback, Result, silent
from vergence.pipelines.points import MERGED, CloudSettings, Losses, thinned, told
from vergence.pipelines.posed import (
    Posed,
    WorldSettings,
    film_among,
    lens_of,
    model_for_world,
    posed_pictures,
    sees_many,
    sees_one,
    unfolded,
)
from vergence.pipelines.splats import SplatSettings, lift_picture, pruned
from vergence.points.fuse import fuse
from vergence.points.select import few
from vergence.splats.harmonics import CONSTANT
from vergence.splats.lift import merge
from vergence.types import Gaussians, PointCloud

logger = logging.getLogger(__name__)

GaussianSource = Literal["auto", "head", "lift"]

MOST_POINTS = 100_000  # in a model of COLMAP beside the result: what trainers of splats begin with


def process_world_cloud(
    sources: Sequence[str | Path],
    target: str | Path,
    *,
    depth: str | DepthModel = "auto",
    settings: CloudSettings | None = None,
    tolerance: float | None = None,
    world: WorldSettings | None = None,
    part: Part | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    """Make one coloured point cloud of several pictures of a place, or of a film.

    Args:
        sources: pictures, or one film or folder of numbered frames.
        target: .ply; .glb, which shows the cameras too; .npz with everything; or a folder for a model of COLMAP.
        depth: a model that sees many pictures together or, with known cameras, any that gives z; see
            `model_for_world` for "auto".
        settings: which points to keep; meshes are of single pictures.
        tolerance: leave out points that more of the 8 pictures before and the 8 after see through than agree with, to
            this share of depth.
        world: the cameras.
        part: how much of a film; `max_side` is 1280 unless given.
        overwrite: replace what lies at `target`, and where cameras are written.
        progress: called after every picture, in the caller's thread.

    Raises:
        VergenceError: with what was found, what was needed and what to do.
    """
    settings, world, target = settings or CloudSettings(), world or WorldSettings(), Path(target)
    if target.suffix.lower() != ".npz" and not is_colmap(target):
        check_cloud_name(target)
    if settings.mesh:
        raise SettingsError("a mesh is of one picture; leave out --mesh, or make one of each picture")
    _check_targets(target, world, overwrite=overwrite)
    model = _model(depth, world)
    began = time.monotonic()
    losses: Losses = Counter()
    views: list[View] = []
    times: list[Fraction] = []
    pictures = _seen(posed_pictures(sources, model, world=world, part=part), target, views, times, progress)
    points = 0

    def clouds() -> Iterator[PointCloud]:
        nonlocal points
        lensed = ((one.item, lens_of(one.item.depth)) for one in pictures)
        for cloud in in_world(lensed, settings, tolerance=tolerance, losses=losses):
            points += len(cloud)
            yield cloud

    cloud = fuse(clouds(), voxel=settings.voxel)
    losses[MERGED] += points - len(cloud)
    cloud = thinned(cloud, replace(settings, voxel=None), losses)
    if not len(cloud):
        raise SettingsError("no point is left; --farthest, --min-confidence and --edges say which go")
    scene = Scene(tuple(views), cloud)
    _write_world(target, scene, overwrite=overwrite)
    also, notes = _write_poses(world, scene, times, overwrite=overwrite)
    notes = (told(losses, len(cloud)), *notes)
    return Result(target, len(views), time.monotonic() - began, model.card.name, also, notes)


def process_world_splats(
    sources: Sequence[str | Path],
    target: str | Path,
    *,
    depth: str | DepthModel = "auto",
    source: GaussianSource = "auto",
    settings: SplatSettings | None = None,
    world: WorldSettings | None = None,
    part: Part | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    """Make 3-D Gaussians of several pictures of a place, or of a film.

    Args:
        sources, depth, world, part, overwrite, progress: as `process_world_cloud`.
        target: .ply, .compressed.ply, .spz, .splat, or .npz with everything.
        source: "head" takes the Gaussians that the model itself gives, "lift" makes one of every pixel of every view;
            "auto" is the first where the model has them.
        settings: `voxel`, `min_opacity` and `sh_degree` are of both; the rest says which pixels are lifted.

    Raises:
        VergenceError: with what was found, what was needed and what to do.
    """
    settings, world, target = settings or SplatSettings(), world or WorldSettings(), Path(target)
    if not target.name.lower().endswith((*SPLAT_SUFFIXES, ".npz")):
        raise FormatError(
            f"cannot write splats to {target}; its name must end with {', '.join(SPLAT_SUFFIXES)} or .npz"
        )
    _check_targets(target, world, overwrite=overwrite)
    model = _model(depth, world)
    from_head = _is_from_head(source, model, unfolded(sources, world))
    began = time.monotonic()
    parts: list[Gaussians] = []
    views: list[View] = []
    times: list[Fraction] = []
    take = parts.append if from_head else None
    pictures = posed_pictures(sources, model, world=world, part=part, take_gaussians=take)
    for one in _seen(pictures, target, views, times, progress):
        if not from_head:
            parts.append(lift_picture(one.item, lens_of(one.item.depth), settings))
    gaussians = merge(parts)
    if not len(gaussians):
        raise SettingsError("no splat is left; --farthest, --min-confidence and --edges say which go")
    gaussians = pruned(gaussians, settings)
    if target.suffix.lower() == ".npz":
        whole = Scene(tuple(views), gaussians=up_to_degree(gaussians, settings.sh_degree))
        write_npz(target, whole, overwrite=overwrite)
    else:
        write_gaussians(gaussians, target, settings.sh_degree, overwrite=overwrite)
    scene = Scene(tuple(views), centres(gaussians))
    also, notes = _write_poses(world, scene, times, overwrite=overwrite)
    return Result(target, len(views), time.monotonic() - began, model.card.name, also, notes)


def centres(gaussians: Gaussians) -> PointCloud:
    """The middles of Gaussians as points, in the colours they have from all sides."""
    rgb = 0.5 + CONSTANT * gaussians.harmonics[:, 0]
    return PointCloud(gaussians.means, np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8))


def _model(depth: str | DepthModel, world: WorldSettings) -> DepthModel:
    has_cameras = world.poses is not None
    model = load_model(model_for_world(depth, has_cameras=has_cameras)) if isinstance(depth, str) else depth
    if not has_cameras and not sees_many(model):
        raise sees_one(model.card)
    return model


def _is_from_head(source: GaussianSource, model: DepthModel, sources: Sequence[str | Path]) -> bool:
    if source not in get_args(GaussianSource):
        raise SettingsError(f"splats come from {', '.join(get_args(GaussianSource))}, not {source!r}")
    has_head = bool(model.card.options.get("has_gaussians"))
    if source == "head" and not has_head:
        able = [card.name for card in CARDS.values() if card.options.get("has_gaussians")]
        raise ModelError(f"{model.card.name!r} has no head for Gaussians; choose {' or '.join(able)}, or --source lift")
    is_film = film_among(sources, Part()) is not None
    if source == "head" and is_film:
        raise SettingsError("a film's splats are lifted, chunk by chunk; leave out --source head, or give key frames")
    return has_head and source != "lift" and not is_film


def _check_targets(target: Path, world: WorldSettings, *, overwrite: bool) -> None:
    """Raise before the work what would be raised after it."""
    if world.poses is not None and not world.poses.exists():
        raise MediaError(f"there is no file {world.poses}")
    paths = [target]
    if world.poses_to is not None:
        check_cameras_name(world.poses_to)
        paths.append(
            world.poses_to if world.poses_to.name not in ("cameras.txt", "cameras.bin") else world.poses_to.parent
        )
    for path in paths:
        Target(path, overwrite=overwrite, is_folder=is_colmap(path), also_ours=OURS)


def _write_world(target: Path, scene: Scene, *, overwrite: bool) -> None:
    if target.suffix.lower() == ".npz":
        write_npz(target, scene, overwrite=overwrite)
    elif is_colmap(target):
        write_colmap(target, scene, overwrite=overwrite)
    else:
        write_cloud(target, scene, overwrite=overwrite)


def _write_poses(
    world: WorldSettings, scene: Scene, times: Sequence[Fraction], *, overwrite: bool
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write the cameras; returns where they lie, and what a person should know of it."""
    if world.poses_to is None:
        return (), ()
    all_points = scene.cloud
    if all_points is not None:
        scene = replace(scene, cloud=few(all_points, MOST_POINTS))
    path = write_cameras(world.poses_to, scene, times, overwrite=overwrite)
    if all_points is None or scene.cloud is all_points or not is_colmap(path):
        return (path,), ()
    return (path,), (f"{MOST_POINTS:,} of {len(all_points):,} points, chosen at random, are in {path}",)


def _seen(
    items: Iterable[Posed], target: Path, views: list[View], times: list[Fraction], progress: ProgressCallback
) -> Iterator[Posed]:
    """Pass on, keeping the view and the moment of each, and telling how many there were."""
    began = time.monotonic()
    for item in items:
        views.append(_view(item, target))
        times.append(item.item.frame.time)
        yield item
        progress(Progress("convert", len(views), None, time.monotonic() - began))


def _view(one: Posed, target: Path) -> View:
    """The view as a result keeps it: with its depth in an .npz alone."""
    return replace(one.view, depth=one.item.depth) if target.suffix.lower() == ".npz" else one.view
