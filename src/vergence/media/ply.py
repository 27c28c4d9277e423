"""Point clouds in PLY files (Turk, "The PLY Polygon File Format", 1994), binary.

In memory points lie in the camera's axes: x right, y down, z forward. Viewers (MeshLab, CloudCompare, Open3D)
show y up and look along -z, so files have x right, y up, z towards the viewer: y and z change their sign on the way out
and on the way in, normals' too, and a cloud opens as its camera saw it. A comment in the file says so, and nothing else
in the package flips axes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError
from vergence.media.ply_header import read_elements
from vergence.media.targets import Target
from vergence.types import PointCloud

FLIP = np.array([1, -1, -1], np.float32)
AXES_COMMENT = "x right, y up, z towards the viewer"
FLOAT = "<f4"
XYZ, RGB, NORMAL, CONFIDENCE = ("x", "y", "z"), ("red", "green", "blue"), ("nx", "ny", "nz"), "confidence"


def write_ply(
    path: str | Path,
    cloud: PointCloud,
    *,
    triangles: NDArray[np.int32] | None = None,
    comments: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Write a cloud as binary little-endian PLY: x y z float, red green blue uchar, and what else it has as float.

    `triangles` (M, 3) are places of points; turning the axes keeps which way round they go. `comments` are lines for a
    person to read in the header.

    Raises:
        TargetError: see `Target`.
    """
    records = _records(cloud)
    faces = None if triangles is None else _faces(triangles)
    header = _header(records, faces, comments)
    needed = len(header) + records.nbytes + (0 if faces is None else faces.nbytes)
    with (
        Target(Path(path), overwrite=overwrite, needed_bytes=needed) as target,
        target.temporary.open("wb") as file,
    ):
        file.write(header)
        file.write(records.view(np.uint8).data)
        if faces is not None:
            file.write(faces.view(np.uint8).data)


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


def _records(cloud: PointCloud) -> NDArray[Any]:
    fields: list[tuple[str, str, NDArray[Any]]] = []
    fields += [(name, FLOAT, column) for name, column in zip(XYZ, (cloud.points * FLIP).T, strict=True)]
    fields += [(name, "u1", column) for name, column in zip(RGB, cloud.colours.T, strict=True)]
    if cloud.normals is not None:
        fields += [(name, FLOAT, column) for name, column in zip(NORMAL, (cloud.normals * FLIP).T, strict=True)]
    if cloud.confidence is not None:
        fields.append((CONFIDENCE, FLOAT, cloud.confidence))
    records = np.empty(len(cloud), [(name, kind) for name, kind, _ in fields])
    for name, _, column in fields:
        records[name] = column
    return records


def _faces(triangles: NDArray[np.int32]) -> NDArray[Any]:
    faces = np.empty(len(triangles), [("count", "u1"), ("places", "<i4", 3)])
    faces["count"], faces["places"] = 3, triangles
    return faces


def _header(records: NDArray[Any], faces: NDArray[Any] | None, comments: Sequence[str]) -> bytes:
    lines = ["ply", "format binary_little_endian 1.0"]
    lines += [f"comment {' '.join(text.split())}" for text in (AXES_COMMENT, *comments)]
    lines.append(f"element vertex {len(records)}")
    lines += [f"property {'uchar' if name in RGB else 'float'} {name}" for name in records.dtype.names or ()]
    if faces is not None:
        lines += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    return ("\n".join([*lines, "end_header"]) + "\n").encode("ascii", "replace")


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
