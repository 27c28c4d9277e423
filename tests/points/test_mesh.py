"""Triangles between pixels: how many, which way round, and where there are none."""

import numpy as np
import pytest

from vergence.geometry.project import unproject
from vergence.points.mesh import triangulate, without_loose
from vergence.types import Intrinsics, PointCloud

CAMERA = Intrinsics(50, 50, 10, 8, 20, 16)


def every(z=None):
    z = np.full((16, 20), 3, np.float32) if z is None else np.asarray(z, np.float32)
    return z, z > 0


def facing(z, kept, triangles):
    """Normals of the triangles by the right hand, in axes with y up and z towards the viewer, and their middles."""
    points = unproject(z, CAMERA)[kept][triangles] * [1, -1, -1]
    return np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), points.mean(axis=1)


def test_a_wall_is_covered_once():
    z, kept = every()
    triangles = triangulate(z, kept, CAMERA)
    assert triangles.shape == (2 * 15 * 19, 3)
    normals, _ = facing(z, kept, triangles)
    assert np.linalg.norm(normals, axis=1).sum() / 2 == pytest.approx(15 * 19 * (3 / 50) ** 2, rel=1e-4)


def test_every_triangle_goes_round_against_the_clock_as_the_camera_sees_it():
    dice = np.random.default_rng(3)
    z, kept = every(3 + 0.02 * dice.random((16, 20)))
    kept &= dice.random((16, 20)) > 0.2
    normals, middles = facing(z, kept, triangulate(z, kept, CAMERA))
    assert len(normals) > 200
    assert (np.sum(normals * -middles, axis=1) > 0).all()


def test_the_list_of_kept_pixels_is_what_triangles_count_in():
    z, kept = every()
    kept[:8] = False
    triangles = triangulate(z, kept, CAMERA)
    assert triangles.max() == kept.sum() - 1
    assert len(triangles) == 2 * 7 * 19


@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_three_corners_make_one_triangle(corner):
    z, kept = np.full((2, 2), 3, np.float32), np.ones((2, 2), bool)
    kept[corner] = False
    (triangle,) = triangulate(z, kept, Intrinsics(50, 50, 1, 1, 2, 2))
    assert sorted(triangle) == [0, 1, 2]


def test_a_cell_is_cut_where_it_is_flatter():
    """A ridge from the upper left to the lower right corner, and one across."""
    falling = triangulate(np.float32([[2, 2.1], [2.2, 2]]), np.ones((2, 2), bool), CAMERA.resized(2, 2), tear=1.2)
    rising = triangulate(np.float32([[2.1, 2], [2, 2.2]]), np.ones((2, 2), bool), CAMERA.resized(2, 2), tear=1.2)
    assert [{0, 3} <= set(triangle) for triangle in falling.tolist()] == [True, True]
    assert [{1, 2} <= set(triangle) for triangle in rising.tolist()] == [True, True]


def test_steps_are_torn_and_slopes_are_not():
    z = np.full((16, 20), 2, np.float32)
    z[:, 10:] = 2.6
    assert len(triangulate(*every(z), CAMERA)) == 2 * 15 * 18
    assert len(triangulate(*every(z), CAMERA, tear=1.31)) == 2 * 15 * 19
    slope = 2 * 1.2 ** np.arange(20) * np.ones((16, 1))  # under 1.257 a pixel, 5 degrees at f = 50 px
    assert len(triangulate(*every(slope), CAMERA)) == 2 * 15 * 19


def test_points_of_no_triangle_go():
    z, kept = every()
    kept[:, 3] = kept[:, 5] = False
    whole = PointCloud(unproject(z, CAMERA)[kept].astype(np.float32), np.zeros((kept.sum(), 3), np.uint8))
    cloud, triangles = without_loose(whole, triangulate(z, kept, CAMERA))
    assert len(cloud) == len(whole) - 16
    assert set(np.unique(triangles)) == set(range(len(cloud)))
    none, nothing = without_loose(whole, np.empty((0, 3), np.int32))
    assert (len(none), len(nothing)) == (0, 0)
