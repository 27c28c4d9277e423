import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from vergence.depth.families import preview
from vergence.depth.networks.preview import ADDED, BACKBONES, PreviewNetwork
from vergence.depth.runtimes import RuntimeOptions, open_graph
from vergence.errors import WeightsError
from vergence.training.export import blend, export_onnx, load_onnx


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(0)
    network = PreviewNetwork().eval()
    path = tmp_path_factory.mktemp("export") / "preview.onnx"
    return network, path, export_onnx(network, path)


def as_if_trained(network):
    """No two tensors are alike, so that the exporter merges none."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.mul_(1 + 0.01 * torch.rand_like(tensor)).add_(0.001 * torch.rand_like(tensor))
    return network


def test_the_file_keeps_the_contract_is_small_and_computes_what_torch_does(exported):
    _, path, difference = exported
    graph = open_graph(path, RuntimeOptions(threads=1))
    assert preview.matches(graph.inputs, graph.outputs)
    assert path.stat().st_size < 10_000_000
    assert difference < 0.02


def test_any_multiple_of_32_and_any_batch_goes_in(exported):
    _, path, _ = exported
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 32, 64), (3, 3, 64, 32), (1, 3, 160, 224)):
        outputs = session.run(None, {"rgb": np.full(shape, 0.5, dtype=np.float32)})
        assert [out.shape for out in outputs] == [(shape[0], 1, *shape[2:])] * 3


def test_an_untrained_network_gives_the_vertical_prior(exported):
    network, _, _ = exported
    with torch.no_grad():
        log_depth = network(torch.rand(1, 3, 64, 64))[0][0, 0].numpy()
    y = (np.arange(64) + 0.5) / 64 * 2 - 1
    prior = np.polynomial.polynomial.polyval(y, preview.VERTICAL_PRIOR)
    np.testing.assert_allclose(log_depth.mean(1), prior, atol=0.25)


def test_the_shipped_form_is_a_checkpoint_to_train_on_from(tmp_path):
    network = as_if_trained(PreviewNetwork())
    export_onnx(network, tmp_path / "preview.onnx")
    again = load_onnx(tmp_path / "preview.onnx").eval()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(dict(again.named_parameters())[name], parameter, rtol=1e-3, atol=1e-4)


def test_a_file_says_by_its_blocks_which_backbone_it_has(tmp_path):
    network = as_if_trained(PreviewNetwork("lite1"))
    assert export_onnx(network, tmp_path / "preview.onnx") < 0.02
    assert (tmp_path / "preview.onnx").stat().st_size < 10_000_000
    again = load_onnx(tmp_path / "preview.onnx").eval()
    rgb = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(again(rgb)[0], network(rgb)[0], rtol=0, atol=0.02)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_first_blocks_of_any_backbone_never_learn(backbone):
    network = PreviewNetwork(backbone)
    quarter = network.backbone(torch.rand(1, 3, 64, 64))[1]
    assert quarter.shape[-1] == 16  # the last that is kept as it is
    kept = {id(p) for block in network.backbone.frozen() for p in block.parameters()}
    learnt = {id(p) for block in network.backbone.learning() for p in block.parameters()}
    assert kept | learnt == {id(p) for p in network.backbone.parameters()}
    assert not kept & learnt
    assert all(p.requires_grad == (id(p) in learnt) for p in network.backbone.parameters())


def test_a_file_from_before_layers_were_added_gives_the_depth_it_gave(tmp_path):
    older = PreviewNetwork().eval()
    for step in (older.to_eighth, older.to_quarter, older.to_half):
        step.added = torch.nn.Sequential()
    export_onnx(as_if_trained(older), tmp_path / "preview.onnx")
    wider, again = (load_onnx(tmp_path / "preview.onnx").eval() for _ in range(2))
    assert sum(ADDED in name for name in wider.state_dict()) > 3
    rgb = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(wider(rgb)[0], older(rgb)[0], rtol=0, atol=1e-3)
    for name, parameter in again.named_parameters():  # the added layers too: so the two can be blended
        assert torch.equal(parameter, dict(wider.named_parameters())[name])


def test_added_layers_learn_though_they_start_as_nothing():
    network = PreviewNetwork()
    network(torch.rand(2, 3, 64, 64))[0].square().mean().backward()
    moved = {name for name, p in network.named_parameters() if ADDED in name and p.grad is not None and p.grad.any()}
    assert {name.split(".")[0] for name in moved} == {"to_eighth", "to_quarter", "to_half"}


def test_another_graph_is_no_checkpoint(tmp_path):
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    ports = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1]) for n in "xy"]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", ports[:1], ports[1:])), tmp_path / "x.onnx")
    with pytest.raises(WeightsError, match="no tensor"):
        load_onnx(tmp_path / "x.onnx")


def test_a_blend_lies_between_its_two_networks():
    a, b = PreviewNetwork(), PreviewNetwork()
    mixed = blend(a, b, 0.25)
    torch.testing.assert_close(mixed.head.weight, 0.75 * a.head.weight + 0.25 * b.head.weight)
