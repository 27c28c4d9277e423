import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; the networks only serve to convert checkpoints")

from vergence.depth.networks.dinov2 import GRID, DinoV2  # noqa: E402
from vergence.depth.networks.dpt import SIZES, DepthAnythingV2  # noqa: E402
from vergence.geometry.resample import resize_depth  # noqa: E402

FAMILY = "depth_anything_v2"
MAX, RMS = 1e-4, 5e-6  # of the golden's standard deviation, float32


@pytest.fixture(scope="module")
def manifest():
    return parity.manifest(FAMILY, "vits")


def network(manifest, golden, *, size="vits", **options):
    built = DepthAnythingV2(size, **options).eval()
    state = {
        name: torch.from_numpy(value) for name, value in parity.weights(manifest, golden.meta["overrides"]).items()
    }
    built.load_state_dict(state)
    return built


def run(network, pictures):
    with torch.inference_mode():
        return network(torch.from_numpy(pictures)).numpy()


def test_the_stand_in_weights_are_those_the_goldens_were_made_with(manifest):
    for name, expected in manifest["fill_check"].items():
        found = parity.fill(name, tuple(manifest["tensors"][name]["shape"]))
        np.testing.assert_allclose(found.ravel()[:3], expected["first"], rtol=1e-6)
        assert np.abs(found).mean() == pytest.approx(expected["abs_mean"], rel=1e-6)


@pytest.mark.parametrize("size", list(SIZES))
def test_parameters_have_the_names_and_shapes_of_the_published_checkpoints(size):
    manifest = parity.manifest(FAMILY, size)
    with torch.device("meta"):
        found = {name: list(value.shape) for name, value in DepthAnythingV2(size).state_dict().items()}
    assert found == {name: spec["shape"] for name, spec in manifest["tensors"].items()}


@pytest.mark.parametrize(
    ("size", "parameters"),
    [("vits", 24_785_089), ("vitb", 97_470_785), ("vitl", 335_315_649), ("vitg", 1_258_132_225)],
)
def test_every_size_has_the_published_number_of_parameters(size, parameters):
    with torch.device("meta"):
        built = DepthAnythingV2(size)
    assert sum(value.numel() for value in built.state_dict().values()) == parameters
    assert set(SIZES) == {"vits", "vitb", "vitl", "vitg"}


@pytest.mark.parametrize("name", ["vits_tensor", "vits_batch"])
def test_the_network_computes_what_the_original_does(manifest, name):
    golden = parity.golden(FAMILY, name)
    found = run(network(manifest, golden), golden["input"])
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


@pytest.mark.slow
def test_a_larger_network_computes_what_the_original_does():
    golden = parity.golden(FAMILY, "vitb_tensor")
    found = run(network(parity.manifest(FAMILY, "vitb"), golden, size="vitb"), golden["input"])
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


def test_nothing_is_nearer_than_zero(manifest):
    golden = parity.golden(FAMILY, "vits_relu")
    found = run(network(manifest, golden), parity.golden(FAMILY, "vits_tensor")["input"])
    assert (golden["depth"] == 0).mean() > 0.7
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


def test_the_backbones_features_are_the_originals(manifest):
    golden = parity.golden(FAMILY, "vits_tensor")
    with torch.inference_mode():
        features = network(manifest, golden).pretrained(torch.from_numpy(golden["input"]))
    for index, feature in enumerate(features):
        found = feature.flatten(2).transpose(1, 2).numpy()[:, :, :64]
        parity.assert_agrees(found, golden[f"feature{index}_first64"], max_error=2e-5, rms_error=RMS)


@pytest.mark.parametrize("name", ["vits_image_126", "vits_image_portrait_84"])
def test_a_picture_comes_out_as_the_original_shows_it(manifest, name):
    golden = parity.golden(FAMILY, name)
    (found,) = run(network(manifest, golden), golden["input"])
    height, width = golden["depth"].shape
    found = resize_depth(found, width, height, sampling="corners")
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vits_image_square_518", "vits_image_518", "vits_metric_image_126"])
def test_a_picture_prepared_here_comes_out_as_the_original_shows_it(manifest, name):
    """The square one is of the grid of patches trained on, which is not resampled."""
    from vergence.depth.families.patches import input_size, preprocess

    golden = parity.golden(FAMILY, name)
    height, width = golden["rgb"].shape[:2]
    prepared = preprocess(golden["rgb"], *input_size(width, height, golden.meta["input_size"]))
    (found,) = run(network(manifest, golden, max_depth=golden.meta.get("max_depth")), prepared)
    height, width = golden["depth"].shape
    found = resize_depth(found, width, height, sampling="corners")
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


def test_metric_checkpoints_give_metres(manifest):
    golden = parity.golden(FAMILY, "vits_metric_tensor")
    pictures = parity.golden(FAMILY, "vits_tensor")["input"]
    found = run(network(manifest, golden, max_depth=golden.meta["max_depth"]), pictures)
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


@pytest.mark.parametrize(("rows", "columns"), [(9, 12), (37, 37), (37, 66), (5, 3), (60, 20)])
def test_positions_are_resampled_as_torch_does_by_a_factor(rows, columns):
    backbone = DinoV2(SIZES["vits"][0])
    torch.manual_seed(0)
    torch.nn.init.normal_(backbone.pos_embed)
    grid = backbone.pos_embed[:, 1:].unflatten(1, (GRID, GRID)).permute(0, 3, 1, 2)
    if (rows, columns) != (GRID, GRID):
        factor = ((rows + 0.1) / GRID, (columns + 0.1) / GRID)
        grid = torch.nn.functional.interpolate(grid, scale_factor=factor, mode="bicubic")
    expected = grid.flatten(2).transpose(1, 2)
    found = backbone.positions(rows, columns)
    torch.testing.assert_close(found[:, 1:], expected, atol=2e-5, rtol=0)
    torch.testing.assert_close(found[:, :1], backbone.pos_embed[:, :1])
