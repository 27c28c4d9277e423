"""Photos and films to 3-D Gaussians, one surfel a pixel."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from vergence.depth.model import DepthModel
from vergence.errors import FormatError, SettingsError
from vergence.geometry.edges import is_smeared
from vergence.media.cloud import CameraSettings, is_near, with_known_camera
from vergence.media.depth_file import at_picture_size
from vergence.media.frames import FileOrFolder
from vergence.media.splats.open import SUFFIXES, write_gaussians
from vergence.pipelines.cloud import lifting_stages
from vergence.pipelines.job import (
    QUEUE,
    GivenDepth,
    Part,
    ProgressCallback,
    Result,
    check_not_its_own,
    drain,
    silent,
)
from vergence.splats.lift import lift, snap
from vergence.splats.prune import merge_voxels
from vergence.stability.stabilise import StabiliseSettings
from vergence.streaming import overlapped
from vergence.types import DepthFrame, Gaussians, Intrinsics, MediaInfo

logger = logging.getLogger(__name__)

Edges = Literal["snap", "drop", "keep"]
TAG = "_splats"  # of a result whose name is derived: photo_splats.ply, film_splats/000000.ply


@dataclass(frozen=True)
class SplatSettings:
    """Which pixels become Gaussians, and what becomes of those.

    Attributes:
        edges: what becomes of the ramps that depth draws between two surfaces (`geometry.edges`): "snap" gives each of
            their pixels to the surface nearest in the picture, "drop" leaves them out, which leaves gaps, and "keep"
            keeps them as sheets.
        farthest, min_confidence: as `CloudSettings`; the sky is left out.
        voxel: make one Gaussian of all in a cube of this side, metres; None keeps every one.
        sh_degree: harmonics to write at most; None keeps all. Lifted Gaussians have degree 0.

    Raises:
        SettingsError: a number is out of range.
    """

    edges: Edges = "snap"
    farthest: float | Literal["auto"] = "auto"
    min_confidence: float | None = None
    voxel: float | None = None
    sh_degree: int | None = None

    def __post_init__(self) -> None:
        if self.edges not in get_args(Edges):
            raise SettingsError(f"edges are {' or '.join(get_args(Edges))}, not {self.edges!r}")
        if self.farthest != "auto" and not self.farthest > 0:
            raise SettingsError(f"the farthest splat lies at a positive depth in metres, not {self.farthest:g}")
        if self.voxel is not None and not self.voxel > 0:
            raise SettingsError(f"the side of a voxel is a positive length in metres, not {self.voxel:g}")
        if self.sh_degree is not None and not 0 <= self.sh_degree <= 3:
            raise SettingsError(f"harmonics are of degree 0 to 3, not {self.sh_degree}")


def process_splats(
    source: str | Path,
    target: str | Path | None = None,
    *,
    depth: str | DepthModel | GivenDepth = "auto",
    camera: CameraSettings | None = None,
    settings: SplatSettings | None = None,
    stabilising: StabiliseSettings | None = None,
    part: Part | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    """Make 3-D Gaussians of a photo, and of a film a file for every frame, in a folder of the target's name.

    Args:
        source: a picture, a film or a folder of numbered frames.
        target: a .ply, .compressed.ply, .spz or .splat file, a pattern of them or an existing folder; None writes
            `NAME_splats.ply` beside a photo and `NAME_splats/000000.ply, ...` beside a film.
        depth, camera, stabilising: as `process_cloud`.
        settings: which pixels to keep.
        part: how much of the source; its size is the number of Gaussians.
        overwrite: replace what lies at `target`.
        progress: called after every frame, in the caller's thread.

    Raises:
        DepthKindError: depth that nothing can be lifted by, such as a relative model's.
        VergenceError: with what was found, what was needed and what to do.
    """
    part, settings = part or Part(), settings or SplatSettings()
    if isinstance(depth, GivenDepth):
        part.check_given()
    with ExitStack() as stack:
        media = stack.enter_context(part.of(source))
        path = _splats_path(media.info, target)
        check_not_its_own(path, media.info)
        stages, told, name = lifting_stages(stack, media, depth, camera, stabilising)
        sink = stack.enter_context(
            GaussiansSink(path, like=media.info, sh_degree=settings.sh_degree, overwrite=overwrite)
        )
        stages.append(lambda items: lifted(items, settings=settings, camera=told))
        splats = stack.enter_context(overlapped(media, *stages, size=QUEUE))
        frames, seconds = drain(splats, sink.write, media.info, progress)
    return Result(sink.path, frames, seconds, name)


def lifted(
    items: Iterable[DepthFrame], *, settings: SplatSettings, camera: Intrinsics | None = None
) -> Iterator[Gaussians]:
    """Turn pictures with z-depth into Gaussians in the camera's axes; of a depth with a pose, in the world's.

    The camera is found as `media.cloud.clouds` does.

    Raises:
        SettingsError: a confidence is asked for that the depth does not have, or nothing of a picture is left.
    """
    for item, known in with_known_camera(items, camera):
        gaussians = lift_picture(item, known, settings)
        if not len(gaussians):
            raise SettingsError(
                f"no splat of the picture at {float(item.frame.time):g} s is left; --farthest, --min-confidence and "
                "--edges say which go"
            )
        if settings.voxel is not None:
            before = len(gaussians)
            gaussians = merge_voxels(gaussians, settings.voxel)
            logger.warning(
                "pruning is on: voxels of %g m leave %d of %d splats", settings.voxel, len(gaussians), before
            )
        yield gaussians


def lift_picture(item: DepthFrame, camera: Intrinsics, settings: SplatSettings) -> Gaussians:
    """The Gaussians of one picture; raises as `lifted`."""
    frame = item.frame
    depth = at_picture_size(item.depth, frame.width, frame.height)
    camera = camera.resized(frame.width, frame.height)
    z = depth.values
    kept = depth.valid & (z > 0)
    if settings.edges != "keep":
        smeared = is_smeared(np.where(kept, z, np.float32(0)), camera) & kept
        if settings.edges == "snap":
            z = snap(z, smeared, kept)
        else:
            kept &= ~smeared
    kept &= is_near(z, kept, settings.farthest)
    if settings.min_confidence is not None:
        if depth.confidence is None:
            raise SettingsError("this depth says nothing of its confidence; leave out --min-confidence")
        kept &= depth.confidence >= settings.min_confidence
    return lift(
        z, frame.rgb8, camera, kept, confidence=depth.confidence, world_from_camera=item.depth.world_from_camera
    )


class GaussiansSink(FileOrFolder):
    """Gaussians into files: `NAME.ply` for a photo, `NAME/000000.ply, ...` for a film, or by a pattern.

    Attributes:
        path: the file or folder that is written.

    Raises:
        FormatError: no Gaussians are written under this suffix.
        TargetError: see `Target`.
    """

    def __init__(self, path: Path, *, like: MediaInfo, sh_degree: int | None = None, overwrite: bool = False) -> None:
        suffix = next((end for end in reversed(SUFFIXES) if path.name.lower().endswith(end)), None)
        if suffix is None:
            raise FormatError(f"cannot write splats to {path}; its name must end with one of {', '.join(SUFFIXES)}")
        super().__init__(path, suffix=suffix, is_film=like.is_film, overwrite=overwrite)
        self._sh_degree = sh_degree

    def write(self, gaussians: Gaussians) -> None:
        """Write the next ones."""
        path = self.path if self._folder is None else self._folder.next()
        write_gaussians(gaussians, path, self._sh_degree, overwrite=self._overwrite)


def _splats_path(info: MediaInfo, target: str | Path | None) -> Path:
    if target is not None and not Path(target).is_dir():
        return Path(target)
    if info.path is None:
        raise FormatError("a live source has no name to derive the result's from; say where to write with -o")
    folder = Path(target) if target is not None else info.path.parent
    return folder / f"{info.path.stem}{TAG}{SUFFIXES[0]}"
