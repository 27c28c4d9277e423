from dataclasses import replace

import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; only the networks need it")

from vergence.depth.families.depth_anything_3.input import MEAN, STD  # noqa: E402
from vergence.depth.networks.depth_anything_3.adapter import (  # noqa: E402
    Splats,
    offset_along_rays,
    placed_gaussians,
    pose_scale,
    published_gaussians,
    to_gaussians,
)
from vergence.depth.networks.depth_anything_3.camera import decoded, encoded, quaternion_of, rotation_of  # noqa: E402
from vergence.depth.networks.depth_anything_3.checkpoints import arranged  # noqa: E402
from vergence.depth.networks.depth_anything_3.gaussian_head import PixelGaussians, pixel_gaussians  # noqa: E402
from vergence.depth.networks.depth_anything_3.network import AnyView  # noqa: E402
from vergence.depth.networks.depth_anything_3.variants import Variant  # noqa: E402
from vergence.depth.networks.dinov2 import BackboneSize  # noqa: E402
from vergence.depth.networks.dpt import DecoderSize  # noqa: E402

FAMILY = "depth_anything_3"
TINY = Variant(
    BackboneSize(192, 8, (3, 5, 6, 7), is_gated=True, normed_from=2),
    DecoderSize(64, (48, 96, 192, 384)),
    has_gaussians=True,
)
HEIGHT, WIDTH = 70, 98


@pytest.fixture(scope="module")
def network():
    built = AnyView(TINY)
    weights = parity.weights(parity.manifest(FAMILY, "tiny_gs"))
    built.load_state_dict(arranged({name: torch.from_numpy(value) for name, value in weights.items()}))
    return built.eval().requires_grad_(False)


def seen(names):
    pictures = np.stack([parity.image(name, (3, HEIGHT, WIDTH)) for name in names])
    return torch.from_numpy(((pictures - MEAN[:, None, None]) / STD[:, None, None]).astype(np.float32))[None]


