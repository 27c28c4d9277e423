"""Numbers of cubes: one each, the same for a point wherever it comes from."""

import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.geometry.voxels import voxel_keys


def test_points_share_a_number_where_they_share_a_cube():
    points = np.array([[0.1, 0.1, 0.1], [0.9, 0.9, 0.9], [-0.1, 0.1, 0.1], [1.0, 0, 0]], np.float32)
    a, b, c, d = voxel_keys(points, 1.0)
    assert a == b
    assert len({a, c, d}) == 3


def test_no_two_cubes_have_one_number():
    cells = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3), axis=-1).reshape(-1, 3)
    far = np.concatenate([cells, cells + 2**19, cells - 2**19])
    assert len(np.unique(voxel_keys(far + 0.5, 1.0))) == len(far)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")])
def test_a_size_is_positive(size):
    with pytest.raises(SettingsError, match="positive"):
        voxel_keys(np.zeros((1, 3)), size)


@pytest.mark.parametrize("point", [1e9, float("nan"), float("inf")])
def test_worlds_that_are_too_large_are_told(point):
    with pytest.raises(SettingsError, match="too small"):
        voxel_keys(np.array([[0, 0, point]]), 0.1)
    assert len(voxel_keys(np.empty((0, 3)), 0.1)) == 0
