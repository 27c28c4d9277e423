"""Which way the surfaces in a depth map face."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows

F = np.float32
ALIKE = F(2)  # times as much may depth change to one side as to the other


def surface_normals(points: NDArray[np.float32], kept: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The normals of the surface that a grid of points lies on, towards the camera.

    That of a pixel is the cross product of how the surface goes on along its row and along its column. Along each it
    goes on to the neighbour whose depth differs less, so that no normal is that of a step and a surface keeps its own
    to its very edge; where depth goes on to the other side in the same way, from the one neighbour to the other, which
    halves noise. Where neither neighbour is kept the surface is taken to stand upright.

    Args:
        points: (H, W, 3) in the camera's axes, of the pixels of a picture (`unproject`).
        kept: (H, W), where there is a surface.

    Returns:
        (H, W, 3) of length 1; 0 where nothing is kept.
    """
    normals = np.zeros(points.shape, np.float32)
    by_rows(_normals, len(points), points.astype(np.float32, copy=False), kept, normals)
    return normals


@njit(nogil=True, cache=True)
def _normals(first, last, points, kept, out):  # type: ignore[no-untyped-def]
    height, width = kept.shape
    tangents = np.zeros((2, 3), np.float32)
    for y in range(first, last):
        for x in range(width):
            if not kept[y, x]:
                continue
            for axis in range(2):  # along the row, down the column
                down, along = (0, 1) if axis == 0 else (1, 0)
                has_before = y >= down and x >= along and kept[y - down, x - along]
                has_after = y + down < height and x + along < width and kept[y + down, x + along]
                before = points[y, x, 2] - points[y - down, x - along, 2] if has_before else F(0)
                after = points[y + down, x + along, 2] - points[y, x, 2] if has_after else F(0)
                if has_before and has_after and not _is_alike(before, after):
                    has_before = abs(before) <= abs(after)
                    has_after = not has_before
                y0, x0 = (y - down, x - along) if has_before else (y, x)
                y1, x1 = (y + down, x + along) if has_after else (y, x)
                for a in range(3):
                    tangents[axis, a] = points[y1, x1, a] - points[y0, x0, a]
                if not has_before and not has_after:
                    tangents[axis, axis] = F(1)
            (ax, ay, az), (bx, by, bz) = tangents[0], tangents[1]
            nx_, ny_, nz_ = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
            length = np.sqrt(nx_ * nx_ + ny_ * ny_ + nz_ * nz_)
            if not length > F(0):  # both ran along one line
                nx_, ny_, nz_ = points[y, x, 0], points[y, x, 1], points[y, x, 2]
                length = np.sqrt(nx_ * nx_ + ny_ * ny_ + nz_ * nz_)
            away = nx_ * points[y, x, 0] + ny_ * points[y, x, 1] + nz_ * points[y, x, 2]
            scale = (F(-1) if away > F(0) else F(1)) / length
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = nx_ * scale, ny_ * scale, nz_ * scale


@njit(nogil=True, cache=True)
def _is_alike(before, after):  # type: ignore[no-untyped-def]
    return before * after >= F(0) and abs(before) <= ALIKE * abs(after) and abs(after) <= ALIKE * abs(before)
