"""Fewer frames a second and smaller pictures: the right ones, at their own times."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import write_clip
from vergence.errors import SettingsError
from vergence.media.open import open_source
from vergence.media.sampling import Shrunk, Thinned, fitted
from vergence.types import Frame, Intrinsics, MediaInfo

EDGE = Path(__file__).parent.parent / "fixtures" / "edge"


class Times:
    """A film of black pictures at the given times, seconds; the last one lasts as long as told."""

    def __init__(self, times, rate=None, last=Fraction(1, 30), size=(6, 8), intrinsics=None):
        self.times, self.last, self.size, self.camera = times, last, size, intrinsics
        self.info = MediaInfo(None, True, size[1], size[0], frames=len(times), rate=rate)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __iter__(self):
        for index, time in enumerate(self.times):
            ends = [*self.times[1:], time + self.last if self.last else None]
            duration = None if ends[index] is None else ends[index] - time
            yield Frame(np.zeros((*self.size, 3), np.uint8), index, time, duration, intrinsics=self.camera)


def steady(rate, frames):
    return Times([Fraction(i) / rate for i in range(frames)], rate=Fraction(rate), last=1 / Fraction(rate))


def kept(source, rate, **more):
    """Numbers of the source's frames that are kept."""
    times = list(source.times)
    return [times.index(frame.time) for frame in Thinned(source, Fraction(rate), **more)]


def test_thirty_to_twenty_keeps_two_of_three():
    assert kept(steady(30, 12), 20) == [0, 2, 3, 5, 6, 8, 9, 11]


def test_twenty_four_to_ten_keeps_the_first_after_every_tenth_of_a_second():
    assert kept(steady(24, 24), 10) == [0, 3, 5, 8, 10, 12, 15, 17, 20, 22]


@pytest.mark.parametrize("rate", [30, 31, 240])
def test_no_frame_is_invented(rate):
    assert kept(steady(30, 9), rate) == list(range(9))


def test_the_rate_of_a_film_keeps_all_of_it_whatever_its_jitter():
    times = [Fraction(i, 30) + Fraction((i * 7919) % 13 - 6, 1000) for i in range(90)]
    source = Times(times, rate=Fraction(30))
    assert kept(source, 30) == list(range(90))


def test_times_rounded_to_milliseconds_are_thinned_evenly():
    source = Times([Fraction(round(i * 1000 / 30), 1000) for i in range(60)], rate=Fraction(30))
    assert kept(source, 15) == list(range(0, 60, 2))


@given(
    gaps=st.lists(st.integers(1, 400), min_size=1, max_size=60),
    start=st.integers(0, 5000),
    rate=st.fractions(Fraction(1, 2), 120),
)
def test_each_kept_frame_is_the_first_after_a_cut_of_time(gaps, start, rate):
    times = [Fraction(start + sum(gaps[:i]), 1000) + Fraction(1, 4000) for i in range(len(gaps))]
    slow = Times(times, rate=None)
    found = kept(slow, rate)
    early = Fraction(1, 2000)
    expected = {0}
    for k in range(int(times[0] * rate), int(times[-1] * rate) + 2):
        expected |= set([i for i, time in enumerate(times) if time + early >= k / rate][:1])
    assert found == sorted(expected)


def test_kept_frames_last_until_the_next_and_the_last_one_to_the_end():
    frames = list(Thinned(steady(30, 12), Fraction(20)))
    assert [frame.index for frame in frames] == list(range(8))
    assert [frame.duration * 30 for frame in frames] == [2, 1, 2, 1, 2, 1, 2, 1]
    assert frames[-1].time + frames[-1].duration == Fraction(12, 30)


def test_a_last_frame_of_unknown_length_stays_so():
    (frame,) = Thinned(Times([Fraction(0)], last=None), Fraction(5))
    assert frame.duration is None


def test_a_count_counts_what_is_kept():
    frames = list(Thinned(steady(30, 60), Fraction(10), max_frames=4))
    assert [frame.time * 30 for frame in frames] == [0, 3, 6, 9]
    assert frames[-1].duration == Fraction(1, 10)


