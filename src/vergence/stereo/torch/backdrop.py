"""What lies behind, at several scales; see `vergence.stereo.backdrop` for what is computed.

Levels are computed everywhere and then emptied away from holes: pooling a whole picture is cheap here.
"""

# torch types some of its functions not at all.
# mypy: disable-error-code="no-untyped-call"

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from vergence.stereo import backdrop as rules
from vergence.stereo.backdrop import COARSEST, LEVELS, NEARBY
from vergence.stereo.torch.fuse import Fuse, as_is
from vergence.stereo.torch.holes import SAME_SURFACE
from vergence.stereo.torch.texels import colours
from vergence.stereo.torch.warp import HALF, HOLE, Warped

NOTHING, SPREAD, SHAPE = float(rules.NOTHING), float(rules.SPREAD), float(rules.SHAPE)

Cells = tuple[Tensor, Tensor, Tensor]  # (..., 3) mean colour, (...) share of the cell it covers, (...) disparity in px


def backdrop(view: Warped, *, fuse: Fuse = as_is) -> tuple[Tensor, ...]:
    """Return the levels of `view` about its holes, finest first, each (E, h, w, 5); elsewhere cells are empty."""
    return fuse(_levels)(view.texels, view.disparity)


def _levels(texels: Tensor, near: Tensor) -> tuple[Tensor, ...]:
    _, height, width = near.shape
    to_block = (0, -width % COARSEST, 0, -height % COARSEST)
    is_hole = pad(near == HOLE, to_block)
    has_hole = is_hole.unflatten(1, (-1, COARSEST)).any(2).unflatten(2, (-1, COARSEST)).any(3)
    wanted = max_pool2d(has_hole.float(), 2 * NEARBY + 1, stride=1, padding=NEARBY)
    wanted = wanted.repeat_interleave(COARSEST // 2, 1).repeat_interleave(COARSEST // 2, 2)

    near, texels = pad(near, to_block, value=HOLE), pad(texels, to_block)
    pixels = [(colours(texels[:, j::2, i::2]), near[:, j::2, i::2]) for j in range(2) for i in range(2)]
    colour, share, disparity = _merged([(colour, (seen > HOLE).float(), seen) for colour, seen in pixels])
    levels = [torch.cat([colour, (share * wanted)[..., None], disparity[..., None]], -1)]
    for _ in range(LEVELS - 1):
        cells = [levels[-1][:, j::2, i::2] for j in range(2) for i in range(2)]
        colour, share, disparity = _merged([(cell[..., :3], cell[..., 3], cell[..., 4]) for cell in cells])
        levels.append(torch.cat([colour, share[..., None], disparity[..., None]], -1))
    return tuple(levels)


def _merged(quarters: list[Cells]) -> Cells:
    """Cells of twice the size, of the farthest surface among each one's four quarters."""
    farthest = quarters[0][2].new_full((), torch.inf)
    for _, share, disparity in quarters:
        farthest = torch.minimum(farthest, torch.where(share > 0, disparity, torch.inf))
    farthest = farthest + SAME_SURFACE
    count = colour = total = torch.zeros((), device=farthest.device)
    for part, share, disparity in quarters:
        weight = torch.where(disparity <= farthest, share, 0)
        count = count + weight
        colour = colour + part * weight[..., None]
        total = total + disparity * weight
    inverse = torch.where(count > 0, 1 / count, 0)
    return colour * inverse[..., None], count * 0.25, total * inverse


def mean_about(
    view: Warped, levels: tuple[Tensor, ...], pixel: Tensor, *, sigma: Tensor, window: int, surface: Tensor
) -> tuple[Tensor, Tensor]:
    """The mean colour (n, 3) of `surface` about each pixel, weighted over some `sigma` px, and whether any was found.

    Args:
        view: the picture, and the disparity that tells surfaces apart.
        levels: its backdrop.
        pixel: (n,) index into the flat (E, H, W).
        sigma: (n,) px.
        window: cells to either side that are asked. A level that has nothing of the surface gives way to the next
            coarser one.
        surface: (n,) px.
    """
    todo = ((sigma / SPREAD).log2() + HALF).floor().clamp(0, LEVELS)
    mean = torch.zeros((*pixel.shape, 3), device=pixel.device)
    is_found = torch.zeros_like(pixel, dtype=torch.bool)
    for level in range(LEVELS + 1):
        chosen = (todo == level).nonzero().squeeze(1)
        if chosen.numel() == 0:
            continue
        total, weight = _summed(view, levels, level, pixel[chosen], sigma[chosen], window, surface[chosen])
        has_some = weight > NOTHING
        mean[chosen] = torch.where(has_some[:, None], total / weight[:, None], 0)
        is_found[chosen] = has_some
        todo[chosen] = torch.where(has_some, -1.0, level + 1.0)
    return mean, is_found


def _summed(
    view: Warped, levels: tuple[Tensor, ...], level: int, pixel: Tensor, sigma: Tensor, window: int, surface: Tensor
) -> tuple[Tensor, Tensor]:
    """The weighted colours of `surface` in one level's cells about each pixel (n, 3), and their weight (n,)."""
    cells = view.disparity if level == 0 else levels[level - 1]
    height, width = cells.shape[1:3]
    size = 1 << level
    rows, columns = view.disparity.shape[1:]
    eye, y, x = pixel // (rows * columns), pixel // columns % rows, pixel % columns
    beside = torch.arange(-window, window + 1, device=pixel.device)
    centre_x, centre_y = (x + HALF) / size - HALF, (y + HALF) / size - HALF  # in cells
    i, j = (centre_x + HALF).floor().long()[:, None] + beside, (centre_y + HALF).floor().long()[:, None] + beside
    dx, dy = i - centre_x[:, None], j - centre_y[:, None]
    distance = (dy * dy)[:, :, None] + (dx * dx)[:, None, :]  # squared, cells
    is_inside = ((j >= 0) & (j < height))[:, :, None] & ((i >= 0) & (i < width))[:, None, :]
    index = (eye[:, None] * height + j.clamp(0, height - 1))[:, :, None] * width + i.clamp(0, width - 1)[:, None, :]
    if level == 0:
        colour, disparity = colours(view.texels.view(-1)[index]), cells.view(-1)[index]
    else:
        found = cells.view(-1, 5)[index]
        colour, disparity = found[..., :3], found[..., 4]
    tolerance = SAME_SURFACE * (1 + HALF * level)
    weight = 1 / (1 + (SHAPE * size * size / (sigma * sigma))[:, None, None] * distance)
    weight = torch.where(is_inside & ((disparity - surface[:, None, None]).abs() <= tolerance), weight * weight, 0)
    if level > 0:
        weight = weight * found[..., 3]
    return (weight[..., None] * colour).sum((1, 2)), weight.sum((1, 2))
