import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; it runs Depth Anything 3")
safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed; it reads checkpoints")

from vergence.depth.cards import CARDS  # noqa: E402
from vergence.depth.families.depth_anything_3.ray_pose import found_by_rays  # noqa: E402
from vergence.depth.memory import Budget  # noqa: E402
from vergence.depth.model import load_model  # noqa: E402
from vergence.depth.networks.depth_anything_3.checkpoints import arranged, build  # noqa: E402
from vergence.depth.networks.depth_anything_3.variants import VARIANTS, NestedVariant, Variant  # noqa: E402
from vergence.depth.networks.dinov2 import BackboneSize  # noqa: E402
from vergence.depth.networks.dpt import DecoderSize  # noqa: E402
from vergence.depth.runtimes import RuntimeOptions  # noqa: E402
from vergence.depth.runtimes.torch import Place  # noqa: E402
from vergence.depth.runtimes.torch_depth_anything_3 import TorchNetwork, open_network  # noqa: E402
from vergence.errors import ModelError, SettingsError, WeightsError  # noqa: E402
from vergence.types import Camera, Frame, Gaussians, Intrinsics  # noqa: E402

FAMILY = "depth_anything_3"
ONE_THREAD = RuntimeOptions(device="cpu", threads=1)

# Of no published network, but of all their parts; `TINY` is that of the goldens.
TINY_DECODER = DecoderSize(64, (48, 96, 192, 384))
TINY = Variant(BackboneSize(192, 8, (3, 5, 6, 7), is_gated=True, normed_from=2), TINY_DECODER, has_gaussians=True)
TINY_ALONE = Variant(BackboneSize(192, 8, (1, 3, 5, 7)), TINY_DECODER)
LITTLE = Variant(BackboneSize(64, 4, (0, 1, 2, 3), normed_from=2), DecoderSize(16, (8, 8, 8, 8)))
ALONE = Variant(BackboneSize(64, 4, (0, 1, 2, 3)), DecoderSize(16, (8, 8, 8, 8)))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The file of the smallest published network, with stand-in weights."""
    path = tmp_path_factory.mktemp("DA3-SMALL") / "model.safetensors"
    weights = parity.weights(parity.manifest(FAMILY, "small"))
    safetensors.save_file({name: torch.from_numpy(value) for name, value in weights.items()}, path)
    return path


@pytest.fixture(scope="module")
def nested():
    """The nested network of the goldens."""
    state = {
        name: torch.from_numpy(value) for name, value in parity.weights(parity.manifest(FAMILY, "tiny_nested")).items()
    }
    network = build(NestedVariant(TINY, TINY_ALONE))
    network.load_state_dict(arranged(state), assign=True)
    return opened(network.eval().requires_grad_(False), "nested-giant-large")


def opened(network, size, options=ONE_THREAD):
    return TorchNetwork(size, network, Place(options), Budget(CARDS[f"depth-anything-3-{size}"], None))


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Write a little network under a published one's name, as it is published."""
    monkeypatch.setitem(VARIANTS, "small", LITTLE)
    monkeypatch.setitem(VARIANTS, "mono-large", ALONE)
    monkeypatch.setitem(VARIANTS, "metric-large", ALONE)

    def write(folder, sizes, config=None):
        torch.manual_seed(0)
        state = {}
        for name, value in build(sizes).state_dict().items():
            name = name.replace("pretrained.", "backbone.pretrained.").replace("conv2_aux.3.2.", "conv2_aux.0.2.")
            state[f"model.{name}"] = 0.1 * torch.randn(value.shape)
        (tmp_path / folder).mkdir()
        safetensors.save_file(state, tmp_path / folder / "model.safetensors")
        if config is not None:
            (tmp_path / folder / "config.json").write_text(json.dumps({"model_name": config}), "utf-8")
        return tmp_path / folder

    return write


def frames(pictures):
    return [Frame(picture, index, Fraction(index)) for index, picture in enumerate(pictures)]


def seen_from_the_first(extrinsics):
    square = np.tile(np.eye(4), (len(extrinsics), 1, 1))
    square[:, :3] = extrinsics
    return square[0] @ np.linalg.inv(square)


def test_a_world_of_photos_is_that_of_the_authors_pipeline(small):
    golden = parity.golden(FAMILY, "small_inference")
    model = load_model("depth-anything-3-small", weights=small, threads=1, device="cpu", input_size=126)
    world = model.world(frames(golden["images"]))
    poses = seen_from_the_first(golden["extrinsics"].astype(np.float64))
    for n, view in enumerate(world.views):
        depth = view.depth
        np.testing.assert_allclose(depth.values, golden["depth"][n], rtol=2e-3)
        np.testing.assert_allclose(depth.confidence, golden["conf"][n], rtol=2e-3)
        np.testing.assert_allclose(depth.world_from_camera, poses[n], atol=4e-3)
        assert (depth.intrinsics.width, depth.intrinsics.height) == (126, 98)
        np.testing.assert_allclose(depth.intrinsics.fx, golden["intrinsics"][n, 0, 0], rtol=2e-3)
        assert depth.kind == "scale_invariant"


