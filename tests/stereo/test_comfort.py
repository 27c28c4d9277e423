import io
import json
import re
import weakref
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from vergence.errors import SettingsError
from vergence.stereo.comfort import ASSUMED, THUMBNAILS, ComfortLog, limits, measure
from vergence.stereo.comfort_page import clock, page
from vergence.stereo.screen import Screen
from vergence.stereo.settings import StereoSettings
from vergence.stereo.window import OPEN, FloatingWindow
from vergence.types import Frame, StereoPair

WIDTH, HEIGHT = 200, 100
TELEVISION = Screen(1.2, 2.5)


def pair(disparity, *, index=0, shot=0, fps=25, colour=(120, 90, 60)):
    picture = np.full((HEIGHT, WIDTH, 3), colour, np.uint8)
    values = np.broadcast_to(np.asarray(disparity, np.float32), (HEIGHT, WIDTH)).copy()
    return StereoPair(picture, picture, Frame(picture, index, Fraction(index, fps), shot=shot), values)


def one(disparity, window=OPEN, *, screen=TELEVISION, **settings):
    return measure(pair(disparity), window, settings=StereoSettings(**settings), screen=screen)


def logged(disparities, *, shots=None, **settings):
    log = ComfortLog(StereoSettings(**settings))
    for i, disparity in enumerate(disparities):
        log.see(pair(disparity, index=i, shot=0 if shots is None else shots[i]), OPEN)
    return log.done()


def test_disparity_is_measured_in_percent_of_the_width():
    found = one(np.linspace(-4, 2, WIDTH))
    assert found.far == pytest.approx(-2, abs=0.05)
    assert found.middle == pytest.approx(-0.5, abs=0.05)
    assert found.near == pytest.approx(1, abs=0.05)
    assert found.far < found.subject < found.near


def test_pixels_beyond_a_degree_and_beyond_the_eyes_are_counted():
    low, high = limits(TELEVISION)
    assert TELEVISION.vergence(low / 100) == pytest.approx(-1, abs=1e-3)
    assert TELEVISION.vergence(high / 100) == pytest.approx(1, abs=1e-3)
    disparity = np.zeros(WIDTH)
    disparity[:50] = (high + 0.1) / 100 * WIDTH
    assert one(disparity).over == pytest.approx(0.25, abs=0.01)
    assert one(disparity, strength=3).over_budget == pytest.approx(0.25, abs=0.01)
    assert one(disparity, strength=5).over_budget == 0
    cinema = Screen(10, 12)
    disparity[:50] = -1.0 / 100 * WIDTH
    assert one(disparity, screen=cinema).diverging == pytest.approx(0.25, abs=0.01)
    assert one(disparity).diverging == 0


def test_violations_are_counted_on_both_borders_with_and_without_the_window():
    disparity = np.zeros((HEIGHT, WIDTH))
    disparity[:50, :30] = 6.0
    assert one(disparity).cut == pytest.approx(0.25)
    assert one(disparity).cut_after == pytest.approx(0.25)
    assert one(disparity, FloatingWindow(left=(6.0, 6.0))).cut_after == 0
    assert one(disparity, FloatingWindow(left=(3.0, 3.0))).cut_after == pytest.approx(0.25)


def test_change_is_per_second_and_jumps_are_at_cuts():
    found = logged([0, 0.4, 0.4, -1.6], shots=[0, 0, 0, 1])
    np.testing.assert_allclose(found.columns["change"], [0, 5, 0, 0], atol=1e-4)
    np.testing.assert_allclose(found.columns["jump"], [0, 0, 0, -1], atol=1e-4)


def test_each_shot_has_a_row():
    found = logged([0, 0, 2, 2, 4], shots=[0, 0, 1, 1, 2])
    assert [row["shot"] for row in found.shots] == [0, 1, 2]
    assert [row["frames"] for row in found.shots] == [2, 2, 1]
    assert [row["near"] for row in found.shots] == pytest.approx([0, 1, 2])
    assert [row["jump"] for row in found.shots] == pytest.approx([0, 1, 1])


