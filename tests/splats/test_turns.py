"""Rotations there and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slow_splats import rotation
from vergence.splats.turns import quaternions, rotation_matrices


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.01))
def test_a_turn_survives_the_way_through_a_matrix(values):
    turn = np.array(values) / np.linalg.norm(values)
    matrix = rotation_matrices(turn[None])
    np.testing.assert_allclose(matrix[0], rotation(*turn), atol=1e-12)
    back = quaternions(matrix)[0]
    assert back[0] >= 0
    np.testing.assert_allclose(abs(back @ turn), 1, atol=1e-12)


@pytest.mark.parametrize("axis", range(3))
def test_half_turns_are_found(axis):
    matrix = -np.eye(3, dtype=np.float32)
    matrix[axis, axis] = 1
    expected = np.zeros(4)
    expected[1 + axis] = 1
    np.testing.assert_allclose(np.abs(quaternions(matrix[None])[0]), expected, atol=1e-6)
    assert quaternions(matrix[None]).dtype == np.float32
