"""Depth against analytic values, and what a picture is made of."""

import numpy as np
import pytest

from vergence.geometry import rows
from vergence.synthetic.builder import Dice
from vergence.synthetic.photos import find_view, page
from vergence.synthetic.render.intersect import GROUND, ROOM
from vergence.synthetic.render.kernels import nearest
from vergence.synthetic.render.picture import Renderer
from vergence.synthetic.scene import Motion
from worlds import camera, plain_builder, rays

VIEWS = [
    {"pitch": -0.3},
    {"yaw": 1.1, "pitch": -0.2, "eye": (3.0, -2.0, 2.5)},
    {"yaw": -2.5, "pitch": 0.1},
]


@pytest.mark.parametrize("view", VIEWS)
def test_the_depth_of_a_plane_is_analytic(view):
    builder, pose = plain_builder(), camera(**view)
    builder.add(GROUND, (0, 0, 0), (1, 1, 1), builder.material())
    seen = Renderer(builder.finish("test")).visible(pose)
    with np.errstate(divide="ignore"):
        expected = -pose.origin[2] / rays(pose)[..., 2]
    below = expected > 0
    np.testing.assert_array_equal(seen.ids >= 0, below)
    np.testing.assert_allclose(seen.depth[below], expected[below], rtol=1e-6)
    assert (seen.depth[~below] == 0).all()


@pytest.mark.parametrize("radius", [0.02, 0.5, 3.0])
def test_the_depth_of_a_sphere_is_analytic(radius):
    builder, pose = plain_builder(), camera(pitch=-0.1)
    centre = np.array([0.2 * radius, 8.0 * radius, 1.5 - 0.8 * radius])
    builder.ball(centre, radius, builder.material())
    seen = Renderer(builder.finish("test")).visible(pose)
    d, to_centre = rays(pose), centre - pose.origin
    a, b = (d * d).sum(axis=-1), (d * to_centre).sum(axis=-1)
    inside = b * b - a * (to_centre @ to_centre - radius * radius)
    hit = inside > 1e-6 * radius**2
    expected = (b - np.sqrt(np.maximum(inside, 0))) / a
    np.testing.assert_allclose(seen.depth[hit], expected[hit], rtol=2e-6)
    assert hit.sum() > 50
    assert ((seen.ids >= 0) == hit).mean() > 0.999


def test_the_wall_of_a_room_is_at_its_distance():
    builder = plain_builder()
    floor = builder.material()
    builder.material()
    builder.material()
    builder.add(ROOM, (0, 0, 1.5), (2, 3, 1.5), floor)
    seen = Renderer(builder.finish("test")).visible(camera(fov_px=200.0))
    np.testing.assert_allclose(seen.depth, 3.0, rtol=1e-6)


def test_normals_face_the_camera_and_are_of_length_one():
    scene, pose = find_view(Dice("normals"), page(0), kind="room", width=96, height=72)
    picture = Renderer(scene).picture(pose)
    local = rays(pose) @ pose.rotation
    seen = picture.visible.ids >= 0
    np.testing.assert_allclose(np.linalg.norm(picture.normals[seen], axis=-1), 1, atol=1e-5)
    assert ((picture.normals * local).sum(axis=-1)[seen] <= 1e-5).all()


def test_the_shadow_of_a_box_lies_under_it():
    builder = plain_builder()
    builder.add(GROUND, (0, 0, 0), (1, 1, 1), builder.material((0.5, 0.5, 0.5), texture=0, bump=0, mirror=0))
    builder.box((0, 5, 2), (1, 1, 0.05), builder.material((0.5, 0.5, 0.5), texture=0, bump=0, mirror=0))
    pose = camera(pitch=-0.35)
    picture = Renderer(builder.finish("test")).picture(pose)
    place = pose.origin + rays(pose) * picture.visible.depth[..., None]
    on_ground = picture.visible.ids == 0
    under = on_ground & (np.abs(place[..., 0]) < 0.8) & (np.abs(place[..., 1] - 5) < 0.8)
    beside = on_ground & (np.abs(place[..., 0]) > 2) & (place[..., 1] < 8)
    assert under.sum() > 10
    assert picture.linear[under].mean() < 0.6 * picture.linear[beside].mean()


def test_a_mirror_keeps_its_own_depth_and_shows_what_is_before_it():
    builder = plain_builder()
    silver = builder.material((0.9, 0.9, 0.9), texture=0, shine=0, bump=0, mirror=0.95)
    red = builder.material((0.8, 0.0, 0.0), texture=0, shine=0, bump=0, mirror=0, glow=1)
    builder.box((0, 4, 1.5), (3, 0.1, 3), silver)
    builder.box((0, -4, 1.5), (20, 0.1, 20), red)
    picture = Renderer(builder.finish("test")).picture(camera())
    np.testing.assert_allclose(picture.visible.depth, 3.9, rtol=1e-6)
    red_part, green_part = picture.linear[24, 32, :2]
    assert red_part > 3 * green_part


def test_bands_of_rows_do_not_show(monkeypatch):
    scene, pose = find_view(Dice("bands"), page(0), kind="table", width=96, height=80)
    threaded = Renderer(scene).picture(pose)
    monkeypatch.setattr(rows, "CORES", 1)
    single = Renderer(scene).picture(pose)
    np.testing.assert_array_equal(threaded.linear, single.linear)


def test_what_the_left_eye_sees_the_right_eye_sees_at_the_same_depth_or_not_at_all():
    """Traced to the very place where each point must appear: z within 1 % on its primitive, else something nearer."""
    baseline, points, same, close, through = 0.063, 0, 0, 0, 0
    for seed in range(12):
        scene, pose = find_view(Dice(f"eyes {seed}"), page(0), kind=None, width=128, height=96)
        renderer = Renderer(scene)
        left = renderer.visible(pose)
        right = renderer._seen_from(pose.moved_right(baseline))
        for y, x in np.argwhere(left.ids >= 0)[seed::11]:
            z = left.depth[y, x]
            u = x + 0.5 - pose.intrinsics.fx * baseline / z
            if u < 0:
                continue
            found, i, _ = nearest(*right, 16, u, y + 0.5)
            points += 1
            through += found > 1.01 * z
            if i == left.ids[y, x] and found > 0.99 * z:  # nearer: another side of the same primitive hides it
                same += 1
                close += found < 1.01 * z
    assert same > 0.8 * points
    assert close >= 0.999 * same
    assert through <= 0.001 * points


def test_a_part_turns_about_its_pivot_and_follows_what_it_hangs_on():
    arm = Motion(pivot=(1, 0, 0), axis=(0, 0, 1), spin=np.pi / 2)
    hand = Motion(parent=0, velocity=(1, 0, 0))
    builder = plain_builder()
    with builder.moving(arm):
        builder.ball((2, 0, 0), 0.1, builder.material())
        with builder.moving(hand):
            builder.ball((2, 0, 0), 0.1, builder.material())
    builder.ball((0, 0, 0), 0.1, builder.material())
    scene = builder.finish("test")
    np.testing.assert_allclose(Renderer(scene, 1.0).centres, [[1, 1, 0], [1, 2, 0], [0, 0, 0]], atol=1e-12)
    np.testing.assert_array_equal(scene.is_static, [False, False, True])
    assert hand.is_moving
