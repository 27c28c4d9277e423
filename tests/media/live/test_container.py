"""What FFmpeg opens as it runs, tried with its own drawn patterns: the same code as for cameras."""

import time

import av
import pytest

from vergence.errors import MediaError
from vergence.media.live.container import ContainerGrabber, Timekeeper, within
from vergence.media.live.source import LiveSource


def drawn(pattern="testsrc=size=64x48:rate=50:duration=0.2"):
    return lambda: av.open(pattern, format="lavfi")


class Failing:
    """A container that fails in a given way after some packets, and otherwise is the one it wraps."""

    def __init__(self, container, error, after):
        self._container, self._error, self._after = container, error, after

    def __getattr__(self, name):
        return getattr(self._container, name)

    def demux(self, stream):
        for packet in self._container.demux(stream):
            if self._after == 0:
                self._after = -1
                raise self._error
            self._after -= 1
            yield packet


def read_all(grabber):
    pictures = []
    while (taken := grabber.read()) is not None:
        pictures.append(taken)
    grabber.close()
    return pictures


def test_every_picture_comes_with_its_size_and_rate():
    grabber = ContainerGrabber("pattern", drawn())
    assert (grabber.width, grabber.height, grabber.rate) == (64, 48, 50)
    pictures = read_all(grabber)
    assert [taken.rgb.shape for taken in pictures] == [(48, 64, 3)] * 10


def test_colours_are_right():
    (taken, *_) = read_all(ContainerGrabber("pattern", drawn("color=c=0xC86432:size=16x16:duration=0.1")))
    assert abs(taken.rgb.astype(int) - (200, 100, 50)).max() <= 3


def test_a_paced_stream_runs_at_its_own_speed():
    began = time.monotonic()
    pictures = read_all(ContainerGrabber("pattern", drawn(), paced=True))
    assert time.monotonic() - began > 0.15
    assert pictures[-1].seconds - pictures[0].seconds == pytest.approx(0.18, abs=0.05)


def test_what_cannot_be_opened_is_one_line():
    with pytest.raises(MediaError, match=r"cannot open webcam:0: No such file") as raised:
        ContainerGrabber("webcam:0", lambda: av.open("/nowhere/video0"))
    assert "\n" not in str(raised.value)


def test_a_device_that_is_unplugged_says_so_in_one_line():
    def opener():
        return Failing(drawn()(), av.error.OSError(19, "No such device"), after=3)

    grabber = ContainerGrabber("webcam:0 (HD)", opener, lost="plug it in again")
    with LiveSource("webcam:0", grabber) as source, pytest.raises(MediaError) as raised:
        list(source)
    assert str(raised.value) == "webcam:0 (HD) is gone (No such device); plug it in again"


def test_a_device_that_has_no_picture_yet_is_asked_again():
    def opener():
        return Failing(drawn()(), av.error.BlockingIOError(11, "Resource temporarily unavailable"), after=3)

    assert len(read_all(ContainerGrabber("webcam:0", opener))) >= 9  # the packet in hand was lost with the error


def test_sound_alone_is_no_picture():
    with pytest.raises(MediaError, match="has no picture"):
        ContainerGrabber("radio", lambda: av.open("sine=duration=0.1", format="lavfi"))


def test_a_stream_catches_up_after_a_pause_and_a_jump():
    now, slept = [100.0], []

    def sleep(seconds):
        slept.append(round(seconds, 6))
        now[0] += seconds

    times = Timekeeper(clock=lambda: now[0], sleep=sleep)
    assert times.wait(7.0) == 100.0  # whatever its own clock says, it begins now
    assert times.wait(7.5) == 100.5
    now[0] += 5  # the network stood still: go on from here, without a burst
    assert times.wait(7.6) == 105.5
    assert times.wait(7.7) == pytest.approx(105.6)
    times.wait(5000.0)  # its clock was set
    times.wait(5000.1)
    times.wait(3.0)
    assert [seconds for seconds in slept if seconds > 0] == [0.5, 0.1, 0.1]


def test_what_hangs_is_left_behind_and_closed_when_it_comes():
    closed = []

    class Late:
        def close(self):
            closed.append(True)

    def slow():
        time.sleep(0.2)
        return Late()

    with pytest.raises(MediaError, match=r"webcam:0 does not answer within 0\.05 s"):
        within(0.05, slow, name="webcam:0")
    time.sleep(0.3)
    assert closed == [True]


def test_an_error_of_what_is_waited_for_comes_through():
    with pytest.raises(ZeroDivisionError):
        within(1, lambda: 1 // 0, name="sum")
    assert within(1, lambda: 7, name="sum") == 7
