"""Numbered pictures as a film."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vergence.errors import FormatError, MediaError, SettingsError, TargetError
from vergence.media.frames import FramesSink, FramesSource, is_frames_folder, natural_key, numbered_files, pictures_in
from vergence.types import Frame


def folder_of(folder, names, size=(8, 6)):
    folder.mkdir(exist_ok=True)
    for brightness, name in enumerate(names):
        Image.new("RGB", size, (brightness, 0, 0)).save(folder / name)
    return folder


def seen(source):
    with source:
        return [int(frame.rgb[0, 0, 0]) for frame in source]


def test_frames_come_in_order_of_their_numbers(tmp_path):
    folder = folder_of(tmp_path / "shot", ["f9.png", "f10.png", "f11.png", "f100.png"])
    assert seen(FramesSource(folder)) == [0, 1, 2, 3]


def test_times_are_exact(tmp_path):
    source = FramesSource(folder_of(tmp_path / "shot", ["1.png", "2.png", "3.png"]), rate=Fraction(30000, 1001))
    frames = list(source)
    assert [frame.time for frame in frames] == [0, Fraction(1001, 30000), Fraction(2002, 30000)]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert frames[0].duration == source.info.time_base == Fraction(1001, 30000)
    assert (source.info.width, source.info.height, source.info.frames) == (8, 6, 3)
    assert source.info.is_film
    assert not source.info.is_clipped


def test_a_part_keeps_its_times(tmp_path):
    folder = folder_of(tmp_path / "shot", [f"{number:03}.png" for number in range(10)])
    source = FramesSource(folder, rate=Fraction(2), start=Fraction(1), end=Fraction(5, 2), max_frames=9)
    assert [(frame.index, frame.time) for frame in source] == [(0, 1), (1, Fraction(3, 2)), (2, 2)]
    assert (source.info.start, source.info.end, source.info.is_clipped) == (1, Fraction(5, 2), True)
    assert seen(FramesSource(folder, max_frames=2)) == [0, 1]


def test_a_part_after_the_end_is_an_error(tmp_path):
    with pytest.raises(MediaError, match="lasts 1 s"):
        FramesSource(folder_of(tmp_path / "shot", ["1.png", "2.png"]), rate=Fraction(2), start=Fraction(3))


@pytest.mark.parametrize(
    "options",
    [{"rate": Fraction(0)}, {"start": Fraction(-1)}, {"start": Fraction(2), "end": Fraction(1)}, {"max_frames": 0}],
)
def test_senseless_parts_are_refused(tmp_path, options):
    with pytest.raises(SettingsError):
        FramesSource(folder_of(tmp_path / "shot", ["1.png", "2.png"]), **options)


def test_a_pattern_chooses_its_files(tmp_path):
    folder = folder_of(tmp_path / "shot", ["left_01.png", "left_02.png", "right_01.png", "cover.jpg"])
    assert seen(FramesSource(folder / "left_%02d.png")) == [0, 1]
    assert seen(FramesSource(folder / "left_%d.png")) == [0, 1]
    with pytest.raises(MediaError, match="no numbered pictures"):
        FramesSource(folder / "left_%04d.png")


def test_results_are_named_after_the_folder(tmp_path, monkeypatch):
    folder = folder_of(tmp_path / "shot", ["1.png", "2.png"])
    monkeypatch.chdir(folder)
    for path in (folder, folder / "%d.png", Path("%d.png"), Path(".")):
        assert FramesSource(path).info.path == folder


def test_a_number_may_stand_inside_a_pattern(tmp_path):
    folder = folder_of(tmp_path / "shot", ["01_left.png", "01_right.png", "02_left.png"])
    assert seen(FramesSource(folder / "%02d_left.png")) == [0, 2]


def test_missing_numbers_are_told_and_leave_no_pause(tmp_path, caplog):
    source = FramesSource(folder_of(tmp_path / "shot", ["1.png", "2.png", "5.png", "6.png"]), rate=Fraction(1))
    assert [frame.time for frame in source] == [0, 1, 2, 3]
    assert "2 numbers are missing, the first between 2 and 5" in caplog.text


def test_every_tenth_number_is_no_gap(tmp_path, caplog):
    FramesSource(folder_of(tmp_path / "shot", ["10.png", "20.png", "30.png"]))
    assert not caplog.records


def test_a_frame_of_another_size_is_named(tmp_path):
    folder = folder_of(tmp_path / "shot", ["1.png", "2.png"])
    Image.new("RGB", (9, 6)).save(folder / "3.png")
    with pytest.raises(MediaError, match=r"3\.png is 9x6, but the film began with 8x6"):
        list(FramesSource(folder))


@pytest.mark.parametrize(
    ("names", "is_film"),
    [
        (["1.png", "2.png"], True),
        (["a_001.jpg", "a_002.jpg", "notes.txt"], True),
        (["1.png"], False),
        (["1.png", "2.jpg"], False),
        (["a1.png", "b2.png"], False),
        (["1.png", "01.png"], False),
        (["1.png", "2.png", "cover.png"], False),
        (["beach.png", "forest.png"], False),
        ([], False),
    ],
)
def test_a_folder_is_a_film_when_its_pictures_differ_by_number_alone(tmp_path, names, is_film):
    folder = folder_of(tmp_path / "shot", [name for name in names if not name.endswith(".txt")])
    (folder / ".hidden.png").touch()
    (folder / "notes.txt").touch()
    assert is_frames_folder(folder) is is_film


def test_pictures_of_different_sizes_are_no_film(tmp_path):
    folder = folder_of(tmp_path / "photos", ["1.png", "2.png"])
    Image.new("RGB", (6, 8)).save(folder / "3.png")
    assert not is_frames_folder(folder)
    assert not is_frames_folder(folder / "1.png")


def test_pictures_of_a_folder_come_in_natural_order(tmp_path):
    folder = folder_of(tmp_path / "photos", ["b2.png", "b10.jpg", "a.webp"])
    (folder / "sub.png").mkdir()
    assert [path.name for path in pictures_in(folder)] == ["a.webp", "b2.png", "b10.jpg"]


def test_a_folder_without_pictures_says_what_was_looked_for(tmp_path):
    with pytest.raises(MediaError, match=r"no pictures in .*\.jpg, .*\.png"):
        pictures_in(tmp_path)
    with pytest.raises(MediaError, match="cannot read the folder"):
        pictures_in(tmp_path / "none")


@given(st.lists(st.integers(0, 10**9), unique=True, min_size=1), st.text("abc-_. ", max_size=5))
def test_natural_order_is_the_order_of_numbers(numbers, prefix):
    names = sorted((f"{prefix}{number}.png" for number in numbers), key=natural_key)
    assert names == [f"{prefix}{number}.png" for number in sorted(numbers)]


@given(st.lists(st.text(), min_size=2))
def test_natural_order_takes_any_names(names):
    assert sorted(sorted(names, key=natural_key)) == sorted(names)


def test_numbered_files_are_keyed_by_number(tmp_path):
    folder = folder_of(tmp_path / "shot", ["x07.png", "x08.png"])
    assert numbered_files(folder, [".png"]) == {7: folder / "x07.png", 8: folder / "x08.png"}


def write(sink, count, dtype=np.uint8):
    with sink:
        for index in range(count):
            sink.write(Frame(np.full((6, 8, 3), index, dtype), index, Fraction(index)))


def test_frames_that_are_written_come_back(tmp_path):
    write(FramesSink(tmp_path / "out"), 3)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["000000.png", "000001.png", "000002.png"]
    assert seen(FramesSource(tmp_path / "out")) == [0, 1, 2]


def test_a_pattern_names_what_is_written(tmp_path):
    sink = FramesSink(tmp_path / "out" / "eye_%03d.tif")
    write(sink, 2, np.uint16)
    assert sink.path == tmp_path / "out"
    assert sorted(path.name for path in sink.path.iterdir()) == ["eye_000.tif", "eye_001.tif"]


def test_numbered_pictures_have_a_format_that_can_be_written(tmp_path):
    with pytest.raises(FormatError, match="suffix must be one of"):
        FramesSink(tmp_path / "out" / "%d.bmp")


def test_a_failed_film_leaves_no_folder(tmp_path):
    def torn():
        with FramesSink(tmp_path / "out") as sink:
            sink.write(Frame(np.zeros((6, 8, 3), np.uint8), 0, Fraction(0)))
            raise MediaError("torn")

    with pytest.raises(MediaError, match="torn"):
        torn()
    assert list(tmp_path.iterdir()) == []


def test_a_film_without_frames_is_an_error_and_leaves_no_folder(tmp_path):
    with pytest.raises(MediaError, match="no frame"):
        write(FramesSink(tmp_path / "out"), 0)
    assert list(tmp_path.iterdir()) == []


def test_only_folders_of_frames_are_replaced(tmp_path):
    write(FramesSink(tmp_path / "out"), 3)
    with pytest.raises(TargetError, match="overwrite"):
        FramesSink(tmp_path / "out")
    write(FramesSink(tmp_path / "out", overwrite=True), 2)
    assert len(list((tmp_path / "out").iterdir())) == 2
    (tmp_path / "out" / "thesis.txt").touch()
    with pytest.raises(TargetError, match="not ours"):
        FramesSink(tmp_path / "out", overwrite=True)
