import itertools
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clips import FIXTURES, Audio, Subtitles, drawing, picture_track, rgb_of_yuv, tracks, write_clip
from vergence.errors import FormatError, MediaError, SettingsError, ShapeError, TargetError
from vergence.media.video import VideoSource
from vergence.media.video_writer import EncodeSettings, VideoSink, container_for
from vergence.types import Colour, Frame, MediaInfo

EDGE, VIDEOS = FIXTURES / "edge", FIXTURES / "videos"
TICK = Fraction(1, 90000)
INFO = MediaInfo(path=None, is_film=True, width=64, height=48, rate=Fraction(24), time_base=TICK)


def convert(source: Path, target: Path, *, part: dict[str, Any] | None = None, **options: Any) -> Path:
    with VideoSource(source, **(part or {})) as film, VideoSink(target, like=film.info, **options) as sink:
        for frame in film:
            sink.write(frame)
    return sink.path


def write(target: Path, frames: Iterable[Frame], *, like: MediaInfo = INFO, **options: Any) -> Path:
    with VideoSink(target, like=like, **options) as sink:
        for frame in frames:
            sink.write(frame)
    return sink.path


def frames_at(ticks: Iterable[int], *, width: int = 64, height: int = 48) -> list[Frame]:
    return [Frame(drawing(i, width=width, height=height), i, tick * TICK) for i, tick in enumerate(ticks)]


def others(path: Path, *kinds: str) -> list[Any]:
    return [track for track in tracks(path) if track.kind in (kinds or ("audio", "subtitle"))]


# ---- times ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_uneven_times_come_out_as_they_went_in(tmp_path: Path, codec: Any, suffix: str) -> None:
    steps = np.random.default_rng(3).integers(20, 90, 40) * 90  # whole milliseconds, so that Matroska has them too
    ticks = [0, *(int(tick) for tick in np.cumsum(steps))]
    if (codec, suffix) == ("av1", ".mov"):
        return
    path = write(tmp_path / f"a{suffix}", frames_at(ticks), settings=EncodeSettings(codec))
    assert picture_track(path).times == [tick * TICK for tick in ticks]
    assert len(list(VideoSource(path))) == len(ticks)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.integers(1, 50_000), min_size=1, max_size=12),
    base=st.sampled_from([Fraction(1, 90000), Fraction(1, 1000), Fraction(1001, 30000), Fraction(1, 12800)]),
)
def test_any_increasing_times_survive_in_mp4(tmp_path: Path, steps: list[int], base: Fraction) -> None:
    times = [tick * base for tick in itertools.accumulate(steps)]
    frames = [Frame(drawing(i, width=32, height=32), i, time) for i, time in enumerate(times)]
    path = write(tmp_path / "a.mp4", frames, like=replace(INFO, time_base=base), overwrite=True)
    assert picture_track(path).times == times


@pytest.mark.parametrize("name", ["edge/vfr.mp4", "edge/vp9.webm", "edge/audio_offset.mp4", "videos/stream_audio.mp4"])
def test_a_films_times_and_length_are_kept(tmp_path: Path, name: str) -> None:
    path = convert(FIXTURES / name, tmp_path / "a.mp4", carry_tracks=False)
    before, after = list(VideoSource(FIXTURES / name)), list(VideoSource(path))
    assert [frame.time for frame in after] == [frame.time for frame in before]
    with av.open(str(path)) as film:
        length = Fraction(film.duration, 1_000_000)
    assert length == pytest.approx(before[-1].time + before[-1].duration, abs=0.001)


def test_matroska_rounds_to_milliseconds_and_does_not_drift(tmp_path: Path) -> None:
    frames = [Frame(drawing(i), i, i * Fraction(1001, 30000)) for i in range(90)]
    path = write(tmp_path / "a.mkv", frames, like=replace(INFO, time_base=Fraction(1, 30000)))
    for time, frame in zip(picture_track(path).times, frames, strict=True):
        assert abs(time - frame.time) <= Fraction(1, 2000)


def test_a_photo_long_on_screen_stays_there(tmp_path: Path) -> None:
    frames = [Frame(drawing(0), 0, Fraction(0), duration=Fraction(5))]
    path = write(tmp_path / "a.mp4", frames)
    assert next(iter(VideoSource(path))).duration == 5


def test_frames_that_go_back_in_time_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not follow"):
        write(tmp_path / "a.mp4", frames_at([0, 3000, 3000]))
    assert os.listdir(tmp_path) == []


