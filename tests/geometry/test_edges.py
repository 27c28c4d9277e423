"""What hangs between two surfaces is found; what is a surface is not."""

import numpy as np
import pytest

from vergence.geometry.edges import is_smeared, snap
from vergence.geometry.resample import resize_depth
from vergence.types import Intrinsics


def camera(width, height, focal):
    return Intrinsics(focal, focal, width / 2, height / 2, width, height)


def smeared(z):
    z = np.asarray(z, np.float32)
    return is_smeared(z, camera(z.shape[1], z.shape[0], focal=100.0))  # a share of 0.1143 a pixel is too much


def test_the_middle_of_a_ramp_goes_and_its_ends_stay():
    row = [2, 2, 2.6, 3.2, 4, 4]
    expected = [[False, False, True, True, False, False]] * 3
    assert smeared([row] * 3).tolist() == expected
    assert smeared([row[::-1]] * 3).tolist() == [line[::-1] for line in expected]
    assert smeared(np.transpose([row] * 3)).T.tolist() == expected


@pytest.mark.parametrize(
    "row", [[2, 2, 4, 4], [4, 2, 4, 4], [2, 5, 2, 2], [2, 2.2, 2.4, 2.6]], ids=["cut", "pole", "slit", "slope"]
)
def test_surfaces_and_thin_things_stay(row):
    assert not smeared([row] * 4).any()


def test_where_nothing_is_known_nothing_is_said():
    assert not smeared([[2, 0, 4, 8, 0, 1]] * 3).any()


def test_a_pixel_and_a_line_are_no_trouble():
    assert not smeared([[3]]).any()
    assert smeared([[1, 2, 4]]).tolist() == [[False, True, False]]


def test_the_measure_does_not_depend_on_the_resolution():
    """A ramp three samples wide, and the same map resized eightfold."""
    small = np.full((12, 16), 4, np.float32)
    small[:, :6] = 2
    small[:, 6:9] = 2.5, 3.0, 3.5
    assert is_smeared(small, camera(16, 12, 100.0)).any(axis=0).nonzero()[0].tolist() == [6, 7, 8]
    large = resize_depth(small, 128, 96, sampling="centres")
    columns = is_smeared(large, camera(128, 96, 800.0)).any(axis=0).nonzero()[0]
    assert (columns[0], columns[-1]) == (44, 74)  # from the last sample of 2 m to the first of 4 m
    assert len(columns) == 31


def test_a_floor_stays_up_to_eleven_times_the_eyes_height():
    """The eye is 1 m above a plane; rows under the horizon see it at f / (row - middle)."""
    focal, height = 500.0, 800
    below = np.arange(1, height // 2) + 0.5
    z = np.zeros((height, 9), np.float32)
    z[-len(below) :] = (focal / below)[:, None]
    gone = is_smeared(z, camera(9, height, focal))[:-1, 4]
    seen = z[:-1, 4]
    assert not gone[(seen > 0) & (seen < 10.8)].any()
    assert gone[(seen > 12.5) & (seen < 250)].all()


def test_a_ramp_becomes_a_step_in_its_middle():
    row = np.float32([2, 2, 2, 2.6, 3.3, 4.1, 5, 5, 5])
    z = np.tile(row, (4, 1))
    smeared = is_smeared(z, camera(9, 4, 100.0))
    assert smeared[0].tolist() == [False] * 3 + [True] * 3 + [False] * 3
    snapped = snap(z, smeared, np.ones_like(smeared))
    assert set(np.unique(snapped)) == {2, 5}
    assert snapped[0, 3] == 2
    assert snapped[0, 5] == 5
    np.testing.assert_array_equal(z[0], row)


def test_snapping_never_takes_depth_that_is_not_valid():
    z = np.tile(np.float32([0, 2.6, 3.3, 5]), (3, 1))
    smeared = np.tile([False, True, True, False], (3, 1))
    assert set(np.unique(snap(z, smeared, z > 0)[:, 1:])) == {5}