def test_the_worst_pictures_are_kept_and_no_more_than_a_handful():
    disparities = np.zeros((1200, WIDTH))
    disparities[[200, 700, 1100], 50:-50] = [[8], [-12], [10]]
    found = logged(disparities)
    assert [worst.moment.index for worst in found.worst[:3]] == [700, 1100, 200]
    assert len(found.worst) <= THUMBNAILS
    assert "diverge" in found.worst[0].why
    with Image.open(io.BytesIO(found.worst[0].jpeg)) as picture:
        assert picture.size == (WIDTH, HEIGHT)


def test_a_shots_neighbouring_frames_do_not_crowd_out_the_others():
    found = logged([6.0] * 40 + [5.0] * 40, shots=[0] * 40 + [1] * 40)
    assert {worst.moment.shot for worst in found.worst} == {0, 1}
    assert len(found.worst) == 2


def test_nobodys_screen_is_a_television_and_that_is_said():
    found = logged([0.0, 1.0])
    assert found.screen == ASSUMED
    assert found.is_assumed
    assert ", assumed" in page(found, title="film.mp4")
    stated = logged([0.0], screen=Screen(3, 3))
    assert not stated.is_assumed
    assert ", assumed" not in page(stated, title="film.mp4")


def test_unknown_disparity_is_told():
    unknown = StereoPair(*(np.zeros((4, 4, 3), np.uint8),) * 2, Frame(np.zeros((4, 4, 3), np.uint8), 0, Fraction(0)))
    with pytest.raises(SettingsError, match="--report"):
        measure(unknown, OPEN, settings=StereoSettings(), screen=TELEVISION)


class Reader(HTMLParser):
    """Fails where tags do not close, and notes what the page would fetch."""

    VOID = ("meta", "img", "path", "line")

    def __init__(self):
        super().__init__()
        self.open, self.links, self.data, self.pictures = [], [], "", 0

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append((tag, dict(attributes)))
        self.links += [value for name, value in attributes if name in ("src", "href")]
        self.pictures += tag == "img"

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1][1].get("id") == "data":
            self.data += data


@pytest.fixture(scope="module")
def film():
    rng = np.random.default_rng(0)
    shots = [i // 70 for i in range(210)]
    return logged([rng.normal(0, 2, WIDTH) + (i % 70) / 30 for i in range(210)], shots=shots)


def test_a_page_is_whole_and_needs_nothing_else(film):
    text = page(film, title="a < b & </script>.mp4")
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert all(link.startswith("data:image/jpeg;base64,") for link in reader.links)
    assert "http" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert reader.pictures == len(film.worst)
    assert text.count("<svg") == 3
    assert text.count("<tr>") == 4
    data = json.loads(reader.data)
    assert data["frames"]["index"] == list(range(210))
    np.testing.assert_allclose(data["frames"]["near"], film.columns["near"], atol=1e-4)


def test_a_page_draws_every_number_inside_its_chart(film):
    for view, path in re.findall(r'viewBox="0 0 (\d+ \d+)".*?(?= d="M)( d="[^"]+")', page(film, title="film")):
        width, height = map(int, view.split())
        points = np.array([[float(v) for v in p.split(",")] for p in re.findall(r"[\d.-]+,[\d.-]+", path)])
        assert (points >= 0).all()
        assert (points <= [width, height]).all()


def test_a_page_of_a_photo_has_no_charts():
    text = page(logged([1.0]), title="photo.jpg")
    assert "<svg" not in text
    assert "1</b><span>frame in 1 shot" in text


def test_a_long_films_charts_stay_small():
    short, long = (page(logged(np.sin(np.arange(n) / 50)), title="film") for n in (500, 1000))
    charts = [sum(map(len, re.findall(r"<svg.*?</svg>", text))) for text in (short, long)]
    assert charts[1] < 1.2 * charts[0]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00.0"), (59.96, "1:00.0"), (3723.4, "1:02:03.4")])
def test_moments_are_written_as_clocks_show_them(seconds, text):
    assert clock(seconds) == text


def test_a_log_keeps_no_picture_of_a_long_film():
    log, refs = ComfortLog(StereoSettings()), []
    for i in range(200):
        now = pair(np.sin(i / 9), index=i, shot=i // 10)
        refs.append(weakref.ref(now.frame))
        log.see(now, OPEN)
    del now
    assert not any(ref() for ref in refs)
