import numpy as np
import pytest

import parity
from vergence.depth.families.depth_anything_3.input import prepare_views
from vergence.depth.families.depth_anything_3.output import found_from_given, given_in_found_world
from vergence.errors import ShapeError
from vergence.geometry.similarity import camera_centres
from vergence.types import Intrinsics


def poses(count, seed=0):
    """(count, 4, 4) camera_from_world, standing and looking anywhere."""
    random = np.random.default_rng(seed)
    q, r = np.linalg.qr(random.standard_normal((count, 3, 3)))
    q = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    found = np.tile(np.eye(4), (count, 1, 1))
    found[:, :3, :3] = q * np.linalg.det(q)[:, None, None]
    found[:, :3, 3] = random.standard_normal((count, 3))
    return found


def elsewhere(given, *, scale=0.25, seed=9):
    """The same cameras in a world `scale` times as large, turned and moved: (N, 3, 4)."""
    turn, shift = poses(1, seed)[0, :3, :3], np.array([3.0, -2, 1])
    found = given[:, :3].copy()
    found[:, :, :3] = given[:, :3, :3] @ turn.T
    found[:, :, 3] = -(found[:, :, :3] @ (scale * camera_centres(given) @ turn.T + shift)[..., None])[..., 0]
    return found


@pytest.mark.parametrize("count", [2, 3, 12])
def test_known_cameras_are_found_again_in_the_networks_world(count):
    """Of two too, where the authors' code stops."""
    given = poses(count)
    found = elsewhere(given)
    similarity = found_from_given(found, given)
    assert similarity.scale == pytest.approx(0.25)
    np.testing.assert_allclose(given_in_found_world(given, similarity)[:, :3], found, atol=1e-9)


def test_cameras_in_a_row_keep_their_roll():
    given = poses(4)
    given[:, :3, 3] = -(given[:, :3, :3] @ (np.arange(4.0)[:, None] * (1, 2, 3))[..., None])[..., 0]
    found = elsewhere(given)
    np.testing.assert_allclose(given_in_found_world(given, found_from_given(found, given))[:, :3], found, atol=1e-9)


def test_one_camera_has_no_scale_to_give(caplog):
    given = poses(1)
    found = elsewhere(given)
    similarity = found_from_given(found, given)
    assert similarity.scale == 1
    np.testing.assert_allclose(given_in_found_world(given, similarity)[:, :3], found, atol=1e-9)
    assert "no unit" in caplog.text


def test_a_third_of_wrong_cameras_does_not_spoil_many():
    given = poses(15)
    found = elsewhere(given)
    found[:5, :, 3] += 5
    found += np.random.default_rng(0).normal(scale=1e-3, size=found.shape)
    assert found_from_given(found, given).scale == pytest.approx(0.25, rel=0.02)


def test_other_numbers_of_cameras_are_refused():
    with pytest.raises(ShapeError, match="one for each view"):
        found_from_given(poses(2), poses(3))


@pytest.fixture(scope="module")
def network():
    torch = pytest.importorskip("torch", reason="torch is not installed; it runs Depth Anything 3")
    from vergence.depth.networks.depth_anything_3.checkpoints import arranged
    from vergence.depth.networks.depth_anything_3.network import AnyView
    from vergence.depth.networks.depth_anything_3.variants import VARIANTS

    built = AnyView(VARIANTS["small"])
    weights = parity.weights(parity.manifest("depth_anything_3", "small"))
    built.load_state_dict(arranged({name: torch.from_numpy(value) for name, value in weights.items()}))
    return built.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def golden():
    return parity.golden("depth_anything_3", "small_inference")


def answer(network, golden, cameras=None):
    """Of the authors' whole pipeline up to the network, from photos."""
    import torch

    views = prepare_views(list(golden["images"]), intrinsics=cameras, side=126)
    known = None
    if cameras is not None:
        matrices = [[[k.fx, 0, k.cx], [0, k.fy, k.cy], [0, 0, 1]] for k in views.intrinsics]
        known = torch.from_numpy(golden["posed_in_extrinsics"])[None], torch.tensor(matrices)[None]
    with torch.inference_mode():
        return network(torch.from_numpy(views.pictures)[None], known), views


def test_photos_give_what_the_authors_pipeline_gives(network, golden):
    scene, views = answer(network, golden)
    levels = np.abs(np.stack(views.rgb).astype(int) - golden["processed_images"])
    assert levels.max() <= 1  # theirs are cut to whole levels after two roundings
    np.testing.assert_allclose(scene.depth[0], golden["depth"], rtol=2e-3)
    np.testing.assert_allclose(scene.confidence[0], golden["conf"], rtol=2e-3)
    np.testing.assert_allclose(scene.extrinsics[0], golden["extrinsics"], atol=2e-3)
    np.testing.assert_allclose(scene.intrinsics[0], golden["intrinsics"], rtol=2e-3)


def test_known_cameras_give_what_the_authors_pipeline_gives(network, golden):
    cameras = [
        Intrinsics(k[0, 0], k[1, 1], k[0, 2], k[1, 2], 160, 120) for k in golden["posed_in_intrinsics"].astype(float)
    ]
    scene, views = answer(network, golden, cameras)
    given = golden["posed_in_extrinsics"]
    similarity = found_from_given(scene.extrinsics[0].numpy(), given)
    np.testing.assert_allclose(scene.depth[0] / similarity.scale, golden["posed_depth"], rtol=2e-3)
    mapped = given_in_found_world(given, similarity)
    np.testing.assert_allclose(mapped, golden["posed_unaligned_extrinsics"], atol=2e-3)
    for view, expected in zip(views.intrinsics, golden["posed_intrinsics"], strict=True):
        np.testing.assert_allclose(
            (view.fx, view.fy, view.cx, view.cy), expected[[0, 1, 0, 1], [0, 1, 2, 2]], rtol=1e-6
        )
