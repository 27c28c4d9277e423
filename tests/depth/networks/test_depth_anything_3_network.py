import copy
import math
from pathlib import Path

import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; it runs Depth Anything 3")

from vergence.depth.networks.depth_anything_3.camera import normalised  # noqa: E402
from vergence.depth.networks.depth_anything_3.checkpoints import arranged, build, identify  # noqa: E402
from vergence.depth.networks.depth_anything_3.network import Scene  # noqa: E402
from vergence.depth.networks.depth_anything_3.variants import VARIANTS, NestedVariant, Variant  # noqa: E402
from vergence.depth.networks.dinov2 import BackboneSize  # noqa: E402
from vergence.depth.networks.dpt import DecoderSize  # noqa: E402
from vergence.errors import ShapeError  # noqa: E402

FAMILY = "depth_anything_3"
BYTES = 6.5  # a parameter, of a network that runs: four of them its own

# Of no published network, but of all their parts.
TINY_DECODER = DecoderSize(64, (48, 96, 192, 384))
TINY = Variant(BackboneSize(192, 8, (3, 5, 6, 7), is_gated=True, normed_from=2), TINY_DECODER, has_gaussians=True)
TINY_ALONE = Variant(BackboneSize(192, 8, (1, 3, 5, 7)), TINY_DECODER)

PUBLISHED = {
    "small": ("small",),
    "base": ("base",),
    "large": ("large",),
    "giant": ("giant",),
    "mono_large": ("mono-large", "metric-large"),
    "metric_large": ("mono-large", "metric-large"),
    "nested_giant_large": ("nested-giant-large",),
}


def state(name):
    found = {name: torch.from_numpy(value) for name, value in parity.weights(parity.manifest(FAMILY, name)).items()}
    return arranged(found)


