import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import ShapeError
from vergence.geometry.similarity import camera_centres, fit_similarity


def rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    q *= np.sign(np.diagonal(r))
    return q * np.linalg.det(q)


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100), count=st.integers(3, 30))
def test_the_similarity_points_were_moved_by_is_found(seed, scale, count):
    random = np.random.default_rng(seed)
    source, shift, turn = random.standard_normal((count, 3)), random.standard_normal(3), rotation(seed)
    found = fit_similarity(source, scale * source @ turn.T + shift)
    assert found.scale == pytest.approx(scale)
    np.testing.assert_allclose(found.rotation, turn, atol=1e-6)
    np.testing.assert_allclose(found.translation, shift, atol=1e-6 * max(1, scale))


def test_mirrored_points_get_the_best_rotation_and_no_mirror():
    source = np.random.default_rng(0).standard_normal((20, 3))
    found = fit_similarity(source, source * (1, 1, -1))
    assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_points_without_weight_have_no_say():
    random = np.random.default_rng(0)
    source = random.standard_normal((20, 3))
    target = 2 * source
    target[15:] = random.standard_normal((5, 3)) * 50
    found = fit_similarity(source, target, weights=np.arange(20) < 15)
    assert found.scale == pytest.approx(2)
    np.testing.assert_allclose(found.apply(source[:15]), target[:15], atol=1e-9)


def test_weights_count_like_repeated_points():
    random = np.random.default_rng(0)
    source, target = random.standard_normal((2, 6, 3))
    counts = np.array([1, 2, 3, 1, 2, 1])
    weighted = fit_similarity(source, target, weights=counts)
    repeated = fit_similarity(source.repeat(counts, axis=0), target.repeat(counts, axis=0))
    assert weighted.scale == pytest.approx(repeated.scale)
    np.testing.assert_allclose(weighted.rotation, repeated.rotation, atol=1e-9)


def test_the_scale_of_two_points_is_the_ratio_of_their_distances():
    found = fit_similarity(np.array([[0.0, 0, 0], [2, 0, 0]]), np.array([[1.0, 1, 1], [1, 7, 1]]))
    assert found.scale == pytest.approx(3)
    assert found.rank == 1


def test_poses_move_with_their_points():
    random = np.random.default_rng(0)
    source = random.standard_normal((5, 3))
    found = fit_similarity(source, 3 * source @ rotation(1).T + 1)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation(2), source[0]
    moved = found.apply_to_poses(pose)
    np.testing.assert_allclose(moved[:3, 3], 3 * rotation(1) @ source[0] + 1)
    np.testing.assert_allclose(moved[:3, :3] @ moved[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.array_equal(pose[:3, 3], source[0])


def test_cameras_stand_where_their_inverses_say():
    world_from_camera = np.eye(4)
    world_from_camera[:3, :3], world_from_camera[:3, 3] = rotation(0), (1, 2, 3)
    np.testing.assert_allclose(camera_centres(np.linalg.inv(world_from_camera)[None, :3]), [[1, 2, 3]])


@pytest.mark.parametrize(
    ("source", "target", "weights", "words"),
    [
        (np.zeros((3, 3)), np.ones((3, 3)), None, "in one place"),
        (np.zeros((3, 3)), np.ones((4, 3)), None, "twice"),
        (np.zeros((3, 3)), np.ones((3, 3)), np.zeros(3), "some above 0"),
    ],
)
def test_points_that_cannot_be_aligned_are_refused(source, target, weights, words):
    with pytest.raises(ShapeError, match=words):
        fit_similarity(source, target, weights=weights)
