import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; only the networks need it")

from vergence.depth.networks.depth_anything_3.backbone import Backbone  # noqa: E402
from vergence.depth.networks.depth_anything_3.gaussian_head import GaussianHead, pixel_gaussians  # noqa: E402
from vergence.depth.networks.dinov2 import BackboneSize  # noqa: E402
from vergence.depth.networks.dpt import DecoderSize  # noqa: E402

BACKBONE = BackboneSize(192, 8, (3, 5, 6, 7), is_gated=True, normed_from=2)
DECODER = DecoderSize(64, (48, 96, 192, 384))
PREFIXES = {"model.backbone.pretrained.": "backbone", "model.gs_head.": "head"}


@pytest.fixture(scope="module")
def parts():
    """The tiny network's backbone and head, with the stand-in weights."""
    weights = parity.weights(parity.manifest("depth_anything_3", "tiny_gs"))
    built = {"backbone": Backbone(BACKBONE), "head": GaussianHead(384, DECODER)}
    for prefix, name in PREFIXES.items():
        state = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
        built[name].load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    return built


def test_the_head_says_what_the_original_says(parts):
    with np.load(parity.GOLDENS / "depth_anything_3" / "golden_tiny_gs_2view.npz") as golden:
        views = torch.from_numpy(golden["input"])
        with torch.inference_mode():
            features = parts["backbone"](views)
            raw = parts["head"]([level.patches.flatten(0, 1) for level in features.levels], views.flatten(0, 1))
        assert raw.shape == (2, 70, 98, 38)
        np.testing.assert_allclose(raw[:, ::2, ::2, :37], golden["raw_gs"][0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(pixel_gaussians(raw).opacity, golden["raw_gs_conf"][0], rtol=1e-4, atol=1e-4)


def test_the_giants_head_has_the_names_and_shapes_of_the_published_checkpoint():
    tensors = parity.manifest("depth_anything_3", "giant")["tensors"]
    with torch.device("meta"):
        state = GaussianHead(3072, DecoderSize(256, (256, 512, 1024, 1024))).state_dict()
    prefix = "model.gs_head."
    expected = {name.removeprefix(prefix): spec["shape"] for name, spec in tensors.items() if name.startswith(prefix)}
    assert {name: list(value.shape) for name, value in state.items()} == expected


def test_every_number_of_a_pixel_has_its_name():
    raw = torch.arange(38.0).expand(1, 2, 3, 38)
    pixels = pixel_gaussians(raw)
    found = [pixels.offset, pixels.scale, pixels.rotation, pixels.harmonics, pixels.depth_offset]
    assert [value[0, 0, 0].flatten().tolist()[0] for value in found] == [0, 2, 5, 9, 36]
    assert pixels.harmonics[0, 1, 2].tolist() == [list(range(9, 18)), list(range(18, 27)), list(range(27, 36))]
    assert pixels.opacity[0, 0, 0] == torch.tensor(37.0).sigmoid()
