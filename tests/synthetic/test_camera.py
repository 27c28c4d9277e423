from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.synthetic.builder import Dice
from vergence.synthetic.camera import CAMERA_MOTIONS, clear_path, draw_path, facing, is_clear, is_worth_taking
from vergence.synthetic.photos import find_view, page
from vergence.synthetic.render.intersect import GROUND, ROOM, TERRAIN
from vergence.synthetic.render.picture import Renderer
from worlds import camera, plain_builder


@given(yaw=st.floats(-7, 7), pitch=st.floats(-1.5, 1.5))
def test_a_camera_is_a_rotation_with_a_level_horizon(yaw, pitch):
    rotation = facing(yaw, pitch)
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert rotation[2, 0] == 0  # right is level
    assert rotation[2, 1] <= 0  # down is down


def test_yaw_turns_left_and_pitch_up():
    np.testing.assert_allclose(facing(0, 0)[:, 2], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(facing(pi / 2, 0)[:, 2], [-1, 0, 0], atol=1e-12)
    assert facing(0, 0.5)[2, 2] > 0


def test_a_place_within_reach_of_a_thing_is_not_clear():
    builder = plain_builder()
    builder.box((0, 2, 1), (0.5, 0.5, 0.5), builder.material())
    renderer = Renderer(builder.finish("test"))
    assert is_clear(renderer, np.array([0, 1.3, 1.0]))
    assert not is_clear(renderer, np.array([0, 1.45, 1.0]))
    assert not is_clear(renderer, np.array([0, 2.0, 1.0]))


def test_a_camera_stays_in_its_room():
    builder = plain_builder()
    builder.add(ROOM, (0, 0, 1.5), (2, 2, 1.5), builder.material())
    renderer = Renderer(builder.finish("test"))
    assert is_clear(renderer, np.array([1.8, 0, 1.0]))
    assert not is_clear(renderer, np.array([1.95, 0, 1.0]))
    assert not is_clear(renderer, np.array([5.0, 0, 1.0]))


def test_a_camera_stays_above_land_and_water():
    builder = plain_builder()
    builder.heights, builder.spacing = np.full((8, 8), -2.0), 1.0
    builder.add(TERRAIN, (0, 0, 0), (1, 1, 1), builder.material())
    land = Renderer(builder.finish("test"))
    assert is_clear(land, np.array([0, 0, -1.5]))
    assert not is_clear(land, np.array([0, 0, -1.95]))
    builder.add(GROUND, (0, 0, -1.0), (1, 1, 1), builder.material())
    lake = Renderer(builder.finish("test"))
    assert not is_clear(lake, np.array([0, 0, -1.5]))
    assert is_clear(lake, np.array([0, 0, -0.5]))


def test_a_bare_wall_is_not_worth_taking_and_things_before_it_are():
    builder = plain_builder()
    floor = builder.material()
    builder.material()
    builder.material()
    builder.add(ROOM, (0, 0, 1.5), (4, 4, 1.5), floor)
    assert not is_worth_taking(Renderer(builder.finish("test")), camera())
    for i in range(3):
        builder.ball((0.6 * (i - 1), 1.5, 1.5), 0.25, builder.material())
    assert is_worth_taking(Renderer(builder.finish("test")), camera())


@pytest.mark.parametrize("motion", CAMERA_MOTIONS)
def test_a_path_begins_at_its_start_and_keeps_the_camera_a_rotation(motion):
    scene, start = find_view(Dice(f"path {motion}"), page(0), kind="room", width=64, height=48)
    path = clear_path(scene, draw_path(start, motion, 3.0, Dice("a")))
    assert path is not None
    first = path.at(0.0)
    np.testing.assert_allclose(first.world_from_camera, start.world_from_camera, atol=1e-12)
    for time in np.linspace(0, 3, 7):
        rotation = path.at(float(time)).rotation
        np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)


def test_a_path_into_a_wall_is_shortened():
    builder = plain_builder()
    builder.add(ROOM, (0, 0, 1.5), (2, 2, 1.5), builder.material())
    scene = builder.finish("test")
    path = draw_path(camera(), "dolly", 30.0, Dice("long"))
    shorter = clear_path(scene, path)
    assert shorter is not None
    assert np.linalg.norm(shorter.velocity) < np.linalg.norm(path.velocity)
    assert all(is_clear(Renderer(scene), shorter.at(t).origin) for t in np.linspace(0, 30, 9))
