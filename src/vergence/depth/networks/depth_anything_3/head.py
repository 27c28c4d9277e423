"""Decoders of Depth Anything 3: depth and rays of views that were seen together, depth and sky of one alone."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type, index"

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from vergence.depth.networks.dpt import LAST_CHANNELS, DecoderSize, Dpt, Fusion, last_layers

AMPLITUDE = 0.1  # of what is added to maps to tell where their pixels are
BASE = 100.0  # between the fastest and the slowest of its waves
RAY = 6  # numbers of a ray: where it points, where it starts
FINEST = "3"  # the one of four levels of the ray decoder that is used


@dataclass(frozen=True)
class Dense:
    """Maps of N views.

    Attributes:
        depth: (N, H, W) along the optical axis, in the world's unit.
        confidence: (N, H, W), 1 and above, surer where higher.
        rays: (N, 8 h, 8 w, 6) over h x w patches: direction of any length, and origin, in the world's axes.
        ray_confidence: (N, 8 h, 8 w), as `confidence`.
    """

    depth: Tensor
    confidence: Tensor
    rays: Tensor
    ray_confidence: Tensor


class PlacedDpt(Dpt):
    """A decoder that tells its maps where their pixels are.

    Waves along both axes of the picture are added, in units of half its diagonal, so that they know its shape.
    """

    def __init__(self, width: int, size: DecoderSize, *, outputs: int) -> None:
        super().__init__(width, size, outputs=outputs, has_spare_unit=False)

    def place(self, maps: Tensor) -> Tensor:
        return maps + waves(maps)


class DualDpt(PlacedDpt):
    """Four (N, h * w, width) levels of patches to `Dense` maps: one pyramid, and a chain of fusions for each half.

    Checkpoints hold the last layers of rays for four levels. Only those of the finest are used and made here, with
    the LayerNorm that all levels share.
    """

    def __init__(self, width: int, size: DecoderSize) -> None:
        super().__init__(width, size, outputs=2)
        features = size.features
        self.norm = nn.LayerNorm(width)
        scratch = self.scratch
        scratch.refinenet1_aux = Fusion(features)
        scratch.refinenet2_aux = Fusion(features)
        scratch.refinenet3_aux = Fusion(features)
        scratch.refinenet4_aux = Fusion(features, has_skip=False)
        widths = (features, features // 2) * 3
        scratch.output_conv1_aux = nn.ModuleDict(
            {FINEST: nn.Sequential(*(nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(widths)))}
        )
        scratch.output_conv2_aux = nn.ModuleDict(
            {
                FINEST: nn.Sequential(  # the checkpoints count layers that only reorder axes
                    nn.Conv2d(features // 2, LAST_CHANNELS, 3, padding=1),
                    nn.Identity(),
                    _ChannelNorm(LAST_CHANNELS),
                    nn.Identity(),
                    nn.ReLU(),
                    nn.Conv2d(LAST_CHANNELS, RAY + 1, 1),
                )
            }
        )

    def decode(self, levels: list[Tensor], rows: int, columns: int) -> Dense:
        """Of patches in `rows` x `columns`."""
        fine, medium, coarse, coarsest = self._pyramid(levels, rows, columns)
        scratch = self.scratch
        size = (coarse.shape[2], coarse.shape[3])
        twice = (medium.shape[2], medium.shape[3])
        depth, confidence = self._depth(fine, medium, coarse, coarsest)
        path = scratch.refinenet3_aux(scratch.refinenet4_aux(coarsest, None, size), coarse, twice)
        rays = self._rays(fine, medium, path)
        return Dense(depth, confidence, rays[..., :RAY], sureness(rays[..., RAY]))

    def decode_depth(self, levels: list[Tensor], rows: int, columns: int) -> tuple[Tensor, Tensor]:
        """The first two of `Dense` alone, which take about half the time of all."""
        return self._depth(*self._pyramid(levels, rows, columns))

    def _pyramid(self, levels: list[Tensor], rows: int, columns: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All four maps ready to be fused, from the finest to the coarsest."""
        fine, medium, coarse, coarsest = self.reassemble([maps_of(self.norm(_), rows, columns) for _ in levels])
        return fine, medium, self.scratch.layer3_rn(coarse), self.scratch.layer4_rn(coarsest)

    def _depth(self, fine: Tensor, medium: Tensor, coarse: Tensor, coarsest: Tensor) -> tuple[Tensor, Tensor]:
        scratch = self.scratch
        path = scratch.refinenet4(coarsest, None, (coarse.shape[2], coarse.shape[3]))
        path = scratch.refinenet3(path, coarse, (medium.shape[2], medium.shape[3]))
        depth, confidence = self.finish(fine, medium, path).unbind(1)
        return depth.exp(), sureness(confidence)

    def _rays(self, fine: Tensor, medium: Tensor, path: Tensor) -> Tensor:
        """(N, 8 h, 8 w, 7)."""
        scratch, rows, columns = self.scratch, fine.shape[2], fine.shape[3]
        path = scratch.refinenet2_aux(path, medium, (rows, columns))
        path = scratch.refinenet1_aux(path, fine, (2 * rows, 2 * columns))
        path = self.place(scratch.output_conv1_aux[FINEST](path))
        return scratch.output_conv2_aux[FINEST](path).movedim(1, 3)


