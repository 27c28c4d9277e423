"""What a film says of its mastering display and its light, in the header of an MP4 as well as in its stream."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from clips import write_clip
from vergence.media.boxes import read_moov
from vergence.media.light_levels import LightLevels, light_boxes
from vergence.media.spatial.video import SpatialVideoSink
from vergence.media.video import VideoSource
from vergence.media.video_writer import EncodeSettings, VideoSink
from vergence.types import StereoPair

HDR = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=900,200"
MDCV = struct.pack(">8H2I", 13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10_000_000, 50)
CLLI = struct.pack(">2H", 900, 200)


@pytest.fixture(scope="module")
def hdr_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(
        tmp_path_factory.mktemp("hdr") / "in.mp4",
        frames=3,
        codec="libx265",
        pixels="yuv420p10le",
        colour=(9, 16, 9, 1),
        options={"x265-params": f"log-level=none:hdr10=1:{HDR}", "preset": "ultrafast"},
    )


def entry_boxes(path: Path) -> dict[bytes, bytes]:
    (entry, *_) = read_moov(path).find(b"trak", b"mdia", b"minf", b"stbl", b"stsd").children or ()
    return {box.kind: box.data for box in entry.children or ()}


def test_numbers_are_counted_by_hand() -> None:
    points = tuple((Fraction(x, 50_000), Fraction(y, 50_000)) for x, y in ((34, 16), (13, 34), (7, 3), (15, 17)))
    levels = LightLevels(points, (Fraction(1, 10_000), Fraction(2)), (3, 4))
    display, light = light_boxes(levels)
    assert display.encode() == bytes.fromhex("00000020 6d646376 000d0022 00070003 00220010 000f0011 00004e20 00000001")
    assert light.encode() == bytes.fromhex("0000000c 636c6c69 0003 0004")


def test_what_is_not_known_is_not_said() -> None:
    assert light_boxes(LightLevels()) == ()
    assert [box.kind for box in light_boxes(LightLevels(content=(1, 1)))] == [b"clli"]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("codec", ["hevc", "av1"])
def test_the_header_says_what_the_stream_says(tmp_path: Path, hdr_film: Path, codec: Any, suffix: str) -> None:
    if (codec, suffix) == ("av1", ".mov"):
        return  # QuickTime has no AV1
    with (
        VideoSource(hdr_film) as film,
        VideoSink(tmp_path / f"a{suffix}", like=film.info, settings=EncodeSettings(codec), stereo="left_right") as sink,
    ):
        for frame in film:
            sink.write(frame)
    boxes = entry_boxes(sink.path)
    assert (boxes[b"mdcv"], boxes[b"clli"]) == (MDCV, CLLI)
    assert b"st3d" in boxes


def test_a_spatial_film_says_it_too(tmp_path: Path, hdr_film: Path) -> None:
    with VideoSource(hdr_film) as film, SpatialVideoSink(tmp_path / "a.mov", like=film.info) as sink:
        for frame in film:
            sink.write(StereoPair(frame.rgb, frame.rgb, frame))
    boxes = entry_boxes(sink.path)
    assert (boxes[b"mdcv"], boxes[b"clli"]) == (MDCV, CLLI)
    assert {b"lhvC", b"vexu", b"hfov"} <= boxes.keys()


def test_eight_bits_are_no_hdr10(tmp_path: Path, hdr_film: Path) -> None:
    with (
        VideoSource(hdr_film) as film,
        VideoSink(tmp_path / "a.mp4", like=film.info, settings=EncodeSettings("h264")) as sink,
    ):
        for frame in film:
            sink.write(frame)
    assert not {b"mdcv", b"clli"} & entry_boxes(sink.path).keys()
