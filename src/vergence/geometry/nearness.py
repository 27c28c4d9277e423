"""What grows towards the viewer, for any kind of depth."""

import numpy as np
from numpy.typing import NDArray

from vergence.types import DepthMap


def nearness(depth: DepthMap) -> NDArray[np.float32]:
    """Return the inverse of depths, and inverse depth and disparity as they are: (h, w), 0 where z is not positive."""
    if depth.kind in ("affine_inverse", "disparity"):
        return depth.values
    positive = depth.values > 0
    return np.divide(np.float32(1), depth.values, out=np.zeros_like(depth.values), where=positive)
