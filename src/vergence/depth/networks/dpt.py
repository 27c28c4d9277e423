"""The decoder of dense prediction transformers (Ranftl et al., arXiv:2103.13413) and the networks it completes."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vergence.depth.networks.dinov2 import PATCH, BackboneSize, DinoV2

LAST_CHANNELS = 32  # before the very last layer


@dataclass(frozen=True)
class DecoderSize:
    """Channels of the fused maps, and of the four maps before."""

    features: int
    channels: tuple[int, int, int, int]


SIZES: dict[str, tuple[BackboneSize, DecoderSize]] = {
    "vits": (BackboneSize(384, 12, (2, 5, 8, 11)), DecoderSize(64, (48, 96, 192, 384))),
    "vitb": (BackboneSize(768, 12, (2, 5, 8, 11)), DecoderSize(128, (96, 192, 384, 768))),
    "vitl": (BackboneSize(1024, 24, (4, 11, 17, 23)), DecoderSize(256, (256, 512, 1024, 1024))),
    "vitg": (BackboneSize(1536, 40, (9, 19, 29, 39), is_gated=True), DecoderSize(384, (1536, 1536, 1536, 1536))),
}


class DepthAnythingV2(nn.Module):
    """Depth Anything V2 (Yang et al., arXiv:2406.09414): (B, 3, H, W) normalised pictures to (B, H, W) depth.

    Relative checkpoints give inverse depth up to scale and shift. Metric ones, which look the same, give metres when
    told their `max_depth`: 20 for the indoor, 80 for the outdoor ones.
    """

    def __init__(self, size: str, max_depth: float | None = None) -> None:
        super().__init__()
        backbone, decoder = SIZES[size]
        self.max_depth = max_depth
        self.pretrained = DinoV2(backbone)
        self.depth_head = Dpt(backbone.width, decoder)

    def forward(self, pictures: Tensor) -> Tensor:
        depth = self.depth_head(self.pretrained(pictures))[:, 0]
        return functional.relu(depth) if self.max_depth is None else torch.sigmoid(depth) * self.max_depth


class Dpt(nn.Module):
    """Four (B, width, h, w) feature maps to one (B, outputs, 14 h, 14 w) map, before its last activation.

    `has_spare_unit` says whether a checkpoint has the unit for a skip that the coarsest fusion never gets.
    """

    def __init__(self, width: int, size: DecoderSize, *, outputs: int = 1, has_spare_unit: bool = True) -> None:
        super().__init__()
        c0, c1, _, c3 = size.channels
        self.projects = nn.ModuleList(nn.Conv2d(width, channels, 1) for channels in size.channels)
        self.resize_layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(c0, c0, 4, stride=4),
                nn.ConvTranspose2d(c1, c1, 2, stride=2),
                nn.Identity(),
                nn.Conv2d(c3, c3, 3, stride=2, padding=1),
            ]
        )
        self.scratch = _Scratch(size, outputs, has_spare_unit)

    def forward(self, features: list[Tensor]) -> Tensor:
        fine, medium, coarse, coarsest = self.reassemble(features)
        return self.finish(fine, medium, self.fuse(coarse, coarsest))

    def reassemble(self, features: list[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A pyramid at 4, 2, 1 and 1/2 times the size of the features; the two finer maps are ready to be fused."""
        fine, medium, coarse, coarsest = (
            rescale(self.place(project(feature)))
            for feature, project, rescale in zip(features, self.projects, self.resize_layers, strict=True)
        )
        return self.scratch.layer1_rn(fine), self.scratch.layer2_rn(medium), coarse, coarsest

    def fuse(self, coarse: Tensor, coarsest: Tensor) -> Tensor:
        """The two coarser maps in one, at twice the features' size."""
        return self.fuse_coarse(self.fuse_coarsest(coarsest, (coarse.shape[2], coarse.shape[3])), coarse)

    def fuse_coarsest(self, coarsest: Tensor, size: tuple[int, int]) -> Tensor:
        return self.scratch.refinenet4(self.scratch.layer4_rn(coarsest), None, size)

    def fuse_coarse(self, path: Tensor, coarse: Tensor) -> Tensor:
        return self.scratch.refinenet3(path, self.scratch.layer3_rn(coarse), (2 * coarse.shape[2], 2 * coarse.shape[3]))

    def finish(self, fine: Tensor, medium: Tensor, path: Tensor) -> Tensor:
        """(B, outputs, H, W) in the precision of the last layers, which need not be that of the others."""
        return self.scratch.output_conv2(self.place(self.enlarge(fine, medium, path)))

    def enlarge(self, fine: Tensor, medium: Tensor, path: Tensor) -> Tensor:
        """What the last layers are given: (B, features / 2, H, W), in their precision."""
        scratch, rows, columns = self.scratch, fine.shape[2], fine.shape[3]
        path = scratch.refinenet2(path, medium, (rows, columns))
        path = scratch.refinenet1(path, fine, (2 * rows, 2 * columns))
        path = resize(scratch.output_conv1(path), (rows // 4 * PATCH, columns // 4 * PATCH))
        return path.to(scratch.output_conv2[0].weight.dtype)

    def place(self, maps: Tensor) -> Tensor:
        """Tell maps where their pixels are, in networks that do: asked of those just projected and the largest."""
        return maps


class _Scratch(nn.Module):
    """What fuses the maps from the coarsest to the finest. Its name, and those in it, are the checkpoints'."""

    def __init__(self, size: DecoderSize, outputs: int, has_spare_unit: bool) -> None:
        super().__init__()
        c0, c1, c2, c3 = size.channels
        features = size.features
        self.layer1_rn = nn.Conv2d(c0, features, 3, padding=1, bias=False)
        self.layer2_rn = nn.Conv2d(c1, features, 3, padding=1, bias=False)
        self.layer3_rn = nn.Conv2d(c2, features, 3, padding=1, bias=False)
        self.layer4_rn = nn.Conv2d(c3, features, 3, padding=1, bias=False)
        self.refinenet1 = Fusion(features)
        self.refinenet2 = Fusion(features)
        self.refinenet3 = Fusion(features)
        self.refinenet4 = Fusion(features, has_skip=has_spare_unit)
        self.output_conv1 = nn.Conv2d(features, features // 2, 3, padding=1)
        self.output_conv2 = last_layers(features // 2, outputs)


def last_layers(channels: int, outputs: int) -> nn.Sequential:
    """What makes (B, channels, H, W) one map for every output."""
    return nn.Sequential(
        nn.Conv2d(channels, LAST_CHANNELS, 3, padding=1), nn.ReLU(), nn.Conv2d(LAST_CHANNELS, outputs, 1)
    )


class Fusion(nn.Module):
    """A map, and a finer one that skipped the way down, made one of the size asked."""

    def __init__(self, features: int, *, has_skip: bool = True) -> None:
        super().__init__()
        if has_skip:
            self.resConfUnit1 = _Residual(features)
        self.resConfUnit2 = _Residual(features)
        self.out_conv = nn.Conv2d(features, features, 1)

    def forward(self, path: Tensor, skip: Tensor | None, size: tuple[int, int]) -> Tensor:
        if skip is not None:
            path = path + self.resConfUnit1(skip)
        return self.out_conv(resize(self.resConfUnit2(path), size))


class _Residual(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, path: Tensor) -> Tensor:
        return path + self.conv2(functional.relu(self.conv1(functional.relu(path))))


def resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, h, w) bilinearly at another (height, width), corner pixels on corner pixels."""
    return functional.interpolate(maps, size, mode="bilinear", align_corners=True)  # as the networks were trained
