"""Screens and windows: really grabbed from a hidden X server, and told plainly where there is none."""

import threading
from fractions import Fraction

import numpy as np
import pytest

import x_server
from vergence.errors import MediaError, SettingsError
from vergence.media.live import open_live
from vergence.media.live import screen as module
from vergence.media.live.address import parse
from vergence.media.live.screen import Screen, ScreenGrabber, open_window, open_x11, part_of_screen, screens
from vergence.media.live.windows import windows
from x_server import HEIGHT, WIDTH

MONITORS = (Screen(0, 0, 0, 300, 100), Screen(1, 0, 0, 200, 100), Screen(2, 200, 0, 100, 80, "DP-1"))
ORANGE = 0xC86432


@pytest.fixture(scope="module")
def display():
    with x_server.hidden_screen() as name:
        yield name


@pytest.fixture
def desktop(display, monkeypatch):
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    with x_server.coloured_window(display, "Ein Fenster – orange", x=40, y=30, width=120, height=80, colour=ORANGE):
        yield display


def test_a_part_is_counted_from_its_monitors_own_corner():
    assert part_of_screen(parse("screen:2@10,20,40,50"), MONITORS) == Screen(2, 210, 20, 40, 50, "DP-1")
    assert part_of_screen(parse("screen:"), MONITORS) == MONITORS[1]
    assert part_of_screen(parse("screen:0"), MONITORS[1:2]) == MONITORS[1]


def test_a_monitor_or_part_that_is_not_there_is_told():
    with pytest.raises(MediaError, match=r"no screen:3; there is screen:0 \(300x100\), .*screen:2 \(100x80, DP-1\)"):
        part_of_screen(parse("screen:3"), MONITORS)
    with pytest.raises(MediaError, match="@0,0,800,600"):
        part_of_screen(parse("screen:1@800x600"), MONITORS)
    for region in ("90,0,20,20", "-1,0,20,20", "0,0,8,20", "0,70,20,20"):
        with pytest.raises(SettingsError, match=r"must lie on screen:2 \(100x80, DP-1\)"):
            part_of_screen(parse(f"screen:2@{region}"), MONITORS)


def test_without_a_screen_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(MediaError, match=r"DISPLAY is not set; .*vergence live"):
        screens()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(MediaError, match="Wayland"):
        screens()
    with pytest.raises(MediaError, match="Wayland"):
        open_window(parse("window:x"), system="linux")


def test_where_windows_cannot_be_read_it_says_so():
    with pytest.raises(MediaError, match="cannot be read on macOS; name the part of the screen"):
        open_window(parse("window:Terminal"), system="darwin")
    with pytest.raises(MediaError, match="which window"):
        open_window(parse("window:"))


class Session:
    """mss, on a screen with two pixels to a point; fails when told to."""

    fails = False

    def __init__(self, **_):
        self.owner = threading.get_ident()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        pass

    def grab(self, box):
        assert self.owner == threading.get_ident(), "handles belong to the thread that asked for them"
        if self.fails:
            raise OSError("XGetImage() failed")
        width, height = 2 * box["width"], 2 * box["height"]
        pixels = np.full((height, width, 4), (10, 20, 30, 0), np.uint8)
        return type("Shot", (), {"width": width, "height": height, "raw": bytearray(pixels.tobytes())})()


def test_a_screen_with_several_pixels_to_a_point_gives_them_all():
    grabber = ScreenGrabber("screen:1", MONITORS[2], session=Session, rate=Fraction(100))
    assert (grabber.width, grabber.height) == (200, 160)
    assert grabber.read().rgb[5, 5].tolist() == [30, 20, 10]


def test_each_thread_has_its_own_handles():
    grabber = ScreenGrabber("screen:1", MONITORS[2], session=Session)
    failures = []

    def read():
        try:
            grabber.read()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert not failures


def test_a_screen_that_goes_away_is_one_line():
    class Locked(Session):
        fails = True

    with pytest.raises(MediaError, match=r"screen:1 cannot be read \(XGetImage\(\) failed\); is somebody logged in"):
        ScreenGrabber("screen:1", MONITORS[2], session=Locked)


def test_a_monitor_is_grabbed_as_it_looks(desktop):
    assert [(found.number, found.width, found.height) for found in screens()] == [(1, WIDTH, HEIGHT)]
    with open_live("screen:1@60fps", max_frames=3) as source:
        frames = list(source)
    rgb = frames[-1].rgb
    assert rgb.shape == (HEIGHT, WIDTH, 3)
    assert rgb[70, 100].tolist() == [0xC8, 0x64, 0x32]
    assert rgb[5, 5].tolist() == [0, 0, 0]
    assert source.info.rate == 60


def test_a_part_of_a_monitor_is_grabbed(desktop):
    with open_live("screen:1@40,30,64,48", max_frames=1) as source:
        (frame,) = source
    assert (frame.rgb == (0xC8, 0x64, 0x32)).all()
    assert frame.rgb.shape == (48, 64, 3)


def test_the_cursor_is_shown_where_asked_for(desktop):
    middle = f"{WIDTH // 2 - 20},{HEIGHT // 2 - 20},40,40"  # where an X server puts it
    pictures = []
    for cursor in ("", "@cursor"):
        with open_live(f"screen:1@{middle}{cursor}", max_frames=1) as source:
            pictures.append(next(iter(source)).rgb.astype(int))
    assert abs(pictures[0] - pictures[1]).max() > 100


def test_x11grab_sees_the_same(desktop):
    (screen,) = screens()
    grabber = open_x11("screen:1", screen)
    taken = grabber.read()
    grabber.close()
    assert taken.rgb[70, 100].tolist() == [0xC8, 0x64, 0x32]


def test_x11grab_takes_over_where_mss_fails(desktop, monkeypatch, caplog):
    def failing(*_, **__):
        raise MediaError("screen:1 cannot be read (no)")

    monkeypatch.setattr(module, "ScreenGrabber", failing)
    with open_live("screen:1", max_frames=2) as source:
        assert len(list(source)) == 2
    assert "x11grab reads it instead" in caplog.text


def test_a_window_is_found_by_part_of_its_title(desktop):
    assert [(found.title, found.width, found.height) for found in windows()] == [("Ein Fenster – orange", 120, 80)]
    with open_live("window:fenster", max_frames=2) as source:
        frames = list(source)
    assert (frames[-1].rgb == (0xC8, 0x64, 0x32)).all()
    assert frames[-1].rgb.shape == (80, 120, 3)
    assert source.name == "window:Ein Fenster – orange"


def test_a_title_that_fits_none_or_several_is_told(desktop):
    with pytest.raises(MediaError, match=r"no window:nothing; there is Ein Fenster"):
        open_live("window:nothing")
    with (
        x_server.coloured_window(desktop, "Zweites Fenster", x=0, y=0, width=60, height=60, colour=0),
        pytest.raises(MediaError, match=r"could be .*Zweites Fenster.*; give more of its title"),
    ):
        open_live("window:Fenster")
