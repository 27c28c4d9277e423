"""Cameras: found by number or name, opened in the best way that works, and what to do when none does."""

import errno
import logging
import struct
import sys

import av
import numpy as np
import pytest

from vergence.errors import MediaError
from vergence.media.live.address import parse
from vergence.media.live.source import LiveSource
from vergence.media.live.v4l2 import (
    CAPTURES,
    ENUMERATE_FORMATS,
    ENUMERATE_SIZES,
    HAS_DEVICE_CAPABILITIES,
    QUERY_CAPABILITIES,
    cameras,
)
from vergence.media.live.webcam import OpenCvGrabber, Webcam, attempts, find_webcam, open_webcam

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no device files")
HD, THERMAL = Webcam(0, "Integrated HD Camera", "/dev/video0"), Webcam(2, "Thermal Camera", "/dev/video2")


@pytest.mark.parametrize(
    ("which", "found"),
    [("0", HD), ("2", THERMAL), ("", HD), ("thermal", THERMAL), ("/dev/video2", THERMAL), ("hd", HD)],
)
def test_a_camera_is_found_by_number_name_or_part_of_it(which, found):
    assert find_webcam(which, (HD, THERMAL)) == found


def test_what_is_not_there_is_told_with_what_is():
    with pytest.raises(MediaError, match=r"no webcam:1; there are webcam:0 \(Integrated HD Camera\), webcam:2"):
        find_webcam("1", (HD, THERMAL))
    with pytest.raises(MediaError, match="give the number"):
        find_webcam("camera", (HD, THERMAL))
    with pytest.raises(MediaError, match=r"no /dev/video\* takes pictures"):
        find_webcam("0", (), system="linux")
    with pytest.raises(MediaError, match=r"after its name may stand @1280x720, @30fps"):
        find_webcam("0@big", (HD,))


def test_where_the_system_lists_none_a_number_is_tried():
    assert find_webcam("1", (), system="darwin").device == "1"


def test_compressed_pictures_of_the_size_wished_for_are_tried_first_and_anything_last():
    first, *_, last = attempts(HD, size=(640, 480), rate=None, system="linux")
    assert (first.file, first.format) == ("/dev/video0", "v4l2")
    assert first.options == {"input_format": "mjpeg", "video_size": "640x480", "framerate": "30"}
    assert last.options == {}
    windows = attempts(Webcam(0, "HD", "HD"), size=None, rate=None, system="win32")
    assert (windows[0].file, windows[0].options["vcodec"]) == ("video=HD", "mjpeg")
    mac = attempts(Webcam(0, "HD", "0"), size=None, rate=None, system="darwin")
    assert mac[0].file == "0:none"
    assert all("framerate" in attempt.options for attempt in mac)


def test_the_next_way_is_tried_where_one_fails():
    tried = []

    def opener(attempt):
        tried.append(attempt.options)
        if "input_format" in attempt.options:
            raise av.error.ArgumentError(errno.EINVAL, "Invalid argument")
        return av.open("testsrc=size=1280x720:rate=30:duration=0.1", format="lavfi")

    name, grabber = open_webcam(parse("webcam:0"), known=(HD,), system="linux", opener=opener)
    with LiveSource(name, grabber) as source:
        frames = list(source)
    assert len(tried) == 2
    assert frames[0].rgb.shape == (720, 1280, 3)
    assert name == "webcam:0 (Integrated HD Camera)"


def test_another_size_than_wished_for_is_told(caplog):
    def opener(_):
        return av.open("testsrc=size=320x240:rate=30:duration=0.1", format="lavfi")

    _, grabber = open_webcam(parse("webcam:0@640x480"), known=(HD,), system="linux", opener=opener)
    grabber.close()
    assert "has no 640x480; it gives 320x240" in caplog.text


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        (av.error.OSError(errno.EBUSY, "Device or resource busy"), "another program uses it"),
        (av.error.PermissionError(errno.EACCES, "Permission denied"), "group `video`"),
    ],
)
def test_what_to_do_about_a_camera_that_may_not_be_used(error, mend):
    def opener(_):
        raise error

    def fallback(*_, **__):
        raise AssertionError("OpenCV could not open it either")

    with pytest.raises(MediaError, match=mend):
        open_webcam(parse("webcam:0"), known=(HD,), system="linux", opener=opener, fallback=fallback)


