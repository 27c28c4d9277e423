from fractions import Fraction

import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; exporting needs it")
pytest.importorskip("onnxscript", reason="onnxscript is not installed; exporting needs it")

from safetensors.torch import save_file  # noqa: E402

from vergence.cli.main import app  # noqa: E402
from vergence.depth import weights as store  # noqa: E402
from vergence.depth.cards import CARDS  # noqa: E402
from vergence.depth.families.depth_anything_3.graph import GraphNetwork  # noqa: E402
from vergence.depth.memory import Budget  # noqa: E402
from vergence.depth.model import load_model  # noqa: E402
from vergence.depth.networks.depth_anything_3.checkpoints import build  # noqa: E402
from vergence.depth.networks.depth_anything_3.variants import VARIANTS, NestedVariant, Variant  # noqa: E402
from vergence.depth.networks.dinov2 import BackboneSize  # noqa: E402
from vergence.depth.networks.dpt import DecoderSize  # noqa: E402
from vergence.depth.networks.export import export  # noqa: E402
from vergence.depth.networks.tracing import shared_copy  # noqa: E402
from vergence.depth.runtimes import RuntimeOptions  # noqa: E402
from vergence.depth.runtimes.torch import Place  # noqa: E402
from vergence.depth.runtimes.torch_depth_anything_3 import TorchNetwork  # noqa: E402
from vergence.errors import ModelError, SettingsError  # noqa: E402
from vergence.types import Frame  # noqa: E402

FAMILY = "depth_anything_3"
MAX, RMS = 1e-3, 1e-4  # of the deviation of what torch gives
SIZE = (56, 84)  # of views: a graph of any size takes minutes to make
# Of no published network, but of all their parts.
DECODER = DecoderSize(16, (16, 16, 32, 32))
MANY = Variant(BackboneSize(128, 4, (0, 1, 2, 3), normed_from=2), DECODER)
SPLATS = Variant(BackboneSize(128, 4, (0, 1, 2, 3), is_gated=True, normed_from=2), DECODER, has_gaussians=True)
ALONE = Variant(BackboneSize(128, 4, (0, 1, 2, 3)), DECODER)


def slow(test):
    """A busy machine needs minutes to trace a network."""
    return pytest.mark.slow(pytest.mark.timeout(1200)(test))


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """More of them wait for each other where several programs run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made(variant):
    network = build(variant)
    state = {name: torch.from_numpy(parity.fill(name, value.shape)) for name, value in network.state_dict().items()}
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def in_torch(network, variant):
    budget = Budget(CARDS[f"depth-anything-3-{variant}"], None)
    return TorchNetwork(variant, shared_copy(network), Place(RuntimeOptions(device="cpu", threads=1)), budget)


def pictures(count):
    """Unlike each other, so that no rounding decides which of them is the reference."""
    random = np.random.default_rng(0)
    contrast, level = random.uniform(0.3, 1.5, (count, 1, 1, 1)), random.uniform(-1, 1, (count, 3, 1, 1))
    return (random.standard_normal((count, 3, *SIZE)) * contrast + level).astype(np.float32)


def assert_alike(found, expected):
    names = [
        name for name in ("depth", "confidence", "extrinsics", "intrinsics") if getattr(expected, name) is not None
    ]
    for name in names:
        parity.assert_agrees(getattr(found, name), getattr(expected, name), max_error=MAX, rms_error=RMS)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A network with a head of Gaussians, exported for any number of views."""
    network = made(SPLATS)
    folder = tmp_path_factory.mktemp("many") / "net"
    assert export(network, folder, size=SIZE) < MAX
    return network, folder


@slow
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_exported_views_give_what_torch_gives(many, runtime):
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="openvino is not installed")
    network, folder = many
    assert sorted(file.name for file in folder.iterdir()) == ["gaussians.onnx", "views.onnx"]
    ours = GraphNetwork(folder, RuntimeOptions(device="cpu", threads=1, runtime=runtime), "giant", sees_many=True)
    theirs = in_torch(network, "giant")
    assert ours.size == SIZE
    for count in (1, 2, 3, 5):  # of one or two the first is the reference, of more one is chosen
        assert_alike(ours.together(pictures(count)), theirs.together(pictures(count)))
    assert_alike(ours.alone(pictures(2)), theirs.alone(pictures(2)))


