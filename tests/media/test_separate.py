from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from clips import FIXTURES, tracks
from vergence.errors import TargetError
from vergence.media.open import open_pairs
from vergence.media.separate import SeparateSink, separate_paths
from vergence.media.video import VideoSource
from vergence.types import Frame, MediaInfo, StereoPair

FILM = MediaInfo(path=None, is_film=True, width=64, height=48, rate=Fraction(24), time_base=Fraction(1, 24))
PHOTO = MediaInfo(path=None, is_film=False, width=64, height=48)


def pair(index=0):
    left, right = np.full((48, 64, 3), 50, np.uint8), np.full((48, 64, 3), 200, np.uint8)
    return StereoPair(left, right, Frame(left, index, Fraction(index, 24)))


def levels(path):
    return [round(float(frame.rgb.mean())) for frame in VideoSource(path)]


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("a.mp4", "a_left.mp4", "a_right.mp4"),
        ("a_left.mp4", "a_left.mp4", "a_right.mp4"),
        ("a.b.png", "a.b_left.png", "a.b_right.png"),
        ("shot/%04d.png", "shot_left/%04d.png", "shot_right/%04d.png"),
    ],
)
def test_each_eye_has_its_name(name, left, right):
    assert separate_paths(Path(name)) == (Path(left), Path(right))


def test_a_film_becomes_two_of_the_same_length(tmp_path):
    with SeparateSink(tmp_path / "a.mp4", like=FILM) as sink:
        for index in range(4):
            sink.write(pair(index))
    assert sink.path == tmp_path / "a_left.mp4"
    assert sink.right_path == tmp_path / "a_right.mp4"
    assert levels(sink.path) == pytest.approx([50] * 4, abs=2)
    assert levels(sink.right_path) == pytest.approx([200] * 4, abs=2)


def test_each_eye_has_all_of_the_sound(tmp_path):
    source = FIXTURES / "videos" / "stream_audio.mp4"
    with VideoSource(source) as film, SeparateSink(tmp_path / "a.mp4", like=film.info) as sink:
        for frame in film:
            sink.write(StereoPair(frame.rgb, frame.rgb, frame))
    sound = next(track.data for track in tracks(source) if track.kind == "audio")
    for path in (sink.path, sink.right_path):
        assert next(track.data for track in tracks(path) if track.kind == "audio") == sound


def test_a_photo_becomes_two(tmp_path):
    with open_pairs(tmp_path / "a.png", layout="separate", like=PHOTO) as sink:
        sink.write(pair())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_left.png", "a_right.png"]


def test_numbered_pictures_have_a_folder_for_each_eye(tmp_path):
    with SeparateSink(tmp_path / "shot" / "%03d.png", like=FILM) as sink:
        sink.write(pair(0))
        sink.write(pair(1))
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    assert found == ["shot_left/000.png", "shot_left/001.png", "shot_right/000.png", "shot_right/001.png"]


def test_either_eye_in_the_way_is_told_before_anything_is_written(tmp_path):
    (tmp_path / "a_right.mp4").write_bytes(b"old")
    with pytest.raises(TargetError, match="a_right"):
        SeparateSink(tmp_path / "a.mp4", like=FILM)
    assert [path.name for path in tmp_path.iterdir()] == ["a_right.mp4"]


def test_a_failure_leaves_neither(tmp_path):
    sink = SeparateSink(tmp_path / "a.mp4", like=FILM)
    sink.__enter__()
    sink.write(pair())
    sink.__exit__(RuntimeError, RuntimeError(), None)
    assert list(tmp_path.iterdir()) == []
