import numpy as np
import pytest

import parity

torch = pytest.importorskip("torch", reason="torch is not installed; only the networks need it")

from vergence.depth.networks.depth_anything_3 import nested  # noqa: E402
from vergence.depth.networks.depth_anything_3.nested import (  # noqa: E402
    fill_sky,
    metres,
    metric_scale,
    nested_scene,
    quantile,
)


@pytest.fixture(scope="module")
def golden():
    """The published combination, of the tiny networks' answers to two views."""
    with np.load(parity.GOLDENS / "depth_anything_3" / "golden_tiny_nested_2view.npz") as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


def camera(focal):
    return torch.tensor([[[focal, 0, 50.0], [0, focal, 40.0], [0, 0, 1]]])


def test_sky_is_filled_as_the_original_fills_it(golden):
    found = fill_sky(golden["metric_depth_raw"][0], golden["metric_sky"][0])
    torch.testing.assert_close(found, golden["metric_depth_after_sky"][0], rtol=1e-5, atol=1e-5)
    assert not torch.equal(found, golden["metric_depth_raw"][0])


def test_a_scene_gets_the_metres_the_original_gives_it(golden):
    """Back to the unit of the network of many views by the golden's scale, which must then be found again."""
    unit = golden["scale_factor"]
    extrinsics = golden["extrinsics"][0].clone()
    extrinsics[..., 3] /= unit
    is_sky = golden["metric_sky"][0] >= nested.SKY
    found = nested_scene(
        torch.where(is_sky, 7.0, golden["depth"][0] / unit),
        torch.where(is_sky, 9.0, golden["depth_conf"][0]),
        extrinsics,
        golden["intrinsics"][0],
        golden["metric_depth_after_sky"][0],
        golden["metric_sky"][0],
    )
    assert float(found.scale) == pytest.approx(float(unit), rel=1e-5)
    torch.testing.assert_close(found.depth, golden["depth"][0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.confidence, golden["depth_conf"][0])
    torch.testing.assert_close(found.extrinsics, golden["extrinsics"][0], rtol=1e-4, atol=1e-4)
    assert torch.equal(found.is_sky, is_sky)
    assert 0 < is_sky.float().mean() < 1


def test_metres_follow_the_focal_length_of_the_view():
    depth = torch.full((2, 3, 4), 6.0)
    found = metres(depth, torch.cat([camera(300.0), camera(150.0)]))
    assert found[:, 0, 0].tolist() == [6.0, 3.0]


def test_the_scale_is_that_of_the_surer_half_that_is_no_sky():
    depth = torch.linspace(1, 2, 400).reshape(1, 20, 20)
    metric = 3 * depth
    confidence = torch.ones(1, 20, 20)
    confidence[:, :10] = 5
    is_sky = torch.zeros(1, 20, 20, dtype=torch.bool)
    is_sky[:, :5] = True
    metric[:, :5] = 100  # sky
    metric[:, 10:] = 50  # unsure
    # The median of the confidence of what is no sky, 1 in 10 rows and 5 in 5, is 1: all of that is used.
    everything = ~is_sky
    expected = (metric * depth)[everything].sum() / (depth * depth)[everything].sum()
    torch.testing.assert_close(metric_scale(depth, confidence, metric, is_sky), expected)
    confidence[:, 5:16] = 5  # now most of it is sure, and the rest has no say
    metric[:, 10:16] = 3 * depth[:, 10:16]
    assert float(metric_scale(depth, confidence, metric, is_sky)) == pytest.approx(3, rel=1e-6)


def test_nothing_but_sky_still_has_a_scale(caplog):
    depth = torch.full((1, 8, 8), 2.0)
    found = nested_scene(depth, depth, torch.eye(4)[None, :3], camera(300.0), 3 * depth, depth)
    assert float(found.scale) == pytest.approx(3)
    assert found.is_sky.all()
    assert found.depth.unique().tolist() == [6.0]
    assert "a guess" in caplog.text


def test_sky_lies_behind_everything_but_never_beyond_the_limit():
    depth = torch.arange(1.0, 401.0).reshape(1, 20, 20)
    sky = torch.zeros(1, 20, 20)
    sky[:, :2] = 1
    assert float(fill_sky(depth, sky)[0, 0, 0]) == pytest.approx(41 + 0.99 * 359)
    assert float(fill_sky(depth, sky, farthest=200)[0, 0, 0]) == 200
    assert torch.equal(fill_sky(depth, sky)[:, 2:], depth[:, 2:])


def test_a_few_pixels_of_sky_are_a_mistake():
    depth = torch.arange(1.0, 401.0).reshape(1, 20, 20)
    sky = torch.zeros(1, 20, 20)
    sky[0, 0, :10] = 1
    assert fill_sky(depth, sky) is depth
    assert fill_sky(depth, 1 - sky) is depth


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.99, 1.0])
def test_quantiles_are_those_of_numpy(share):
    values = np.random.default_rng(0).random(1001).astype(np.float32)
    assert float(quantile(torch.from_numpy(values), share)) == pytest.approx(np.quantile(values, share), rel=1e-6)
