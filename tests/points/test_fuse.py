"""Several views in one world: moved, put together, and asked whether they agree."""

import numpy as np
import pytest

from vergence.errors import SettingsError, ShapeError
from vergence.geometry.project import unproject
from vergence.points.fuse import DepthView, fuse, is_contradicted, joined, moved
from vergence.types import Camera, Intrinsics, PointCloud

LENS = Intrinsics(40, 40, 20, 15, 40, 30)
TURN = np.array([[0, 0, 1, 5], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]], np.float64)  # z of the camera is x


def plain(points, **more):
    points = np.asarray(points, np.float32).reshape(-1, 3)
    return PointCloud(points, np.zeros((len(points), 3), np.uint8), **more)


def wall(z, x=0.0):
    """What a camera at `x` sees of a wall, and its cloud in the world."""
    pose = np.eye(4)
    pose[0, 3] = x
    depth = np.full((30, 40), z, np.float32)
    cloud = moved(plain(unproject(depth, LENS)), pose)
    return DepthView(depth, Camera(LENS, pose)), cloud


def test_a_pose_moves_points_and_turns_normals():
    cloud = moved(plain([[1, 2, 3]], normals=np.array([[0, 0, -1]], np.float32)), TURN)
    np.testing.assert_allclose(cloud.points, [[8, 2, -1]])
    np.testing.assert_allclose(cloud.normals, [[-1, 0, 0]])


def test_clouds_are_joined_or_merged_in_voxels():
    one, two = plain([[0.1, 0.1, 0.1], [3, 3, 3]]), plain([[0.3, 0.1, 0.1]])
    assert fuse([one, two]).points.tolist() == np.concatenate([one.points, two.points]).tolist()
    np.testing.assert_allclose(fuse(iter([one, two]), voxel=1.0).points, [[0.2, 0.1, 0.1], [3, 3, 3]], atol=1e-6)
    assert len(fuse([])) == len(joined([])) == 0
    with pytest.raises(ShapeError, match="confidence"):
        joined([one, plain([[0, 0, 0]], confidence=np.ones(1, np.float32))])


def test_views_that_agree_contradict_nothing():
    view, cloud = wall(4.0)
    others = [wall(4.0, x)[0] for x in (-0.5, 0.5)]
    assert not is_contradicted(cloud.points, [view, *others], tolerance=0.01).any()


def test_points_in_the_air_are_contradicted_by_those_who_see_through_them():
    others = [wall(4.0, x)[0] for x in (-0.2, 0.2)]
    assert is_contradicted(np.float32([[0, 0, 2], [0, 0, 3.99]]), others, tolerance=0.01).tolist() == [True, False]
    assert is_contradicted(np.float32([[0, 0, 2.5]]), others, tolerance=0.7).tolist() == [False]


def test_what_hides_or_is_not_looked_at_says_nothing():
    others = [wall(4.0)[0]]
    points = np.float32([[0, 0, 6], [0, 0, -2], [50, 0, 2], [0, -50, 2]])
    assert not is_contradicted(points, others, tolerance=0.01).any()
    blind = DepthView(np.zeros((30, 40), np.float32), Camera(LENS, np.eye(4)))
    assert not is_contradicted(np.float32([[0, 0, 2]]), [blind], tolerance=0.01).any()
    assert not is_contradicted(np.float32([[0, 0, 2]]), [], tolerance=0.01).any()


def test_it_takes_more_against_than_for():
    far, near = wall(4.0)[0], wall(2.0)[0]
    point = np.float32([[0, 0, 2]])
    assert is_contradicted(point, [far, far, near], tolerance=0.01).tolist() == [True]
    assert is_contradicted(point, [far, near], tolerance=0.01).tolist() == [False]


def test_the_pose_of_a_view_counts():
    depth = np.full((30, 40), 4, np.float32)
    view = DepthView(depth, Camera(LENS, TURN))
    points = (np.float32([[0, 0, 4, 1], [0, 0, 2, 1], [0.9, -0.7, 2, 1]]) @ TURN.T[:, :3]).astype(np.float32)
    assert is_contradicted(points, [view], tolerance=0.01).tolist() == [False, True, True]


def test_beside_a_step_the_nearer_side_is_given_the_benefit():
    depth = np.full((30, 40), 4, np.float32)
    depth[:, 20:] = 2
    view = DepthView(depth, Camera(LENS, np.eye(4)))
    inside = np.float32([[(19.5 - 20) / 40 * 2, 0, 2], [(15.5 - 20) / 40 * 2, 0, 2]])  # one pixel and five beyond it
    assert is_contradicted(inside, [view], tolerance=0.01).tolist() == [False, True]


def test_senseless_views_and_tolerances_are_refused():
    with pytest.raises(ShapeError, match="camera"):
        DepthView(np.zeros((5, 5), np.float32), Camera(LENS, np.eye(4)))
    for tolerance in (0.0, 1.0):
        with pytest.raises(SettingsError, match="share"):
            is_contradicted(np.zeros((1, 3), np.float32), [], tolerance=tolerance)
