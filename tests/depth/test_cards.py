import re
from importlib import import_module

import pytest

from vergence.depth.cards import CARDS, find_card
from vergence.errors import UnknownModelError
from vergence.types import DEPTH_KINDS


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
