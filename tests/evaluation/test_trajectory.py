import numpy as np
import pytest

from rooms import circle, look
from vergence.errors import ShapeError
from vergence.evaluation.trajectory import relative_errors, segments, trajectory_errors
from vergence.geometry.rotation import rotation_about
from vergence.geometry.similarity import Similarity


def line(count=11):
    return np.stack([look((0.1 * n * n / count, 0.0, float(n)), 0.0) for n in range(count)])


def test_another_world_and_unit_is_no_error():
    truth = np.stack(circle(50))
    elsewhere = Similarity(3.0, rotation_about(np.array([0.3, -1, 2])), np.array([4.0, 5, 6]))
    errors = trajectory_errors(elsewhere.apply_to_poses(truth), truth)
    assert errors.scale == pytest.approx(1 / 3)
    assert errors.absolute == pytest.approx(0, abs=1e-9)
    assert errors.relative == pytest.approx(0, abs=1e-9)
    assert errors.turn == pytest.approx(0, abs=1e-5)


def test_the_absolute_error_is_the_root_mean_square_distance():
    truth = np.stack(circle(200))
    found = truth.copy()
    found[::2, 1, 3] += 0.03  # up and down beside the truth, so that no fit helps
    found[1::2, 1, 3] -= 0.03
    errors = trajectory_errors(found, truth)
    assert errors.absolute == pytest.approx(0.03, rel=0.01)
    assert errors.path == pytest.approx(np.linalg.norm(np.diff(truth[:, :3, 3], axis=0), axis=1).sum())
    assert errors.drift == errors.absolute / errors.path


def test_a_steady_turn_is_told_in_degrees_per_metre():
    truth = line(21)
    found = truth.copy()
    for n, pose in enumerate(found):  # cameras in the right places that turn by 2 degrees each metre
        pose[:3, :3] = pose[:3, :3] @ rotation_about(np.radians([0, 2.0 * n, 0]))
    errors = trajectory_errors(found, truth)
    assert errors.absolute == pytest.approx(0, abs=1e-9)
    assert errors.turn == pytest.approx(2.0, rel=0.1)


def test_relative_errors_are_those_of_the_motion():
    truth = line(3)
    found = truth.copy()
    found[2, 0, 3] += 0.5
    translations, turns = relative_errors(found, truth, [(0, 1), (1, 2), (0, 2)])
    np.testing.assert_allclose(translations, [0, 0.5, 0.5])
    np.testing.assert_allclose(turns, 0)


def test_a_turn_of_any_size_is_told():
    truth = line(2)
    for angle in (0.001, 1.0, 3.0):
        found = truth.copy()
        found[1, :3, :3] = found[1, :3, :3] @ rotation_about(np.array([0, angle, 0]))
        assert relative_errors(found, truth, [(0, 1)])[1][0] == pytest.approx(angle)


def test_segments_are_pairs_so_far_apart():
    assert segments(np.array([0.0, 1, 2, 3]), 2.0) == [(0, 2), (1, 3)]


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ShapeError, match="twice"):
        trajectory_errors(line(3), line(4))
    with pytest.raises(ShapeError, match="one place"):
        trajectory_errors(line(3), np.tile(np.eye(4), (3, 1, 1)))
