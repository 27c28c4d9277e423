import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import ShapeError
from vergence.geometry.similarity import (
    Similarity,
    camera_centres,
    fit_similarity,
    fit_similarity_robust,
    identity,
)


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


def similarity(seed):
    random = np.random.default_rng(seed)
    return Similarity(float(np.exp(random.normal())), rotation(seed), random.standard_normal(3))


@given(seed=st.integers(0, 1000))
def test_similarities_chain_and_go_back(seed):
    one, two = similarity(seed), similarity(seed + 1)
    points = np.random.default_rng(seed).standard_normal((5, 3))
    np.testing.assert_allclose((two @ one).apply(points), two.apply(one.apply(points)), atol=1e-9)
    np.testing.assert_allclose(one.inverse().apply(one.apply(points)), points, atol=1e-9)
    np.testing.assert_allclose((one @ identity()).apply(points), one.apply(points))


def test_a_given_scale_is_kept():
    source = np.random.default_rng(0).standard_normal((20, 3))
    target = 2 * source @ rotation(1).T + 1
    found = fit_similarity(source, target, scale=1.5)
    assert found.scale == 1.5
    np.testing.assert_allclose(found.rotation, rotation(1), atol=1e-9)
    np.testing.assert_allclose(found.apply(source).mean(axis=0), target.mean(axis=0))


def scattered(seed=0, count=400, wrong=100):
    """Points with one percent of noise, the last of them anywhere."""
    random = np.random.default_rng(seed)
    source, moved = random.standard_normal((count, 3)), similarity(seed)
    target = moved.apply(source) + random.normal(0, 0.01 * moved.scale, (count, 3))
    target[count - wrong :] += moved.scale * random.normal((1.0, 0.5, 0), 0.5, (wrong, 3))
    return source, target, moved


@pytest.mark.parametrize("seed", range(5))
def test_a_quarter_of_wrong_pairs_hardly_moves_the_robust_fit(seed):
    source, target, moved = scattered(seed)
    plain, robust = fit_similarity(source, target), fit_similarity_robust(source, target)
    off = [np.abs(found.apply(source) - moved.apply(source)).max() / moved.scale for found in (plain, robust)]
    assert off[1] < 0.03
    assert off[0] > 5 * off[1]


def test_without_wrong_pairs_the_robust_fit_is_as_good_as_least_squares():
    source, target, moved = scattered(wrong=0)
    plain, robust = fit_similarity(source, target), fit_similarity_robust(source, target)
    np.testing.assert_allclose(robust.apply(source), plain.apply(source), atol=0.002 * moved.scale)


def test_exact_pairs_are_fitted_exactly_and_a_given_scale_is_kept():
    source, moved = np.random.default_rng(0).standard_normal((20, 3)), similarity(3)
    found = fit_similarity_robust(source, moved.apply(source), weights=np.arange(20))
    np.testing.assert_allclose(found.apply(source), moved.apply(source), atol=1e-12)
    assert fit_similarity_robust(source, moved.apply(source), scale=1.0).scale == 1.0


def test_surer_pairs_are_held_to_their_place():
    """With noise of ten times the size in half of them, weights of one over the variance find the similarity better."""
    random = np.random.default_rng(0)
    source, moved = random.standard_normal((400, 3)), similarity(0)
    noise = np.where(np.arange(400) < 200, 0.1, 0.01)[:, None] * moved.scale
    target = moved.apply(source) + noise * random.standard_normal((400, 3))
    blind, told = (fit_similarity_robust(source, target, weights=w) for w in (None, noise[:, 0] ** -2))
    off = [np.abs(found.apply(source) - moved.apply(source)).max() for found in (blind, told)]
    assert off[1] < off[0]
