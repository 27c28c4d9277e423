"""One point of all that lie in one cube of a grid."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.errors import SettingsError, ShapeError
from vergence.geometry.voxels import voxel_keys
from vergence.types import PointCloud

PIECE = 1 << 18  # points that are added at once: what they need besides is small
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (D. Knuth, "Sorting and Searching", 1973, 6.4)
FEWEST = 1 << 12  # voxels to begin with
F = np.float32


def merge_voxels(cloud: PointCloud, size: float) -> PointCloud:
    """Make one point of all in a cube of `size`: their mean place, colour, normal and confidence.

    Points come in the order in which their cubes first occur.

    Raises:
        SettingsError: the size is not positive, or so small that the scene has too many cubes.
    """
    grid = VoxelGrid(size)
    grid.add(cloud)
    return grid.cloud()


class VoxelGrid:
    """A cloud with one point a cube, to which others are added; as large as its cubes are many, not its points.

    A hash table with open addressing from a cube's number to its place; a place holds the mean of all points so far.

    Raises:
        SettingsError: the size is not positive.
    """

    def __init__(self, size: float) -> None:
        if not size > 0:
            raise SettingsError(f"the side of a voxel is a positive length, not {size:g}")
        self.size = size
        self._places = np.full(2 * FEWEST, -1, np.int32)
        self._keys = np.empty(FEWEST, np.int64)
        self._counts = np.zeros(FEWEST, np.int32)
        self._means: NDArray[np.float32] | None = None  # (voxels, columns), see `_columns`
        self._used = 0
        self._has = (False, False)  # normals, confidence

    def __len__(self) -> int:
        return self._used

    def add(self, cloud: PointCloud) -> None:
        """Add the points of a cloud of the same world.

        Raises:
            SettingsError: voxels are so small that the scene has too many.
            ShapeError: some clouds have normals or confidence and others have none.
        """
        has = (cloud.normals is not None, cloud.confidence is not None)
        if self._means is None:
            self._has = has
            self._means = np.empty((len(self._keys), 6 + 3 * has[0] + has[1]), np.float32)
        elif has != self._has:
            raise ShapeError("clouds to put together have normals all or none, and confidence all or none")
        for start in range(0, len(cloud), PIECE):
            piece = slice(start, start + PIECE)
            keys = voxel_keys(cloud.points[piece], self.size)
            self._grow(self._used + len(keys))
            self._used = _gather(
                keys, _columns(cloud, piece), self._places, self._keys, self._counts, self._means, self._used
            )

    def cloud(self) -> PointCloud:
        """The cloud so far; normals are of length 1 again, or 0 where they cancel out."""
        if self._means is None:
            return PointCloud.empty()
        means = self._means[: self._used]
        normals = confidence = None
        if self._has[0]:
            length = np.linalg.norm(means[:, 6:9], axis=1, keepdims=True)
            normals = np.divide(means[:, 6:9], length, out=np.zeros((len(means), 3), np.float32), where=length > 1e-6)
        if self._has[1]:
            confidence = means[:, -1].copy()
        return PointCloud(means[:, :3].copy(), np.rint(means[:, 3:6]).astype(np.uint8), normals, confidence)

    def _grow(self, needed: int) -> None:
        """Make room for so many voxels."""
        room = len(self._keys)
        if needed <= room:
            return
        while room < needed:
            room *= 2
        assert self._means is not None
        self._keys = _longer(self._keys, room)
        self._counts = _longer(self._counts, room)
        self._means = _longer(self._means, room)
        self._places = np.full(2 * room, -1, np.int32)
        _number(self._keys, self._used, self._places)


def _columns(cloud: PointCloud, piece: slice) -> NDArray[np.float32]:
    """What is averaged: x y z, red green blue, and where there are nx ny nz and confidence."""
    columns: list[NDArray[Any]] = [cloud.points[piece], cloud.colours[piece]]
    if cloud.normals is not None:
        columns.append(cloud.normals[piece])
    if cloud.confidence is not None:
        columns.append(cloud.confidence[piece, None])
    return np.concatenate(columns, axis=1, dtype=np.float32)


def _longer(array: NDArray[Any], room: int) -> NDArray[Any]:
    longer = np.empty((room, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer


@njit(nogil=True, cache=True)
def _find(key, places, keys):  # type: ignore[no-untyped-def]
    """Where in the table the key is, or the empty entry it shall have. The table's length is a power of 2."""
    mask = np.uint64(len(places) - 1)
    at = (np.uint64(key) * SPREAD >> np.uint64(32)) & mask
    while places[at] >= 0 and keys[places[at]] != key:
        at = (at + np.uint64(1)) & mask
    return at


@njit(nogil=True, cache=True)
def _gather(new, values, places, keys, counts, means, used):  # type: ignore[no-untyped-def]
    """Take points with their voxels' numbers `new` into the means; returns how many voxels there are then."""
    for i in range(len(new)):
        at = _find(new[i], places, keys)
        place = places[at]
        if place < 0:
            place = places[at] = used
            keys[place], counts[place] = new[i], 1
            means[place] = values[i]
            used += 1
            continue
        counts[place] += 1
        share = F(1) / F(counts[place])
        for column in range(values.shape[1]):
            means[place, column] += (values[i, column] - means[place, column]) * share
    return used


@njit(nogil=True, cache=True)
def _number(keys, used, places):  # type: ignore[no-untyped-def]
    for place in range(used):
        places[_find(keys[place], places, keys)] = place
