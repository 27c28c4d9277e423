import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; it runs the checkpoints")

from vergence.depth.networks.temporal import TemporalModule  # noqa: E402
from vergence.depth.networks.video_depth_anything import VideoDepthAnything  # noqa: E402

FAMILY = "video_depth_anything"
MAX, RMS = 1e-4, 5e-6  # of the golden's standard deviation, float32


@pytest.fixture(scope="module")
def manifest():
    return parity.manifest(FAMILY, "vits")


def network(manifest, golden):
    built = VideoDepthAnything("vits").eval()
    state = parity.weights(manifest, golden.meta["overrides"])
    missing, unexpected = built.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=False)
    assert all(name.endswith(".pe") for name in missing)
    assert not unexpected
    return built


def test_the_stand_in_weights_are_those_the_goldens_were_made_with(manifest):
    for name, expected in manifest["fill_check"].items():
        found = parity.fill(name, tuple(manifest["tensors"][name]["shape"]))
        np.testing.assert_allclose(found.ravel()[:3], expected["first"], rtol=1e-6)
        assert np.abs(found).mean() == pytest.approx(expected["abs_mean"], rel=1e-6)


@pytest.mark.parametrize(("size", "count"), [("vits", 29_035_137), ("vitb", 114_441_409), ("vitl", 384_390_337)])
def test_tensors_have_the_names_and_shapes_of_the_published_checkpoints(size, count):
    manifest = parity.manifest(FAMILY, size)
    with torch.device("meta"):
        built = VideoDepthAnything(size)
    found = {name: list(value.shape) for name, value in built.state_dict().items()}
    assert found == {name: spec["shape"] for name, spec in manifest["tensors"].items()}
    assert manifest["param_count"] == count
    assert sum(value.numel() for value in built.parameters()) == count


@pytest.mark.parametrize("name", ["forward", "forward_b2", "forward_t32", "forward_relu"])
def test_depth_is_the_authors(manifest, name):
    golden = parity.golden(FAMILY, f"vits_{name}")
    films = parity.golden(FAMILY, "vits_forward" if name == "forward_relu" else f"vits_{name}")["input"]
    with torch.inference_mode():
        found = network(manifest, golden)(torch.from_numpy(films)).numpy()
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


@pytest.mark.parametrize("k", range(4))
def test_every_temporal_module_is_the_authors(manifest, k):
    golden = parity.golden(FAMILY, "vits_forward")
    built = network(manifest, golden)
    seen = {}
    module = built.head.motion_modules[k]
    module.register_forward_hook(lambda module, inputs, output: seen.update(before=inputs[0], after=output))
    with torch.inference_mode():
        built(torch.from_numpy(golden["input"]))
    for when, name in (("before", "in"), ("after", "out")):
        found = seen[when][:, :8].transpose(0, 1)[None].numpy()  # (B, C, T, h, w)
        parity.assert_agrees(found, golden[f"motion{k}_{name}_first8"], max_error=MAX, rms_error=RMS)
    found = seen["after"]
    np.testing.assert_allclose([found.mean(), found.std(unbiased=False)], golden[f"motion{k}_out_mean_std"], rtol=1e-4)


@pytest.mark.parametrize("k", range(4))
def test_the_states_of_frames_are_the_authors(manifest, k):
    golden = parity.golden(FAMILY, "vits_forward")
    built = network(manifest, golden)
    seen = []
    module = built.head.motion_modules[k]
    for attention in module.temporal_transformer.transformer_blocks[0].attention_blocks:
        attention.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    with torch.inference_mode():
        built(torch.from_numpy(golden["input"]))
    for j, states in enumerate(seen):
        assert list(states.shape) == list(golden[f"motion{k}_cache{j}_shape"])
        expected = golden[f"motion{k}_cache{j}_site0_first16"]
        parity.assert_agrees(states[0, :, :16].numpy(), expected, max_error=MAX, rms_error=RMS)


@pytest.mark.parametrize("past", [0, 1, 31])
def test_a_step_is_the_last_frame_of_a_window(past):
    """Projecting the one query instead of all keys changes nothing."""
    torch.manual_seed(0)
    module = TemporalModule(64).eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    attention = module.temporal_transformer.transformer_blocks[0].attention_blocks[0]
    tokens = torch.randn(12, past + 1, 64)
    with torch.inference_mode():
        expected = attention(tokens)[:, -1:]
        found = attention.step(tokens[:, -1:], tokens[:, :-1])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
