import importlib.util

import numpy as np
import pytest
from onnx import TensorProto, helper

import graphs
from vergence.depth import runtimes
from vergence.depth.runtimes import Port, RuntimeOptions, open_graph
from vergence.errors import DeviceError, ModelError, SettingsError, WeightsError

HAS_OPENVINO = importlib.util.find_spec("openvino") is not None
needs_openvino = pytest.mark.skipif(not HAS_OPENVINO, reason="openvino is not installed")
EACH = ["onnxruntime", pytest.param("openvino", marks=needs_openvino)]


@pytest.mark.parametrize("runtime", EACH)
def test_a_graph_says_what_it_takes_and_gives_and_computes_it(tmp_path, runtime):
    path = graphs.depth_anything(tmp_path / "net.onnx", picture=("b", 3, "h", 28), depth=("b", "h", 28))
    graph = open_graph(path, RuntimeOptions(runtime=runtime))
    assert graph.inputs == (Port("pixel_values", (None, 3, None, 28)),)
    assert graph.outputs == (Port("predicted_depth", (None, None, 28)),)
    array = np.random.default_rng(0).random((1, 3, 14, 28), dtype=np.float32)
    (found,) = graph.run(array)
    np.testing.assert_allclose(found, array.mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize("runtime", EACH)
def test_an_answer_outlives_the_next_one(tmp_path, runtime):
    graph = open_graph(graphs.depth_anything(tmp_path / "net.onnx"), RuntimeOptions(runtime=runtime))
    (first,) = graph.run(np.ones((1, 3, 14, 14), dtype=np.float32))
    graph.run(np.zeros((1, 3, 14, 14), dtype=np.float32))
    np.testing.assert_array_equal(first, 1)


@pytest.mark.parametrize("runtime", EACH)
@pytest.mark.parametrize("content", [b"", b"not a network", b"\x08\x07\x12\x00" * 40], ids=["empty", "text", "bytes"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, runtime, content):
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"net\.onnx is not a") as caught:
        open_graph(path, RuntimeOptions(runtime=runtime))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("runtime", EACH)
def test_a_truncated_file_is_refused(tmp_path, runtime):
    path = graphs.preview(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(WeightsError, match=r"net\.onnx is not a"):
        open_graph(path, RuntimeOptions(runtime=runtime))


@pytest.mark.parametrize("runtime", EACH)
def test_a_missing_file_is_named(tmp_path, runtime):
    with pytest.raises(WeightsError, match=r"there is no file .*nowhere\.onnx"):
        open_graph(tmp_path / "nowhere.onnx", RuntimeOptions(runtime=runtime))


@pytest.mark.parametrize("runtime", EACH)
def test_a_size_the_graph_cannot_compute_is_refused_in_one_line(tmp_path, runtime):
    graph = open_graph(
        graphs.depth_anything(tmp_path / "net.onnx", picture=(1, 3, 28, 28), depth=(1, 28, 28)),
        RuntimeOptions(runtime=runtime),
    )
    with pytest.raises(ModelError, match="cannot compute an input of 1x3x14x14") as caught:
        graph.run(np.zeros((1, 3, 14, 14), dtype=np.float32))
    assert "\n" not in str(caught.value)


def test_half_precision_inputs_are_refused(tmp_path):
    node = helper.make_node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=0)
    path = graphs.save(
        tmp_path / "net.onnx", [node], {"x": (1, 3, 14, 14)}, {"y": (1, 14, 14)}, dtype=TensorProto.FLOAT16
    )
    with pytest.raises(WeightsError, match=r"x is tensor\(float16\); export it with float32"):
        open_graph(path, RuntimeOptions())


def test_cuda_is_refused_where_there_is_none(tmp_path, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    path = graphs.depth_anything(tmp_path / "net.onnx")
    with pytest.raises(DeviceError, match=r"onnxruntime has: CPUExecutionProvider.*--device cpu"):
        open_graph(path, RuntimeOptions(device="cuda"))
    assert open_graph(path, RuntimeOptions(device="auto")).device == "cpu"


def test_onnxruntime_does_not_pretend_to_compute_in_bfloat16(tmp_path):
    with pytest.raises(ModelError, match="computed in f32, or by openvino in bf16, not by onnxruntime in bf16"):
        open_graph(
            graphs.depth_anything(tmp_path / "net.onnx"), RuntimeOptions(runtime="onnxruntime", precision="bf16")
        )


@pytest.mark.parametrize("options", [{"precision": "bf16"}, {"runtime": "openvino"}])
def test_openvino_is_asked_for_by_name_where_it_is_missing(tmp_path, monkeypatch, options):
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None)
    with pytest.raises(
        ModelError, match=r"openvino is not installed; install it with `pip install 'vergence\[openvino\]'`"
    ):
        open_graph(graphs.depth_anything(tmp_path / "net.onnx"), RuntimeOptions(**options))


def test_openvino_does_not_pretend_to_run_on_cuda(tmp_path):
    with pytest.raises(DeviceError, match="openvino runs on the CPU"):
        open_graph(graphs.depth_anything(tmp_path / "net.onnx"), RuntimeOptions(runtime="openvino", device="cuda"))


def test_no_threads_are_refused():
    with pytest.raises(SettingsError, match="at least 1 thread, not 0"):
        RuntimeOptions(threads=0)


@needs_openvino
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_openvino_computes_in_the_precision_asked_for_on_every_machine(tmp_path, monkeypatch, precision):
    import openvino

    seen = {}

    class Core(openvino.Core):
        def compile_model(self, model, device, config):
            seen.update(config)
            return super().compile_model(model, device, config)

    monkeypatch.setattr(openvino, "Core", Core)
    open_graph(graphs.depth_anything(tmp_path / "net.onnx"), RuntimeOptions(runtime="openvino", precision=precision))
    assert seen["INFERENCE_PRECISION_HINT"] == precision


@needs_openvino
def test_both_runtimes_agree_on_the_built_in_network():
    from vergence.depth.weights import EMBEDDED

    picture = np.random.default_rng(0).random((1, 3, 96, 128), dtype=np.float32)
    ours = open_graph(EMBEDDED / "preview.onnx", RuntimeOptions(runtime="onnxruntime")).run(picture)
    theirs = open_graph(EMBEDDED / "preview.onnx", RuntimeOptions(runtime="openvino")).run(picture)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)
