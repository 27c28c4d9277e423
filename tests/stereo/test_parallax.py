from fractions import Fraction

import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.stereo.parallax import Sway, swaying
from vergence.types import Frame, StereoPair

SHORT = Sway(seconds=Fraction(1), rate=Fraction(8), approach=0)


def near_square():
    """A near square (8 px) on a far wall (-2 px), both of noise."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(60, 120, (48, 96, 3), dtype=np.uint8)
    disparity = np.full((48, 96), -2, np.float32)
    disparity[16:32, 40:56] = 8
    rgb[16:32, 40:56] = 230
    return StereoPair(rgb, rgb, Frame(rgb, 0, Fraction(0)), disparity)


def square_at(picture):
    return np.flatnonzero(picture[24, :, 1] > 180).mean()


def test_the_film_has_its_length_and_its_times():
    frames = list(swaying(near_square(), SHORT))
    assert [frame.time for frame in frames] == [Fraction(i, 8) for i in range(8)]
    assert {frame.rgb.shape for frame in frames} == {(48, 96, 3)}


def test_the_near_thing_sways_to_both_sides_and_comes_back():
    places = [square_at(frame.rgb) for frame in swaying(near_square(), SHORT)]
    assert places[2] - places[0] == pytest.approx(0.75 * 8, abs=1)
    assert places[6] - places[0] == pytest.approx(-0.75 * 8, abs=1)
    assert places[4] == pytest.approx(places[0], abs=0.5)
    assert abs(places[7] - places[0]) < 0.75 * 8  # the step to the start is one like the others


def test_the_path_is_closed_and_smooth():
    path = np.array([Sway().at(i) for i in range(Sway().frames + 1)])
    np.testing.assert_allclose(path[0], path[-1], atol=1e-12)
    steps = np.abs(np.diff(path, axis=0))
    assert steps.max(axis=0)[0] < 0.05


def test_it_comes_closer_on_the_way():
    sway = Sway(seconds=Fraction(1), rate=Fraction(2), reach=0, approach=0.5)
    start, middle = (frame.rgb for frame in swaying(near_square(), sway))
    assert np.count_nonzero(middle[..., 1] > 180) == pytest.approx(
        1.5**2 * np.count_nonzero(start[..., 1] > 180), rel=0.15
    )


def test_a_picture_of_unknown_depth_is_refused():
    picture = near_square()
    with pytest.raises(SettingsError, match="unknown depth"):
        next(swaying(StereoPair(picture.left, picture.right, picture.frame), SHORT))


def test_a_path_that_makes_no_sense_is_refused():
    with pytest.raises(SettingsError):
        Sway(seconds=Fraction(0))
