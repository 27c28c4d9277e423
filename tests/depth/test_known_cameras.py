"""Depth of single views where their cameras stand."""

from fractions import Fraction

import numpy as np
import pytest

from vergence.depth.cards import CARDS
from vergence.depth.known_cameras import placed
from vergence.errors import DepthKindError
from vergence.types import Camera, DepthFrame, DepthMap, Frame, Intrinsics

WIDTH, HEIGHT = 96, 64
LENS = Intrinsics(80, 80, 48, 32, WIDTH, HEIGHT)


class Walls:
    """Sees a wall straight ahead in every picture, in a unit that the picture's grey names."""

    card = CARDS["depth-anything-v2-metric-indoor-small"]

    def __init__(self, kind="scale_invariant"):
        self.kind, self.lenses = kind, []

    def estimate(self, frames):
        for frame in frames:
            self.lenses.append(frame.intrinsics)
            z = np.full((HEIGHT // 2, WIDTH // 2), frame.rgb[0, 0, 0] / 10, np.float32)
            yield DepthFrame(frame, DepthMap(z, np.ones_like(z, bool), self.kind))


def picture(grey, index=0):
    return Frame(np.full((HEIGHT, WIDTH, 3), grey, np.uint8), index, Fraction(index))


def camera(x=0.0):
    pose = np.eye(4)
    pose[0, 3] = x
    return Camera(LENS, pose)


def wall(z, count=500, x=0.0):
    """Points of a wall, spread over the picture of a camera at `x`."""
    dice = np.random.default_rng(int(10 * z))
    u, v = dice.uniform(0, WIDTH, count), dice.uniform(0, HEIGHT, count)
    return np.stack([(u - LENS.cx) / LENS.fx * z + x, (v - LENS.cy) / LENS.fy * z, np.full(count, z)], axis=1)


def test_depth_meets_the_points_that_are_seen():
    model = Walls()
    found = list(placed([picture(10), picture(40, 1)], [camera(), camera(1)], [wall(5), wall(5, x=1)], model))
    for item, x in zip(found, (0, 1), strict=True):
        np.testing.assert_allclose(item.depth.values, 5, rtol=1e-5)
        assert item.depth.kind == "metric"
        assert item.depth.world_from_camera[0, 3] == x
        assert item.depth.intrinsics == LENS.resized(WIDTH // 2, HEIGHT // 2)
    assert model.lenses == [LENS, LENS]  # what gives metres needs to know it


def test_points_hidden_behind_what_is_seen_do_not_count():
    points = np.concatenate([wall(5), wall(50, 2000), wall(80, 2000), -wall(5)])
    (item,) = placed([picture(10)], [camera()], [points], Walls())
    np.testing.assert_allclose(item.depth.values, 5, rtol=0.01)


def test_a_view_that_sees_no_points_has_the_scale_of_the_others():
    found = list(placed([picture(10), picture(10, 1)], [camera(), camera()], [wall(5), wall(5, 3)], Walls()))
    np.testing.assert_allclose(found[1].depth.values, 5, rtol=1e-5)


@pytest.mark.parametrize(("kind", "said"), [("metric", "gives metres"), ("scale_invariant", "knows no scale")])
def test_without_points_depth_stays_as_it_is_and_that_is_said_once(caplog, kind, said):
    found = list(placed([picture(10), picture(20, 1)], [camera(), camera()], [None, None], Walls(kind)))
    assert [float(item.depth.values[0, 0]) for item in found] == [1, 2]
    assert [item.depth.kind for item in found] == [kind, kind]
    (record,) = caplog.records
    assert said in record.getMessage()


def test_depth_that_is_no_z_is_refused():
    with pytest.raises(DepthKindError, match="affine_inverse"):
        list(placed([picture(10)], [camera()], [None], Walls("affine_inverse")))
