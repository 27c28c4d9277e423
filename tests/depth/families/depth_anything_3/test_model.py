import logging
from dataclasses import replace
from fractions import Fraction
from math import radians, tan

import numpy as np
import pytest

from vergence.depth.cards import CARDS
from vergence.depth.families.depth_anything_3.model import DepthAnything3, WorldDepthAnything3
from vergence.depth.families.depth_anything_3.network import Answer
from vergence.errors import ModelError, ShapeError
from vergence.types import Camera, Frame, Gaussians, Intrinsics

WIDTH, HEIGHT = 160, 120
SIDE = 56  # 56x42 views


class Network:
    """Answers with the mean of each view as depth, and with cameras one step to the right of each other."""

    variant = "small"
    size = None

    def __init__(self, *, sees_many=True, has_gaussians=False, step=1.0, scale=1.0):
        self.sees_many, self.has_gaussians, self.step, self.scale = sees_many, has_gaussians, step, scale
        self.given, self.focal, self.shown, self.placed = None, None, [], None

    def alone(self, pictures, focal=None):
        self.focal = focal
        self.shown.append(len(pictures))
        answer = self._answer(pictures)
        if self.sees_many:
            return answer
        is_sky = np.zeros(answer.depth.shape, dtype=bool)
        is_sky[:, 0] = True
        return Answer(answer.depth, is_sky=is_sky)

    def together(self, pictures, cameras=None, *, gaussians=False, by_rays=False):
        self.given, self.by_rays = cameras, by_rays
        return self._answer(pictures)

    def place(self, answer, extrinsics, intrinsics, *, scale):
        self.placed = extrinsics, intrinsics, scale
        zeros = np.zeros((1, 3), np.float32)
        turn = np.array([[1, 0, 0, 0]], np.float32)
        return Gaussians(zeros, zeros + 1, turn, np.ones(1, np.float32), np.zeros((1, 1, 3), np.float32))

    def _answer(self, pictures):
        count, _, height, width = pictures.shape
        extrinsics = np.tile(np.eye(3, 4, dtype=np.float32), (count, 1, 1))
        extrinsics[:, 0, 3] = -self.step * (np.arange(count) + 5)  # no camera is where the network's world begins
        lens = np.array([[50, 0, width / 2], [0, 50, height / 2], [0, 0, 1]], np.float32)
        depth = np.broadcast_to(3 + pictures.mean(axis=(1, 2, 3))[:, None, None], (count, height, width))
        return Answer(
            depth.astype(np.float32) * self.scale,
            np.full((count, height, width), 2, np.float32),
            None,
            extrinsics,
            np.tile(lens, (count, 1, 1)),
            raw_depth=depth,
            scale=self.scale,
        )


def card_of(size="small", **options):
    card = CARDS[f"depth-anything-3-{size}"]
    return replace(card, options={**card.options, "input_size": SIDE, **options})


def frame(index=0, level=0, *, width=WIDTH, height=HEIGHT, lens=None):
    return Frame(np.full((height, width, 3), level, np.uint8), index, Fraction(index), intrinsics=lens)


def lens_of(width=WIDTH, height=HEIGHT, focal=200.0):
    return Intrinsics(focal, focal, width / 2, height / 2, width, height)


def camera_at(x, **lens):
    pose = np.eye(4)
    pose[:3, 3] = x, 0.5 * x * x, 3
    return Camera(lens_of(**lens), pose)


def test_depth_of_one_view_has_the_camera_the_network_finds_or_the_one_that_is_known():
    model = DepthAnything3(card_of(), Network())
    found, known = (item.depth for item in model.estimate([frame(), frame(1, lens=lens_of())]))
    assert found.values.shape == (42, 56)
    assert (found.kind, found.sampling) == ("scale_invariant", "centres")
    assert found.intrinsics == Intrinsics(50, 50, 28, 21, 56, 42)
    assert known.intrinsics == lens_of().resized(56, 42)
    assert found.confidence is not None
    assert (found.confidence == 2).all()
    assert found.world_from_camera is None


def test_metres_follow_the_focal_length_of_the_view_and_the_sky_is_not_valid(caplog):
    network = Network(sees_many=False)
    with caplog.at_level(logging.INFO):
        (item,) = DepthAnything3(card_of("metric-large"), network).estimate([frame(lens=lens_of(focal=200))])
    level = ((0 - np.array((0.485, 0.456, 0.406))) / np.array((0.229, 0.224, 0.225))).mean()
    assert item.depth.kind == "metric"
    np.testing.assert_allclose(item.depth.values, (3 + level) * (200 * 56 / 160) / 300, rtol=1e-5)
    assert not item.depth.valid[0].any()
    assert item.depth.valid[1:].all()
    assert "metres are of the focal length that was given" in caplog.text


def test_an_assumed_focal_length_is_said_once(caplog):
    model = DepthAnything3(card_of("metric-large"), Network(sees_many=False))
    known, *_ = model.estimate([frame(lens=lens_of(focal=80 / tan(radians(30))))])
    model = DepthAnything3(card_of("metric-large"), Network(sees_many=False))
    assumed, _ = model.estimate([frame(), frame(1)])
    np.testing.assert_allclose(assumed.depth.values, known.depth.values, rtol=1e-6)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "assumed focal length, 60 degrees" in caplog.text


def test_a_nested_network_is_told_the_focal_length_that_is_known():
    network = Network()
    model = DepthAnything3(card_of("nested-giant-large"), network)
    list(model.estimate([frame(lens=lens_of(focal=200))]))
    np.testing.assert_allclose(network.focal, [70.0])
    list(model.estimate([frame()]))
    assert network.focal is None


