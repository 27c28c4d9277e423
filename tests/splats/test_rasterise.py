"""Drawing: as the slow reference does, nearest first, of any size and from anywhere."""

from dataclasses import replace

import numpy as np
import pytest

import slow_splats as reference
from splat_scenes import SMALL, both, decibels, one, scene, toward, turned
from vergence.errors import ShapeError
from vergence.splats import rasterise
from vergence.splats.project import OPACITY, View, footprints
from vergence.splats.rasterise import draw_gaussians, draw_points
from vergence.types import Intrinsics


@pytest.mark.parametrize(
    ("size", "degree", "pose"),
    [
        (0.01, 0, np.eye(4)),
        (0.05, 3, turned(0.4, (0.2, -0.1, -0.3))),
        (0.3, 1, turned(-0.9, (1.0, 0.3, 0.2))),
    ],
    ids=["fine", "middling", "coarse"],
)
def test_the_picture_is_that_of_the_slow_reference(size, degree, pose):
    gaussians = scene(400, size=size, degree=degree)
    view = View(SMALL, pose)
    drawn = draw_gaussians(gaussians, view, background=(0.2, 0.4, 0.6))
    expected, light = reference.draw(gaussians, view, toward(gaussians, view), (0.2, 0.4, 0.6))
    assert np.ptp(expected) > 0.3  # there is something to see
    assert decibels(drawn.rgb, expected) > 60
    assert decibels(drawn.alpha, 1 - light) > 60


def test_discs_are_those_of_the_slow_reference():
    dice = np.random.default_rng(3)
    points = dice.uniform([-2, -1.5, -0.5], [2, 1.5, 4], (300, 3)).astype(np.float32)
    rgb = dice.integers(0, 256, (300, 3), dtype=np.uint8)
    view = View(SMALL, turned(0.3))
    for radius in (0.5, 2.7):
        drawn = draw_points(points, rgb, view, radius=radius).rgb
        assert decibels(drawn, reference.draw_discs(points, rgb, view, radius)) > 60


def test_a_gaussian_on_the_axis_is_as_wide_as_the_lens_makes_it():
    view = View(Intrinsics(100, 100, 32, 32, 64, 64), np.eye(4))
    drawn = draw_gaussians(one((0, 0, 2), scale=0.1, opacity=0.5), view)
    u = np.arange(64) + 0.5 - 32
    row = drawn.alpha[32]
    expected = 0.5 * np.exp(-(u**2 + 0.25) / 2 / (5**2 + 0.3))
    np.testing.assert_allclose(row, np.where(expected >= 1 / 255, expected, 0), atol=1e-4)


def test_near_things_cover_far_ones_in_any_order():
    near, far = one((0, 0, 1), opacity=0.99), one((0, 0, 2), opacity=0.99, rgb=(0.0, 1.0, 0.0))
    view = View(Intrinsics(100, 100, 20, 20, 40, 40), np.eye(4))
    first, second = draw_gaussians(both(near, far), view), draw_gaussians(both(far, near), view)
    np.testing.assert_array_equal(first.rgb, second.rgb)
    red, green, _ = first.rgb[20, 20]
    assert red > 0.98
    assert green < 0.02


def test_what_lies_behind_the_camera_or_is_too_faint_is_not_seen():
    view = View(SMALL, np.eye(4))
    for hidden in (one((0, 0, -2)), one((0, 0, 0.005)), one((0, 0, 2), opacity=0.003), one((50, 0, 2))):
        assert len(footprints(hidden, view)) == 0
    assert draw_gaussians(one((0, 0, -2)), view, background=(1, 1, 1)).rgb.min() == 1


def test_an_empty_scene_is_the_background():
    drawn = draw_gaussians(scene(0), View(SMALL, np.eye(4)), background=(0.1, 0.2, 0.3))
    np.testing.assert_allclose(drawn.rgb, np.broadcast_to(np.float32([0.1, 0.2, 0.3]), drawn.rgb.shape))
    assert drawn.rgb8[0, 0].tolist() == [26, 51, 76]


def test_moving_world_and_camera_alike_changes_nothing():
    gaussians, view = scene(200), View(SMALL, np.eye(4))
    shift = np.float32([3, -2, 5])
    moved = replace(gaussians, means=gaussians.means + shift)
    pose = np.eye(4)
    pose[:3, 3] = shift
    before, after = draw_gaussians(gaussians, view).rgb, draw_gaussians(moved, View(SMALL, pose)).rgb
    assert decibels(after, before) > 60


def test_quaternions_of_any_length_mean_their_direction():
    gaussians, view = scene(100), View(SMALL, np.eye(4))
    longer = replace(gaussians, rotations=gaussians.rotations * np.float32(3))
    np.testing.assert_allclose(draw_gaussians(longer, view).rgb, draw_gaussians(gaussians, view).rgb, atol=1e-4)


def test_strips_give_the_same_picture(monkeypatch):
    gaussians, view = scene(300, size=0.2), View(SMALL, np.eye(4))
    whole = draw_gaussians(gaussians, view).rgb
    monkeypatch.setattr(rasterise, "MOST_ENTRIES", 50)
    np.testing.assert_array_equal(draw_gaussians(gaussians, view).rgb, whole)


def test_footprints_come_nearest_first_with_their_opacity():
    gaussians = both(one((0, 0, 3), opacity=0.3), one((0, 0, 1), opacity=0.1), one((0, 0, 2), opacity=0.2))
    np.testing.assert_allclose(footprints(gaussians, View(SMALL, np.eye(4)))[:, OPACITY], [0.1, 0.2, 0.3])


def test_a_view_that_cannot_be_is_refused():
    with pytest.raises(ShapeError, match="a pose is"):
        View(SMALL, np.eye(3))
    with pytest.raises(ShapeError, match="near plane"):
        View(SMALL, np.eye(4), near=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("name", ["means", "scales", "rotations", "opacities", "harmonics"])
def test_numbers_of_a_damaged_file_do_no_harm(name, bad):
    gaussians, view = scene(100, degree=1), View(SMALL, np.eye(4))
    values = getattr(gaussians, name).copy()
    values.reshape(100, -1)[::3, 0] = bad
    drawn = draw_gaussians(replace(gaussians, **{name: values}), view)
    assert np.isfinite(drawn.rgb).all()
    assert drawn.rgb8.max() > 0


def test_points_that_are_nowhere_are_not_drawn():
    points = np.array([[np.nan, 0, 1], [np.inf, 0, 1], [0, 0, np.inf], [0, 0, 1]], np.float32)
    drawn = draw_points(points, np.full((4, 3), 255, np.uint8), View(SMALL, np.eye(4)))
    assert 0 < (drawn.alpha > 0).sum() < 20
