import dataclasses
import math

import numpy as np
import pytest
import torch

from vergence.training import losses
from vergence.training.data import make_batch
from vergence.training.recipes import LossWeights

CERTAIN = 20.0  # a logit


@pytest.fixture
def batch(example):
    return make_batch(lambda generator: example, 0.5, 64, 64, 8, np.random.default_rng(0))


def told(batch, change=0.0):
    sky = torch.where(batch.is_sky, CERTAIN, -CERTAIN)
    return losses.Prediction(batch.log_depth + change, torch.zeros_like(batch.log_depth), sky)


def test_the_truth_costs_almost_nothing(batch):
    _, terms = losses.total(told(batch), batch, LossWeights())
    for name, most in {
        "metric": 0,
        "aligned": 0,
        "gradient": 0,
        "disparity": 0.02,
        "boundary": 0.02,
        "sky": 1e-6,
    }.items():
        assert float(terms[name]) <= most, name
    assert float(terms["consistency"]) < 0.1  # edges resampled


def test_a_wrong_scale_costs_metric_alone(batch):
    ground = ~batch.is_sky
    _, terms = losses.total(told(batch, change=math.log(2) * ground), batch, LossWeights())
    assert float(terms["metric"]) == pytest.approx(math.log(2) * float(ground.float().mean()), rel=1e-4)
    assert float(terms["aligned"]) == pytest.approx(0, abs=1e-5)
    assert float(terms["disparity"]) < 0.1


def test_calling_the_sky_farther_than_it_is_costs_nothing(batch):
    _, terms = losses.total(told(batch, change=1.0 * batch.is_sky), batch, LossWeights())
    assert float(terms["metric"]) == 0


def test_gradient_counts_edges_at_every_scale_and_skips_invalid_neighbours():
    error, valid = torch.zeros(1, 16, 16), torch.ones(1, 16, 16)
    error[:, :, 8:] = 1.0
    # One step across at 1, 2, 4 and 8 pixels: 1/15, 1/7, 1/3 and 1/1 of the pairs.
    assert float(losses.gradient(error, valid)) == pytest.approx(1 / 15 + 1 / 7 + 1 / 3 + 1)
    assert float(losses.gradient(error, torch.zeros(1, 16, 16))) == 0


def test_twins_that_disagree_cost_and_a_longer_lens_is_allowed_for(batch):
    calm = float(losses.consistency(told(batch), batch))
    shifted = batch.log_depth.clone()
    shifted[-len(batch.grid) :] += 0.5
    found = dataclasses.replace(told(batch), log_depth=shifted)
    assert float(losses.consistency(found, batch)) > calm + 0.1


def test_every_term_reaches_the_network_except_scale_which_leaves_depth_alone(batch):
    maps = [x.detach().requires_grad_() for x in (batch.log_depth + 0.1, batch.log_depth * 0, batch.log_depth * 0)]
    loss, _ = losses.total(losses.Prediction(*maps), batch, LossWeights())
    loss.backward()
    assert all(torch.isfinite(x.grad).all() and x.grad.abs().sum() > 0 for x in maps)
    maps[0].grad = None
    only = LossWeights(**{f.name: float(f.name == "scale") for f in dataclasses.fields(LossWeights)})
    losses.total(losses.Prediction(*maps), batch, only)[0].backward()
    assert float(maps[0].grad.abs().sum()) == 0
