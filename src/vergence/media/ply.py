"""Point clouds in PLY files (Turk, "The PLY Polygon File Format", 1994), binary.

In memory points lie in the camera's axes: x right, y down, z forward. Viewers (MeshLab, CloudCompare, Open3D)
show y up and look along -z, so files have x right, y up, z towards the viewer: y and z change their sign on the way out
and on the way in, normals' too, and a cloud opens as its camera saw it. A comment in the file says so, and nothing else
in the package flips axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError, ShapeError
from vergence.media.frames import FileOrFolder
from vergence.media.ply_header import SCALARS, read_elements
from vergence.media.targets import Target
from vergence.types import MediaInfo

SUFFIX = ".ply"
FLIP = np.array([1, -1, -1], np.float32)
AXES_COMMENT = "x right, y up, z towards the viewer"
XYZ, RGB, NORMAL, CONFIDENCE = ("x", "y", "z"), ("red", "green", "blue"), ("nx", "ny", "nz"), "confidence"


@dataclass(frozen=True)
class PointCloud:
    """Coloured points.

    Attributes:
        points: (N, 3) float32 metres in the camera frame, x right, y down, z forward.
        colours: (N, 3) uint8, sRGB.
        normals: (N, 3) float32 in the same axes, or None.
        confidence: (N,) float32, higher is surer, or None.
    """

    points: NDArray[np.float32]
    colours: NDArray[np.uint8]
    normals: NDArray[np.float32] | None = None
    confidence: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        count = len(self.points)
        expected: tuple[tuple[str, Any, tuple[int, ...], Any], ...] = (
            ("points", self.points, (count, 3), np.float32),
            ("colours", self.colours, (count, 3), np.uint8),
            ("normals", self.normals, (count, 3), np.float32),
            (CONFIDENCE, self.confidence, (count,), np.float32),
        )
        for name, array, shape, dtype in expected:
            if array is not None and (array.shape != shape or array.dtype != dtype):
                raise ShapeError(
                    f"{name} of {count} points are {shape} {np.dtype(dtype)}, not {array.shape} {array.dtype}"
                )


def write_ply(path: str | Path, cloud: PointCloud, *, comments: Sequence[str] = (), overwrite: bool = False) -> None:
    """Write a cloud as binary little-endian PLY: x y z float, red green blue uchar, and what else it has as float.

    `comments` are lines for a person to read in the header.

    Raises:
        TargetError: see `Target`.
    """
    header, records = _encoded(cloud, comments)
    with Target(Path(path), overwrite=overwrite, needed_bytes=len(header) + records.nbytes) as target:
        _save(target.temporary, header, records)


def read_ply(path: str | Path) -> PointCloud:
    """Read the coloured points of a binary PLY file; what else it holds, such as faces, is left alone.

    Raises:
        MediaError: there is no such file, it is damaged, or shorter than its header says.
        FormatError: it is no PLY, is written as text, or its vertices have no place or no colour.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            dtype, count = _vertices(file, path)
            held = size - file.tell()
            if count * dtype.itemsize > held:  # before memory is taken for what a header claims
                raise MediaError(
                    f"{path} is cut short: its header promises {count} points of {dtype.itemsize} bytes, "
                    f"and {held} bytes follow; get a whole copy"
                )
            records = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    except FileNotFoundError as error:
        raise MediaError(f"there is no file {path}") from error
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
    names = dtype.names or ()
    if not {*XYZ, *RGB} <= set(names) or any(dtype[name] != np.uint8 for name in RGB):
        raise FormatError(f"{path} has vertices of {' '.join(names)}; needed are x y z, and red green blue as uchar")
    return PointCloud(
        points=_columns(records, XYZ) * FLIP,
        colours=np.stack([records[name] for name in RGB], axis=1),
        normals=_columns(records, NORMAL) * FLIP if set(NORMAL) <= set(names) else None,
        confidence=records[CONFIDENCE].astype(np.float32) if CONFIDENCE in names else None,
    )


class PlySink(FileOrFolder):
    """Clouds into files: `NAME.ply` for a photo, `NAME/000000.ply, ...` for a film, or by a pattern `shot/%04d.ply`.

    Attributes:
        path: the file or folder that is written.
        comments: lines for the header of each file.

    Raises:
        FormatError: the name does not end with .ply.
        TargetError: see `Target`.
    """

    def __init__(self, path: str | Path, *, like: MediaInfo, overwrite: bool = False) -> None:
        path = Path(path)
        if path.suffix.lower() != SUFFIX:
            raise FormatError(f"cannot write points to {path}; name the result {path.stem or 'cloud'}{SUFFIX}")
        super().__init__(path, suffix=SUFFIX, is_film=like.is_film, overwrite=overwrite)
        self.comments: tuple[str, ...] = ()

    def write(self, cloud: PointCloud) -> None:
        """Write the next cloud."""
        if self._folder is None:
            write_ply(self.path, cloud, comments=self.comments, overwrite=self._overwrite)
        else:
            _save(self._folder.next(), *_encoded(cloud, self.comments))


def _encoded(cloud: PointCloud, comments: Sequence[str]) -> tuple[bytes, NDArray[Any]]:
    fields: list[tuple[str, str, NDArray[Any]]] = []
    fields += [(name, "float", column) for name, column in zip(XYZ, (cloud.points * FLIP).T, strict=True)]
    fields += [(name, "uchar", column) for name, column in zip(RGB, cloud.colours.T, strict=True)]
    if cloud.normals is not None:
        fields += [(name, "float", column) for name, column in zip(NORMAL, (cloud.normals * FLIP).T, strict=True)]
    if cloud.confidence is not None:
        fields.append((CONFIDENCE, "float", cloud.confidence))
    records = np.empty(len(cloud.points), [(name, "<" + SCALARS[kind]) for name, kind, _ in fields])
    for name, _, column in fields:
        records[name] = column
    lines = ["ply", "format binary_little_endian 1.0"]
    lines += [f"comment {' '.join(text.split())}" for text in (AXES_COMMENT, *comments)]
    lines += [f"element vertex {len(records)}", *(f"property {kind} {name}" for name, kind, _ in fields), "end_header"]
    return ("\n".join(lines) + "\n").encode("ascii", "replace"), records


def _save(path: Path, header: bytes, records: NDArray[Any]) -> None:
    with path.open("wb") as file:
        file.write(header)
        file.write(records.view(np.uint8).data)


def _vertices(file: IO[bytes], path: Path) -> tuple[np.dtype[Any], int]:
    """Read up to the end of the header: what a vertex is made of, and how many there are."""
    elements = read_elements(file, path)
    if not elements or elements[0].name != "vertex":
        raise FormatError(f"{path} does not begin with vertices; convert it with a viewer such as MeshLab first")
    if elements[0].dtype is None:
        raise FormatError(f"{path} has vertices of a kind that is not read")
    return elements[0].dtype, elements[0].count


def _columns(records: NDArray[Any], names: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([records[name].astype(np.float32) for name in names], axis=1)
