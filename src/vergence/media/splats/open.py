"""The one door to files of 3-D Gaussians, in and out: the suffix says what they are."""

import logging
import math
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError, SettingsError
from vergence.media.targets import Target
from vergence.types import Gaussians

logger = logging.getLogger(__name__)

SUFFIXES = (".ply", ".compressed.ply", ".spz", ".splat")


def read_gaussians(path: str | Path) -> Gaussians:
    """Read the Gaussians of a .ply (compressed or not), .spz or .splat; their world has OpenCV axes, y down.

    Those with a number that is not finite, as training leaves behind, are left out, with a warning.

    Raises:
        MediaError: there is no such file, it is damaged, or shorter than its header says.
        FormatError: it is of another kind, or holds something else.
    """
    path = Path(path)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            gaussians = _load(path)
    except FileNotFoundError as error:
        raise MediaError(f"there is no file {path}") from error
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
    if (finite := is_finite(gaussians)).all():
        return gaussians
    logger.warning("%d of %d Gaussians of %s are not finite and are left out", (~finite).sum(), len(finite), path)
    return Gaussians(**{field.name: getattr(gaussians, field.name)[finite] for field in fields(Gaussians)})


def write_gaussians(
    gaussians: Gaussians,
    path: str | Path,
    sh_degree: int | None = None,
    *,
    comments: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Write Gaussians as .ply, .compressed.ply, .spz (version 3) or .splat, by the suffix.

    Args:
        gaussians: in a world with OpenCV axes, y down.
        path: where the file shall lie.
        sh_degree: leave out harmonics above it; None keeps all the format holds.
        comments: lines for a person to read, in the header of a PLY.
        overwrite: replace what lies there.

    Raises:
        FormatError: the suffix is of no such format, or a Gaussian is not finite.
        SettingsError: there is no such degree.
        TargetError: see `Target`.
    """
    path = Path(path)
    name = path.name.lower()
    suffix = ".compressed.ply" if name.endswith(".compressed.ply") else path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FormatError(f"cannot write Gaussians to {path}; name the result {path.stem}.ply (or {_others()})")
    if not (finite := is_finite(gaussians)).all():
        raise FormatError(f"{(~finite).sum()} of {len(finite)} Gaussians are not finite; leave them out first")
    if suffix == ".splat" and sh_degree is None and gaussians.harmonics.shape[1] > 1:
        logger.warning(
            ".splat holds one colour for all directions, so harmonics above degree 0 are left out of %s", path
        )
    gaussians = up_to_degree(gaussians, 0 if suffix == ".splat" else sh_degree)
    match suffix:
        case ".ply":
            from vergence.media.splats import ply

            with Target(path, overwrite=overwrite, needed_bytes=ply.size(gaussians)) as target:
                ply.save(target.temporary, gaussians, comments=comments)
        case ".compressed.ply":
            from vergence.media.splats import compressed_ply

            with Target(path, overwrite=overwrite, needed_bytes=compressed_ply.size(gaussians)) as target:
                compressed_ply.save(target.temporary, gaussians, comments=comments)
        case ".spz":
            from vergence.media.splats import spz

            with Target(path, overwrite=overwrite, needed_bytes=spz.size(gaussians)) as target:
                spz.save(target.temporary, gaussians)
        case ".splat":
            from vergence.media.splats import splat

            with Target(path, overwrite=overwrite, needed_bytes=splat.size(gaussians)) as target:
                splat.save(target.temporary, gaussians)


def up_to_degree(gaussians: Gaussians, degree: int | None) -> Gaussians:
    """Gaussians without harmonics above `degree`, 0 to 3; None leaves all."""
    if degree is None or degree >= math.isqrt(gaussians.harmonics.shape[1]) - 1:
        return gaussians
    if degree < 0:
        raise SettingsError(f"harmonics are of degree 0 to 3, not {degree}")
    return replace(gaussians, harmonics=gaussians.harmonics[:, : (degree + 1) ** 2])


def is_finite(gaussians: Gaussians) -> NDArray[np.bool_]:
    """Which Gaussians (N,) have nothing but finite numbers: viewers drop the others, or all."""
    finite = np.ones(len(gaussians), bool)
    for field in fields(gaussians):
        values = np.isfinite(getattr(gaussians, field.name))
        if not values.all():  # most often all are, which is quicker to know than each
            finite &= values.reshape(len(values), -1).all(axis=1)
    return finite


def _load(path: Path) -> Gaussians:
    match path.suffix.lower():
        case ".ply":
            from vergence.media.ply_header import read_elements
            from vergence.media.splats import compressed_ply, ply

            with path.open("rb") as file:
                is_compressed = compressed_ply.is_compressed(read_elements(file, path))
            return compressed_ply.load(path) if is_compressed else ply.load(path)
        case ".spz":
            from vergence.media.splats import spz

            return spz.load(path)
        case ".splat":
            from vergence.media.splats import splat

            return splat.load(path)
    raise FormatError(f"{path} is no file of Gaussians; read are {', '.join(SUFFIXES)}")


def _others() -> str:
    return ", ".join(SUFFIXES[1:])
