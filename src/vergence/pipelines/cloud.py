"""Photos and films to point clouds and meshes."""

import itertools
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vergence.depth.model import DepthModel
from vergence.errors import SettingsError
from vergence.media.camera import CameraSettings
from vergence.media.cloud_file import CloudSink, check_cloud_name, write_cloud
from vergence.media.scene.scene import Scene
from vergence.media.targets import Target
from vergence.pipelines.job import GivenDepth, Part, ProgressCallback, Result, check_not_its_own, result_path, silent
from vergence.pipelines.lifting import lift_all
from vergence.pipelines.points import MERGED, CloudSettings, Losses, point_cloud, scenes, thinned, told
from vergence.points.fuse import DepthView, is_contradicted, moved
from vergence.points.select import chosen
from vergence.points.voxel import VoxelGrid
from vergence.stability.stabilise import StabiliseSettings
from vergence.types import Camera, DepthFrame, Intrinsics, MediaInfo, PointCloud

logger = logging.getLogger(__name__)

TAG = "_cloud"  # of a film's result whose name is derived; that of a photo has none: photo.ply
SUFFIX = ".ply"
NEIGHBOURS = 8  # views before and after one that are asked whether they agree with it


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
    """Make a coloured point cloud or mesh of a photo, and of a film one for every frame, in a folder of the target's
    name.

    Args:
        source: a picture, a film or a folder of numbered frames.
        target: a .ply or .glb file, a pattern of them or an existing folder; None writes `NAME.ply` beside a photo and
            `NAME_cloud/000000.ply, ...` beside a film. Points are metres; see `media.ply` for the axes.
        depth: a model that gives metres, its name, or depth of your own; see `model_for_cloud` for "auto". Depth up to
            an unknown scale is taken too, with a warning.
        camera: what you know of the camera, before what a model or the EXIF says; see `with_known_camera` for the rest.
        settings: which points to keep, and whether to join them.
        stabilising: how depth is steadied over time; None takes the default.
        part: how much of the source.
        overwrite: replace what lies at `target`.
        progress: called after every frame, in the caller's thread.

    Raises:
        DepthKindError: depth that no points can be made of, such as a relative model's.
        VergenceError: with what was found, what was needed and what to do.
    """
    settings, losses, left = settings or CloudSettings(), Losses(), Losses()

    def sink_of(info: MediaInfo) -> CloudSink:
        return CloudSink(cloud_path(info, target), like=info, overwrite=overwrite)

    def stage(items: Iterable[tuple[DepthFrame, Intrinsics]]) -> Iterator[Scene]:
        return _warned(scenes(items, settings, losses), left)

    done = lift_all(
        source, sink_of, stage, depth=depth, camera=camera, stabilising=stabilising, part=part, progress=progress
    )
    return replace(done, notes=(told(losses, left.total()),))


def cloud_path(info: MediaInfo, target: str | Path | None, *, is_fused: bool = False) -> Path:
    """Where the points of a source go; raises as `result_path`, and `TargetError` where they would replace it."""
    path = result_path(info, target, TAG if info.is_film or is_fused else "", photo_suffix=SUFFIX, film_suffix=SUFFIX)
    check_not_its_own(path, info)
    return path


