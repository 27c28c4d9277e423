"""Spatial films as FFmpeg reads them again: both views, the base view alone, and what is said of the cameras."""

import logging
import os
import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideData
from av.video.frame import PictureType

from clips import FIXTURES, Audio, Subtitles, Track, drawing, picture_track, tracks, write_clip
from vergence.errors import FormatError, MediaError, SettingsError
from vergence.media.boxes import read_moov
from vergence.media.side_data import side_data_of
from vergence.media.spatial.metadata import SpatialCamera
from vergence.media.spatial.video import SpatialVideoSink
from vergence.media.video import VideoSource
from vergence.media.video_writer import EncodeSettings, VideoSink
from vergence.types import Frame, Intrinsics, MediaInfo, StereoPair

EDGE, VIDEOS = FIXTURES / "edge", FIXTURES / "videos"
INFO = MediaInfo(path=None, is_film=True, width=64, height=48, rate=Fraction(24), time_base=Fraction(1, 24))


def other_eye(rgb: np.ndarray) -> np.ndarray:
    """A picture that is never taken for the left one: turned and with its colours exchanged."""
    return np.ascontiguousarray(rgb[::-1, ::-1, ::-1])


def pair_of(frame: Frame) -> StereoPair:
    return StereoPair(frame.rgb, other_eye(frame.rgb), frame)


def convert(source: Path, target: Path, *, part: dict[str, Any] | None = None, **options: Any) -> Path:
    with VideoSource(source, **(part or {})) as film, SpatialVideoSink(target, like=film.info, **options) as sink:
        for frame in film:
            sink.write(pair_of(frame))
    return sink.path


def write(target: Path, frames: int = 8, *, like: MediaInfo = INFO, **options: Any) -> Path:
    with SpatialVideoSink(target, like=like, **options) as sink:
        for i in range(frames):
            rgb = drawing(i, width=like.width, height=like.height)
            sink.write(pair_of(Frame(rgb, i, Fraction(i, 24))))
    return target


