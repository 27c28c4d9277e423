"""The README says what the program says."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = (
    "README.md",
    "docs/axes.md",
    "docs/clouds.md",
    "docs/depth_anything_3.md",
    "docs/stereo.md",
    "docs/viewer.md",
    "docs/worlds.md",
)


def make():
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_models_is_the_programs():
    assert make().filled(README, "models", make().models()) == README


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, names in make().TABLES.items() for name in names])
def test_every_page_has_a_place_for_the_results_it_shows(page, name):
    assert "0.1 ms" in make().filled((ROOT / page).read_text(), name, "0.1 ms")


def test_every_layout_is_named():
    from vergence.stereo.layout import LAYOUTS

    for name in LAYOUTS:
        assert f"`{name}`" in README


@pytest.mark.parametrize("page", PAGES)
def test_every_file_linked_is_there(page):
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text()):
        assert (ROOT / page).parent.joinpath(link).exists(), link


@pytest.mark.parametrize("page", PAGES)
def test_every_option_named_is_an_option(page):
    from typer.main import get_command

    from vergence.cli.main import app

    commands = get_command(app).commands
    known = {"--help", "--install-completion", "--json"}
    for command in (get_command(app), *commands.values(), *getattr(commands["models"], "commands", {}).values()):
        for parameter in command.params:
            known.update(parameter.opts, parameter.secondary_opts)
    assert set(re.findall(r"(?<!-)(--[a-z][a-z-]+)", (ROOT / page).read_text())) <= known
