import numpy as np
import pytest

import parity
from vergence.depth.families.depth_anything_3 import ray_pose
from vergence.depth.families.depth_anything_3.ray_pose import cameras_from_rays, candidates, draw_samples
from vergence.errors import ModelError, ShapeError


@pytest.fixture(scope="module")
def golden():
    with np.load(parity.GOLDENS / "depth_anything_3" / "golden_ray_pose.npz") as stored:
        return dict(stored)


def turn(x, y, z):
    """Rotation by angles about the three axes, radians."""
    (cx, cy, cz), (sx, sy, sz) = np.cos((x, y, z)), np.sin((x, y, z))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    return np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]]) @ about_y @ about_x


def exact_rays(rotation, centre, focal, *, height=24, width=32):
    """The map of a camera with its principal point in the middle."""
    x = (2 * np.arange(width) + 1) / width - 1
    y = (2 * np.arange(height) + 1) / height - 1
    grid = np.stack(np.broadcast_arrays(x[None] / focal[0], y[:, None] / focal[1], np.ones((height, width))), -1)
    return np.concatenate([grid @ rotation.T, np.broadcast_to(centre, grid.shape)], axis=-1)


def test_cameras_are_those_the_original_finds_from_noisy_rays(golden):
    found = cameras_from_rays(golden["ray"][0], golden["ray_conf"][0], samples=golden["ransac_index"])
    np.testing.assert_allclose(found.world_from_camera, golden["c2w"][0], atol=1e-4)
    np.testing.assert_allclose(found.focal, golden["focal_norm"][0], atol=1e-4)
    np.testing.assert_allclose(found.principal, golden["principal_norm"][0], atol=1e-4)
    height, width = golden["image_hw"]
    np.testing.assert_allclose(found.extrinsics(), golden["extrinsics"][0], atol=1e-4)
    np.testing.assert_allclose(found.intrinsics(width, height), golden["intrinsics"][0], rtol=1e-4, atol=1e-5)
    assert candidates(golden["ray_conf"][0, 0].size) == golden["n_candidates"][0]


def test_other_draws_find_the_true_cameras_too(golden):
    for seed in range(3):
        found = cameras_from_rays(golden["ray"][0], golden["ray_conf"][0], random=np.random.default_rng(seed))
        np.testing.assert_allclose(found.world_from_camera[:, :3, :3], golden["true_rotation"], atol=2e-3)
        np.testing.assert_allclose(found.focal, golden["true_focal_norm"], atol=5e-3)


def test_the_same_rays_give_the_same_cameras_twice(golden):
    first, second = (cameras_from_rays(golden["ray"][0], golden["ray_conf"][0]) for _ in range(2))
    assert np.array_equal(first.world_from_camera, second.world_from_camera)


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.4, -0.3, 0.2), (-0.2, 0.9, 0.1)])
def test_a_perfect_map_gives_its_camera_back(angles):
    rotation, centre = turn(*angles), np.array([0.3, -0.2, 1.5])
    rays = exact_rays(rotation, centre, (1.4, 1.9))
    rays[..., :3] *= 0.1 + np.random.default_rng(0).random(rays.shape[:2])[..., None]  # of any length
    found = cameras_from_rays(rays[None], np.ones((1, 24, 32)))
    np.testing.assert_allclose(found.world_from_camera[0, :3, :3], rotation, atol=1e-9)
    np.testing.assert_allclose(found.world_from_camera[0, :3, 3], centre, atol=1e-9)
    np.testing.assert_allclose(found.focal[0], (1.4, 1.9))
    np.testing.assert_allclose(found.principal[0], (1, 1))


def test_a_third_of_wrong_rays_changes_nothing():
    rays = exact_rays(turn(0.1, 0.2, 0.3), np.zeros(3), (1.4, 1.9))
    wrong = np.random.default_rng(0).random(rays.shape[:2]) < 1 / 3
    rays[wrong, :3] = np.random.default_rng(1).standard_normal((wrong.sum(), 3))
    found = cameras_from_rays(rays[None], np.ones((1, 24, 32)))
    np.testing.assert_allclose(found.focal[0], (1.4, 1.9), rtol=0.02)


def test_rays_across_the_axis_have_no_say():
    rays = exact_rays(np.eye(3), np.zeros(3), (1.4, 1.9))
    rays[:2] = [1, 1, 0, 99, 99, 99]
    found = cameras_from_rays(rays[None], np.ones((1, 24, 32)))
    np.testing.assert_allclose(found.world_from_camera[0], np.eye(4), atol=1e-9)


def test_a_large_map_is_fitted_on_a_part_of_it():
    rays = exact_rays(turn(0.1, -0.2, 0), np.ones(3), (1.2, 1.6), height=96, width=128)
    assert rays[..., 0].size > ray_pose.REFIT
    found = cameras_from_rays(rays[None], np.ones((1, 96, 128)))
    np.testing.assert_allclose(found.focal[0], (1.2, 1.6))


def test_draws_take_no_pixel_twice():
    samples = draw_samples(9, np.random.default_rng(0))
    assert samples.shape == (100, 8)
    assert all(len(set(row)) == 8 for row in samples.tolist())


def test_rays_of_no_camera_are_refused():
    with pytest.raises(ModelError, match="no camera"):
        cameras_from_rays(np.zeros((1, 4, 4, 6)), np.ones((1, 4, 4)))
    with pytest.raises(ShapeError, match="at least 8"):
        cameras_from_rays(np.zeros((1, 2, 3, 6)), np.ones((1, 2, 3)))
