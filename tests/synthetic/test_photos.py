import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.synthetic import KINDS, iter_photos, photos, render_photo
from vergence.synthetic.camera import CLEARANCE, LEAST_CONTRAST, MOST_SKY


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_place_renders_and_is_worth_taking(kind):
    sample = render_photo(3, width=96, height=72, kind=kind)
    assert sample.kind == kind
    assert sample.frame.rgb.shape == (72, 96, 3)
    assert sample.frame.rgb.std() > 5
    assert sample.depth.kind == "metric"
    assert sample.frame.intrinsics == sample.depth.intrinsics
    z, valid = sample.depth.values, sample.depth.valid
    assert np.isfinite(z).all()
    assert z[valid].min() > 0.5 * CLEARANCE
    assert np.quantile(z[valid], 0.97) > 0.9 * LEAST_CONTRAST * np.quantile(z[valid], 0.03)
    assert valid.mean() > 0.9 * (1 - MOST_SKY)
    np.testing.assert_array_equal(valid, sample.ids >= 0)
    np.testing.assert_array_equal(sample.objects >= 0, sample.ids >= 0)
    assert sample.is_static[~valid].all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_picture():
    first = render_photo(5, width=80, height=64, right_eye_baseline=0.06, effects=True)
    photos.page.cache_clear()
    again = render_photo(5, width=80, height=64, right_eye_baseline=0.06, effects=True)
    np.testing.assert_array_equal(first.frame.rgb, again.frame.rgb)
    np.testing.assert_array_equal(first.right.rgb, again.right.rgb)
    np.testing.assert_array_equal(first.depth.values, again.depth.values)
    np.testing.assert_array_equal(first.ids, again.ids)
    assert (render_photo(6, width=80, height=64).frame.rgb != first.frame.rgb).mean() > 0.5


def test_faults_of_the_camera_leave_the_truth_alone():
    perfect, real = (render_photo(8, width=80, height=64, effects=faults) for faults in (False, True))
    np.testing.assert_array_equal(perfect.depth.values, real.depth.values)
    assert (perfect.frame.rgb != real.frame.rgb).any()


def test_photos_of_an_iterator_are_numbered_as_shots_of_their_own():
    samples = list(iter_photos([7, 8], width=48, height=32, right_eye_baseline=0.06))
    assert [s.frame.index for s in samples] == [0, 1]
    assert [s.frame.shot for s in samples] == [0, 1]
    assert [s.right.shot for s in samples] == [0, 1]
    assert [float(s.frame.time) for s in samples] == [0, 1]
    np.testing.assert_array_equal(samples[1].frame.rgb, render_photo(8, width=48, height=32).frame.rgb)


def test_an_upright_picture_is_a_turned_camera():
    assert render_photo(2, width=48, height=96, kind="studio").frame.intrinsics.fx > 48


def test_negative_and_huge_seeds_render():
    for seed in (-3, 2**70):
        assert render_photo(seed, width=32, height=32, kind="studio", effects=True).frame.width == 32


@pytest.mark.parametrize(
    "wrong", [{"kind": "moon"}, {"width": 4}, {"width": 10**5, "height": 10**5}, {"right_eye_baseline": 2.0}]
)
def test_what_cannot_be_rendered_is_said(wrong):
    with pytest.raises(SettingsError):
        render_photo(0, **wrong)