def assert_are_gaussians(found, golden, every):
    """Goldens hold every few Gaussians, up to the sign of rotations: its rule flips where the last part is about 0."""
    close = np.testing.assert_allclose
    close(found.means[::every], golden["gs_means"][0], rtol=5e-4, atol=5e-4)
    close(found.scales[::every], golden["gs_scales"][0], rtol=5e-4, atol=5e-4)
    close(found.opacities[::every], golden["gs_opacities"][0], atol=1e-4)
    rotations, expected = found.rotations[::every].numpy(), golden["gs_rotations"][0]
    sign = np.sign((rotations * expected).sum(axis=1, keepdims=True))
    close(rotations * sign, expected, atol=1e-3)
    expected = golden["gs_harmonics"][0]
    every = -(-len(found.harmonics) // len(expected))
    close(found.harmonics[::every], expected, atol=1e-4 * np.abs(expected).max())


def test_gaussians_are_the_originals(network):
    golden = parity.golden(FAMILY, "tiny_gs_2view")
    with torch.inference_mode():
        scene = network(torch.from_numpy(golden["input"]))
    pixels = pixel_gaussians(scene.gaussians[0])
    found = published_gaussians(pixels, scene.depth[0], scene.extrinsics[0], scene.intrinsics[0])
    assert_are_gaussians(found, golden, every=1)


def test_gaussians_of_known_cameras_are_the_originals(network):
    """The golden was made below the layer that normalises known cameras."""
    golden = parity.golden(FAMILY, "tiny_gs_3view_posed")
    views = seen(["da3_view0", "da3_view1", "da3_view3"])
    given = torch.from_numpy(golden["in_extrinsics"])
    with torch.inference_mode():
        encodings = encoded(given, torch.from_numpy(golden["in_intrinsics"]), HEIGHT, WIDTH)
        features = network.look(views, network.cam_enc(encodings))
        extrinsics, intrinsics = decoded(network.encodings_of(features), HEIGHT, WIDTH)
        dense, raw = network.decode(features, views)
    scale = pose_scale(extrinsics[0].numpy(), given[0].numpy())
    assert scale == pytest.approx(float(golden["pose_scale_unclamped"][0]), rel=1e-5)
    found = published_gaussians(pixel_gaussians(raw), dense.depth, extrinsics[0], intrinsics[0], pose_scale=scale)
    assert_are_gaussians(found, golden, every=7)


def test_the_giants_gaussians_are_the_originals():
    """Without the network: the golden has its answer at every third pixel of both sides, every seventh Gaussian."""
    golden = parity.golden(FAMILY, "giant_2view")
    height, width = golden["depth"].shape[2:]
    raw = np.ones((2, height, width, 38), np.float32)
    raw[:, ::3, ::3, :37] = golden["raw_gs_slice"][0]
    opacity = golden["raw_gs_conf"][0]
    raw[..., 37] = np.log(opacity / (1 - opacity))
    depth, extrinsics, intrinsics = (
        torch.from_numpy(golden[name][0]) for name in ("depth", "extrinsics", "intrinsics")
    )
    found = published_gaussians(pixel_gaussians(torch.from_numpy(raw)), depth, extrinsics, intrinsics)
    is_known = np.zeros((2, height, width), bool)
    is_known[:, ::3, ::3] = True
    known = is_known.ravel()[::7]
    assert known.sum() > 300
    at_known = Splats(**{name: value[::7][known] for name, value in vars(found).items()})
    stored = {f"gs_{name}": golden[f"gs_{name}_every7"][:, known] for name in vars(found)}
    assert_are_gaussians(at_known, stored, every=1)


def test_the_gaussians_of_a_nested_network_are_the_originals():
    """They are not in metres, though the rest of the golden is: the quirk that `placed_gaussians` mends."""
    golden = parity.golden(FAMILY, "tiny_nested_2view")
    prefix = "model.da3."
    weights = parity.weights(parity.manifest(FAMILY, "tiny_nested"))
    state = {name: torch.from_numpy(value) for name, value in weights.items() if name.startswith(prefix)}
    network = AnyView(TINY).eval()
    network.load_state_dict(arranged({name.removeprefix(prefix): value for name, value in state.items()}))
    with torch.inference_mode():
        scene = network(torch.from_numpy(golden["input"]))
    pixels = pixel_gaussians(scene.gaussians[0])
    found = published_gaussians(pixels, scene.depth[0], scene.extrinsics[0], scene.intrinsics[0])
    np.testing.assert_allclose(found.means[::7], golden["gs_means"][0], rtol=5e-4, atol=5e-4)
    np.testing.assert_allclose(found.scales[::7], golden["gs_scales"][0], rtol=5e-4, atol=5e-4)


def rotation(*quaternion):
    return rotation_of(torch.tensor(quaternion, dtype=torch.float32))


ANY = rotation(0.3, -0.5, 0.2, 0.7)


def cameras(*rotations):
    """(N, 3, 4) camera_from_world of cameras turned so and standing off the origin, (N, 3, 3) intrinsics of 6 x 4."""
    turns = torch.stack(rotations).mT
    centres = torch.arange(3.0 * len(rotations)).reshape(-1, 3, 1)
    intrinsics = torch.tensor([[5.0, 0, 3.0], [0, 4.0, 2.0], [0, 0, 1]]).expand(len(rotations), 3, 3)
    return torch.cat([turns, -turns @ centres], dim=2), intrinsics


def any_pixels(views=1):
    """Of 6 x 4 views."""
    random = torch.Generator().manual_seed(0)
    return pixel_gaussians(torch.randn(views, 4, 6, 38, generator=random))


def plain_pixels(views=1):
    """As `any_pixels`, each exactly at its pixel and its depth."""
    pixels = any_pixels(views)
    return replace(pixels, offset=0 * pixels.offset, depth_offset=0 * pixels.depth_offset)


DEPTH = 4 + torch.rand(1, 4, 6, generator=torch.Generator().manual_seed(1))


def test_placed_gaussians_lie_on_the_depth_map():
    """Where the authors' own point clouds are: at the depth along the optical axis, not along the ray."""
    extrinsics, intrinsics = cameras(ANY)
    found = placed_gaussians(plain_pixels(), DEPTH, extrinsics, intrinsics)
    in_camera = found.means @ extrinsics[0, :, :3].T + extrinsics[0, :, 3]
    torch.testing.assert_close(in_camera[:, 2], DEPTH.flatten())
    pixels = in_camera[:, :2] / in_camera[:, 2:] * torch.tensor([5.0, 4.0]) + torch.tensor([3.0, 2.0])
    v, u = torch.meshgrid(torch.arange(4) + 0.5, torch.arange(6) + 0.5, indexing="ij")
    torch.testing.assert_close(pixels, torch.stack([u, v], dim=2).reshape(-1, 2))


def test_published_gaussians_lie_nearer_than_the_depth_map_towards_the_border():
    """The quirk itself: their distance is what the depth should be."""
    extrinsics, intrinsics = cameras(ANY)
    found = published_gaussians(plain_pixels(), DEPTH, extrinsics, intrinsics)
    distance = (found.means - torch.arange(3.0)).norm(dim=1)
    torch.testing.assert_close(distance, DEPTH.flatten())


def covariances(splats):
    turns = rotation_of(splats.rotations.roll(-1, dims=1)) * splats.scales[:, None]
    return turns @ turns.mT


def test_a_turned_camera_turns_placed_gaussians_with_it():
    straight, intrinsics = cameras(torch.eye(3))
    turned, _ = cameras(ANY)
    expected = ANY @ covariances(placed_gaussians(any_pixels(), DEPTH, straight, intrinsics)) @ ANY.T
    torch.testing.assert_close(
        covariances(placed_gaussians(any_pixels(), DEPTH, turned, intrinsics)), expected, rtol=1e-3, atol=1e-3
    )
    # The quirk: the published ones turn otherwise.
    published = covariances(published_gaussians(any_pixels(), DEPTH, turned, intrinsics))
    size = covariances(published_gaussians(any_pixels(), DEPTH, straight, intrinsics)).norm(dim=(1, 2))
    assert ((published - expected).norm(dim=(1, 2)) / size).median() > 0.1


def test_both_agree_for_the_reference_but_for_the_length_of_rays():
    extrinsics, intrinsics = cameras(torch.eye(3))
    placed, published = (
        make(any_pixels(), DEPTH, extrinsics, intrinsics) for make in (placed_gaussians, published_gaussians)
    )
    sign = (placed.rotations * published.rotations).sum(1, keepdim=True).sign()
    torch.testing.assert_close(placed.rotations * sign, published.rotations)
    torch.testing.assert_close(placed.scales, published.scales)
    torch.testing.assert_close(placed.harmonics, published.harmonics)
    placed_ray, published_ray = (splats.means - torch.arange(3.0) for splats in (placed, published))
    torch.testing.assert_close(
        torch.nn.functional.normalize(placed_ray, dim=1), torch.nn.functional.normalize(published_ray, dim=1)
    )


@pytest.mark.parametrize("share", [0.0, 0.8, 1.0])
def test_what_offsets_make_up_for_is_found(share):
    random = torch.Generator().manual_seed(2)
    intrinsics = torch.tensor([[30.0, 0, 32], [0, 30, 24], [0, 0, 1]])[None]
    pixels = pixel_gaussians(torch.randn(1, 48, 64, 38, generator=random))
    depth = 2 + 5 * torch.rand(1, 48, 64, generator=random)
    u, v = torch.arange(64) + 0.5 + pixels.offset[..., 0], torch.arange(48)[:, None] + 0.5 + pixels.offset[..., 1]
    length = torch.sqrt(((u - 32) / 30) ** 2 + ((v - 24) / 30) ** 2 + 1)
    offset = depth * (share * (length - 1) - 0.1 + 0.1 * torch.randn(1, 48, 64, generator=random))
    assert offset_along_rays(replace(pixels, depth_offset=offset), depth, intrinsics) == pytest.approx(share, abs=0.05)


def test_distances_are_placed_along_rays_when_asked():
    extrinsics, intrinsics = cameras(ANY)
    found = placed_gaussians(any_pixels(), DEPTH, extrinsics, intrinsics, along_rays=True)
    published = published_gaussians(any_pixels(), DEPTH, extrinsics, intrinsics)
    torch.testing.assert_close(found.means, published.means)


def test_two_views_of_one_wall_meet_in_one_plane():
    """What all the geometry is for. The authors' way leaves two bowls."""
    down, intrinsics = cameras(torch.eye(3), rotation(0, 0.2, 0, 1.0))
    # A wall at z = 9; the depth at which each camera sees it follows from its pose alone.
    ray = torch.stack(torch.meshgrid((torch.arange(6) - 2.5) / 5, (torch.arange(4) - 1.5) / 4, indexing="xy"), dim=2)
    ray = torch.cat([ray, torch.ones(4, 6, 1)], dim=2)
    centres = torch.tensor([2.0, 5.0])
    depth = torch.stack([(9 - z) / (ray @ turn[2]) for z, turn in zip(centres, down[:, :, :3].mT, strict=True)])
    found = placed_gaussians(plain_pixels(2), depth, down, intrinsics)
    torch.testing.assert_close(found.means[:, 2], torch.full((48,), 9.0))
    bowl = published_gaussians(plain_pixels(2), depth, down, intrinsics).means[:, 2]
    assert float(bowl.max() - bowl.min()) > 0.5


def test_metres_scale_gaussians_with_the_depth_and_the_cameras():
    """A nested network's factor; the authors leave the Gaussians as they were."""
    extrinsics, intrinsics = cameras(ANY)
    unscaled = placed_gaussians(any_pixels(), DEPTH, extrinsics, intrinsics)
    in_metres = torch.cat([extrinsics[..., :3], 2.5 * extrinsics[..., 3:]], dim=2)
    found = placed_gaussians(any_pixels(), DEPTH, in_metres, intrinsics, scale=2.5)
    torch.testing.assert_close(found.means, 2.5 * unscaled.means)
    torch.testing.assert_close(found.scales, 2.5 * unscaled.scales)


def test_colours_turn_with_the_camera():
    """Seen along a direction turned with the camera, the colour is the same."""
    straight, intrinsics = cameras(torch.eye(3))
    turned, _ = cameras(ANY)
    before = placed_gaussians(any_pixels(), DEPTH, straight, intrinsics).harmonics
    after = placed_gaussians(any_pixels(), DEPTH, turned, intrinsics).harmonics
    assert not torch.allclose(before, after, atol=1e-3)
    torch.testing.assert_close(before[..., 0], after[..., 0])
    # Degree 1 is a direction in which the colour rises: (-x, -y, z) of the coefficients.
    rise = torch.tensor([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]])
    torch.testing.assert_close(before[..., 1:4] @ rise.T @ ANY.T, after[..., 1:4] @ rise.T)


