"""Photos and films to 3-D Gaussians, one surfel a pixel."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vergence.depth.model import DepthModel
from vergence.errors import FormatError, SettingsError
from vergence.media.camera import CameraSettings
from vergence.media.frames import FileOrFolder
from vergence.media.splats.open import SUFFIXES, write_gaussians
from vergence.pipelines.job import GivenDepth, Part, ProgressCallback, Result, check_not_its_own, result_path, silent
from vergence.pipelines.lifting import lift_all
from vergence.pipelines.points import Edges, PixelSettings, used_pixels
from vergence.splats.lift import lift
from vergence.splats.prune import merge_voxels, without_faint
from vergence.stability.stabilise import StabiliseSettings
from vergence.types import DepthFrame, Gaussians, Intrinsics, MediaInfo

logger = logging.getLogger(__name__)

TAG = "_splats"  # of a result whose name is derived: photo_splats.ply, film_splats/000000.ply


@dataclass(frozen=True)
class SplatSettings(PixelSettings):
    """Which pixels become Gaussians, and what becomes of those.

    Attributes:
        edges, farthest, min_confidence: as `PixelSettings`; the sky is left out.
        voxel: make one Gaussian of all in a cube of this side, metres; None keeps every one.
        sh_degree: harmonics to write at most; None keeps all. Lifted Gaussians have degree 0.
        min_opacity: leave out fainter Gaussians, 0..1; None keeps all.

    Raises:
        SettingsError: a number is out of range.
    """

    edges: Edges = "snap"
    voxel: float | None = None
    sh_degree: int | None = None
    min_opacity: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.voxel is not None and not self.voxel > 0:
            raise SettingsError(f"the side of a voxel is a positive length in metres, not {self.voxel:g}")
        if self.sh_degree is not None and not 0 <= self.sh_degree <= 3:
            raise SettingsError(f"harmonics are of degree 0 to 3, not {self.sh_degree}")
        if self.min_opacity is not None and not 0 <= self.min_opacity <= 1:
            raise SettingsError(f"an opacity lies between 0 and 1, not {self.min_opacity:g}")


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
    settings = settings or SplatSettings()

    def sink_of(info: MediaInfo) -> GaussiansSink:
        return GaussiansSink(splats_path(info, target), like=info, sh_degree=settings.sh_degree, overwrite=overwrite)

    def stage(items: Iterable[tuple[DepthFrame, Intrinsics]]) -> Iterator[Gaussians]:
        return lifted(items, settings)

    return lift_all(
        source, sink_of, stage, depth=depth, camera=camera, stabilising=stabilising, part=part, progress=progress
    )


def splats_path(info: MediaInfo, target: str | Path | None) -> Path:
    """Where the Gaussians of a source go; raises as `result_path`, and `TargetError` where they would replace it."""
    path = result_path(info, target, TAG, photo_suffix=SUFFIXES[0], film_suffix=SUFFIXES[0])
    check_not_its_own(path, info)
    return path


def lifted(items: Iterable[tuple[DepthFrame, Intrinsics]], settings: SplatSettings) -> Iterator[Gaussians]:
    """Turn pictures with z-depth and their cameras into Gaussians in the camera's axes; of a depth with a pose, in the
    world's.

    Raises:
        SettingsError: a confidence is asked for that the depth does not have, or nothing of a picture is left.
    """
    for item, known in items:
        gaussians = lift_picture(item, known, settings)
        if not len(gaussians):
            raise SettingsError(
                f"no splat of the picture at {float(item.frame.time):g} s is left; --farthest, --min-confidence and "
                "--edges say which go"
            )
        yield pruned(gaussians, settings)


def pruned(gaussians: Gaussians, settings: SplatSettings) -> Gaussians:
    """The Gaussians without those that the settings prune, of which it is told; raises `SettingsError` where none is
    left."""
    if settings.min_opacity is not None:
        before = len(gaussians)
        gaussians = without_faint(gaussians, settings.min_opacity)
        logger.warning(
            "pruning is on: an opacity of %g leaves %d of %d splats", settings.min_opacity, len(gaussians), before
        )
        if not len(gaussians):
            raise SettingsError("no splat is left; --min-opacity says which go")
    if settings.voxel is not None:
        before = len(gaussians)
        gaussians = merge_voxels(gaussians, settings.voxel)
        logger.warning("pruning is on: voxels of %g leave %d of %d splats", settings.voxel, len(gaussians), before)
    return gaussians


def lift_picture(item: DepthFrame, camera: Intrinsics, settings: SplatSettings) -> Gaussians:
    """The Gaussians of one picture; raises as `lifted`."""
    pixels = used_pixels(item, camera, settings)
    depth = pixels.item.depth
    return lift(
        depth.values,
        item.frame.rgb8,
        pixels.camera,
        pixels.kept,
        confidence=depth.confidence,
        world_from_camera=depth.world_from_camera,
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
