"""A camera for other programs, tried with a stand-in for the driver."""

import sys
from fractions import Fraction
from types import ModuleType

import numpy as np
import pytest

from vergence.errors import MediaError
from vergence.media.live.virtual_camera import VirtualCamera
from vergence.types import Frame


class Driver:
    fails = False

    def __init__(self, *, width, height, fps, device, print_fps):
        if self.fails:
            raise RuntimeError("'v4l2loopback' backend: No v4l2 loopback device found\nDid you modprobe?")
        self.width, self.height, self.fps, self.device = width, height, fps, device or "/dev/video9"
        self.sent, self.is_closed = [], False
        self.made.append(self)

    def send(self, rgb):
        assert rgb.flags["C_CONTIGUOUS"]
        self.sent.append(rgb.shape)

    def close(self):
        self.is_closed = True


@pytest.fixture
def driver(monkeypatch):
    module = ModuleType("pyvirtualcam")
    module.Camera = type("Camera", (Driver,), {"made": []})
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    return module.Camera


def picture(width, height, dtype=np.uint8):
    return Frame(np.zeros((height, width, 3), dtype), 0, Fraction(0))


def test_pictures_are_sent_in_one_even_size(driver):
    with VirtualCamera(65, 48, rate=Fraction(25)) as camera:
        camera.write(picture(65, 48))
        camera.write(picture(64, 48, np.uint16))
        camera.write(picture(128, 96))
    (made,) = driver.made
    assert (made.fps, camera.name, made.is_closed) == (25, "/dev/video9", True)
    assert made.sent == [(48, 64, 3)] * 3


def test_without_a_driver_it_says_what_is_needed(driver):
    driver.fails = True
    with pytest.raises(MediaError, match=r"no virtual camera can be opened.*v4l2loopback on Linux") as raised:
        VirtualCamera(64, 48)
    assert "\n" not in str(raised.value)


def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(MediaError, match=r"pip install 'vergence\[live\]'"):
        VirtualCamera(64, 48)
