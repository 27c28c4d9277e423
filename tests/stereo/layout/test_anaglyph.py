from fractions import Fraction

import numpy as np
import pytest

from vergence.stereo.layout import LayoutSettings
from vergence.stereo.layout.anaglyph import HLG, METHODS, PQ, anaglyph, light_tables
from vergence.types import Colour, Frame, StereoPair


def noise(dtype, size=(40, 50)):
    rng = np.random.default_rng(0)
    white = np.iinfo(dtype).max
    left, right = (rng.integers(0, white, (*size, 3), endpoint=True, dtype=dtype) for _ in range(2))
    return StereoPair(left, right, Frame(left, 0, Fraction(0)))


def grey(level, dtype=np.uint8):
    picture = np.full((4, 4, 3), level, dtype)
    return StereoPair(picture, picture, Frame(picture, 0, Fraction(0)))


def mixed(method, pair, transfer=2):
    return anaglyph(method, LayoutSettings(colour=Colour(transfer=transfer)))(pair)


def srgb(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def linear(code):
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("method", METHODS)
def test_an_anaglyph_is_its_matrix_in_the_light_it_is_meant_for(method, dtype):
    pair, white = noise(dtype), np.iinfo(dtype).max
    weights = np.array(METHODS[method].weights)
    both = np.concatenate([pair.left / white, pair.right / white], axis=-1)
    if METHODS[method].is_linear:
        expected = srgb(np.clip(linear(both) @ weights.T, 0, 1))
    else:
        expected = np.clip(both @ weights.T, 0, 1)
    assert np.abs(mixed(method, pair) - expected * white).max() <= max(0.001 * white, 1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [0, 40, 128, 255])
def test_what_both_eyes_see_grey_stays_grey_of_that_brightness(method, level):
    np.testing.assert_allclose(mixed(method, grey(level)), level, atol=2)


def seen_through(method, channel_of_left):
    """How bright a white left eye is in the channel its filter lets through, and in the others."""
    white, black = np.full((2, 2, 3), 255, np.uint8), np.zeros((2, 2, 3), np.uint8)
    picture = mixed(method, StereoPair(white, black, Frame(white, 0, Fraction(0))))[0, 0].astype(int)
    return picture[channel_of_left].min(), np.delete(picture, channel_of_left).max()


@pytest.mark.parametrize(
    ("method", "left"),
    [*((name, [0]) for name in METHODS if "_" not in name or name == "half_colour"), ("dubois_green_magenta", [1])],
)
def test_the_left_eye_is_in_the_colour_of_its_filter(method, left):
    through, leaked = seen_through(method, left)
    assert through > 180
    assert leaked < 80


def test_amber_is_the_left_eye_and_blue_the_right():
    through, leaked = seen_through("dubois_amber_blue", [0, 1])
    assert through > 180
    assert leaked < 80


def test_published_rows_sum_to_white():
    for method in METHODS.values():
        np.testing.assert_allclose(np.sum(method.weights, axis=1), 1, atol=0.002)


@pytest.mark.parametrize("transfer", [PQ, HLG, 1])
def test_ten_bits_survive_the_way_to_light_and_back(transfer):
    light, encoded = light_tables(65536, transfer)
    codes = np.arange(0, 65536, 64)
    steps = np.rint(np.sqrt(np.sqrt(light[codes])) * (encoded.size - 1)).astype(int)
    bright = codes > 0.02 * 65536  # under it PQ counts photons
    assert np.abs(encoded[steps].astype(int) - codes)[bright].max() < 64


def test_pq_and_hlg_are_what_their_standards_tabulate():
    light, _ = light_tables(65536, PQ)
    for nits, code in ((0.1, 0.0623), (1, 0.1499), (100, 0.5081), (1000, 0.7518), (10000, 1.0)):  # ST 2084
        assert light[round(code * 65535)] * 10000 == pytest.approx(nits, rel=0.02)
    light, _ = light_tables(65536, HLG)
    assert light[round(0.5 * 65535)] == pytest.approx(1 / 12, rel=1e-3)  # BT.2100
    assert light[65535] == pytest.approx(1, rel=1e-3)


def test_a_pq_film_is_mixed_in_its_own_light():
    """A PQ grey through sRGB's curve would come out of the mix of two unequal eyes at another brightness."""
    dark, bright = np.full((2, 2, 3), 20000, np.uint16), np.full((2, 2, 3), 40000, np.uint16)
    pair = StereoPair(dark, bright, Frame(dark, 0, Fraction(0)))
    weights = np.array(METHODS["dubois"].weights)
    light, encoded = light_tables(65536, PQ)
    both = np.array([light[20000]] * 3 + [light[40000]] * 3)
    expected = encoded[np.rint(np.clip(weights @ both, 0, 1) ** 0.25 * (encoded.size - 1)).astype(int)]
    np.testing.assert_allclose(mixed("dubois", pair, PQ)[0, 0], expected, atol=64)
    assert np.abs(mixed("dubois", pair, 2)[0, 0].astype(int) - expected).max() > 500
