"""Rotations there and back, and poses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from slow_splats import rotation
from vergence.geometry.pose import inverse, pose, quaternions, rotation_matrices

QUATERNIONS = arrays(float, 4, elements=st.floats(-1, 1, width=32)).filter(lambda q: np.linalg.norm(q) > 0.1)


@given(quaternion=QUATERNIONS)
def test_a_turn_survives_the_way_through_a_matrix(quaternion):
    unit = quaternion / np.linalg.norm(quaternion)
    matrix = rotation_matrices(quaternion)
    np.testing.assert_allclose(matrix, rotation(*unit), atol=1e-12)
    back = quaternions(matrix)
    assert back[0] >= 0
    np.testing.assert_allclose(abs(back @ unit), 1, atol=1e-12)


def test_many_turns_are_as_many_single_ones():
    dice = np.random.default_rng(3)
    many = dice.normal(size=(2, 5, 4))
    matrices = rotation_matrices(many)
    assert matrices.shape == (2, 5, 3, 3)
    np.testing.assert_allclose(matrices[1, 3], rotation_matrices(many[1, 3]), atol=1e-15)
    np.testing.assert_allclose(quaternions(matrices)[1, 3], quaternions(matrices[1, 3]), atol=1e-15)


@pytest.mark.parametrize("axis", range(3))
def test_half_turns_are_found(axis):
    matrix = -np.eye(3, dtype=np.float32)
    matrix[axis, axis] = 1
    expected = np.zeros(4)
    expected[1 + axis] = 1
    np.testing.assert_allclose(np.abs(quaternions(matrix)), expected, atol=1e-6)
    assert quaternions(matrix).dtype == np.float32


def test_a_quarter_turn_round_z_takes_x_to_y():
    np.testing.assert_allclose(rotation_matrices(np.array([1.0, 0, 0, 1])) @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_a_pose_takes_points_where_they_belong_and_its_inverse_back():
    rigid = pose(rotation_matrices(np.array([1.0, 0, 0, 1])), np.array([10.0, 0, 0]))
    np.testing.assert_allclose(rigid @ [1, 0, 0, 1], [10, 1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(inverse(rigid) @ [10, 1, 0, 1], [1, 0, 0, 1], atol=1e-12)
