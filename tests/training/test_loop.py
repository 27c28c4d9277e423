import csv

import pytest
import torch

from vergence.depth.networks.preview import PreviewNetwork
from vergence.errors import WeightsError
from vergence.training import loop
from vergence.training.recipes import Recipe, Stage

TINY = Recipe("tiny", (Stage(1.0, ((64, 64, 4, 1.0),)),), decoder_rate=1e-3, backbone_rate=1e-4)


def snapshot(network):
    return [parameter.detach().clone() for parameter in network.parameters()]


@pytest.mark.slow
def test_a_run_learns_leaves_a_log_and_goes_on_from_its_checkpoint(pool, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LOG_STEPS", 2)
    threads = torch.get_num_threads()
    torch.manual_seed(0)
    state = loop.start(TINY, PreviewNetwork())
    stem = snapshot(state.network.backbone.stem)
    before = snapshot(state.network.head)
    try:
        loop.train(state, pool, tmp_path / "run", seconds=6, threads=1)
    finally:
        torch.set_num_threads(threads)
    assert state.step > 0
    assert any((a != b).any() for a, b in zip(before, snapshot(state.network.head), strict=True))
    assert all((a == b).all() for a, b in zip(stem, snapshot(state.network.backbone.stem), strict=True))
    again = loop.resume(tmp_path / "run" / loop.CHECKPOINT, TINY)
    assert (again.step, again.presentations) == (state.step, state.presentations)
    assert again.seconds == pytest.approx(state.seconds)
    with (tmp_path / "run" / loop.LOG).open() as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert {"presentations", "loss", "consistency"} <= set(rows[0])


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    other = Recipe("other", TINY.stages, decoder_rate=1e-3, backbone_rate=1e-4)
    loop.start(TINY, PreviewNetwork()).save(tmp_path / "c.pt")
    with pytest.raises(WeightsError, match="'tiny', not 'other'"):
        loop.resume(tmp_path / "c.pt", other)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    torch.save({"weights": torch.zeros(1)}, tmp_path / "c.pt")
    with pytest.raises(WeightsError, match="no checkpoint"):
        loop.resume(tmp_path / "c.pt", TINY)
