"""Depth as NumPy archive (.npz): float32 values, exactly, and every property as an array of its own.

`np.load(path)["values"]` is all another program needs. Nothing pickled is ever loaded.
"""

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError
from vergence.media.depth_header import described_depth, foreign_depth, header_of
from vergence.media.formats import MAX_PIXELS
from vergence.types import DepthKind, DepthMap

FOREIGN = ("depth", "depths", "disparity", "arr_0")  # names other programs give it, in order of preference
DAMAGED = (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)  # what archives raise


def save(path: Path, depth: DepthMap) -> None:
    """Write depth to `path`, at its own size. Stored as it is: noise in the last bits defies compression."""
    arrays = {name: np.asarray(item) for name, item in header_of(depth).items()}
    if depth.confidence is not None:
        arrays["confidence"] = depth.confidence
    with path.open("wb") as file:
        np.savez(file, values=depth.values, valid=depth.valid, **arrays)  # type: ignore[arg-type]


def load(path: Path, kind: DepthKind | None) -> DepthMap:
    """Read one depth map; the arrays `depth`, `depths`, `disparity` and `arr_0` of other programs need its `kind`.

    Raises:
        MediaError: the file is damaged, or its arrays do not belong together.
        FormatError: it holds no depth we know, a film of it, or values of unknown meaning.
    """
    with _archive(path) as archive:
        names = _names(archive)
        if not {"values", "valid", "kind", "version"} <= names:
            frames = list(_foreign_frames(archive, path, at_most=1))
            return foreign_depth(frames[0], kind, path=path)
        arrays = {name: _array(archive, name) for name in names}
    values, valid = arrays.pop("values"), arrays.pop("valid")
    confidence = arrays.pop("confidence", None)
    header = {name: array.tolist() for name, array in arrays.items()}
    return described_depth(header, values, valid=valid, path=path, asked=kind, confidence=confidence)


def frame_count(path: Path) -> int | None:
    """How many depth maps the archive of another program holds as one (T, H, W) array; None for a single map."""
    with _archive(path) as archive:
        names = _names(archive)
        if "values" in names or not (name := _foreign_name(names)):
            return None
        with archive.open(f"{name}.npy") as member:
            shape, _, _ = _header(member)
    return shape[0] if len(shape) == 3 else None


def load_frames(path: Path, kind: DepthKind | None) -> Iterator[DepthMap]:
    """Read a (T, H, W) array one map after the other; raises as `load`."""
    with _archive(path) as archive:
        for values in _foreign_frames(archive, path):
            yield foreign_depth(values, kind, path=path)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError as error:
        raise MediaError(f"there is no file {path}") from error
    except DAMAGED as error:
        raise MediaError(f"{path} is damaged ({error}); get a whole copy") from error


def _names(archive: zipfile.ZipFile) -> set[str]:
    return {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}


def _foreign_name(names: set[str]) -> str | None:
    return next((name for name in FOREIGN if name in names), None)


def _foreign_frames(archive: zipfile.ZipFile, path: Path, at_most: int | None = None) -> Iterator[NDArray[Any]]:
    names = _names(archive)
    name = _foreign_name(names)
    if name is None:
        found = ", ".join(sorted(names)) or "nothing"
        raise FormatError(f"{path} holds {found}; needed is an array called {', '.join(FOREIGN)} or `values`")
    with archive.open(f"{name}.npy") as member:
        shape, is_fortran, dtype = _header(member)
        frames, *sides = shape if len(shape) == 3 else (1, *shape)
        if len(sides) != 2 or dtype.kind not in "fiu" or is_fortran:
            raise FormatError(
                f"{path}: {name} is {shape} {dtype}; needed are numbers of (H, W) or (T, H, W), in C order"
            )
        if at_most is not None and frames > at_most:
            raise FormatError(f"{path} holds {frames} depth maps, a film; needed is one")
        _check_size(tuple(sides))
        for _ in range(frames):
            yield _read(member, tuple(sides), dtype)


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as member:
        shape, is_fortran, dtype = _header(member)
        _check_size(shape)
        values = _read(member, shape[::-1] if is_fortran else shape, dtype)
    return values.T if is_fortran else values


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(member)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"array of version {version}")
    shape, is_fortran, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(member)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are never loaded")
    return shape, is_fortran, dtype


def _check_size(shape: tuple[int, ...]) -> None:
    """Refuse what a header claims before memory is taken for it."""
    if math.prod(shape) > MAX_PIXELS:
        raise ValueError(f"an array of {shape} is larger than the {MAX_PIXELS // 10**6} million values that are read")


def _read(member: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    size = math.prod(shape) * dtype.itemsize
    data = member.read(size)
    if len(data) < size:
        raise EOFError("cut off")
    return np.frombuffer(data, dtype).reshape(shape)
