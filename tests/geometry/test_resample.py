import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.geometry.resample import resize_depth, shrink


@given(
    h=st.integers(1, 9),
    w=st.integers(1, 9),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    sampling=st.sampled_from(["centres", "corners"]),
)
def test_a_constant_stays_constant(h, w, height, width, sampling):
    found = resize_depth(np.full((h, w), 2.5, np.float32), width, height, sampling=sampling)
    assert found.shape == (height, width)
    np.testing.assert_allclose(found, 2.5, rtol=1e-6)


def test_corner_samples_land_on_the_corner_pixels():
    values = np.array([[1, 2], [3, 5]], np.float32)
    found = resize_depth(values, 7, 5, sampling="corners")
    assert [found[0, 0], found[0, -1], found[-1, 0], found[-1, -1]] == [1, 2, 3, 5]
    np.testing.assert_allclose(found[0], np.linspace(1, 2, 7), rtol=1e-6)


def test_centre_samples_land_on_the_centres_of_their_cells():
    values = np.array([[1, 2, 4]], np.float32)
    found = resize_depth(values, 9, 3, sampling="centres")
    np.testing.assert_allclose(found[1, [1, 4, 7]], [1, 2, 4])


def test_shrinking_averages_areas():
    picture = np.arange(16, dtype=np.float32).reshape(4, 4)
    np.testing.assert_allclose(shrink(picture, 2, 2), [[2.5, 4.5], [10.5, 12.5]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_shrinking_keeps_the_type(dtype):
    assert shrink(np.zeros((9, 9, 3), dtype), 4, 5).dtype == dtype