class SkyDpt(Dpt):
    """Four (N, h * w, width) levels of patches to (N, H, W) depth, and how much each pixel is sky, from 0 up."""

    def __init__(self, width: int, size: DecoderSize) -> None:
        super().__init__(width, size, has_spare_unit=False)
        self.scratch.sky_output_conv2 = last_layers(size.features // 2, 1)

    def decode(self, levels: list[Tensor], rows: int, columns: int) -> tuple[Tensor, Tensor]:
        """Of patches in `rows` x `columns`."""
        fine, medium, coarse, coarsest = self.reassemble([maps_of(level, rows, columns) for level in levels])
        maps = self.enlarge(fine, medium, self.fuse(coarse, coarsest))
        depth, sky = self.scratch.output_conv2(maps), self.scratch.sky_output_conv2(maps)
        return depth[:, 0].exp(), functional.relu(sky[:, 0])


class _ChannelNorm(nn.LayerNorm):
    """Over the channels of (N, C, H, W)."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps.movedim(1, 3)).movedim(3, 1)


def maps_of(patches: Tensor, rows: int, columns: int) -> Tensor:
    """(N, rows * columns, C) tokens as (N, C, rows, columns)."""
    return patches.transpose(1, 2).unflatten(2, (rows, columns))


def sureness(values: Tensor) -> Tensor:
    """The activation of confidences: never under 1."""
    return values.exp() + 1


def waves(maps: Tensor) -> Tensor:
    """The (C, h, w) that tell (N, C, h, w) maps where their pixels are; h and w are in proportion to the picture's."""
    channels, rows, columns = maps.shape[1:]
    quarter = channels // 4
    frequencies = BASE ** (-torch.arange(quarter, device=maps.device, dtype=torch.float32) / quarter)
    y, x = (torch.arange(size, device=maps.device, dtype=torch.float32) for size in (rows, columns))
    # Pixels; of tensors, so that an exported graph computes it of its own size.
    half_diagonal = ((x[-1] + 1) ** 2 + (y[-1] + 1) ** 2).sqrt() / 2
    u, v = (frequencies[:, None] * ((axis - axis[-1] / 2) / half_diagonal) for axis in (x, y))
    u, v = torch.cat([u.sin(), u.cos()]), torch.cat([v.sin(), v.cos()])
    placed = torch.cat([u[:, None, :].expand(-1, rows, -1), v[:, :, None].expand(-1, -1, columns)])
    return AMPLITUDE * placed.to(maps.dtype)
