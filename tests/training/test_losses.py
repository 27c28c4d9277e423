import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from vergence.training import data, losses
from vergence.training.data import make_batch
from vergence.training.recipes import LossWeights
from vergence.training.render import render_pair

CERTAIN = 20.0  # a logit


@pytest.fixture
def batch(example):
    return make_batch(lambda generator, moving: example, 0.5, 64, 64, 8, np.random.default_rng(0))


@pytest.fixture(scope="module")
def moving():
    """A batch whose twins are all frames before the first ones, of cameras and things that move, not graded."""
    pairs = [render_pair(seed, 128, 96) for seed in (6, 8, 10, 12)]  # whose camera moves by some pixels
    drawn = iter(pairs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "MOVING", 1.0)
        patch.setattr(data, "grade", lambda rgb, depth, generator: rgb)
        patch.setattr(data, "sense", lambda rgb, generator: rgb)
        return data.make_batch(lambda generator, wants: next(drawn), 0.5, 128, 96, 8, np.random.default_rng(0))


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
    assert float(terms["consistency"]) < 1e-6


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


def test_the_truth_under_a_moving_camera_costs_nothing_and_flicker_costs(moving):
    assert float(moving.is_shared.float().mean()) > 0.4
    assert float(losses.consistency(told(moving), moving)) < 1e-6
    flicker = torch.zeros_like(moving.log_depth)
    flicker[-4:] = 0.2
    cost = float(losses.consistency(told(moving, flicker), moving))
    assert cost == pytest.approx(0.2 * float(moving.is_shared.float().mean()), rel=1e-4)


def test_an_error_that_moves_with_its_surface_costs_less_than_one_that_stays_in_the_picture(moving):
    """Colours move with surfaces, so an error of their shape tells whether the grid does."""
    error = told(moving, moving.rgb.float().mean(1) / 255)
    theta = torch.eye(2, 3).expand(4, 2, 3)
    still = functional.affine_grid(theta, [4, 1, *moving.log_depth.shape[1:]], align_corners=False)
    followed = float(losses.consistency(error, moving))
    stayed = float(losses.consistency(error, dataclasses.replace(moving, grid=still)))
    assert 0 < followed < 0.6 * stayed


def test_every_term_reaches_the_network_except_scale_which_leaves_depth_alone(batch):
    maps = [x.detach().requires_grad_() for x in (batch.log_depth + 0.1, batch.log_depth * 0, batch.log_depth * 0)]
    loss, _ = losses.total(losses.Prediction(*maps), batch, LossWeights())
    loss.backward()
    assert all(torch.isfinite(x.grad).all() and x.grad.abs().sum() > 0 for x in maps)
    maps[0].grad = None
    only = LossWeights(**{f.name: float(f.name == "scale") for f in dataclasses.fields(LossWeights)})
    losses.total(losses.Prediction(*maps), batch, only)[0].backward()
    assert float(maps[0].grad.abs().sum()) == 0
