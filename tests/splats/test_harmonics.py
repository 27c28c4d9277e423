"""Colour by direction: the basis is orthonormal, and of the published order and signs."""

import numpy as np
import pytest

from vergence.splats.harmonics import basis, colours, plain


def directions(count, seed=0):
    found = np.random.default_rng(seed).normal(size=(count, 3))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_the_functions_are_orthonormal_over_the_sphere():
    nodes, weights = np.polynomial.legendre.leggauss(8)  # exact for products of degree 3
    turns = np.arange(16) * 2 * np.pi / 16
    z, turn = np.repeat(nodes, 16), np.tile(turns, 8)
    level = np.sqrt(1 - z * z)
    sphere = np.stack([level * np.cos(turn), level * np.sin(turn), z], axis=1).astype(np.float32)
    values = basis(sphere, 16).astype(float)
    products = values.T * np.repeat(weights, 16) * 2 * np.pi / 16 @ values
    np.testing.assert_allclose(products, np.eye(16), atol=1e-5)


@pytest.mark.parametrize(("at", "axis", "sign"), [(1, 1, -1), (2, 2, 1), (3, 0, -1)])
def test_degree_one_grows_along_minus_y_z_and_minus_x(at, axis, sign):
    values = basis(np.eye(3, dtype=np.float32), 4)[:, at]
    expected = np.zeros(3)
    expected[axis] = sign * 0.48860251
    np.testing.assert_allclose(values, expected, atol=1e-6)


@pytest.mark.parametrize("count", [1, 4, 9, 16])
def test_functions_of_a_lower_degree_are_the_first_of_a_higher(count):
    some = directions(20)
    np.testing.assert_array_equal(basis(some, count), basis(some, 16)[:, :count])


def test_a_plain_colour_is_itself_from_everywhere():
    rgb = np.random.default_rng(1).random((50, 3), np.float32)
    np.testing.assert_allclose(colours(plain(rgb), directions(50)), rgb, atol=1e-6)
    padded = np.pad(plain(rgb), ((0, 0), (0, 8), (0, 0)))
    np.testing.assert_allclose(colours(padded, directions(50)), rgb, atol=1e-6)


def test_many_are_done_like_one():
    count = 1003
    harmonics = np.random.default_rng(2).normal(size=(count, 4, 3)).astype(np.float32)
    some = directions(count)
    last = colours(harmonics[-1:], some[-1:])
    np.testing.assert_allclose(colours(harmonics, some)[-1:], last, atol=1e-6)
    assert (colours(harmonics, some) >= 0).all()
