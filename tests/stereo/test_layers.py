import numpy as np
import pytest

from vergence.stereo.layers import lay_over, split
from vergence.stereo.scan import HOLE
from vergence.stereo.views import views
from vergence.stereo.warp import warp

HEIGHT, WIDTH, OVERSAMPLED = 48, 96, 8


def disc(shift=0.0, seed=0, radius=14, disparity=12.0, dtype=np.uint8):
    """A textured disc over a textured wall, antialiased: picture and disparity, the disc moved by `shift` of it."""
    rng = np.random.default_rng(seed)
    wall = rng.uniform(20, 80, (HEIGHT, WIDTH, 3))
    wall = (wall + np.roll(wall, 1, 0) + np.roll(wall, 1, 1)) / 3
    n = OVERSAMPLED
    y, x = (np.mgrid[: HEIGHT * n, : WIDTH * n] + 0.5) / n
    inside = (x - 48 - shift * disparity) ** 2 + (y - 24) ** 2 < radius**2
    share = inside.reshape(HEIGHT, n, WIDTH, n).mean(axis=(1, 3))[..., None]
    rgb = share * np.array([220.0, 200, 160]) + (1 - share) * wall
    scale = np.iinfo(dtype).max / 255
    return np.rint(rgb * scale).astype(dtype), np.where(share[..., 0] > 0.5, disparity, 0).astype(np.float32), share


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_unmoved_layers_give_the_picture_back(dtype):
    rgb, disparity, _ = disc(dtype=dtype)
    layers = split(rgb, disparity)
    view = warp(rgb, disparity, 0.0)
    view.rgb[:] = layers.rgb
    lay_over(view, layers, rgb, disparity)
    off = np.abs(view.rgb.astype(int) - rgb)
    assert off.max() <= 2 * np.iinfo(dtype).max // 255


def test_the_share_of_a_mixed_pixel_is_its_coverage():
    rgb, disparity, share = disc()
    layers = split(rgb, disparity)
    mixed = layers.front != HOLE
    assert mixed.sum() > 200
    off = np.abs(layers.fringe[..., 3] / 255 - share[..., 0])[mixed]
    assert np.percentile(off, 95) < 0.12


def test_what_is_behind_keeps_no_rim_of_what_is_in_front():
    rgb, disparity, _ = disc()
    layers = split(rgb, disparity)
    behind = (layers.disparity == 0) & (layers.front != HOLE)
    assert behind.any()
    assert layers.rgb[behind].max() < 110  # the wall reaches 80, the disc 160 at least


@pytest.mark.parametrize("shift", [0.5, -0.5])
def test_an_outline_moves_with_its_soft_edge(shift):
    rgb, disparity, _ = disc()
    truth, _, share = disc(shift)
    seen = views(rgb, disparity, [shift])[0]
    fast = views(rgb, disparity, [shift], method="fast")[0]
    outline = (share[..., 0] > 0) & (share[..., 0] < 1)
    error, hard = (np.abs(v.astype(float) - truth)[outline].mean() for v in (seen, fast))
    assert error < 16
    assert error < 0.6 * hard


def test_a_line_of_one_pixel_moves_whole():
    rgb, disparity = np.full((20, 40, 3), 50, np.uint8), np.zeros((20, 40), np.float32)
    rgb[:, 20], disparity[:, 20] = 220, 8
    seen = views(rgb, disparity, [0.5])[0]
    assert (seen[:, 24] > 200).all()
    assert (np.delete(seen, [23, 24, 25], axis=1) < 60).all()


def test_a_picture_without_edges_has_no_fringe():
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    layers = split(rgb, np.tile(np.linspace(0, 20, 30, dtype=np.float32), (20, 1)))
    assert (layers.front == HOLE).all()
    assert np.array_equal(layers.rgb, rgb)


def test_an_unmoved_eye_is_the_source_itself():
    rgb, disparity, _ = disc()
    assert views(rgb, disparity, [0.0])[0] is rgb