def filled(variant, name):
    with torch.device("meta"):
        network = build(variant)
    network.load_state_dict(state(name), assign=True)
    return network.eval().requires_grad_(False)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """More of them wait for each other where several programs run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def small():
    return filled(VARIANTS["small"], "small")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_tensors_are_known_by_their_shapes_and_fill_the_network(name):
    manifest = parity.manifest(FAMILY, name)
    with torch.device("meta"):
        found = arranged({name: torch.empty(spec["shape"]) for name, spec in manifest["tensors"].items()})
        looks = identify(found)
        wanted = build(VARIANTS[looks[0]]).state_dict()
    assert looks == PUBLISHED[name]
    assert {name: value.shape for name, value in wanted.items()} == {name: value.shape for name, value in found.items()}


def free_memory():
    """Bytes; a machine that does not say is trusted to have them."""
    table = Path("/proc/meminfo")
    lines = table.read_text("utf-8").splitlines() if table.is_file() else []
    said = (1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    return next(said, math.inf)


def run(network, *args, **options):
    with torch.inference_mode():
        return network(*args, **options)


def close(found, expected, *, rtol=0.0, atol=1e-4):
    np.testing.assert_allclose(found.numpy(), expected, rtol=rtol, atol=atol)


def assert_is_scene(scene, golden, *, rtol=1e-4):
    close(scene.depth, golden["depth"], rtol=rtol)
    close(scene.confidence, golden["depth_conf"], rtol=rtol)
    close(scene.extrinsics, golden["extrinsics"])
    close(scene.intrinsics, golden["intrinsics"], rtol=1e-4, atol=0)
    if "ray" in golden.arrays:
        close(scene.rays, golden["ray"])
        close(scene.ray_confidence, golden["ray_conf"], rtol=rtol)
        close(scene.encodings, golden["pose_enc"])


def assert_are_features(features, golden):
    """Goldens hold every few tokens and channels, and the statistics of all."""
    for index, level in enumerate(features.levels):
        expected = golden[f"feat{index}_slice"]
        steps = [-(-whole // kept) for whole, kept in zip(level.patches.shape, expected.shape, strict=True)]
        close(level.patches[tuple(slice(None, None, step) for step in steps)], expected)
        patches = level.patches.double().numpy()
        stats = [patches.mean(), patches.std(), patches.min(), patches.max(), np.abs(patches).mean()]
        np.testing.assert_allclose(stats, golden[f"feat{index}_stats"], atol=1e-4)
        whole = golden.arrays.get(f"camtok{index}")
        expected = golden[f"camtok{index}_slice"] if whole is None else whole
        close(level.camera[..., :: level.camera.shape[2] // expected.shape[2]], expected)


@pytest.mark.parametrize("name", ["small_1view", "small_3view"])
def test_views_give_what_the_original_gives(small, name):
    golden = parity.golden(FAMILY, name)
    views = torch.from_numpy(golden["input"])
    assert_are_features(run(small.look, views), golden)
    scene = run(small, views)
    assert_is_scene(scene, golden)
    assert scene.reference.tolist() == golden.arrays.get("ref_index", np.zeros(1, int)).tolist()


@pytest.mark.parametrize("strategy", ["first", "middle"])
def test_views_seen_from_another_give_what_the_original_gives(small, strategy):
    golden = parity.golden(FAMILY, "small_3view_strategies")
    scene = run(small, torch.from_numpy(parity.golden(FAMILY, "small_3view")["input"]), strategy=strategy)
    assert scene.reference.tolist() == golden[f"{strategy}_ref"].tolist()
    close(scene.depth[..., ::7, ::7], golden[f"{strategy}_depth_slice"], rtol=1e-4)
    close(scene.extrinsics, golden[f"{strategy}_extrinsics"])


def test_known_cameras_help_as_they_help_the_original(small):
    golden = parity.golden(FAMILY, "small_3view_posed")
    views = torch.from_numpy(golden["input"])
    extrinsics, intrinsics = torch.from_numpy(golden["in_extrinsics"]), torch.from_numpy(golden["in_intrinsics"])
    close(normalised(extrinsics), golden["norm_extrinsics"])
    tokens = run(small.tokens_of, (extrinsics, intrinsics), views)
    close(tokens, golden["cam_tokens"])
    assert_are_features(run(small.look, views, tokens), golden)
    assert_is_scene(run(small, views, (extrinsics, intrinsics)), golden, rtol=2e-4)


@pytest.fixture(scope="module")
def tiny():
    return filled(TINY, "tiny_gs")


@pytest.fixture(scope="module")
def three_views():
    return torch.from_numpy(parity.golden(FAMILY, "small_3view")["input"][..., :56, :70])


def assert_alike(found, expected):
    for name, value in vars(expected).items():
        close(getattr(found, name), value.numpy(), rtol=1e-4)


def test_how_many_views_are_decoded_at_once_changes_nothing(tiny, three_views):
    assert_alike(run(tiny, three_views, chunk=2), run(tiny, three_views))


def test_scenes_in_a_batch_do_not_see_each_other(tiny, three_views):
    scenes = torch.cat([three_views, 0.5 * three_views.roll(1, dims=1)])
    both = run(tiny, scenes)
    for n in range(2):
        assert_alike(
            Scene(**{name: value[n : n + 1] for name, value in vars(both).items()}), run(tiny, scenes[n, None])
        )
    assert both.reference[0] != both.reference[1]


@pytest.mark.parametrize("views", [1, 2])
def test_cameras_of_one_or_two_views_may_be_known(tiny, three_views, views):
    golden = parity.golden(FAMILY, "small_3view_posed")
    cameras = [torch.from_numpy(golden[f"in_{name}"])[:, :views] for name in ("extrinsics", "intrinsics")]
    pictures = three_views[:, :views]
    scene = run(tiny, pictures, tuple(cameras))
    assert scene.depth.isfinite().all()
    assert not torch.allclose(scene.depth, run(tiny, pictures).depth, rtol=1e-3)


def test_a_backbone_in_half_precision_serves_decoders_in_whole(tiny, three_views):
    """As the authors run it on a GPU."""
    expected = run(tiny, three_views, strategy="middle")
    mixed = copy.deepcopy(tiny)
    mixed.pretrained.to(torch.bfloat16)
    found = run(mixed, three_views, strategy="middle")
    assert {value.dtype for name, value in vars(found).items() if name != "reference"} == {torch.float32}
    assert float((found.depth / expected.depth - 1).abs().mean()) < 0.05


def test_gaussians_are_those_of_the_original(tiny):
    golden = parity.golden(FAMILY, "tiny_gs_2view")
    scene = run(tiny, torch.from_numpy(golden["input"]))
    assert_is_scene(scene, golden)
    assert_are_raw_gaussians(scene, golden, golden["raw_gs"], step=2)


def assert_are_raw_gaussians(scene, golden, raw, step):
    assert scene.gaussians is not None
    close(scene.gaussians[:, :, ::step, ::step, :37], raw, rtol=1e-4)
    close(scene.gaussians[..., 37].sigmoid(), golden["raw_gs_conf"], rtol=1e-4)


@pytest.fixture(scope="module")
def nested():
    return filled(NestedVariant(TINY, TINY_ALONE), "tiny_nested")


def test_a_view_alone_has_depth_and_sky(nested):
    golden = parity.golden(FAMILY, "tiny_nested_2view")
    depth, sky = run(nested.da3_metric, torch.from_numpy(golden["input"])[0])
    close(depth, golden["metric_depth_raw"][0], rtol=1e-4)
    close(sky, golden["metric_sky"][0], rtol=1e-4)


def test_a_nested_network_gives_metres(nested):
    golden = parity.golden(FAMILY, "tiny_nested_2view")
    scene, scaled = run(nested, torch.from_numpy(golden["input"]))
    close(scaled.scale, golden["scale_factor"][0], rtol=1e-4, atol=0)
    close(scaled.depth, golden["depth"][0], rtol=1e-4)
    close(scaled.confidence, golden["depth_conf"][0], rtol=1e-4)
    close(scaled.extrinsics, golden["extrinsics"][0])
    close(scene.intrinsics, golden["intrinsics"], rtol=1e-4, atol=0)


def test_what_does_not_fit_is_told(nested, three_views):
    with pytest.raises(ShapeError, match="views are 70x55, and sides are multiples of 14"):
        run(nested.da3, three_views[..., :55, :])
    with pytest.raises(ShapeError, match="one scene at a time, not 2"):
        run(nested, three_views.expand(2, -1, -1, -1, -1))


@pytest.mark.slow
@pytest.mark.timeout(1200)  # a busy machine needs minutes to draw 1.4 billion random numbers
@pytest.mark.parametrize("name", ["base", "large", "giant"])
def test_larger_networks_give_what_the_original_gives(name):
    golden = parity.golden(FAMILY, f"{name}_2view")
    views = torch.from_numpy(golden["input"])
    needed = BYTES * parity.manifest(FAMILY, name)["param_count"]
    if (free := free_memory()) < needed:
        pytest.skip(f"{name} needs {needed / 1e9:.0f} GB of memory, and {free / 1e9:.0f} GB are free")
    network = filled(VARIANTS[name], name)
    assert_are_features(run(network.look, views), golden)
    scene = run(network, views)
    assert_is_scene(scene, golden)
    height_step, width_step = (
        -(-n // m) for n, m in zip(scene.rays.shape[2:4], golden["ray_slice"].shape[2:4], strict=True)
    )
    close(scene.rays[:, :, ::height_step, ::width_step], golden["ray_slice"])
    close(scene.ray_confidence[:, :, ::height_step, ::width_step], golden["ray_conf_slice"], rtol=1e-4)
    if name == "giant":
        assert_are_raw_gaussians(scene, golden, golden["raw_gs_slice"], step=3)


@pytest.mark.slow
def test_the_metric_network_gives_what_the_original_gives():
    golden = parity.golden(FAMILY, "metric_large_1view")
    network = filled(VARIANTS["metric-large"], "metric_large")
    views = torch.from_numpy(golden["input"])
    assert_are_features(run(network.pretrained, views), golden)
    depth, sky = run(network, views[0])
    close(depth, golden["depth_before_sky"][0], rtol=1e-4)
    close(sky, golden["sky"][0], rtol=1e-4)
