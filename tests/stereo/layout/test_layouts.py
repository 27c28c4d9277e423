from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import SettingsError
from vergence.stereo.layout import LAYOUTS, LayoutSettings, find_layout
from vergence.types import Frame, StereoPair

PACKED = [name for name, layout in LAYOUTS.items() if layout.packer is not None]


def pair(width=8, height=6, dtype=np.uint8):
    left, right = np.full((height, width, 3), 10, dtype), np.full((height, width, 3), 200, dtype)
    disparity = np.tile(np.linspace(-2, 2, width, dtype=np.float32), (height, 1))
    return StereoPair(left, right, Frame(left, 0, Fraction(0)), disparity)


def packed(name, **size):
    return find_layout(name).pack(pair(**size))


@given(width=st.integers(2, 33), height=st.integers(2, 33), dtype=st.sampled_from([np.uint8, np.uint16]))
def test_every_layout_has_its_size_and_its_eyes_where_they_belong(width, height, dtype):
    wide = dict.fromkeys(("sbs", "parallel", "cross", "rgbd"), (height, 2 * width))
    sizes = wide | {"tb": (2 * height, width)}
    for name in PACKED:
        picture = packed(name, width=width, height=height, dtype=dtype)
        if name == "vr180":
            assert picture.shape == (picture.shape[0], 2 * picture.shape[0], 3)
        else:
            assert picture.shape == (*sizes.get(name, (height, width)), 3), name
        assert picture.dtype == dtype
    assert packed("sbs", width=width, height=height)[0, 0, 0] == 10
    assert packed("sbs", width=width, height=height)[0, -1, 0] == 200
    assert packed("half-sbs", width=width, height=height)[0, 0, 0] == 10
    assert packed("half-sbs", width=width, height=height)[0, -1, 0] == 200
    assert packed("cross", width=width, height=height)[0, 0, 0] == 200
    assert packed("tb", width=width, height=height)[0, 0, 0] == 10
    assert packed("half-tb", width=width, height=height)[-1, 0, 0] == 200


def test_rows_and_columns_begin_with_the_left_eye_and_stay_in_place():
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 255, (2, 5, 7, 3), dtype=np.uint8)
    both = StereoPair(left, right, Frame(left, 0, Fraction(0)))
    rows, columns = find_layout("rows").pack(both), find_layout("columns").pack(both)
    for y in range(5):
        np.testing.assert_array_equal(rows[y], (left, right)[y % 2][y])
    for x in range(7):
        np.testing.assert_array_equal(columns[:, x], (left, right)[x % 2][:, x])


def test_no_layout_writes_into_the_pair():
    both = pair(16, 12)
    for name in PACKED:
        picture = find_layout(name).pack(both)
        assert (both.left == 10).all(), name
        assert (both.right == 200).all(), name
        assert picture.size


def test_an_unknown_layout_lists_those_there_are():
    with pytest.raises(SettingsError, match="half-sbs"):
        find_layout("sideways")


@pytest.mark.parametrize("options", [{"fov_x_deg": 0.5}, {"fov_x_deg": 171}, {"largest_eye": 63}, {"largest_eye": 101}])
def test_settings_out_of_range_are_refused(options):
    with pytest.raises(SettingsError):
        LayoutSettings(**options)


def test_the_command_line_has_a_line_for_every_layout():
    from typing import get_args

    from vergence.cli import options

    assert set(get_args(options.Layout)) == set(LAYOUTS) == set(options.LAYOUT_LINES)
    assert all("\n" not in line and len(line) < 100 for line in options.LAYOUT_LINES.values())
