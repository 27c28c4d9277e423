"""Pictures of Gaussians and points, drawn by the processor: tiles of 16 x 16 px, each from the nearest to the farthest.

A pixel takes from each footprint its colour times its alpha times the light that all nearer ones let through, until
next to none is left (Kerbl et al., "3D Gaussian Splatting", 2023, with its limits of alpha).
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows
from vergence.splats.project import (
    BLUE,
    GREEN,
    LIMIT,
    OPACITY,
    REACH_X,
    REACH_Y,
    RED,
    A,
    B,
    C,
    F,
    U,
    V,
    View,
    discs,
    footprints,
)
from vergence.types import Gaussians

TILE = 16  # px
DENSEST = F(0.99)  # no Gaussian lets less than a hundredth of the light through
DARK = F(1e-4)  # of the light; where less is left, what lies behind is not drawn
MOST_ENTRIES = 100_000_000  # of the lists of tiles at once: 400 MB; more are drawn strip by strip
HANDS = 16  # the tiles are dealt to so many, so that each core gets full and empty ones
HALF = F(0.5)
BATCH = 128  # footprints after which it is looked whether a tile is full


@dataclass(frozen=True)
class Drawn:
    """A picture.

    Attributes:
        rgb: (H, W, 3) float32 sRGB, 0..1, laid on the background.
        alpha: (H, W) float32, 0..1: how much of the background is covered.
    """

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32]

    @property
    def rgb8(self) -> NDArray[np.uint8]:
        """(H, W, 3) in 8 bits."""
        return np.asarray(np.clip(np.rint(self.rgb * F(255)), 0, 255), np.uint8)


def draw_gaussians(gaussians: Gaussians, view: View, *, background: tuple[float, float, float] = (0, 0, 0)) -> Drawn:
    """Draw what `view` sees of Gaussians, on a background of sRGB 0..1."""
    return _draw(footprints(gaussians, view), view, background, is_disc=False)


def draw_points(
    points: NDArray[np.float32],
    rgb: NDArray[np.uint8],
    view: View,
    *,
    radius: float = 1.0,
    background: tuple[float, float, float] = (0, 0, 0),
) -> Drawn:
    """Draw (N, 3) points of (N, 3) colours as discs of `radius` px, on a background of sRGB 0..1."""
    return _draw(discs(points, rgb, view, radius=radius), view, background, is_disc=True)


def _draw(found: NDArray[np.float32], view: View, background: tuple[float, float, float], *, is_disc: bool) -> Drawn:
    width, height = view.intrinsics.width, view.intrinsics.height
    columns, rows = -(-width // TILE), -(-height // TILE)
    boxes = np.empty((len(found), 4), np.int32)
    by_rows(_boxes, len(found), found, columns, rows, boxes)
    counts = np.zeros(rows * columns, np.int64)
    _count(boxes, columns, counts)
    rgb, light = np.empty((height, width, 3), np.float32), np.empty((height, width), np.float32)
    for first, last in _strips(counts.reshape(rows, columns).sum(axis=1)):
        inside = counts[first * columns : last * columns]
        starts = np.concatenate([[0], np.cumsum(inside)])
        members = np.empty(starts[-1], np.int32)
        _list(boxes, columns, first, last, starts[:-1].copy(), members)
        # Dealt out by how full they are; a band of `by_rows` then holds its share of each kind.
        fullest = np.argsort(inside, kind="stable")
        tiles = np.concatenate([fullest[hand::HANDS] for hand in range(HANDS)])
        by_rows(_draw_tiles, len(tiles), tiles, first, columns, starts, members, found, is_disc, rgb, light)
    rgb += light[..., None] * np.asarray(background, np.float32)
    return Drawn(rgb, 1 - light)


def _strips(entries: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut rows of tiles into strips, each of one row or of at most `MOST_ENTRIES` entries."""
    cuts, held = [0], 0
    for row, count in enumerate(entries.tolist()):
        if held + count > MOST_ENTRIES and row > cuts[-1]:
            cuts.append(row)
            held = 0
        held += count
    return list(itertools.pairwise([*cuts, len(entries)]))


@njit(nogil=True, cache=True)
def _boxes(first, last, found, columns, rows, boxes):  # type: ignore[no-untyped-def]
    """The tiles each footprint touches: columns `boxes[i, 0] <= x < boxes[i, 1]`, rows `[2] <= y < [3]`."""
    for i in range(first, last):
        u, v, reach_x, reach_y = found[i, U], found[i, V], found[i, REACH_X], found[i, REACH_Y]
        boxes[i, 0] = min(max((u - reach_x) / F(TILE), F(0)), F(columns))
        boxes[i, 1] = min(max((u + reach_x) / F(TILE) + F(1), F(0)), F(columns))
        boxes[i, 2] = min(max((v - reach_y) / F(TILE), F(0)), F(rows))
        boxes[i, 3] = min(max((v + reach_y) / F(TILE) + F(1), F(0)), F(rows))


