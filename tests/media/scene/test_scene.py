"""Rotations, and what a scene may be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scenes import WIDE, scene
from vergence.errors import ShapeError
from vergence.media.scene.scene import Scene, View, inverse, pose, quaternion_of, rotation_of

QUATERNIONS = arrays(float, 4, elements=st.floats(-1, 1, width=32)).filter(lambda q: np.linalg.norm(q) > 0.1)


@given(quaternion=QUATERNIONS)
def test_rotations_come_back(quaternion):
    turn = rotation_of(quaternion)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) > 0
    found = quaternion_of(turn)
    assert found[0] >= 0
    np.testing.assert_allclose(rotation_of(found), turn, atol=1e-12)


def test_a_quarter_turn_round_z_takes_x_to_y():
    np.testing.assert_allclose(rotation_of(np.array([1.0, 0, 0, 1])) @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_a_pose_and_its_inverse_cancel():
    rigid = scene().views[0].world_from_camera
    np.testing.assert_allclose(inverse(rigid) @ rigid, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("broken", [np.eye(3), np.eye(4) * 2, np.diag([1.0, 1, -1, 1]), np.full((4, 4), np.nan)])
def test_what_is_no_pose_is_refused(broken):
    with pytest.raises(ShapeError, match="pose"):
        View("a.jpg", WIDE, broken)


def test_triangles_that_name_no_point_are_refused():
    with pytest.raises(ShapeError, match="0 to 19"):
        scene(triangles=np.array([[0, 1, 20]], np.int32))
    with pytest.raises(ShapeError, match="int32"):
        scene(triangles=np.array([[0, 1, 2]]))
    with pytest.raises(ShapeError, match="outside"):
        Scene(triangles=np.zeros((1, 3), np.int32))


def test_a_pose_takes_points_where_they_belong():
    rigid = pose(rotation_of(np.array([1.0, 0, 0, 1])), np.array([10.0, 0, 0]))
    np.testing.assert_allclose(rigid @ [1, 0, 0, 1], [10, 1, 0, 1], atol=1e-12)
