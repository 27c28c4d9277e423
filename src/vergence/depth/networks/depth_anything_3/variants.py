"""The published networks: their sizes by name."""

from dataclasses import dataclass

from vergence.depth.networks.dinov2 import BackboneSize
from vergence.depth.networks.dpt import DecoderSize


@dataclass(frozen=True)
class Variant:
    """Of one network.

    Attributes:
        backbone: its `normed_from` is also the block from which views are seen together.
        decoder: of depth and of Gaussians.
        has_gaussians: it also gives Gaussians.
    """

    backbone: BackboneSize
    decoder: DecoderSize
    has_gaussians: bool = False

    @property
    def is_any_view(self) -> bool:
        """It sees many views together and gives cameras, instead of one and its sky."""
        return self.backbone.normed_from is not None


@dataclass(frozen=True)
class NestedVariant:
    """A network of many views without a scale, and one of single views that knows metres."""

    any_view: Variant
    metric: Variant


Sizes = Variant | NestedVariant

_LARGE = DecoderSize(256, (256, 512, 1024, 1024))
_ALONE = Variant(BackboneSize(1024, 24, (4, 11, 17, 23)), _LARGE)
_GIANT = Variant(BackboneSize(1536, 40, (19, 27, 33, 39), is_gated=True, normed_from=13), _LARGE, has_gaussians=True)

VARIANTS: dict[str, Sizes] = {
    "small": Variant(BackboneSize(384, 12, (5, 7, 9, 11), normed_from=4), DecoderSize(64, (48, 96, 192, 384))),
    "base": Variant(BackboneSize(768, 12, (5, 7, 9, 11), normed_from=4), DecoderSize(128, (96, 192, 384, 768))),
    "large": Variant(BackboneSize(1024, 24, (11, 15, 19, 23), normed_from=8), _LARGE),
    "giant": _GIANT,
    "mono-large": _ALONE,
    "metric-large": _ALONE,  # of the same tensors: only their values, and so the meaning of depth, differ
    "nested-giant-large": NestedVariant(_GIANT, _ALONE),
}
