"""Compressed PLY of PlayCanvas and SuperSplat: 16 bytes a Gaussian, and a byte for each harmonic above degree 0.

Gaussians lie in chunks of 256. A chunk has the least and the largest mean, logarithm of scale and colour; a Gaussian
has where it lies between them: mean and scale in 11, 10 and 11 bits, red, green, blue and the opacity in 8, the
quaternion as which of w x y z is largest (2 bits) and the other three in 10. Axes are those of memory, y down.
"""

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError
from vergence.media.ply_header import Element, read_elements
from vergence.media.splats.ply import COMMENT, DEGREES, normalised, read_records
from vergence.types import Gaussians

CHUNK = 256
BOUNDS = [
    f"{end}_{name}"
    for names in (("x", "y", "z"), ("scale_x", "scale_y", "scale_z"), ("r", "g", "b"))
    for end, name in product(("min", "max"), names)
]
PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
ELEVEN, EIGHT = ((21, 11), (11, 10), (0, 11)), ((24, 8), (16, 8), (8, 8), (0, 8))  # (shift, bits) in a word
ROTATION = ((20, 10), (10, 10), (0, 10))
LEAST_SCALE, LARGEST_SCALE = -20.0, 20.0  # logarithms; readers do not go farther
HARMONICS = 8  # harmonics reach from -4 to 4
FLAT = 0.28209479177387814  # the harmonic of degree 0: 1 / (2 sqrt(pi))
LATTICE = 1 << 10  # cells of the curve that Gaussians are ordered along, on each axis