def views(path: Path) -> list[tuple[int, Any, np.ndarray]]:
    """(view, time, picture) of every frame of both views."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        stream.codec_context.options = {"view_ids": "-1"}
        frames = list(film.decode(stream))
    return [(i % 2, frame.time, frame.to_ndarray(format="rgb24")) for i, frame in enumerate(frames)]


def base(path: Path) -> list[np.ndarray]:
    """What a player sees that knows of one view only."""
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def said_language(track: Track) -> str:
    return track.tags.get("language", "und")


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_both_views_are_decoded_each_as_it_was(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", settings=EncodeSettings(crf=8))
    found = views(path)
    assert len(found) == 16
    for i, (view, time, picture) in enumerate(found):
        left = drawing(i // 2)
        right = other_eye(left)
        mine, theirs = (left, right) if view == 0 else (right, left)
        assert difference(picture, mine) < 8
        assert difference(picture, theirs) > 30
        assert time == pytest.approx(i // 2 / 24)


def test_the_base_view_plays_alone(tmp_path: Path) -> None:
    found = base(write(tmp_path / "a.mov", settings=EncodeSettings(crf=8)))
    assert len(found) == 8
    assert all(difference(picture, drawing(i)) < 8 for i, picture in enumerate(found))


def test_the_base_view_is_what_a_film_of_one_view_would_be(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mov")
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        assert (stream.name, stream.codec_context.profile, stream.width, stream.height) == ("hevc", "Main", 64, 48)
        assert stream.codec_context.codec_tag == "hvc1"
    assert picture_track(path).times == [Fraction(i, 24) for i in range(8)]


def test_ffmpeg_reports_two_eyes_and_their_cameras(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mov", camera=SpatialCamera(71.5, baseline=19.24, disparity_adjustment=0.02))
    with av.open(str(path)) as film:
        data = side_data_of(next(film.decode(video=0)))[SideData.STEREO3D]
    # AVStereo3D: type, flags, view, primary eye, baseline in micrometres, then two fractions
    _, flags, view, primary, baseline, adjustment, unit, angle, part = struct.unpack_from("=4iI2i2i", data)
    assert (flags, view, primary) == (0, 1, 1)  # not inverted; this is the left view, and the one to be seen alone
    assert baseline == 19240
    assert adjustment / unit == pytest.approx(0.02)
    assert angle / part == pytest.approx(71.5)


def test_the_boxes_are_those_of_a_film_apple_wrote(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mov", camera=SpatialCamera(63.4, baseline=19.24, disparity_adjustment=0.02))
    entry = read_moov(path).find(b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1")
    kinds = [box.kind for box in entry.children or ()]
    assert kinds.index(b"lhvC") == kinds.index(b"hvcC") + 1
    apples = bytes.fromhex(
        "0000005a 76657875 00000052 65796573 0000000d 73747269 00000000 03 0000000d 6865726f 00000000 01"
        "00000018 63616d73 00000010 626c696e 00000000 00004b28 00000018 636d6679 00000010 6461646a 00000000 000000c8"
    )
    assert entry.find(b"vexu").encode() == apples
    assert entry.find(b"hfov").data == (63400).to_bytes(4, "big")
    record = entry.find(b"hvcC").data
    assert bytes.fromhex("4e01b004040d002080") in record  # the reference displays message


def test_the_cameras_angle_is_that_of_the_pictures_camera(tmp_path: Path) -> None:
    frame = Frame(drawing(0), 0, Fraction(0), intrinsics=Intrinsics(32, 32, 32, 24, 64, 48))
    with SpatialVideoSink(tmp_path / "a.mov", like=INFO) as sink:
        sink.write(pair_of(frame))
    assert read_moov(sink.path).encode().count(b"hfov" + (90_000).to_bytes(4, "big")) == 1


def test_views_that_have_nothing_in_common_keep_in_step(tmp_path: Path) -> None:
    """A cut every few pictures in one eye and none in the other would make an encoder choose its key frames anew."""
    rng = np.random.default_rng(0)
    flat = np.full((48, 64, 3), 90, np.uint8)
    frames = [Frame(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8), i, Fraction(i, 24)) for i in range(60)]
    with SpatialVideoSink(tmp_path / "a.mov", like=INFO, settings=EncodeSettings(preset="medium", crf=30)) as sink:
        for frame in frames:
            sink.write(StereoPair(frame.rgb if frame.index % 7 else flat, flat, frame))
    found = views(sink.path)
    assert len(found) == 120
    assert all(difference(picture, flat) < 4 for view, _, picture in found if view == 1)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_films_have_every_pair(tmp_path: Path, count: int) -> None:
    assert len(views(write(tmp_path / "a.mov", count))) == 2 * count


def test_a_spatial_film_can_be_a_source(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mov", settings=EncodeSettings(crf=8))
    found = list(VideoSource(path))
    assert len(found) == 8
    assert all(difference(frame.rgb, drawing(i)) < 8 for i, frame in enumerate(found))


def test_a_key_frame_comes_every_two_seconds(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mov", 100)
    with av.open(str(path)) as film:
        keys = [packet.pts * packet.time_base for packet in film.demux(video=0) if packet.is_keyframe and packet.size]
    assert keys == [0, 2, 4]


def test_odd_sizes_and_uneven_times_survive(tmp_path: Path) -> None:
    source = EDGE / "vfr.mp4"
    path = convert(source, tmp_path / "a.mov", part={"max_frames": 20})
    before = [frame.time for frame in VideoSource(source, max_frames=20)]
    assert picture_track(path).times == before
    odd = convert(EDGE / "odd_size_427x241.mp4", tmp_path / "b.mov", part={"max_frames": 4})
    assert [picture.shape for _, _, picture in views(odd)] == [(242, 428, 3)] * 8


def test_ten_bits_and_hdr_stay(tmp_path: Path) -> None:
    path = convert(EDGE / "hdr10_pq_10bit.mp4", tmp_path / "a.mov", part={"max_frames": 4})
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        stream.codec_context.options = {"view_ids": "-1"}
        frames = list(film.decode(stream))
    assert [frame.format.name for frame in frames] == ["yuv420p10le"] * 8
    assert {(int(f.color_primaries), int(f.color_trc), int(f.colorspace)) for f in frames} == {(9, 16, 9)}
    with av.open(str(convert_plain(EDGE / "hdr10_pq_10bit.mp4", tmp_path / "plain.mov"))) as plain:
        expected = side_data_of(next(plain.decode(video=0)))
    found = side_data_of(frames[0])
    assert all(found[kind] == data for kind, data in expected.items() if kind is not SideData.SEI_UNREGISTERED)


def convert_plain(source: Path, target: Path) -> Path:
    with VideoSource(source, max_frames=4) as film, VideoSink(target, like=film.info) as sink:
        for frame in film:
            sink.write(frame)
    return target


def test_mastering_display_and_light_level_come_along(tmp_path: Path) -> None:
    hdr = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=900,200"
    source = write_clip(
        tmp_path / "in.mp4",
        codec="libx265",
        pixels="yuv420p10le",
        colour=(9, 16, 9, 1),
        options={"x265-params": f"log-level=none:{hdr}:hdr10=1"},
        frames=3,
    )
    path = convert(source, tmp_path / "a.mov")
    with av.open(str(path)) as film:
        found = side_data_of(next(film.decode(video=0)))
    assert struct.unpack_from("=2I", found[SideData.CONTENT_LIGHT_LEVEL]) == (900, 200)
    red_x = struct.unpack_from("=2i", found[SideData.MASTERING_DISPLAY_METADATA])
    assert Fraction(*red_x) == Fraction(34000, 50000)


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_sound_subtitles_and_chapters_come_along(tmp_path: Path, suffix: str) -> None:
    source = write_clip(
        tmp_path / "in.mp4",
        frames=24,
        audio=(Audio(language="eng"), Audio(language="fra")),
        subtitles=(Subtitles("mov_text"),),
        chapters=((0.0, 0.5, "one"), (0.5, 1.0, "two")),
        tags={"title": "A pole"},
    )
    path = convert(source, tmp_path / f"a{suffix}")
    before, after = tracks(source), tracks(path)
    assert [track.kind for track in after if track.kind != "data"] == ["video", "audio", "audio", "subtitle"]
    for kind in ("audio", "subtitle"):
        ours, theirs = ([track for track in all_ if track.kind == kind] for all_ in (after, before))
        assert [track.said for track in ours] == [track.said for track in theirs]
        assert [track.times for track in ours if kind == "audio"] == [t.times for t in theirs if kind == "audio"]
        assert [said_language(track) for track in ours] == [said_language(track) for track in theirs]
    with av.open(str(path)) as film:
        assert [chapter["metadata"]["title"] for chapter in film.chapters()] == ["one", "two"]
        assert film.metadata["title"] == "A pole"


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_the_text_of_other_subtitles_is_kept(tmp_path: Path, suffix: str) -> None:
    lines = ((0.1, 0.4, "<i>Guten</i> Morgen"), (0.5, 0.9, "{\\an8}two\nlines"))
    source = write_clip(tmp_path / "in.mkv", frames=24, subtitles=(Subtitles("subrip", lines, language="fra"),))
    path = convert(source, tmp_path / f"a{suffix}")
    texts = next(track for track in tracks(path) if track.kind == "subtitle")
    assert (texts.codec, texts.tags["language"]) == ("mov_text", "fra")
    assert [data[2:] for data in texts.said] == [b"Guten Morgen", b"two\nlines"]
    assert [time for time, data in texts.packets if data in texts.said] == [Fraction(1, 10), Fraction(1, 2)]


def test_a_track_quicktime_does_not_hold_is_left_out_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = write_clip(tmp_path / "in.mkv", audio=(Audio(),), font=b"letters")
    with caplog.at_level(logging.WARNING):
        path = convert(source, tmp_path / "a.mov")
    assert path.suffix == ".mov"
    assert "left out, as a mov file does not hold it: attachment 2" in caplog.text
    assert [track.kind for track in tracks(path)] == ["video", "audio"]


def test_the_header_comes_before_the_film(tmp_path: Path) -> None:
    data = write(tmp_path / "a.mov").read_bytes()
    assert data.find(b"moov") < data.find(b"mdat")


def test_another_suffix_or_codec_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"spatial video goes into \.mov or \.mp4, not a\.mkv"):
        SpatialVideoSink(tmp_path / "a.mkv", like=INFO)
    with pytest.raises(SettingsError, match="spatial video is hevc, not av1"):
        SpatialVideoSink(tmp_path / "a.mov", like=INFO, settings=EncodeSettings("av1"))


def test_nothing_is_left_behind_by_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), SpatialVideoSink(tmp_path / "a.mov", like=INFO) as sink:  # noqa: PT012
        sink.write(pair_of(Frame(drawing(0), 0, Fraction(0))))
        raise ValueError("stop")
    with pytest.raises(MediaError, match="no frame"), SpatialVideoSink(tmp_path / "a.mov", like=INFO):
        pass
    assert os.listdir(tmp_path) == []


def test_encoders_out_of_step_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself, an encoder chooses by what it sees."""
    monkeypatch.setattr("vergence.media.spatial.video.ALIKE", ("b-adapt=2", "scenecut=40", "min-keyint=1"))
    monkeypatch.setattr(
        "vergence.media.spatial.video._TwoLayerFilm._picture_type", lambda self, index: PictureType.NONE
    )
    rng = np.random.default_rng(0)
    flat = np.full((48, 64, 3), 90, np.uint8)
    settings = EncodeSettings(preset="medium")
    with (  # noqa: PT012
        pytest.raises(MediaError, match="the encoder "),
        SpatialVideoSink(tmp_path / "a.mov", like=INFO, settings=settings) as sink,
    ):
        for i in range(48):
            if i % 6 == 0:
                cut = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            sink.write(StereoPair(np.roll(cut, i, 1), flat, Frame(cut, i, Fraction(i, 24))))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"field_of_view": 180.0}, "between 0 and 180 degrees, not 180"),
        ({"baseline": 0.0}, "more than 0 and at most"),
        ({"disparity_adjustment": 1.5}, "share of the width"),
    ],
)
def test_cameras_that_cannot_be_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        SpatialCamera(**change)


def test_an_unknown_camera_sees_sixty_degrees_along_the_longer_side() -> None:
    assert SpatialCamera().of(None, width=1920, height=1080).degrees == pytest.approx(60)
    tall = SpatialCamera().of(None, width=1080, height=1920).degrees
    assert tall == pytest.approx(2 * np.degrees(np.arctan(1080 / 1920 * np.tan(np.radians(30)))))
    assert replace(SpatialCamera(), field_of_view=80.0).of(None, width=1, height=1).degrees == 80
