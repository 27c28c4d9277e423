"""Depth to look at."""

from fractions import Fraction

import numpy as np
import pytest

from vergence.media.colour_map import colourise, grey
from vergence.media.visualise import DisplayRange, visualise
from vergence.types import DepthFrame, DepthMap, Frame

RAMP = np.linspace(0, 1, 256, dtype=np.float32)[None]


def linear(srgb):
    share = srgb / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def oklab(srgb):
    """Ottosson's forward transform, as published."""
    lms = (
        linear(srgb)
        @ np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        ).T
    )
    return (
        np.cbrt(lms)
        @ np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        ).T
    )


def depth(values, kind="metric", valid=None):
    values = np.atleast_2d(np.asarray(values, np.float32))
    return DepthMap(values, np.ones(values.shape, bool) if valid is None else np.atleast_2d(valid), kind)


def item(values, index=0, shot=0, kind="metric", size=(6, 8)):
    frame = Frame(np.zeros((*size, 3), np.uint8), index, Fraction(index, 4), shot=shot)
    return DepthFrame(frame, depth(values, kind))


def test_nearer_is_lighter_and_steps_look_equal():
    lab = oklab(colourise(RAMP)[0].astype(float))
    steps = np.linalg.norm(lab[8:] - lab[:-8], axis=1)  # of eight levels, so that rounding to 8 bits is small
    assert (lab[8:, 0] > lab[:-8, 0]).all()
    assert steps.std() < 0.1 * steps.mean()


def test_near_is_warm_and_far_is_cold():
    far, near = colourise(RAMP)[0, [60, 250]].astype(int)
    assert far[2] > far[0]
    assert near[0] > near[2]


def test_greys_are_the_nearness_itself_and_clipped():
    assert grey(np.array([[-1, 0, 0.5, 1, 2]], np.float32))[0].tolist() == [[v] * 3 for v in (0, 0, 128, 255, 255)]


def test_the_range_is_by_percentiles_widened_by_a_tenth():
    shown = DisplayRange.of([depth(np.arange(101)[None] * 1.0, "disparity")])
    assert (shown.low, shown.high) == pytest.approx((2 - 4.8, 98 + 4.8))


def test_invalid_values_neither_count_nor_show():
    values = depth([[1, 2, 1000]], "disparity", valid=[[True, True, False]])
    shown = DisplayRange.of([values])
    assert shown.high < 3
    assert shown.shown(values)[0, 2] == 0


def test_a_flat_or_unknown_picture_is_shown_too():
    assert len(list(visualise([item([[3, 3]])]))) == 1
    unknown = depth([[1, 2]], valid=[[False, False]])
    assert (DisplayRange.of([unknown]).shown(unknown) == 0).all()


def test_pictures_have_the_size_and_the_times_of_their_frames():
    (frame,) = visualise([item([[1, 2], [3, 4]], index=5)])
    assert frame.rgb.shape == (6, 8, 3)
    assert (frame.index, frame.time) == (5, Fraction(5, 4))


@pytest.mark.parametrize("grayscale", [True, False])
def test_the_same_depth_looks_the_same_all_through_a_shot(grayscale):
    steady, nearer = [[1, 2, 4, 8]], [[1, 2, 4, 0.1]]
    items = [item(steady if index < 8 else nearer, index) for index in range(12)]
    frames = list(visualise(items, grayscale=grayscale, lookahead_seconds=1.0))
    assert [frame.index for frame in frames] == list(range(12))
    assert (frames[0].rgb[:, 0] == frames[11].rgb[:, 0]).all()


def test_what_comes_nearer_within_the_lookahead_counts():
    items = [item([[1, 2]], 0), item([[1, 0.25]], 1)]
    blind, _ = visualise(items, grayscale=True, lookahead_seconds=0.0)
    foreseeing, nearer = visualise(items, grayscale=True, lookahead_seconds=1.0)
    assert blind.rgb[0, 0, 0] > 200  # taken for the nearest there is
    assert foreseeing.rgb[0, 0, 0] < 100 < nearer.rgb[0, -1, 0]


def test_every_shot_has_its_own_range():
    items = [item([[1, 2]], 0, shot=0), item([[100, 200]], 1, shot=1)]
    first, second = visualise(items, grayscale=True)
    assert (first.rgb == second.rgb).all()


def test_no_more_than_the_lookahead_is_held():
    taken = []

    def endless():
        index = 0
        while True:
            taken.append(index)
            yield item([[1, 2]], index)
            index += 1

    next(visualise(endless(), lookahead_seconds=1.0))
    assert len(taken) == 5  # 0 to 1 s at 4 frames a second
