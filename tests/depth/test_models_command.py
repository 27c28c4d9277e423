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
    assert facts[SMALL.name]["path"] == str(weights.store_path(SMALL, "onnx"))
    assert facts[SMALL.name]["size"] == weights.store_path(SMALL, "onnx").stat().st_size
    assert facts[SMALL.name]["form"] == "onnx"
    assert facts[SMALL.name]["sha256"] == weights.hash_file(weights.store_path(SMALL, "onnx"))
    assert facts[SMALL.name]["checkpoint"].endswith("/depth_anything_v2_vits.pth")
    assert facts["depth-anything-v2-large"]["path"] is None
    assert facts["video-depth-anything-small"]["onnx"] is None
    assert facts["depth-anything-v2-large"]["is_commercial"] is False


def test_show_says_what_a_licence_forbids():
    assert "CC-BY-NC-4.0, no commercial use" in run("show", "depth-anything-v2-base").stdout


def test_show_answers_a_misspelt_name_with_the_nearest():
    with pytest.raises(UnknownModelError, match="did you mean"):
        run("show", "depth-anything-v2-smal")


def test_pull_prints_where_the_weights_are_and_nothing_else_on_stdout(network):
    result = run("pull", SMALL.name)
    assert result.stdout == f"{weights.store_path(SMALL, 'onnx')}\n"


def test_pull_asks_for_licences_before_it_fetches_anything(network):
    with pytest.raises(LicenceError):
        run("pull", SMALL.name, "depth-anything-v2-base")
    assert weights.find(SMALL) is None
    run("pull", SMALL.name, "depth-anything-v2-base", "--accept-licence")
    run("pull", "depth-anything-v2-base")


def test_verify_says_what_is_whole_and_fails_for_what_is_not(network):
    run("pull", SMALL.name)
    result = run("verify")
    assert result.stdout == "preview: part of the package\ndepth-anything-v2-small: onnx whole\n"
    assert result.exit_code == 0
    path = weights.store_path(SMALL, "onnx")
    path.write_bytes(path.read_bytes()[::-1])
    result = run("verify")
    assert "depth-anything-v2-small: onnx damaged" in result.stdout
    assert "sha256" in result.stderr
    assert result.exit_code == 1


def test_verify_admits_what_it_cannot_know():
    weights.store().mkdir(parents=True)
    graphs.depth_anything(weights.store_path(SMALL, "onnx"))
    assert run("verify", SMALL.name).stdout == f"{SMALL.name}: onnx here, but no checksum of it is known\n"


@pytest.mark.parametrize("command", ["verify", "path"])
def test_weights_that_are_not_here_are_an_error_where_they_are_needed(command):
    with pytest.raises(WeightsError, match="run `vergence models pull depth-anything-v2-small`"):
        run(command, SMALL.name)


def test_path_prints_the_path():
    assert run("path", "preview").stdout.strip().endswith("preview.onnx")


def test_remove_prints_what_it_deleted(network):
    run("pull", SMALL.name)
    assert run("remove", SMALL.name).stdout == f"{weights.store_path(SMALL, 'onnx')}\n"
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


def test_the_list_says_which_form_is_here(network):
    run("pull", SMALL.name, "--form", "checkpoint")
    (line,) = (line for line in run("list").stdout.splitlines() if line.startswith(f"{SMALL.name} "))
    assert " checkpoint " in line


def test_show_names_both_sources():
    text = run("show", SMALL.name).stdout
    assert "onnx  https://huggingface.co/onnx-community/depth-anything-v2-small/resolve/main/onnx/model.onnx" in text
    assert "checkpoint  https://huggingface.co/depth-anything/Depth-Anything-V2-Small/resolve/main/depth_any" in text
    assert "sha256  recorded at first download" in text


def test_show_says_what_is_published_for_torch_alone():
    text = run("show", "video-depth-anything-small").stdout
    assert "onnx  not published; made by `vergence models export video-depth-anything-small`" in text


