"""From depth to points: where they lie, which are left out, and by which camera."""

import logging
from dataclasses import replace
from fractions import Fraction
from math import radians, tan

import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.media.cloud import CameraSettings, CloudSettings, clouds, with_camera
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

CAMERA = Intrinsics(8, 8, 4, 3, 8, 6)


def item(values, valid=None, size=(6, 8), intrinsics=CAMERA, **more):
    values = np.asarray(values, np.float32)
    rgb = np.arange(size[0] * size[1] * 3, dtype=np.uint8).reshape(*size, 3)
    valid = np.ones(values.shape, bool) if valid is None else valid
    return DepthFrame(Frame(rgb, 0, Fraction(0)), DepthMap(values, valid, "metric", intrinsics=intrinsics, **more))


def points(item, camera=None, **settings):
    (found,) = clouds([item], settings=CloudSettings(**settings), camera=camera)
    return found


def test_every_pixel_is_a_point_with_its_colour():
    it = item(np.full((6, 8), 2))
    found = points(it)
    np.testing.assert_array_equal(found.colours, it.frame.rgb.reshape(-1, 3))
    np.testing.assert_allclose(found.points[0], [(0.5 - 4) / 8 * 2, (0.5 - 3) / 8 * 2, 2])
    np.testing.assert_allclose(found.points[-1], [(7.5 - 4) / 8 * 2, (5.5 - 3) / 8 * 2, 2])


def test_small_depth_is_brought_to_the_pictures_size_with_its_camera():
    found = points(item(np.full((3, 4), 2), intrinsics=CAMERA.resized(4, 3)))
    np.testing.assert_allclose(found.points, points(item(np.full((6, 8), 2))).points)


def test_invalid_and_impossible_depth_is_left_out():
    values, valid = np.full((6, 8), 2.0), np.ones((6, 8), bool)
    values[0, 0], valid[1, 1] = 0, False
    assert len(points(item(values, valid)).points) == 46


def test_smears_are_left_out_unless_kept():
    values = np.tile([2, 2, 2, 6, 12, 20, 20, 20], (6, 1))  # at f = 8 px a factor of e^1.43 a pixel is too much
    values[:, 3:5] = 9, 40
    values[:, 5:] = 170
    assert len(points(item(values), edges="drop", farthest=1000.0).points) == 48 - 12
    assert len(points(item(values), edges="keep", farthest=1000.0).points) == 48


def test_the_sky_is_left_out_by_itself_and_by_number():
    values = np.full((6, 8), 4.0)
    values[0] = 1000
    values[-1] = 150
    assert points(item(values)).points[:, 2].max() == 150
    assert points(item(values), farthest=10.0).points[:, 2].max() == 4
    assert points(item(values), farthest=float("inf")).points[:, 2].max() == 1000


def test_confidence_chooses_and_is_kept():
    sure = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)
    found = points(item(np.full((6, 8), 2), confidence=sure), min_confidence=0.5)
    assert len(found.points) == 24
    assert found.confidence.min() >= 0.5
    with pytest.raises(SettingsError, match="confidence"):
        points(item(np.full((6, 8), 2)), min_confidence=0.5)


def test_few_points_are_chosen_evenly_and_the_same_every_time():
    it = item(np.full((60, 80), 2), size=(60, 80), intrinsics=CAMERA.resized(80, 60))
    found = points(it, max_points=1000)
    assert len(found.points) == 1000
    np.testing.assert_array_equal(found.points, points(it, max_points=1000).points)
    assert abs((found.points[:, 0] < 0).mean() - 0.5) < 0.05
    assert len(points(it, max_points=10**6).points) == 4800


def test_the_users_camera_comes_first_then_the_depths_then_the_pictures(caplog):
    flat = np.full((6, 8), 2)
    wide, own, exif = (Intrinsics(f, f, 4, 3, 8, 6) for f in (4, 8, 16))
    by_exif = item(flat, intrinsics=None)
    by_exif = replace(by_exif, frame=replace(by_exif.frame, intrinsics=exif))
    by_own = replace(item(flat, intrinsics=own), frame=by_exif.frame)

    def width(found):
        return np.ptp(found.points[:, 0])

    assert width(points(by_own, camera=wide)) == pytest.approx(7 / 4 * 2)
    assert width(points(by_own)) == pytest.approx(7 / 8 * 2)
    assert width(points(by_exif)) == pytest.approx(7 / 16 * 2)
    assert not caplog.records


def test_an_unknown_camera_is_guessed_with_one_warning(caplog):
    unknown = item(np.full((6, 8), 2), intrinsics=None)
    with caplog.at_level(logging.WARNING, "vergence"):
        first, _ = clouds([unknown, unknown], settings=CloudSettings())
    assert [("60 degrees" in r.getMessage(), "--fov-x-deg" in r.getMessage()) for r in caplog.records] == [(True, True)]
    assert np.ptp(first.points[:, 0]) == pytest.approx(2 * 2 * tan(radians(30)) * 7 / 8)


def test_a_camera_by_angle_and_by_focal_length():
    by_angle = CameraSettings(fov_x_deg=90).of(640, 480)
    assert (by_angle.fx, by_angle.fy, by_angle.cx, by_angle.cy) == (pytest.approx(320), pytest.approx(320), 320, 240)
    assert CameraSettings(focal_length_x=500).of(640, 480).fy == 500
    assert CameraSettings(focal_length_x=500, focal_length_y=510).of(640, 480).fy == 510
    assert CameraSettings().of(640, 480) is None


def test_the_model_sees_the_users_camera():
    frame = Frame(np.zeros((6, 8, 3), np.uint8), 0, Fraction(0))
    assert [f.intrinsics for f in with_camera([frame], CAMERA)] == [CAMERA]
    assert [f.intrinsics for f in with_camera([replace(frame, intrinsics=CAMERA)], None)] == [CAMERA]


@pytest.mark.parametrize(
    "make",
    [
        lambda: CameraSettings(focal_length_x=0),
        lambda: CameraSettings(focal_length_y=float("nan")),
        lambda: CameraSettings(fov_x_deg=180),
        lambda: CameraSettings(focal_length_x=500, fov_x_deg=60),
        lambda: CloudSettings(edges="soften"),
        lambda: CloudSettings(farthest=0.0),
        lambda: CloudSettings(max_points=0),
    ],
)
def test_senseless_settings_are_refused(make):
    with pytest.raises(SettingsError):
        make()
