"""What a machine could show: listed with what to write, or with where it was looked for."""

import json

import pytest

from vergence.errors import MediaError
from vergence.media.live import devices as module
from vergence.media.live.devices import Device, as_json, devices
from vergence.media.live.screen import Screen
from vergence.media.live.webcam import Webcam
from vergence.media.live.windows import Window


def nothing():
    raise MediaError("there is no screen: DISPLAY is not set")


def test_everything_is_listed_by_what_one_writes(monkeypatch):
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module, "webcams", lambda: (Webcam(2, "HD", "/dev/video2", ((640, 480), (1280, 720))),))
    monkeypatch.setattr(module.screen, "screens", lambda: (Screen(1, 0, 0, 1920, 1080, "DP-1"),))
    monkeypatch.setattr(module.windows, "windows", lambda: (Window(7, "Terminal", 80, 60),))
    found = devices()
    assert found.missing == ()
    assert found.found == (
        Device("webcam", "webcam:2", "HD", ((1280, 720), (640, 480))),
        Device("screen", "screen:1", "DP-1", ((1920, 1080),)),
        Device("window", "window:Terminal", "Terminal", ((80, 60),)),
    )
    assert json.loads(json.dumps(as_json(found)))["found"][0]["sizes"] == [[1280, 720], [640, 480]]


@pytest.mark.parametrize(("system", "words"), [("linux", "/dev/video"), ("darwin", "privacy"), ("win32", "dshow")])
def test_a_machine_with_nothing_says_where_it_looked(monkeypatch, system, words):
    monkeypatch.setattr(module.sys, "platform", system)
    monkeypatch.setattr(module, "webcams", lambda: ())
    monkeypatch.setattr(module.screen, "screens", nothing)
    monkeypatch.setattr(module.windows, "windows", nothing)
    found = devices()
    assert found.found == ()
    missing = dict(found.missing)
    assert words in missing["webcam"]
    assert "DISPLAY" in missing["screen"]
    assert missing["window"]
