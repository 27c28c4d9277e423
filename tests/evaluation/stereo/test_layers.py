from dataclasses import replace

import numpy as np
import pytest

from layered import CARD, FAR, HEIGHT, NEAR, WIDTH, scene
from vergence.evaluation.stereo.layers import LEFT, RIGHT, Movement


def test_every_surface_lies_its_disparity_apart_in_the_two_eyes():
    left, right = scene().view(LEFT), scene().view(RIGHT)
    row, middle = CARD[1] + 20, CARD[0] + 20
    card = slice(middle - 10, middle + 10)
    moved = slice(middle - 10 - int(NEAR), middle + 10 - int(NEAR))
    shift = int(NEAR) // 2
    in_left = slice(card.start + shift, card.stop + shift)
    in_right = slice(card.start - shift, card.stop - shift)
    np.testing.assert_array_equal(left.rgb[row, in_left], right.rgb[row, in_right])
    assert moved.start - card.start == -int(NEAR)
    np.testing.assert_array_equal(left.rgb[5, 20:100], right.rgb[5, 20 - int(FAR) : 100 - int(FAR)])


def test_disparity_and_identity_are_those_of_the_layer_seen():
    view = scene().view(LEFT)
    x, y, width, height = CARD
    inside = (slice(y, y + height), slice(x + int(NEAR) // 2, x + width + int(NEAR) // 2))
    assert (view.ids[inside] == 1).all()
    assert view.ids.sum() == width * height
    np.testing.assert_array_equal(view.disparity, np.where(view.ids == 1, np.float32(NEAR), np.float32(FAR)))


def test_what_a_near_thing_uncovers_is_as_wide_as_the_difference_in_disparity():
    hidden = scene().truth().disoccluded
    x, y, width, height = CARD
    end = x + width - int(NEAR) // 2  # of the card in the right eye
    wanted = np.zeros((HEIGHT, WIDTH), dtype=bool)
    wanted[y : y + height, end : end + int(NEAR - FAR)] = True
    wanted[:, WIDTH - int(FAR) :] = True  # comes into the picture from outside
    np.testing.assert_array_equal(hidden, wanted)


def test_a_slanted_layer_lands_where_its_own_disparity_says():
    truth = scene(slant_x=0.1, slant_y=-0.05).truth()
    right_row = truth.right_disparity[50]
    near = np.flatnonzero(right_row > 7)
    place = near + right_row[near]
    inner = slice(3, -3)  # an edge of the outline may fall between two columns
    sampled = np.interp(place, np.arange(WIDTH), truth.disparity[50])
    np.testing.assert_allclose(sampled[inner], right_row[near][inner], atol=1e-3)


def test_sliding_an_eye_distance_makes_the_left_eye_the_right_one():
    moving = replace(scene(), movement=Movement(slide=1.0))
    np.testing.assert_array_equal(moving.view(LEFT, 1).rgb, moving.view(RIGHT, 0).rgb)


def test_a_pan_moves_everything_alike():
    moving = replace(scene(), movement=Movement(pan=3.0))
    before, after = moving.view(LEFT, 0).rgb, moving.view(LEFT, 1).rgb
    np.testing.assert_array_equal(before[:, 6:-3], after[:, 3:-6])


def test_a_velocity_moves_one_layer():
    ids = [scene(velocity=(2.0, 0.0)).view(0.0, frame).ids for frame in (0, 3)]
    assert np.flatnonzero(ids[1][50])[0] - np.flatnonzero(ids[0][50])[0] == 6


@pytest.mark.parametrize("eye", [LEFT, RIGHT])
def test_a_layer_outside_the_view_is_not_seen(eye):
    away = scene()
    away = replace(away, layers=(away.layers[0], replace(away.layers[1], x=1000.0)))
    assert not away.view(eye).ids.any()
