from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import graphs
from vergence.depth import choice, download, model, weights
from vergence.depth.cards import CARDS
from vergence.depth.model import load_model
from vergence.errors import LicenceError, ModelError, SettingsError, UnknownModelError, WeightsError
from vergence.types import Frame

SMALL = CARDS["depth-anything-v2-small"]
BASE = CARDS["depth-anything-v2-base"]


@pytest.fixture
def announced():
    return []


@pytest.fixture
def network(monkeypatch, online):
    """A network that delivers tiny graphs; its list says what was fetched."""
    fetched = []

    def deliver(source, target, *, progress=None, **kwargs):
        fetched.append(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        graphs.depth_anything(target)
        if progress:
            progress(1, 1)

    monkeypatch.setattr(download, "download", deliver)
    monkeypatch.setattr(download, "is_reachable", lambda source: True)
    return fetched


def on_disk(card):
    path = weights.store_path(card, "onnx")
    path.parent.mkdir(parents=True, exist_ok=True)
    return graphs.depth_anything(path)


def test_auto_takes_the_best_model_on_this_machine_in_silence(announced):
    on_disk(SMALL)
    assert load_model(announce=announced.append).card == SMALL
    assert announced == []


def test_auto_makes_do_with_the_built_in_model_and_says_how_to_get_a_better_one(announced):
    assert load_model(announce=announced.append).card.name == "preview"
    (line,) = announced
    assert "built-in preview model" in line
    assert "vergence models pull depth-anything-v2-small" in line
    assert "\n" not in line


def test_auto_says_what_it_fetches_before_it_does(network, announced):
    seen = []
    loaded = load_model(announce=announced.append, progress=lambda *both: seen.append(both))
    assert loaded.card == SMALL
    assert network == [SMALL.onnx]
    assert announced == [f"fetching depth-anything-v2-small: {SMALL.summary}, Apache-2.0"]
    assert seen == [(1, 1)]


def test_auto_asks_no_network_when_it_is_forbidden(network, monkeypatch, announced):
    monkeypatch.setattr(download, "is_reachable", lambda source: pytest.fail("asked"))
    assert load_model(offline=True, announce=announced.append).card.name == "preview"
    assert network == []


def test_auto_does_not_try_a_network_that_does_not_answer(network, monkeypatch, announced):
    monkeypatch.setattr(download, "is_reachable", lambda source: False)
    assert load_model(announce=announced.append).card.name == "preview"
    assert network == []
    assert len(announced) == 1


def test_auto_survives_a_failed_download(network, monkeypatch, announced):
    def fail(*args, **kwargs):
        raise WeightsError("the connection to huggingface.co broke")

    monkeypatch.setattr(download, "download", fail)
    assert load_model(announce=announced.append).card.name == "preview"
    assert announced[1].startswith("using the built-in preview model")
    assert "the connection to huggingface.co broke" in announced[1]


def test_auto_leaves_models_alone_whose_licence_was_not_accepted(announced):
    on_disk(BASE)
    assert load_model(announce=announced.append).card.name == "preview"
    assert load_model(accept_licence=True, announce=announced.append).card == BASE


def test_auto_never_takes_a_metric_model_for_the_best(announced):
    on_disk(CARDS["depth-anything-v2-metric-indoor-small"])
    assert load_model(announce=announced.append).card.name == "preview"


def test_a_model_asked_for_by_name_that_cannot_be_had_is_an_error():
    with pytest.raises(WeightsError, match="not on this machine and the network is forbidden"):
        load_model("depth-anything-v2-small")


def test_a_model_whose_licence_was_not_accepted_is_an_error(network):
    with pytest.raises(LicenceError):
        load_model("depth-anything-v2-base")
    assert network == []
    assert load_model("depth-anything-v2-base", accept_licence=True).card == BASE
    assert load_model("depth-anything-v2-base").card == BASE


def test_a_name_no_model_has_is_an_error():
    with pytest.raises(UnknownModelError, match="did you mean 'preview'"):
        load_model("previeuw")


@pytest.mark.parametrize(
    ("make", "family", "kind"),
    [(graphs.depth_anything, "depth_anything_v2", "affine_inverse"), (graphs.preview, "preview", "scale_invariant")],
)
def test_a_file_of_ones_own_is_known_by_what_it_takes_and_gives(tmp_path, make, family, kind):
    path = make(tmp_path / "mine.onnx")
    loaded = load_model(weights=path)
    assert (loaded.card.name, loaded.card.family, loaded.card.kind) == ("mine", family, kind)
    (item,) = loaded.estimate([Frame(np.zeros((28, 56, 3), dtype=np.uint8), 0, Fraction(0))])
    assert item.depth.kind == kind


def test_a_file_of_ones_own_can_stand_in_for_a_named_model(tmp_path):
    card = CARDS["depth-anything-v2-metric-outdoor-small"]
    assert load_model(card.name, weights=graphs.depth_anything(tmp_path / "mine.onnx")).card == card


def test_a_file_of_ones_own_under_a_models_name_is_under_its_licence(tmp_path):
    path = graphs.depth_anything(tmp_path / "mine.onnx")
    with pytest.raises(LicenceError):
        load_model("depth-anything-v2-base", weights=path)
    assert load_model("depth-anything-v2-base", weights=path, accept_licence=True).card == BASE


def test_a_graph_of_no_known_family_is_refused_with_what_it_has(tmp_path):
    path = graphs.depth_anything(tmp_path / "mine.onnx", picture=("b", 4, "h", "w"))
    with pytest.raises(WeightsError, match=r"belongs to no family known here: its inputs are pixel_values \(any, 4"):
        load_model(weights=path)


@pytest.mark.parametrize("name", ["net.pth", "net.PT", "model.safetensors"])
def test_a_checkpoint_without_torch_says_what_to_install(tmp_path, name, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(ModelError, match=r"checkpoint of torch, which is not installed; `pip install torch==2\.13"):
        load_model(weights=path)
    with pytest.raises(ModelError, match=r"checkpoint of torch, which is not installed"):
        load_model("depth-anything-v2-small", weights=path)


def test_a_model_published_for_torch_says_so_where_there_is_none(monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"published for torch, which is not installed.*vergence models export vid"):
        load_model("video-depth-anything-small")
    with pytest.raises(ModelError, match="torch is not installed"):
        load_model("depth-anything-v2-small", runtime="torch")


def test_a_graph_of_ones_own_is_taken_as_relative_and_that_is_said(tmp_path, announced):
    path = graphs.depth_anything(tmp_path / "mine.onnx")
    load_model(weights=path, announce=announced.append)
    assert announced == [
        f"{path} is taken as depth_anything_v2 with relative depth; say --kind metric if it gives metres"
    ]
    announced.clear()
    assert load_model(weights=path, kind="metric", announce=announced.append).card.kind == "metric"
    assert announced == []


def test_a_file_under_a_published_name_is_what_it_says(tmp_path, announced):
    path = graphs.depth_anything(tmp_path / "depth_anything_v2_vits_outdoor_dynamic.onnx")
    card = load_model(weights=path, announce=announced.append).card
    assert (card.name, card.kind) == ("depth-anything-v2-metric-outdoor-small", "metric")
    assert announced == []


def test_a_kind_is_said_of_ones_own_weights_alone():
    with pytest.raises(SettingsError, match="a model by name has its own"):
        load_model("depth-anything-v2-small", kind="metric")


def test_video_options_are_refused_by_models_of_pictures(tmp_path):
    path = graphs.depth_anything(tmp_path / "mine.onnx")
    with pytest.raises(SettingsError, match="--streaming is of video models"):
        load_model(weights=path, streaming=True)
    with pytest.raises(SettingsError, match="--exact is of video models"):
        load_model(weights=path, exact=True)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="there is no file"):
        load_model(weights=tmp_path / "nowhere.onnx")


def test_damaged_weights_on_this_machine_are_an_error_not_a_reason_to_use_others(network):
    path = on_disk(SMALL)
    download.record_path(path).write_text('{"sha256": "00"}')
    with pytest.raises(WeightsError, match="are damaged"):
        load_model()


def test_the_input_size_can_be_chosen_where_the_family_leaves_it(tmp_path):
    path = graphs.depth_anything(tmp_path / "net.onnx")
    loaded = load_model(weights=path, input_size=28)
    (item,) = loaded.estimate([Frame(np.zeros((90, 160, 3), dtype=np.uint8), 0, Fraction(0))])
    assert item.depth.values.shape == (28, 56)


def test_an_input_size_beyond_all_bounds_is_cut_and_that_is_said_once(tmp_path, caplog):
    path = graphs.depth_anything(tmp_path / "net.onnx")
    frames = [Frame(np.zeros((90, 160, 3), dtype=np.uint8), index, Fraction(index)) for index in range(2)]
    (first, _) = load_model(weights=path, input_size=9000).estimate(frames)
    height, width = first.depth.values.shape
    assert height * width <= 8192 * 14 * 14
    said = [record.getMessage() for record in caplog.records if "input size of 9000 px" in record.getMessage()]
    assert len(said) == 1
    assert f"at {width} x {height} px" in said[0]
    caplog.clear()
    list(load_model(weights=path, input_size=280).estimate(frames))
    assert "input size" not in caplog.text


def test_cameras_by_rays_are_of_networks_of_many_views():
    with pytest.raises(SettingsError, match="'preview' finds no cameras by rays"):
        load_model("preview", ray_poses=True)


def test_the_preview_sees_as_much_as_asked_within_what_it_can():
    frame = Frame(np.zeros((90, 120, 3), dtype=np.uint8), 0, Fraction(0))
    (usual,) = load_model("preview").estimate([frame])
    (finer,) = load_model("preview", input_size=288).estimate([frame])
    assert usual.depth.values.shape == (192, 256)
    assert finer.depth.values.shape == (288, 384)
    with pytest.raises(SettingsError, match="96 to 640 px of their short side, not 700"):
        load_model("preview", input_size=700)


def test_a_card_of_another_family_needs_only_its_module(monkeypatch, tmp_path):
    import sys
    from types import ModuleType

    family = ModuleType("vergence.depth.families.other")
    family.load = lambda card, weights, options: (card, weights, options)
    monkeypatch.setitem(sys.modules, family.__name__, family)
    monkeypatch.setitem(CARDS, "other", replace(CARDS["preview"], name="other", family="other"))
    path = tmp_path / "other.onnx"
    path.touch()
    card, found, options = load_model("other", weights=path, threads=3)
    assert (card.name, found, options.threads) == ("other", path, 3)


def test_a_model_is_a_depth_model():
    loaded: model.DepthModel = load_model("preview")
    assert loaded.lookahead == 0
