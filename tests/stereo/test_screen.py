"""The geometry of a viewer, checked by looking along the rays of both eyes."""

import logging
from fractions import Fraction
from math import atan, degrees

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import DepthKindError, SettingsError
from vergence.stereo.disparity import disparities
from vergence.stereo.screen import Screen
from vergence.stereo.settings import StereoSettings
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

WIDTH, HEIGHT = 1000, 500


def item(z, *, fx=800.0, kind="metric", index=0, shot=0, camera=True):
    z = np.asarray(z, np.float32)
    camera = Intrinsics(fx, fx, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT) if camera else None
    frame = Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), index, Fraction(index, 25), shot=shot, intrinsics=camera)
    return DepthFrame(frame, DepthMap(z, np.ones(z.shape, bool), kind))


def to_scale(screen, *, strength=10.0, **more):
    return StereoSettings(strength=strength, screen=screen, is_to_scale=True, **more)


def seen(x_left, x_right, screen):
    """Where the rays of two eyes through two points of a screen cross: (x, z) in metres from between the eyes."""
    left, right = np.array([-screen.ipd / 2, 0.0]), np.array([screen.ipd / 2, 0.0])
    towards_left = np.array([x_left, screen.distance]) - left
    towards_right = np.array([x_right, screen.distance]) - right
    t, _ = np.linalg.solve(np.stack([towards_left, -towards_right], axis=1), right - left)
    return left + t * towards_left


def shown(x, z, disparity, *, fx, screen):
    """Where a point before the camera lies on the screen for either eye, metres from its middle."""
    middle = fx * x / z
    scale = screen.width / WIDTH
    return (middle + disparity / 2) * scale, (middle - disparity / 2) * scale


@given(
    fx=st.floats(400, 2000),
    width=st.floats(0.8, 4),
    distance=st.floats(0.5, 5),
    z=st.floats(2, 50),
    x=st.floats(-1, 1),
)
def test_two_eyes_see_true_widths_and_depth_stretched_by_the_seat(fx, width, distance, z, x):
    screen = Screen(width, distance)
    depth = np.full((32, 32), z)
    disparity = float(next(disparities([item(depth, fx=fx)], settings=to_scale(screen))).disparity[0, 0])
    found = seen(*shown(x, z, disparity, fx=fx, screen=screen), screen)
    own = screen.own_distance(fx, WIDTH)
    np.testing.assert_allclose(found, [x, z * distance / own], rtol=5e-3, atol=5e-3)


def test_from_the_pictures_own_distance_every_point_stands_where_it_stood():
    screen = Screen(width=2.0, distance=1.6)  # 800 px of 1000: the camera's own angle
    z = np.repeat(np.linspace(1.5, 9, 32)[None], 32, axis=0)
    found = next(disparities([item(z)], settings=to_scale(screen))).disparity
    for column in (0, 13, 31):
        point = seen(*shown(0.3, z[0, column], float(found[0, column]), fx=800, screen=screen), screen)
        np.testing.assert_allclose(point, [0.3, z[0, column]], rtol=1e-3)


def test_what_is_farthest_lies_an_eyes_distance_apart():
    found = next(disparities([item(np.full((32, 32), 1e6))], settings=to_scale(Screen(2.0, 2.0)))).disparity
    np.testing.assert_allclose(found, -0.063 / 2.0 * WIDTH, rtol=1e-3)


def test_a_scene_within_the_budget_is_exactly_true_and_one_beyond_it_is_said_to_be_limited(caplog):
    screen, z = Screen(2.0, 1.6), np.repeat(np.linspace(1, 20, 32)[None], 32, axis=0)
    true = 0.063 * 800 / z - 31.5
    with caplog.at_level(logging.WARNING):
        wide = next(disparities([item(z)], settings=to_scale(screen, strength=10))).disparity
    np.testing.assert_allclose(wide, true, atol=0.01)
    assert not caplog.records
    items = [item(z, index=i) for i in range(5)]
    tight, *_ = [d.disparity for d in disparities(items, settings=to_scale(screen, strength=2))]
    assert len([r for r in caplog.records if "budget" in r.message]) == 1
    assert np.ptp(tight) <= 20
    assert np.ptp(tight) > 18
    assert (np.diff(tight[0]) < 0).all(), "farther is farther"
    near_screen = np.abs(true) < 1.5
    np.testing.assert_allclose(tight[near_screen], true[near_screen], atol=0.4)


