"""What eyes at several places see of one picture: the picture split in layers, warped, filled and put together."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vergence.stereo.fill import fill
from vergence.stereo.layers import lay_over, split
from vergence.stereo.warp import warp

Method = Literal["layered", "fast"]


def views(
    rgb: NDArray[Any], disparity: NDArray[np.float32], shifts: Iterable[float], *, method: Method = "layered"
) -> list[NDArray[Any]]:
    """Return the (H, W, 3) view for each of `shifts`, the share of `disparity` by which it moves to the right.

    Args:
        rgb: (H, W, 3) uint8 or uint16.
        disparity: (H, W) px, larger is nearer, with sharp edges.
        shifts: 0.5 and -0.5 for the left and right eye of a pair seen from the middle. 0 gives `rgb` itself.
        method: see `StereoSettings`.
    """
    if method == "fast":
        return [rgb if shift == 0 else fill(warp(rgb, disparity, shift)).rgb for shift in shifts]
    layers = split(rgb, disparity)
    out = []
    for shift in shifts:
        if shift == 0:
            out.append(rgb)
            continue
        view = fill(warp(layers.rgb, layers.disparity, shift))
        lay_over(view, layers, rgb, disparity)
        out.append(view.rgb)
    return out
