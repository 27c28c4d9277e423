"""The decoder of dense prediction transformers (Ranftl et al., arXiv:2103.13413) and the networks it completes."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc"

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vergence.depth.networks.dinov2 import PATCH, BackboneSize, DinoV2


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
    """Four (B, width, h, w) feature maps to one (B, 1, 14 h, 14 w) map, before its last activation."""

    def __init__(self, width: int, size: DecoderSize) -> None:
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
        self.scratch = _Scratch(size)

    def forward(self, features: list[Tensor]) -> Tensor:
        rows, columns = features[0].shape[2:]
        maps = [
            resize(project(feature))
            for feature, project, resize in zip(features, self.projects, self.resize_layers, strict=True)
        ]
        return self.scratch(maps, (PATCH * rows, PATCH * columns))


class _Scratch(nn.Module):
    """Fuses the maps from the coarsest to the finest. Its name, and those below, are the checkpoints'."""

    def __init__(self, size: DecoderSize) -> None:
        super().__init__()
        c0, c1, c2, c3 = size.channels
        features = size.features
        self.layer1_rn = nn.Conv2d(c0, features, 3, padding=1, bias=False)
        self.layer2_rn = nn.Conv2d(c1, features, 3, padding=1, bias=False)
        self.layer3_rn = nn.Conv2d(c2, features, 3, padding=1, bias=False)
        self.layer4_rn = nn.Conv2d(c3, features, 3, padding=1, bias=False)
        self.refinenet1 = _Fusion(features)
        self.refinenet2 = _Fusion(features)
        self.refinenet3 = _Fusion(features)
        self.refinenet4 = _Fusion(features)
        self.output_conv1 = nn.Conv2d(features, features // 2, 3, padding=1)
        self.output_conv2 = nn.Sequential(nn.Conv2d(features // 2, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 1, 1))

    def forward(self, maps: list[Tensor], size: tuple[int, int]) -> Tensor:
        fine, medium, coarse, coarsest = (
            layer(one)
            for layer, one in zip((self.layer1_rn, self.layer2_rn, self.layer3_rn, self.layer4_rn), maps, strict=True)
        )
        path = self.refinenet4(coarsest, None, (coarse.shape[2], coarse.shape[3]))
        path = self.refinenet3(path, coarse, (medium.shape[2], medium.shape[3]))
        path = self.refinenet2(path, medium, (fine.shape[2], fine.shape[3]))
        path = self.refinenet1(path, fine, (2 * fine.shape[2], 2 * fine.shape[3]))
        return self.output_conv2(_resize(self.output_conv1(path), size))


class _Fusion(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.resConfUnit1 = _Residual(features)  # not used where there is no skip, but in every checkpoint
        self.resConfUnit2 = _Residual(features)
        self.out_conv = nn.Conv2d(features, features, 1)

    def forward(self, path: Tensor, skip: Tensor | None, size: tuple[int, int]) -> Tensor:
        if skip is not None:
            path = path + self.resConfUnit1(skip)
        return self.out_conv(_resize(self.resConfUnit2(path), size))


class _Residual(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, path: Tensor) -> Tensor:
        return path + self.conv2(functional.relu(self.conv1(functional.relu(path))))


def _resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(maps, size, mode="bilinear", align_corners=True)  # as the networks were trained
