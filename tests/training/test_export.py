import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from vergence.depth.families import preview
from vergence.depth.networks.preview import PreviewNetwork
from vergence.depth.runtimes import RuntimeOptions, open_graph
from vergence.errors import WeightsError
from vergence.training.export import blend, export_onnx, load_onnx


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(0)
    network = PreviewNetwork().eval()
    path = tmp_path_factory.mktemp("export") / "preview.onnx"
    return network, path, export_onnx(network, path)


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
    network = PreviewNetwork()
    with torch.no_grad():  # as if trained: no two tensors are alike, so the exporter merges none
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.mul_(1 + 0.01 * torch.rand_like(tensor)).add_(0.001 * torch.rand_like(tensor))
    export_onnx(network, tmp_path / "preview.onnx")
    again = load_onnx(tmp_path / "preview.onnx").eval()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(dict(again.named_parameters())[name], parameter, rtol=1e-3, atol=1e-4)


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
