"""Holes as runs along rows: where each lies, what lies behind it, and where that goes on to either side."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from vergence.stereo import backdrop as backdrop_rules
from vergence.stereo.fill import SEARCH
from vergence.stereo.torch.warp import HOLE, Warped, as_kept

SAME_SURFACE = float(backdrop_rules.SAME_SURFACE)
STRIDE = 64  # px looked at in one go: most walks end within


@dataclass(frozen=True)
class Runs:
    """R runs of hole pixels, in the order of rows.

    Attributes:
        row: (R,) int64, e * H + y.
        first, end: (R,) columns, the end lies just behind the run.
        surface: (R,) px of what it opens on, infinite where the run is the whole row.
        texel: (R,) a colour of that, black where the run is the whole row.
        ends: (2, R) column of the surface's nearest pixel to the left and to the right, -1 where there is none.
        reaches: (2, R) pixels that the surface goes on from there.
        pixels: of all runs together.
    """

    row: Tensor
    first: Tensor
    end: Tensor
    surface: Tensor
    texel: Tensor
    ends: Tensor
    reaches: Tensor
    pixels: int


def find_runs(view: Warped) -> Runs:
    """Find the runs of holes in `view`, and the surface behind each."""
    near = view.disparity.flatten(0, 1)  # (E * H, W)
    row, first, end = _spans(near)
    most = end - first + SEARCH
    if view.behind is None:
        begin, hidden = _hidden(view, row, first, end)
        pixels, longest, longest_hidden = _longest(end - first, most, hidden)
        surface, texel = _opened(view, row, first, end, begin, hidden, longest_hidden)
    else:
        pixels, longest = _longest(end - first, most)
        surface, texel = view.behind.flatten(0, 1)[row, first], view.texels.flatten(0, 1)[row, first]
    ends, reaches = _around(near, row, torch.stack([first - 1, end]), surface, most, longest)
    return Runs(row, first, end, surface, texel, ends, reaches, pixels)


def look_behind(view: Warped) -> Tensor:
    """Write into each hole of `view` a colour of the surface that it opens on, and return (E, H, W) px of that surface,
    which means nothing elsewhere."""
    row, first, end = _spans(view.disparity.flatten(0, 1))
    begin, hidden = _hidden(view, row, first, end)
    pixels, longest = _longest(end - first, hidden)
    surface, texel = _opened(view, row, first, end, begin, hidden, longest)
    run, column = each_pixel(first, end, pixels)
    pixel = row[run] * view.disparity.shape[-1] + column
    behind = torch.zeros_like(view.disparity)
    behind.view(-1)[pixel], view.texels.view(-1)[pixel] = surface[run], texel[run]
    return behind


def each_pixel(first: Tensor, end: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """Of the `pixels` in runs from `first` to `end` (R,), in their order: (pixels,) number of the run, and column."""
    length = end - first
    run = torch.repeat_interleave(length, output_size=pixels)
    begun = (length.cumsum(0) - length)[run]
    return run, first[run] + torch.arange(pixels, device=run.device) - begun


def _spans(near: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Row, first column and end (R,) of the runs of holes in the rows (N, W)."""
    step = near.shape[1] + 1
    is_hole = pad(near == HOLE, (1, 1))
    flips = (is_hole[:, 1:] != is_hole[:, :-1]).flatten().nonzero().squeeze(1)  # start, end, start, end, ...
    return flips[0::2] // step, flips[0::2] % step, flips[1::2] % step


def _longest(length: Tensor, *counts: Tensor) -> list[int]:
    """The sum of `length`, and the largest of each of `counts`, all (R,): the host waits for them once."""
    largest = (v.max() if v.numel() else v.sum() for v in counts)
    return [int(v) for v in torch.stack([length.sum(), *largest]).tolist()]


def _hidden(view: Warped, row: Tensor, first: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Where (R,) in the source's row that begins which a run hides, and how many pixels that are."""
    width = view.disparity.shape[-1]
    column = view.column.flatten(0, 1)
    is_between = (first > 0) & (end < width)
    begin = torch.where(is_between, column[row, (first - 1).clamp(min=0)] + 1, 0)
    after = column[row, end.clamp(max=width - 1)]
    return begin, torch.where(is_between, after - begin, 0).clamp(min=0)


def _opened(
    view: Warped, row: Tensor, first: Tensor, end: Tensor, begin: Tensor, hidden: Tensor, longest: int
) -> tuple[Tensor, Tensor]:
    """The farthest surface beside each run and among what it hides: (R,) px, and its (R,) texel.

    Where several lie as far it is that of the run's right end, then of its left one, then of the first between.
    """
    near, column = view.disparity.flatten(0, 1), view.column.flatten(0, 1)
    height, width = view.scene.shape
    has_side = torch.stack([end < width, first > 0])
    side = torch.stack([end.clamp(max=width - 1), (first - 1).clamp(min=0)])
    farthest, which = torch.where(has_side, near[row, side], torch.inf).min(0)
    place = column[row, side].gather(0, which[None]).squeeze(0)

    one_way = torch.ones((1, 1), dtype=torch.int64, device=row.device)
    for n, values in _ahead(view.scene, row % height, begin[None], one_way, longest):
        is_one = (n < hidden[:, None]) & (values > HOLE)  # not so beyond the row, where values are NaN
        lowest, at = torch.where(is_one, as_kept(values), torch.inf).squeeze(0).min(-1)
        place = torch.where(lowest < farthest, begin + n[at], place)
        farthest = torch.minimum(farthest, lowest)
    return farthest, torch.where(has_side.any(0), view.picture[row % height, place], 0)


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
