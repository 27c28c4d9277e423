from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import SettingsError
from vergence.stereo.layout import DUBOIS, LAYOUTS, find_layout
from vergence.types import Frame, StereoPair


def pair(width=8, height=6, dtype=np.uint8):
    left, right = np.full((height, width, 3), 10, dtype), np.full((height, width, 3), 200, dtype)
    return StereoPair(left, right, Frame(left, 0, Fraction(0)))


def packed(name, **size):
    return find_layout(name).pack(pair(**size))


@given(width=st.integers(2, 33), height=st.integers(2, 33), dtype=st.sampled_from([np.uint8, np.uint16]))
def test_every_layout_has_its_size_and_its_eyes_where_they_belong(width, height, dtype):
    sizes = {"sbs": (height, 2 * width), "cross": (height, 2 * width), "tb": (2 * height, width)}
    for name in LAYOUTS:
        picture = packed(name, width=width, height=height, dtype=dtype)
        assert picture.shape == (*sizes.get(name, (height, width)), 3)
        assert picture.dtype == dtype
    assert packed("sbs", width=width, height=height)[0, 0, 0] == 10
    assert packed("sbs", width=width, height=height)[0, -1, 0] == 200
    assert packed("half-sbs", width=width, height=height)[0, 0, 0] == 10
    assert packed("half-sbs", width=width, height=height)[0, -1, 0] == 200
    assert packed("cross", width=width, height=height)[0, 0, 0] == 200
    assert packed("tb", width=width, height=height)[0, 0, 0] == 10
    assert packed("half-tb", width=width, height=height)[-1, 0, 0] == 200


def srgb(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def linear(code):
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_anaglyph_is_duboiss_matrix_in_linear_light(dtype):
    rng = np.random.default_rng(0)
    white = np.iinfo(dtype).max
    left, right = (rng.integers(0, white, (40, 50, 3), endpoint=True, dtype=dtype) for _ in range(2))
    found = find_layout("anaglyph").pack(StereoPair(left, right, Frame(left, 0, Fraction(0))))
    both = np.concatenate([linear(left / white), linear(right / white)], axis=-1)
    expected = srgb(np.clip(both @ DUBOIS.T.astype(np.float64), 0, 1)) * white
    assert np.abs(found - expected).max() <= 0.004 * white


def test_an_unknown_layout_lists_those_there_are():
    with pytest.raises(SettingsError, match="half-sbs"):
        find_layout("sideways")
