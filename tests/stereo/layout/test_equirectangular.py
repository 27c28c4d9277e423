from fractions import Fraction
from math import cos, pi, radians, sin, tan

import numpy as np
import pytest

from vergence.stereo.layout import LayoutSettings, find_layout
from vergence.stereo.layout.equirectangular import on_half_sphere, vr180
from vergence.types import Frame, Intrinsics, StereoPair


def camera(width=320, height=240, fov=60.0):
    focal = width / 2 / tan(radians(fov) / 2)
    return Intrinsics(focal, focal, width / 2, height / 2, width, height)


def smooth(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 / width, y * 255 / height, 128 + 60 * np.sin(x / 17)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(("longitude", "latitude"), [(0, 0), (20, 0), (-25, 10), (12, -18), (-5, 15)])
def test_a_direction_shows_what_the_camera_saw_there(longitude, latitude):
    """The slow, obvious way: one ray, through the pinhole."""
    picture, look, eye = smooth(320, 240), camera(), 800
    sphere = on_half_sphere(picture, look, eye)
    a, b = radians(longitude), radians(latitude)
    x, y, z = cos(b) * sin(a), -sin(b), cos(b) * cos(a)
    u, v = look.fx * x / z + look.cx, look.fy * y / z + look.cy
    column, row = int(eye / 2 + a * eye / pi), int(eye / 2 - b * eye / pi)
    np.testing.assert_allclose(sphere[row, column].astype(int), picture[int(v), int(u)], atol=4)


@pytest.mark.parametrize("fov", [40.0, 60.0, 100.0])
def test_the_picture_fills_its_field_of_view_and_the_rest_is_black(fov):
    white = np.full((240, 320, 3), 255, np.uint8)
    eye = 720  # 4 pixels a degree
    sphere = on_half_sphere(white, camera(fov=fov), eye)
    seen = np.flatnonzero(sphere[eye // 2, :, 0] > 127)
    assert seen.size / 4 == pytest.approx(fov, abs=0.5)
    assert (seen[0] + seen[-1]) / 2 == pytest.approx((eye - 1) / 2, abs=0.5)
    upright = np.flatnonzero(sphere[:, eye // 2, 0] > 127).size / 4
    assert upright == pytest.approx(np.degrees(2 * np.arctan(np.tan(radians(fov / 2)) * 240 / 320)), abs=0.5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_both_eyes_are_half_spheres_left_first(dtype):
    left, right = np.full((48, 64, 3), 50, dtype), np.full((48, 64, 3), 90, dtype)
    pair = StereoPair(left, right, Frame(left, 0, Fraction(0)))
    picture = find_layout("vr180").pack(pair)
    eye = picture.shape[0]
    assert picture.shape == (eye, 2 * eye, 3)
    assert picture.dtype == dtype
    assert picture[eye // 2, eye // 2, 0] == 50
    assert picture[eye // 2, eye + eye // 2, 0] == 90
    assert eye == pytest.approx(pi * camera(64, 48).fx, abs=1)  # no detail is lost in the middle


def test_a_known_camera_counts_and_the_eye_has_a_limit():
    left = np.full((48, 64, 3), 50, np.uint8)
    pair = StereoPair(left, left, Frame(left, 0, Fraction(0), intrinsics=camera(64, 48, fov=90)))
    picture = vr180(LayoutSettings(fov_x_deg=20, largest_eye=72))(pair)
    assert picture.shape == (72, 144, 3)
    assert np.count_nonzero(picture[36, :72, 0] > 25) == pytest.approx(36, abs=1)


def test_a_fine_picture_is_averaged_and_does_not_flicker():
    """Stripes finer than the sphere must come out as their mean."""
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::2] = 200
    sphere = on_half_sphere(stripes, camera(), 120)
    middle = sphere[50:70, 48:72, 0]
    assert middle.mean() == pytest.approx(100, abs=3)
    assert np.ptp(middle) < 25
