"""Disparity from the network's resolution to the picture's, with edges as sharp as the picture's own.

A network's depth edge is a ramp several samples wide. Warped as it is, the ramp becomes a rubber sheet between the
thing and what is behind it. So every full-size pixel within a ramp is given to one of its two surfaces (toggle
mapping, Kramer and Bruckner 1975), and where the two differ in colour the pixel's own colour has a say in which, as in
joint upsampling (Kopf et al. 2007). A slope is told from an edge by its range growing with the window.

A thin thing loses height in such a map before it loses its place: wires and railings would hang in the middle of
nowhere. What stands out of its surroundings by less than a few samples gets its height back first, by a few steps of
Richardson-Lucy deconvolution (1972, 1974), which keeps its volume, and no more than a thing of its width can have
lost. A map as sharp as the picture stays as it is.
"""

from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.resample import resize_depth
from vergence.geometry.rows import by_rows
from vergence.types import Sampling

F = np.float32
HALF = F(0.5)

RAMP = 5  # samples a network's edge is wide, about
WIDE = 11  # samples of the window that shows whether the range still grows
ABOUT = 4  # samples to either side, every second of which has a part in the colour of a surface
SLOPE, EDGE = 0.55, 0.85  # range(RAMP) / range(WIDE): an even slope has 0.4, an edge 1
SHARP = 1.4  # samples an edge is wide at most in a map that nothing has blurred
SOFT = 3.0  # samples it is wide at least in a map that has more samples than detail
THIN = 7  # samples; wider things keep their height
BLUR = 0.32  # standard deviation of the blur that is undone, as a share of the width of edges; all of it is 0.4
STEPS = 6
SMALL = 3  # samples; what is as wide has lost next to nothing
LOSS = F(9)  # of a thing all of which an opening takes; half of it goes where a line of one sample was blurred
EDGE_WINDOW = 9  # samples in which an edge is looked for
SPARSE = 4  # rows of which one is looked at to see how wide edges are
LEAST = F(0.75)  # px of disparity across an edge under which nobody sees its ramp
COLOUR_NOISE = F(40.0**2 * 3)  # squared 8-bit distance at which the sides' colours differ plainly
COLOUR_SAY = F(0.4)  # weight of the colour against the shape where the sides' colours differ plainly


def refine(disparity: NDArray[np.float32], rgb: NDArray[Any], *, sampling: Sampling) -> NDArray[np.float32]:
    """Bring a (h, w) disparity map, px of `rgb`'s width, to the size of `rgb` (H, W, 3) and sharpen its edges.

    Returns (H, W) float32 px.
    """
    height, width = rgb.shape[:2]
    ramp = _edge_width(disparity)
    if ramp < SHARP and disparity.shape == (height, width):
        return disparity
    if ramp > SOFT:
        disparity, sampling = _without_excess(disparity, sampling, ramp), "centres"
        ramp = _edge_width(disparity)
    if ramp >= SHARP:
        disparity = _raised(disparity, BLUR * min(ramp, SOFT))
    out = resize_depth(disparity, width, height, sampling=sampling)
    low, high, edge = _two_sides(disparity)
    if not edge.any():
        return out
    sides = np.stack([disparity, low, high, edge], axis=-1)
    x, y = _positions(width, disparity.shape[1], sampling), _positions(height, disparity.shape[0], sampling)
    to_8_bit = F(255 / np.iinfo(rgb.dtype).max)
    colours = _side_colours(sides, rgb, to_8_bit, _nearest(x, disparity.shape[1]), _nearest(y, disparity.shape[0]))
    cells = np.searchsorted(np.minimum(x.astype(np.int64), disparity.shape[1] - 2), np.arange(disparity.shape[1]))
    by_rows(_refine_rows, height, sides, colours, rgb, to_8_bit, x, y, cells, out)
    return np.asarray(cv2.medianBlur(out, 3), dtype=np.float32)  # single pixels on the wrong side would fly alone


