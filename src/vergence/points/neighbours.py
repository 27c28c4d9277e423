"""Nearest neighbours by a k-d tree (J. Bentley, "Multidimensional binary search trees", 1975).

A grid of cells would do where points lie evenly; those of a picture lie a hundred times denser near the camera.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows

LEAF = 12  # points at most that are looked at one by one
DEEPEST = 40  # levels of a tree
F = np.float32


def neighbour_distances(points: NDArray[np.float32], neighbours: int) -> NDArray[np.float32]:
    """The mean distance (N,) of each point (N, 3) to its nearest others, so many or as many as there are.

    0 where there is no other. The points must be finite.
    """
    count = len(points)
    neighbours = min(neighbours, count - 1)
    if neighbours < 1:
        return np.zeros(count, np.float32)
    levels = max(0, int(np.ceil(np.log2(count / LEAF))))
    ordered = points.astype(np.float32, copy=True)
    order = np.arange(count, dtype=np.int64)
    axes, splits = np.zeros((1 << levels) - 1, np.uint8), np.zeros((1 << levels) - 1, np.float32)
    _build(ordered, order, axes, splits)
    found = np.empty(count, np.float32)
    by_rows(_mean_distances, count, ordered, axes, splits, neighbours, found)
    result = np.empty(count, np.float32)
    result[order] = found
    return result


@njit(nogil=True, cache=True)
def _build(points, order, axes, splits):  # type: ignore[no-untyped-def]
    """Sort points in place so that each node's left half lies before its right half along its widest axis.

    Node n has the children 2 n + 1 and 2 n + 2; the halves of points[low:high] meet at (low + high) // 2.
    """
    nodes, lows, highs = np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64)
    waiting = 1
    highs[0] = len(points)
    while waiting:
        waiting -= 1
        node, low, high = nodes[waiting], lows[waiting], highs[waiting]
        if node >= len(axes):
            continue
        widest, axis = F(-1), 0
        for a in range(3):
            least, most = points[low, a], points[low, a]
            for i in range(low + 1, high):
                least, most = min(least, points[i, a]), max(most, points[i, a])
            if most - least > widest:
                widest, axis = most - least, a
        middle = (low + high) // 2
        _select(points, order, low, high, middle, axis)
        axes[node], splits[node] = axis, points[middle, axis]
        nodes[waiting], lows[waiting], highs[waiting] = 2 * node + 1, low, middle
        nodes[waiting + 1], lows[waiting + 1], highs[waiting + 1] = 2 * node + 2, middle, high
        waiting += 2


@njit(nogil=True, cache=True)
def _select(points, order, low, high, middle, axis):  # type: ignore[no-untyped-def]
    """Bring the point that is the middle-th along an axis there, lesser ones before it (C. Hoare, "FIND", 1961)."""
    first, last = low, high - 1
    while first < last:
        pivot = points[(first + last) // 2, axis]
        i, j = first, last
        while i <= j:
            while points[i, axis] < pivot:
                i += 1
            while points[j, axis] > pivot:
                j -= 1
            if i <= j:
                for a in range(3):
                    points[i, a], points[j, a] = points[j, a], points[i, a]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            last = j
        elif middle >= i:
            first = i
        else:
            return


@njit(nogil=True, cache=True)
def _mean_distances(first, last, points, axes, splits, neighbours, out):  # type: ignore[no-untyped-def]
    """Search the tree for each point. Far halves wait with the squared distance to their box along each axis
    (S. Arya and D. Mount, "Algorithms for fast vector quantization", 1993)."""
    nodes, lows, highs = np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64)
    offsets = np.zeros((DEEPEST, 3), np.float32)
    best = np.empty(neighbours, np.float32)  # squared, in rising order
    offset = np.zeros(3, np.float32)
    for point in range(first, last):
        best[:] = np.inf
        nodes[0], lows[0], highs[0] = 0, 0, len(points)
        offsets[0] = 0
        waiting = 1
        while waiting:
            waiting -= 1
            node, low, high = nodes[waiting], lows[waiting], highs[waiting]
            offset[:] = offsets[waiting]
            if offset[0] + offset[1] + offset[2] >= best[-1]:
                continue
            while node < len(axes):
                axis, middle = axes[node], (low + high) // 2
                step = points[point, axis] - splits[node]
                nodes[waiting] = 2 * node + (1 if step >= 0 else 2)
                lows[waiting], highs[waiting] = (low, middle) if step >= 0 else (middle, high)
                offsets[waiting] = offset
                offsets[waiting, axis] = step * step
                waiting += 1
                if step >= 0:
                    node, low = 2 * node + 2, middle
                else:
                    node, high = 2 * node + 1, middle
            for other in range(low, high):
                if other == point:
                    continue
                x = points[other, 0] - points[point, 0]
                y = points[other, 1] - points[point, 1]
                z = points[other, 2] - points[point, 2]
                squared = x * x + y * y + z * z
                if squared >= best[-1]:
                    continue
                at = neighbours - 1
                while at > 0 and best[at - 1] > squared:
                    best[at] = best[at - 1]
                    at -= 1
                best[at] = squared
        total = F(0)
        for near in best:
            total += np.sqrt(near)
        out[point] = total / F(neighbours)
