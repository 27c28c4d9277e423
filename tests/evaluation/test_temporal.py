import numpy as np
import pytest

from vergence.evaluation import temporal


def video(values):
    """One value a frame, all over a 4x4 picture."""
    return np.tile(np.asarray(values, np.float32)[:, None, None], (1, 4, 4))


STILL = np.ones((4, 4), bool)


def test_depth_that_rests_has_no_deviation():
    assert temporal.static_mad(video([2, 2, 2]), STILL) == (0, 0)
    assert temporal.temporal_std(video([2, 2, 2]), STILL) == 0
    assert temporal.flicker(video([2, 2, 2]), STILL) == 0


def test_the_deviation_by_hand():
    # deviations from the median 2: 1 0 1 0 2, whose median is 1
    mean, worst = temporal.static_mad(video([1, 2, 3, 2, 4]), STILL)
    assert mean == worst == pytest.approx(1.4826 / 2)


def test_flicker_by_hand():
    assert temporal.flicker(video([1, np.e, 1]), STILL) == pytest.approx(1)


def test_slow_change_is_not_fast_and_fast_is():
    time = np.arange(64) / 32
    slow, fast = np.exp(0.1 * np.sin(2 * np.pi * time)), np.exp(0.1 * np.sin(2 * np.pi * 8 * time))
    assert temporal.fast_share(video(slow), STILL, rate=32) < 0.01
    assert temporal.fast_share(video(fast), STILL, rate=32) > 0.99


def test_pumping_is_the_excursion_of_the_whole():
    assert temporal.scale_excursion(video([1, 2, 1]), STILL) == pytest.approx(np.log(2))


def test_a_blur_loses_detail_and_a_copy_none():
    raw = np.exp(np.random.default_rng(0).normal(0, 1, (3, 16, 16))).astype(np.float32)
    blurred = (raw + np.roll(raw, 1, axis=2)) / 2
    assert temporal.detail_kept(raw, raw) == pytest.approx(1)
    assert temporal.detail_kept(blurred, raw) < 0.9


def test_what_trails_behind_is_lag_but_a_scale_is_not():
    raw = video([1, 1, 1])
    moving = np.zeros((3, 4, 4), bool)
    moving[1, 0, 0] = True
    trailing = raw.copy()
    trailing[1, 0, 0] = np.e
    assert temporal.lag(trailing, raw, moving) == pytest.approx(1)
    assert temporal.lag(raw * 3, raw, moving) == pytest.approx(0)


def test_pixels_that_never_change_much_are_still():
    grey = np.full((3, 8, 8), 100, np.uint8)
    grey[1, :4] = 130
    still = temporal.still_pixels(grey)
    assert not still[:3].any()
    assert still[6:].all()
