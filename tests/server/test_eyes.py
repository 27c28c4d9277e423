import io
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from vergence.errors import MediaError, SettingsError
from vergence.server.eyes import LAYOUTS, THREAD_NAME, Eyes, Picture, fitted, packed_size
from vergence.server.fragments import Mp4Stream
from vergence.server.shown import Seen
from vergence.server.virtual import VirtualOutput
from vergence.types import DepthFrame, DepthMap, Frame

WIDTH, HEIGHT = 96, 54


def seen(index=0, *, source=0, width=WIDTH, height=HEIGHT, time_us=None):
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, width // 3 : width // 2] = 255  # a near bar
    values = np.full((height, width), 4, np.float32)
    values[:, width // 3 : width // 2] = 1
    frame = Frame(rgb, index, Fraction(index, 30))
    item = DepthFrame(frame, DepthMap(values, np.ones(values.shape, bool), "metric"))
    return Seen(lambda: item, None, source, time_us if time_us is not None else index * 33_333)


def heard(eyes, listener, *items):
    """The picture of the last item."""
    for item in items:
        eyes.hear(item)
        found = listener.pictures.take(20)
        assert found is not None
    return found


def test_players_get_both_eyes_of_the_frame_that_is_shown_at_once():
    eyes = Eyes()
    with eyes.listen("sbs") as listener:
        picture = heard(eyes, listener, seen(time_us=77))
    assert picture.rgb.shape == (HEIGHT, 2 * WIDTH, 3)
    assert picture.time_us == 77
    left, right = picture.rgb[HEIGHT // 2, :WIDTH, 0], picture.rgb[HEIGHT // 2, WIDTH:, 0]
    assert np.argmax(left > 128) > np.argmax(right > 128)  # near: x_left > x_right


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_even_sides_and_the_size_that_is_said(layout):
    eyes = Eyes()
    with eyes.listen(layout, size=(64, 36)) as listener:
        picture = heard(eyes, listener, seen(width=97, height=55))
    assert picture.rgb.shape[1::-1] == packed_size(layout, (64, 36))
    assert picture.rgb.shape[0] % 2 == picture.rgb.shape[1] % 2 == 0


def test_another_source_of_another_size_does_not_change_the_picture():
    eyes = Eyes()
    with eyes.listen() as listener:
        first = heard(eyes, listener, seen(3))
        second = heard(eyes, listener, seen(0, source=1, width=50, height=90))
    assert first.rgb.shape == second.rgb.shape
    assert (second.rgb[:, 0] == 0).all()  # black beside a tall picture


def test_nothing_is_made_while_nobody_listens():
    eyes = Eyes()
    assert not eyes.is_watching
    eyes.hear(Seen(lambda: pytest.fail("was asked for"), None, 0, 0))
    with eyes.listen():
        assert eyes.is_watching
    assert not eyes.is_watching
    for _ in range(100):
        if THREAD_NAME not in {thread.name for thread in threading.enumerate()}:
            return
        time.sleep(0.05)
    raise AssertionError("the thread goes on")


def test_only_so_many_listen_and_only_in_layouts_there_are():
    eyes = Eyes(most_listeners=1)
    with pytest.raises(SettingsError, match="half-sbs"):
        eyes.listen("spatial")
    with eyes.listen(), pytest.raises(SettingsError, match="already"):
        eyes.listen()
    eyes.listen().close()


def test_a_frame_that_fails_does_not_end_it():
    def fail():
        raise MediaError("damaged")

    eyes = Eyes()
    with eyes.listen() as listener:
        eyes.hear(Seen(fail, None, 0, 0))
        assert listener.pictures.take(0.3) is None
        assert heard(eyes, listener, seen()) is not None


def test_a_picture_is_fitted_without_being_stretched():
    found = fitted(np.full((10, 10, 3), 255, np.uint8), 40, 20)
    assert found[:, 10:30].min() == 255
    assert found[:, :10].max() == found[:, 30:].max() == 0


def test_fragments_are_a_film_that_can_be_read_from_any_of_its_ends():
    stream = Mp4Stream("half-sbs")
    times = [1_000_000, 1_033_000, 1_100_000, 1_100_000, 1_900_000]  # two at once
    parts = []
    for index, time_us in enumerate(times):
        parts.append(stream.fragment(Picture(np.full((36, 64, 3), 20 * index, np.uint8), time_us)))
    assert all(parts), "a fragment a frame"
    for count in (3, 5):
        with av.open(io.BytesIO(b"".join(parts[:count]))) as film:
            frames = list(film.decode(video=0))
        assert len(frames) >= count - 1
        seconds = [frame.time for frame in frames]
        assert seconds[:2] == pytest.approx([0, 0.033], abs=1e-3)
        assert seconds == sorted(set(seconds))
    stream.close()


class FakeCamera:
    name = "/dev/video9"

    def __init__(self, width, height):
        self.size, self.frames, self.is_closed, self.came = (width, height), [], False, threading.Event()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_closed = True

    def write(self, frame):
        self.frames.append(frame)
        self.came.set()


def test_a_virtual_camera_shows_what_is_shown():
    cameras, eyes = [], Eyes()

    def open_camera(width, height):
        cameras.append(FakeCamera(width, height))
        return cameras[-1]

    output = VirtualOutput(eyes, "sbs", open_camera)
    assert output.name == "/dev/video9"
    assert cameras[0].size == (2560, 720)
    output.start()
    for index in range(100):
        eyes.hear(seen(index))
        if cameras[0].came.wait(0.1):
            break
    output.stop()
    assert cameras[0].frames[0].rgb.shape == (720, 2560, 3)
    assert cameras[0].is_closed
