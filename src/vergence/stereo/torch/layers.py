"""A picture in two layers along its depth edges; see `vergence.stereo.layers` for what is computed.

Works on a list of the pixels about tears. What is in front is kept as such a list too, in the order of rows.
"""

# torch types some of its functions not at all.
# mypy: disable-error-code="no-untyped-call"

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from vergence.stereo import layers as rules
from vergence.stereo.layers import BAND, REACH
from vergence.stereo.torch.fill import TOGETHER
from vergence.stereo.torch.fuse import Fuse, as_is
from vergence.stereo.torch.texels import WHITE, colours, rounded
from vergence.stereo.torch.warp import HALF, HOLE, TEAR, Warped, most_covered

LEAST_CONTRAST, COVERED, OCCLUDES = (float(v) for v in (rules.LEAST_CONTRAST, rules.COVERED, rules.OCCLUDES))


@dataclass(frozen=True)
class Fringe:
    """What is in front at the n pixels that were split, in the order of rows.

    Attributes:
        pixel: (n,) int64 index into the flat (H, W).
        colour: (n, 4) colour times share in the picture's own scale, then the share 0..1, both as exact as a code
            value: there they are kept in the picture's type.
        disparity: (n,) px.
    """

    pixel: Tensor
    colour: Tensor
    disparity: Tensor


@dataclass(frozen=True)
class Layers:
    """A picture split along its depth edges.

    Attributes:
        texels: (H, W), what is behind; elsewhere the picture itself.
        disparity: (H, W) px of it, `HOLE` where it is not seen.
        fringe: what is in front.
    """

    texels: Tensor
    disparity: Tensor
    fringe: Fringe


def split(texels: Tensor, disparity: Tensor, *, fuse: Fuse = as_is) -> Layers:
    """Split (H, W) texels along the tears of their (H, W) disparity in px."""
    is_mixed = fuse(mixed)(disparity)
    pixels = is_mixed.flatten().nonzero().squeeze(1)
    parts = [_split(texels, disparity, is_mixed, part) for part in pixels.split(TOGETHER)]
    is_split, behind, far, colour, front = (torch.cat(column) for column in zip(*parts, strict=True))
    kept = is_split.nonzero().squeeze(1)
    pixels = pixels[kept]
    texels, disparity = texels.clone(), disparity.clone()
    texels.view(-1)[pixels] = behind[kept]
    disparity.view(-1)[pixels] = far[kept]
    return Layers(texels, disparity, Fringe(pixels, colour[kept], front[kept]))


def mixed(disparity: Tensor) -> Tensor:
    """Where (H, W) a tear runs between two pixels of the window of `BAND` pixels about one."""
    beside = pad(disparity.diff(dim=1).abs() > TEAR, (0, 1))
    below = pad(disparity.diff(dim=0).abs() > TEAR, (0, 0, 0, 1))
    beside = _spread(_spread(beside, 0, BAND, BAND), 1, BAND, BAND - 1)
    below = _spread(_spread(below, 0, BAND, BAND - 1), 1, BAND, BAND)
    return beside | below


def _spread(mask: Tensor, dim: int, before: int, after: int) -> Tensor:
    """Whether `mask` holds anywhere from `before` pixels before to `after` pixels after each."""
    size = mask.shape[dim]
    padded = pad(mask, (before, after) if dim == 1 else (0, 0, before, after))
    out = padded.narrow(dim, 0, size)
    for n in range(1, before + after + 1):
        out = out | padded.narrow(dim, n, size)
    return out


