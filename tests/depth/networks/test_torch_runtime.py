import logging
from dataclasses import replace

import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; it runs the checkpoints")

from vergence.depth.runtimes import RuntimeOptions  # noqa: E402
from vergence.depth.runtimes.torch import open_picture, open_video  # noqa: E402
from vergence.errors import DeviceError, ModelError  # noqa: E402

PICTURE, VIDEO = "depth_anything_v2", "video_depth_anything"
F32 = 1e-4, 5e-6  # largest and rms error, of the golden's standard deviation
HALF = {"bf16": (0.2, 0.05), "f16": (0.03, 0.006)}  # twice to three times what they were found to be off by
CPU = RuntimeOptions(device="cpu")
HAS_CUDA = torch.cuda.is_available()
EACH = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not HAS_CUDA, reason="no CUDA device")])]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Write the file of a golden's weights."""
    folder = tmp_path_factory.mktemp("checkpoints")

    def write(family, golden):
        path = folder / f"{family}.pth"
        state = parity.weights(parity.manifest(family, "vits"), golden.meta["overrides"])
        torch.save({name: torch.from_numpy(value) for name, value in state.items()}, path)
        return path

    return write


@pytest.fixture
def picture(checkpoint):
    golden = parity.golden(PICTURE, "vits_tensor")
    path = checkpoint(PICTURE, golden)
    return golden, lambda options: open_picture(path, options, size="vits", max_depth=None)


@pytest.fixture
def video(checkpoint):
    golden = parity.golden(VIDEO, "vits_forward")
    path = checkpoint(VIDEO, golden)
    return golden, lambda options: open_video(path, options)


def pictures(golden):
    return list(golden["input"][0][:, None])


def of_window(network, golden):
    return network.decode(network.encode(pictures(golden)))


@pytest.mark.parametrize("device", EACH)
def test_a_picture_has_the_authors_depth(picture, device):
    golden, open_ = picture
    graph = open_(RuntimeOptions(device=device))
    assert [port.shape for port in (*graph.inputs, *graph.outputs)] == [(1, 3, None, None), (1, None, None)]
    (found,) = graph.run(golden["input"])
    parity.assert_agrees(found, golden["depth"], max_error=F32[0], rms_error=F32[1])


@pytest.mark.parametrize("device", EACH)
def test_a_window_has_the_authors_depth(video, device):
    golden, open_ = video
    found = of_window(open_(RuntimeOptions(device=device)), golden)
    parity.assert_agrees(found, golden["depth"][0], max_error=F32[0], rms_error=F32[1])


@pytest.mark.parametrize(
    "options",
    [
        RuntimeOptions(device="cpu", precision="bf16"),
        *(
            pytest.param(
                RuntimeOptions(device="cuda", precision=precision),
                marks=[pytest.mark.gpu, pytest.mark.skipif(not HAS_CUDA, reason="no CUDA device")],
            )
            for precision in ("bf16", "f16")
        ),
    ],
    ids=lambda options: f"{options.device}-{options.precision}",
)
def test_half_precision_is_near_the_authors_depth_and_ends_with_the_runtime(picture, video, options):
    largest, rms = HALF[options.precision]
    golden, open_ = picture
    (found,) = open_(options).run(golden["input"])
    assert found.dtype == np.float32
    parity.assert_agrees(found, golden["depth"], max_error=largest, rms_error=rms)
    golden, open_ = video
    network = open_(options)
    found = of_window(network, golden)
    assert found.dtype == np.float32
    parity.assert_agrees(found, golden["depth"][0], max_error=largest, rms_error=rms)
    (features,) = network.encode(pictures(golden)[:1])
    depth, states = network.step(features, [])
    again, _ = network.step(features, [states] * 3)
    assert depth.dtype == again.dtype == np.float32
    assert np.isfinite(again).all()


def test_a_streams_first_frame_is_a_window_of_one(video):
    golden, open_ = video
    network = open_(CPU)
    features = network.encode(pictures(golden)[:1])
    depth, states = network.step(features[0], [])
    (expected,) = network.decode(features)
    parity.assert_agrees(depth, expected, max_error=F32[0], rms_error=F32[1])
    assert len(states) == 8
    assert all(state.shape[1] == 1 for state in states)


def test_frames_are_encoded_by_themselves_however_many_at_once(video):
    golden, open_ = video
    network = open_(CPU)
    expected = network.encode(pictures(golden))
    network._batch = 3  # as a GPU does, with a last batch that is not full
    for found, one in zip(network.encode(pictures(golden)), expected, strict=True):
        for a, b in zip(found, one, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_an_answer_outlives_the_next_one_and_the_input_is_left_alone(picture):
    golden, open_ = picture
    graph = open_(CPU)
    given = golden["input"].copy()
    (first,) = graph.run(given)
    before = first.copy()
    graph.run(np.zeros_like(given))
    np.testing.assert_array_equal(first, before)
    np.testing.assert_array_equal(given, golden["input"])


def test_it_computes_on_the_threads_asked_for_and_leaves_the_callers_number(picture, monkeypatch):
    golden, open_ = picture
    graph = open_(replace(CPU, threads=1))
    seen = []
    network = graph._network
    monkeypatch.setattr(graph, "_network", lambda pixels: seen.append(torch.get_num_threads()) or network(pixels))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        graph.run(golden["input"][..., :28, :28].copy())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [1]


def test_f16_is_refused_on_the_cpu(picture):
    with pytest.raises(ModelError, match="f16 on a GPU only; use --precision f32 or bf16"):
        picture[1](replace(CPU, precision="f16"))


def test_cuda_is_refused_where_there_is_none(picture, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"no CUDA device was found \(torch .*use --device cpu"):
        picture[1](RuntimeOptions(device="cuda"))


def test_the_log_tells_what_computes(picture, caplog):
    with caplog.at_level(logging.INFO, logger="vergence"):
        picture[1](replace(CPU, threads=1))
    assert "f32 on cpu, threads: 1" in caplog.text
