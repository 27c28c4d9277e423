from dataclasses import replace

import numpy as np
import pytest

from layered import CARD, FAR, NEAR, scene
from vergence.evaluation.stereo import metrics, rivals
from vergence.evaluation.stereo.truth import given

TRUTH = scene().truth()
ITEM = given(TRUTH, "exact")


def given_disparity(values):
    return given(replace(TRUTH, disparity=values), "exact")


def flat(disparity):
    return given_disparity(np.full_like(TRUTH.disparity, disparity))


@pytest.mark.parametrize("method", [rivals.whole_shift, rivals.plain_backward, rivals.backward, rivals.forward_fill])
def test_at_one_depth_every_method_shifts(method):
    item = flat(5.0)
    np.testing.assert_array_equal(method(item)[:, :-5], item.frame.rgb[:, 5:])


def test_half_a_pixel_is_the_mean_of_two():
    item = flat(4.5)
    rgb = item.frame.rgb.astype(float)
    wanted = (rgb[:, 4:-1] + rgb[:, 5:]) / 2
    for method in (rivals.plain_backward, rivals.forward_fill):
        np.testing.assert_allclose(method(item)[:, :-5], wanted, atol=1)


def test_backward_asks_the_depth_of_the_wrong_place():
    made = rivals.plain_backward(ITEM)
    row, end = CARD[1] + 20, CARD[0] + CARD[2] + int(NEAR) // 2  # of the card in the left eye
    np.testing.assert_array_equal(made[row, end - 20 : end - 12], TRUTH.left[row, end - 8 : end])
    assert metrics.psnr(made, TRUTH.right, TRUTH.disoccluded) < 15


def test_forward_fill_takes_the_background_beside_the_hole():
    made = rivals.forward_fill(ITEM)
    x, y, width, _ = CARD
    hole = x + width - int(NEAR) // 2 + rivals.DILATION[0]
    behind = x + width + int(NEAR) // 2 + rivals.DILATION[0]  # first background column in the left eye
    for column in range(hole, behind - int(FAR)):
        np.testing.assert_array_equal(made[y + 20, column], TRUTH.left[y + 20, behind])


def test_forward_fill_keeps_what_both_eyes_see_better_than_backward():
    forward, backward = (
        metrics.psnr(make(ITEM), TRUTH.right, TRUTH.visible) for make in (rivals.forward_fill, rivals.backward)
    )
    assert forward > backward + 5


def test_a_crack_in_a_near_surface_is_filled_from_it():
    near = np.full_like(TRUTH.disparity, FAR)
    near[:, 60:120] = np.linspace(16, 6, 60)  # stretched by a sixth: a column in six or seven is written by none of it
    item = given_disparity(near)
    made = rivals.forward_fill(item)
    place = np.arange(60, 120) - near[0, 60:120]
    columns = np.arange(60, 105)
    source = np.interp(columns, place, np.arange(60, 120))
    low = np.floor(source).astype(int)
    between = np.stack([item.frame.rgb[:, low + k].astype(int) for k in (-1, 0, 1, 2)])
    found = made[:, columns].astype(int)
    assert ((found >= between.min(axis=0) - 1) & (found <= between.max(axis=0) + 1)).mean() > 0.99
