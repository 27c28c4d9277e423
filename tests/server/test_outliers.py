"""Depth that lies alone: found as the slow, obvious way finds it, and left out only where that is asked for."""

import math
from fractions import Fraction

import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.server.outliers import LonelySettings, WithoutLonely, is_lonely
from vergence.types import DepthFrame, DepthMap, Frame


def scene(*, kind="metric", size=(20, 30)):
    """A wall 3 m away with a little noise, one speck before it, one unknown pixel."""
    values = (3 + np.random.default_rng(0).normal(0, 0.01, size)).astype(np.float32)
    values[10, 12] = 1
    valid = np.ones(size, bool)
    valid[4, 4] = False
    values[4, 4] = np.nan
    return DepthMap(values, valid, kind)


def slow(depth, settings):
    x = -np.log(depth.values) if depth.kind == "metric" else depth.values
    reach = math.ceil((math.sqrt(settings.neighbours + 1) - 1) / 2)
    height, width = x.shape
    mean = np.zeros(x.shape)
    for v in range(height):
        for u in range(width):
            rows, columns = slice(max(v - reach, 0), v + reach + 1), slice(max(u - reach, 0), u + reach + 1)
            around = x[rows, columns][depth.valid[rows, columns]]
            mean[v, u] = np.abs(around - x[v, u]).sum() / max(len(around) - 1, 1) if depth.valid[v, u] else 0
    known = mean[depth.valid]
    return depth.valid & (mean > known.mean() + settings.std_ratio * known.std())


@pytest.mark.parametrize("kind", ["metric", "affine_inverse"])
@pytest.mark.parametrize(("neighbours", "ratio"), [(8, 2.0), (50, 1.0)])
def test_it_agrees_with_the_slow_obvious_one(kind, neighbours, ratio):
    depth, settings = scene(kind=kind), LonelySettings(neighbours, ratio)
    found = is_lonely(depth, settings)
    np.testing.assert_array_equal(found, slow(depth, settings))
    assert found[10, 12]
    assert not found[4, 4]


def test_a_smaller_ratio_leaves_out_more():
    depth = scene()
    counts = [is_lonely(depth, LonelySettings(8, ratio)).sum() for ratio in (0.1, 1.0, 4.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1] > 0


def test_nothing_is_left_out_of_a_flat_or_an_unknown_picture():
    flat = DepthMap(np.full((5, 5), 2, np.float32), np.ones((5, 5), bool), "metric")
    assert not is_lonely(flat, LonelySettings()).any()
    unknown = DepthMap(np.zeros((5, 5), np.float32), np.zeros((5, 5), bool), "metric")
    assert not is_lonely(unknown, LonelySettings()).any()


@pytest.mark.parametrize(("neighbours", "ratio"), [(3, 1.0), (201, 1.0), (20, 0.0), (20, math.nan)])
def test_numbers_out_of_range_are_refused(neighbours, ratio):
    with pytest.raises(SettingsError):
        LonelySettings(neighbours, ratio)


def test_the_settings_of_the_moment_count():
    class Model:
        card, lookahead = "card", 0

        def estimate(self, frames):
            for frame in frames:
                yield DepthFrame(frame, scene())

    settings = iter([None, LonelySettings(8, 2.0)])
    model = WithoutLonely(Model(), lambda: next(settings))
    frames = [Frame(np.zeros((20, 30, 3), np.uint8), i, Fraction(i)) for i in range(2)]
    untouched, cleaned = model.estimate(frames)
    assert untouched.depth.valid[10, 12]
    assert not cleaned.depth.valid[10, 12]
    assert model.card == "card"
