import itertools
import time
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from clips import Clip, write_clip
from live_models import Audience, RuleModel
from vergence.errors import MediaError, SettingsError
from vergence.media.live.pattern import BITS, bar_code
from vergence.server.engine import Engine
from vergence.server.player import FIRST_CAMERA, Player
from vergence.types import Frame


@pytest.fixture
def film(tmp_path):
    return str(write_clip(tmp_path / "film.mp4", Clip(frames=24, rate=Fraction(24))))


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((30, 40, 3), 90, np.uint8)).save(path)
    return str(path)


@contextmanager
def showing(*uris, model=None, settings=None, **options):
    """A player and its engine at work: (player, engine, model, audience)."""
    model, audience = model or RuleModel(), Audience()
    engine = Engine(model)
    for path, value in (settings or {}).items():
        engine.settings = engine.settings.with_value(path, value)
    player = Player(engine, uris, **options)
    player.on_error = lambda text: audience.announce(t="error", msg=text)
    player.is_watched = lambda: audience.is_watched
    engine.start(audience)
    player.start()
    try:
        yield player, engine, model, audience
    finally:
        player.stop()
        engine.stop()


def until(check, seconds=20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.01)
    return False


def test_every_frame_of_a_film_is_shown_in_order_where_that_is_asked(film):
    settings = {"film.every_frame": True, "film.loop": False}
    with showing(film, settings=settings) as (player, _, model, audience):
        assert until(lambda: not player.is_playing and len(model.seen) == 24)
        assert audience.wait(lambda a: a.frames)
        assert [frame.time for frame in model.seen] == [Fraction(index, 24) for index in range(24)]


def test_a_film_keeps_its_own_pace_and_starts_again(film):
    with showing(film, settings={"film.speed": 4}) as (_, _, model, _):
        began = time.monotonic()
        assert until(
            lambda: len(model.seen) > 2 and any(b.time < a.time for a, b in itertools.pairwise(list(model.seen)))
        )
        assert time.monotonic() - began > 0.2  # a second of film at four times its speed


def test_a_film_pauses_and_goes_on(film):
    with showing(film) as (player, _, model, audience):
        assert audience.wait(lambda a: a.frames)
        player.pause()
        time.sleep(0.2)
        seen = len(model.seen)
        time.sleep(0.3)
        assert len(model.seen) == seen
        player.step(1)
        assert until(lambda: len(model.seen) == seen + 1)
        player.play()
        assert until(lambda: len(model.seen) > seen + 3)


def test_one_can_seek_in_a_paused_film(film):
    with showing(film) as (player, _, model, audience):
        assert audience.wait(lambda a: a.frames)
        player.pause()
        player.seek(0.5)
        assert until(lambda: player.position == pytest.approx(0.5, abs=0.05))
        assert until(lambda: model.seen[-1].time == Fraction(1, 2))
        assert audience.wait(lambda a: a.packets()[-1].flags & 16)
        player.step(-2)
        assert until(lambda: player.position == pytest.approx(0.5 - 2 / 24, abs=0.03))
        player.seek(1e6)
        assert until(lambda: player.position > 0.8)


def test_nothing_is_read_while_nobody_watches(film):
    with showing(film) as (_player, _, model, audience):
        assert audience.wait(lambda a: a.frames)
        watched, audience.qualities = audience.qualities, frozenset()
        time.sleep(0.3)
        seen = len(model.seen)
        time.sleep(0.3)
        assert len(model.seen) == seen
        audience.qualities = watched
        assert until(lambda: len(model.seen) > seen)


def test_a_photo_is_shown_once(photo):
    with showing(photo) as (player, _, model, audience):
        assert audience.wait(lambda a: a.frames)
        time.sleep(0.2)
        assert len(model.seen) == 1
        assert audience.packets()[0].flags & 16
        described = player.described()[0]
        assert (described["kind"], described["width"], described["is_live"]) == ("image", 40, False)


def test_the_test_pattern_comes_in_order():
    with showing("test:160x90@60") as (_, _, model, audience):
        assert audience.wait(lambda a: len(a.frames) > 5)
    numbers = [bar_code(frame.rgb) for frame in model.seen]
    steps = np.diff(numbers) % 2**BITS
    assert (steps > 0).all()
    assert (steps < 200).all()


def test_one_source_follows_another(film, photo):
    with showing(film, photo) as (player, _, _model, audience):
        assert audience.wait(lambda a: a.frames)
        player.select(1)
        assert audience.wait(lambda a: a.packets()[-1].source == 1)
        assert [source["is_active"] for source in player.described()] == [False, True]
        time.sleep(0.2)
        assert audience.packets()[-1].source == 1
        player.select(0)
        assert audience.wait(lambda a: a.packets()[-1].source == 0)
        with pytest.raises(SettingsError):
            player.select(7)


def test_large_pictures_are_made_smaller_first(film):
    with showing(film, max_side=32) as (_, _, model, audience):
        assert audience.wait(lambda a: a.frames)
        assert model.seen[0].rgb.shape == (24, 32, 3)


def test_a_clients_camera_is_shown_where_nothing_else_is():
    frame = Frame(np.zeros((8, 8, 3), np.uint8), 0, Fraction(0))
    with showing() as (player, _, _model, audience):
        number = player.add_camera(5, "phone", "camera")
        assert number == FIRST_CAMERA + 5
        assert player.active == number
        assert player.offer(number, lambda index: frame, width=8, height=8, time_us=0)
        assert audience.wait(lambda a: a.frames)
        assert player.described()[0]["width"] == 8
        player.remove_camera(number)
        assert player.active is None
        assert not player.offer(number, lambda index: frame, width=8, height=8, time_us=0)


def test_a_second_camera_waits_until_it_is_chosen():
    frame = Frame(np.zeros((8, 8, 3), np.uint8), 0, Fraction(0))
    with showing() as (player, _, _, _audience):
        one, two = player.add_camera(1, "a", "camera"), player.add_camera(2, "b", "screen")
        assert not player.offer(two, lambda index: frame, width=8, height=8, time_us=0)
        player.remove_camera(one)
        assert player.active == two
        assert player.offer(two, lambda index: frame, width=8, height=8, time_us=0)


def test_sources_that_are_not_there_are_refused_at_once():
    with pytest.raises(MediaError):
        Player(Engine(RuleModel()), ("nothing.mp4",))


def test_a_film_that_vanishes_is_told(film, tmp_path):
    engine, audience = Engine(RuleModel()), Audience()
    player = Player(engine, (film,))
    player.on_error = lambda text: audience.announce(t="error", msg=text)
    (tmp_path / "film.mp4").unlink()
    player.start()
    assert audience.wait(lambda a: a.messages)
    assert "film.mp4" in audience.messages[0]["msg"]
    player.stop()
