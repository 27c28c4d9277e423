from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.stereo.layout.rgbd import Rgbd
from vergence.types import Frame, StereoPair


def pair(far, near, *, time=0, shot=0, dtype=np.uint8):
    disparity = np.tile(np.linspace(far, near, 64, dtype=np.float32), (48, 1))
    picture = np.full((48, 64, 3), 77, dtype)
    return StereoPair(picture, picture, Frame(picture, 0, Fraction(time), shot=shot), disparity)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_picture_is_at_the_left_and_its_nearness_at_the_right(dtype):
    packed = Rgbd()(pair(-3, 5, dtype=dtype))
    white = np.iinfo(dtype).max
    assert packed.shape == (48, 128, 3)
    assert (packed[:, :64] == 77).all()
    depth = packed[:, 64:].astype(int)
    assert (depth[..., 0] == depth[..., 2]).all()
    assert (np.diff(depth[0, :, 0]) >= 0).all()
    assert depth[0, 0, 0] == 0
    assert depth[0, -1, 0] == white


def test_half_of_it_is_as_wide_as_the_picture():
    packed = Rgbd(is_half=True)(pair(-3, 5))
    assert packed.shape == (48, 64, 3)
    assert (packed[:, :31] == 77).all()
    assert packed[0, -1, 0] > 240


def test_the_range_eases_within_a_shot_and_begins_anew_at_a_cut():
    """One thing comes near and widens the range; the rest must not go dark at once."""
    pack = Rgbd()
    before = int(pack(pair(0, 10))[0, 64 + 32, 0])
    wider = pair(0, 20, time=Fraction(1, 24))
    wider.disparity[:, 32] = 5.08  # what it was before
    soon = int(pack(wider)[0, 64 + 32, 0])
    assert before == pytest.approx(129, abs=10)
    assert soon == pytest.approx(before, abs=12)
    assert pack(replace(wider, frame=replace(wider.frame, shot=1)))[0, 64 + 32, 0] < 0.6 * before


def test_a_flat_picture_has_a_depth():
    assert np.isfinite(Rgbd()(pair(2, 2))).all()


def test_unknown_depth_is_said_in_one_line():
    with pytest.raises(SettingsError, match="no depth"):
        Rgbd()(replace(pair(0, 1), disparity=None))
