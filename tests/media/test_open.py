"""The one door: what lies behind a name decides what is opened."""

import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vergence.errors import FormatError, MediaError, VergenceError
from vergence.media.frames import FramesSink, FramesSource
from vergence.media.image import ImageSink, ImageSource
from vergence.media.open import open_sink, open_source
from vergence.media.video import VideoSource
from vergence.media.video_writer import EncodeSettings, VideoSink
from vergence.types import Frame, MediaInfo

FIXTURES = Path(__file__).parent.parent / "fixtures"
PHOTO = FIXTURES / "images" / "sk_coffee.png"
CLIP = FIXTURES / "edge" / "five_frames.mp4"
PHOTO_INFO = MediaInfo(path=PHOTO, is_film=False, width=8, height=6, frames=1)
FILM_INFO = MediaInfo(path=CLIP, is_film=True, width=8, height=6)


@pytest.mark.parametrize("path", sorted((FIXTURES / "images").iterdir()), ids=lambda path: path.name)
def test_every_picture_opens_or_says_why_not(path):
    if path.name == "fmt_broken.jpg":
        with pytest.raises(MediaError, match="cut off"):
            open_source(path)
        return
    with open_source(path) as source:
        frames = list(source)
    assert source.info.is_film == (path.name == "fmt_animated.gif")
    assert len(frames) == (6 if source.info.is_film else 1)
    assert {frame.rgb.shape for frame in frames} == {(source.info.height, source.info.width, 3)}


def test_a_string_names_a_film_and_its_part():
    with open_source(str(CLIP), max_frames=2) as source:
        assert isinstance(source, VideoSource)
        assert len(list(source)) == 2


@pytest.mark.parametrize(("file", "kind"), [(PHOTO, ImageSource), (CLIP, VideoSource)])
def test_an_unknown_suffix_is_told_by_content(tmp_path, file, kind):
    shutil.copy(file, tmp_path / "download.bin")
    with open_source(tmp_path / "download.bin") as source:
        assert isinstance(source, kind)


def test_a_gif_of_one_picture_is_a_photo(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "still.gif")
    with open_source(tmp_path / "still.gif") as source:
        assert not source.info.is_film


def test_numbered_pictures_are_a_film_by_folder_and_by_pattern(tmp_path):
    for number in range(3):
        Image.new("RGB", (8, 6)).save(tmp_path / f"{number:04}.png")
    for uri in (tmp_path, tmp_path / "%04d.png"):
        with open_source(uri, rate=Fraction(10)) as source:
            assert isinstance(source, FramesSource)
            assert [frame.time for frame in source] == [0, Fraction(1, 10), Fraction(1, 5)]
    with open_source(tmp_path) as source:
        assert source.info.rate == 24


def test_unrelated_pictures_are_no_film(tmp_path):
    for name in ("beach.jpg", "forest.jpg"):
        Image.new("RGB", (8, 6)).save(tmp_path / name)
    with pytest.raises(MediaError, match="2 pictures"):
        open_source(tmp_path)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(MediaError, match="no pictures"):
        open_source(tmp_path)


@pytest.mark.parametrize("name", ["none.mp4", "none.jpg", "none", "none.xyz"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(MediaError, match=f"there is no file .*{name}"):
        open_source(tmp_path / name)


@pytest.mark.parametrize("name", ["empty.mp4", "audio_only.m4a"])
def test_a_film_without_pictures_is_one_line(name):
    with pytest.raises(VergenceError) as caught:
        open_source(FIXTURES / "edge" / name)
    assert "\n" not in str(caught.value)


def test_something_else_lists_what_is_read(tmp_path):
    (tmp_path / "notes.txt").write_text("near and far")
    with pytest.raises(FormatError, match=r"\.mp4.*\.jpg"):
        open_source(tmp_path / "notes.txt")


def test_depth_is_no_picture(tmp_path):
    np.savez(tmp_path / "a.npz", depth=np.ones((2, 2)))
    with pytest.raises(FormatError, match="holds depth"):
        open_source(tmp_path / "a.npz")


def test_options_without_meaning_are_told(caplog):
    with open_source(PHOTO, start=Fraction(1)):
        assert "has no part" in caplog.text
    with open_source(CLIP, rate=Fraction(10)):
        assert "the rate given is not used" in caplog.text


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_a_photo_is_written_where_it_was_asked_for(tmp_path, suffix):
    with open_sink(tmp_path / f"out{suffix}", like=PHOTO_INFO) as sink:
        assert isinstance(sink, ImageSink)
        sink.write(Frame(np.zeros((6, 8, 3), np.uint8), 0, Fraction(0)))
    assert sink.path.is_file()


def test_a_film_is_written_where_it_was_asked_for(tmp_path):
    with open_source(CLIP) as source:
        sink = open_sink(tmp_path / "out.mp4", like=source.info, settings=EncodeSettings(crf=30, preset="ultrafast"))
        with sink:
            for frame in source:
                sink.write(frame)
    assert isinstance(sink, VideoSink)
    with open_source(sink.path) as again:
        assert len(list(again)) == 5


@pytest.mark.parametrize("name", ["out/", "out/%03d.jpg"])
def test_a_film_can_go_into_numbered_pictures(tmp_path, name):
    with open_sink(f"{tmp_path}/{name}", like=FILM_INFO) as sink:
        assert isinstance(sink, FramesSink)
        for index in range(2):
            sink.write(Frame(np.zeros((6, 8, 3), np.uint8), index, Fraction(index)))
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "like", "hint"),
    [
        ("out.mp4", PHOTO_INFO, r"is a photo, which cannot be written as out\.mp4; name the result out\.jpg"),
        ("out.jpg", FILM_INFO, r"is a film, which cannot be written as out\.jpg; name the result out\.mp4"),
        ("out.exr", PHOTO_INFO, r"name the result out\.jpg"),
        ("out.gif", FILM_INFO, r"\.webm\), or out/%06d\.png for numbered pictures"),
        ("out.xyz", PHOTO_INFO, r"name the result out\.jpg"),
        ("out", FILM_INFO, r"name the result out\.mp4"),
        ("out.bmp", PHOTO_INFO, r"name the result out\.jpg"),
        ("out/", PHOTO_INFO, "folder of frames"),
        ("%d.png", PHOTO_INFO, "folder of frames"),
    ],
)
def test_a_result_of_the_wrong_format_says_how_to_name_it(tmp_path, name, like, hint):
    with pytest.raises(FormatError, match=hint):
        open_sink(f"{tmp_path}/{name}", like=like)


def test_a_codec_is_loaded_only_when_it_is_used(tmp_path):
    code = (
        "import sys; from vergence.media.open import open_source; from vergence.media.depth_file import read_depth\n"
        f"open_source({str(PHOTO)!r})\nprint(sorted({{'av', 'OpenEXR', 'PIL'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['PIL']"
