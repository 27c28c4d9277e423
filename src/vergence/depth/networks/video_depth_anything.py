"""Video Depth Anything (Chen et al., arXiv:2501.12375): Depth Anything V2 whose decoder attends along time."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vergence.depth.networks.dinov2 import DinoV2
from vergence.depth.networks.dpt import SIZES, DecoderSize, Dpt
from vergence.depth.networks.temporal import TemporalModule


class VideoDepthAnything(nn.Module):
    """(B, T, 3, H, W) normalised pictures of T <= 32 frames to (B, T, H, W) depth.

    Relative checkpoints give inverse depth up to scale and shift, metric ones metres; the network is the same. What
    is computed once per frame (`encode`, `decode`) and what needs the frames around it (`mix`, `step`) are apart:

        fine, medium, coarse, coarsest = encode(pictures)    (N, 3, H, W); at 4, 2, 1 and 1/2 times the grid of patches
        path = mix(coarse, coarsest)                         all frames of a window; at twice the grid
        depth = decode(fine, medium, path)                   (N, H, W)
    """

    def __init__(self, size: str) -> None:
        super().__init__()
        backbone, decoder = SIZES[size]
        self.pretrained = DinoV2(backbone)
        self.head = TemporalDpt(backbone.width, decoder)

    def forward(self, films: Tensor) -> Tensor:
        return torch.stack([self._window(film) for film in films])

    def _window(self, film: Tensor) -> Tensor:
        fine, medium, coarse, coarsest = self.encode(film)
        return self.decode(fine, medium, self.mix(coarse, coarsest))

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All that frames need not know of each other for."""
        return self.head.reassemble(self.pretrained(pictures))

    def mix(self, coarse: Tensor, coarsest: Tensor) -> Tensor:
        """Let the frames of a window attend to each other."""
        return self.head.fuse(coarse, coarsest)

    def step(self, coarse: Tensor, coarsest: Tensor, *context: Tensor) -> tuple[Tensor, ...]:
        """Let one frame attend to those before it.

        `context` is eight (h w, K, C) states of K < 32 frames, oldest first; returns the path and the frame's own
        eight states, (h w, 1, C).
        """
        path, states = self.head.fuse_step(coarse, coarsest, context)
        return path, *states

    def no_states(self, coarse: Tensor, coarsest: Tensor) -> list[Tensor]:
        """The context of a stream's first frame: eight (h w, 0, C)."""
        grid = coarse.shape[2] * coarse.shape[3]
        places = (grid, coarsest.shape[2] * coarsest.shape[3], grid, 4 * grid)
        channels = [module.temporal_transformer.norm.num_channels for module in self.head.motion_modules]
        return [coarse.new_empty(n, 0, c) for n, c in zip(places, channels, strict=True) for _ in range(2)]

    def decode(self, fine: Tensor, medium: Tensor, path: Tensor) -> Tensor:
        """The depth of each frame."""
        return self.head.finish(fine, medium, path)[:, 0].relu()


class TemporalDpt(Dpt):
    """A decoder with attention along time on its two coarsest maps, and after each of their fusions."""

    def __init__(self, width: int, size: DecoderSize) -> None:
        super().__init__(width, size)
        channels = (*size.channels[2:], size.features, size.features)
        self.motion_modules = nn.ModuleList(TemporalModule(count) for count in channels)

    def fuse(self, coarse: Tensor, coarsest: Tensor) -> Tensor:
        on_coarse, on_coarsest, after_coarsest, after_coarse = self.motion_modules
        path = after_coarsest(self.fuse_coarsest(on_coarsest(coarsest), (coarse.shape[2], coarse.shape[3])))
        return after_coarse(self.fuse_coarse(path, on_coarse(coarse)))

    def fuse_step(self, coarse: Tensor, coarsest: Tensor, context: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """As `fuse` of one frame and those whose states are given, oldest first; also its own states."""
        on_coarse, on_coarsest, after_coarsest, after_coarse = self.motion_modules
        size = (coarse.shape[2], coarse.shape[3])
        coarse, first = on_coarse.step(coarse, context[0:2])
        coarsest, second = on_coarsest.step(coarsest, context[2:4])
        path, third = after_coarsest.step(self.fuse_coarsest(coarsest, size), context[4:6])
        path, fourth = after_coarse.step(self.fuse_coarse(path, coarse), context[6:8])
        return path, [*first, *second, *third, *fourth]
