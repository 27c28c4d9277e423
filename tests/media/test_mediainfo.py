"""Films as MediaInfo reads them, which shares no code with what wrote them."""

from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from clips import FIXTURES, Audio, Subtitles, drawing, write_clip
from vergence.media.spatial.video import SpatialVideoSink
from vergence.media.video import VideoSource
from vergence.media.video_writer import EncodeSettings, VideoSink
from vergence.types import Frame, MediaInfo, Packing, StereoPair

pymediainfo = pytest.importorskip("pymediainfo", reason="the extra [dev] is not installed")

FILM = MediaInfo(path=None, is_film=True, width=64, height=48, rate=Fraction(24), time_base=Fraction(1, 24))
HDR = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=900,200"
LAYOUTS = {  # its words
    "left_right": "Side by Side (left eye first)",
    "half_left_right": "Side by Side (left eye first)",
    "right_left": "Side by Side (right eye first)",
    "top_bottom": "Top-Bottom (left eye first)",
    "half_top_bottom": "Top-Bottom (left eye first)",
    "rows": "Row Interleaved (left eye first)",
    "columns": "Column Interleaved (left eye first)",
    "anaglyph_red_cyan": "Anaglyph (cyan/red)",
    "anaglyph_green_magenta": "Anaglyph (green/magenta)",
    "vr180": "Side by Side (left eye first)",
}


def read(path: Path) -> dict[str, list[dict[str, Any]]]:
    """What it says of each track, by kind."""
    found: dict[str, list[dict[str, Any]]] = {}
    for track in pymediainfo.MediaInfo.parse(str(path)).tracks:
        found.setdefault(track.track_type, []).append(track.to_data())
    return found


def write(path: Path, packing: Packing) -> Path:
    with VideoSink(path, like=FILM, stereo=packing) as sink:
        for i in range(3):
            sink.write(Frame(drawing(i), i, Fraction(i, 24)))
    return path


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".mp4", "hevc"), (".mp4", "av1"), (".mov", "hevc"), (".mkv", "hevc"), (".mkv", "av1"), (".webm", "av1")],
)
def test_colours_light_sound_subtitles_and_chapters_of_hdr_are_found(tmp_path: Path, suffix: str, codec: Any) -> None:
    sound = "aac" if suffix == ".mov" else "libopus"
    source = write_clip(
        tmp_path / "in.mkv",
        frames=6,
        width=128,
        height=96,
        codec="libx265",
        pixels="yuv420p10le",
        colour=(9, 16, 9, 1),
        options={"x265-params": f"log-level=none:hdr10=1:{HDR}", "preset": "ultrafast"},
        audio=(Audio(sound, seconds=0.3, language="eng"), Audio(sound, seconds=0.3, language="deu")),
        subtitles=(Subtitles("subrip", ((0.0, 0.1, "hello"),), language="swe"),),
        chapters=((0.0, 0.1, "one"), (0.1, 0.2, "two")),
    )
    with (
        VideoSource(source) as film,
        VideoSink(
            tmp_path / f"a{suffix}", like=film.info, settings=EncodeSettings(codec), stereo="half_left_right"
        ) as sink,
    ):
        for frame in film:
            sink.write(frame)
    found = read(sink.path)
    (picture,) = found["Video"]
    said = {
        "bit_depth": 10,
        "color_primaries": "BT.2020",
        "transfer_characteristics": "PQ",
        "matrix_coefficients": "BT.2020 non-constant",
        "color_range": "Limited",
        "mastering_display_luminance": "min: 0.0050 cd/m2, max: 1000 cd/m2",
        "maximum_content_light_level": "900 cd/m2",
        "maximum_frameaverage_light_level": "200 cd/m2",
    }
    assert {name: picture.get(name) for name in said} == said
    assert picture["format"] == codec.upper()
    assert [track["language"] for track in found["Audio"]] == ["en", "de"]
    assert [track["language"] for track in found["Text"]] == ["sv"]
    assert any("one" in str(menu) and "two" in str(menu) for menu in found["Menu"])


@pytest.mark.parametrize("packing", get_args(Packing))
def test_matroska_tells_the_layout(tmp_path: Path, packing: Packing) -> None:
    (picture,) = read(write(tmp_path / "a.mkv", packing))["Video"]
    assert picture["multiview_layout"] == LAYOUTS[packing]


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_a_spatial_film_has_two_views(tmp_path: Path, suffix: str) -> None:
    with SpatialVideoSink(tmp_path / f"a{suffix}", like=FILM) as sink:
        for i in range(3):
            left = drawing(i)
            sink.write(StereoPair(left, np.ascontiguousarray(left[::-1]), Frame(left, i, Fraction(i, 24))))
    (picture,) = read(sink.path)["Video"]
    assert picture["count_of_views"] == "2"
    assert picture["codec_configuration_box"] == "hvcC+lhvC"


def test_a_real_hdr_film_stays_one(tmp_path: Path) -> None:
    with (
        VideoSource(FIXTURES / "edge/hdr10_pq_10bit.mp4", max_frames=3) as film,
        VideoSink(tmp_path / "a.mp4", like=film.info) as sink,
    ):
        for frame in film:
            sink.write(frame)
    (picture,) = read(sink.path)["Video"]
    assert (picture["bit_depth"], picture["transfer_characteristics"], picture["codec_id"]) == (10, "PQ", "hvc1")
