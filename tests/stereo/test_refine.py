import cv2
import numpy as np
import pytest

from vergence.stereo.refine import refine


def blurred_edge(width=96, height=54, low=0.0, high=20.0):
    """A vertical edge at 60 % of the width, as a network draws it."""
    values = np.full((height, width), low, np.float32)
    values[:, int(width * 0.6) :] = high
    return cv2.GaussianBlur(values, (0, 0), 1.2)


def picture(width=480, height=270, edge=0.6):
    rgb = np.full((height, width, 3), 60, np.uint8)
    rgb[:, int(width * edge) :] = 200
    return rgb


def width_of_ramp(row, low=0.0, high=20.0):
    return int(((row > low + 0.1 * (high - low)) & (row < high - 0.1 * (high - low))).sum())


def test_a_ramp_between_two_surfaces_becomes_an_edge():
    before = cv2.resize(blurred_edge(), (480, 270))
    after = refine(blurred_edge(), picture(), sampling="centres")
    assert width_of_ramp(before[100]) >= 10
    assert width_of_ramp(after[100]) <= 3


def test_the_edge_goes_where_the_picture_has_it():
    after = refine(blurred_edge(), picture(edge=0.605), sampling="centres")
    assert abs(int(np.argmax(after[100] > 10)) - int(480 * 0.605)) <= 1


def test_without_colour_the_edge_stays_in_the_middle_of_the_ramp():
    after = refine(blurred_edge(), np.full((270, 480, 3), 90, np.uint8), sampling="centres")
    middle = np.argmax(cv2.resize(blurred_edge(), (480, 270))[100] > 10)
    assert abs(int(np.argmax(after[100] > 10)) - int(middle)) <= 1


def test_a_slope_stays_a_slope():
    slope = np.tile(np.linspace(0, 40, 54, dtype=np.float32)[:, None], (1, 96))
    rgb = np.random.default_rng(0).integers(0, 255, (270, 480, 3), dtype=np.uint8)
    expected = cv2.resize(slope, (480, 270))
    inside = np.s_[30:-30, 30:-30]
    np.testing.assert_allclose(refine(slope, rgb, sampling="centres")[inside], expected[inside], atol=0.3)


@pytest.mark.parametrize("sampling", ["centres", "corners"])
def test_no_value_leaves_the_range_of_the_input(sampling):
    values = np.random.default_rng(1).normal(0, 10, (30, 40)).astype(np.float32)
    rgb = np.random.default_rng(2).integers(0, 255, (97, 131, 3), dtype=np.uint8)
    found = refine(values, rgb, sampling=sampling)
    assert found.shape == (97, 131)
    assert values.min() <= found.min()
    assert found.max() <= values.max()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1)])
def test_the_smallest_maps_work(size):
    values = np.random.default_rng(1).normal(0, 10, size).astype(np.float32)
    assert np.isfinite(refine(values, np.zeros((9, 11, 3), np.uint8), sampling="corners")).all()


def test_sixteen_bits_are_treated_as_eight():
    rgb = picture()
    wide = rgb.astype(np.uint16) * 257
    np.testing.assert_allclose(
        refine(blurred_edge(), rgb, sampling="centres"), refine(blurred_edge(), wide, sampling="centres"), atol=1e-3
    )
