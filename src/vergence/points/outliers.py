"""Points that lie alone: statistical outlier removal.

R. Rusu et al., "Towards 3D point cloud based object maps for household environments" (2008), with the numbers as the
Point Cloud Library counts them: of each point the mean distance to its nearest others, of the cloud the mean and the
standard deviation of that. Open3D counts the point itself among its neighbours, so its 20 are 19 here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.points.neighbours import neighbour_distances
from vergence.types import PointCloud


@dataclass(frozen=True)
class OutlierSettings:
    """Which points lie alone.

    Attributes:
        neighbours: how many of the nearest are looked at.
        std_ratio: how many standard deviations their mean distance may be above that of all points.

    Raises:
        SettingsError: a number is out of range.
    """

    neighbours: int = 20
    std_ratio: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.neighbours <= 1000:
            raise SettingsError(f"a point has 1 to 1000 neighbours to look at, not {self.neighbours}")
        if not self.std_ratio > 0:
            raise SettingsError(f"a point may be a positive number of deviations away, not {self.std_ratio:g}")


def is_outlier(cloud: PointCloud, settings: OutlierSettings) -> NDArray[np.bool_]:
    """Which points (N,) lie alone.

    Points of one picture thin out with distance, so that far ones go first; merged in voxels before, they do not.
    """
    distances = neighbour_distances(cloud.points, settings.neighbours)
    if len(distances) < 2:
        return np.zeros(len(distances), np.bool_)
    most = distances.mean(dtype=np.float64) + settings.std_ratio * distances.std(ddof=1, dtype=np.float64)
    return np.asarray(distances > most)
