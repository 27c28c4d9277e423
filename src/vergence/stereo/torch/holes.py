"""Holes as runs along rows: where each lies, what lies behind it, and where that goes on to either side."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from vergence.stereo import backdrop as backdrop_rules
from vergence.stereo.fill import SEARCH
from vergence.stereo.torch.warp import HOLE, Warped

SAME_SURFACE = float(backdrop_rules.SAME_SURFACE)
STRIDE = 64  # px looked at in one go: most walks end within


@dataclass(frozen=True)
class Runs:
    """R runs of hole pixels, in the order of rows.

    Attributes:
        row: (R,) int64, e * H + y.
        first, end: (R,) columns, the end lies just behind the run.
        surface: (R,) px of what it opens on; means nothing where the run is the whole row.
        ends: (2, R) column of the surface's nearest pixel to the left and to the right, -1 where there is none.
        reaches: (2, R) pixels that the surface goes on from there.
        pixels: of all runs together.
    """

    row: Tensor
    first: Tensor
    end: Tensor
    surface: Tensor
    ends: Tensor
    reaches: Tensor
    pixels: int


def find_runs(view: Warped) -> Runs:
    """Find the runs of holes in `view`, and the surface behind each."""
    width = view.disparity.shape[-1]
    near = view.disparity.flatten(0, 1)  # (E * H, W)
    is_hole = pad(near == HOLE, (1, 1))
    flips = (is_hole[:, 1:] != is_hole[:, :-1]).flatten().nonzero().squeeze(1)  # start, end, start, end, ...
    row, first, end = flips[0::2] // (width + 1), flips[0::2] % (width + 1), flips[1::2] % (width + 1)

    has_left, has_right = first > 0, end < width
    left, right = (first - 1).clamp(min=0), end.clamp(max=width - 1)
    sides = torch.where(torch.stack([has_left, has_right]), near[row, torch.stack([left, right])], torch.inf)
    column = view.column.flatten(0, 1)
    begin = torch.where(has_left & has_right, column[row, left] + 1, 0)
    hidden = torch.where(has_left & has_right, column[row, right] - begin, 0).clamp(min=0)
    most = end - first + SEARCH
    figures = torch.stack([(end - first).sum(), *(v.max() if v.numel() else v.sum() for v in (hidden, most))])
    pixels, longest_hidden, longest = figures.tolist()

    source_row = row % view.source.shape[0]
    surface = _farthest(view.source, source_row, begin, hidden, longest_hidden, sides.amin(0))
    ends, reaches = _around(near, row, torch.stack([first - 1, end]), surface, most, longest)
    return Runs(row, first, end, surface, ends, reaches, int(pixels))


def _farthest(source: Tensor, row: Tensor, begin: Tensor, count: Tensor, longest: int, farthest: Tensor) -> Tensor:
    """(R,) the lowest disparity of the `count` source pixels from `begin` on, or `farthest` where that is lower."""
    one_way = torch.ones((1, 1), dtype=torch.int64, device=source.device)
    for n, values in _ahead(source, row, begin[None], one_way, longest):
        is_one = (n < count[:, None]) & (values > HOLE)  # not so beyond the row, where values are NaN
        farthest = torch.minimum(farthest, torch.where(is_one, values, torch.inf).amin((0, 2)))
    return farthest


def _around(
    near: Tensor, row: Tensor, start: Tensor, surface: Tensor, most: Tensor, longest: int
) -> tuple[Tensor, Tensor]:
    """The surface's nearest pixels (2, R) outwards from `start`, at most `most` away, and how far it goes on."""
    outwards = torch.arange(-1, 2, 2, device=near.device)[:, None]
    steps = most.expand_as(start)
    for n, values in _ahead(near, row, start, outwards, longest):
        is_it = (values - surface[:, None]).abs() <= SAME_SURFACE
        steps = torch.minimum(steps, torch.where(is_it, n, most[:, None]).amin(-1))
    ends = torch.where(steps < most, start + outwards * steps, -1)

    reaches = most.expand_as(start)
    own = near[row, ends.clamp(min=0)][..., None]
    for n, values in _ahead(near, row, ends.clamp(min=0), outwards, longest):
        is_other = ~((values - own).abs() <= SAME_SURFACE)
        reaches = torch.minimum(reaches, torch.where(is_other, n, most[:, None]).amin(-1))
    return ends, reaches


def _ahead(values: Tensor, row: Tensor, start: Tensor, step: Tensor, longest: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Walk along rows: how many steps were made (STRIDE,), and the (S, R, STRIDE) values there, NaN beyond the row."""
    width = values.shape[1]
    for begun in range(0, longest, STRIDE):
        n = torch.arange(begun, begun + STRIDE, device=values.device)
        x = start[..., None] + step[..., None] * n
        seen = values[row[:, None], x.clamp(0, width - 1)]
        yield n, torch.where((x >= 0) & (x < width), seen, torch.nan)
