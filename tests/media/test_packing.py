"""What films say of their two views, read back by FFmpeg and byte by byte."""

from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest

from clips import drawing
from vergence.media.packing import PACKINGS
from vergence.media.video_writer import EncodeSettings, VideoSink
from vergence.types import Frame, MediaInfo, Packing

INFO = MediaInfo(path=None, is_film=True, width=640, height=528, rate=Fraction(24), time_base=Fraction(1, 24))
STEREO_MODE = {  # RFC 9559, table of StereoMode
    "left_right": 1, "half_left_right": 1, "right_left": 11, "top_bottom": 3, "half_top_bottom": 3, "rows": 7,
    "columns": 9, "anaglyph_red_cyan": 10, "anaglyph_green_magenta": 12, "vr180": 1,
}  # fmt: skip
FFMPEG_TYPE = {1: 7, 2: 6, 3: 1, 4: 2}  # ITU-T H.264 frame packing type -> AVStereo3DType


def write(path: Path, packing: Packing, codec: Any = "h264") -> Path:
    with VideoSink(path, like=INFO, settings=EncodeSettings(codec), stereo=packing) as sink:
        for i in range(3):
            sink.write(Frame(drawing(i, width=640, height=528), i, Fraction(i, 24)))
    return path


def numbers(data: bytes, *identifier: int) -> int:
    """The one number an element of Matroska holds, found by its identifier."""
    mark = bytes(identifier)
    at = data.index(mark) + len(mark)
    size = data[at] & 0x7F
    return int.from_bytes(data[at + 1 : at + 1 + size], "big")


def stereo_of(path: Path) -> tuple[int, int] | None:
    """FFmpeg's type and flags of the first frame's two views."""
    with av.open(str(path)) as film:
        data: Any = next(film.decode(video=0)).side_data
        return next((tuple(np.frombuffer(item, "i4")[:2]) for item in data if item.type.name == "STEREO3D"), None)


def test_every_packing_has_its_words():
    assert set(PACKINGS) == set(get_args(Packing)) == set(STEREO_MODE)


@pytest.mark.parametrize("packing", get_args(Packing))
def test_matroska_has_the_number_of_each_packing(tmp_path: Path, packing: Packing) -> None:
    head = write(tmp_path / "a.mkv", packing).read_bytes()[:4096]
    assert numbers(head, 0x53, 0xB8) == STEREO_MODE[packing]


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
@pytest.mark.parametrize(
    ("packing", "shown"),
    [
        ("left_right", (320, 528)),
        ("half_left_right", (640, 528)),
        ("top_bottom", (640, 264)),
        ("half_top_bottom", (640, 528)),
        ("rows", (640, 528)),
        ("columns", (640, 528)),
        ("vr180", (320, 528)),
    ],
)
def test_matroska_shows_each_view_at_its_size(
    tmp_path: Path, packing: Packing, shown: tuple[int, int], codec: Any
) -> None:
    if codec != "h264" and packing not in ("half_left_right", "left_right"):
        return
    path = write(tmp_path / "a.mkv", packing, codec)
    head = path.read_bytes()[:4096]
    assert (numbers(head, 0x54, 0xB0), numbers(head, 0x54, 0xBA)) == shown
    with av.open(str(path)) as film:
        assert len(list(film.decode(video=0))) == 3


@pytest.mark.parametrize("packing", get_args(Packing))
def test_h264_says_what_the_sei_has_a_number_for(tmp_path: Path, packing: Packing) -> None:
    kind = PACKINGS[packing].frame_packing
    found = stereo_of(write(tmp_path / "a.mov", packing))
    if kind is not None:
        assert found == (FFMPEG_TYPE[kind], 0)
    elif packing != "vr180":  # of which the container speaks
        assert found is None


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(
    ("packing", "found"),
    [("left_right", (1, 0)), ("half_top_bottom", (2, 0)), ("right_left", (1, 1)), ("rows", None)],
)
def test_hevc_says_it_in_its_stream_too(tmp_path: Path, packing: Packing, found: Any, suffix: str) -> None:
    """Read from the stream alone: FFmpeg would take the container's word first."""
    path = write(tmp_path / f"a{suffix}", packing, "hevc")
    raw = tmp_path / "raw.hevc"
    with av.open(str(path)) as film, av.open(str(raw), "w", format="hevc") as out:
        copy = out.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    assert stereo_of(raw) == found
    with av.open(str(path)) as film:
        assert len(list(film.decode(video=0))) == 3


@pytest.mark.parametrize("packing", get_args(Packing))
def test_webm_says_only_what_webm_has(tmp_path: Path, packing: Packing) -> None:
    path = write(tmp_path / "a.webm", packing, "av1")
    has_mode = b"\x53\xb8" in path.read_bytes()[:4096]
    assert has_mode == PACKINGS[packing].in_webm
    with av.open(str(path)) as film:
        assert len(list(film.decode(video=0))) == 3


def test_a_picture_too_small_to_say_its_size_is_written_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with VideoSink(path, like=INFO, stereo="half_top_bottom") as sink:
        sink.write(Frame(drawing(0, width=64, height=264), 0, Fraction(0)))
    assert numbers(path.read_bytes()[:4096], 0x54, 0xBA) == 132
