"""Holes filled from what lies behind; see `vergence.stereo.fill` for what is computed. Works on a list of the holes."""

# torch types some of its functions not at all.
# mypy: disable-error-code="no-untyped-call"

import torch
from torch import Tensor

from vergence.stereo import fill as rules
from vergence.stereo.fill import WINDOW
from vergence.stereo.torch.backdrop import backdrop, mean_about
from vergence.stereo.torch.fuse import Fuse, as_is
from vergence.stereo.torch.holes import Runs, find_runs
from vergence.stereo.torch.texels import colours, rounded
from vergence.stereo.torch.warp import Warped

SIGMA, GROWTH, WIDEST, DETAIL = (float(v) for v in (rules.SIGMA, rules.GROWTH, rules.WIDEST, rules.DETAIL))
TOGETHER = 2**19  # pixels of a list that are computed at once: their windows take 0.4 GB


def fill(view: Warped, *, fuse: Fuse = as_is) -> Warped:
    """Fill the holes of `view`, which is taken over: the texels that were holes are written, its disparity is not."""
    runs = find_runs(view)
    if runs.pixels == 0:
        return view
    levels = backdrop(view, fuse=fuse)
    length = runs.end - runs.first
    run = torch.repeat_interleave(length, output_size=runs.pixels)
    begun = (length.cumsum(0) - length)[run]
    column = runs.first[run] + torch.arange(runs.pixels, device=run.device) - begun
    width = view.disparity.shape[-1]
    filled = [
        _filled(view, levels, runs, r, k) for r, k in zip(run.split(TOGETHER), column.split(TOGETHER), strict=True)
    ]
    view.texels.view(-1)[runs.row[run] * width + column] = torch.cat(filled)
    return view


def _filled(view: Warped, levels: tuple[Tensor, ...], runs: Runs, run: Tensor, column: Tensor) -> Tensor:
    """The (n,) texels for hole pixels, each at a `column` of a `run`."""
    width = view.disparity.shape[-1]
    first, end, row, surface = runs.first[run], runs.end[run], runs.row[run] * width, runs.surface[run]
    left, right = runs.ends[:, run]
    reach_left, reach_right = runs.reaches[:, run]
    deep_left = torch.where(left >= 0, column - left - 1, width)
    deep_right = torch.where(right >= 0, right - 1 - column, width)
    deep = torch.minimum(deep_left, deep_right)
    has_twin = deep < width
    twin = torch.where(
        deep_left <= deep_right,
        left - _mirrored(deep_left, reach_left),
        right + _mirrored(deep_right, reach_right),
    )
    near, texels = view.disparity.view(-1), view.texels.view(-1)
    before, after = (first - 1).clamp(min=0), end.clamp(max=width - 1)
    is_before_farther = (end == width) | ((first > 0) & (near[row + before] < near[row + after]))
    source = row + torch.where(has_twin, twin, torch.where(is_before_farther, before, after))  # a pixel that is seen
    nearby = colours(texels[source])

    sigma = (SIGMA + GROWTH * deep).clamp(max=WIDEST)
    mean, has_mean = mean_about(view, levels, row + column, sigma=sigma, window=WINDOW, surface=surface)
    about, has_about = mean_about(view, levels, source, sigma=sigma, window=1, surface=near[source])
    has_detail = has_twin & has_about
    value = mean + torch.where(has_detail[:, None], DETAIL * (nearby - about), 0)
    value = torch.where(has_mean[:, None], value, nearby)
    is_row = end - first == width
    return rounded(torch.where(is_row[:, None], 0, value), texels.dtype)


def _mirrored(offset: Tensor, reach: Tensor) -> Tensor:
    """Walk 0, 1, ... reach - 1, reach - 1, ... 1, 0, 0, 1, ..."""
    phase = offset % (2 * reach)
    return torch.where(phase < reach, phase, 2 * reach - 1 - phase)
