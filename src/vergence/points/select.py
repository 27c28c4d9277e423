"""Some points of a cloud."""

import numpy as np
from numpy.typing import NDArray

from vergence.types import PointCloud


def chosen(cloud: PointCloud, which: NDArray[np.bool_] | NDArray[np.intp]) -> PointCloud:
    """Return some of the points with all they have, by a mask (N,) or by their places."""

    def of(array: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        return None if array is None else array[which]

    return PointCloud(cloud.points[which], cloud.colours[which], of(cloud.normals), of(cloud.confidence))


def few(cloud: PointCloud, most: int) -> PointCloud:
    """At most `most` points, chosen evenly at random, the same ones every time; their order stays."""
    if len(cloud) <= most:
        return cloud
    dice = np.random.default_rng(0)
    return chosen(cloud, np.sort(dice.choice(len(cloud), most, replace=False, shuffle=False)))
