"""Motions that are known, found again; coordinates are the full picture's."""

import cv2
import numpy as np
import pytest

from shots import HEIGHT, WIDTH, paint
from vergence.stereo.register import TERMS, look, motions, moved

PICTURE = paint(WIDTH, HEIGHT, 3)
PLACES = np.array([[40.0, 30.0], [200.0, 30.0], [120.0, 60.0], [50.0, 100.0], [190.0, 95.0]])
FLAT = np.full((HEIGHT, WIDTH), 3.0, np.float32)


def under(matrix, picture=PICTURE):
    """The picture a camera sees after (x, y) has gone to `matrix` (2, 3) of it."""
    size = (picture.shape[1], picture.shape[0])
    return cv2.warpAffine(picture, np.asarray(matrix, float), size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)


def about_the_middle(scale, degrees):
    return cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), degrees, scale)


@pytest.mark.parametrize(
    "matrix",
    [
        pytest.param([[1, 0, 6.5], [0, 1, -2]], id="pan"),
        pytest.param(about_the_middle(1.04, 0), id="zoom"),
        pytest.param(about_the_middle(1, 2), id="roll"),
        pytest.param([[1, 0, 0], [0, 1, 0]], id="rest"),
    ],
)
def test_the_cameras_turn_is_found_both_ways(matrix):
    back, ahead = motions(look(PICTURE, FLAT), look(under(matrix), FLAT))
    there = PLACES @ np.asarray(matrix, float)[:, :2].T + np.asarray(matrix, float)[:, 2]
    disparity = np.full(len(PLACES), 3.0)
    np.testing.assert_allclose(moved(ahead, PLACES, disparity, (WIDTH, HEIGHT)), there, atol=0.25)
    np.testing.assert_allclose(moved(back, there, disparity, (WIDTH, HEIGHT)), PLACES, atol=0.25)


def test_a_slide_moves_what_is_near_by_more():
    size = (480, 240)
    far, near = paint(*size, 4), paint(*size, 5)
    disparity = np.full(size[::-1], 2.0, np.float32)
    disparity[120:] = 10.0  # a floor that stands up: two planes one above the other
    pictures = []
    for step in (0, 1):
        picture = far.copy()
        picture[120:] = near[120:]
        picture[:120] = under([[1, 0, 1.0 * step], [0, 1, 0]], picture)[:120]
        picture[120:] = under([[1, 0, 5.0 * step], [0, 1, 0]], picture)[120:]
        pictures.append(picture)
    _, ahead = motions(look(pictures[0], disparity), look(pictures[1], disparity))
    places = np.array([[100.0, 60.0], [380.0, 60.0], [100.0, 180.0], [380.0, 180.0]])
    went = moved(ahead, places, np.array([2.0, 2.0, 10.0, 10.0]), size) - places
    np.testing.assert_allclose(went, [[1, 0], [1, 0], [5, 0], [5, 0]], atol=0.3)


def test_what_moves_by_itself_has_no_say():
    near = FLAT.copy()
    thing = np.s_[30:90, 80:150]
    near[thing] = 12.0
    before, after = PICTURE.copy(), under([[1, 0, 3], [0, 1, 0]])
    before[thing] = paint(70, 60, 6)
    after[thing] = np.roll(paint(70, 60, 6), -5, axis=1)
    _, ahead = motions(look(before, near), look(after, near))
    went = moved(ahead, PLACES[:2], np.full(2, 3.0), (WIDTH, HEIGHT)) - PLACES[:2]
    np.testing.assert_allclose(went, [[3, 0], [3, 0]], atol=0.4)


def test_nothing_is_found_where_nothing_can_be_followed():
    plain = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for back in motions(look(plain, FLAT), look(plain, FLAT)):
        np.testing.assert_array_equal(back, np.zeros(TERMS))
    noise = np.random.default_rng(0).integers(0, 255, (2, HEIGHT, WIDTH, 3)).astype(np.uint8)
    for back in motions(look(noise[0], FLAT), look(noise[1], FLAT)):
        assert np.isfinite(back).all()


def test_a_look_is_small_and_the_same_of_16_bits():
    large = cv2.resize(PICTURE, (1440, 720))
    found = look(large, FLAT)
    assert found.grey.shape == found.near.shape == (240, 480)
    assert found.scale == 3
    np.testing.assert_array_equal(found.grey, look(large.astype(np.uint16) * 257, FLAT).grey)