def test_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    first, second = frames_at([0])[0], frames_at([0, 1], width=32)[1]
    with pytest.raises(ShapeError, match=r"\(32, 48\), the ones before \(64, 48\)"):
        write(tmp_path / "a.mp4", [first, second])


def test_a_recording_that_begins_at_noon_begins_at_zero(tmp_path: Path) -> None:
    noon = 12 * 3600 * 90000
    ticks = [noon + i * 3600 for i in range(25)]
    source = write_clip(
        tmp_path / "a.ts",
        ticks=ticks,
        time_base=TICK,
        audio=(Audio("mp2", start=Fraction(12 * 3600) + Fraction(1, 10)),),
    )
    path = convert(source, tmp_path / "b.mp4")
    picture, sound = tracks(source)[:2]
    assert min(picture.times) >= 12 * 3600
    new_picture, new_sound = tracks(path)[:2]
    assert new_picture.times == [time - picture.times[0] for time in picture.times]
    assert new_sound.times[0] - new_picture.times[0] == pytest.approx(sound.times[0] - picture.times[0], abs=1e-4)


# ---- everything beside the picture ----------------------------------------------------------------------------


def rich(path: Path, *, audio: str = "aac", subtitles: str = "mov_text", **changes: Any) -> Path:
    return write_clip(
        path,
        frames=48,
        audio=(
            Audio(audio, seconds=2.2, language="deu", title="Deutsch"),
            Audio(audio, seconds=1.8, start=Fraction(1, 4), language="eng"),
        ),
        subtitles=(Subtitles(subtitles, language="fra"),),
        chapters=((0, 1, "Anfang"), (1, 2, "Ende")),
        tags={"title": "A day", "artist": "Me"},
        **changes,
    )


