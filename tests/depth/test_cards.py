import json
import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from vergence.depth.cards import CARDS, HubFile, find_card
from vergence.depth.families.video_depth_anything import network, windows
from vergence.errors import UnknownModelError
from vergence.types import DEPTH_KINDS

GOLDENS = Path(__file__).parents[1] / "goldens"


def test_a_misspelt_name_is_answered_with_the_nearest_one():
    with pytest.raises(UnknownModelError, match="did you mean 'depth-anything-v2-small'"):
        find_card("depth-anything-v2-smal")


def test_a_name_like_no_other_is_answered_without_a_guess():
    with pytest.raises(UnknownModelError, match=re.escape("'zzz' (see `vergence models list`)")):
        find_card("zzz")


@pytest.mark.parametrize("name", CARDS)
def test_every_card_names_a_family_that_exists_and_a_kind_of_depth(name):
    card = find_card(name)
    assert card.name == name
    assert card.kind in DEPTH_KINDS
    assert callable(import_module(f"vergence.depth.families.{card.family}").load)


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)
def test_only_licences_known_to_allow_it_count_as_commercial(card):
    assert card.is_commercial == (card.licence == "Apache-2.0")


def test_auto_prefers_one_model_over_another():
    ranks = [card.rank for card in CARDS.values() if card.rank is not None]
    assert len(set(ranks)) == len(ranks)


def test_no_two_models_share_the_name_of_a_file():
    names = Counter(name for card in CARDS.values() for name in card.filenames)
    assert [name for name, times in names.items() if times > 1] == []


def test_every_published_variant_has_a_card_with_its_checkpoint():
    for size, code in (("small", "vits"), ("base", "vitb"), ("large", "vitl")):
        for name, repo, file in (
            ("depth-anything-v2", "Depth-Anything-V2", "depth_anything_v2"),
            (
                "depth-anything-v2-metric-indoor",
                "Depth-Anything-V2-Metric-Hypersim",
                "depth_anything_v2_metric_hypersim",
            ),
            ("depth-anything-v2-metric-outdoor", "Depth-Anything-V2-Metric-VKITTI", "depth_anything_v2_metric_vkitti"),
            ("video-depth-anything", "Video-Depth-Anything", "video_depth_anything"),
            ("video-depth-anything-metric", "Metric-Video-Depth-Anything", "metric_video_depth_anything"),
        ):
            card = find_card(f"{name}-{size}")
            assert card.checkpoint == HubFile(f"depth-anything/{repo}-{size.title()}", f"{file}_{code}.pth")
            assert card.checkpoint_name == f"{file}_{code}.pth"
            assert card.options["size"] == code
            assert (card.kind == "metric") == ("metric" in name)


def test_every_network_of_depth_anything_3_has_a_card_of_its_own_file():
    published = {
        "small": ("DA3-SMALL", "scale_invariant", True),
        "base": ("DA3-BASE", "scale_invariant", True),
        "large": ("DA3-LARGE-1.1", "scale_invariant", False),
        "giant": ("DA3-GIANT-1.1", "scale_invariant", False),
        "mono-large": ("DA3MONO-LARGE", "scale_invariant", True),
        "metric-large": ("DA3METRIC-LARGE", "metric", True),
        "nested-giant-large": ("DA3NESTED-GIANT-LARGE-1.1", "metric", False),
    }
    for size, (repo, kind, is_commercial) in published.items():
        card = find_card(f"depth-anything-3-{size}")
        assert card.checkpoint == HubFile(f"depth-anything/{repo}", "model.safetensors")
        assert card.checkpoint_name == f"depth-anything-3-{size}.safetensors"
        assert (card.kind, card.is_commercial, card.lookahead) == (kind, is_commercial, 0)
        assert card.options["sees_many"] == (size not in ("mono-large", "metric-large"))
        assert card.options["has_gaussians"] == ("giant" in size)


def test_metric_checkpoints_of_pictures_say_how_far_they_reach():
    reach = {card.name: card.options["max_depth"] for card in CARDS.values() if "max_depth" in card.options}
    assert set(reach) == {name for name in CARDS if name.startswith("depth-anything-v2-metric")}
    assert all(depth == (20.0 if "indoor" in name else 80.0) for name, depth in reach.items())


def test_only_what_is_published_nowhere_is_part_of_the_package():
    assert [card.name for card in CARDS.values() if card.is_embedded] == ["preview"]


def test_video_models_wait_for_their_window_and_are_folders_as_onnx():
    for card in (card for card in CARDS.values() if card.family == "video_depth_anything"):
        assert card.lookahead == windows.WINDOW - 1
        assert card.parts == (network.ENCODER, network.TEMPORAL, network.DECODER)
        assert card.filename == card.name


@pytest.mark.parametrize("family", ["depth_anything_v2", "video_depth_anything", "depth_anything_3"])
def test_parameters_are_those_of_the_networks_manifests(family):
    checked = 0
    for card in (card for card in CARDS.values() if card.family == family):
        path = GOLDENS / family / f"manifest_{card.options['size'].replace('-', '_')}.json"
        if path.exists():
            assert card.parameters == json.loads(path.read_text())["param_count"]
            checked += 1
    assert checked
