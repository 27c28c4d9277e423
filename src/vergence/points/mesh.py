"""Triangles between the points of neighbouring pixels, torn where one surface ends before another."""

import numpy as np
from numpy.typing import NDArray

from vergence.geometry.edges import steep_step
from vergence.points.select import chosen
from vergence.types import Intrinsics, PointCloud


def triangulate(
    z: NDArray[np.float32], kept: NDArray[np.bool_], intrinsics: Intrinsics, *, tear: float | None = None
) -> NDArray[np.int32]:
    """Join the pixels of a depth map by triangles, two in each cell between four of them.

    A cell is cut along the diagonal across which depth differs less; where one of its corners is missing, the other
    three make one triangle. A triangle is torn out when depth along its side in the row or its side in the column
    changes by a larger factor than `tear`.

    Args:
        z: (H, W) depth, metres or any multiple.
        kept: (H, W), where there is a point; `z` must be positive there.
        intrinsics: of that same picture, px.
        tear: over 1; None is the step to a pixel's neighbour of a surface seen under 5 degrees, at any resolution.

    Returns:
        (M, 3) places in the list of kept pixels, counter-clockwise where seen from the camera.
    """
    log_z = np.log(z, out=np.zeros_like(z, np.float32), where=kept)
    along, down = (steep_step(f) if tear is None else np.log(tear) for f in (intrinsics.fx, intrinsics.fy))
    rows = kept[:, 1:] & kept[:, :-1] & (np.abs(np.diff(log_z, axis=1)) <= along)  # (H, W - 1)
    columns = kept[1:] & kept[:-1] & (np.abs(np.diff(log_z, axis=0)) <= down)  # (H - 1, W)
    top, bottom, left, right = rows[:-1], rows[1:], columns[:, :-1], columns[:, 1:]
    place = np.cumsum(kept, dtype=np.int32).reshape(kept.shape) - 1
    # Corners of each cell: a b
    #                       c d
    a, b, c, d = place[:-1, :-1], place[:-1, 1:], place[1:, :-1], place[1:, 1:]
    falling = np.abs(log_z[:-1, :-1] - log_z[1:, 1:])
    rising = np.abs(log_z[:-1, 1:] - log_z[1:, :-1])
    falls = falling <= rising
    falls |= ~(kept[:-1, 1:] & kept[1:, :-1])  # a missing corner leaves one way to cut
    falls &= kept[:-1, :-1] & kept[1:, 1:]
    found = (
        (falls & left & bottom, (a, c, d)),
        (falls & top & right, (a, d, b)),
        (~falls & left & top, (a, c, b)),
        (~falls & bottom & right, (b, c, d)),
    )
    return np.concatenate([np.stack([corner[there] for corner in corners], axis=1) for there, corners in found])


def without_loose(cloud: PointCloud, triangles: NDArray[np.int32]) -> tuple[PointCloud, NDArray[np.int32]]:
    """Leave out the points that no triangle (M, 3) has."""
    used = np.zeros(len(cloud), np.bool_)
    used[triangles] = True
    place = np.cumsum(used, dtype=np.int32) - 1
    return chosen(cloud, used), place[triangles]