def _edge_width(disparity: NDArray[np.float32]) -> float:
    """How many samples wide its edges are along rows: the range across one over its steepest step; 0 without edges."""
    rows = np.ascontiguousarray(disparity[::SPARSE])
    near, wide = (_range_along(rows, size) for size in (EDGE_WINDOW, 2 * EDGE_WINDOW - 1))
    steps = np.abs(np.diff(rows, axis=1, prepend=rows[:, :1]))
    steepest = np.asarray(cv2.dilate(steps, np.ones((1, EDGE_WINDOW), np.uint8)), dtype=np.float32)
    is_edge = (near > 2 * LEAST) & (near > EDGE * wide)
    return float(near[is_edge].sum() / steepest[is_edge].sum()) if is_edge.any() else 0.0


def _range_along(rows: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    kernel = np.ones((1, size), np.uint8)
    return np.asarray(cv2.dilate(rows, kernel) - cv2.erode(rows, kernel), dtype=np.float32)


def _without_excess(disparity: NDArray[np.float32], sampling: Sampling, ramp: float) -> NDArray[np.float32]:
    """Shrink a blurred map until its edges are two samples wide or so, as those of networks are."""
    height, width = disparity.shape
    shrunk_width, shrunk_height = (max(round(2 * size / ramp), 2) for size in (width, height))
    if sampling == "corners":
        disparity = resize_depth(disparity, width, height, sampling=sampling)
    return np.asarray(cv2.resize(disparity, (shrunk_width, shrunk_height), interpolation=cv2.INTER_LINEAR), np.float32)


def _raised(disparity: NDArray[np.float32], blur: float) -> NDArray[np.float32]:
    """Give thin things back the height that a Gaussian blur of `blur` samples took."""
    base = _dilate(_erode(disparity, THIN), THIN)
    stands_out = disparity - base
    if stands_out.max() <= LEAST:
        return disparity
    out = stands_out

    def blurred(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), blur), dtype=F)

    for _ in range(STEPS):
        out = out * blurred(np.divide(stands_out, np.maximum(blurred(out), F(1e-3)), dtype=F))
    return np.asarray(base + np.minimum(out, _highest(stands_out)), dtype=F)


def _highest(stands_out: NDArray[np.float32]) -> NDArray[np.float32]:
    """How high a thing may have been: the less of it outlasts an opening, the thinner it was and the more it lost."""
    top = _dilate(stands_out, SMALL)
    lasting = _dilate(_dilate(_erode(stands_out, SMALL), SMALL), SMALL)
    lost = 1 - np.minimum(lasting / np.maximum(top, F(1e-3)), 1)
    return np.asarray(top * (1 + LOSS * lost**4), dtype=F)


