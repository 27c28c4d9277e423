from fractions import Fraction

import cv2
import numpy as np
import pytest

from vergence.server.adaptation import Quality
from vergence.server.pack import Span, Spans, rgbd_packet, span_of
from vergence.server.protocol import parse
from vergence.server.rgbd import inflated, unpacked_depth, z_of
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

FINE = Quality(16, 90, 640)


def depth_frame(values, *, kind="metric", index=0, shot=0, size=(64, 48), **options):
    values = np.asarray(values, np.float32)
    frame = Frame(np.full((size[1], size[0], 3), 90, np.uint8), index, Fraction(index, 10), shot=shot)
    return DepthFrame(frame, DepthMap(values, np.ones(values.shape, bool), kind, **options))


def test_the_camera_is_that_of_the_grid_that_is_sent():
    lens = Intrinsics(100.0, 110.0, 33.0, 25.0, 64, 48)
    item = depth_frame(np.ones((24, 32)), intrinsics=lens)
    e = parse(rgbd_packet(item, Span(0.5, 1.5), FINE)).extension
    assert (e.fx, e.fy, e.cx, e.cy) == (50.0, 55.0, 16.5, 12.5)


def test_samples_on_the_corners_have_the_camera_that_puts_them_there():
    lens = Intrinsics(64.0, 64.0, 32.0, 24.0, 64, 48)
    item = depth_frame(np.ones((24, 32)), intrinsics=lens, sampling="corners")
    e = parse(rgbd_packet(item, Span(0.5, 1.5), FINE)).extension
    # The centre of the last sample is the centre of the picture's last pixel.
    assert (31.5 - e.cx) / e.fx == pytest.approx((63.5 - 32) / 64)
    assert (0.5 - e.cy) / e.fy == pytest.approx((0.5 - 24) / 64)


def test_a_camera_of_the_users_own_counts_first():
    item = depth_frame(np.ones((24, 32)), intrinsics=Intrinsics(100.0, 110.0, 33.0, 25.0, 64, 48))
    camera = Intrinsics(10.0, 10.0, 32.0, 24.0, 64, 48)
    assert parse(rgbd_packet(item, Span(0.5, 1.5), FINE, camera=camera)).extension.fx == 5.0


def test_large_depth_is_thinned_and_not_blended():
    values = np.where(np.arange(900) % 2 == 0, 1.0, 9.0) * np.ones((400, 1))
    found = parse(rgbd_packet(depth_frame(values), Span(0.1, 1.2), Quality(16, 80, 300)))
    e = found.extension
    assert (e.width, e.height) == (300, 133)
    z = z_of(unpacked_depth(found.blocks[1], e.width, e.height, codec=e.depth_codec), e)
    assert set(np.round(np.unique(z), 2)) <= {1.0, 9.0, 8.99, 9.01}


def test_the_picture_has_the_size_that_is_wished():
    item = depth_frame(np.ones((12, 16)), size=(1280, 720))
    found = parse(rgbd_packet(item, Span(0.5, 1.5), Quality(12, 80, 320)))
    assert cv2.imdecode(np.frombuffer(found.blocks[0], np.uint8), cv2.IMREAD_COLOR).shape == (180, 320, 3)


def test_confidence_and_pose_travel():
    pose = np.eye(4)
    pose[:3, 3] = (1, 2, 3)
    sure = np.linspace(0, 1, 12 * 16, dtype=np.float32).reshape(12, 16)
    item = depth_frame(np.ones((12, 16)), confidence=sure, world_from_camera=pose)
    found = parse(rgbd_packet(item, Span(0.5, 1.5), FINE))
    assert found.extension.pose[3::4] == (1.0, 2.0, 3.0)
    levels = np.frombuffer(inflated(found.blocks[2], 12 * 16), np.uint8)
    assert (np.diff(levels.astype(int)) >= 0).all()
    assert levels.max() == 255


def test_nothing_valid_has_no_range_and_is_sent_as_nothing():
    depth = DepthMap(np.zeros((6, 8), np.float32), np.zeros((6, 8), bool), "metric")
    assert span_of(depth) is None
    item = DepthFrame(depth_frame(np.ones((6, 8))).frame, depth)
    found = parse(rgbd_packet(item, Spans()(item), FINE))
    assert not unpacked_depth(found.blocks[1], 8, 6, codec=found.extension.depth_codec).any()


def test_a_sky_a_kilometre_away_does_not_take_the_range():
    values = np.full((60, 80), 1e6)
    values[30:] = 2.0
    span = span_of(depth_frame(values).depth)
    assert span.high == pytest.approx(0.5, rel=0.05)
    assert span.low >= span.high / 1e4 * 0.99


def test_the_range_rests_while_the_scene_does():
    spans = Spans()
    dice = np.random.default_rng(0)
    near = np.linspace(0.2, 1.0, 60 * 80).reshape(60, 80)
    found = [spans(depth_frame(1 / (near * (1 + 0.02 * dice.normal())), index=index)) for index in range(30)]
    assert len({(span.low, span.high) for span in found[12:]}) <= 3


def test_the_range_grows_at_once_and_shrinks_slowly():
    spans = Spans()
    wide, narrow = np.linspace(0.1, 2.0, 600).reshape(20, 30), np.linspace(0.5, 1.0, 600).reshape(20, 30)
    first = spans(depth_frame(1 / narrow, index=0))
    second = spans(depth_frame(1 / wide, index=1))
    assert second.high > 1.9 > first.high
    third = spans(depth_frame(1 / narrow, index=2))
    assert third.high > 1.8
    for index in range(3, 120):
        last = spans(depth_frame(1 / narrow, index=index))
    assert last.high < 1.2


def test_a_cut_takes_the_range_of_its_own():
    spans = Spans()
    spans(depth_frame(1 / np.linspace(0.1, 2.0, 600).reshape(20, 30), index=0))
    cut = spans(depth_frame(1 / np.linspace(0.5, 0.6, 600).reshape(20, 30), index=1, shot=1))
    assert cut.high < 0.7