def size(gaussians: Gaussians) -> int:
    """How large the file becomes, bytes."""
    return 14 * len(gaussians) + gaussians.harmonics.size + 72 * (len(gaussians) // CHUNK + 1) + 4096


def save(path: Path, gaussians: Gaussians, *, comments: Sequence[str] = ()) -> None:
    """Write Gaussians in the order of `curve_order`, so that a chunk spans little of the scene."""
    order = curve_order(gaussians.means)
    count, terms = len(gaussians), gaussians.harmonics.shape[1]
    chunks = -(-count // CHUNK)
    logs = np.log(np.maximum(np.abs(gaussians.scales[order]), 1e-30)).clip(LEAST_SCALE, LARGEST_SCALE)
    colours = 0.5 + FLAT * gaussians.harmonics[order, 0]
    bounds = np.empty((chunks, 3, 2, 3), "<f4")
    parts = []
    for at, values in enumerate((gaussians.means[order], logs, colours)):
        bounds[:, at], between = _between(values, chunks)
        parts.append(between)
    opacity = np.clip(gaussians.opacities[order, None], 0, 1)
    words = np.empty((count, 4), "<u4")
    words[:, 0] = _packed(parts[0], ELEVEN)
    words[:, 1] = _packed_rotations(normalised(gaussians.rotations[order]))
    words[:, 2] = _packed(parts[1], ELEVEN)
    words[:, 3] = _packed(np.concatenate([parts[2], opacity], axis=1), EIGHT)
    lines = ["ply", "format binary_little_endian 1.0"]
    lines += [f"comment {' '.join(text.split())}" for text in (COMMENT, *comments)]
    lines += [f"element chunk {chunks}", *(f"property float {name}" for name in BOUNDS)]
    lines += [f"element vertex {count}", *(f"property uint {name}" for name in PACKED)]
    if terms > 1:
        lines += [f"element sh {count}", *(f"property uchar f_rest_{i}" for i in range(3 * (terms - 1)))]
    rest = gaussians.harmonics[order, 1:].transpose(0, 2, 1)  # channel by channel
    with path.open("wb") as file:
        file.write(("\n".join([*lines, "end_header"]) + "\n").encode("ascii", "replace"))
        file.write(bounds.data)
        file.write(words.data)
        file.write(np.clip((rest / HARMONICS + 0.5) * 256, 0, 255).astype(np.uint8).tobytes())


def is_compressed(elements: Sequence[Element]) -> bool:
    """Whether a PLY header says this format."""
    names = [element.name for element in elements]
    return names[:2] == ["chunk", "vertex"] and set(PACKED) <= set(_names(elements[1]))


def load(path: Path) -> Gaussians:
    """Read Gaussians.

    Raises:
        MediaError: the file is damaged, or shorter than its header says.
        FormatError: it is no compressed PLY, or its elements do not belong together.
    """
    with path.open("rb") as file:
        elements = read_elements(file, path)
        if not is_compressed(elements):
            raise FormatError(f"{path} is no compressed PLY")
        chunk, vertex = elements[:2]
        harmonic = next((element for element in elements[2:3] if element.name == "sh"), None)
        rest = len(_names(harmonic)) if harmonic else 0
        if (
            chunk.count != -(-vertex.count // CHUNK)
            or (harmonic is not None and harmonic.count != vertex.count)
            or set(_names(chunk)) not in (set(BOUNDS), set(BOUNDS[:12]))  # older files have colours without bounds
            or rest not in DEGREES
            or any(f"f_rest_{i}" not in _names(harmonic) for i in range(rest) if harmonic)
        ):
            raise FormatError(f"{path} has elements that do not belong together; write it anew with SuperSplat")
        bounds = read_records(file, chunk, path)
        words = read_records(file, vertex, path)
        packed = read_records(file, harmonic, path) if harmonic else None
    count, terms = vertex.count, (DEGREES[rest] + 1) ** 2
    colours = _unpacked(words["packed_color"], EIGHT)
    harmonics = np.empty((count, terms, 3), np.float32)
    harmonics[:, 0] = (_across(colours[:, :3], bounds, BOUNDS[12:]) - 0.5) / FLAT
    for i in range(rest):
        assert packed is not None
        channel, coefficient = divmod(i, terms - 1)
        values = packed[f"f_rest_{i}"].astype(np.float32)
        ends = np.where(values == 255, np.float32(256), (values + np.float32(0.5)) * (values > 0))
        harmonics[:, 1 + coefficient, channel] = (ends / 256 - np.float32(0.5)) * HARMONICS
    return Gaussians(
        means=_across(_unpacked(words["packed_position"], ELEVEN), bounds, BOUNDS[:6]),
        scales=np.exp(_across(_unpacked(words["packed_scale"], ELEVEN), bounds, BOUNDS[6:12])),
        rotations=_unpacked_rotations(words["packed_rotation"]),
        opacities=np.ascontiguousarray(colours[:, 3]),
        harmonics=harmonics,
    )


def curve_order(means: NDArray[np.float32]) -> NDArray[np.intp]:
    """The order of points (N, 3) along a space-filling curve (G. M. Morton, 1966), over their bounding box."""
    if not len(means):
        return np.empty(0, np.intp)
    least, largest = means.min(axis=0), means.max(axis=0)
    cells = (means - least) / np.maximum(largest - least, np.finfo(np.float32).tiny) * (LATTICE - 1)
    code = np.zeros(len(means), np.uint32)
    for axis, spread in enumerate(cells.astype(np.uint32).T):
        for shift, mask in ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249)):  # bits three apart
            spread = (spread | spread << np.uint32(shift)) & np.uint32(mask)
        code |= spread << np.uint32(axis)
    return np.argsort(code, kind="stable")


def _names(element: Element) -> tuple[str, ...]:
    return (element.dtype.names if element.dtype is not None else None) or ()


def _between(values: NDArray[np.float32], chunks: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The bounds (chunks, 2, 3) of values (N, 3), and where each lies between those of its chunk, 0..1."""
    if not chunks:
        return np.empty((0, 2, 3), np.float32), np.empty((0, 3), np.float32)
    starts = np.arange(chunks) * CHUNK
    bounds = np.stack([np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)], axis=1)
    bounds = bounds.astype(np.float32)
    least, largest = np.repeat(bounds, CHUNK, axis=0)[: len(values)].transpose(1, 0, 2)
    return bounds, np.clip((values - least) / np.maximum(largest - least, np.finfo(np.float32).tiny), 0, 1)


def _across(between: NDArray[np.float32], bounds: NDArray[Any], names: Sequence[str]) -> NDArray[np.float32]:
    """Values (N, 3) from where they lie between the bounds called `names`; as they are where there are none."""
    if names[0] not in (bounds.dtype.names or ()):
        return between
    least, largest = (
        np.repeat(np.stack([bounds[name] for name in end], axis=1), CHUNK, axis=0)[: len(between)]
        for end in (names[:3], names[3:])
    )
    return np.asarray(least * (1 - between) + largest * between, np.float32)


def _packed(values: NDArray[np.float32], layout: Sequence[tuple[int, int]]) -> NDArray[np.uint32]:
    word = np.zeros(len(values), np.uint32)
    for column, (shift, bits) in zip(values.T, layout, strict=True):
        word |= np.rint(column * ((1 << bits) - 1)).astype(np.uint32) << np.uint32(shift)
    return word


def _unpacked(words: NDArray[np.uint32], layout: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    columns = [(words >> shift & (1 << bits) - 1).astype(np.float32) / ((1 << bits) - 1) for shift, bits in layout]
    return np.stack(columns, axis=1).astype(np.float32)


def _packed_rotations(rotations: NDArray[np.float32]) -> NDArray[np.uint32]:
    largest = np.abs(rotations).argmax(axis=1)[:, None]
    turned = rotations * np.where(np.take_along_axis(rotations, largest, axis=1) < 0, -1, 1)
    others = turned[np.arange(4) != largest].reshape(-1, 3)
    word = _packed(np.clip(others / math.sqrt(2) + 0.5, 0, 1), ROTATION)
    word |= largest[:, 0].astype(np.uint32) << np.uint32(30)
    return word


def _unpacked_rotations(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    others = (_unpacked(words, ROTATION) - 0.5) * math.sqrt(2)
    largest = (words >> 30)[:, None]
    rotations = np.empty((len(words), 4), np.float32)
    rotations[np.arange(4) != largest] = others.ravel()
    left = np.sqrt(np.maximum(0, 1 - (others * others).sum(axis=1, keepdims=True)))
    rotations[np.arange(4) == largest] = left.ravel()
    return normalised(rotations)