def _two_sides(disparity: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """The far and the near surface about each sample (h, w), and how surely an edge runs between them (0..1)."""
    low, high = _erode(disparity, RAMP), _dilate(disparity, RAMP)
    wide = _dilate(disparity, WIDE) - _erode(disparity, WIDE)
    share = (high - low) / np.maximum(wide, F(1e-6))
    edge = np.clip((share - SLOPE) / (EDGE - SLOPE), 0, 1) * (high - low > LEAST)
    return low, high, edge.astype(np.float32)


def _side_colours(
    sides: NDArray[np.float32],
    rgb: NDArray[Any],
    to_8_bit: np.float32,
    columns: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Mean 8-bit colour of the far (h, w, :3) and of the near (h, w, 3:) samples about each one beside an edge."""
    wanted = _dilate(sides[..., 3], 3)
    out = np.empty((*sides.shape[:2], 6), np.float32)
    by_rows(_colours_rows, sides.shape[0], sides, wanted, rgb, to_8_bit, columns, rows, out)
    return out


def _dilate(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    return np.asarray(cv2.dilate(values, np.ones((size, size), np.uint8)), dtype=np.float32)


def _erode(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    return np.asarray(cv2.erode(values, np.ones((size, size), np.uint8)), dtype=np.float32)


def _positions(size: int, samples: int, sampling: Sampling) -> NDArray[np.float32]:
    """Where each of `size` pixels lies among `samples`, in samples from the first one's place."""
    index = np.arange(size, dtype=np.float64)
    if sampling == "corners":
        place = index * ((samples - 1) / max(size - 1, 1))
    else:
        place = (index + 0.5) * (samples / size) - 0.5
    return np.clip(place, 0, samples - 1).astype(np.float32)


def _nearest(place: NDArray[np.float32], samples: int) -> NDArray[np.int64]:
    """The pixel that lies nearest to each of `samples`, of pixels that lie at `place` among them."""
    return np.minimum(np.searchsorted(place, np.arange(samples, dtype=np.float32)), len(place) - 1)


@njit(nogil=True, cache=True, fastmath=True)
def _colours_rows(first, last, sides, wanted, rgb, to_8_bit, columns, rows, out):  # type: ignore[no-untyped-def]
    h, w = wanted.shape
    for y in range(first, last):
        for x in range(w):
            if wanted[y, x] <= F(0):
                continue
            count = near_count = F(0)
            red = green = blue = near_red = near_green = near_blue = F(0)
            for j in range(max(y - ABOUT, 0), min(y + ABOUT + 1, h), 2):
                row = rows[j]
                for i in range(max(x - ABOUT, 0), min(x + ABOUT + 1, w), 2):
                    column = columns[i]
                    is_near = F(sides[j, i, 0] + sides[j, i, 0] >= sides[j, i, 1] + sides[j, i, 2])
                    r, g, b = F(rgb[row, column, 0]), F(rgb[row, column, 1]), F(rgb[row, column, 2])
                    count += F(1)
                    red, green, blue = red + r, green + g, blue + b
                    near_count += is_near
                    near_red += is_near * r
                    near_green += is_near * g
                    near_blue += is_near * b
            own, means = rgb[rows[y], columns[x]], out[y, x]
            far_count = count - near_count
            _mean(red - near_red, green - near_green, blue - near_blue, far_count, own, to_8_bit, means[:3])
            _mean(near_red, near_green, near_blue, near_count, own, to_8_bit, means[3:])


@njit(nogil=True, cache=True, fastmath=True)
def _mean(red, green, blue, count, own, to_8_bit, out):  # type: ignore[no-untyped-def]
    if count > F(0):
        share = to_8_bit / count
        out[0], out[1], out[2] = red * share, green * share, blue * share
    else:
        out[0], out[1], out[2] = own[0] * to_8_bit, own[1] * to_8_bit, own[2] * to_8_bit


@njit(nogil=True, cache=True, fastmath=True)
def _refine_rows(first, last, sides, colours, rgb, to_8_bit, x, y, cells, out):  # type: ignore[no-untyped-def]
    h, w = sides.shape[:2]
    line = np.empty((w, 10), np.float32)  # the samples interpolated to this row
    for row in range(first, last):
        top = min(int(y[row]), max(h - 2, 0))
        below = min(top + 1, h - 1)
        f = y[row] - F(top)
        done = -1
        for i in range(w - 1):
            j = i + 1
            if max(sides[top, i, 3], sides[top, j, 3], sides[below, i, 3], sides[below, j, 3]) <= F(0):
                continue
            for sample in range(max(i, done + 1), j + 1):
                for c in range(4):
                    line[sample, c] = sides[top, sample, c] + f * (sides[below, sample, c] - sides[top, sample, c])
                for c in range(6):
                    before, after = colours[top, sample, c], colours[below, sample, c]
                    line[sample, 4 + c] = before + f * (after - before)
            done = j
            for column in range(cells[i], cells[j]):
                g = x[column] - F(i)
                value = line[i, 0] + g * (line[j, 0] - line[i, 0])
                low = line[i, 1] + g * (line[j, 1] - line[i, 1])
                high = line[i, 2] + g * (line[j, 2] - line[i, 2])
                sure = line[i, 3] + g * (line[j, 3] - line[i, 3])
                place = (value - low) / max(high - low, F(1e-6))
                along = apart = F(0)
                for c in range(3):
                    far = line[i, 4 + c] + g * (line[j, 4 + c] - line[i, 4 + c])
                    axis = line[i, 7 + c] + g * (line[j, 7 + c] - line[i, 7 + c]) - far
                    along += (rgb[row, column, c] * to_8_bit - far) * axis
                    apart += axis * axis
                say = COLOUR_SAY * apart / (apart + COLOUR_NOISE)
                colour = min(max(along / max(apart, F(1)), F(0)), F(1))
                toggled = high if (F(1) - say) * place + say * colour >= HALF else low
                out[row, column] = value + sure * (toggled - value)
