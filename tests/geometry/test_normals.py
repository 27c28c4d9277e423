"""Normals of a depth map: of planes exactly, on each side of a step its own, and always towards the camera."""

import numpy as np
import pytest

from vergence.geometry.normals import surface_normals
from vergence.geometry.project import unproject
from vergence.types import Intrinsics

CAMERA = Intrinsics(80, 80, 40, 30, 80, 60)
EVERYWHERE = np.ones((60, 80), bool)


def plane(normal, distance=3.0):
    rays = unproject(np.ones((60, 80)), CAMERA)
    return distance / (rays @ np.asarray(normal, np.float64))


def slow(points, kept):
    """The specification, pixel by pixel."""
    normals = np.zeros(points.shape)
    for y, x in np.argwhere(kept):
        tangents = []
        for dy, dx in ((0, 1), (1, 0)):
            sides = [(y + s * dy, x + s * dx, s) for s in (-1, 1)]
            steps = [
                s * (points[j, i] - points[y, x]) for j, i, s in sides if 0 <= j < 60 and 0 <= i < 80 and kept[j, i]
            ]
            rises = sorted(abs(step[2]) for step in steps)
            if len(steps) == 2 and steps[0][2] * steps[1][2] >= 0 and rises[1] <= 2 * rises[0]:
                tangents.append(steps[0] + steps[1])
            else:
                tangents.append(min(steps, key=lambda step: abs(step[2])) if steps else np.array([dx, dy, 0.0]))
        normal = np.cross(*tangents)
        normals[y, x] = normal / np.linalg.norm(normal) * -np.sign(normal @ points[y, x])
    return normals


@pytest.mark.parametrize("normal", [(0, 0, 1), (0.6, 0, 0.8), (0.1, -0.5, 0.86), (0, 0.7, 0.714)])
def test_planes_have_their_own(normal):
    normal = np.array(normal) / np.linalg.norm(normal)
    found = surface_normals(unproject(plane(normal), CAMERA).astype(np.float32), EVERYWHERE)
    np.testing.assert_allclose(found, np.broadcast_to(-normal, (60, 80, 3)), atol=2e-3)


def test_they_agree_with_the_slow_obvious_ones():
    dice = np.random.default_rng(0)
    points = unproject(2 + dice.random((60, 80)), CAMERA).astype(np.float32)
    kept = dice.random((60, 80)) > 0.4
    np.testing.assert_allclose(surface_normals(points, kept), slow(points.astype(np.float64), kept), atol=1e-4)


def test_each_side_of_a_step_keeps_its_own():
    z = np.full((60, 80), 2, np.float32)
    z[:, 40:] = 5
    found = surface_normals(unproject(z, CAMERA), EVERYWHERE)
    np.testing.assert_allclose(found, np.broadcast_to([0, 0, -1], (60, 80, 3)), atol=1e-5)


def test_where_nothing_is_kept_there_is_none():
    found = surface_normals(unproject(np.full((60, 80), 2, np.float32), CAMERA), ~EVERYWHERE)
    assert not found.any()
