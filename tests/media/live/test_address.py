"""Names of live sources: what is wished for stands behind an @, and any other @ is part of the name."""

from fractions import Fraction

import pytest

from vergence.errors import SettingsError
from vergence.media.live import SCHEMES, is_live, open_live
from vergence.media.live.address import Address, parse


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("webcam:0", Address("webcam", "0")),
        ("webcam:", Address("webcam", "")),
        ("webcam:HD Cam@home@640x480@15fps", Address("webcam", "HD Cam@home", (640, 480), rate=Fraction(15))),
        ("webcam:/dev/video2@12.5", Address("webcam", "/dev/video2", rate=Fraction("12.5"))),
        ("screen:1@-5,0,800,600@cursor", Address("screen", "1", region=(-5, 0, 800, 600), shows_cursor=True)),
        ("screen:1@800x600", Address("screen", "1@800x600")),  # a size is no wish of a screen
        ("window:a: b@c@30", Address("window", "a: b@c", rate=Fraction(30))),
    ],
)
def test_names_are_read(uri, address):
    assert parse(uri) == address


@pytest.mark.parametrize("uri", ["webcam:0@0x480", "screen:1@0,0,0,10", "webcam:0@0fps", "screen:1@100000fps"])
def test_what_has_no_size_or_speed_is_refused_with_an_example(uri):
    with pytest.raises(SettingsError, match="write for example @"):
        parse(uri)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("webcam:0", True), ("test:", True), ("rtsp://camera/1", True), ("https://a.example/b.m3u8", True),
        ("holiday.mp4", False), (r"C:\film.mp4", False), ("http:notes.mp4", False), ("screen.png", False),
    ],
)  # fmt: skip
def test_live_names_are_told_from_files(uri, expected):
    assert is_live(uri) is expected


def test_every_scheme_is_known_to_the_door():
    assert {"webcam", "screen", "window", "test", "rtsp", "http"} <= set(SCHEMES)
    with pytest.raises(Exception, match="no live source is called 'fax:1'"):
        open_live("fax:1")
