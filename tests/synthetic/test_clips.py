import itertools
from fractions import Fraction

import cv2
import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.synthetic import render_clip
from vergence.synthetic.render.flow import forward_flow
from vergence.synthetic.render.intersect import GROUND
from vergence.synthetic.render.picture import Renderer
from vergence.synthetic.scene import Motion
from worlds import camera, plain_builder

SIZE = {"width": 96, "height": 72}


def following(picture, flow):
    """What lies in `picture` where the flow points to."""
    rows, columns = np.mgrid[0 : flow.shape[0], 0 : flow.shape[1]].astype(np.float32)
    return cv2.remap(picture, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR)


@pytest.mark.parametrize(("seed", "motion"), [(1, "handheld"), (2, "dolly"), (3, "pan"), (6, "static")])
def test_flow_leads_to_the_same_colours(seed, motion):
    clip = list(render_clip(seed, frames=4, rate=12, motion=motion, **SIZE))
    for now, after in itertools.pairwise(clip):
        assert now.flow_valid.mean() > 0.6
        change = np.abs(following(after.frame.rgb, now.flow).astype(float) - now.frame.rgb).mean(axis=-1)
        assert np.median(change[now.flow_valid]) < 4
    assert clip[-1].flow is None


def test_flow_leads_to_the_same_primitive_at_the_depth_it_has_then():
    now, after = list(render_clip(2, frames=2, rate=4, motion="dolly", kind="room", **SIZE))
    v, u = np.nonzero(now.flow_valid)
    x = np.floor(u + 0.5 + now.flow[v, u, 0]).astype(int)
    y = np.floor(v + 0.5 + now.flow[v, u, 1]).astype(int)
    np.testing.assert_array_equal(after.ids[y, x], now.ids[v, u])


def test_flow_of_a_moving_ball_before_a_still_camera_is_its_own():
    builder = plain_builder()
    builder.add(GROUND, (0, 0, 0), (1, 1, 1), builder.material())
    with builder.moving(Motion(velocity=(0.5, 0, 0))):
        builder.box((0, 5, 1.5), (0.5, 0.0, 0.5), builder.material())
    scene = builder.finish("test")
    now, then = camera(), camera(time=1.0)
    before, after = (Renderer(scene, pose.time).visible(pose) for pose in (now, then))
    flow, valid = forward_flow(scene, now, before, then, after)
    ball = before.ids == 1
    np.testing.assert_allclose(flow[ball], [[50 * 0.5 / 5, 0]] * ball.sum(), atol=1e-3)
    np.testing.assert_allclose(flow[~ball], 0, atol=1e-4)
    hidden = (after.ids == 1) & ~ball
    assert not valid[hidden].any()
    assert valid[~hidden].all()


def test_what_is_static_stays_where_it_is_and_what_moves_does_not():
    clip = list(render_clip(4, frames=3, rate=8, motion="static", kind="street", **SIZE))
    moved = np.zeros((SIZE["height"], SIZE["width"]), dtype=bool)
    for sample in clip[:-1]:
        still = sample.is_static
        np.testing.assert_allclose(sample.flow[still], 0, atol=1e-3)
        moved |= (np.abs(sample.flow).max(axis=-1) > 0.05) & sample.flow_valid
        assert not (moved & still).any()


def test_people_who_walk_are_not_static():
    share = [
        float(np.mean([~sample.is_static for sample in render_clip(seed, frames=2, kind="portrait", **SIZE)]))
        for seed in range(5)
    ]
    assert max(share) > 0.02


def test_cuts_are_where_they_were_asked_for():
    clip = list(render_clip(9, frames=7, rate=Fraction(30000, 1001), cuts=(2, 5), width=48, height=32))
    assert [s.frame.shot for s in clip] == [0, 0, 1, 1, 1, 2, 2]
    assert [s.frame.index for s in clip] == list(range(7))
    assert [s.frame.time for s in clip] == [Fraction(1001 * i, 30000) for i in range(7)]
    assert [s.flow is None for s in clip] == [False, True, False, False, True, False, True]
    poses = [s.depth.world_from_camera for s in clip]
    assert np.linalg.norm(poses[1][:3, 3] - poses[2][:3, 3]) > np.linalg.norm(poses[0][:3, 3] - poses[1][:3, 3])


def test_the_same_seed_gives_the_same_bytes():
    settings = {"frames": 3, "effects": True, "flicker": 0.2, "shutter": 0.5, "right_eye_baseline": 0.06, **SIZE}
    for a, b in zip(render_clip(12, **settings), render_clip(12, **settings), strict=True):
        np.testing.assert_array_equal(a.frame.rgb, b.frame.rgb)
        np.testing.assert_array_equal(a.right.rgb, b.right.rgb)
        np.testing.assert_array_equal(a.depth.values, b.depth.values)


def test_light_flickers_only_when_asked_to():
    def brightness(flicker):
        clip = render_clip(3, frames=6, rate=8, motion="static", kind="corridor", flicker=flicker, width=48, height=32)
        return [sample.frame.rgb[sample.is_static].mean() for sample in clip]

    assert np.std(brightness(0.0)) < 0.5  # someone walks through the light
    assert np.std(brightness(0.5)) > 2


def test_a_tripod_stands_still_and_a_dolly_does_not():
    def way(motion):
        clip = list(render_clip(5, frames=3, rate=2, motion=motion, kind="nature", width=48, height=32))
        a, b = (clip[k].depth.world_from_camera for k in (0, -1))
        return np.linalg.norm(a[:3, 3] - b[:3, 3]), np.linalg.norm(a[:3, :3] - b[:3, :3])

    assert way("static") == (0, 0)
    assert way("dolly")[0] > 0.05
    assert way("pan")[0] == 0
    assert way("pan")[1] > 0.02


def test_a_clip_of_one_frame_has_no_flow():
    (sample,) = render_clip(0, frames=1, width=48, height=32)
    assert sample.flow is None
    assert sample.flow_valid is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": 0},
        {"rate": 0},
        {"motion": "crane"},
        {"cuts": (4,)},
        {"cuts": (2, 1)},
        {"cuts": (0,)},
        {"flicker": 1.0},
        {"shutter": 2.0},
        {"kind": "moon"},
    ],
)
def test_what_cannot_be_rendered_is_said_at_once(wrong):
    with pytest.raises(SettingsError):
        render_clip(0, **({"frames": 4} | wrong))
