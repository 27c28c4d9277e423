import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; only the networks need it")

from vergence.depth.networks.depth_anything_3.reference_view import (  # noqa: E402
    STRATEGIES,
    reference_view,
    to_front,
    to_place,
)
from vergence.errors import SettingsError  # noqa: E402


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_view_is_the_one_the_original_chooses(strategy):
    with np.load(parity.GOLDENS / "depth_anything_3" / "golden_reference_view.npz") as golden:
        found = reference_view(torch.from_numpy(golden["class_tokens"]), strategy)
        assert found.tolist() == golden[f"index_{strategy}"].tolist()


def test_the_chosen_view_comes_first_and_the_others_keep_their_order():
    views = torch.arange(5).repeat(3, 1)[..., None].expand(3, 5, 2)
    found = to_front(views, torch.tensor([0, 2, 4]))
    assert found[..., 0].tolist() == [[0, 1, 2, 3, 4], [2, 0, 1, 3, 4], [4, 0, 1, 2, 3]]
    assert found.shape == views.shape


def test_views_go_back_to_their_places():
    views, chosen = torch.rand(4, 6, 3, 2), torch.tensor([5, 0, 3, 1])
    assert torch.equal(to_place(to_front(views, chosen), chosen), views)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_views_that_are_all_alike_still_have_a_reference(strategy):
    found = reference_view(torch.ones(1, 4, 8), strategy)
    assert found.shape == (1,)
    assert 0 <= int(found) < 4


def test_an_unknown_strategy_names_those_there_are():
    with pytest.raises(SettingsError, match="saddle_balanced"):
        reference_view(torch.rand(1, 3, 8), "last")
