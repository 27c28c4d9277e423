"""Turning the axes of Gaussians changes nothing that can be seen."""

import numpy as np
import pytest

from gaussian_clouds import colours, covariances, gaussians
from vergence.media.splats.axes import flipped

F = np.diag([1.0, -1.0, -1.0])


def test_flipping_twice_gives_them_back():
    before = gaussians(degree=3)
    after = flipped(flipped(before))
    for name in ("means", "scales", "rotations", "opacities", "harmonics"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_shapes_turn_with_the_world():
    before = gaussians()
    after = flipped(before)
    np.testing.assert_array_equal(after.means, before.means @ F)
    expected = F @ covariances(before.rotations, before.scales) @ F
    np.testing.assert_allclose(covariances(after.rotations, after.scales), expected, atol=1e-7)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_colours_turn_with_the_world(degree):
    before = gaussians(degree=degree)
    directions = np.random.default_rng(1).normal(size=(len(before), 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    seen = colours(flipped(before).harmonics, directions @ F)
    np.testing.assert_allclose(seen, colours(before.harmonics, directions), atol=1e-6)
