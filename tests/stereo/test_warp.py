import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vergence.errors import ShapeError
from vergence.stereo.scan import HOLE
from vergence.stereo.warp import TEAR, warp


def reference_warp(rgb, disparity, shift):
    """The specification: for every target pixel look at every piece of surface over it and keep the nearest."""
    height, width = disparity.shape
    out, near = np.zeros_like(rgb), np.full((height, width), HOLE, np.float32)
    white = np.iinfo(rgb.dtype).max
    for y in range(height):
        d = disparity[y].astype(np.float32)
        t = (np.arange(width, dtype=np.float32) + np.float32(shift) * d).astype(np.float32)
        joined = [False, *(np.abs(np.diff(d)) <= TEAR), False]
        for k in range(width):
            place = None
            for i in range(width):
                pieces = []
                if not joined[i]:
                    pieces.append((t[i] - np.float32(0.5), t[i], None))
                if not joined[i + 1]:
                    pieces.append((t[i], t[i] + np.float32(0.5), None))
                else:
                    pieces.append((t[i], t[i + 1], d[i + 1] - d[i]))
                for a, b, rise in pieces:
                    if np.ceil(a) <= k < np.ceil(b):
                        f = 0.0 if rise is None else (k - a) / (b - a)
                        z = d[i] if rise is None else d[i] + f * rise
                        if z > near[y, k]:
                            near[y, k], place = z, i + f
            if place is not None:
                out[y, k] = sample(rgb[y].astype(np.float64), joined, place, white)
    return out, near


def sample(row, joined, place, white):
    i = int(place)
    t = place - i
    if t < 1e-3:
        return row[i]
    before = i - 1 if joined[i] else i
    after = i + 2 if joined[i + 2] else i + 1
    weights = [
        -0.5 * t**3 + t**2 - 0.5 * t,
        1.5 * t**3 - 2.5 * t**2 + 1,
        -1.5 * t**3 + 2 * t**2 + 0.5 * t,
        0.5 * t**3 - 0.5 * t**2,
    ]
    value = sum(w * row[j] for w, j in zip(weights, (before, i, i + 1, after), strict=True))
    return np.clip(np.floor(value + 0.5), 0, white)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 24),
    shift=st.sampled_from([0.5, -0.5, 1.0, -1.0]),
    step=st.sampled_from([0.2, 1.0, 6.0]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
)
def test_the_warp_agrees_with_the_slow_obvious_one(seed, width, shift, step, dtype):
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, np.iinfo(dtype).max, (2, width, 3), endpoint=True, dtype=dtype)
    # Sixteenths keep every position exact in float32, so that both agree on which pixel a border falls.
    disparity = (np.rint(rng.normal(0, step, (2, width)).cumsum(axis=1) * 16) / 16).astype(np.float32)
    expected, near = reference_warp(rgb, disparity, shift)
    found = warp(rgb, disparity, shift)
    np.testing.assert_allclose(found.disparity, near, atol=1e-3)
    tolerance = 1 if dtype == np.uint8 else 40
    off = np.abs(found.rgb.astype(int) - expected.astype(int))[near > HOLE]
    assert off.max(initial=0) <= tolerance


def scene(disparity_of_square):
    """A white square on a grey wall of disparity 0."""
    rgb = np.full((20, 60, 3), 90, np.uint8)
    rgb[5:15, 25:35] = 250
    disparity = np.zeros((20, 60), np.float32)
    disparity[5:15, 25:35] = disparity_of_square
    return rgb, disparity


def left_edge_of_square(picture):
    return int(np.argmax(picture[10, :, 0] > 170))


def test_a_near_square_lies_further_right_in_the_left_eye():
    rgb, disparity = scene(8.0)
    left, right = warp(rgb, disparity, 0.5), warp(rgb, disparity, -0.5)
    assert left_edge_of_square(left.rgb) == 25 + 4
    assert left_edge_of_square(right.rgb) == 25 - 4


def test_a_near_square_keeps_its_width_and_hides_what_is_behind():
    rgb, disparity = scene(8.0)
    row = warp(rgb, disparity, 0.5).rgb[10, :, 0]
    assert (row == 250).sum() == 10


def test_what_a_square_uncovers_is_a_hole_as_wide_as_its_shift():
    rgb, disparity = scene(8.0)
    is_hole = warp(rgb, disparity, 0.5).disparity[10] == HOLE
    assert list(np.flatnonzero(is_hole)) == [25, 26, 27, 28]


def test_a_hole_knows_which_surface_it_opens_on():
    rgb, disparity = scene(8.0)
    disparity[:] -= 3
    view = warp(rgb, disparity, 0.5)
    assert set(view.behind[view.disparity == HOLE].tolist()) == {-3.0}


def test_a_slope_stretches_without_holes():
    disparity = np.tile(np.linspace(0, 30, 60, dtype=np.float32), (4, 1))
    view = warp(np.full((4, 60, 3), 77, np.uint8), disparity, -0.5)
    inside = view.disparity[:, 2:44]
    assert (inside != HOLE).all()
    assert (view.rgb[:, 2:44] == 77).all()


def test_a_picture_and_a_disparity_of_another_size_are_refused():
    with pytest.raises(ShapeError, match="4x3 pixels"):
        warp(np.zeros((3, 4, 3), np.uint8), np.zeros((3, 5), np.float32), 0.5)


def test_a_hole_knows_the_surface_that_opened_though_all_of_it_went_elsewhere():
    """The left one of two pickets moves over the sky between them, and the gap that opens beside it is of sky too."""
    rgb = np.zeros((1, 40, 3), np.uint8)
    rgb[:, 18:22] = 250
    disparity = np.full((1, 40), 6, np.float32)
    disparity[:, 18:22], disparity[:, 22:] = 0, 12
    found = warp(rgb, disparity, 1)
    holes = np.flatnonzero(found.disparity[0, 10:] == HOLE) + 10
    assert len(holes) == 10
    assert (found.behind[0, holes] == 0).all()
    assert (found.rgb[0, holes] == 250).all()
