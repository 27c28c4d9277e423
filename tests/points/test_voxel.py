"""One point a cube: the same as adding them up in a dictionary, however many clouds they come in."""

import numpy as np
import pytest

from vergence.errors import SettingsError, ShapeError
from vergence.points import voxel
from vergence.points.voxel import VoxelGrid, merge_voxels
from vergence.types import PointCloud


def cloud(count=5000, seed=0, **more):
    dice = np.random.default_rng(seed)
    points = dice.normal(size=(count, 3)).astype(np.float32)
    return PointCloud(points, dice.integers(0, 256, (count, 3), dtype=np.uint8), **more)


def full(count=5000):
    dice = np.random.default_rng(1)
    normals = dice.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return cloud(count, normals=normals.astype(np.float32), confidence=dice.random(count, dtype=np.float32))


def slow(cloud, size):
    """Means by cube, in the order in which cubes first occur."""
    cubes = {}
    for i, point in enumerate(cloud.points):
        cubes.setdefault(tuple(np.floor(point.astype(np.float64) / size)), []).append(i)
    members = list(cubes.values())

    def mean(array):
        return np.array([array[some].astype(np.float64).mean(axis=0) for some in members])

    return mean(cloud.points), mean(cloud.colours), mean(cloud.normals), mean(cloud.confidence)


@pytest.mark.parametrize("size", [0.05, 0.5, 100.0])
def test_a_voxel_has_the_mean_of_what_lies_in_it(size):
    merged, (points, colours, normals, confidence) = merge_voxels(full(), size), slow(full(), size)
    np.testing.assert_allclose(merged.points, points, atol=1e-5)
    np.testing.assert_allclose(merged.colours, colours, atol=0.51)
    np.testing.assert_allclose(merged.confidence, confidence, atol=1e-5)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    np.testing.assert_allclose(merged.normals, normals / length, atol=1e-3)


def test_tiny_voxels_keep_every_point_as_it_is():
    merged = merge_voxels(cloud(), 1e-5)
    np.testing.assert_array_equal(merged.points, cloud().points)
    np.testing.assert_array_equal(merged.colours, cloud().colours)


def test_clouds_one_after_the_other_give_what_all_at_once_give(monkeypatch):
    whole = merge_voxels(full(), 0.2)
    monkeypatch.setattr(voxel, "PIECE", 700)
    monkeypatch.setattr(voxel, "FEWEST", 8)
    grid = VoxelGrid(0.2)
    for start in range(0, 5000, 1111):
        part = slice(start, start + 1111)
        every = full()
        grid.add(PointCloud(every.points[part], every.colours[part], every.normals[part], every.confidence[part]))
    assert len(grid) == len(whole)
    for name in ("points", "colours", "normals", "confidence"):
        np.testing.assert_array_equal(getattr(grid.cloud(), name), getattr(whole, name))


def test_normals_that_cancel_out_say_nothing():
    points = np.zeros((2, 3), np.float32)
    normals = np.array([[0, 0, 1], [0, 0, -1]], np.float32)
    merged = merge_voxels(PointCloud(points, np.zeros((2, 3), np.uint8), normals), 1.0)
    assert merged.normals.tolist() == [[0, 0, 0]]


def test_no_points_are_no_trouble():
    assert len(merge_voxels(PointCloud.empty(), 0.1)) == 0


def test_senseless_sizes_and_unlike_clouds_are_refused():
    for size in (0.0, -1.0, float("nan")):
        with pytest.raises(SettingsError, match="positive"):
            VoxelGrid(size)
    with pytest.raises(SettingsError, match="too small"):
        merge_voxels(cloud(), 1e-9)
    grid = VoxelGrid(1.0)
    grid.add(full())
    with pytest.raises(ShapeError, match="normals"):
        grid.add(cloud())