def process_fused_cloud(
    source: str | Path,
    target: str | Path | None = None,
    *,
    depth: GivenDepth,
    camera: CameraSettings | None = None,
    settings: CloudSettings | None = None,
    tolerance: float | None = None,
    part: Part | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    """Make one point cloud of all frames of a film, in the world of their poses.

    Memory holds one point a voxel, and where `tolerance` is given the depth of 17 frames.

    Args:
        source: a film or a folder of numbered frames; or a photo.
        target: a .ply or .glb file, or an existing folder; None writes `NAME_cloud.ply` beside the source.
        depth: depth with poses, one a frame: NPZ or EXR files of ours.
        settings: which points to keep. Without a `voxel` size it is as wide as a pixel where half of the first frame is
            nearer.
        tolerance: leave out points that more of the 8 frames before and the 8 after see through than agree with, to
            this share of depth.
        camera, part, overwrite, progress: as `process_cloud`.

    Raises:
        SettingsError: a frame has no pose, or a mesh is asked for.
        VergenceError: as `process_cloud`.
    """
    settings, losses = settings or CloudSettings(), Losses()
    if settings.mesh:
        raise SettingsError("a mesh joins the pixels of one picture; leave out --mesh or --fuse")
    sinks: list[_FusedSink] = []

    def sink_of(info: MediaInfo) -> _FusedSink:
        sinks.append(_FusedSink(cloud_path(info, target, is_fused=True), settings, losses, overwrite=overwrite))
        return sinks[0]

    def stage(items: Iterable[tuple[DepthFrame, Intrinsics]]) -> Iterator[tuple[PointCloud, float]]:
        items = iter(items)
        for first in itertools.islice(items, 1):
            size = settings.voxel or pixel_width(*first)
            for cloud in in_world(itertools.chain([first], items), settings, tolerance=tolerance, losses=losses):
                yield cloud, size

    done = lift_all(source, sink_of, stage, depth=depth, camera=camera, stabilising=None, part=part, progress=progress)
    return replace(done, notes=sinks[0].notes)


def in_world(
    items: Iterable[tuple[DepthFrame, Intrinsics]],
    settings: CloudSettings,
    *,
    tolerance: float | None = None,
    losses: Losses | None = None,
) -> Iterator[PointCloud]:
    """Turn posed pictures and their cameras into clouds of one world; as `process_fused_cloud`, before they are fused.

    Raises:
        SettingsError: a picture has no pose.
    """
    losses = Losses() if losses is None else losses
    for (item, lens), *others in _among_others(items, 0 if tolerance is None else NEIGHBOURS):
        cloud = moved(point_cloud(item, lens, settings, losses), _pose(item))
        if tolerance is not None:
            wrong = is_contradicted(cloud.points, [_seen(*view) for view in others], tolerance=tolerance)
            losses["contradicted by other views"] += int(np.count_nonzero(wrong))
            cloud = chosen(cloud, ~wrong)
        yield cloud


def pixel_width(item: DepthFrame, lens: Intrinsics) -> float:
    """How wide a pixel of a picture is where half of it is nearer, metres."""
    depth = item.depth
    z = depth.values[depth.valid & (depth.values > 0)]
    return float(np.median(z)) / lens.resized(item.frame.width, item.frame.height).fx if len(z) else 1.0


class _FusedSink:
    """Clouds of one world into one file, written when all are there.

    Each comes with the size of voxels, of which the first counts.
    """

    def __init__(self, path: Path, settings: CloudSettings, losses: Losses, *, overwrite: bool) -> None:
        check_cloud_name(path)
        Target(path, overwrite=overwrite)  # what is in the way shall be known now, not after the work
        self.path = path
        self.notes: tuple[str, ...] = ()
        self._settings, self._losses, self._overwrite = settings, losses, overwrite
        self._grid: VoxelGrid | None = None
        self._points = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None or self._grid is None:
            return
        cloud = self._grid.cloud()
        self._losses[MERGED] += self._points - len(cloud)
        cloud = thinned(cloud, replace(self._settings, voxel=None), self._losses)
        if not len(cloud):
            raise SettingsError("no point is left; --farthest, --min-confidence and --edges say which go")
        write_cloud(self.path, Scene(cloud=cloud), overwrite=self._overwrite)
        self.notes = (told(self._losses, len(cloud)), f"voxels of {self._grid.size:.3g} m")

    def write(self, item: tuple[PointCloud, float]) -> None:
        """Add the points of the next view."""
        cloud, size = item
        self._grid = self._grid or VoxelGrid(size)
        self._grid.add(cloud)
        self._points += len(cloud)


def _among_others(
    items: Iterable[tuple[DepthFrame, Intrinsics]], reach: int
) -> Iterator[list[tuple[DepthFrame, Intrinsics]]]:
    """Each item, followed by the `reach` ones before it and after it."""
    before: deque[tuple[DepthFrame, Intrinsics]] = deque(maxlen=reach)
    ahead: deque[tuple[DepthFrame, Intrinsics]] = deque()

    def next_one() -> list[tuple[DepthFrame, Intrinsics]]:
        one = ahead.popleft()
        around = [one, *before, *ahead]
        before.append(one)
        return around

    for item in items:
        ahead.append(item)
        if len(ahead) > reach:
            yield next_one()
    while ahead:
        yield next_one()


def _seen(item: DepthFrame, lens: Intrinsics) -> DepthView:
    depth = item.depth
    height, width = depth.values.shape
    z = np.where(depth.valid, depth.values, np.float32(0))
    return DepthView(z, Camera(lens.resized(width, height), _pose(item)))


def _pose(item: DepthFrame) -> NDArray[np.float64]:
    pose = item.depth.world_from_camera
    if pose is None:
        raise SettingsError(
            f"the depth of frame {item.frame.index} has no pose, which points of one world need; give depth files with "
            "poses, or several photos to a model that finds them"
        )
    return pose


def _warned(results: Iterable[Scene], left: Losses) -> Iterator[Scene]:
    """Pass on, counting points, with one warning where there are none."""
    has_warned = False
    for number, scene in enumerate(results):
        count = 0 if scene.cloud is None else len(scene.cloud)
        left["points"] += count
        if not count and not has_warned:
            logger.warning(
                "no point of picture %d is left; --farthest, --min-confidence and --edges say which go", number
            )
            has_warned = True
        yield scene