def test_frames_are_batched_only_when_asked_and_keep_their_order():
    network = Network()
    model = DepthAnything3(card_of(batch=3), network)
    assert model.lookahead == 2
    frames = [frame(n, 20 * n) for n in range(4)] + [frame(n, 20 * n, width=120) for n in range(4, 6)]
    items = list(model.estimate(frames))
    assert [item.frame.index for item in items] == [0, 1, 2, 3, 4, 5]
    means = [item.depth.values.mean() for item in items]
    assert means == sorted(means)
    assert network.shown == [3, 1, 2]


def test_a_live_source_waits_for_no_frame_after_its_own():
    read = []

    def live():
        for n in range(3):
            read.append(n)
            yield frame(n)

    model = DepthAnything3(card_of(), Network())
    assert model.lookahead == 0
    items = model.estimate(live())
    next(items)
    assert read == [0]


def test_a_world_begins_at_its_first_camera():
    world = WorldDepthAnything3(card_of(), Network(step=0.25)).world([frame(n) for n in range(3)])
    poses = [view.depth.world_from_camera for view in world.views]
    np.testing.assert_allclose([pose[:3, 3] for pose in poses], [(0, 0, 0), (0.25, 0, 0), (0.5, 0, 0)], atol=1e-6)
    assert {view.depth.kind for view in world.views} == {"scale_invariant"}
    assert world.gaussians is None


def test_known_cameras_give_the_world_its_axes_and_its_unit():
    network = Network()
    cameras = [camera_at(x) for x in (0, 2, 4)]
    for camera in cameras:
        camera.world_from_camera[1, 3] = 0  # in a row, as the network's, and twice as far apart
    world = WorldDepthAnything3(card_of(), network).world([frame(n) for n in range(3)], cameras=cameras)
    for view, camera in zip(world.views, cameras, strict=True):
        np.testing.assert_array_equal(view.depth.world_from_camera, camera.world_from_camera)
        assert view.depth.intrinsics == lens_of().resized(56, 42)
        assert view.depth.kind == "metric"
    alone = WorldDepthAnything3(card_of(), Network()).world([frame()])
    np.testing.assert_allclose(world.views[0].depth.values, 2 * alone.views[0].depth.values, rtol=1e-5)
    extrinsics, intrinsics = network.given
    np.testing.assert_allclose(extrinsics[2], [[1, 0, 0, -4], [0, 1, 0, 0], [0, 0, 1, -3], [0, 0, 0, 1]], atol=1e-6)
    np.testing.assert_allclose(intrinsics[0], [[70, 0, 28], [0, 70, 21], [0, 0, 1]], rtol=1e-6)


def test_one_known_camera_tells_no_unit():
    (view,) = WorldDepthAnything3(card_of(), Network()).world([frame()], cameras=[camera_at(1.0)]).views
    assert view.depth.kind == "scale_invariant"
    np.testing.assert_array_equal(view.depth.world_from_camera[:3, 3], (1, 0.5, 3))


def test_pictures_of_other_proportions_lose_their_borders_in_the_answer_too():
    upright = frame(1, width=120, height=160, lens=lens_of(120, 160))
    wide, tall = WorldDepthAnything3(card_of(), Network()).world([frame(), upright]).views
    assert wide.depth.values.shape == tall.depth.values.shape == (42, 42)
    assert wide.frame.rgb.shape == (120, 120, 3)
    assert tall.frame.rgb.shape == (120, 120, 3)
    assert tall.frame.intrinsics == Intrinsics(200, 200, 60, 60, 120, 120)


def test_a_camera_follows_its_picture_through_the_crop():
    cameras = [camera_at(0.0), camera_at(1.0, width=120, height=160)]
    upright = frame(1, width=120, height=160)
    _, tall = WorldDepthAnything3(card_of(), Network()).world([frame(), upright], cameras=cameras).views
    np.testing.assert_allclose(tall.depth.intrinsics.cx, 21)
    np.testing.assert_allclose(tall.depth.intrinsics.cy, 21)
    np.testing.assert_allclose(tall.depth.intrinsics.fx, 200 * 42 / 120)


def test_gaussians_are_placed_in_the_world_that_is_answered():
    network = Network(has_gaussians=True, step=0.25, scale=4.0)
    frames = [frame(n) for n in range(3)]
    world = WorldDepthAnything3(card_of("nested-giant-large"), network).world(frames, gaussians=True)
    assert world.gaussians is not None
    extrinsics, intrinsics, scale = network.placed
    poses = np.stack([view.depth.world_from_camera for view in world.views])
    np.testing.assert_allclose(extrinsics @ poses, np.tile(np.eye(4), (3, 1, 1)), atol=1e-6)
    assert scale == 4.0
    np.testing.assert_array_equal(intrinsics[0], [[50, 0, 28], [0, 50, 21], [0, 0, 1]])


def test_gaussians_of_a_network_without_a_head_for_them_are_refused():
    with pytest.raises(ModelError, match="no head for Gaussians; choose depth-anything-3-giant"):
        WorldDepthAnything3(card_of(), Network()).world([frame()], gaussians=True)


def test_pictures_and_cameras_that_do_not_match_are_refused():
    model = WorldDepthAnything3(card_of(), Network())
    with pytest.raises(ShapeError, match="2 pictures came with 1 cameras"):
        model.world([frame(), frame(1)], cameras=[camera_at(0.0)])
    with pytest.raises(ShapeError, match="a picture is 160x120, but its camera is of 80x60"):
        model.world([frame()], cameras=[camera_at(0.0, width=80, height=60)])
    with pytest.raises(ShapeError, match="0 pictures"):
        model.world([])