def test_what_is_too_far_from_the_screen_is_moved_towards_it_as_a_whole():
    """A street seen through a small screen: 3.2 to 4.9 % of the width behind it."""
    z = np.repeat(np.linspace(2.5, 16, 32)[None], 32, axis=0)
    true = 0.063 * 800 / z - 52.5
    found = next(disparities([item(z)], settings=to_scale(Screen(1.2, 0.96), strength=3))).disparity
    np.testing.assert_allclose(found - found.mean(), true - true.mean(), atol=0.02)
    assert found.min() == pytest.approx(-30, abs=0.5)


def test_a_thing_before_the_lens_keeps_to_the_budget_and_does_not_flatten_the_rest():
    z = np.full((32, 32), 6.0)
    z[:, 16:] = 3.0
    z[3, 3] = 0.1
    found = next(disparities([item(z)], settings=to_scale(Screen(2.0, 1.6), strength=2))).disparity
    assert np.ptp(found) <= 20 + 1e-3
    assert found[9, 20] - found[9, 5] == pytest.approx(0.063 * 800 / 6, abs=0.01)


def test_a_seat_that_stretches_depth_is_said(caplog):
    next(disparities([item(np.full((32, 32), 4.0))], settings=to_scale(Screen(1.2, 2.5))))
    assert "depth looks 2.6 times as deep" in caplog.text
    assert "0.96 m" in caplog.text


@pytest.mark.parametrize("kind", ["scale_invariant", "affine_inverse"])
def test_depth_without_metres_is_refused_with_what_to_do(kind):
    with pytest.raises(DepthKindError, match=r"metric depth.*--kind metric"):
        next(disparities([item(np.ones((8, 8)), kind=kind)], settings=to_scale(Screen(1, 2))))


def test_parallel_cameras_leave_infinity_where_it_is():
    z = np.full((32, 32), 4.0)
    z[:, :9] = 1e6
    found = next(disparities([item(z)], settings=to_scale(Screen(4.0, 4.0), convergence=0.0))).disparity
    np.testing.assert_allclose(found, 0.063 * 800 / z, atol=0.01)


def test_an_unknown_camera_is_refused():
    with pytest.raises(SettingsError, match="--fov-x-deg"):
        next(disparities([item(np.ones((8, 8)), camera=False)], settings=to_scale(Screen(1, 2))))


def test_the_cameras_depth_goes_before_the_pictures():
    told = item(np.full((32, 32), 3.0), fx=500)
    own = Intrinsics(40, 40, 25, 12.5, 50, 25)  # of a smaller picture: 800 px at full size
    known = DepthFrame(told.frame, DepthMap(told.depth.values, told.depth.valid, "metric", intrinsics=own))
    found = next(disparities([known], settings=to_scale(Screen(2.0, 1.6)))).disparity
    np.testing.assert_allclose(found, 0.063 * 800 / 3 - 31.5, atol=0.01)


@given(share=st.floats(-0.05, 0.05), width=st.floats(0.3, 10), distance=st.floats(0.3, 12))
def test_vergence_is_the_angle_between_the_eyes(share, width, distance):
    screen = Screen(width, distance)
    offset = share * width / 2
    half = screen.ipd / 2
    turned = 2 * degrees(atan((half + offset) / distance)) - 2 * degrees(atan(half / distance))
    assert screen.vergence(share) == pytest.approx(turned, abs=1e-9)
    assert screen.share(turned) == pytest.approx(share, abs=1e-9)


def test_a_picture_as_wide_as_it_is_far_fills_53_degrees():
    assert Screen(2, 2).fov == pytest.approx(53.13, abs=0.01)


@pytest.mark.parametrize("bad", [{"width": 0}, {"width": float("nan")}, {"distance": -1}, {"ipd": 63}])
def test_screens_out_of_range_are_refused(bad):
    with pytest.raises(SettingsError):
        Screen(**{"width": 1.0, "distance": 2.0, **bad})


def test_true_scale_without_a_screen_or_with_a_convergence_is_refused():
    with pytest.raises(SettingsError, match="--screen-width-m"):
        StereoSettings(is_to_scale=True)
    with pytest.raises(SettingsError, match="convergence"):
        StereoSettings(is_to_scale=True, screen=Screen(1, 2), convergence=0.5)
