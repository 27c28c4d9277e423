"""Where cameras go: level, the right way up, looking at the scene, and back to where they began."""

import numpy as np
import pytest

from slow_splats import rotation
from vergence.errors import SettingsError
from vergence.splats.paths import home, orbit, spline, tour, wiggle


def object_at(place, seed=0):
    ball = np.random.default_rng(seed).normal(size=(2000, 3))
    return (place + ball / np.linalg.norm(ball, axis=1, keepdims=True)).astype(np.float32)


def photo(width=4.0, height=3.0):
    dice = np.random.default_rng(0)
    z = dice.uniform(2, 6, 3000)
    x, y = dice.uniform(-1, 1, (2, 3000))
    return np.stack([x * width / 8 * z, y * height / 8 * z, z], axis=1).astype(np.float32)


def is_rigid(pose):
    turn = pose[:3, :3]
    return np.allclose(turn @ turn.T, np.eye(3), atol=1e-9) and np.linalg.det(turn) > 0


def test_a_scene_of_a_photo_is_first_seen_from_where_it_was_taken():
    found = home(photo())
    np.testing.assert_array_equal(found.world_from_camera, np.eye(4))
    assert found.is_only_side
    assert found.aspect == pytest.approx(4 / 3, rel=0.02)
    assert found.camera(640, 480).fx == pytest.approx(320 / 0.5, rel=0.03)
    assert 2 < found.nearest < found.focus < 6


@pytest.mark.parametrize("place", [(0, 0, 0), (3, -2, 1)])
def test_an_object_is_first_seen_whole(place):
    points = object_at(np.array(place))
    found = home(points)
    assert not found.is_only_side
    camera = found.camera(960, 540)
    seen = points - found.world_from_camera[:3, 3]
    assert (seen[:, 2] > found.near_plane).all()
    assert (np.abs(seen[:, 1] / seen[:, 2]) < 270 / camera.fy).all()
    assert (np.abs(seen[:, 0] / seen[:, 2]) < 480 / camera.fx).all()


def test_a_field_of_view_can_be_told():
    assert home(photo()).camera(200, 100, np.pi / 2).fx == pytest.approx(100)


def test_an_orbit_goes_around_level_and_looks_at_the_middle():
    middle = np.array([3.0, -2, 1])
    start = home(object_at(middle))
    poses = orbit(start, 8)
    np.testing.assert_allclose(poses[0], start.world_from_camera, atol=1e-9)
    for pose in poses:
        assert is_rigid(pose)
        np.testing.assert_allclose(pose[:3, 3] + start.focus * pose[:3, 2], middle, atol=0.1)
        np.testing.assert_allclose(pose[:3, 1], [0, 1, 0], atol=1e-9)  # the right way up
    np.testing.assert_allclose(poses[4][:3, 2], -poses[0][:3, 2], atol=1e-9)
    assert poses[1][0, 3] > poses[0][0, 3]  # to the right first


def test_a_part_of_an_orbit_swings_to_both_sides():
    start = home(object_at(np.zeros(3)))
    poses = orbit(start, 8, degrees=60)
    angles = [np.degrees(np.arctan2(-pose[0, 2], pose[2, 2])) for pose in poses]
    np.testing.assert_allclose(np.array(angles)[[0, 2, 4, 6]], [0, 30, 0, -30], atol=1e-6)


def test_a_wiggle_stays_near_home_and_looks_at_the_middle():
    start = home(photo())
    poses = wiggle(start, 12)
    np.testing.assert_allclose(poses[0], np.eye(4), atol=1e-9)
    for pose in poses:
        assert is_rigid(pose)
        assert np.linalg.norm(pose[:3, 3]) < 0.1 * start.nearest
        toward = np.array([0, 0, start.focus]) - pose[:3, 3]
        np.testing.assert_allclose(pose[:3, 2], toward / np.linalg.norm(toward), atol=1e-9)
        assert abs(pose[1, 0]) < 1e-9  # level
        assert pose[1, 1] > 0.9
    assert poses[3][0, 3] == -poses[9][0, 3] > 0
    assert min(pose[1, 3] for pose in poses) < 0  # up is minus y


def test_a_spline_goes_through_its_keys_without_a_jump():
    keys = []
    for index in range(4):
        key = np.eye(4)
        key[:3, :3] = rotation(np.cos(index), *(np.sin(index) * np.array([0.6, 0.0, 0.8])))
        key[:3, 3] = [index, index**2, -index]
        keys.append(key)
    poses = spline(keys, 31)
    assert all(map(is_rigid, poses))
    for index, key in enumerate(keys):
        np.testing.assert_allclose(poses[10 * index], key, atol=1e-9)
    steps = np.abs(np.diff([pose[:3, :3] for pose in poses], axis=0)).max(axis=(1, 2))
    assert steps.max() < 0.35


def test_two_keys_are_a_straight_line_and_one_is_no_path():
    far = np.eye(4)
    far[:3, 3] = [2, 4, 6]
    np.testing.assert_allclose(spline([np.eye(4), far], 3)[1][:3, 3], [1, 2, 3], atol=1e-12)
    with pytest.raises(SettingsError, match="at least 2"):
        spline([far], 3)


def test_a_tour_begins_and_ends_at_home():
    start = home(photo())
    keys = tour(start)
    np.testing.assert_allclose(keys[0], start.world_from_camera, atol=1e-9)
    np.testing.assert_allclose(keys[-1], keys[0])
    assert all(map(is_rigid, keys))


def test_an_empty_scene_has_no_home():
    with pytest.raises(SettingsError, match="empty"):
        home(np.empty((0, 3), np.float32))


def test_a_single_point_can_be_looked_at():
    found = home(np.array([[1, 2, -3]], np.float32))
    assert found.near_plane > 0
    assert is_rigid(orbit(found, 4)[1])
