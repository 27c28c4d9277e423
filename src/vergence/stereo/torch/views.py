"""What eyes at several places see of one picture, on the device where it lies; see `vergence.stereo.views`."""

from collections.abc import Iterable

from torch import Tensor

from vergence.stereo.memory import Background
from vergence.stereo.torch.fill import fill
from vergence.stereo.torch.fuse import Fuse, as_is
from vergence.stereo.torch.layers import lay_over, split
from vergence.stereo.torch.recall import recall
from vergence.stereo.torch.texels import pack, unpack
from vergence.stereo.torch.warp import warp
from vergence.stereo.views import Method

TOGETHER = 2  # eyes computed at once: a pair; more at a time would only take more memory


def views(
    rgb: Tensor,
    disparity: Tensor,
    shifts: Iterable[float],
    *,
    method: Method = "layered",
    background: Background | None = None,
    fuse: Fuse = as_is,
) -> list[Tensor]:
    """Return the (H, W, 3) view for each of `shifts`, the share of `disparity` by which it moves to the right.

    Args:
        rgb: (H, W, 3) uint8 or uint16.
        disparity: (H, W) float32 px on the same device, larger is nearer, with sharp edges.
        shifts: 0.5 and -0.5 for the left and right eye of a pair seen from the middle. 0 gives `rgb` itself.
        method: see `StereoSettings`.
        background: as there; see `vergence.stereo.torch.recall` for what it costs.
        fuse: how the parts that go over whole pictures are run.

    Raises:
        ShapeError: the two differ in size, or the picture has another type.
    """
    shifts = tuple(shifts)
    moved = [shift for shift in shifts if shift != 0]
    if not moved:
        return [rgb for _ in shifts]
    texels = pack(rgb)
    is_quick = method == "fast"
    layers = None if is_quick else split(texels, disparity, fuse=fuse)
    seen: list[Tensor] = []
    for begin in range(0, len(moved), TOGETHER):
        some = moved[begin : begin + TOGETHER]
        if layers is None:
            view = warp(texels, disparity, some, is_cubic=False, fuse=fuse)
        else:
            view = warp(layers.texels, layers.disparity, some, scene=disparity, fuse=fuse)
        if background is not None:
            view = recall(view, background)
        fill(view, is_quick=is_quick, fuse=fuse)
        if layers is not None:
            lay_over(view, layers, texels, disparity)
        seen += unpack(view.texels)
    rest = iter(seen)
    return [rgb if shift == 0 else next(rest) for shift in shifts]
