"""Pinhole projection. Pixel centres sit at half-integers: the top-left one is (0.5, 0.5)."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vergence.errors import ShapeError
from vergence.types import Intrinsics


def pixel_centres(width: int, height: int, *, dtype: DTypeLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """The coordinates u (W,) and v (H, 1) of the pixels of a picture; they broadcast to (H, W)."""
    return np.arange(width, dtype=dtype) + 0.5, (np.arange(height, dtype=dtype) + 0.5)[:, None]


def unproject(depth: NDArray[Any], intrinsics: Intrinsics) -> NDArray[Any]:
    """Lift a z-depth map to points in the camera frame.

    Args:
        depth: (..., H, W) distance along the optical axis, metres.
        intrinsics: of that same H x W picture, pixels.

    Returns:
        (..., H, W, 3) points, metres, x right, y down, z forward.

    Raises:
        ShapeError: `depth` and `intrinsics` describe pictures of different sizes.
    """
    height, width = depth.shape[-2:]
    if (width, height) != (intrinsics.width, intrinsics.height):
        raise ShapeError(
            f"depth is {width}x{height}, but its intrinsics are for "
            f"{intrinsics.width}x{intrinsics.height}; see Intrinsics.resized"
        )
    u, v = pixel_centres(width, height, dtype=depth.dtype)
    x = (u - intrinsics.cx) / intrinsics.fx * depth
    y = (v - intrinsics.cy) / intrinsics.fy * depth
    return np.stack([x, y, depth], axis=-1)
