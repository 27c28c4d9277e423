import importlib.util
from pathlib import Path

import numpy as np
import pytest

from vergence.datasets import pairs
from vergence.errors import MediaError

FIXTURES = Path(__file__).parent.parent / "fixtures" / "stereo"


def test_aloe_has_the_depth_its_calibration_says():
    item = pairs.aloe(FIXTURES)
    known = item.depth.metres()[item.depth.valid]
    assert item.frame.rgb.shape == (1110, 1282, 3)
    assert 1.2 < known.min() < known.max() < 2.3  # the plant stands within arm's reach of the cloth behind it
    assert item.depth.valid.mean() > 0.9


def test_a_folder_without_aloe_says_where_it_comes_from(tmp_path):
    with pytest.raises(MediaError, match="tests/fixtures/stereo"):
        pairs.aloe(tmp_path)


def test_motorcycle_is_read_from_scikit_image_or_is_not_there():
    if importlib.util.find_spec("skimage") is None:
        pytest.skip("scikit-image is not installed")
    item = pairs.motorcycle()
    assert item is not None
    known = item.depth.metres()[item.depth.valid]
    assert np.isfinite(item.depth.values).all()
    assert 2 < np.median(known) < 5


def test_without_scikit_image_there_is_no_motorcycle(monkeypatch):
    monkeypatch.setattr(pairs.importlib.util, "find_spec", lambda name: None)
    assert pairs.motorcycle() is None
