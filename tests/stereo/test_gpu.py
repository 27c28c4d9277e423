"""The torch twin of the synthesis against the kernels, which are its specification."""

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from shots import frame, shot  # noqa: E402
from vergence.errors import DeviceError, ShapeError  # noqa: E402
from vergence.stereo import layers as kernel_layers  # noqa: E402
from vergence.stereo import synthesise as stage  # noqa: E402
from vergence.stereo import warp as kernel_warp  # noqa: E402
from vergence.stereo.device import find_views  # noqa: E402
from vergence.stereo.memory import remember  # noqa: E402
from vergence.stereo.scan import HOLE  # noqa: E402
from vergence.stereo.settings import StereoSettings  # noqa: E402
from vergence.stereo.torch.holes import look_behind  # noqa: E402
from vergence.stereo.torch.host import TorchViews  # noqa: E402
from vergence.stereo.torch.layers import split as torch_split  # noqa: E402
from vergence.stereo.torch.texels import pack, unpack  # noqa: E402
from vergence.stereo.torch.views import views as torch_views  # noqa: E402
from vergence.stereo.torch.warp import most_covered  # noqa: E402
from vergence.stereo.torch.warp import warp as torch_warp  # noqa: E402
from vergence.stereo.views import views  # noqa: E402
from vergence.types import DepthFrame, DepthMap  # noqa: E402

HAS_CUDA = torch.cuda.is_available()
EACH = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not HAS_CUDA, reason="no CUDA device")])]
METHODS = ["layered", "fast"]
PAIRS = [(0.5, -0.5), (0.0, -1.0), (1.0, 0.3)]