class Capture:
    """OpenCV's camera, of so many pictures; blue."""

    def __init__(self, pictures):
        self.pictures, self.settings, self.is_released = pictures, {}, False

    def set(self, what, value):
        self.settings[what] = value

    def get(self, what):
        return self.settings.get(what, 0.0)

    def isOpened(self):  # noqa: N802
        return self.pictures > 0

    def read(self):
        self.pictures -= 1
        return (True, np.full((48, 64, 3), (255, 0, 0), np.uint8)) if self.pictures >= 0 else (False, None)

    def release(self):
        self.is_released = True


def test_opencv_takes_over_and_says_so(caplog):
    def opener(_):
        raise av.error.ArgumentError(errno.EINVAL, "Invalid argument")

    capture = Capture(pictures=3)

    def fallback(name, number, **wishes):
        return OpenCvGrabber(name, number, capture=capture, **wishes)

    name, grabber = open_webcam(parse("webcam:0"), known=(HD,), system="linux", opener=opener, fallback=fallback)
    assert "OpenCV opened it instead" in caplog.text
    assert grabber.read().rgb[0, 0].tolist() == [0, 0, 255]
    with LiveSource(name, grabber) as source, pytest.raises(MediaError, match="is gone; plug it in again"):
        list(source)
    assert capture.is_released


def test_where_both_fail_the_first_reason_is_given():
    def opener(_):
        raise av.error.ArgumentError(errno.EINVAL, "Invalid argument")

    def fallback(name, number, **wishes):
        return OpenCvGrabber(name, number, capture=Capture(pictures=0), **wishes)

    with pytest.raises(MediaError, match=r"cannot open webcam:0 \(Integrated HD Camera\): Invalid argument"):
        open_webcam(parse("webcam:0"), known=(HD,), system="linux", opener=opener, fallback=fallback)


def test_this_machine_is_asked_without_harm(caplog):
    with caplog.at_level(logging.WARNING):
        found = cameras()
    assert all(camera.path.exists() for camera in found)


@on_unix
def test_the_kernel_is_understood(tmp_path):
    """As `v4l2_capability`, `v4l2_fmtdesc` and `v4l2_frmsizeenum` of linux/videodev2.h lie in memory."""
    for name in ("video0", "video1", "video10", "video-none"):
        (tmp_path / name).touch()
    mjpg, yuyv = (struct.unpack("<I", code)[0] for code in (b"MJPG", b"YUYV"))
    sizes = {mjpg: [(640, 480), (1920, 1080)], yuyv: [(640, 480)]}
    asked = []

    def ioctl(device, request, filled):
        asked.append(request)
        if request == QUERY_CAPABILITIES:
            assert len(filled) == 104
            is_metadata = asked.count(request) == 2  # video1, in order of numbers
            filled[16:48] = b"HD Cam".ljust(32, b"\0")
            struct.pack_into("<II", filled, 84, CAPTURES | HAS_DEVICE_CAPABILITIES, 0 if is_metadata else CAPTURES)
        elif request == ENUMERATE_FORMATS:
            assert len(filled) == 64
            (index,) = struct.unpack_from("<I", filled)
            if index >= 2:
                raise OSError(errno.EINVAL, "no more")
            struct.pack_into("<I", filled, 44, [mjpg, yuyv][index])
        elif request == ENUMERATE_SIZES:
            assert len(filled) == 44
            index, code = struct.unpack_from("<II", filled)
            if index >= len(sizes[code]):
                raise OSError(errno.EINVAL, "no more")
            struct.pack_into("<III", filled, 8, 1, *sizes[code][index])

    found = cameras(tmp_path, ioctl=ioctl)
    assert [camera.number for camera in found] == [0, 10]
    assert found[0].name == "HD Cam"
    assert found[0].formats == ("MJPG", "YUYV")
    assert found[0].sizes == ((640, 480), (1920, 1080))


@on_unix
def test_a_file_that_is_no_camera_is_passed_over(tmp_path):
    (tmp_path / "video0").touch()
    assert cameras(tmp_path) == ()