def test_a_world_of_known_cameras_is_that_of_the_authors_pipeline(small):
    golden = parity.golden(FAMILY, "small_inference")
    model = load_model(weights=small.parent, threads=1, device="cpu", input_size=126)
    assert model.card.options["size"] == "small"
    poses = np.linalg.inv(golden["posed_in_extrinsics"].astype(np.float64))
    lenses = [Intrinsics(k[0, 0], k[1, 1], k[0, 2], k[1, 2], 160, 120) for k in golden["posed_in_intrinsics"]]
    cameras = [Camera(lens, pose) for lens, pose in zip(lenses, poses, strict=True)]
    world = model.world(frames(golden["images"]), cameras=cameras)
    for n, view in enumerate(world.views):
        np.testing.assert_allclose(view.depth.values, golden["posed_depth"][n], rtol=3e-3)
        np.testing.assert_allclose(view.depth.confidence, golden["posed_conf"][n], rtol=2e-3)
        np.testing.assert_array_equal(view.depth.world_from_camera, poses[n])
        np.testing.assert_allclose(view.depth.intrinsics.fx, golden["posed_intrinsics"][n, 0, 0], rtol=1e-5)
        assert view.depth.kind == "metric"


def test_one_or_two_known_cameras_are_no_reason_to_fail(saved):
    model = load_model(weights=saved("net", LITTLE), threads=1, device="cpu", input_size=28)
    picture = np.zeros((28, 28, 3), np.uint8)
    apart = np.eye(4)
    apart[0, 3] = 2
    cameras = [Camera(Intrinsics(30, 30, 14, 14, 28, 28), pose) for pose in (np.eye(4), apart)]
    for count in (1, 2):
        world = model.world(frames([picture] * count), cameras=cameras[:count])
        assert all(np.isfinite(view.depth.values).all() for view in world.views)
        np.testing.assert_array_equal(world.views[-1].depth.world_from_camera, cameras[count - 1].world_from_camera)


