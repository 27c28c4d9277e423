import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vergence.stereo.fill import fill
from vergence.stereo.scan import HOLE
from vergence.stereo.warp import warp


def square(disparity, behind=90):
    """A near square on `behind`, 40 x 80, and its disparity."""
    rgb, near = np.full((40, 80, 3), behind, np.uint8), np.zeros((40, 80), np.float32)
    rgb[10:30, 30:50], near[10:30, 30:50] = 250, disparity
    return rgb, near


def hole_of(view):
    return view.disparity == HOLE


@pytest.mark.parametrize("shift", [0.5, -0.5])
def test_holes_take_the_background_and_never_the_square(shift):
    view = warp(*square(16.0), shift)
    hole = hole_of(view)
    filled = fill(view).rgb
    assert hole.sum() >= 8 * 20
    assert set(filled[hole][:, 0].tolist()) == {90}


def test_a_hole_at_the_border_takes_the_picture_inside():
    rgb = np.full((4, 30, 3), 120, np.uint8)
    filled = fill(warp(rgb, np.full((4, 30), 10, np.float32), 0.5))
    assert (filled.rgb == 120).all()
    assert (filled.disparity[:, :5] == HOLE).all()


def test_a_hole_beside_another_thing_takes_what_lies_behind_both():
    rgb, near = square(20.0)
    rgb[10:30, 56:70], near[10:30, 56:70] = 10, 19.5  # a second thing: after the shift it stands beside the hole
    view = warp(rgb, near, -1.0)
    hole = hole_of(view)
    hole[:, 60:] = False  # what the picture's border opened
    assert set(fill(view).rgb[hole][:, 0].tolist()) == {90}


def test_stripes_go_on_and_keep_their_contrast():
    rgb, near = square(16.0)
    rgb[:, :, :] = np.where(np.arange(80) // 2 % 2, 60, 200)[None, :, None]
    rgb[10:30, 30:50] = 250
    view = warp(rgb, near, -1.0)
    hole = hole_of(view)
    hole[:, 60:] = False
    filled = fill(view).rgb[..., 0].astype(float)
    assert filled[hole].std() > 0.4 * 70


def test_levels_of_brightness_go_on_across_rows():
    rgb, near = square(16.0)
    rgb[:] = np.linspace(40, 80, 40).astype(np.uint8)[:, None, None]
    want = rgb[:, :1].copy()
    rgb[10:30, 30:50] = 250
    view = warp(rgb, near, -1.0)
    hole = hole_of(view)
    off = np.abs(fill(view).rgb.astype(int) - want)[hole]
    assert off.max() <= 6


@settings(max_examples=25, deadline=None)
@given(disparity=arrays.arrays(np.float32, (6, 40), elements=st.floats(-30, 30, width=32)))
def test_filling_leaves_nothing_undefined_and_touches_only_holes(disparity):
    rgb = np.full((6, 40, 3), 200, np.uint8)
    rgb[:, ::2] = 100
    before = warp(rgb, disparity, 0.5)
    filled = fill(warp(rgb, disparity, 0.5)).rgb
    seen = before.disparity != HOLE
    assert filled[seen.any(axis=1)].min() >= 40  # detail on top of a mean swings no further than the texture's own
    assert np.array_equal(filled[seen], before.rgb[seen])


def test_sixteen_bits_are_filled_like_eight():
    rgb, near = square(16.0)
    rgb[:] = np.random.default_rng(1).integers(0, 200, rgb.shape)
    eight = fill(warp(rgb, near, -0.5)).rgb
    sixteen = fill(warp(rgb.astype(np.uint16) * 257, near, -0.5)).rgb
    np.testing.assert_allclose(sixteen / 257, eight, atol=1.01)
