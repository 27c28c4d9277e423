"""Only the newest picture counts, times are the machine's own, and nothing ever hangs."""

import threading
import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from vergence.errors import MediaError, SettingsError
from vergence.media.live.source import THREAD_NAME, LiveSource, Newest, Pace, Taken


class Camera:
    """Gives pictures whose brightness is their number, when told to."""

    width, height, rate = 8, 6, Fraction(30)

    def __init__(self, count=10**9, *, fails=None, silent=False):
        self.count, self.fails, self.silent = count, fails, silent
        self.taken, self.closed, self.stopped = 0, threading.Event(), threading.Event()
        self.may_go_on = threading.Semaphore(0)

    def read(self):
        if self.silent:
            self.stopped.wait(5)
        assert self.may_go_on.acquire(timeout=5)
        if self.stopped.is_set():
            return None
        if self.taken == self.count:
            if self.fails:
                raise MediaError(self.fails)
            return None
        self.taken += 1
        return Taken(np.full((6, 8, 3), self.taken % 256, np.uint8), time.monotonic())

    def stop(self):
        self.stopped.set()
        self.may_go_on.release()

    def close(self):
        self.closed.set()

    def go(self, pictures):
        before = self.taken
        self.may_go_on.release(pictures)
        waited_until = time.monotonic() + 5
        while self.taken < min(before + pictures, self.count):
            assert time.monotonic() < waited_until
            time.sleep(0.001)
        time.sleep(0.02)  # until the last lies in the slot


def test_a_slow_reader_gets_the_newest_picture_and_knows_what_it_missed():
    camera = Camera()
    with LiveSource("camera", camera) as source:
        camera.go(1)
        assert source.latest().rgb[0, 0, 0] == 1
        camera.go(5)
        newest = source.latest()
        assert (newest.rgb[0, 0, 0], newest.index, source.missed) == (6, 1, 4)


def test_no_picture_is_given_twice():
    camera = Camera(count=1)
    with LiveSource("camera", camera) as source:
        camera.go(2)
        assert [frame.rgb[0, 0, 0] for frame in source] == [1]


def test_times_are_whole_ticks_that_increase():
    camera = Camera()
    with LiveSource("camera", camera) as source:
        times = []
        for _ in range(3):
            camera.go(1)
            times.append(source.latest().time)
    assert times == sorted(set(times))
    assert all((t / source.info.time_base).denominator == 1 for t in times)
    assert times[-1] < 5


def test_pictures_of_one_moment_have_different_times():
    camera = Camera()
    read = camera.read
    camera.read = lambda: Taken(read().rgb, moment)
    moment = time.monotonic() + 1
    with LiveSource("camera", camera) as source:
        camera.go(1)
        first = source.latest().time
        camera.go(1)
        assert source.latest().time == first + source.info.time_base


def test_the_part_asked_for_ends_it():
    camera = Camera()
    with LiveSource("camera", camera, max_frames=2) as source:
        assert len(list(source_in_step(source, camera))) == 2
        assert source.info.frames == 2
    moments = iter(range(100))
    camera = Camera()
    read, camera.read = camera.read, lambda: replace(read(), seconds=1000 + next(moments) / 10)
    with LiveSource("camera", camera, start=Fraction(1, 5), end=Fraction(4, 10), clock=lambda: 1000.0) as source:
        times = []
        for frame in source_in_step(source, camera):
            times.append(frame.time)
    assert times == [Fraction(1, 5), Fraction(3, 10)]


def source_in_step(source, camera):
    """The frames of a source whose camera goes on by one picture whenever the source waits for one."""
    take = source._slot.take
    source._slot.take = lambda timeout: (camera.go(1), take(timeout))[1]
    return source


def test_a_part_that_makes_no_sense_is_refused():
    with pytest.raises(SettingsError, match="start"):
        LiveSource("camera", Camera(), start=Fraction(2), end=Fraction(1))
    with pytest.raises(SettingsError, match="at least 1"):
        LiveSource("camera", Camera(), max_frames=0)


def test_a_device_that_fails_is_told_after_what_it_gave():
    camera = Camera(count=1, fails="camera is gone")
    with LiveSource("camera", camera) as source, pytest.raises(MediaError, match="camera is gone"):  # noqa: PT012
        camera.go(2)
        assert source.latest() is not None
        source.latest()


def test_a_device_that_gives_nothing_is_given_up():
    with (
        LiveSource("webcam:0", Camera(silent=True), silence=0.05) as source,
        pytest.raises(MediaError, match=r"webcam:0 has given no picture for 0.05 s"),
    ):
        source.latest()


def test_leaving_ends_the_thread_and_closes_the_device():
    camera, before = Camera(), set(threading.enumerate())
    with LiveSource("camera", camera):
        camera.go(1)
        camera.may_go_on.release()
    assert camera.closed.wait(1)
    assert not {thread for thread in threading.enumerate() if thread.name == THREAD_NAME} - before


def test_closing_from_another_thread_ends_a_reader_that_waits():
    camera = Camera(silent=True)
    source = LiveSource("camera", camera)
    threading.Timer(0.05, source.close).start()
    camera.may_go_on.release()
    assert source.latest() is None
    camera.closed.set()


def test_a_source_that_was_never_read_is_closed_too():
    camera = Camera()
    LiveSource("camera", camera).close()
    assert camera.closed.is_set()


def test_it_is_read_once():
    camera = Camera(count=1)
    with LiveSource("camera", camera) as source:
        camera.go(2)
        list(source)
        with pytest.raises(MediaError, match="read only once"):
            list(source)


def test_a_slot_waits_no_longer_than_told():
    slot = Newest()
    with pytest.raises(TimeoutError):
        slot.take(0.01)
    slot.put(1)
    slot.put(2)
    slot.finish(ValueError("later"))
    slot.finish()
    assert slot.take() == 2
    with pytest.raises(ValueError, match="later"):
        slot.take()


def test_a_pace_keeps_its_step_and_does_not_make_up_for_delays():
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(round(seconds, 6))
        now[0] += seconds

    pace = Pace(10, clock=lambda: now[0], sleep=sleep)
    pace.wait()
    now[0] += 0.03
    pace.wait()
    now[0] += 1.0
    pace.wait()
    pace.wait()
    assert slept == [0.07, 0.1]