def test_gaussians_of_the_product_are_what_renderers_take():
    extrinsics, intrinsics = cameras(ANY, torch.eye(3))
    splats = placed_gaussians(any_pixels(2), DEPTH.expand(2, 4, 6), extrinsics, intrinsics)
    found = to_gaussians(splats)
    assert len(found) == 48
    assert found.harmonics.shape == (48, 9, 3)
    np.testing.assert_array_equal(found.harmonics[5, :, 1], splats.harmonics[5, 1])
    np.testing.assert_allclose(np.linalg.norm(found.rotations, axis=1), 1, rtol=1e-6)
    assert (found.scales > 0).all()


def test_gaussians_behind_their_camera_are_left_out(caplog):
    extrinsics, intrinsics = cameras(ANY)
    pixels: PixelGaussians = plain_pixels()
    pixels.depth_offset[0, 0, :2] = -100
    pixels.depth_offset[0, 1, 0] = torch.nan
    with caplog.at_level("INFO"):
        found = to_gaussians(placed_gaussians(pixels, DEPTH, extrinsics, intrinsics))
    assert len(found) == 21
    assert "3 of 24" in caplog.text


def test_known_cameras_move_gaussians_apart_at_most_threefold():
    random = np.random.default_rng(0)
    found = np.tile(np.eye(4), (4, 1, 1))
    found[:, :3, 3] = random.standard_normal((4, 3))
    given = found.copy()
    for factor, expected in ((2.0, 2.0), (10.0, 3.0), (0.01, 1 / 3)):
        given[:, :3, 3] = factor * found[:, :3, 3]
        assert pose_scale(found, given) == pytest.approx(expected)
    assert pose_scale(found[:1], given[:1]) == 1
    assert pose_scale(found[:2], given[:2]) == 1


def test_quaternions_and_rotations_are_of_one_convention():
    torch.testing.assert_close(rotation_of(quaternion_of(ANY)), ANY)
