import pickle

import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; it reads checkpoints")

from vergence.depth.model import load_model  # noqa: E402
from vergence.depth.networks.checkpoints import identify, load_network, read_state  # noqa: E402
from vergence.errors import SettingsError, WeightsError  # noqa: E402

PICTURE, VIDEO = "depth_anything_v2", "video_depth_anything"


@pytest.fixture(scope="module")
def states():
    return {
        family: {name: torch.from_numpy(v) for name, v in parity.weights(parity.manifest(family, "vits")).items()}
        for family in (PICTURE, VIDEO)
    }


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {
            "model": {f"module.{name}": value for name, value in state.items()},
            "optimizer": {},
            "epoch": 3,
        },
        lambda state: {"state_dict": {f"_orig_mod.{name}": value for name, value in state.items()}},
        lambda state: {name: value.half() for name, value in state.items()},
    ],
    ids=["published", "fine-tuned", "compiled", "half"],
)
@pytest.mark.parametrize("family", [PICTURE, VIDEO])
def test_every_wrapping_is_taken_off(states, family, wrap, tmp_path):
    path = tmp_path / "net.pth"
    torch.save(wrap(states[family]), path)
    network = load_network(path, family)
    assert identify(read_state(path)) == (family, "vits")
    for name, value in network.state_dict().items():
        assert value.dtype == torch.float32
        assert not value.is_meta
        if name in states[family]:
            torch.testing.assert_close(value, states[family][name], rtol=1e-3, atol=1e-3)


def test_files_of_before_torch_1_6_and_safetensors_are_read(states, tmp_path):
    torch.save(states[PICTURE], tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert set(read_state(tmp_path / "old.pth")) == set(states[PICTURE])
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    safetensors.save_file(states[VIDEO], tmp_path / "net.safetensors")
    assert identify(read_state(tmp_path / "net.safetensors")) == (VIDEO, "vits")


def test_a_checkpoint_of_another_network_names_what_differs_and_what_it_looks_like(states, tmp_path):
    torch.save(states[VIDEO], tmp_path / "net.pth")
    with pytest.raises(
        WeightsError, match=r"not depth_anything_v2 vits: depth_head.* is missing.*more; it looks like vid"
    ):
        load_network(tmp_path / "net.pth", PICTURE)
    with pytest.raises(WeightsError, match=r"is \(1, 1, 384\) instead of \(1, 1, 768\).* it looks like .* vits"):
        load_network(tmp_path / "net.pth", VIDEO, size="vitb")


def test_a_missing_tensor_is_named(states, tmp_path):
    state = dict(states[VIDEO])
    del state["head.scratch.refinenet2.out_conv.bias"]
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"head\.scratch\.refinenet2\.out_conv\.bias is missing; it looks like"):
        load_network(tmp_path / "net.pth", VIDEO)


def test_a_backbone_alone_is_told(states, tmp_path):
    prefix = "pretrained."
    torch.save(
        {k.removeprefix(prefix): v for k, v in states[PICTURE].items() if k.startswith(prefix)}, tmp_path / "n.pth"
    )
    with pytest.raises(WeightsError, match="it looks like a DINOv2 backbone alone"):
        load_model(weights=tmp_path / "n.pth")


@pytest.mark.parametrize("size", ["vits", "vitb", "vitl"])
def test_the_first_version_is_told_by_its_name_for_its_tensors_are_the_same(states, tmp_path, size):
    path = tmp_path / f"depth_anything_{size}14.pth"
    torch.save(states[PICTURE], path)
    with pytest.raises(WeightsError, match=r"Depth Anything V1.*give one of V2"):
        load_model(weights=path)


@pytest.mark.parametrize("content", [{}, {"model": {}}, {"epoch": 3}, [1, 2]])
def test_a_file_without_tensors_is_told(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"net\.pth holds no tensors"):
        read_state(tmp_path / "net.pth")


class Program:
    def __reduce__(self):
        return (print, ("this must never run",))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "no checkpoint that can be read"),
        (b"PK\x03\x04 and then nothing", "no checkpoint that can be read"),
        (b"\x80\x02}q\x00.", "holds no tensors|no checkpoint that can be read|damaged"),
        (pickle.dumps(Program(), protocol=2), "no checkpoint that can be read|more than tensors"),
    ],
    ids=["empty", "truncated", "no tensors", "a program"],
)
def test_what_is_no_checkpoint_is_one_clear_line(tmp_path, capsys, content, match):
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=match) as caught:
        read_state(path)
    assert "\n" not in str(caught.value)
    assert "must never run" not in capsys.readouterr().out


def test_a_truncated_file_is_told(states, tmp_path):
    torch.save(states[PICTURE], tmp_path / "net.pth")
    content = (tmp_path / "net.pth").read_bytes()
    (tmp_path / "net.pth").write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match="no checkpoint that can be read"):
        read_state(tmp_path / "net.pth")


def test_metric_checkpoints_need_their_greatest_depth(states, tmp_path):
    path = tmp_path / "mine.pth"
    torch.save(states[PICTURE], path)
    with pytest.raises(SettingsError, match="--max-depth 20"):
        load_model(weights=path, kind="metric")
    with pytest.raises(SettingsError, match="say --kind metric too"):
        load_model(weights=path, max_depth=20.0)
    assert load_model(weights=path, kind="metric", max_depth=35.0).card.options["max_depth"] == 35.0
    torch.save(states[PICTURE], tmp_path / "depth_anything_v2_metric_vkitti_vits.pth")
    card = load_model(weights=tmp_path / "depth_anything_v2_metric_vkitti_vits.pth").card
    assert (card.kind, card.options["max_depth"]) == ("metric", 80.0)
