"""Forward warp of a picture to one eye: a z-buffered scanline mesh with sub-pixel positions.

Each row is a polyline: neighbouring pixels are joined into one surface unless their disparity jumps by more than
`TEAR` pixels. Every target pixel takes the nearest surface over it (the largest disparity), at the exact sub-pixel
place in the source, and is sampled there by a Catmull-Rom cubic that never reaches across a tear. What no surface
covers is a hole. Rows stay rows, so there is no vertical disparity by construction.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.errors import ShapeError
from vergence.geometry.rows import by_rows
from vergence.stereo.scan import HOLE, next_hole

F = np.float32  # numba would compute in double wherever an integer meets a float, at twice the cost

TEAR = F(1)  # px of disparity between neighbours; up to it one slanted surface, over it two things
HALF = F(0.5)  # px of footprint on either side of a pixel's centre, so that a torn surface keeps its width


@dataclass(frozen=True)
class Warped:
    """One eye's view.

    Attributes:
        rgb: (H, W, 3), in holes a colour of the surface that they open on; black where that is not known.
        disparity: (H, W) px of the surface seen there, `HOLE` where none is.
        behind: (H, W) px of the surface that a hole opens on; means nothing elsewhere.
        shift: what the disparity was multiplied by to get here.
    """

    rgb: NDArray[Any]
    disparity: NDArray[np.float32]
    behind: NDArray[np.float32]
    shift: float


def warp(
    rgb: NDArray[Any],
    disparity: NDArray[np.float32],
    shift: float,
    *,
    scene: NDArray[np.float32] | None = None,
    is_cubic: bool = True,
) -> Warped:
    """Move every pixel by `shift * disparity` columns to the right; near things cover far ones.

    Args:
        rgb: (H, W, 3) uint8 or uint16.
        disparity: (H, W) px, larger is nearer, finite; `HOLE` where the picture has nothing to show.
        shift: 0.5 for the left and -0.5 for the right eye of a pair seen from the middle
            (near things have x_left > x_right); 1 or -1 where the picture itself is the other eye.
        scene: the same without `HOLE`, where there are any: what may lie behind the holes of the view.
        is_cubic: sampled by the cubic; else linearly, which is softer and cheaper.

    Raises:
        ShapeError: the two differ in size.
    """
    if rgb.shape[:2] != disparity.shape:
        raise ShapeError(f"the picture is {rgb.shape[1]}x{rgb.shape[0]} pixels, its disparity {disparity.shape}")
    out, near, behind = np.empty_like(rgb), np.empty_like(disparity), np.empty_like(disparity)
    white = F(np.iinfo(rgb.dtype).max)
    scene = disparity if scene is None else scene
    by_rows(_warp_rows, rgb.shape[0], rgb, disparity, scene, F(shift), white, is_cubic, out, near, behind)
    return Warped(out, near, behind, shift)


@njit(nogil=True, cache=True, fastmath=True)
def _warp_rows(  # type: ignore[no-untyped-def]
    first, last, rgb, disparity, scene, shift, white, is_cubic, out, near, behind
):
    width = disparity.shape[1]
    line = np.empty((width, 3), np.float32)
    position = np.zeros(width, np.float32)  # where in the source row each target pixel looks
    is_joined = np.zeros(width + 2, np.int64)  # is_joined[i]: source pixels i - 1 and i are one surface
    for y in range(first, last):
        for i in range(1, width):
            is_joined[i] = 1 if abs(disparity[y, i] - disparity[y, i - 1]) <= TEAR else 0
        _map_row(disparity[y], is_joined, shift, position, near[y])
        _sample_row(rgb[y], is_joined, position, near[y], white, is_cubic, line, out[y])
        _look_behind(rgb[y], scene[y], position, near[y], behind[y], out[y])


@njit(nogil=True, cache=True, fastmath=True)
def _map_row(disparity, is_joined, shift, position, near):  # type: ignore[no-untyped-def]
    """For each target pixel the place and the disparity of the nearest surface over it."""
    width = disparity.shape[0]
    near[:] = HOLE
    for i in range(width):
        d = disparity[i]
        t = F(i) + shift * d
        k = int(np.ceil(t))
        if not is_joined[i]:
            for left in range(max(int(np.ceil(t - HALF)), 0), min(k, width)):
                if d > near[left]:
                    near[left], position[left] = d, F(i)
        if not is_joined[i + 1]:
            for right in range(max(k, 0), min(int(np.ceil(t + HALF)), width)):
                if d > near[right]:
                    near[right], position[right] = d, F(i)
            continue
        rise = disparity[i + 1] - d
        t_next = F(i + 1) + shift * disparity[i + 1]
        for covered in range(max(k, 0), min(int(np.ceil(t_next)), width)):
            f = (F(covered) - t) / (t_next - t)
            if d + f * rise > near[covered]:
                near[covered], position[covered] = d + f * rise, F(i) + f


@njit(nogil=True, cache=True, fastmath=True)
def _look_behind(row, scene, position, near, behind, target):  # type: ignore[no-untyped-def]
    """For each hole the farthest surface that lies between its two ends in the source: that is what opened."""
    width = near.shape[0]
    x = next_hole(near, 0)
    while x < width:
        a = x
        while x < width and near[x] == HOLE:
            x += 1
        if x - a == width:
            return
        has_left, has_right = a > 0, x < width
        place = int(position[x]) if has_right else int(position[a - 1])
        farthest = near[x] if has_right else near[a - 1]
        if has_left and near[a - 1] < farthest:
            place, farthest = int(position[a - 1]), near[a - 1]
        if has_left and has_right:
            for i in range(int(position[a - 1]) + 1, int(position[x])):
                if HOLE < scene[i] < farthest:
                    place, farthest = i, scene[i]
        for k in range(a, x):
            behind[k] = farthest
            target[k, 0], target[k, 1], target[k, 2] = row[place, 0], row[place, 1], row[place, 2]
        x = next_hole(near, x)


@njit(nogil=True, cache=True, fastmath=True)
def _sample_row(row, is_joined, position, near, white, is_cubic, line, target):  # type: ignore[no-untyped-def]
    width = near.shape[0]
    if is_cubic:
        for k in range(width):
            for c in range(3):
                line[k, c] = row[k, c]  # each is read some four times: converted once
    for k in range(width):
        if near[k] == HOLE:
            target[k, 0] = target[k, 1] = target[k, 2] = 0
            continue
        i = int(position[k])
        t = position[k] - F(i)
        j = min(i + 1, width - 1)
        if not is_cubic:
            for c in range(3):
                target[k, c] = F(row[i, c]) + t * (F(row[j, c]) - F(row[i, c])) + HALF
            continue
        before, after = i - is_joined[i], j + is_joined[i + 2]  # outer taps, folded onto the inner at a tear
        t2 = t * t
        t3 = t2 * t
        w0 = t2 - HALF * (t3 + t)
        w1 = F(1.5) * t3 - F(2.5) * t2 + F(1)
        w2 = F(2) * t2 - F(1.5) * t3 + HALF * t
        w3 = HALF * (t3 - t2)
        for c in range(3):
            value = w0 * line[before, c] + w1 * line[i, c] + w2 * line[j, c] + w3 * line[after, c]
            target[k, c] = min(max(value + HALF, F(0)), white)
