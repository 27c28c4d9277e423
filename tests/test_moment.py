"""Views of one moment become one cloud of bounded size."""

from dataclasses import replace

import numpy as np
import pytest

from rooms import HALF, look, seen
from vergence.errors import ModelError
from vergence.pipelines.moment import MomentSettings, cloud_of_moment
from vergence.types import DepthFrame

POSES = [look((-0.8, 0, -1.0), 0.2), look((0.9, 0.1, -0.8), -0.25)]
ALL = MomentSettings(least_sure=0)


def views(*poses, factor=1.0):
    pairs = [seen(pose, index) for index, pose in enumerate(poses or POSES)]
    return [
        DepthFrame(
            frame, replace(depth, values=depth.values * np.float32(factor), confidence=np.ones_like(depth.values))
        )
        for frame, depth in pairs
    ]


def off_the_walls(points):
    """How far each point lies from the nearest wall, m."""
    return np.abs(np.abs(points) - HALF).min(axis=1)


def test_all_cameras_points_lie_on_the_walls():
    made = views()
    cloud = cloud_of_moment(made, ALL)
    assert len(cloud) > 0.9 * sum(view.depth.values.size for view in made)
    assert off_the_walls(cloud.points).max() < 1e-3
    assert cloud.confidence is not None


@pytest.mark.parametrize("most", [1, 100, 1000, 3000])
def test_it_has_no_more_points_than_asked_and_the_same_each_time(most):
    made = views()
    one, two = (cloud_of_moment(made, replace(ALL, most=most)) for _ in range(2))
    assert len(one) == most
    np.testing.assert_array_equal(one.points, two.points)


def test_any_beginning_of_the_list_is_an_even_share_of_all_cameras_and_of_each_picture():
    made = views()
    whole = cloud_of_moment(made, ALL).points
    for share in (64, 256, 900):
        part = whole[:share]
        # Of which camera a point is: the one along a pixel's ray of which it lies.
        counts = []
        for view in made:
            pose = np.linalg.inv(view.depth.world_from_camera)
            local = part @ pose[:3, :3].T + pose[:3, 3]
            lens = view.depth.intrinsics
            u = local[:, 0] / local[:, 2] * lens.fx + lens.cx
            v = local[:, 1] / local[:, 2] * lens.fy + lens.cy
            own = (np.abs(u % 1 - 0.5) < 1e-3) & (np.abs(v % 1 - 0.5) < 1e-3) & (local[:, 2] > 0)
            counts.append(own.sum())
            across, _ = np.histogram(u[own], bins=4, range=(0, lens.width))
            down, _ = np.histogram(v[own], bins=4, range=(0, lens.height))
            if share > 64:
                assert across.min() > 0.6 * own.sum() / 4
                assert down.min() > 0.6 * own.sum() / 4
        assert min(counts) > 0.4 * share
    smaller = cloud_of_moment(made, replace(ALL, most=500)).points
    np.testing.assert_array_equal(smaller, whole[:500])


def test_what_the_model_is_least_sure_of_goes():
    made = views()
    depth = made[0].depth
    sure = np.ones_like(depth.values)
    sure[:9] = 0.1  # a quarter of the rows
    made[0] = replace(made[0], depth=replace(depth, confidence=sure))
    rows = cloud_of_moment(made, replace(ALL, least_sure=0.3))
    assert len(cloud_of_moment(made, ALL)) - len(rows) == pytest.approx(9 * 48, rel=0.1)


def test_what_another_camera_sees_through_goes():
    made = views()
    depth = made[0].depth
    hanging = depth.values.copy()
    hanging[14:22, 20:30] *= np.float32(0.4)  # a blob in the air, before what the other camera sees as a wall
    made[0] = replace(made[0], depth=replace(depth, values=hanging))
    kept = off_the_walls(cloud_of_moment(made, ALL).points)
    alone = off_the_walls(cloud_of_moment(made[:1], ALL).points)
    assert (alone > 0.3).sum() > 20
    assert (kept > 0.3).sum() < 0.3 * (alone > 0.3).sum()


def test_pictures_larger_than_the_depth_and_views_without_confidence_are_taken():
    made = views()
    frame = made[0].frame
    large = replace(frame, rgb=np.kron(frame.rgb, np.ones((3, 3, 1), np.uint8)), intrinsics=None)
    made[0] = DepthFrame(large, replace(made[0].depth, confidence=None))
    cloud = cloud_of_moment(made)
    assert cloud.confidence is None
    assert len(cloud) > 2000


def test_a_view_without_a_camera_is_refused():
    made = views()
    made[1] = replace(made[1], depth=replace(made[1].depth, world_from_camera=None))
    with pytest.raises(ModelError):
        cloud_of_moment(made)