@slow
def test_exported_gaussians_are_those_of_torch(many):
    network, folder = many
    ours = GraphNetwork(folder, RuntimeOptions(device="cpu", threads=1), "giant", sees_many=True)
    gaussians = []
    for seen in (ours, in_torch(network, "giant")):
        answer = seen.together(pictures(2), gaussians=True)
        gaussians.append(seen.place(answer, answer.extrinsics, answer.intrinsics, scale=2.0))
    ours, theirs = gaussians
    assert len(ours.means) == len(theirs.means) > 0
    for name in ("means", "scales", "opacities", "harmonics"):
        parity.assert_agrees(getattr(ours, name), getattr(theirs, name), max_error=2 * MAX, rms_error=RMS)


@slow
def test_an_exported_view_alone_is_that_of_torch(tmp_path):
    network = made(ALONE)
    assert export(network, tmp_path / "net.onnx", size=SIZE) < MAX
    ours = GraphNetwork(tmp_path / "net.onnx", RuntimeOptions(device="cpu", threads=1), "mono-large", sees_many=False)
    found, expected = (seen.alone(pictures(2)) for seen in (ours, in_torch(network, "mono-large")))
    assert_alike(found, expected)
    assert np.mean(found.is_sky == expected.is_sky) > 0.999


@slow
def test_one_command_makes_a_published_checkpoint_run_in_the_plain_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VERGENCE_HOME", str(tmp_path))
    monkeypatch.setitem(VARIANTS, "small", MANY)
    card = CARDS["depth-anything-3-small"]
    checkpoint = store.store_path(card, "checkpoint")
    checkpoint.parent.mkdir()
    save_file(made(MANY).state_dict(), checkpoint)
    app(["models", "export", card.name, "--size", "28x42", "--views", "1"], standalone_mode=False)
    shown = capsys.readouterr()
    path = store.store_path(card, "onnx")
    assert shown.out.strip() == str(path)
    assert "differs from torch by" in shown.err
    frames = [Frame(np.random.default_rng(n).integers(0, 255, (28, 42, 3), np.uint8), n, Fraction(n)) for n in range(2)]
    assert store.find(card) == path
    maps = []
    for runtime, size in (("auto", None), ("torch", 42)):
        model = load_model(card.name, runtime=runtime, input_size=size)
        maps.append(np.stack([item.depth.values for item in model.estimate(frames)]))
    parity.assert_agrees(*maps, max_error=MAX, rms_error=RMS)


def test_what_cannot_be_exported_is_told(tmp_path):
    nested = build(NestedVariant(MANY, ALONE))
    with pytest.raises(ModelError, match="a nested network is two networks"):
        export(nested, tmp_path / "net")
    with pytest.raises(SettingsError, match="takes from 1 to 1024 views, not 0"):
        export(nested.da3, tmp_path / "net", views=0)
    with pytest.raises(SettingsError, match="sides are multiples of 14, and 30x28 are not"):
        export(nested.da3, tmp_path / "net", size=(30, 28))
    with pytest.raises(SettingsError, match="one view at a time"):
        export(nested.da3_metric, tmp_path / "net", views=2)
    assert not (tmp_path / "net").exists()


def test_an_export_for_so_many_views_is_asked_for_by_a_number(monkeypatch):
    with pytest.raises(SettingsError, match="a number of views is a whole number, or any, not 'two'"):
        app(["models", "export", "depth-anything-3-small", "--views", "two"], standalone_mode=False)


def test_modules_of_a_shared_copy_are_its_own_and_tensors_are_not():
    network = made(ALONE)
    copied = shared_copy(network)
    assert copied.head is not network.head
    ours, theirs = (dict(one.named_parameters()) for one in (copied, network))
    assert all(ours[name] is theirs[name] for name in theirs)
