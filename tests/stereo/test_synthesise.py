from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from shots import SPEED, shot, wall
from vergence.stereo.settings import StereoSettings
from vergence.stereo.synthesise import synthesise
from vergence.types import DepthFrame, DepthMap, StereoPair

HIDDEN = np.s_[30:90, 60 + 50 + 9 * SPEED - 12 : 60 + 50 + 9 * SPEED - 4]  # right of the card in the right eye, frame 9


def depths(frames, **changes):
    """The shot as depth of the user's own, in pixels."""
    for item in shot(frames, **changes):
        values = item.disparity
        yield DepthFrame(item.frame, DepthMap(values, np.ones(values.shape, dtype=bool), "disparity"))


def pairs(items, **settings) -> list[StereoPair]:
    return list(synthesise(items, settings=StereoSettings(**settings)))


def off(pair):
    """Mean difference from the wall where the card hid it, 8-bit levels."""
    right = wall(pair.frame.index, shift=-1.0)
    return float(
        np.abs(pair.right.astype(float) / (257 if pair.right.dtype == np.uint16 else 1) - right)[HIDDEN].mean()
    )


@pytest.mark.parametrize("method", ["layered", "fast"])
def test_what_a_near_thing_hides_is_taken_from_other_frames(method):
    single = pairs(depths(14), hero="left", method=method, fill="texture")[9]
    known = pairs(depths(14), hero="left", method=method, fill="temporal")[9]
    assert off(known) < 4
    assert off(single) > 3 * off(known)
    assert known.left is known.frame.rgb


def test_other_frames_are_asked_by_default_but_not_by_the_fast_method():
    for method, like in (("layered", "temporal"), ("fast", "texture")):
        usual, named = (pairs(depths(10), method=method, fill=fill)[6] for fill in ("auto", like))
        np.testing.assert_array_equal(usual.right, named.right)
        np.testing.assert_array_equal(usual.left, named.left)


def test_both_eyes_are_filled_when_they_share_the_shift():
    single, known = (pairs(depths(14), fill=fill)[9] for fill in ("texture", "temporal"))
    assert (single.left != known.left).any()
    assert (single.right != known.right).any()


def test_pictures_of_16_bits_keep_them():
    known = pairs(depths(14, dtype=np.uint16), hero="left")[9]
    assert known.right.dtype == np.uint16
    assert off(known) < 4


@pytest.mark.parametrize("sampling", ["centres", "corners"])
def test_small_depth_of_either_sampling_is_remembered_with(sampling):
    small = []
    for item in depths(14):
        values = np.ascontiguousarray(item.depth.values[1::3, 1::3])
        depth = DepthMap(values, np.ones(values.shape, dtype=bool), "disparity", sampling=sampling)
        small.append(replace(item, depth=depth))
    single, known = (pairs(small, hero="left", fill=fill)[9] for fill in ("texture", "temporal"))
    assert off(known) < 0.8 * off(single)


def test_the_eyes_of_a_photo_are_the_same_with_and_without_memory():
    (single,), (known,) = (pairs(depths(1), fill=fill) for fill in ("texture", "temporal"))
    np.testing.assert_array_equal(single.left, known.left)
    np.testing.assert_array_equal(single.right, known.right)


def test_shots_of_one_frame_and_changes_of_size_come_through_in_order():
    items = []
    for number, item in enumerate(depths(12)):
        rows = 90 if number >= 8 else 120
        rgb = np.ascontiguousarray(item.frame.rgb[:rows])
        values = np.ascontiguousarray(item.depth.values[:rows])
        frame = replace(item.frame, rgb=rgb, shot=min(number, 4))
        items.append(DepthFrame(frame, DepthMap(values, np.ones(values.shape, dtype=bool), "disparity")))
    made = pairs(items)
    assert [pair.frame.index for pair in made] == list(range(12))
    assert [pair.right.shape[0] for pair in made] == [120] * 8 + [90] * 4


def test_live_does_not_wait_for_the_lookahead():
    asked = []

    def source():
        for item in depths(6):
            asked.append(item)
            yield item

    for number, pair in enumerate(synthesise(source(), settings=StereoSettings(lookahead=0)), start=1):
        assert pair.frame.index == number - 1
        assert len(asked) <= number + 1


def test_frames_that_come_very_fast_are_not_all_held():
    asked = []

    def source():
        for item in depths(60, rate=1000, speed=0):
            asked.append(item)
            yield item

    next(synthesise(source()))
    assert len(asked) < 30
    assert asked[-1].frame.time < Fraction(1, 10)
