"""Holes filled from what lies behind; see `vergence.stereo.fill` for what is computed. Works on a list of the holes."""

# torch types some of its functions not at all.
# mypy: disable-error-code="no-untyped-call"

from typing import NamedTuple

import torch
from torch import Tensor

from vergence.stereo import fill as rules
from vergence.stereo.fill import COLUMN, WINDOW
from vergence.stereo.torch.backdrop import backdrop, mean_about
from vergence.stereo.torch.fuse import Fuse, as_is
from vergence.stereo.torch.holes import SAME_SURFACE, Runs, each_pixel, find_runs
from vergence.stereo.torch.texels import colours, rounded
from vergence.stereo.torch.warp import Warped

SIGMA, GROWTH, WIDEST, DETAIL = (float(v) for v in (rules.SIGMA, rules.GROWTH, rules.WIDEST, rules.DETAIL))
TOGETHER = 2**19  # pixels of a list that are computed at once: their windows take 0.4 GB


def fill(view: Warped, *, is_quick: bool = False, fuse: Fuse = as_is) -> Warped:
    """Fill the holes of `view`, which is taken over: the texels that were holes are written, its disparity is not.

    Quick is as in `vergence.stereo.fill.fill`.
    """
    runs = find_runs(view)
    if runs.pixels == 0:
        return view
    levels = () if is_quick else backdrop(view, fuse=fuse)
    run, column = each_pixel(runs.first, runs.end, runs.pixels)
    width = view.disparity.shape[-1]
    filled = []
    for r, k in zip(run.split(TOGETHER), column.split(TOGETHER), strict=True):
        twins = _twins(view, runs, r, k)
        surface, pixel = runs.surface[r], runs.row[r] * width + k
        value = _mirror(view, twins) if is_quick else _textured(view, levels, twins, pixel, surface)
        filled.append(rounded(value, view.texels.dtype))
    view.texels.view(-1)[runs.row[run] * width + column] = torch.cat(filled)
    return view


class Twins(NamedTuple):
    """What n hole pixels mirror, each at the nearer end of its run.

    Attributes:
        source: (n,) index into the flat (E, H, W) of the twin, or of the pixel itself where it has none.
        colour: (n, 3) of the twin, or of what the run opens on where that is all that is known.
        deep: (n,) px from that end.
        is_twin: (n,) whether there is one.
    """

    source: Tensor
    colour: Tensor
    deep: Tensor
    is_twin: Tensor


def _twins(view: Warped, runs: Runs, run: Tensor, column: Tensor) -> Twins:
    """The twins of hole pixels, each at a `column` of a `run`."""
    width = view.disparity.shape[-1]
    row = runs.row[run] * width
    left, right = runs.ends[:, run]
    reach_left, reach_right = runs.reaches[:, run]
    deep_left = torch.where(left >= 0, column - left - 1, width)
    deep_right = torch.where(right >= 0, right - 1 - column, width)
    deep = torch.minimum(deep_left, deep_right)
    is_twin = deep < width
    twin = torch.where(
        deep_left <= deep_right,
        left - _mirrored(deep_left, reach_left),
        right + _mirrored(deep_right, reach_right),
    )
    source = row + torch.where(is_twin, twin, column)
    texel = torch.where(is_twin, view.texels.view(-1)[source], runs.texel[run])
    return Twins(source, colours(texel), deep, is_twin)


def _textured(view: Warped, levels: tuple[Tensor, ...], twins: Twins, pixel: Tensor, surface: Tensor) -> Tensor:
    """The (n, 3) colours of hole pixels: the mean of the surface behind, and on top the detail of the twins."""
    source = twins.source
    sigma = (SIGMA + GROWTH * twins.deep).clamp(max=WIDEST)
    mean, has_mean = mean_about(view, levels, pixel, sigma=sigma, window=WINDOW, surface=surface)
    about, has_about = mean_about(view, levels, source, sigma=sigma, window=0, surface=view.disparity.view(-1)[source])
    has_detail = twins.is_twin & has_about
    value = mean + torch.where(has_detail[:, None], DETAIL * (twins.colour - about), 0)
    return torch.where(has_mean[:, None], value, twins.colour)


def _mirror(view: Warped, twins: Twins) -> Tensor:
    """The (n, 3) colours of hole pixels: those of the twins, each the mean of its surface in the column about it."""
    _, height, width = view.disparity.shape
    near = view.disparity.view(-1)
    source = twins.source[:, None]
    beside = torch.arange(-COLUMN, COLUMN + 1, device=source.device)
    y = source // width % height + beside
    index = torch.where((y >= 0) & (y < height), source + beside * width, source)
    is_same = (y >= 0) & (y < height) & ((near[index] - near[source]).abs() <= SAME_SURFACE)
    total = (colours(view.texels.view(-1)[index]) * is_same[..., None]).sum(1)
    return torch.where(twins.is_twin[:, None], total / is_same.sum(1, keepdim=True), twins.colour)


def _mirrored(offset: Tensor, reach: Tensor) -> Tensor:
    """Walk 0, 1, ... reach - 1, reach - 1, ... 1, 0, 0, 1, ..."""
    phase = offset % (2 * reach)
    return torch.where(phase < reach, phase, 2 * reach - 1 - phase)
