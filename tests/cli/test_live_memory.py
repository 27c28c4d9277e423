"""A live model that does not fit the memory gives way to a smaller one, and viewers are told."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from live_models import RuleModel
from vergence.cli import loading
from vergence.cli.main import app
from vergence.depth.cards import find_card
from vergence.server import run

GIANT, LARGE = "depth-anything-3-giant", "depth-anything-3-large"


@pytest.fixture
def started(monkeypatch):
    """Runs a command with a server and a loader that say what they were asked for; `found` is what fits."""
    asked = {}

    def go(*arguments, found):
        def load(name, **options):
            model = RuleModel()
            model.card = replace(find_card(found), options={})
            asked.update(name=name, options=options)
            return model

        def serve(*_, capturer, **given):
            asked.update(given)
            capturer.close()

        monkeypatch.setattr(loading, "load", load)
        monkeypatch.setattr(run, "serve", serve)
        assert CliRunner().invoke(app, list(arguments), catch_exceptions=False).exit_code == 0
        return asked

    return go


@pytest.mark.parametrize("command", ["live", "serve"])
def test_the_next_smaller_one_is_taken_and_told(started, command):
    asked = started(command, "test:", "--model", GIANT, "--max-memory", "3GB", found=LARGE)
    assert asked["options"]["model_fallback"]
    assert asked["options"]["max_memory"] == "3GB"
    assert asked["asked"] == GIANT


def test_what_fits_is_not_spoken_of(started):
    assert started("serve", "test:", "--model", LARGE, found=LARGE)["asked"] is None


def test_where_nobody_knows_what_is_smaller_nothing_takes_its_place(started):
    asked = started("serve", "test:", found="preview")
    assert not asked["options"]["model_fallback"]
    assert asked["asked"] is None