def _split(texels: Tensor, disparity: Tensor, is_mixed: Tensor, pixel: Tensor) -> tuple[Tensor, ...]:
    """For n pixels: whether they can be split, texels and disparity behind, colour and disparity in front."""
    height, width = disparity.shape
    y, x = pixel // width, pixel % width
    beside = torch.arange(-BAND, BAND + 1, device=pixel.device)
    i, j = x[:, None] + beside, y[:, None] + beside
    is_inside = ((j >= 0) & (j < height))[:, :, None] & ((i >= 0) & (i < width))[:, None, :]
    about = disparity[j.clamp(0, height - 1)[:, :, None], i.clamp(0, width - 1)[:, None, :]]  # (n, BAND', BAND')
    low, high = about.amin((1, 2)), about.amax((1, 2))
    middle = (low + high) * HALF
    side = torch.where(is_inside, torch.where(about > middle[:, None, None], 1.0, -1.0), 0)
    normal = torch.stack([(side * beside).sum((1, 2)), (side * beside[:, None]).sum((1, 2))])  # x and y
    longer = normal.abs().amax(0)

    # Steps of n / 2 px fall between two pixels: as compiled there, by the inverse and then in double, they fall alike.
    step = (normal * (1 / longer.clamp(min=1))).double()
    sources, steps = _pure(disparity, is_mixed, x, y, step, middle, high + TEAR)
    is_split = (longer > 0) & (sources >= 0).all(0) & (steps.amax(0) <= BAND)

    flat = disparity.flatten()
    sources = sources.clamp(min=0)
    own, (before, after) = colours(texels.flatten()[pixel]), colours(texels.flatten()[sources])
    axis, offset = before - after, own - after
    contrast, along = (axis * axis).sum(1), (axis * offset).sum(1)
    to_8_bit = 255 / WHITE[texels.dtype]
    is_told = contrast > LEAST_CONTRAST / to_8_bit**2
    share = torch.where(is_told, (along / contrast).clamp(0, 1), (flat[pixel] > middle).float())
    far = torch.where(share <= COVERED, flat[sources[1]], HOLE)
    front = flat[sources[0]]

    share = share[:, None]
    rest = 1 - share
    left_over = (own - share * before - rest * after) / (share * share + rest * rest)
    white = WHITE[texels.dtype]
    fringe = ((before + share * left_over).clamp(0, white) * share + HALF).floor()
    behind = rounded(after + rest * left_over, texels.dtype)
    return is_split, behind, far, torch.cat([fringe, (white * share + HALF).floor() / white], 1), front


def _pure(
    disparity: Tensor, is_mixed: Tensor, x: Tensor, y: Tensor, step: Tensor, middle: Tensor, most: Tensor
) -> tuple[Tensor, Tensor]:
    """Walk to the first unmixed pixel of the near and the far side, or the last of a thin one.

    Returns (2, n) indices into the flat (H, W), -1 where there is none, and (2, n) steps to where the side begins.
    """
    height, width = disparity.shape
    n = torch.arange(REACH + 1, device=x.device)
    ways = torch.arange(1, -2, -2, dtype=step.dtype, device=x.device)[:, None, None]
    i = (x[:, None] + ways * step[0][:, None] * n + HALF).floor().long()  # (2, n, steps)
    j = (y[:, None] + ways * step[1][:, None] * n + HALF).floor().long()
    is_inside = (i >= 0) & (i < width) & (j >= 0) & (j < height)
    place = j.clamp(0, height - 1) * width + i.clamp(0, width - 1)
    seen = disparity.flatten()[place]
    is_near = ways > 0
    is_side = is_inside & ((seen > middle[:, None]) == is_near) & (seen <= most[:, None])
    end = REACH + 1
    begin = torch.where(is_side, n, end).amin(-1)
    over = torch.where(~is_side & (n > begin[..., None]), n, end).amin(-1)
    pure = torch.where(is_side & ~is_mixed.flatten()[place], n, end).amin(-1)
    last = torch.minimum(pure, over - 1).clamp(max=REACH)
    found = torch.where(begin < end, place.gather(-1, last[..., None]).squeeze(-1), -1)
    return found, torch.where(begin < end, begin, 0)


def lay_over(view: Warped, layers: Layers, texels: Tensor, disparity: Tensor) -> None:
    """Lay the fringe of `layers`, split from `texels` and `disparity`, over `view`, whose texels are written.

    The fringe's pixels and their neighbours are pieces of one surface, each over two or three pixels of the view.
    Where pieces of several surfaces lie over one pixel they are laid in the order of the row, one after another.
    """
    if layers.fringe.pixel.numel() == 0:
        return
    pieces = _pieces(layers.fringe, texels, disparity)
    height, width = disparity.shape
    for eye, shift in enumerate(view.shifts):
        for part in _split_pieces(pieces):
            _lay(view, eye, shift, part, height, width)


