import importlib.util
from pathlib import Path

import numpy as np
import pytest

from vergence.errors import MediaError
from vergence.evaluation.stereo import pairs, rendered

FIXTURES = Path(__file__).parents[2] / "fixtures" / "stereo"


def looked_up(truth):
    """The left eye at the place of each pixel of the right one, nearest neighbour."""
    width = truth.left.shape[1]
    place = np.rint(np.arange(width) + truth.right_disparity).astype(int).clip(0, width - 1)
    return np.take_along_axis(truth.left, place[..., None], axis=1)


def difference(truth, mask):
    return float(np.median(np.abs(looked_up(truth).astype(int) - truth.right)[mask]))


def test_aloe_right_eye_shows_the_left_one_where_both_see():
    truth = pairs.aloe(FIXTURES)
    assert difference(truth, truth.visible) < 8
    assert difference(truth, truth.disoccluded & truth.known) > 20
    assert 0.1 < truth.disoccluded.mean() < 0.2


def test_aloe_elsewhere_is_said_to_be_missing(tmp_path):
    with pytest.raises(MediaError, match="aloeL"):
        pairs.aloe(tmp_path)


def test_motorcycle_right_eye_shows_the_left_one_where_both_see():
    if importlib.util.find_spec("skimage") is None:
        pytest.skip("scikit-image is not installed")
    truth = pairs.motorcycle()
    assert truth is not None
    assert difference(truth, truth.visible) < 8
    assert not truth.known.all()


def test_without_scikit_image_there_is_no_motorcycle(monkeypatch):
    monkeypatch.setattr(pairs.importlib.util, "find_spec", lambda name: None)
    assert pairs.motorcycle() is None


def test_unknown_disparity_is_that_of_what_lies_behind():
    values = np.array([[9, 0, 0, 4, 0]], np.float32)
    assert pairs.behind(values, values > 0).tolist() == [[9, 4, 4, 4, 4]]


def test_the_right_eye_sees_the_nearest_surface_and_says_whether_it_was_measured():
    disparity = np.array([[1, 1, 1, 1, 4, 4, 1, 1, 1, 1]], np.float32)
    known = np.ones(disparity.shape, dtype=bool)
    known[0, 5] = False
    seen, sure = pairs.seen_from_the_right(disparity, known)
    hole = pairs.NOTHING  # columns 4 and 5 went to 0 and 1; 6 and on went to 5 and on; nothing comes to 9
    assert seen[0].tolist() == [4, 4, 1, hole, hole, 1, 1, 1, 1, hole]
    assert sure[0].tolist() == [False, False, True, False, False, True, True, True, True, False]


@pytest.mark.parametrize("kind", ["portrait", "table"])
def test_rendered_eyes_agree_where_both_see(kind):
    truth = rendered.place(kind, width=320, height=180)
    assert difference(truth, truth.visible) <= 4
    assert 0.01 < truth.disoccluded.mean() < 0.2
    assert truth.disparity.max() <= rendered.MOST * rendered.BUDGET * 320 * 1.001
