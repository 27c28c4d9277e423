"""Points that lie alone, by the mean distance to their nearest, which a slow table of all distances gives too."""

import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.points.neighbours import neighbour_distances
from vergence.points.outliers import OutlierSettings, is_outlier
from vergence.types import PointCloud


def slow(points, neighbours):
    apart = np.linalg.norm(points[:, None].astype(np.float64) - points, axis=2)
    return np.sort(apart, axis=1)[:, 1 : neighbours + 1].mean(axis=1)


def scattered(count, kind):
    dice = np.random.default_rng(count)
    points = dice.normal(size=(count, 3))
    if kind == "plane":
        points[:, 2] = 1
    elif kind == "line":
        points[:, 1:] = 0
    elif kind == "uneven":
        points *= np.exp(3 * dice.normal(size=(count, 1)))
    elif kind == "same":
        points = np.repeat(points[: count // 4 + 1], 4, axis=0)[:count]
    return points.astype(np.float32)


@pytest.mark.parametrize("kind", ["ball", "plane", "line", "uneven", "same"])
@pytest.mark.parametrize("count", [2, 13, 200, 1000])
def test_the_tree_finds_what_the_table_of_all_distances_says(kind, count):
    points = scattered(count, kind)
    for neighbours in (1, 7, 20):
        expected = slow(points, min(neighbours, count - 1))
        np.testing.assert_allclose(neighbour_distances(points, neighbours), expected, rtol=1e-4, atol=1e-6)


def test_points_all_in_one_place_have_no_distance():
    assert (neighbour_distances(np.ones((300, 3), np.float32), 5) == 0).all()
    assert neighbour_distances(np.ones((1, 3), np.float32), 5).tolist() == [0]
    assert len(neighbour_distances(np.ones((0, 3), np.float32), 5)) == 0


def plain(points):
    return PointCloud(points.astype(np.float32), np.zeros((len(points), 3), np.uint8))


def test_the_lonely_go_and_the_others_stay():
    v, u = np.mgrid[:30, :30] / 10
    wall = np.stack([u, v, np.full_like(u, 2)], axis=-1).reshape(-1, 3)
    astray = [[1, 1, 1], [1.5, 2, 3], [9, 9, 9]]
    found = is_outlier(plain(np.concatenate([wall, astray])), OutlierSettings())
    assert found.tolist() == [False] * 900 + [True] * 3


def test_the_threshold_is_that_of_the_point_cloud_library():
    points = scattered(500, "uneven")
    distances = slow(points, 6)
    expected = distances > distances.mean() + 1.5 * distances.std(ddof=1)
    assert 0 < expected.sum() < 100
    np.testing.assert_array_equal(is_outlier(plain(points), OutlierSettings(6, 1.5)), expected)


def test_a_point_or_none_is_no_outlier():
    assert is_outlier(plain(np.zeros((1, 3))), OutlierSettings()).tolist() == [False]
    assert len(is_outlier(PointCloud.empty(), OutlierSettings())) == 0


@pytest.mark.parametrize("settings", [(0, 2.0), (1001, 2.0), (20, 0.0), (20, float("nan"))])
def test_senseless_settings_are_refused(settings):
    with pytest.raises(SettingsError):
        OutlierSettings(*settings)
