import numpy as np
import pytest

from layered import scene
from vergence.evaluation.stereo import metrics
from vergence.evaluation.stereo.matching import fidelity, places

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)
ALL = np.ones((60, 80), dtype=bool)


def test_psnr_of_a_known_error():
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert metrics.psnr(grey + 10, grey, np.ones((4, 4), dtype=bool)) == pytest.approx(20 * np.log10(25.5))
    assert metrics.psnr(grey, grey, np.ones((4, 4), dtype=bool)) == np.inf
    assert np.isnan(metrics.psnr(grey, grey, np.zeros((4, 4), dtype=bool)))


def test_errors_outside_the_mask_do_not_count():
    worse = PICTURE.copy()
    worse[:10] = 0
    mask = ALL.copy()
    mask[:10] = False
    assert metrics.psnr(worse, PICTURE, mask) == np.inf


def test_ssim_agrees_with_scikit_image():
    structural = pytest.importorskip("skimage.metrics").structural_similarity
    smooth = metrics.luma(scene().truth().left)
    noisy = np.clip(scene().truth().left + RNG.normal(0, 20, (90, 160, 3)), 0, 255).astype(np.uint8)
    _, wanted = structural(
        smooth, metrics.luma(noisy), gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        data_range=255, full=True,
    )  # fmt: skip
    found = metrics.ssim_map(scene().truth().left, noisy)
    inner = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(found[inner], wanted[inner], atol=2e-3)


def test_a_smear_is_less_sharp_and_the_truth_as_sharp_as_itself():
    smear = np.repeat(PICTURE.mean(axis=1, keepdims=True), 80, axis=1).astype(np.uint8)
    assert metrics.sharpness(PICTURE, PICTURE, ALL) == 1
    assert metrics.sharpness(smear, PICTURE, ALL) == 0


def test_a_constant_error_does_not_flicker_and_a_changing_one_does():
    grey = np.full((4, 4, 3), 100, np.uint8)
    mask = np.ones((4, 4), dtype=bool)
    assert metrics.flicker((grey + 10, grey, mask), (grey + 40, grey + 30, mask)) == 0
    assert metrics.flicker((grey, grey, mask), (grey + 51, grey, mask)) == pytest.approx(0.2)
    assert np.isnan(metrics.flicker((grey, grey, mask), (grey, grey, ~mask)))


def test_the_true_right_eye_is_consistent_and_the_left_one_again_is_not():
    truth = scene().truth()
    assert metrics.consistency(truth, truth.right) > metrics.consistency(truth, truth.left) + 10


def measured(right):
    truth = scene().truth()
    return fidelity(truth.left, right(truth), places(truth))


def test_the_true_right_eye_has_the_disparity_that_was_asked_for():
    found = measured(lambda truth: truth.right)
    assert found.slope == pytest.approx(1, abs=0.02)
    assert found.wrong == 0
    assert found.vertical < 0.2


def test_the_left_eye_again_has_no_depth():
    assert measured(lambda truth: truth.left).slope == pytest.approx(0, abs=0.02)


def test_exchanged_eyes_have_a_slope_below_zero():
    def inverted(truth):  # the card moves to the right, as if it were behind
        out = np.roll(truth.left, int(truth.disparity.min()), axis=1)
        moved = np.roll(truth.left, int(truth.disparity.max()), axis=1)
        is_card = np.roll(truth.disparity == truth.disparity.max(), int(truth.disparity.max()), axis=1)
        return np.where(is_card[..., None], moved, out)

    assert measured(inverted).slope == pytest.approx(-1, abs=0.05)


def test_a_row_too_low_is_a_vertical_disparity_of_a_pixel():
    assert measured(lambda truth: np.roll(truth.right, 1, axis=0)).vertical == pytest.approx(1, abs=0.2)


def test_rows_whose_near_things_the_border_cuts_are_counted_until_black_covers_them():
    eye = np.full((10, 100, 3), 200, np.uint8)
    disparity = np.full((10, 100), -3.0, np.float32)
    disparity[:4, 0] = 6.0  # in front of the screen at the left border
    assert metrics.window_violations(eye, eye, disparity) == pytest.approx(4 / 20)
    covered = eye.copy()
    covered[:, :6] = 0
    assert metrics.window_violations(covered, eye, disparity) == 0
    assert metrics.window_violations(eye, covered, disparity) > 0  # the other eye's left border does not help
    assert metrics.window_violations(eye, eye, disparity[:, ::-1]) == pytest.approx(4 / 20)