@dataclass(frozen=True)
class Pieces:
    """n pieces of surface between a pixel `i` and the next, in the order in which they are laid.

    Attributes:
        row, i: (n,) int64; `i` may be -1, left of the picture.
        disparity: (n, 2) px at both ends.
        colour: (n, 2, 4) at both ends, colour times share, then the share.
    """

    row: Tensor
    i: Tensor
    disparity: Tensor
    colour: Tensor


def _pieces(fringe: Fringe, texels: Tensor, disparity: Tensor) -> Pieces:
    """The pieces to the left and to the right of every pixel of the fringe; between two of a run only the latter."""
    width = disparity.shape[1]
    pixel, front = fringe.pixel, fringe.disparity
    x = pixel % width
    is_beside = pad((pixel.diff() == 1) & (x[1:] > 0), (1, 1))  # (n + 1,) before each, and behind the last
    is_run = pad(is_beside[1:-1] & (front.diff().abs() <= TEAR), (1, 1))

    def end(step: int, is_free: Tensor) -> Tensor:
        """Colours (n, 4) of the neighbours outside the fringe: the surface goes on there whole, or ends."""
        beyond = x + step
        index = torch.where((beyond >= 0) & (beyond < width), pixel + step, pixel)
        goes_on = is_free & (index != pixel) & ((disparity.flatten()[index] - front).abs() <= TEAR)
        whole = colours(texels.flatten()[index])
        return pad(whole, (0, 1), value=1.0) * goes_on[:, None]

    following = torch.where(is_run[1:], front.roll(-1), front)
    right = torch.where(is_run[1:, None], fringe.colour.roll(-1, 0), end(1, ~is_beside[1:]))
    left = end(-1, ~is_beside[:-1])
    row = pixel // width
    pieces = Pieces(
        row=torch.stack([row, row], 1).flatten(),
        i=torch.stack([x - 1, x], 1).flatten(),
        disparity=torch.stack([front, front, front, following], 1).view(-1, 2),
        colour=torch.stack([left, fringe.colour, fringe.colour, right], 1).view(-1, 2, 4),
    )
    is_laid = torch.stack([~is_run[:-1], torch.ones_like(is_run[:-1])], 1).flatten()
    kept = is_laid.nonzero().squeeze(1)
    return Pieces(pieces.row[kept], pieces.i[kept], pieces.disparity[kept], pieces.colour[kept])


def _split_pieces(pieces: Pieces) -> list[Pieces]:
    columns = (v.split(TOGETHER) for v in (pieces.row, pieces.i, pieces.disparity, pieces.colour))
    return [Pieces(*part) for part in zip(*columns, strict=True)]


def _lay(view: Warped, eye: int, shift: float, pieces: Pieces, height: int, width: int) -> None:
    d, d_next = pieces.disparity.unbind(1)
    place, place_next = pieces.i + shift * d, (pieces.i + 1) + shift * d_next
    first, end = place.ceil(), place_next.ceil()
    k = first[:, None] + torch.arange(most_covered([shift]), device=d.device)  # (n, covered)
    along = (k - place[:, None]) / (place_next - place)[:, None]
    surface = d[:, None] + along * (d_next - d)[:, None]
    target = ((eye * height + pieces.row) * width)[:, None] + k.clamp(0, width - 1).long()
    is_over = (k < end[:, None]) & (k >= 0) & (k < width)
    is_over &= ~(view.disparity.view(-1)[target] > surface + OCCLUDES)
    laid = is_over.flatten().nonzero().squeeze(1)
    target, along = target.flatten()[laid], along.flatten()[laid, None]
    here, following = pieces.colour[laid // k.shape[1]].unbind(1)
    colour = here * (1 - along) + following * along

    out = view.texels.view(-1)
    order = torch.arange(laid.numel(), device=d.device)
    turn = torch.full((out.numel(),), laid.numel(), device=d.device)  # whose turn it is at each pixel
    while order.numel():
        turn.scatter_reduce_(0, target, order, "amin")
        is_next = turn[target] == order
        now, later = is_next.nonzero().squeeze(1), (~is_next).nonzero().squeeze(1)
        at = target[now]
        out[at] = rounded((1 - colour[now, 3:]) * colours(out[at]) + colour[now, :3], out.dtype)
        turn[at] = laid.numel()
        target, colour, order = target[later], colour[later], order[later]
