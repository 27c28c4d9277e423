"""One Gaussian for every pixel of a view, in the axes of its camera: the decoder of the largest networks."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from vergence.depth.networks.depth_anything_3.harmonics import COUNT
from vergence.depth.networks.depth_anything_3.head import PlacedDpt, maps_of
from vergence.depth.networks.dinov2 import PATCH
from vergence.depth.networks.dpt import DecoderSize

COLOURS = 3
PARTS = (2, 3, 4, COLOURS * COUNT, 1, 1)  # numbers of a pixel, in the order of `PixelGaussians`
OUTPUTS = sum(PARTS)


@dataclass(frozen=True)
class PixelGaussians:
    """What the network says of the Gaussian of each pixel of N views; `adapter` makes Gaussians of it.

    Attributes:
        offset: (N, H, W, 2) from the pixel's centre, pixels.
        scale: (N, H, W, 3) logits of the share of the largest scale.
        rotation: (N, H, W, 4) quaternion xyzw of any length.
        harmonics: (N, H, W, 3, 9) of red, green and blue, before they are damped.
        depth_offset: (N, H, W) added to the depth.
        opacity: (N, H, W), 0..1.
    """

    offset: Tensor
    scale: Tensor
    rotation: Tensor
    harmonics: Tensor
    depth_offset: Tensor
    opacity: Tensor


class GaussianHead(PlacedDpt):
    """Four (N, h * w, width) levels of patches, and their (N, 3, H, W) normalised views, to one Gaussian a pixel."""

    def __init__(self, width: int, size: DecoderSize) -> None:
        super().__init__(width, size, outputs=OUTPUTS)
        last = size.features // 2
        channels = (3, last // 4, last // 2, last)
        # What the patches have lost of the finest detail. Its name, as all others, is the checkpoints'.
        self.images_merger = nn.Sequential()
        for before, after in pairwise(channels):
            self.images_merger.extend((nn.Conv2d(before, after, 3, padding=1), nn.GELU()))

    def forward(self, levels: list[Tensor], views: Tensor) -> Tensor:  # type: ignore[override]
        """(N, H, W, 38), before any activation; see `pixel_gaussians`."""
        rows, columns = views.shape[2] // PATCH, views.shape[3] // PATCH
        fine, medium, coarse, coarsest = self.reassemble([maps_of(level, rows, columns) for level in levels])
        path = self.enlarge(fine, medium, self.fuse(coarse, coarsest))
        path = path + self.images_merger(views.to(path.dtype))
        return self.scratch.output_conv2(self.place(path)).movedim(1, 3)


def pixel_gaussians(raw: Tensor) -> PixelGaussians:
    """Name the parts of (N, H, W, 38); what follows needs float32, whatever the network computes in."""
    raw = raw.float()
    offset, scale, rotation, harmonics, depth_offset, density = raw.split(PARTS, dim=3)
    return PixelGaussians(
        offset,
        scale,
        rotation,
        harmonics.unflatten(3, (COLOURS, COUNT)),
        depth_offset[..., 0],
        density[..., 0].sigmoid(),  # how the density at a pixel becomes opacity: it is the opacity
    )
