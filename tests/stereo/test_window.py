from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import SettingsError
from vergence.stereo.settings import StereoSettings
from vergence.stereo.window import OPEN, FloatingWindow, _edge, cut_disparity, float_windows, masked
from vergence.types import Frame, StereoPair

WIDTH, HEIGHT = 400, 200


def pair(disparity, *, index=0, shot=0, fps=25, dtype=np.uint8):
    grey = np.full((HEIGHT, WIDTH, 3), np.iinfo(dtype).max // 2, dtype)
    return StereoPair(
        grey, grey, Frame(grey, index, Fraction(index, fps), shot=shot), np.asarray(disparity, np.float32)
    )


def scene(*, left=0.0, right=0.0, rows=slice(None), behind=-4.0):
    """A background `behind` the screen and things in front of it at either border."""
    disparity = np.full((HEIGHT, WIDTH), behind, np.float32)
    disparity[rows, :60] = left or behind
    disparity[rows, -60:] = right or behind
    return disparity


def black_columns(picture):
    """How much black each side of each row has, in columns: (left, right), half-black ones as halves."""
    dark = 1 - picture[..., 0] / picture[..., 0].max()
    return dark[:, : WIDTH // 2].sum(axis=1), dark[:, WIDTH // 2 :].sum(axis=1)


def floated(*pairs, **settings):
    return list(float_windows(pairs, settings=StereoSettings(**settings)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("hero", [None, "left", "right"])
def test_the_eye_that_sees_more_is_masked_by_the_things_disparity(hero, dtype):
    found, window = floated(pair(scene(left=9, right=6), dtype=dtype), hero=hero)[0]
    assert found.left.dtype == dtype
    left, none = black_columns(found.left)
    np.testing.assert_allclose(left, 9, atol=0.02)
    assert not none.any()
    none, right = black_columns(found.right)
    np.testing.assert_allclose(right, 6, atol=0.02)
    assert not none.any()
    assert window.left == pytest.approx((9, 9))
    assert window.right == pytest.approx((6, 6))


def test_both_eyes_see_the_same_part_of_the_thing():
    """Behind the mask the left eye begins with the very pixel the right eye begins with."""
    disparity = np.full((HEIGHT, WIDTH), 8.0, np.float32)
    x = np.arange(WIDTH)
    left, right = (np.interp(x, x + shift * 8, x) for shift in (0.5, -0.5))  # the source column each eye shows
    found, window = floated(pair(disparity))[0]
    assert left[round(window.left[0])] == right[0]
    assert right[WIDTH - 1 - round(window.right[0])] == left[WIDTH - 1]
    assert found.left[:, 10:].min() > 0


@pytest.mark.parametrize("behind", [-4.0, 0.0])
def test_what_lies_behind_the_screen_or_away_from_the_border_keeps_every_pixel(behind):
    disparity = scene(behind=behind)
    disparity[:, 30:-30] = 12  # well inside
    given_pair = pair(disparity)
    found, window = floated(given_pair)[0]
    assert found is given_pair
    assert window is OPEN or window.is_open


def test_one_eyes_worth_of_a_thing_near_the_border_is_no_violation():
    disparity = scene()
    disparity[:, 8:60] = 10  # its left side is at column 3 of the right eye's picture
    assert not cut_disparity(disparity, StereoSettings())[0].any()
    disparity[:, 4:60] = 10
    np.testing.assert_array_equal(cut_disparity(disparity, StereoSettings())[0], 10)


def test_pictures_given_are_not_written_into():
    given_pair = pair(scene(left=9))
    before = given_pair.left.copy()
    floated(given_pair)
    np.testing.assert_array_equal(given_pair.left, before)


def test_an_edge_tilts_where_that_covers_less():
    disparity = scene()
    disparity[:, :60] = np.linspace(1, 12, HEIGHT)[:, None]  # a floor
    _, window = floated(pair(disparity))[0]
    top, bottom = window.left
    assert top < 3
    assert bottom == pytest.approx(12, abs=0.5)


@given(needs=st.lists(st.floats(0, 40), min_size=1, max_size=120))
def test_an_edge_covers_every_row_and_is_never_wider_than_the_neediest(needs):
    needs = np.array(needs, np.float32)
    edge = _edge(needs, least=0.4)
    widths, _ = FloatingWindow(left=edge).widths(needs.size)
    assert (widths >= np.where(needs > 0.4, needs, 0) - 1e-3).all()
    assert max(edge) <= max(needs.max(), 0) * (1 + 1e-5)


def test_an_edge_comes_fast_and_goes_slowly():
    quiet, cut = scene(), scene(left=10)
    pairs = [pair(cut if 10 <= i < 30 else quiet, index=i) for i in range(70)]
    width = np.array([window.left[0] for _, window in floated(*pairs)])
    assert (width[:10] == 0).all()
    assert 1 < width[10] < 5, "not at once"
    assert width[17] > 8
    assert (np.diff(width[10:30]) >= 0).all()
    assert 4 < width[45] < 8
    assert (np.diff(width[30:]) <= 0).all()


def test_a_shot_begins_with_its_own_window():
    pairs = [pair(scene(left=10), index=i) for i in range(5)] + [pair(scene(right=7), index=5, shot=1)]
    _, window = floated(*pairs)[-1]
    assert window.left == (0, 0)
    assert window.right == pytest.approx((7, 7))


def test_noise_at_the_border_does_not_shake_the_edge():
    rng = np.random.default_rng(0)
    pairs = []
    for i in range(50):
        disparity = scene(left=10)
        disparity[:, :60] += rng.normal(0, 0.5, (HEIGHT, 60))
        pairs.append(pair(disparity, index=i))
    top = np.array([window.left[0] for _, window in floated(*pairs)])
    assert np.abs(np.diff(top)).max() < 0.5


def test_disparity_nobody_knows_is_told():
    with pytest.raises(SettingsError, match="--floating-window off"):
        floated(replace(pair(scene()), disparity=None))


def test_rows_without_an_edge_keep_their_first_pixel():
    found = masked(pair(scene()), FloatingWindow(left=(0.0, 10.0)))
    assert (found.left[100:, 0] == 0).all()
    assert (masked(pair(scene()), FloatingWindow(right=(3.0, 3.0))).left == 127).all()
