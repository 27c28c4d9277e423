import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.geometry.rotation import between, mean_rotation, rotation_about, rotation_vector


def vector(seed, angle):
    axis = np.random.default_rng(seed).standard_normal(3)
    return axis / np.linalg.norm(axis) * angle


@given(seed=st.integers(0, 1000), angle=st.floats(0, np.pi - 1e-6))
def test_a_rotation_has_the_vector_it_was_made_of(seed, angle):
    np.testing.assert_allclose(rotation_vector(rotation_about(vector(seed, angle))), vector(seed, angle), atol=1e-7)


@given(seed=st.integers(0, 1000), angle=st.one_of(st.floats(0, np.pi), st.floats(3.1415, np.pi), st.floats(0, 1e-7)))
def test_vectors_give_their_rotations_back(seed, angle):
    rotation = rotation_about(vector(seed, angle))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rotation_about(rotation_vector(rotation)), rotation, atol=1e-7)


@pytest.mark.parametrize("short", [0, 1e-9, 3e-7, 9e-7, 1.1e-6])
def test_just_under_half_a_turn_the_axis_keeps_its_side(short):
    for seed in range(40):
        rotation = rotation_about(vector(seed, np.pi - short))
        np.testing.assert_allclose(rotation_about(rotation_vector(rotation)), rotation, atol=1e-8)


def test_a_quarter_turn_about_z_takes_x_to_y():
    np.testing.assert_allclose(rotation_about(np.array([0, 0, np.pi / 2])) @ [1, 0, 0], [0, 1, 0], atol=1e-15)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_between_goes_the_shortest_way(share):
    one = rotation_about(vector(0, 1.0))
    two = one @ rotation_about(vector(1, 0.8))
    np.testing.assert_allclose(between(one, two, share), one @ rotation_about(vector(1, 0.8 * share)), atol=1e-12)


def test_the_mean_of_turns_either_way_is_in_the_middle():
    middle = rotation_about(vector(0, 2.0))
    turns = np.stack([middle @ rotation_about(vector(1, angle)) for angle in (-0.3, 0.3, 0.0)])
    np.testing.assert_allclose(mean_rotation(turns), middle, atol=1e-12)
