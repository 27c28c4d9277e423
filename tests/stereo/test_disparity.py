from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import SettingsError
from vergence.stereo.disparity import MOST_AHEAD, disparities
from vergence.stereo.settings import StereoSettings
from vergence.types import DepthFrame, DepthMap, Frame


def frame(values, *, kind="metric", index=0, shot=0, valid=None, width=1000, fps=30):
    values = np.asarray(values, np.float32)
    valid = np.ones(values.shape, bool) if valid is None else valid
    rgb = np.zeros((width * values.shape[0] // values.shape[1], width, 3), np.uint8)
    return DepthFrame(Frame(rgb, index, Fraction(index, fps), shot=shot), DepthMap(values, valid, kind))


def room(near=2.0, far=10.0, size=32):
    """A wall at `far` with a box at `near` in the middle."""
    values = np.full((size, size), far, np.float32)
    values[size // 4 : -size // 4, size // 4 : -size // 4] = near
    return values


def one(item, **settings):
    return next(disparities([item], settings=StereoSettings(**settings))).disparity


def test_near_things_have_the_larger_disparity():
    found = one(frame(room()))
    assert found[16, 16] > found[0, 0]


def test_larger_values_of_a_relative_model_are_nearer():
    found = one(frame(1 / room(), kind="affine_inverse"))
    assert found[16, 16] > found[0, 0]


@pytest.mark.parametrize("kind", ["metric", "affine_inverse"])
def test_the_total_disparity_keeps_to_the_budget(kind):
    found = one(frame(np.random.default_rng(0).uniform(0.5, 90, (32, 32)), kind=kind), strength=3)
    assert found.max() - found.min() <= 30.0


def test_a_room_uses_most_of_the_budget():
    found = one(frame(room()), strength=2)
    assert 15 < found.max() - found.min() <= 20


def test_pixels_take_the_place_of_percent():
    found = one(frame(room()), max_disparity=12)
    assert 9 < found.max() - found.min() <= 12


def test_convergence_0_brings_all_forward_and_1_puts_all_behind():
    assert one(frame(room()), convergence=0.0).min() >= 0
    assert one(frame(room()), convergence=1.0).max() <= 0


def test_automatic_convergence_puts_the_middle_on_the_screen():
    found = one(frame(room()))
    assert abs(found[16, 16]) < 1
    assert found[0, 0] < -10


def test_a_flat_wall_stays_flat():
    wall = 3 + np.random.default_rng(0).normal(0, 0.01, (32, 32))
    found = one(frame(wall), strength=2)
    assert found.max() - found.min() < 4


def test_disparity_given_in_pixels_is_used_exactly():
    given_pixels = np.array([[3.5, -2.0], [0.25, 40.0]], np.float32)
    item = next(disparities([frame(given_pixels, kind="disparity")], settings=StereoSettings(strength=1)))
    assert item.is_exact
    np.testing.assert_array_equal(item.disparity, given_pixels)


def test_invalid_depth_takes_what_lies_behind_beside_it():
    values = np.array([[12.0, 70.0, 4.0, 4.0]], np.float32)
    valid = np.array([[True, False, True, True]])
    item = next(disparities([frame(values, kind="disparity", valid=valid)], settings=StereoSettings()))
    np.testing.assert_array_equal(item.disparity, [[12, 4, 4, 4]])


def test_a_snowflake_near_the_lens_does_not_pump_the_room():
    quiet = [frame(room(), index=i) for i in range(40)]
    snowy = list(quiet)
    flake = room()
    flake[2:4, 2:4] = 0.3
    snowy[20] = frame(flake, index=20)
    settings = StereoSettings()
    still = list(disparities(quiet, settings=settings))[20].disparity[16, 16]
    pumped = list(disparities(snowy, settings=settings))[20].disparity[16, 16]
    assert abs(pumped - still) < 0.5


def test_a_shot_eases_and_a_cut_starts_afresh():
    items = [frame(room(near=2), index=i) for i in range(30)]
    items += [frame(room(near=0.5), index=i, shot=1) for i in range(30, 60)]
    alone = [replace(item, frame=replace(item.frame, shot=0)) for item in items[30:]]
    together = list(disparities(items, settings=StereoSettings()))[30:]
    np.testing.assert_array_equal(together[0].disparity, next(disparities(alone, settings=StereoSettings())).disparity)


def test_every_frame_comes_out_once_and_in_order():
    items = [frame(room(), index=i, shot=i // 7) for i in range(40)]
    assert [d.frame.index for d in disparities(items, settings=StereoSettings())] == list(range(40))


def test_no_more_frames_are_held_than_said():
    taken = 0

    def source():
        nonlocal taken
        for i in range(200):
            taken += 1
            yield frame(room(), index=i, fps=240)

    stream = disparities(source(), settings=StereoSettings(lookahead=5))
    next(stream)
    assert taken <= MOST_AHEAD + 1


@given(scale=st.floats(0.1, 10), seed=st.integers(0, 99), kind=st.sampled_from(["scale_invariant", "affine_inverse"]))
def test_an_unknown_scale_does_not_change_the_picture(scale, seed, kind):
    values = np.random.default_rng(seed).uniform(1, 20, (16, 16)).astype(np.float32)
    a, b = one(frame(values, kind=kind)), one(frame(values * np.float32(scale), kind=kind))
    np.testing.assert_allclose(a, b, atol=0.02)


@pytest.mark.parametrize("bad", [{"strength": -1}, {"strength": 11}, {"max_disparity": -2}, {"convergence": 1.5}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(SettingsError):
        StereoSettings(**bad)
