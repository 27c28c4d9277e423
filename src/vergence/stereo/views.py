"""What eyes at several places see of one picture: the picture split in layers, warped, filled and put together."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vergence.stereo.fill import fill
from vergence.stereo.layers import lay_over, split
from vergence.stereo.memory import Background
from vergence.stereo.warp import warp

Method = Literal["layered", "fast"]


def views(
    rgb: NDArray[Any],
    disparity: NDArray[np.float32],
    shifts: Iterable[float],
    *,
    method: Method = "layered",
    background: Background | None = None,
) -> list[NDArray[Any]]:
    """Return the (H, W, 3) view for each of `shifts`, the share of `disparity` by which it moves to the right.

    Args:
        rgb: (H, W, 3) uint8 or uint16.
        disparity: (H, W) px, larger is nearer, with sharp edges.
        shifts: 0.5 and -0.5 for the left and right eye of a pair seen from the middle. 0 gives `rgb` itself.
        method: see `StereoSettings`.
        background: of this picture, what other frames of its shot know of holes; None fills all from beside them.
    """
    is_quick = method == "fast"
    layers = None if is_quick else split(rgb, disparity)
    out = []
    for shift in shifts:
        if shift == 0:
            out.append(rgb)
            continue
        if layers is None:
            view = warp(rgb, disparity, shift, is_cubic=False)
        else:
            view = warp(layers.rgb, layers.disparity, shift, scene=disparity)
        if background is not None:
            background.into(view)
        fill(view, is_quick=is_quick)
        if layers is not None:
            lay_over(view, layers, rgb, disparity)
        out.append(view.rgb)
    return out
