"""Forward warp of a picture to several eyes at once; see `vergence.stereo.warp` for what is computed.

There each row is walked and every pixel remembers the nearest surface so far. Here all surfaces write at once: what
they write is one whole number with the disparity in its upper and the source column in its lower bits, so that an
atomic maximum keeps the nearest, and of equally near ones the first, in whatever order they come. A joined pair is at
most 1 + TEAR |shift| pixels wide in the target, two or three of them; all but the first are few and go by a list.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from vergence.errors import ShapeError
from vergence.stereo import scan
from vergence.stereo import warp as rules
from vergence.stereo.torch.fuse import Fuse, as_is
from vergence.stereo.torch.texels import colours, rounded

HALF, HOLE, TEAR = float(rules.HALF), float(scan.HOLE), float(rules.TEAR)
STEPS = 2**20  # of disparity to a pixel: as fine as float32 is at 8 px; 2**13 px of it fill 53 bits with the column
LAST = 2**20 - 1  # the highest column a number can hold
NOBODY = torch.iinfo(torch.int64).min  # what stands where no surface writes


@dataclass(frozen=True)
class Warped:
    """The views of E eyes.

    Attributes:
        texels: (E, H, W), black in holes.
        disparity: (E, H, W) px of the surface seen there, `HOLE` where none is.
        column: (E, H, W) int64, of the source pixel seen there or left of there; means nothing in holes.
        picture: (H, W), the texels that were warped.
        scene: (H, W) px of what may lie behind holes.
        shifts: E numbers by which the disparity was multiplied.
        behind: (E, H, W) px of the surface that a hole opens on, in views that have a colour of it there instead of
            black; None where both can still be told from `column`, `picture` and `scene`.
    """

    texels: Tensor
    disparity: Tensor
    column: Tensor
    picture: Tensor
    scene: Tensor
    shifts: tuple[float, ...]
    behind: Tensor | None = None


def warp(
    texels: Tensor,
    disparity: Tensor,
    shifts: Sequence[float],
    *,
    scene: Tensor | None = None,
    is_cubic: bool = True,
    fuse: Fuse = as_is,
) -> Warped:
    """Move every pixel by each of `shifts` times `disparity` columns to the right; near things cover far ones.

    Args:
        texels: (H, W).
        disparity: (H, W) float32 px, larger is nearer; `HOLE` where the picture has nothing to show.
        shifts: as in `vergence.stereo.warp.warp`, one for each eye.
        scene, is_cubic: as there.
        fuse: how the parts that go over whole pictures are run, see `vergence.stereo.torch.fuse`.

    Raises:
        ShapeError: the two differ in size, or rows are too long for the packed numbers.
    """
    height, width = disparity.shape
    if texels.shape != disparity.shape:
        raise ShapeError(f"the picture is {texels.shape[1]}x{texels.shape[0]} pixels, its disparity {width}x{height}")
    if width > LAST:
        raise ShapeError(f"rows of {width} pixels are too long; at most {LAST} can be warped")
    shifts = tuple(shifts)
    moved = fuse(_moved)(disparity, shifts)
    nearest = torch.full(moved.place.shape, NOBODY, device=disparity.device)
    nearest.scatter_reduce_(2, moved.target, moved.number, "amax")
    _write_others(nearest, moved, disparity, most=most_covered(shifts))
    seen, near, column = fuse(_seen)(texels, nearest, moved, is_cubic)
    return Warped(seen, near, column, texels, disparity if scene is None else scene, shifts)


def most_covered(shifts: Sequence[float]) -> int:
    """How many target pixels one joined pair may cover: its width rounded up, and no less for being rounded itself."""
    return math.floor(1 + TEAR * max(map(abs, shifts)) + 1e-3) + 1


class Moved(NamedTuple):
    """The source's surfaces in the target, each (E, H, W) by the source pixel where it begins unless said otherwise.

    Attributes:
        place: the column to which the pixel goes.
        span: px from there to the next pixel of the same surface, infinite at a tear.
        rise: (H, W) disparity of that one less that of this one, 0 at a tear.
        is_joined: (H, W - 1) whether they are one surface.
        first, end: of the columns that are covered from `place` on.
        has_left: whether the pixel before `first` is covered too, as the left half of the footprint of a torn one.
        target, number: where the nearest surface over `first` is to be kept, and what is kept there.
    """

    place: Tensor
    span: Tensor
    rise: Tensor
    is_joined: Tensor
    first: Tensor
    end: Tensor
    has_left: Tensor
    target: Tensor
    number: Tensor


def _moved(disparity: Tensor, shifts: tuple[float, ...]) -> Moved:
    width = disparity.shape[1]
    column = torch.arange(width, device=disparity.device)
    rise = disparity.diff()
    is_joined = rise.abs() <= TEAR
    rise = pad(torch.where(is_joined, rise, 0), (0, 1))
    place = torch.stack([column + shift * disparity for shift in shifts])
    span = pad(torch.where(is_joined, place.diff(), torch.inf), (0, 1), value=torch.inf)
    first = place.ceil()
    end = torch.where(torch.isinf(span), (place + HALF).ceil(), pad(first[..., 1:], (0, 1)))
    has_left = ((place - HALF).ceil() < first) & ~pad(is_joined, (1, 0))
    is_over = (first < end) & (first >= 0) & (first < width)
    value = disparity + (first - place) / span * rise
    target = torch.where(is_over, first, column).long()
    number = torch.where(is_over, _number(value, column), NOBODY)
    return Moved(place, span, rise, is_joined, first, end, has_left, target, number)


def _write_others(nearest: Tensor, moved: Moved, disparity: Tensor, *, most: int) -> None:
    """Write what is not over the `first` pixel of its surface to `nearest`; there are few of them."""
    height, width = disparity.shape
    pixel = (moved.has_left | (moved.end - moved.first > 1)).flatten().nonzero().squeeze(1)
    i, own = pixel % width, pixel % (height * width)
    place, span, first, end, has_left = (
        v.flatten()[pixel] for v in (moved.place, moved.span, moved.first, moved.end, moved.has_left)
    )
    disparity, rise = disparity.flatten()[own], moved.rise.flatten()[own]
    flat = nearest.view(-1)
    for n in (-1, *range(1, most)):
        k = first + n
        is_over = (has_left if n < 0 else k < end) & (k >= 0) & (k < width)
        value = disparity if n < 0 else disparity + (k - place) / span * rise
        target = torch.where(is_over, pixel - i + k.long(), pixel)
        flat.scatter_reduce_(0, target, torch.where(is_over, _number(value, i), NOBODY), "amax")


def _number(disparity: Tensor, column: Tensor) -> Tensor:
    """One int64 whose order is that of the disparity, and the lower column first where that is the same."""
    return torch.add(LAST - column, (disparity * STEPS).long(), alpha=LAST + 1)


def as_kept(disparity: Tensor) -> Tensor:
    """A disparity as exact as `Warped` has it, so that one flat surface is as far in both."""
    return (disparity * STEPS).trunc() / STEPS


def _seen(texels: Tensor, nearest: Tensor, moved: Moved, is_cubic: bool) -> tuple[Tensor, Tensor, Tensor]:
    """What each target pixel shows: (E, H, W) texels, disparity, and the source column, between which and the next
    the texels are sampled: linearly, or by a cubic that does not reach across tears."""
    height, width = texels.shape
    target = torch.arange(width, device=texels.device)
    is_hole = nearest == NOBODY
    near = torch.where(is_hole, HOLE, (nearest >> 20).float() / STEPS)
    column = (LAST - (nearest & LAST)).clamp(max=width - 1)
    along = ((target - moved.place.gather(2, column)) / moved.span.gather(2, column)).clamp(min=0)  # 0 on left halves
    t = torch.where(along < 1e-3, 0, along)
    flat = texels.flatten()
    left = column + torch.arange(height, device=texels.device)[:, None] * width
    right = left + (column < width - 1)
    value = _cubic(flat, moved, column, left, right, t) if is_cubic else _linear(flat, left, right, t)
    return torch.where(is_hole, 0, rounded(value, texels.dtype)), near, column


def _linear(flat: Tensor, left: Tensor, right: Tensor, t: Tensor) -> Tensor:
    """The (..., 3) colours between two pixels of the flat picture, `t` of the way from the left to the right one."""
    before = colours(flat[left])
    return before + (colours(flat[right]) - before) * t[..., None]


def _cubic(flat: Tensor, moved: Moved, column: Tensor, left: Tensor, right: Tensor, t: Tensor) -> Tensor:
    """As `_linear`, by a cubic through the next pixels to either side, where these are of the same surface."""
    width = moved.rise.shape[1]
    is_joined = pad(moved.is_joined, (1, 2)).byte()  # as there: pixels i - 1 and i are one surface
    reach = is_joined[:, :width] | is_joined[:, 2:] << 1  # of the two outer taps, 1 px or none
    reach = reach.expand(column.shape).gather(2, column)
    t2 = t * t
    t3 = t2 * t
    value = colours(flat[left]) * (1.5 * t3 - 2.5 * t2 + 1)[..., None]
    value += colours(flat[right]) * (2 * t2 - 1.5 * t3 + HALF * t)[..., None]
    value += colours(flat[left - (reach & 1)]) * (t2 - HALF * (t3 + t))[..., None]
    value += colours(flat[(right + (reach >> 1)).clamp(max=flat.numel() - 1)]) * (HALF * (t3 - t2))[..., None]
    return value
