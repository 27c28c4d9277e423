from fractions import Fraction

import numpy as np
import pytest

from vergence.depth.cards import CARDS
from vergence.errors import DepthKindError
from vergence.evaluation import benchmarks
from vergence.evaluation.benchmarks import Benchmark
from vergence.evaluation.depth import Scores, VerticalPrior, flicker, score, table
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

CAMERA = Intrinsics(60, 60, 32, 24, 64, 48)


def truth():
    """A floor that nears the camera downwards, with a box standing before it."""
    rows = np.linspace(6, 2, 48)[:, None] * np.ones((1, 64))
    rows[10:30, 20:40] = 1.2
    frame = Frame(np.zeros((48, 64, 3), dtype=np.uint8), 0, Fraction(0), intrinsics=CAMERA)
    return DepthFrame(frame, DepthMap(rows.astype(np.float32), np.ones((48, 64), dtype=bool), "metric"))


BENCHMARK = Benchmark("box", lambda: iter([truth()]), 1)


class Told:
    """A model that answers with given values."""

    lookahead = 0

    def __init__(self, values, kind):
        self.card, self.kind, self.values = CARDS["preview"], kind, values.astype(np.float32)

    def estimate(self, frames):
        for frame in frames:
            yield DepthFrame(frame, DepthMap(self.values, np.ones(self.values.shape, dtype=bool), self.kind))


def test_the_truth_scores_perfectly_in_every_way():
    found = score(Told(truth().depth.values, "metric"), BENCHMARK)
    errors = [found.affine_abs_rel, found.scale_abs_rel, found.metric_abs_rel]
    assert errors == pytest.approx([0, 0, 0], abs=1e-6)
    assert found.affine_delta1 == found.metric_delta1 == found.boundary_f1 == found.same_row_order == 1.0


def test_relative_inverse_depth_is_scored_after_alignment_alone():
    found = score(Told(3 / truth().depth.values + 0.7, "affine_inverse"), BENCHMARK)
    assert found.affine_abs_rel == pytest.approx(0, abs=1e-5)
    assert found.same_row_order == 1.0
    assert np.isnan([found.scale_abs_rel, found.metric_abs_rel]).all()


def test_the_vertical_prior_knows_the_floor_and_sees_no_box():
    found = score(VerticalPrior(), BENCHMARK)
    assert 0 < found.affine_abs_rel < 1
    assert found.same_row_order == 0.5


def test_measured_disparity_is_no_guess_to_score():
    with pytest.raises(DepthKindError, match="one picture"):
        score(Told(truth().depth.values, "disparity"), BENCHMARK)


def test_flicker_is_averaged_over_clips():
    still = [truth().frame] * 3
    assert flicker(Told(truth().depth.values, "metric"), [still, still]) == 0


def test_a_table_shows_what_is_known_and_a_dash_for_the_rest():
    nothing = float("nan")
    scores = Scores(0.1, 0.9, nothing, nothing, nothing, nothing, 0.25, 0.75, nothing)
    line = table([("room", 3, "guess", scores)]).splitlines()[-1]
    assert line == "| room | 3 | guess | 0.100 / 0.900 | – | – | 0.250 | 0.750 | – |"


def test_benchmarks_at_hand_are_listed_and_missing_ones_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmarks.pairs, "motorcycle", lambda: None)
    found, missing = benchmarks.benchmarks(count=2, folder=tmp_path)
    assert [benchmark.name for benchmark in found] == ["synthetic indoor", "synthetic outdoor", "synthetic subjects"]
    assert "run this in a checkout" in missing[0]
    assert "pip install scikit-image" in missing[1]
