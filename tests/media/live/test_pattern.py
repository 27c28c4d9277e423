from fractions import Fraction

import cv2
import numpy as np
import pytest

from vergence.errors import MediaError
from vergence.media.live import is_live, open_live
from vergence.media.live.pattern import BITS, TestPattern, bar_code


@pytest.mark.parametrize("index", [0, 1, 5, 511, 1023, 1024 + 77])
@pytest.mark.parametrize("size", [(640, 360), (320, 180), (97, 61)])
def test_the_number_of_a_frame_can_be_read(index, size):
    assert bar_code(TestPattern(*size).picture(index)) == index % 2**BITS


def test_it_can_be_read_from_a_jpeg():
    rgb = TestPattern().picture(682)
    done, data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 60])
    assert done
    assert bar_code(cv2.imdecode(data, cv2.IMREAD_COLOR)) == 682


def test_things_move_and_nothing_else():
    one, two = (TestPattern().picture(index).astype(int) for index in (0, 8))
    changed = np.abs(one - two).max(axis=2)[:340] > 8
    assert 0.02 < changed.mean() < 0.4


def test_frames_come_at_their_moments():
    with open_live("test:64x36@50", max_frames=4) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    times = [frame.time for frame in frames]
    assert times == sorted(set(times))
    assert source.info.rate == 50
    assert source.info.path is None


def test_its_name_says_size_and_rate():
    pattern = TestPattern.named("1280x720@24")
    assert (pattern.width, pattern.height, pattern.rate) == (1280, 720, Fraction(24))
    assert TestPattern.named("").rate == 30


@pytest.mark.parametrize("text", ["x", "0x0", "99999x10", "64x36@0", "64x36@999"])
def test_other_names_are_refused(text):
    with pytest.raises(MediaError, match="test"):
        TestPattern.named(text)


def test_names_of_live_sources_are_told_from_files():
    assert is_live("test:")
    assert not is_live("film.mp4")
    assert not is_live("C:/film.mp4")
