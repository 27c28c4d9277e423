"""Spherical Video V2 boxes, read again by FFmpeg and by hand."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from clips import Audio, drawing, tracks, write_clip
from vergence.media.boxes import parse, read_moov
from vergence.media.spherical import packing_boxes
from vergence.media.video import VideoSource
from vergence.media.video_writer import EncodeSettings, VideoSink
from vergence.types import Frame, MediaInfo, Packing

INFO = MediaInfo(path=None, is_film=True, width=64, height=48, rate=Fraction(24), time_base=Fraction(1, 24))
STEREO_3D, SPHERICAL = "STEREO3D", "SPHERICAL"


def film(path: Path, packing: Packing, codec: Any = "h264") -> Path:
    with VideoSink(path, like=INFO, settings=EncodeSettings(codec), stereo=packing) as sink:
        for i in range(3):
            sink.write(Frame(drawing(i), i, Fraction(i, 24)))
    return path


def side_data(path: Path) -> dict[str, bytes]:
    """What FFmpeg makes of the boxes, by the name of the kind; of a codec that says nothing itself."""
    with av.open(str(path)) as opened:
        frame = next(opened.decode(video=0))
        return {data.type.name: bytes(data) for data in frame.side_data}


@pytest.mark.parametrize(
    ("packing", "kind"),  # of AVStereo3DType
    [("left_right", 1), ("half_left_right", 1), ("top_bottom", 2), ("half_top_bottom", 2), ("vr180", 1)],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_ffmpeg_finds_two_views(tmp_path: Path, packing: Packing, kind: int, suffix: str) -> None:
    found = side_data(film(tmp_path / f"a{suffix}", packing, codec="hevc"))
    assert struct.unpack_from("=i", found[STEREO_3D]) == (kind,)


def test_ffmpeg_finds_the_half_sphere(tmp_path: Path) -> None:
    found = side_data(film(tmp_path / "a.mp4", "vr180", codec="hevc"))
    projection, yaw, pitch, roll, left, top, right, bottom, _ = struct.unpack_from("=i3i5I", found[SPHERICAL])
    assert projection == 2  # AV_SPHERICAL_EQUIRECTANGULAR_TILE
    assert (yaw, pitch, roll) == (0, 0, 0)
    assert (left, right, top, bottom) == (1 << 30, 1 << 30, 0, 0)  # a quarter of 2^32 on either side


def test_a_flat_film_is_no_sphere(tmp_path: Path) -> None:
    assert SPHERICAL not in side_data(film(tmp_path / "a.mp4", "left_right", codec="hevc"))


def test_the_boxes_are_those_of_the_specification() -> None:
    stereo, sphere = packing_boxes("vr180")
    assert stereo.encode() == b"\0\0\0\x0dst3d\0\0\0\0\x02"
    (header, projection), _ = parse(sphere.encode()[8:], {b"proj": 0})
    assert header.kind == b"svhd"
    assert header.data.endswith(b"\0")
    assert [child.kind for child in projection.children or ()] == [b"prhd", b"equi"]


@pytest.mark.parametrize("packing", ["rows", "anaglyph_red_cyan", "right_left"])
def test_what_the_format_has_no_word_for_is_not_said(tmp_path: Path, packing: Packing) -> None:
    path = film(tmp_path / "a.mp4", packing)
    assert b"st3d" not in read_moov(path).encode()


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_every_codec_has_the_boxes(tmp_path: Path, codec: str) -> None:
    entry = read_moov(film(tmp_path / "a.mp4", "left_right", codec)).find(b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    assert b"st3d" in entry.encode()


def test_sound_subtitles_and_times_stay(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", audio=(Audio(),), ticks=[0, 1, 5, 9], time_base=Fraction(1, 24), frames=4)
    with VideoSource(source) as frames, VideoSink(tmp_path / "a.mp4", like=frames.info, stereo="left_right") as sink:
        for frame in frames:
            sink.write(frame)
    assert b"st3d" in read_moov(tmp_path / "a.mp4").encode()
    before, after = tracks(source), tracks(tmp_path / "a.mp4")
    assert after[0].times == before[0].times
    assert after[1].packets == before[1].packets