@pytest.mark.parametrize(
    ("name", "audio", "subtitles"),
    [
        ("a.mp4", "aac", "mov_text"),
        ("a.mov", "aac", "mov_text"),
        ("a.mkv", "aac", "subrip"),
        ("a.mkv", "flac", "subrip"),
    ],
)
def test_sound_subtitles_chapters_and_tags_are_carried_bit_for_bit(
    tmp_path: Path, name: str, audio: str, subtitles: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = rich(tmp_path / f"source{Path(name).suffix}", audio=audio, subtitles=subtitles)
    path = convert(source, tmp_path / name)
    assert path.name == name
    before, after = others(source), others(path)
    assert [track.said for track in after] == [track.said for track in before]
    offset = tracks(path)[0].times[0]  # Matroska has no time before zero: priming of the sound moves all alike
    for a, b in zip(after, before, strict=True):
        if a.codec != "mov_text":  # whose times of silence are the muxer's business
            assert [float(time - offset) for time in a.times] == pytest.approx(b.times, abs=0.00051)
        assert (a.codec, a.disposition, a.tags.get("language")) == (b.codec, b.disposition, b.tags.get("language"))
    assert offset == 0 if path.suffix != ".mkv" else offset < Fraction(1, 40)
    with av.open(str(path)) as film:
        assert film.metadata["title"] == "A day"
        assert [chapter["metadata"]["title"] for chapter in film.chapters()] == ["Anfang", "Ende"]
        assert [chapter["start"] * chapter["time_base"] for chapter in film.chapters()] == [0, 1]
    assert "left out" not in caplog.text


@pytest.mark.parametrize("name", ["nasa_multistream.mp4", "office_bw_audio.mp4", "stream_audio.mp4"])
def test_tracks_of_real_films_are_carried_with_their_times(tmp_path: Path, name: str) -> None:
    path = convert(VIDEOS / name, tmp_path / "a.mp4")
    assert [track.packets for track in others(path)] == [track.packets for track in others(VIDEOS / name)]


def test_late_sound_stays_late(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mkv", frames=48, audio=(Audio("pcm_s16le", start=Fraction(1, 2)),))
    assert others(source)[0].times[0] == Fraction(1, 2)
    for name in ("b.mp4", "b.mkv"):
        assert others(convert(source, tmp_path / name))[0].times[0] == Fraction(1, 2)


def test_matroska_takes_over_where_mp4_cannot_hold_a_track(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = rich(tmp_path / "source.mkv", audio="flac", subtitles="ass")
    path = convert(source, tmp_path / "a.mp4")
    assert path == tmp_path / "a.mkv"
    assert sorted(os.listdir(tmp_path)) == ["a.mkv", "source.mkv"]
    assert [track.data for track in others(path)] == [track.data for track in others(source)]
    assert "a.mp4 cannot hold subtitle 3 (ssa) of the source; writing a.mkv" in caplog.text


def test_a_file_in_the_way_of_the_matroska_film_is_not_overwritten(tmp_path: Path) -> None:
    source = rich(tmp_path / "source.mkv", subtitles="ass")
    (tmp_path / "a.mkv").touch()
    with pytest.raises(TargetError, match=r"a\.mkv exists"):
        convert(source, tmp_path / "a.mp4")


@pytest.mark.parametrize("target", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize(("source", "kind"), [(".mp4", "mov_text"), (".mkv", "subrip"), (".webm", "webvtt")])
def test_the_text_of_subtitles_gets_into_every_container(tmp_path: Path, source: str, kind: str, target: str) -> None:
    said = {"subrip": "<i>2 < 3</i> & 4", "webvtt": "<i>2 &lt; 3</i> &amp; 4", "mov_text": "2 < 3 & 4"}
    lines = ((0.1, 0.4, said[kind]), (0.5, 0.9, "zwei\nZeilen — ö"))
    film = write_clip(
        tmp_path / f"source{source}",
        frames=24,
        codec="libsvtav1" if source == ".webm" else "libx264",
        options={"preset": "12"} if source == ".webm" else {},
        subtitles=(Subtitles(kind, lines, language="fra"),),
    )
    path = convert(film, tmp_path / f"a{target}", settings=EncodeSettings("av1" if target == ".webm" else "auto"))
    assert path.suffix == target
    (track,) = others(path, "subtitle")
    assert track.codec == {".mp4": "mov_text", ".mov": "mov_text", ".mkv": "srt", ".webm": "webvtt"}[target] or (
        (kind, track.codec, target) == ("webvtt", "webvtt", ".mkv")  # which Matroska holds as it is
    )
    assert track.tags["language"] == "fra"
    texts = [data[2:] if track.codec == "mov_text" else data for data in track.said]
    is_same = track.codec in (kind, {"subrip": "srt"}.get(kind))
    plain = "2 &lt; 3 &amp; 4" if track.codec == "webvtt" else "2 < 3 & 4"
    assert [text.decode() for text in texts] == [said[kind] if is_same else plain, lines[1][2]]
    assert [time for time, data in track.packets if data in track.said] == [Fraction(1, 10), Fraction(1, 2)]


def test_a_half_sphere_stays_in_the_container_that_can_say_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Matroska has no word for it, so of subtitles with fonts and places the text is kept."""
    said = r"0,0,Default,,0,0,0,,{\an8\fs40}oben\Nund unten"
    source = write_clip(tmp_path / "a.mkv", subtitles=(Subtitles("ass", ((0.1, 0.4, said),)),))
    path = convert(source, tmp_path / "b.mp4", stereo="vr180")
    assert path.suffix == ".mp4"
    assert [data[2:] for data in others(path, "subtitle")[0].said] == [b"oben\nund unten"]
    assert "of subtitle 1 (ssa) only the text is kept, as mp4 holds no more" in caplog.text
    assert convert(source, tmp_path / "c.mp4").suffix == ".mkv"


def test_a_text_too_long_for_an_mp4_is_cut_between_two_letters(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mkv", subtitles=(Subtitles("subrip", ((0.1, 0.4, "ö" * 40_000),)),))
    (text,) = others(convert(source, tmp_path / "b.mp4"), "subtitle")[0].said
    assert text[2:].decode() == "ö" * 32_767


def test_tracks_are_left_behind_when_asked(tmp_path: Path) -> None:
    path = convert(rich(tmp_path / "source.mp4"), tmp_path / "a.mp4", carry_tracks=False)
    assert [track.kind for track in tracks(path)] == ["video"]


def test_a_timecode_track_is_named_when_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    convert(EDGE / "five_frames.mp4", tmp_path / "a.mov")
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in warnings] == [
        "left out, as a mov file does not hold it: data 2 (timecode)"
    ]


def test_cover_and_fonts_are_carried(tmp_path: Path) -> None:
    picture = write_clip(
        tmp_path / "cover.jpg", frames=1, codec="mjpeg", pixels="yuvj420p", format="mjpeg"
    ).read_bytes()
    source = write_clip(tmp_path / "source.mkv", font=b"letters" * 100, audio=(Audio(),))
    covered = tmp_path / "covered.mkv"
    with av.open(str(source)) as film, av.open(str(covered), "w") as out:
        copies = {s.index: out.add_stream_from_template(s, opaque=True) for s in film.streams}
        out.add_attachment("cover.jpg", "image/jpeg", picture)
        for packet in film.demux([s for s in film.streams if s.type != "attachment"]):
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    path = convert(covered, tmp_path / "a.mkv")
    with av.open(str(path)) as film:
        assert [bytes(stream.data) for stream in film.streams.attachments] == [b"letters" * 100]
        cover = next(stream for stream in film.streams.video if stream.disposition & 1024)
        assert next(bytes(packet) for packet in film.demux(cover)) == picture
    # and into an MP4, which holds the picture but no fonts
    path = convert(covered, tmp_path / "a.mp4")
    assert path.suffix == ".mp4"
    with av.open(str(path)) as film:
        cover = next(stream for stream in film.streams.video if stream.disposition & 1024)
        assert next(bytes(packet) for packet in film.demux(cover)) == picture


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_of_a_part_everything_is_cut_alike(tmp_path: Path, suffix: str) -> None:
    codecs = {"audio": "aac", "subtitles": "mov_text"} if suffix == ".mp4" else {"audio": "flac", "subtitles": "subrip"}
    source = rich(tmp_path / f"source{suffix}", **codecs)
    start, end = Fraction(3, 4), Fraction(3, 2)
    path = convert(source, tmp_path / f"a{suffix}", part={"start": start, "end": end})
    picture, first, second, subtitles = tracks(path)[:4]
    assert picture.times == pytest.approx([i / Fraction(24) for i in range(18)], abs=0.0006)
    for sound, old in ((first, others(source)[0]), (second, others(source)[1])):
        expected = [(time - start, data) for time, data in old.packets if start <= time < end]
        assert sound.data == [data for _, data in expected]
        assert sound.times == pytest.approx([time for time, _ in expected], abs=0.0006)
    texts = [(time, data[-3:]) for time, data in subtitles.packets if len(data) > 2]
    assert texts == [(0, b"two")]  # on show since 0.5 s
    with av.open(str(path)) as film:
        spans = [tuple(round(float(c[k] * c["time_base"]), 3) for k in ("start", "end")) for c in film.chapters()]
    assert spans == [(0, 0.25), (0.25, 0.75)]


def test_sound_ends_with_the_last_frame_when_frames_are_counted_off(tmp_path: Path) -> None:
    source = rich(tmp_path / "source.mp4")
    path = convert(source, tmp_path / "a.mp4", part={"max_frames": 12})
    assert len(picture_track(path).times) == 12
    assert Fraction(9, 20) < others(path, "audio")[0].times[-1] < Fraction(1, 2)
    with av.open(str(path)) as film:
        assert film.duration / 1e6 == pytest.approx(0.5, abs=0.03)  # no subtitle and no chapter outlasts it
        assert [float(c["end"] * c["time_base"]) for c in film.chapters()] == [0.5]
        assert film.streams.video[0].average_rate == 24


def test_sound_that_outlasts_the_picture_is_kept(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mp4", frames=12, audio=(Audio(seconds=3),))
    assert others(convert(source, tmp_path / "b.mp4"))[0].times[-1] > Fraction(28, 10)


def test_a_damaged_film_is_written_as_far_as_it_goes(tmp_path: Path) -> None:
    path = convert(EDGE / "truncated.mp4", tmp_path / "a.mp4")
    assert len(list(VideoSource(path))) >= 20
    assert len(others(path, "audio")[0].data) > 10


def test_a_rotated_film_comes_out_upright_and_without_rotation(tmp_path: Path) -> None:
    path = convert(EDGE / "rotated_metadata.mp4", tmp_path / "a.mp4", part={"max_frames": 2})
    with av.open(str(path)) as film:
        frame = next(film.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (360, 640, 0)


# ---- containers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.avi"])
def test_an_unknown_suffix_is_told_the_ones_that_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(FormatError, match=r"\.mp4, \.m4v, \.mov, \.mkv, \.webm"):
        VideoSink(tmp_path / name, like=INFO)


def test_quicktime_does_not_take_av1(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"\.mov does not hold av1; use --codec h264, or the suffix \.mp4 or \.mkv"):
        VideoSink(tmp_path / "a.mov", like=INFO, settings=EncodeSettings("av1"))


def test_webm_takes_av1_only(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"use --codec av1, or the suffix \.mp4 or \.mkv"):
        VideoSink(tmp_path / "a.webm", like=INFO)
    path = convert(EDGE / "alpha_vp9.webm", tmp_path / "a.webm", part={"max_frames": 5}, settings=EncodeSettings("av1"))
    assert [track.codec for track in tracks(path)] == ["libdav1d", "vorbis"]


def test_an_mp4_can_be_played_while_it_downloads(tmp_path: Path) -> None:
    data = write(tmp_path / "a.mp4", frames_at([0, 3000])).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_hevc_in_mp4_has_the_tag_apple_wants(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", frames_at([0, 3000]), settings=EncodeSettings("hevc"))
    assert b"hvc1" in path.read_bytes()


def test_the_best_container_is_the_sources_own_where_it_fits(tmp_path: Path) -> None:
    assert container_for(VIDEOS / "nasa_multistream.mp4") == ".mp4"
    assert container_for(EDGE / "prores.mov") == ".mov"
    assert container_for(EDGE / "av1_testpattern.mkv") == ".mkv"
    assert container_for(EDGE / "alpha_vp9.webm", "av1") == ".webm"
    assert container_for(EDGE / "vp9.webm") == ".mkv"
    assert container_for(tmp_path) == ".mp4"
    assert container_for(write_clip(tmp_path / "a.avi", audio=(Audio("mp3"),))) == ".mp4"
    misnamed = write_clip(tmp_path / "a.flv", format="matroska", subtitles=(Subtitles("ass"),))
    assert container_for(misnamed) == ".mkv"


def test_sound_that_no_container_takes_is_left_out_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = write_clip(tmp_path / "a.avi", audio=(Audio("adpcm_ms"), Audio("mp3")))
    path = convert(source, tmp_path / "b.mp4")
    assert [track.codec for track in others(path)] == ["mp3float"]
    assert "left out, as a mp4 file does not hold it: audio 1 (adpcm_ms)" in caplog.text


# ---- pictures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
@pytest.mark.parametrize("size", [(65, 49), (66, 49), (65, 50)])
def test_odd_sizes_gain_a_copy_of_the_last_row_or_column(tmp_path: Path, codec: Any, size: tuple[int, int]) -> None:
    width, height = size[0] + 40, size[1] + 40
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, -3:] = 200
    picture[-3:] = 200
    path = write(tmp_path / "a.mp4", [Frame(picture, 0, Fraction(0))], settings=EncodeSettings(codec, crf=1))
    (frame,) = VideoSource(path)
    assert (frame.width, frame.height) == (width + width % 2, height + height % 2)
    np.testing.assert_allclose(frame.rgb[:height, :width].astype(int), picture, atol=40)
    assert frame.rgb[-1].min() > 150
    assert frame.rgb[:, -1].min() > 150


def colours() -> np.ndarray:
    grid = np.random.default_rng(2).random((6, 8, 3))
    grid[0, :4] = [(0, 0, 0), (1, 1, 1), (1, 0, 0), (0, 0, 1)]
    return grid


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_colours_are_written_by_the_matrix_and_range_they_are_tagged_with(
    tmp_path: Path, codec: Any, matrix: int, is_full: bool
) -> None:
    rgb = np.kron(np.round(colours() * 255), np.ones((8, 8, 1))).astype(np.uint8)
    colour = Colour(1, 13, matrix, is_full)
    path = write(
        tmp_path / "a.mp4",
        [Frame(rgb, 0, Fraction(0))],
        like=replace(INFO, colour=colour),
        settings=EncodeSettings(codec, crf=1),
    )
    assert VideoSource(path).info.colour == colour
    with av.open(str(path)) as film:
        frame = next(film.decode(video=0))
        assert (frame.color_primaries, frame.color_trc, frame.colorspace) == (1, 13, matrix)
        assert frame.color_range == (2 if is_full else 1)
    assert np.abs(rgb_of_yuv(frame, matrix=matrix, is_full=is_full) - colours()).max() * 255 <= 5
    assert np.abs(rgb_of_yuv(frame, matrix=matrix, is_full=is_full) - colours()).mean() * 255 <= 1


@pytest.mark.parametrize(("height", "matrix"), [(48, 6), (720, 1)])
def test_a_film_of_assumed_colours_is_tagged_with_what_was_assumed(tmp_path: Path, height: int, matrix: int) -> None:
    source = write_clip(tmp_path / "a.mp4", frames=2, height=height)
    path = convert(source, tmp_path / "b.mp4")
    with av.open(str(path)) as film:
        assert next(film.decode(video=0)).colorspace == matrix


def test_a_round_trip_changes_colours_by_less_than_the_encoder_does(tmp_path: Path) -> None:
    path = convert(
        EDGE / "static_photo_noise.mp4", tmp_path / "a.mkv", part={"max_frames": 3}, settings=EncodeSettings(crf=1)
    )
    for before, after in zip(
        VideoSource(EDGE / "static_photo_noise.mp4", max_frames=3), VideoSource(path), strict=True
    ):
        assert abs(np.mean(after.rgb.astype(float) - before.rgb)) < 0.2


def test_more_than_eight_bits_become_hevc_with_ten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="vergence")
    source = EDGE / "hdr10_pq_10bit.mp4"
    path = convert(source, tmp_path / "a.mp4", part={"max_frames": 4}, settings=EncodeSettings(crf=4))
    with VideoSource(path) as film, VideoSource(source, max_frames=4) as old:
        assert film.info.bits == 10
        assert film.info.colour == old.info.colour == Colour(9, 16, 9, False)
        for after, before in zip(film, old, strict=True):
            error = (after.rgb.astype(float) - before.rgb) / 65280 * 1023
            assert abs(error.mean()) < 0.5
            assert np.abs(error).mean() < 4
    assert "hevc with 10 bits" in caplog.text


def test_light_levels_and_mastering_display_are_repeated(tmp_path: Path) -> None:
    mastering = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    source = write_clip(
        tmp_path / "a.mp4",
        frames=3,
        codec="libx265",
        pixels="yuv420p10le",
        width=128,
        height=128,
        colour=(9, 16, 9, 1),
        options={"x265-params": f"log-level=error:hdr10=1:master-display={mastering}:max-cll=1000,400"},
    )
    path = convert(source, tmp_path / "b.mp4")

    def side_data(film: Path) -> dict[str, bytes]:
        with av.open(str(film)) as opened:
            data: Any = next(opened.decode(video=0)).side_data
            return {
                item.type.name: bytes(item) for item in data if "LIGHT" in item.type.name or "MAST" in item.type.name
            }

    assert set(side_data(source)) == {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}
    assert side_data(path) == side_data(source)


def test_eight_bits_of_ten_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    convert(EDGE / "prores.mov", tmp_path / "a.mp4", part={"max_frames": 2}, settings=EncodeSettings("h264"))
    assert "written with 8 bits of the source's 10" in caplog.text


def test_av1_keeps_ten_bits(tmp_path: Path) -> None:
    path = convert(EDGE / "prores.mov", tmp_path / "a.mp4", part={"max_frames": 2}, settings=EncodeSettings("av1"))
    assert VideoSource(path).info.bits == 10


# ---- stereo ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["left_right", "right_left", "top_bottom"])
def test_matroska_says_how_the_eyes_share_a_frame(tmp_path: Path, layout: Any) -> None:
    path = write(tmp_path / "a.mkv", frames_at([0, 3000]), stereo=layout)
    with av.open(str(path)) as film:
        assert film.streams.video[0].metadata["stereo_mode"] == layout
        assert film.streams.video[0].sample_aspect_ratio in (None, 1)


@pytest.mark.parametrize(("layout", "packing"), [("left_right", 3), ("top_bottom", 4), ("right_left", None)])
def test_h264_says_it_too_where_it_can(tmp_path: Path, layout: Any, packing: int | None) -> None:
    path = write(tmp_path / "a.mp4", frames_at([0, 3000]), stereo=layout)
    with av.open(str(path)) as film:
        side_data: Any = next(film.decode(video=0)).side_data
        assert ("STEREO3D" in {item.type.name for item in side_data}) == (packing is not None)


# ---- settings and errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codec": "vp9"}, "choose from auto, h264, hevc, av1"),
        ({"crf": 0}, "1 .best. to 51"),
        ({"codec": "av1", "crf": 64}, "to 63"),
        ({"preset": "placebo"}, "choose from ultrafast, superfast, veryfast"),
        ({"codec": "av1", "preset": "veryfast"}, "choose from 13, 12"),
    ],
)
def test_settings_a_codec_does_not_have_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        EncodeSettings(**options)


@pytest.mark.parametrize(("codec", "preset"), [("h264", "slow"), ("hevc", "superfast"), ("av1", "12")])
def test_settings_reach_the_encoder(tmp_path: Path, codec: Any, preset: str) -> None:
    frames = frames_at(range(0, 30000, 3000), width=128, height=96)
    fine = write(tmp_path / "a.mp4", frames, settings=EncodeSettings(codec, 5, preset))
    coarse = write(tmp_path / "b.mp4", frames, settings=EncodeSettings(codec, 45, preset))
    assert fine.stat().st_size > 1.5 * coarse.stat().st_size


def test_a_size_no_encoder_can_do_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="libx264 cannot encode pictures of 17000x16"):
        write(tmp_path / "a.mp4", [Frame(np.zeros((16, 17000, 3), np.uint8), 0, Fraction(0))])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("codec", ["hevc", "av1"])
@pytest.mark.parametrize("size", [(46, 100), (100, 46)])
def test_a_size_that_breaks_an_encoder_does_not_reach_it(tmp_path: Path, codec: Any, size: tuple[int, int]) -> None:
    """Smaller still, SVT-AV1 hangs and x265 writes past its memory; x264 takes any size."""
    frames = [Frame(np.zeros((size[1], size[0], 3), np.uint8), 0, Fraction(0))]
    with pytest.raises(FormatError, match=rf"needs pictures of at least 48x48, and these are {size[0]}x{size[1]}"):
        write(tmp_path / "a.mp4", frames, settings=EncodeSettings(codec))
    assert os.listdir(tmp_path) == []
    with av.open(str(write(tmp_path / "a.mp4", frames))) as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == size


def test_no_frames_make_no_film(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no frame was written"):
        write(tmp_path / "a.mp4", [])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("after", [0, 3])
def test_a_failure_in_the_middle_leaves_nothing_behind(tmp_path: Path, error: type[BaseException], after: int) -> None:
    def failing() -> Iterable[Frame]:
        yield from frames_at(range(0, 3000 * after, 3000))
        raise error

    with pytest.raises(error):
        write(tmp_path / "a.mp4", failing())
    assert os.listdir(tmp_path) == []


def test_an_existing_film_is_kept_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(TargetError, match="use --overwrite"):
        VideoSink(tmp_path / "a.mp4", like=INFO)
    write(tmp_path / "a.mp4", frames_at([0]), overwrite=True)
    assert len(list(VideoSource(tmp_path / "a.mp4"))) == 1


def test_a_film_can_replace_its_own_source(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", audio=(Audio(),))
    sound = others(path)[0].data
    convert(path, path, overwrite=True)
    assert others(path)[0].data == sound


def test_room_on_the_disk_is_checked_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12, 50_000_000))
    two_hours = replace(INFO, width=1920, height=1080, frames=172_800)
    with pytest.raises(TargetError, match="but its disk has 50 MB free"):
        VideoSink(tmp_path / "a.mp4", like=two_hours)


FILL = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from vergence.errors import TargetError
from vergence.media.video_writer import EncodeSettings, VideoSink
from vergence.types import Frame, MediaInfo
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
rng = np.random.default_rng(0)
info = MediaInfo(path=None, is_film=True, width=320, height=240, rate=Fraction(24), time_base=Fraction(1, 24))
try:
    with VideoSink(Path(sys.argv[1]), like=info, settings=EncodeSettings(crf=1, preset="ultrafast")) as sink:
        for i in range(60):
            sink.write(Frame(rng.integers(0, 255, (240, 320, 3), dtype=np.uint8), i, Fraction(i, 24)))
except TargetError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.parametrize("room", [100_000, 3_000_000, 5_000_000])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_disk_that_runs_full_leaves_nothing_and_says_so(tmp_path: Path, room: int, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path), str(room)], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == f"the disk of {path} is full; make room or write to another disk\n"
    assert done.stderr == ""
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_encoders_are_silent(tmp_path: Path, codec: str) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[2]); from test_video_writer import *; "
        "write(Path(sys.argv[1]), frames_at([0, 3000], width=128, height=128), settings=EncodeSettings(sys.argv[3]))"
    )
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.mp4"), str(here), codec],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | {"PYTHONPATH": str(here.parent)},
    )
    assert (done.stdout, done.stderr) == ("", "")
