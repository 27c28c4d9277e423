import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import ShapeError
from vergence.evaluation import metrics

ALL = np.ones((2, 2), dtype=bool)


def scene(seed=0, height=24, width=32):
    return np.random.default_rng(seed).uniform(1.0, 8.0, (height, width))


@given(scale=st.floats(0.1, 10), shift=st.floats(-0.5, 0.5))
def test_affine_alignment_undoes_any_scale_and_shift_of_inverse_depth(scale, shift):
    truth = scene()
    valid = np.ones_like(truth, dtype=bool)
    found = metrics.align_affine((1 / truth - shift) / scale, truth, valid, farthest=10)
    np.testing.assert_allclose(found, truth, rtol=1e-6)


def test_what_falls_behind_infinity_is_put_at_the_farthest_depth():
    truth = np.array([[1.0, 2.0, 4.0, 4.0]])
    valid = np.array([[True, True, True, False]])
    found = metrics.align_affine(1 / truth - np.array([[0, 0, 0, 9.0]]), truth, valid, farthest=10)
    assert found[0, 3] == 10


@given(scale=st.floats(0.01, 100))
def test_scale_alignment_undoes_any_scale(scale):
    truth = scene()
    found = metrics.align_scale(truth * scale, truth, np.ones_like(truth, dtype=bool))
    np.testing.assert_allclose(found, truth)


def test_errors_are_the_ones_done_by_hand():
    truth, depth = np.array([[1.0, 2.0], [4.0, 5.0]]), np.array([[1.1, 2.0], [6.0, 5.0]])
    assert metrics.abs_rel(depth, truth, ALL) == pytest.approx((0.1 + 0 + 0.5 + 0) / 4)
    assert metrics.delta1(depth, truth, ALL) == 0.75
    assert metrics.delta1(depth, truth, np.array([[True, True], [False, True]])) == 1.0


def test_nothing_to_compare_is_no_number():
    none = np.zeros((2, 2), dtype=bool)
    assert np.isnan(metrics.abs_rel(np.ones((2, 2)), np.ones((2, 2)), none))
    assert np.isnan(metrics.delta1(np.ones((2, 2)), np.ones((2, 2)), none))
    assert np.isnan(metrics.boundary_f1(np.ones((2, 2)), np.ones((2, 2)), ALL))


def test_boundaries_in_their_place_score_one_at_any_scale_and_beside_it_nothing():
    truth = np.ones((8, 8))
    truth[:, 4:] = 2.0
    valid = np.ones_like(truth, dtype=bool)
    assert metrics.boundary_f1(7 * truth, truth, valid) == 1.0
    assert metrics.boundary_f1(np.roll(truth, 1, axis=1), truth, valid) == 0.0
    assert metrics.boundary_f1(1 / truth, truth, valid) == 0.0  # near and far swapped is no hit


def test_an_edge_twice_as_wide_finds_half_of_the_truth():
    truth, soft = np.ones((1, 6)), np.ones((1, 6))
    truth[:, 3:], soft[:, 2], soft[:, 3:] = 4.0, 2.0, 4.0
    # One true edge, two found, one of them right: F1 = 2 * 1 / 3 at every ratio asked.
    assert metrics.boundary_f1(soft, truth, np.ones_like(truth, dtype=bool)) == pytest.approx(2 / 3)


def test_order_in_a_row_is_half_for_rows_and_one_for_truth():
    truth = scene(height=64)
    valid = np.ones_like(truth, dtype=bool)
    rows = np.broadcast_to(np.arange(64.0)[:, None], truth.shape)
    ask = {"valid": valid, "generator": np.random.default_rng(0)}
    assert metrics.same_row_order(rows, truth, **ask) == 0.5
    assert metrics.same_row_order(truth**3, truth, **ask) == 1.0
    assert metrics.same_row_order(-truth, truth, **ask) == 0.0


def test_confidence_that_ranks_errors_rightly_correlates_fully():
    truth = scene()
    error = np.linspace(0, 1, truth.size).reshape(truth.shape)
    valid = np.ones_like(truth, dtype=bool)
    depth = truth * np.exp(error)
    assert metrics.confidence_correlation(-(error**3), depth, truth, valid) == pytest.approx(1.0)
    assert metrics.confidence_correlation(error, depth, truth, valid) == pytest.approx(-1.0)
    assert np.isnan(metrics.confidence_correlation(np.ones_like(truth), depth, truth, valid))


def test_confidence_of_another_size_is_refused():
    with pytest.raises(ShapeError, match="resize"):
        metrics.confidence_correlation(np.ones((2, 3)), np.ones((2, 2)), np.ones((2, 2)), ALL)


def test_flicker_is_the_mean_change_of_log_depth():
    still = scene()
    assert metrics.flicker([still, still, still]) == 0
    assert metrics.flicker([still, still * np.e, still * np.e]) == pytest.approx(0.5)
    assert np.isnan(metrics.flicker([still]))
