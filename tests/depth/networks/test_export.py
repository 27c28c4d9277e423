from fractions import Fraction

import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; exporting needs it")
pytest.importorskip("onnxscript", reason="onnxscript is not installed; exporting needs it")

from vergence.cli.main import app  # noqa: E402
from vergence.depth import weights as store  # noqa: E402
from vergence.depth.cards import CARDS  # noqa: E402
from vergence.depth.model import load_model  # noqa: E402
from vergence.depth.networks.checkpoints import load_network  # noqa: E402
from vergence.depth.networks.export import export  # noqa: E402
from vergence.depth.runtimes import RuntimeOptions, open_graph  # noqa: E402
from vergence.errors import ModelError, SettingsError, TargetError  # noqa: E402
from vergence.geometry.resample import resize_depth  # noqa: E402
from vergence.types import Frame  # noqa: E402

MAX, RMS = 1e-4, 2e-5  # of the golden's standard deviation
pytestmark = pytest.mark.slow


def checkpoint(path, family):
    state = parity.weights(parity.manifest(family, "vits"))
    torch.save({name: torch.from_numpy(value) for name, value in state.items()}, path)
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("picture")
    network = load_network(checkpoint(folder / "net.pth", "depth_anything_v2"), "depth_anything_v2")
    assert export(network, folder / "net.onnx") < MAX
    return folder / "net.onnx"


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    network = load_network(checkpoint(folder / "net.pth", "video_depth_anything"), "video_depth_anything")
    assert export(network, folder / "net") < MAX
    return folder / "net"


@pytest.mark.parametrize("name", ["vits_image_126", "vits_image_portrait_84"])
def test_an_exported_picture_network_gives_the_authors_depth(picture, name):
    golden = parity.golden("depth_anything_v2", name)
    model = load_model("depth-anything-v2-small", weights=picture, input_size=golden.meta["input_size"])
    (item,) = model.estimate([Frame(golden["rgb"], 0, Fraction(0))])
    height, width = golden["depth"].shape
    found = resize_depth(item.depth.values, width, height, sampling=item.depth.sampling)
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("name", ["offline40", "offline60", "offline24_wide", "offline5_short", "stream52"])
def test_an_exported_video_network_gives_the_authors_depth(video, name, runtime):
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="openvino is not installed")
    golden = parity.golden("video_depth_anything", f"vits_{name}")
    is_stream = name.startswith("stream")
    model = load_model(
        "video-depth-anything-small",
        weights=video,
        runtime=runtime,
        input_size=golden.meta["input_size"],
        streaming=is_stream,
        exact=not is_stream,
    )
    items = model.estimate(Frame(rgb, n, Fraction(n, 25)) for n, rgb in enumerate(golden["frames"]))
    height, width = golden["depth"].shape[1:]
    found = np.stack([resize_depth(item.depth.values, width, height, sampling="corners") for item in items])
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


def test_an_exported_window_is_torchs_at_every_size(video):
    """The places of a map are computed in parts, whose number is fixed: no remainder may be lost."""
    network = load_network(video.with_suffix(".pth"), "video_depth_anything")
    graph = open_graph(video / "temporal.onnx", RuntimeOptions(device="cpu"))
    generator = np.random.default_rng(0)
    for rows, columns in [(1, 2), (2, 3), (3, 3), (3, 4), (3, 5), (5, 5), (3, 9), (2, 14), (5, 6), (1, 31), (37, 5)]:
        coarse = generator.standard_normal((32, 192, rows, columns), dtype=np.float32)
        coarsest = generator.standard_normal((32, 384, -(-rows // 2), -(-columns // 2)), dtype=np.float32)
        (found,) = graph.run(coarse, coarsest)
        with torch.inference_mode():
            expected = network.mix(torch.from_numpy(coarse), torch.from_numpy(coarsest)).numpy()
        # Noise over a handful of places is normalised by next to nothing, which magnifies rounding.
        parity.assert_agrees(found, expected, max_error=10 * MAX, rms_error=10 * RMS)


def test_a_graph_of_one_size_takes_pictures_of_any(picture, tmp_path):
    network = load_network(picture.with_suffix(".pth"), "depth_anything_v2", max_depth=20.0)
    assert export(network, tmp_path / "fixed.onnx", size=(70, 98)) < MAX
    model = load_model("depth-anything-v2-metric-indoor-small", weights=tmp_path / "fixed.onnx")
    (item,) = model.estimate([Frame(np.zeros((100, 50, 3), dtype=np.uint8), 0, Fraction(0))])
    assert item.depth.values.shape == (70, 98)
    assert 0 < item.depth.metres().min() < 20
    with pytest.raises(SettingsError, match="multiples of 14"):
        export(network, tmp_path / "odd.onnx", size=(71, 98))


def test_exporting_leaves_the_network_as_it_was(picture):
    network = load_network(picture.with_suffix(".pth"), "depth_anything_v2")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export(network, picture.with_name("again.onnx"), size=(28, 28))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_one_command_makes_a_checkpoint_run_in_the_plain_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VERGENCE_HOME", str(tmp_path))
    card = CARDS["video-depth-anything-small"]
    (tmp_path / "models").mkdir()
    checkpoint(store.store_path(card, "checkpoint"), "video_depth_anything")
    app(["models", "export", card.name], standalone_mode=False)
    shown = capsys.readouterr()
    folder = store.store_path(card, "onnx")
    assert shown.out.strip() == str(folder)
    assert "differs from torch by" in shown.err
    assert store.find(card) == folder
    assert store.check(card, folder)
    model = load_model(card.name, input_size=28)
    frames = [Frame(np.zeros((28, 42, 3), dtype=np.uint8), n, Fraction(n, 25)) for n in range(3)]
    assert [item.frame.index for item in model.estimate(frames)] == [0, 1, 2]
    with pytest.raises(TargetError, match="--overwrite"):
        app(["models", "export", card.name], standalone_mode=False)
    with pytest.raises(SettingsError, match="a folder of graphs, not one file"):
        app(["models", "export", card.name, "-o", "net.onnx"], standalone_mode=False)


def test_exporting_without_torch_says_what_to_install(monkeypatch, tmp_path):
    from vergence.depth import choice

    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"torch and onnx and onnxscript are not installed; `pip install torch==2\.13"):
        app(["models", "export", "video-depth-anything-small"], standalone_mode=False)
