"""By which camera a picture was taken: what the user says, or the depth, or the picture."""

import logging
from dataclasses import replace
from fractions import Fraction
from math import radians, tan

import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.media.camera import CameraSettings, with_camera, with_known_camera
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

CAMERA = Intrinsics(8, 8, 4, 3, 8, 6)


def item(intrinsics):
    depth = DepthMap(np.full((6, 8), 2, np.float32), np.ones((6, 8), bool), "metric", intrinsics=intrinsics)
    return DepthFrame(Frame(np.zeros((6, 8, 3), np.uint8), 0, Fraction(0)), depth)


def test_the_users_camera_comes_first_then_the_depths_then_the_pictures(caplog):
    wide, own, exif = (Intrinsics(f, f, 4, 3, 8, 6) for f in (4, 8, 16))
    by_exif = item(None)
    by_exif = replace(by_exif, frame=replace(by_exif.frame, intrinsics=exif))
    by_own = replace(item(own), frame=by_exif.frame)

    def found(item, camera=None):
        ((same, known),) = with_known_camera([item], camera)
        assert same is item
        return known

    assert found(by_own, wide) == wide
    assert found(by_own) == own
    assert found(by_exif) == exif
    assert not caplog.records


def test_an_unknown_camera_is_guessed_with_one_warning(caplog):
    unknown = item(None)
    with caplog.at_level(logging.WARNING, "vergence"):
        (_, first), _ = with_known_camera([unknown, unknown])
    assert [("60 degrees" in r.getMessage(), "--fov-x-deg" in r.getMessage()) for r in caplog.records] == [(True, True)]
    assert first.fx == pytest.approx(4 / tan(radians(30)))


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
    ],
)
def test_senseless_settings_are_refused(make):
    with pytest.raises(SettingsError):
        make()
