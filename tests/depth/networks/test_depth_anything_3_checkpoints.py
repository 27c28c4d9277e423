import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; it reads checkpoints")
safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed; it reads checkpoints")

from vergence.depth.networks.depth_anything_3.checkpoints import (  # noqa: E402
    arranged,
    build,
    identify,
    load_network,
)
from vergence.depth.networks.depth_anything_3.network import AnyView, Nested, OneView  # noqa: E402
from vergence.depth.networks.depth_anything_3.variants import VARIANTS, NestedVariant, Variant  # noqa: E402
from vergence.depth.networks.dinov2 import BackboneSize  # noqa: E402
from vergence.depth.networks.dpt import DecoderSize  # noqa: E402
from vergence.errors import WeightsError  # noqa: E402

SHARED = "head.scratch.output_conv2_aux.{}.2.weight"

LITTLE = Variant(BackboneSize(64, 4, (0, 1, 2, 3), normed_from=2), DecoderSize(16, (8, 8, 8, 8)), has_gaussians=True)
ALONE = Variant(BackboneSize(64, 4, (0, 1, 2, 3)), DecoderSize(16, (8, 8, 8, 8)))


@pytest.fixture(autouse=True)
def little_networks(monkeypatch):
    """Networks of all kinds that take no time to write and read."""
    for name in ("mono-large", "metric-large"):
        monkeypatch.setitem(VARIANTS, name, ALONE)
    monkeypatch.setitem(VARIANTS, "nested-giant-large", NestedVariant(LITTLE, ALONE))
    monkeypatch.setitem(VARIANTS, "little", LITTLE)


def published(sizes):
    """A state of random numbers under the names of a published file."""
    torch.manual_seed(0)
    state = {}
    for name, value in build(sizes).state_dict().items():
        name = name.replace("pretrained.", "backbone.pretrained.").replace("conv2_aux.3.2.", "conv2_aux.0.2.")
        state[f"model.{name}"] = torch.randn(value.shape)
    return state


def save(state, folder, config=None):
    folder.mkdir()
    safetensors.save_file(state, folder / "model.safetensors")
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


def test_a_published_folder_is_loaded(tmp_path):
    state = published(LITTLE)
    name, network = load_network(save(state, tmp_path / "net"))
    assert name == "little"
    assert isinstance(network, AnyView)
    assert not network.training
    loaded = network.state_dict()
    torch.testing.assert_close(loaded[SHARED.format(3)], state["model." + SHARED.format(0)])
    torch.testing.assert_close(loaded["pretrained.cls_token"], state["model.backbone.pretrained.cls_token"])
    assert not any(value.is_meta or value.requires_grad for value in loaded.values())


def test_of_the_shared_layer_stored_more_than_once_the_last_counts():
    state = {"model." + SHARED.format(level): torch.full((32,), float(level)) for level in (2, 0, 1)}
    assert {name: float(value[0]) for name, value in arranged(state).items()} == {SHARED.format(3): 2.0}


@pytest.mark.parametrize("prefix", ["", "module.model."])
def test_other_prefixes_and_half_precision_are_read(tmp_path, prefix):
    state = {prefix + name.removeprefix("model."): value.half() for name, value in published(LITTLE).items()}
    torch.save({"state_dict": state}, tmp_path / "net.pth")
    name, network = load_network(tmp_path / "net.pth")
    assert name == "little"
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}


def test_without_its_gaussian_head_a_network_loads_as_one_without(tmp_path):
    state = {name: value for name, value in published(LITTLE).items() if ".gs_head." not in name}
    _, network = load_network(save(state, tmp_path / "net"))
    assert isinstance(network, AnyView)
    assert network.gs_head is None


def test_a_nested_network_holds_both(tmp_path):
    name, network = load_network(save(published(NestedVariant(LITTLE, ALONE)), tmp_path / "net"))
    assert name == "nested-giant-large"
    assert isinstance(network, Nested)
    assert isinstance(network.da3, AnyView)
    assert network.da3.gs_head is not None
    assert isinstance(network.da3_metric, OneView)


@pytest.mark.parametrize(
    ("folder", "config", "variant", "expected"),
    [
        ("net", {"model_name": "da3metric-large", "config": {}}, None, "metric-large"),
        ("net", {"model_name": "da3mono-large"}, None, "mono-large"),
        ("DA3METRIC-LARGE", None, None, "metric-large"),
        ("da3_mono", None, None, "mono-large"),
        ("net", None, "metric-large", "metric-large"),
    ],
)
def test_whether_a_view_alone_has_metres_is_said_by_what_is_around_the_tensors(
    tmp_path, folder, config, variant, expected
):
    name, network = load_network(save(published(ALONE), tmp_path / folder, config), variant)
    assert name == expected
    assert isinstance(network, OneView)


def test_where_nothing_says_it_nothing_is_assumed(tmp_path):
    folder = save(published(ALONE), tmp_path / "geometric")
    with pytest.raises(WeightsError, match=r"may be mono-large or metric-large.*only one of them gives metres"):
        load_network(folder)


def test_a_configuration_of_another_network_is_told(tmp_path):
    folder = save(published(LITTLE), tmp_path / "net", {"model_name": "da3-large-1.1"})
    with pytest.raises(WeightsError, match=r"is little by its tensors, but what its config\.json says is large"):
        load_network(folder)
    assert load_network(folder, "little")[0] == "little"
    with pytest.raises(WeightsError, match="but asked for is base"):
        load_network(folder, "base")


def test_a_broken_configuration_is_told(tmp_path):
    folder = save(published(LITTLE), tmp_path / "net")
    (folder / "config.json").write_text("{", "utf-8")
    with pytest.raises(WeightsError, match=r"config\.json cannot be read"):
        load_network(folder)


def test_a_missing_tensor_is_named(tmp_path):
    state = published(LITTLE)
    del state["model.cam_dec.fc_t.bias"]
    with pytest.raises(WeightsError, match=r"looks like little, but cam_dec\.fc_t\.bias is missing"):
        load_network(save(state, tmp_path / "net"))


def test_other_sizes_and_other_networks_are_told():
    deeper = replace(LITTLE, backbone=replace(LITTLE.backbone, blocks=5))
    with pytest.raises(WeightsError, match="of 5 blocks of 64 channels, which is none of those known: small, base"):
        identify(arranged(published(deeper)))
    with pytest.raises(WeightsError, match="are of no Depth Anything 3 network; known are small, base"):
        identify({"encoder.weight": torch.zeros(1)})
