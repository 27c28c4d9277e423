"""3-D Gaussians as PLY, field for field as the code of "3D Gaussian Splatting" writes them (B. Kerbl et al., 2023).

Every float is what that program trains: the logarithm of a scale, the logit of an opacity, quaternions w first, and
the harmonics above degree 0 channel by channel (`f_rest`: all of red, then green, then blue). Normals are zero there
too, and readers that count fields want them. Axes are those of memory, y down, see the package.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError
from vergence.geometry.rows import by_rows
from vergence.media.ply_header import Element, read_elements
from vergence.types import Gaussians

COMMENT = "x right, y down, z forward"
BATCH = 1 << 16  # Gaussians that are packed at a time: 16 MB of the largest kind
SMALLEST = 1e-12  # m; what is flat has no logarithm, and this is as good as flat
OPACITY_EDGE = 2.0**-24  # off 0 and 1, whose logits are infinite; float32 cannot tell it from them
DEGREES = {0: 0, 9: 1, 24: 2, 45: 3}  # by how many f_rest there are
MEANS, NORMALS, COLOUR = ("x", "y", "z"), ("nx", "ny", "nz"), ("f_dc_0", "f_dc_1", "f_dc_2")
SCALES, ROTATIONS = ("scale_0", "scale_1", "scale_2"), ("rot_0", "rot_1", "rot_2", "rot_3")
NEEDED = (*MEANS, *COLOUR, "opacity", *SCALES, *ROTATIONS)


def size(gaussians: Gaussians) -> int:
    """About how large the file becomes, bytes."""
    return 4 * (14 * len(gaussians) + gaussians.harmonics.size) + 4096


def save(path: Path, gaussians: Gaussians, *, comments: Sequence[str] = ()) -> None:
    """Write Gaussians with all the harmonics they have."""
    rest = 3 * (gaussians.harmonics.shape[1] - 1)
    names = [*MEANS, *NORMALS, *COLOUR, *(f"f_rest_{i}" for i in range(rest)), "opacity", *SCALES, *ROTATIONS]
    lines = ["ply", "format binary_little_endian 1.0"]
    lines += [f"comment {' '.join(text.split())}" for text in (COMMENT, *comments)]
    lines += [f"element vertex {len(gaussians)}", *(f"property float {name}" for name in names), "end_header"]
    records = np.zeros((min(BATCH, len(gaussians)), len(names)), "<f4")
    with path.open("wb") as file:
        file.write(("\n".join(lines) + "\n").encode("ascii", "replace"))
        for start in range(0, len(gaussians), BATCH):
            part = slice(start, start + BATCH)
            count = len(gaussians.means[part])
            by_rows(
                _pack,
                count,
                gaussians.means[part],
                gaussians.harmonics[part],
                gaussians.opacities[part],
                gaussians.scales[part],
                gaussians.rotations[part],
                records,
            )
            file.write(records[:count].data)


def load(path: Path) -> Gaussians:
    """Read Gaussians, in whatever order and however named numbers their fields are; what else there is is left alone.

    Raises:
        MediaError: the file is damaged, or shorter than its header says.
        FormatError: it is no binary PLY, or its vertices are not Gaussians.
    """
    with path.open("rb") as file:
        elements = read_elements(file, path)
        if not elements or elements[0].name != "vertex":
            raise FormatError(f"{path} does not begin with vertices; convert it with a viewer such as SuperSplat first")
        return _gaussians(read_records(file, elements[0], path), path)


def read_records(file: IO[bytes], element: Element, path: Path) -> NDArray[Any]:
    """Read all of an element, after a look whether the file holds it; raises as `load`."""
    if element.dtype is None:
        raise FormatError(f"{path} has {element.name} of a kind that is not read")
    held = path.stat().st_size - file.tell()
    if element.nbytes > held:  # before memory is taken for what a header claims
        raise MediaError(
            f"{path} is cut short: its header promises {element.count} {element.name} records of "
            f"{element.dtype.itemsize} bytes, and {held} bytes follow; get a whole copy"
        )
    return np.frombuffer(file.read(element.nbytes), element.dtype)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), for any x without overflow."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logits), np.float32)


def normalised(rotations: NDArray[np.float32]) -> NDArray[np.float32]:
    """Quaternions (N, 4) of length 1; one of length 0 becomes no rotation."""
    lengths = np.linalg.norm(rotations, axis=1, keepdims=True)
    identity = np.array([1, 0, 0, 0], np.float32)
    return np.where(lengths > 0, rotations / np.maximum(lengths, np.finfo(np.float32).tiny), identity)


def _gaussians(records: NDArray[Any], path: Path) -> Gaussians:
    names = records.dtype.names or ()
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise FormatError(
            f"{path} holds vertices of {' '.join(names) or 'nothing'}, which are no Gaussians ({' '.join(missing)} "
            "are missing); read it as a point cloud"
        )
    rest = sum(name.startswith("f_rest_") for name in names)
    if rest not in DEGREES or any(f"f_rest_{i}" not in names for i in range(rest)):
        raise FormatError(f"{path} has {rest} f_rest; Gaussians have 0, 9, 24 or 45, numbered from 0")
    count = (DEGREES[rest] + 1) ** 2
    harmonics = np.empty((len(records), count, 3), np.float32)
    harmonics[:, 0] = _columns(records, COLOUR)
    for i in range(rest):
        channel, coefficient = divmod(i, count - 1)
        harmonics[:, 1 + coefficient, channel] = records[f"f_rest_{i}"]
    return Gaussians(
        means=_columns(records, MEANS),
        scales=np.exp(_columns(records, SCALES)),
        rotations=normalised(_columns(records, ROTATIONS)),
        opacities=sigmoid(records["opacity"].astype(np.float32)),
        harmonics=harmonics,
    )


def _columns(records: NDArray[Any], names: Sequence[str]) -> NDArray[np.float32]:
    columns = np.empty((len(records), len(names)), np.float32)
    for i, name in enumerate(names):
        columns[:, i] = records[name]
    return columns


@njit(nogil=True, cache=True)
def _pack(first, last, means, harmonics, opacities, scales, rotations, records):  # type: ignore[no-untyped-def]
    """Rows of `records`, whose normals stay as they are."""
    count = harmonics.shape[1]
    for i in range(first, last):
        row = records[i]
        for axis in range(3):
            row[axis] = means[i, axis]
            row[6 + axis] = harmonics[i, 0, axis]
            for k in range(1, count):
                row[8 + axis * (count - 1) + k] = harmonics[i, k, axis]
        at = 6 + 3 * count
        opacity = min(max(float(opacities[i]), OPACITY_EDGE), 1 - OPACITY_EDGE)
        row[at] = math.log(opacity / (1 - opacity))
        for axis in range(3):
            # A negative scale makes the same covariance as its absolute value.
            row[at + 1 + axis] = math.log(max(abs(float(scales[i, axis])), SMALLEST))
        for axis in range(4):
            row[at + 4 + axis] = rotations[i, axis]
