import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import graphs
from vergence.cli import models
from vergence.depth import download, weights
from vergence.depth.cards import CARDS
from vergence.errors import LicenceError, ModelError, SettingsError, UnknownModelError, WeightsError

SMALL = CARDS["depth-anything-v2-small"]


def run(*arguments):
    """Run `vergence models ...`; errors for the user reach the caller, as they reach the main program."""
    result = CliRunner().invoke(models.app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def network(monkeypatch, online):
    def deliver(source, target, *, progress=None, **kwargs):
        target.parent.mkdir(parents=True, exist_ok=True)
        graphs.depth_anything(target)
        record = {"size": target.stat().st_size, "sha256": weights.hash_file(target)}
        download.record_path(target).write_text(json.dumps(record))
        if progress:
            progress(1, 2)

    monkeypatch.setattr(download, "download", deliver)


def test_the_list_names_every_model_its_licence_and_how_to_get_it():
    text = run("list").stdout
    for card in CARDS.values():
        assert card.name in text
        assert card.licence in text
    assert "vergence models pull depth-anything-v2-small" in text
    assert "part of the package" in text


def test_the_list_can_be_narrowed_to_one_kind_of_depth():
    names = {fact["name"] for fact in json.loads(run("list", "--kind", "metric", "--json").stdout)}
    assert names == {card.name for card in CARDS.values() if card.kind == "metric"}


def test_an_unknown_kind_of_depth_is_refused_with_those_there_are():
    with pytest.raises(SettingsError, match="'metres'; choose from metric, scale_invariant"):
        run("list", "--kind", "metres")


def test_the_list_as_json_says_where_weights_are(network):
    run("pull", SMALL.name)
    facts = {fact["name"]: fact for fact in json.loads(run("list", "--json").stdout)}
    assert facts[SMALL.name]["path"] == str(weights.store() / SMALL.filename)
    assert facts[SMALL.name]["size"] == (weights.store() / SMALL.filename).stat().st_size
    assert facts["depth-anything-v2-large"]["path"] is None
    assert facts["depth-anything-v2-large"]["is_commercial"] is False


def test_show_says_what_a_licence_forbids():
    assert "CC-BY-NC-4.0, no commercial use" in run("show", "depth-anything-v2-base").stdout


def test_show_answers_a_misspelt_name_with_the_nearest():
    with pytest.raises(UnknownModelError, match="did you mean"):
        run("show", "depth-anything-v2-smal")


def test_pull_prints_where_the_weights_are_and_nothing_else_on_stdout(network):
    result = run("pull", SMALL.name)
    assert result.stdout == f"{weights.store() / SMALL.filename}\n"


def test_pull_asks_for_licences_before_it_fetches_anything(network):
    with pytest.raises(LicenceError):
        run("pull", SMALL.name, "depth-anything-v2-base")
    assert weights.find(SMALL) is None
    run("pull", SMALL.name, "depth-anything-v2-base", "--accept-licence")
    run("pull", "depth-anything-v2-base")


def test_verify_says_what_is_whole_and_fails_for_what_is_not(network):
    run("pull", SMALL.name)
    result = run("verify")
    assert result.stdout == "preview: part of the package\ndepth-anything-v2-small: whole\n"
    assert result.exit_code == 0
    path = weights.store() / SMALL.filename
    path.write_bytes(path.read_bytes()[::-1])
    result = run("verify")
    assert "depth-anything-v2-small: damaged" in result.stdout
    assert "sha256" in result.stderr
    assert result.exit_code == 1


def test_verify_admits_what_it_cannot_know():
    weights.store().mkdir(parents=True)
    graphs.depth_anything(weights.store() / SMALL.filename)
    assert run("verify", SMALL.name).stdout == f"{SMALL.name}: here, but no checksum of it is known\n"


@pytest.mark.parametrize("command", ["verify", "path"])
def test_weights_that_are_not_here_are_an_error_where_they_are_needed(command):
    with pytest.raises(WeightsError, match="run `vergence models pull depth-anything-v2-small`"):
        run(command, SMALL.name)


def test_path_prints_the_path():
    assert run("path", "preview").stdout.strip().endswith("preview.onnx")


def test_remove_prints_what_it_deleted(network):
    run("pull", SMALL.name)
    assert run("remove", SMALL.name).stdout == f"{weights.store() / SMALL.filename}\n"
    again = run("remove", SMALL.name)
    assert again.stdout == ""
    assert "was not on this machine" in again.stderr


def test_remove_says_where_another_program_keeps_a_copy(home):
    (home / "checkpoints").mkdir()
    graphs.depth_anything(home / "checkpoints" / "depth_anything_v2_vits.onnx")
    assert "which belongs to another program" in run("remove", SMALL.name).stderr


def test_the_built_in_model_cannot_be_removed():
    with pytest.raises(ModelError, match="part of the package"):
        run("remove", "preview")


def test_the_help_loads_nothing_heavy():
    code = (
        "import sys; from vergence.cli import models; "
        "print([name for name in ('numpy', 'onnxruntime', 'cv2', 'numba', 'rich.table') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
