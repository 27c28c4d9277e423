"""The external tool, played by a script that notes how it was called and copies what it was given."""

import json
import os
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from clips import Audio, Subtitles, drawing, write_clip
from vergence.errors import FormatError, MediaError, SettingsError
from vergence.media.spatial.metadata import SpatialCamera, SpatialSettings
from vergence.media.spatial.sink import open_spatial
from vergence.media.spatial.tool import SpatialToolSink
from vergence.media.video import VideoSource
from vergence.types import Frame, MediaInfo, StereoPair

FILM = MediaInfo(path=None, is_film=True, width=64, height=48, rate=Fraction(24), time_base=Fraction(1, 24))
PHOTO = MediaInfo(path=None, is_film=False, width=64, height=48)
CAMERA = SpatialCamera(75.0, baseline=65.0, disparity_adjustment=0.02)
SCRIPT = """#!{python}
import json, pathlib, shutil, sys
words = sys.argv[1:]
pathlib.Path({notes!r}).write_text(json.dumps(words))
shutil.copy(words[words.index("-i") + 1], {seen!r} + pathlib.Path(words[words.index("-i") + 1]).suffix)
if {code}:
    print("first line", file=sys.stderr)
    print("no encoder today", file=sys.stderr)
    sys.exit({code})
pathlib.Path(words[words.index("-o") + 1]).write_text("made by the tool")
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, code: int = 0) -> None:
    place = folder / "bin"
    place.mkdir()
    tool = place / "spatial"
    tool.write_text(
        SCRIPT.format(python=sys.executable, notes=str(place / "notes.json"), seen=str(place / "seen"), code=code)
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(place), prepend=os.pathsep)


def pair(index: int) -> StereoPair:
    left = drawing(index)
    return StereoPair(left, np.ascontiguousarray(left[::-1]), Frame(left, index, Fraction(index, 24)))


def test_the_tool_gets_both_views_side_by_side_and_the_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    source = write_clip(tmp_path / "in.mp4", audio=(Audio(),))
    with VideoSource(source) as film, SpatialToolSink(tmp_path / "out.mov", like=film.info, camera=CAMERA) as sink:
        for i, frame in enumerate(film):
            sink.write(StereoPair(pair(i).left, pair(i).right, frame))
    assert (tmp_path / "out.mov").read_text() == "made by the tool"
    words = json.loads((tmp_path / "bin/notes.json").read_text())
    assert words[0] == "make"
    said = dict(zip(words[1:-1:2], words[2::2], strict=True))
    assert words[-1] == "-y"
    assert {name: said[name] for name in ("-f", "--cdist", "--hadjust", "--primary", "--projection")} == {
        "-f": "sbs", "--cdist": "65", "--hadjust": "0.02", "--primary": "left", "--projection": "rect",
    }  # fmt: skip
    assert float(said["--hfov"]) == 75
    with av.open(str(tmp_path / "bin/seen.mov")) as seen:
        assert [stream.type for stream in seen.streams] == ["video", "audio"]
        picture = next(seen.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert np.abs(picture - np.hstack([pair(0).left, pair(0).right])).mean() < 8
    assert sorted(os.listdir(tmp_path)) == ["bin", "in.mp4", "out.mov"]


def test_photos_go_to_the_tool_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    settings = SpatialSettings(encoder="spatial")
    with open_spatial(tmp_path / "out.heic", like=PHOTO, spatial=settings) as sink:
        sink.write(pair(0))
    with Image.open(tmp_path / "bin/seen.png") as seen:
        assert (np.asarray(seen) == np.hstack([pair(0).left, pair(0).right])).all()
    assert sorted(os.listdir(tmp_path)) == ["bin", "out.heic"]


def test_what_the_tool_complains_of_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, code=3)
    with (
        pytest.raises(MediaError, match=r"spatial could not write .*out\.mov: no encoder today"),
        SpatialToolSink(tmp_path / "out.mov", like=FILM) as sink,
    ):
        sink.write(pair(0))
    assert os.listdir(tmp_path) == ["bin"]


def test_the_tool_gets_quicktime_whatever_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows no Matroska, which our own films become where QuickTime does not hold their tracks."""
    install(tmp_path, monkeypatch)
    source = write_clip(tmp_path / "in.mkv", audio=(Audio("libopus"),), subtitles=(Subtitles("ass"),))
    with VideoSource(source) as film, SpatialToolSink(tmp_path / "out.mov", like=film.info) as sink:
        for i, frame in enumerate(film):
            sink.write(StereoPair(pair(i).left, pair(i).right, frame))
    with av.open(str(tmp_path / "bin/seen.mov")) as seen:
        assert [stream.type for stream in seen.streams] == ["video", "subtitle"]  # QuickTime holds no Opus


def test_a_tool_that_is_killed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    (tmp_path / "bin/spatial").write_text(
        '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho half >"$2"; kill -9 $$\n'
    )
    with (
        pytest.raises(MediaError, match=r"spatial could not write .*out\.mov: it does not say why"),
        SpatialToolSink(tmp_path / "out.mov", like=FILM) as sink,
    ):
        sink.write(pair(0))
    assert os.listdir(tmp_path) == ["bin"]


def test_nothing_is_left_of_a_job_that_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    with pytest.raises(ValueError, match="stop"), SpatialToolSink(tmp_path / "out.mov", like=FILM) as sink:  # noqa: PT012
        sink.write(pair(0))
        raise ValueError("stop")
    assert os.listdir(tmp_path) == ["bin"]


def test_without_the_tool_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="'spatial' is a program for macOS that is not on the PATH"):
        SpatialToolSink(tmp_path / "out.mov", like=FILM)


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"\.mov or \.mp4"):
        SpatialToolSink(tmp_path / "out.mkv", like=FILM)
    with pytest.raises(FormatError, match=r"\.heic"):
        SpatialToolSink(tmp_path / "out.png", like=PHOTO)


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(SettingsError, match="choose x265 or spatial"):
        SpatialSettings(encoder="nvenc")  # type: ignore[arg-type]