def test_show_names_the_checksum_once_it_is_recorded(network):
    run("pull", SMALL.name)
    text = run("show", SMALL.name).stdout
    assert f"sha256  {weights.hash_file(weights.store_path(SMALL, 'onnx'))}" in text
    assert f"{weights.store_path(SMALL, 'onnx')} (onnx)" in text


def test_either_form_can_be_fetched_and_asked_for(network):
    for form in ("onnx", "checkpoint"):
        fetched = run("pull", SMALL.name, "--form", form).stdout
        assert fetched == run("path", SMALL.name, "--form", form).stdout == f"{weights.store_path(SMALL, form)}\n"
    assert run("path", SMALL.name).stdout == f"{weights.store_path(SMALL, 'onnx')}\n"


def test_a_form_that_is_not_here_names_how_to_fetch_it(network):
    run("pull", SMALL.name)
    with pytest.raises(WeightsError, match="run `vergence models pull depth-anything-v2-small --form checkpoint`"):
        run("path", SMALL.name, "--form", "checkpoint")


def test_a_form_that_is_not_published_is_refused_before_anything_is_fetched(network):
    with pytest.raises(WeightsError, match="only as a checkpoint of torch"):
        run("pull", SMALL.name, "video-depth-anything-small", "--form", "onnx")
    assert weights.find(SMALL) is None


def test_an_export_that_is_here_needs_not_be_published(network):
    folder = weights.store_path(CARDS["video-depth-anything-small"], "onnx")
    folder.mkdir(parents=True)
    for part in ("encoder.onnx", "temporal.onnx", "decoder.onnx"):
        graphs.depth_anything(folder / part)
    assert run("pull", "video-depth-anything-small", "--form", "onnx").stdout == f"{folder}\n"
    facts = {fact["name"]: fact for fact in json.loads(run("list", "--json").stdout)}["video-depth-anything-small"]
    assert facts["size"] == sum(path.stat().st_size for path in folder.iterdir())
    assert run("remove", "video-depth-anything-small").stdout == f"{folder}\n"


def test_all_that_is_apache_can_be_fetched_at_once(network):
    lines = run("pull", "--all-apache").stdout.splitlines()
    expected = [card for card in CARDS.values() if card.licence == "Apache-2.0" and not card.is_embedded]
    assert lines == [str(weights.find(card)) for card in expected]
    assert {card.name for card in expected} >= {"depth-anything-v2-small", "video-depth-anything-metric-small"}
    assert not any(weights.find(card) for card in CARDS.values() if card.licence != "Apache-2.0")


def test_all_that_is_apache_can_be_fetched_in_one_form(network):
    lines = run("pull", "--all-apache", "--form", "onnx").stdout.splitlines()
    assert {line.rpartition(".")[2] for line in lines} == {"onnx"}
    assert weights.find(CARDS["video-depth-anything-small"]) is None


def test_models_named_beside_all_that_is_apache_are_fetched_once_each(network):
    lines = run("pull", SMALL.name, "preview", "--all-apache").stdout.splitlines()
    assert len(lines) == len(set(lines))
    assert str(weights.store_path(SMALL, "onnx")) in lines


def test_pull_without_a_name_says_what_it_needs(network):
    with pytest.raises(SettingsError, match="--all-apache"):
        run("pull")


def test_verify_looks_at_every_form(network):
    for form in ("onnx", "checkpoint"):
        run("pull", SMALL.name, "--form", form)
    weights.store_path(SMALL, "checkpoint").write_bytes(b"x")
    result = run("verify", SMALL.name)
    assert result.stdout == f"{SMALL.name}: onnx whole\n{SMALL.name}: checkpoint damaged\n"
    assert result.exit_code == 1


def test_remove_deletes_every_form(network):
    paths = [run("pull", SMALL.name, "--form", form).stdout for form in ("onnx", "checkpoint")]
    assert run("remove", SMALL.name).stdout == "".join(paths)
    assert weights.find(SMALL) is None