def test_a_nested_world_is_that_of_the_authors(nested):
    golden = parity.golden(FAMILY, "tiny_nested_2view")
    answer = nested.together(golden["input"][0])
    np.testing.assert_allclose(answer.depth, golden["depth"][0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(answer.confidence, golden["depth_conf"][0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(answer.extrinsics, golden["extrinsics"][0], atol=1e-3)
    np.testing.assert_allclose(answer.scale, golden["scale_factor"][0], rtol=1e-4)
    assert answer.is_sky.any()
    np.testing.assert_array_equal(answer.is_sky, golden["metric_sky"][0] >= 0.3)


def test_cameras_are_those_of_the_rays_where_that_is_asked(nested):
    views = parity.golden(FAMILY, "tiny_nested_2view")["input"][0]
    scene = nested._any_view(torch.from_numpy(views)[None])
    extrinsics, intrinsics = found_by_rays(scene.rays[0].numpy(), scene.ray_confidence[0].numpy(), *views.shape[2:])
    by_head, by_rays = (nested.together(views, by_rays=asked) for asked in (False, True))
    np.testing.assert_allclose(by_rays.intrinsics, intrinsics, rtol=1e-3)
    np.testing.assert_allclose(by_rays.extrinsics[:, :, :3], extrinsics[:, :, :3], atol=1e-3)
    np.testing.assert_allclose(by_rays.extrinsics[:, :, 3], by_rays.scale * extrinsics[:, :, 3], rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(by_rays.confidence, by_head.confidence, rtol=1e-5)
    assert np.abs(by_rays.extrinsics - by_head.extrinsics).max() > 1e-3


def test_metres_of_a_nested_network_follow_a_known_focal_length(nested):
    view = parity.golden(FAMILY, "tiny_nested_2view")["input"][0, :1]
    found = nested.alone(view)
    (lens,) = found.intrinsics
    told = nested.alone(view, np.array([3 * (lens[0, 0] + lens[1, 1]) / 2]))
    seen = ~found.is_sky & (told.depth < 200)
    np.testing.assert_allclose(told.depth[seen], 3 * found.depth[seen], rtol=1e-4)


def test_views_alone_do_not_depend_on_each_other(nested):
    views = parity.golden(FAMILY, "tiny_nested_2view")["input"][0]
    together, second = nested.alone(views), nested.alone(views[1:])
    np.testing.assert_allclose(together.depth[1], second.depth[0], rtol=1e-5)
    np.testing.assert_array_equal(together.is_sky[1], second.is_sky[0])
    batched = nested._alone(torch.from_numpy(views), None)  # as a GPU would look at them
    np.testing.assert_allclose(batched.depth, together.depth, rtol=1e-4)


def test_gaussians_lie_on_the_depth_of_the_same_network(nested):
    golden = parity.golden(FAMILY, "tiny_nested_2view")
    answer = nested.together(golden["input"][0], gaussians=True)
    assert answer.raw_gaussians.shape == (2, 70, 98, 38)
    pixels = answer.raw_gaussians.clone()
    pixels[..., :2] = pixels[..., 36] = 0  # no offsets
    extrinsics = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
    extrinsics[1, 0, 3] = -5  # the second camera stands 5 to the right
    made = nested.place(replace(answer, raw_gaussians=pixels), extrinsics, answer.intrinsics, scale=answer.scale)
    assert isinstance(made, Gaussians)
    assert len(made) == 2 * 70 * 98
    assert made.harmonics.shape[1] == 9
    depth = answer.raw_depth.numpy() * answer.scale
    np.testing.assert_allclose(made.means[:, 2].reshape(depth.shape), depth, rtol=1e-4)
    lens = answer.intrinsics[1]
    x = (np.arange(98) + 0.5 - lens[0, 2]) / lens[0, 0] * depth[1] + 5
    np.testing.assert_allclose(made.means[70 * 98 :, 0].reshape(70, 98), x, rtol=1e-3, atol=1e-3)


def test_bf16_is_near_f32(saved):
    folder = saved("net", LITTLE)
    view = np.random.default_rng(0).standard_normal((1, 3, 56, 70)).astype(np.float32)
    exact = open_network(folder, ONE_THREAD).alone(view)
    rough = open_network(folder, RuntimeOptions(device="cpu", precision="bf16", threads=1)).alone(view)
    assert rough.depth.dtype == np.float32
    np.testing.assert_allclose(rough.depth, exact.depth, rtol=0.05)
    assert not np.array_equal(rough.depth, exact.depth)
    with pytest.raises(ModelError, match="f16 on a GPU only"):
        open_network(folder, RuntimeOptions(device="cpu", precision="f16"))


def test_weights_of_ones_own_are_known_by_their_tensors(saved):
    folder = saved("mine", LITTLE)
    announced: list[str] = []
    card = load_model(weights=folder, device="cpu", announce=announced.append).card
    assert announced == [f"{folder / 'model.safetensors'} is taken as depth-anything-3-small"]
    assert (card.name, card.family, card.options["size"]) == ("mine", FAMILY, "small")
    assert (card.kind, card.licence) == ("scale_invariant", "unknown")
    assert load_model(weights=folder / "model.safetensors", device="cpu").card == card
    assert load_model(weights=folder, kind="metric", device="cpu").card.kind == "metric"


def test_whether_weights_of_one_view_give_metres_is_asked_where_nothing_says_it(saved):
    folder = saved("mine", ALONE)
    with pytest.raises(WeightsError, match=r"nothing says whether .* gives metres.*--kind metric or --kind relative"):
        load_model(weights=folder)
    metric = load_model(weights=folder, kind="metric", device="cpu").card
    assert (metric.kind, metric.options["size"]) == ("metric", "metric-large")
    relative = load_model(weights=folder, kind="relative", device="cpu").card
    assert (relative.kind, relative.options["size"]) == ("scale_invariant", "mono-large")
    assert load_model(weights=saved("other", ALONE, "da3metric-large"), device="cpu").card.kind == "metric"


def test_weights_under_a_wrong_name_are_one_clear_line(saved):
    folder = saved("mine", LITTLE)
    with pytest.raises(WeightsError, match="is small by its tensors, but asked for is base"):
        load_model("depth-anything-3-base", weights=folder)
    with pytest.raises(WeightsError, match="is not depth_anything_v2; it looks like depth_anything_3 small"):
        load_model("depth-anything-v2-small", weights=folder)
    torch.save({"encoder.weight": torch.zeros(1)}, folder / "net.pth")
    with pytest.raises(WeightsError, match=r"net\.pth does not fit Depth Anything 3: .*are of no Depth Anything 3"):
        load_model("depth-anything-3-small", weights=folder / "net.pth")
    with pytest.raises(ModelError, match="which openvino does not run"):
        load_model(weights=folder, runtime="openvino")


def test_an_input_under_one_patch_is_refused(saved):
    with pytest.raises(SettingsError, match="at least 14 pixels of input, not 13"):
        load_model(weights=saved("mine", LITTLE), input_size=13)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ...")]
)
def test_memory_that_ends_all_the_same_is_one_clear_line(saved, monkeypatch, error):
    network = open_network(saved("mine", LITTLE), ONE_THREAD)

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(network._any_view, "sight", fail)
    with pytest.raises(ModelError, match="the memory of this machine does not suffice; use a smaller --input-size"):
        network.alone(np.zeros((1, 3, 14, 14), np.float32))


def test_what_does_not_fit_is_refused_before_it_is_tried(saved):
    model = load_model(weights=saved("mine", LITTLE), device="cpu", input_size=56, max_memory="800MB")
    pictures = frames([np.zeros((56, 56, 3), np.uint8)] * 300)
    with pytest.raises(
        ModelError, match=r"needs about .* for 300 views of 56x56, and 0\.8 GB .*show it \d+ views at most"
    ):
        model.world(pictures)
