import numpy as np
import pytest

from vergence.synthetic import CameraEffects, apply_effects, random_effects
from vergence.synthetic.builder import Dice
from vergence.synthetic.effects import Film, choose_film, develop, smear


def picture():
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def test_a_perfect_camera_changes_nothing():
    np.testing.assert_array_equal(apply_effects(picture(), CameraEffects(), np.random.default_rng(0)), picture())


@pytest.mark.parametrize(
    "effects",
    [
        CameraEffects(blur=1.0),
        CameraEffects(shake=(5.0, 0.7)),
        CameraEffects(vignette=0.3),
        CameraEffects(noise=(3.0, 3.0)),
        CameraEffects(sharpen=1.0),
        CameraEffects(jpeg=50),
    ],
)
def test_each_fault_shows_and_keeps_the_brightness_roughly(effects):
    before = picture()
    after = apply_effects(before, effects, np.random.default_rng(0))
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert (after != before).any()
    assert abs(after.mean() - before.mean()) < 20


def test_noise_is_as_strong_as_said():
    grey = np.full((100, 100, 3), 128, np.uint8)
    noisy = apply_effects(grey, CameraEffects(noise=(6.0, 0.0), chroma=1.0), np.random.default_rng(0))
    assert noisy.std() == pytest.approx(6, rel=0.05)


def test_the_input_is_not_written_into():
    before = picture()
    apply_effects(before, CameraEffects(jpeg=40, blur=1.0), np.random.default_rng(0))
    np.testing.assert_array_equal(before, picture())


def test_random_faults_come_from_the_generator_alone():
    assert random_effects(np.random.default_rng(3)) == random_effects(np.random.default_rng(3))


def test_developing_keeps_the_order_of_brightness():
    ramp = np.repeat(np.linspace(0, 5, 200, dtype=np.float32)[None, :, None], 3, axis=2)
    rgb = develop(ramp, Film((0.5, 0.5, 0.5), 2.2, 0.2)).astype(int)
    assert (np.diff(rgb[0, :, 0]) >= 0).all()
    assert rgb[0, 0, 0] == 0
    assert rgb[0, -1, 0] > 245


def test_exposure_follows_the_light():
    dim, bright = (choose_film(np.full((8, 8, 3), level, np.float32), Dice("a")) for level in (0.1, 1.0))
    assert dim.gain[1] == pytest.approx(10 * bright.gain[1])


def test_motion_blur_averages_along_the_flow():
    line = np.zeros((9, 41, 3), np.float32)
    line[:, 20] = 1
    flow = np.zeros((9, 41, 2), np.float32)
    assert smear(line, flow, 1.0) is line
    flow[..., 0] = 10
    blurred = smear(line, flow, 1.0)
    assert blurred.sum() == pytest.approx(line.sum(), rel=0.05)
    assert (blurred[4, :, 0] > 0.01).sum() > 5