@pytest.fixture(autouse=True)
def one_thread():
    """Pictures as small as these gain nothing from more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def textured(rng, height, width, dtype):
    rgb = rng.uniform(0, 255, (height, width, 3))
    rgb = (rgb + np.roll(rgb, 1, 0) + np.roll(rgb, 1, 1)) / 3
    return np.rint(rgb * (np.iinfo(dtype).max / 255)).astype(dtype)


def scene(seed, dtype=np.uint8):
    """Slanted discs over a wavy slope."""
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(30, 120)), int(rng.integers(40, 200))
    y, x = np.mgrid[:height, :width]
    disparity = 0.02 * x + np.sin(y / 7)
    for _ in range(5):
        centre_x, centre_y, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(3, 25)
        inside = (x - centre_x) ** 2 + (y - centre_y) ** 2 < radius**2
        disparity = np.where(inside, rng.uniform(2, 18) + 0.1 * (x - centre_x), disparity)
    return textured(rng, height, width, dtype), disparity.astype(np.float32)


def disc(dtype=np.uint8):
    """A soft disc before a flat wall."""
    y, x = np.mgrid[:90, :160]
    distance = np.hypot(x - 80, y - 45)
    share = np.clip(30.5 - distance, 0, 1)[..., None]
    wall = textured(np.random.default_rng(0), 90, 160, dtype)
    rgb = share * np.array([0.9, 0.8, 0.6]) * np.iinfo(dtype).max + (1 - share) * wall * 0.4
    return np.rint(rgb).astype(dtype), np.where(distance < 30, 16, 0).astype(np.float32)


def noise(dtype=np.uint8):
    rng = np.random.default_rng(1)
    picture = rng.integers(0, np.iinfo(dtype).max + 1, (40, 60, 3)).astype(dtype)
    return picture, rng.uniform(-15, 15, (40, 60)).astype(np.float32)


def on(device, picture, disparity, shifts, method):
    made = torch_views(
        torch.from_numpy(picture).to(device), torch.from_numpy(disparity).to(device), shifts, method=method
    )
    return [view.cpu().numpy() for view in made]


def assert_same(made, wanted):
    assert len(made) == len(wanted)
    for view, want in zip(made, wanted, strict=True):
        assert view.dtype == want.dtype
        assert view.shape == want.shape
        scale = np.iinfo(want.dtype).max / 255
        off = np.abs(view.astype(np.float64) - want).max(axis=-1) / scale
        assert (off <= 1).mean() >= 0.995
        assert off.mean() < 0.05


@pytest.mark.parametrize("device", EACH)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("seed", range(4))
def test_random_scenes_are_seen_as_by_the_kernels(seed, dtype, method, device):
    picture, disparity = scene(seed, dtype)
    for shifts in PAIRS:
        assert_same(on(device, picture, disparity, shifts, method), views(picture, disparity, shifts, method=method))


@pytest.mark.parametrize("device", EACH)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_disc_is_seen_as_by_the_kernels(dtype, method, device):
    picture, disparity = disc(dtype)
    for shifts in PAIRS:
        assert_same(on(device, picture, disparity, shifts, method), views(picture, disparity, shifts, method=method))


@pytest.mark.parametrize("device", EACH)
@pytest.mark.parametrize("method", METHODS)
def test_depth_that_is_noise_is_seen_as_by_the_kernels(method, device):
    picture, disparity = noise()
    assert_same(
        on(device, picture, disparity, (0.5, -0.5), method), views(picture, disparity, (0.5, -0.5), method=method)
    )


@pytest.mark.parametrize("device", EACH)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (40, 1), (17, 33)])
def test_pictures_of_odd_sizes_are_seen_as_by_the_kernels(height, width, device):
    rng = np.random.default_rng(0)
    picture = textured(rng, height, width, np.uint8)
    disparity = np.where(rng.random((height, width)) < 0.3, 9, 0).astype(np.float32)
    for method in METHODS:
        assert_same(
            on(device, picture, disparity, (0.5, -0.5), method), views(picture, disparity, (0.5, -0.5), method=method)
        )


@pytest.mark.parametrize("device", EACH)
@pytest.mark.parametrize("make", [disc, noise, partial(scene, 3)], ids=["disc", "noise", "scene"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_holes_open_on_what_the_kernels_see_there(dtype, make, device):
    picture, disparity = make(dtype=dtype)
    disparity -= np.float32(0.3)  # no float32 has it whole, and many pixels lie as far
    texels, there = pack(torch.from_numpy(picture).to(device)), torch.from_numpy(disparity).to(device)
    layers, wanted_layers = torch_split(texels, there), kernel_layers.split(picture, disparity)
    seen = torch_warp(layers.texels, layers.disparity, PAIRS[0], scene=there)
    behind = look_behind(seen).cpu().numpy()
    for eye, shift in enumerate(PAIRS[0]):
        wanted = kernel_warp.warp(wanted_layers.rgb, wanted_layers.disparity, shift, scene=disparity)
        is_hole = wanted.disparity == HOLE
        assert is_hole.mean() > 0.02
        assert ((seen.disparity[eye].cpu().numpy() == HOLE) == is_hole).mean() > 0.999
        assert (np.abs(behind[eye][is_hole] - wanted.behind[is_hole]) < 1e-3).mean() > 0.99
        off = np.abs(unpack(seen.texels)[eye].cpu().numpy().astype(float) - wanted.rgb)[is_hole]
        assert (off.max(axis=-1) <= np.iinfo(dtype).max // 255).mean() > 0.99
        assert wanted.rgb[is_hole].any(axis=-1).mean() > 0.9


@pytest.mark.parametrize("device", EACH)
@pytest.mark.parametrize("method", METHODS)
def test_what_is_hidden_entirely_lends_its_colour(method, device):
    """A far strip between two walls, of which the left one covers it where the right one leaves a hole."""
    picture, disparity = np.full((5, 40, 3), 60, np.uint8), np.zeros((5, 40), np.float32)
    disparity[:, 20:] = 12
    picture[:, 17:20], disparity[:, 17:20] = (10, 200, 30), -16
    made = on(device, picture, disparity, [0.5], method)
    assert_same(made, views(picture, disparity, [0.5], method=method))
    assert (made[0][:, 18:25] == (10, 200, 30)).all()


@pytest.mark.parametrize("device", EACH)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_other_frames_know_is_taken_as_by_the_kernels(dtype, method, device):
    known = list(remember(shot(12, dtype=dtype)))[8]
    picture, disparity = known.item.frame.rgb, known.disparity
    made, wanted, single = (
        make(picture, disparity, (0.5, -1.0), method=method, background=background)
        for make, background in (
            (TorchViews(device), known.background),
            (views, known.background),
            (views, None),
        )
    )
    assert_same(made, wanted)
    assert (np.abs(wanted[1].astype(float) - single[1]).max(axis=-1) > 0).mean() > 0.02  # there was much to know


@pytest.mark.parametrize("method", METHODS)
def test_a_photo_has_no_other_frames(method):
    known = next(remember([frame(0)]))
    picture, disparity = known.item.frame.rgb, known.disparity
    made = TorchViews("cpu")(picture, disparity, (0.5, -0.5), method=method, background=known.background)
    assert_same(made, views(picture, disparity, (0.5, -0.5), method=method))


@pytest.mark.parametrize("method", METHODS)
def test_what_has_no_edges_is_only_moved(method):
    picture = textured(np.random.default_rng(0), 30, 60, np.uint8)
    disparity = np.full((30, 60), 10, np.float32)
    seen = on("cpu", picture, disparity, [0.5], method)[0]
    assert np.array_equal(seen[:, 5:], picture[:, :-5])
    assert_same([seen], views(picture, disparity, [0.5], method=method))


def test_a_row_moved_out_of_sight_is_black():
    picture, disparity = np.full((4, 30, 3), 200, np.uint8), np.zeros((4, 30), np.float32)
    disparity[1] = 200
    seen = on("cpu", picture, disparity, [1.0], "fast")[0]
    assert (seen[1] == 0).all()
    assert (seen[[0, 2, 3]] == 200).all()


def test_many_eyes_are_seen_as_one_by_one():
    picture, disparity = scene(7)
    shifts = (1.0, 0.0, 0.5, -0.25, -1.0)
    together = on("cpu", picture, disparity, shifts, "layered")
    alone = [on("cpu", picture, disparity, [shift], "layered")[0] for shift in shifts]
    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
    assert np.array_equal(together[1], picture)


@pytest.mark.parametrize(("shift", "most"), [(0.3, 2), (-0.5, 2), (1.0, 3)])
def test_no_joined_pair_covers_more_pixels_than_are_written(shift, most):
    rng = np.random.default_rng(0)
    disparity = np.cumsum(rng.choice([-1.0, -0.5, 0.3, 1.0], 100_000)).astype(np.float32)
    place = np.arange(100_000, dtype=np.float32) + np.float32(shift) * disparity
    covered = np.ceil(place[1:]) - np.ceil(place[:-1])
    assert most_covered([shift]) == most
    assert 2 <= covered.max() <= most


def test_of_equally_near_surfaces_the_first_of_the_row_is_seen():
    texels = torch.arange(12, dtype=torch.int32)[None]
    disparity = torch.full((1, 12), -100.0)
    disparity[0, 3], disparity[0, 9] = 4.0, 4.0
    seen = torch_warp(texels, disparity, [1.0])
    assert seen.column[0, 0, 7] == 3
    both = torch.tensor([[0.0, 3.0, 0.0, 0.0, 0.0, 0.0]])  # 1 goes to 4, before the wall's own pixel
    assert torch_warp(texels[:, :6], both, [1.0]).column[0, 0].tolist()[4] == 1


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="4x3 pixels, its disparity 5x3"):
        torch_views(torch.zeros((3, 4, 3), dtype=torch.uint8), torch.zeros((3, 5)), [0.5])
    with pytest.raises(ShapeError, match="uint8 or uint16"):
        torch_views(torch.zeros((3, 4, 3)), torch.zeros((3, 4)), [0.5])


@pytest.mark.parametrize("device", EACH)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_arrays_come_back_as_arrays(dtype, device):
    picture, disparity = scene(3, dtype)
    wanted = views(picture, disparity, [-1.0])
    picture.flags.writeable = False
    made = TorchViews(device)
    left, right = made(picture, disparity, (0.0, -1.0))
    assert left is picture
    assert_same([right], wanted)
    kept = right.copy()
    made(picture[::-1], disparity[::-1], (0.5, -0.5))
    assert np.array_equal(right, kept)


def pairs(frames=8, **settings):
    items = [
        DepthFrame(item.frame, DepthMap(item.disparity, np.ones(item.disparity.shape, dtype=bool), "disparity"))
        for item in shot(frames)
    ]
    return list(stage.synthesise(items, settings=StereoSettings(**settings)))


@pytest.mark.parametrize("fill", ["texture", "temporal"])
def test_the_stage_makes_pairs_on_the_device_it_is_given(fill, monkeypatch):
    wanted = pairs(fill=fill)
    asked = []
    monkeypatch.setattr(stage, "find_views", lambda device: asked.append(device) or TorchViews("cpu"))
    for pair, want in zip(pairs(fill=fill, device="cuda"), wanted, strict=True):
        assert_same([pair.left, pair.right], [want.left, want.right])
    assert asked == ["cuda"]


@pytest.mark.skipif(HAS_CUDA, reason="there is a CUDA device")
def test_the_stage_makes_no_pairs_on_a_device_that_is_not_there():
    with pytest.raises(DeviceError, match="finds 0 CUDA devices"):
        pairs(1, device="cuda")


def test_the_cpu_has_its_kernels():
    assert find_views("cpu") is views


def test_auto_takes_cuda_where_it_is():
    assert isinstance(find_views("auto"), TorchViews) == HAS_CUDA


@pytest.mark.skipif(HAS_CUDA, reason="there is a CUDA device")
def test_cuda_that_is_not_there_is_refused():
    with pytest.raises(DeviceError, match="finds 0 CUDA devices; choose cpu"):
        find_views("cuda")