def test_what_is_said_beforehand_comes_true():
    for rate, frames in ((20, 60), (10, 61), (7, 59), (29, 30), (30, 12), (50, 12)):
        thinned = Thinned(steady(30, frames), Fraction(rate))
        assert thinned.info.frames == len(list(thinned))
        assert thinned.info.rate == min(rate, 30)
        assert not thinned.info.is_clipped
    assert Thinned(steady(30, 60), Fraction(10), max_frames=4).info.is_clipped


def test_it_can_be_read_again():
    thinned = Thinned(steady(30, 12), Fraction(20))
    assert [f.time for f in thinned] == [f.time for f in thinned]


def test_a_film_with_a_variable_rate_keeps_its_own_times():
    with open_source(EDGE / "vfr.mp4") as film:
        whole = list(film)
    times = [frame.time for frame in whole]
    with open_source(EDGE / "vfr.mp4", target_rate=Fraction(10)) as film:
        frames = list(film)
    expected = [next(t for t in times if t >= Fraction(k, 10)) for k in range(int(times[-1] * 10) + 1)]
    assert [frame.time for frame in frames] == sorted({times[0], *expected})
    assert frames[-1].time + frames[-1].duration == times[-1] + whole[-1].duration


def test_a_turned_film_stays_upright():
    with open_source(EDGE / "rotated_metadata.mp4", target_rate=Fraction(6)) as film:
        frames = list(film)
        assert (film.info.width, film.info.height) == (360, 640)
    assert {frame.rgb.shape for frame in frames} == {(640, 360, 3)}
    assert [frame.time for frame in frames] == [Fraction(i, 6) for i in range(15)]


def test_a_part_is_thinned_on_the_films_own_clock(tmp_path):
    path = write_clip(tmp_path / "a.mp4", frames=48)
    with open_source(path, start=Fraction(1, 2), target_rate=Fraction(6), max_frames=3) as film:
        assert [frame.time for frame in film] == [Fraction(3, 6), Fraction(4, 6), Fraction(5, 6)]


@pytest.mark.parametrize(("rate", "more"), [(0, {}), (-1, {}), (5, {"max_frames": 0})])
def test_senseless_rates_are_refused(rate, more):
    with pytest.raises(SettingsError):
        Thinned(steady(30, 3), Fraction(rate), **more)


@pytest.mark.parametrize(
    ("size", "most", "expected"),
    [
        ((1920, 1080), 1280, (1280, 720)),
        ((1080, 1920), 1280, (720, 1280)),
        ((427, 241), 320, (320, 180)),
        ((427, 241), 427, (427, 241)),
        ((640, 360), 1280, (640, 360)),
        ((640, 480), 101, (100, 76)),
        ((4000, 10), 100, (100, 2)),
    ],
)
def test_sizes_are_even_and_fit(size, most, expected):
    assert fitted(*size, most) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_shrink_by_averages_with_their_camera(dtype):
    pattern = np.indices((48, 64)).sum(axis=0) % 2
    rgb = np.repeat((pattern * 200)[..., None], 3, axis=2).astype(dtype)
    camera = Intrinsics(50, 50, 32, 24, 64, 48)

    class One(Times):
        def __iter__(self):
            yield Frame(rgb, 0, Fraction(0), intrinsics=camera)

    shrunk = Shrunk(One([Fraction(0)], size=(48, 64)), 32)
    (frame,) = shrunk
    assert frame.rgb.shape == (24, 32, 3) == (shrunk.info.height, shrunk.info.width, 3)
    assert frame.rgb.dtype == dtype
    assert (np.abs(frame.rgb.astype(int) - 100) <= 1).all()
    assert frame.intrinsics == Intrinsics(25, 25, 16, 12, 32, 24)


def test_small_pictures_are_left_alone():
    source = Times([Fraction(0)], size=(31, 41))
    (frame,) = Shrunk(source, 64)
    assert frame.rgb.shape == (31, 41, 3)


def test_too_small_is_refused():
    with pytest.raises(SettingsError, match="16"):
        Shrunk(steady(30, 1), 8)