@njit(nogil=True, cache=True)
def _count(boxes, columns, counts):  # type: ignore[no-untyped-def]
    for i in range(boxes.shape[0]):
        for y in range(boxes[i, 2], boxes[i, 3]):
            for x in range(boxes[i, 0], boxes[i, 1]):
                counts[y * columns + x] += 1


@njit(nogil=True, cache=True)
def _list(boxes, columns, first_row, last_row, ends, members):  # type: ignore[no-untyped-def]
    """Write each tile's footprints behind each other; they come nearest first, so every list does too."""
    for i in range(boxes.shape[0]):
        for y in range(max(boxes[i, 2], first_row), min(boxes[i, 3], last_row)):
            for x in range(boxes[i, 0], boxes[i, 1]):
                tile = (y - first_row) * columns + x
                members[ends[tile]] = i
                ends[tile] += 1


@njit(nogil=True, cache=True, fastmath=True)
def _draw_tiles(  # type: ignore[no-untyped-def]
    first, last, tiles, first_row, columns, starts, members, found, is_disc, rgb, light
):
    height, width = light.shape
    # A row of a tile is its light, then its red, green and blue: in one array the compiler sees that they are apart,
    # and draws eight pixels with one instruction. Sixteen then cost less than the few of a small footprint one by one.
    lines = np.empty((TILE, 4 * TILE), np.float32)
    batch = np.empty((BATCH, found.shape[1]), np.float32)
    for t in range(first, last):
        tile = tiles[t]
        left, top = (tile % columns) * TILE, (tile // columns + first_row) * TILE
        lines[:, :TILE] = F(1)
        lines[:, TILE:] = F(0)
        for begin in range(starts[tile], starts[tile + 1], BATCH):
            count = min(BATCH, starts[tile + 1] - begin)
            # They lie far apart: read in one go, the processor waits for many of them at once.
            for k in range(count):
                batch[k] = found[members[begin + k]]
            for k in range(count):
                v, reach = batch[k, V] - HALF - F(top), batch[k, REACH_Y]  # whole numbers are the centres of pixels
                y_from, y_to = max(int(np.ceil(v - reach)), 0), min(int(np.floor(v + reach)) + 1, TILE)
                for y in range(y_from, y_to):
                    if is_disc:
                        _disc_row(batch[k], F(y) - v, F(left), lines[y])
                    else:
                        _gaussian_row(batch[k], F(y) - v, F(left), lines[y])
            if lines[:, :TILE].max() < DARK:
                break
        for y in range(min(TILE, height - top)):
            for x in range(min(TILE, width - left)):
                light[top + y, left + x] = lines[y, x]
                for c in range(3):
                    rgb[top + y, left + x, c] = lines[y, TILE * (c + 1) + x]


@njit(nogil=True, cache=True, fastmath=True)
def _gaussian_row(footprint, dy, left, line):  # type: ignore[no-untyped-def]
    u, limit, opacity = footprint[U] - HALF - left, footprint[LIMIT], footprint[OPACITY]
    a, b, c = footprint[A], F(2) * footprint[B] * dy, footprint[C] * dy * dy
    red, green, blue = footprint[RED], footprint[GREEN], footprint[BLUE]
    for x in range(TILE):
        dx = F(x) - u
        q = (a * dx + b) * dx + c
        # exp(-q / 2) as the 16th power of a series: q is 11.1 at most, and the error 5e-5 of the value.
        s = q * F(-1 / 32)
        power = F(1) + s * (F(1) + s * (F(1 / 2) + s * (F(1 / 6) + s * (F(1 / 24) + s * F(1 / 120)))))
        power *= power
        power *= power
        power *= power
        power *= power
        before = line[x]
        alpha = min(opacity * power, DENSEST)
        weight = (alpha if (q <= limit) & (before >= DARK) else F(0)) * before
        line[TILE + x] += weight * red
        line[2 * TILE + x] += weight * green
        line[3 * TILE + x] += weight * blue
        line[x] = before - weight


@njit(nogil=True, cache=True, fastmath=True)
def _disc_row(footprint, dy, left, line):  # type: ignore[no-untyped-def]
    u, radius = footprint[U] - HALF - left, footprint[OPACITY]
    red, green, blue = footprint[RED], footprint[GREEN], footprint[BLUE]
    for x in range(TILE):
        dx = F(x) - u
        before = line[x]
        weight = min(max(radius + HALF - np.sqrt(dx * dx + dy * dy), F(0)), F(1)) * before
        line[TILE + x] += weight * red
        line[2 * TILE + x] += weight * green
        line[3 * TILE + x] += weight * blue
        line[x] = before - weight
