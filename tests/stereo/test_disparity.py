from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import SettingsError
from vergence.stereo.disparity import MOST_AHEAD, disparities
from vergence.stereo.screen import Screen
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


def test_sky_stays_behind_whoever_stands_before_it():
    values, valid = np.full((32, 32), 50, np.float32), np.zeros((32, 32), bool)
    values[8:, 12:20], valid[8:, 12:20] = 2, True
    values[24:], valid[24:] = 6, True
    sky = one(frame(values, valid=valid))
    assert sky[16, 2] == pytest.approx(sky[2, 2])
    assert sky[16, 2] < sky[28, 2] < sky[16, 16]
    unknown = one(frame(np.where(valid, values, 0), valid=valid))
    assert unknown[16, 2] == pytest.approx(unknown[16, 16])  # of what has no depth at all nobody knows


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


def test_without_lookahead_every_frame_is_answered_before_the_next():
    fed = []

    def live():
        for index in range(4):
            fed.append(index)
            yield frame(room(), index=index)

    for index, made in enumerate(disparities(live(), settings=StereoSettings(lookahead=0))):
        assert made.frame.index == index
        assert fed[-1] == index


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


# -- comfort -------------------------------------------------------------------------------------------------------


def snow(index, *, share=0.0, seed=0):
    """The room with flakes of 1 to 2 samples right before the lens on `share` of the picture."""
    rng = np.random.default_rng([seed, index])
    values = room(size=64)
    flakes = rng.random((64, 64)) < share
    values[flakes] = rng.uniform(0.2, 0.5, flakes.sum())
    return frame(values, index=index)


@pytest.mark.parametrize("share", [0.01, 0.04, 0.1])
def test_snow_that_comes_and_goes_does_not_pump_the_room(share):
    items = [snow(i, share=share if (i // 15) % 2 else 0.0) for i in range(90)]
    where = room(size=64) < 5
    found = [d.disparity for d in disparities(items, settings=StereoSettings())]
    depth = [np.median(d[where]) - np.median(d[~where]) for d in found]
    assert np.ptp(depth) < 0.25, "px of 20"
    assert max(np.ptp(d) for d in found) <= 20, "the flakes keep to the budget too"


def test_nothing_lies_so_far_behind_the_screen_that_eyes_diverge(caplog):
    screen = Screen(width=10.0, distance=12.0)
    items = [frame(room(), index=i) for i in range(10)]
    found = list(disparities(items, settings=StereoSettings(strength=3, convergence=1.0, screen=screen)))
    assert min(d.disparity.min() for d in found) >= -6.3 - 1e-4
    assert len([r for r in caplog.records if "diverge" in r.message]) == 1
    order = np.argsort(room().ravel())
    assert (np.diff(found[0].disparity.ravel()[order]) <= 0).all(), "what is farther stays farther"


def test_a_screen_that_can_bear_the_depth_changes_nothing():
    settings = StereoSettings(strength=2)
    with_screen = replace(settings, screen=Screen(width=1.2, distance=2.5))
    a, b = (next(disparities([frame(room())], settings=s)).disparity for s in (settings, with_screen))
    np.testing.assert_array_equal(a, b)


def jumping(settings, kind="metric"):
    """The middle's disparity around a cut, where the subject comes from far behind to the front."""
    behind = np.full((32, 32), 10.0, np.float32)
    behind[:, :6] = 2.0
    far = [frame(behind, index=i, kind=kind) for i in range(30)]
    near = [frame(room(), index=i, shot=1, kind=kind) for i in range(30, 60)]
    return np.array([float(d.disparity[16, 16]) for d in disparities([*far, *near], settings=settings)])


def test_the_subject_does_not_jump_far_at_a_cut_and_is_eased_to_its_place():
    free = jumping(StereoSettings(convergence=0.5, strength=4, max_jump=100))
    eased = jumping(StereoSettings(convergence=0.5, strength=4, max_jump=1))
    assert free[30] - free[29] > 15
    assert abs(eased[30] - eased[29]) == pytest.approx(10, abs=0.1), "1 % of 1000 px"
    assert (np.diff(eased[30:44]) >= 0).all()
    np.testing.assert_allclose(eased[43:], free[43:], atol=1e-3, err_msg="all of it within 0.4 s")
    np.testing.assert_array_equal(eased[:30], free[:30])


def test_disparity_of_ones_own_jumps_as_it_will():
    found = jumping(StereoSettings(max_jump=0), kind="disparity")
    assert found[29] == 10
    assert found[30] == 2
