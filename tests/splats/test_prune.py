"""Fewer Gaussians that say the same."""

import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.geometry.pose import rotation_matrices
from vergence.splats.lift import lift
from vergence.splats.project import View
from vergence.splats.prune import merge_voxels, without_faint
from vergence.splats.rasterise import draw_gaussians
from vergence.types import Gaussians, Intrinsics


def gaussians(means, opacities, scale=0.01):
    count = len(means)
    turns = np.zeros((count, 4), np.float32)
    turns[:, 0] = 1
    return Gaussians(
        np.array(means, np.float32),
        np.full((count, 3), scale, np.float32),
        turns,
        np.array(opacities, np.float32),
        np.arange(count * 3, dtype=np.float32).reshape(count, 1, 3),
    )


def covariance(some):
    axes = rotation_matrices(some.rotations) * some.scales[:, None, :]
    return axes @ axes.transpose(0, 2, 1)


def test_two_in_a_cube_become_one_with_their_mean_spread_and_colour():
    pair = gaussians([[0, 0, 0], [0.4, 0, 0], [5, 5, 5]], [0.75, 0.25, 0.5])
    merged = merge_voxels(pair, 2.0)
    assert len(merged) == 2
    alone, one = 0, 1
    np.testing.assert_array_equal(merged.means[alone], [5, 5, 5])
    np.testing.assert_array_equal(merged.harmonics[alone], pair.harmonics[2])
    np.testing.assert_allclose(merged.means[one], [0.1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(merged.harmonics[one, 0], [0.75, 1.75, 2.75], atol=1e-5)
    assert merged.opacities[one] == pytest.approx(0.75)
    spread = 1e-4 * np.eye(3)
    spread[0, 0] += 0.75 * 0.1**2 + 0.25 * 0.3**2
    np.testing.assert_allclose(covariance(merged)[one], spread, atol=1e-6)


def test_far_apart_all_stay_as_they_are():
    some = gaussians([[0, 0, 0], [1, 0, 0], [0, 3, 0]], [0.1, 0.2, 0.3])
    kept = merge_voxels(some, 0.1)
    np.testing.assert_array_equal(np.sort(kept.means, axis=0), np.sort(some.means, axis=0))


def test_a_surface_stays_closed_and_keeps_its_colours():
    camera = Intrinsics(120, 120, 60, 45, 120, 90)
    y, x = np.mgrid[:90, :120]
    rgb = np.stack([x * 2, y * 2, x + y], axis=-1).astype(np.uint8)
    z = np.full((90, 120), 3, np.float32)
    fine = lift(z, rgb, camera, np.ones_like(z, bool))
    coarse = merge_voxels(fine, 2 * 3 / 120)
    assert len(coarse) < len(fine) / 3
    inside = (slice(5, -5), slice(5, -5))
    view = View(camera, np.eye(4))
    before, after = draw_gaussians(fine, view), draw_gaussians(coarse, view)
    assert after.alpha[inside].min() > 0.95
    assert np.abs(after.rgb - before.rgb)[inside].mean() < 0.03


def test_the_faint_go_when_asked():
    some = gaussians([[0, 0, 0], [1, 0, 0]], [0.1, 0.2])
    assert without_faint(some, 0.15).means.tolist() == [[1, 0, 0]]


def test_voxels_that_cannot_be_are_refused():
    some = gaussians([[0, 0, 0], [1000, 0, 0]], [0.1, 0.2])
    with pytest.raises(SettingsError, match="positive"):
        merge_voxels(some, 0)
    with pytest.raises(SettingsError, match="too small"):
        merge_voxels(some, 1e-6)


def test_nothing_stays_nothing():
    assert len(merge_voxels(gaussians(np.empty((0, 3)), []), 1.0)) == 0
