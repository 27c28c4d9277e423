import gc
import itertools
import logging
import threading
import time
import weakref
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from clips import FIXTURES, Audio, drawing, picture_track, write_clip, yuv_blocks
from vergence.errors import MediaError, SettingsError
from vergence.media.video import VideoSource
from vergence.types import Colour, Frame

EDGE, VIDEOS = FIXTURES / "edge", FIXTURES / "videos"

# name: width, height, frames, bits
FILMS = {
    "edge/alpha_vp9.webm": (200, 200, 150, 8),
    "edge/anamorphic_sar4x3.mp4": (640, 360, 24, 8),
    "edge/audio_offset.mp4": (480, 360, 60, 8),
    "edge/av1_testpattern.mkv": (640, 360, 125, 8),
    "edge/five_frames.mp4": (640, 360, 5, 8),
    "edge/fps60.mp4": (480, 270, 90, 8),
    "edge/full_range_testpattern.mp4": (1280, 720, 30, 8),
    "edge/gray_pixfmt.mp4": (320, 180, 24, 8),
    "edge/hdr10_pq_10bit.mp4": (640, 360, 36, 10),
    "edge/hevc_10bit_testpattern.mp4": (200, 200, 30, 10),
    "edge/hevc_8bit.mp4": (640, 360, 30, 8),
    "edge/odd_size_427x241.mp4": (427, 241, 30, 8),
    "edge/one_frame.mp4": (640, 360, 1, 8),
    "edge/photo_pan_4px.mp4": (640, 480, 60, 8),
    "edge/portrait_native.mp4": (360, 640, 60, 8),
    "edge/prores.mov": (640, 360, 24, 10),
    "edge/rotated_metadata.mp4": (360, 640, 60, 8),
    "edge/scene_cuts_24_48_72.mp4": (640, 360, 96, 8),
    "edge/static_photo_noise.mp4": (640, 424, 48, 8),
    "edge/tiny_64x36.mp4": (64, 36, 24, 8),
    "edge/ultrawide_1280x300.mp4": (1280, 300, 24, 8),
    "edge/vfr.mp4": (640, 360, 70, 8),
    "edge/vp9.webm": (640, 360, 30, 8),
    "videos/nasa_multistream.mp4": (480, 270, 390, 8),
    "videos/office_bw_audio.mp4": (640, 480, 185, 8),
    "videos/stream_audio.mp4": (480, 360, 90, 8),
}
BROKEN = {"edge/audio_only.m4a", "edge/empty.mp4", "edge/truncated.mp4"}


def read(path: Path, **options: Any) -> list[Frame]:
    with VideoSource(path, **options) as source:
        return list(source)


def test_every_fixture_is_tested() -> None:
    found = {f"{path.parent.name}/{path.name}" for folder in (EDGE, VIDEOS) for path in folder.iterdir()}
    assert found == set(FILMS) | BROKEN


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if FILMS[name][2] > 700 else []) for name in FILMS]
)
def test_a_film_gives_all_the_frames_it_claims_in_order(name: str, caplog: pytest.LogCaptureFixture) -> None:
    width, height, frames, bits = FILMS[name]
    with VideoSource(FIXTURES / name) as source:
        info = source.info
        count, last = 0, None
        for frame in source:
            assert frame.index == count
            assert frame.rgb.shape == (height, width, 3)
            assert frame.rgb.dtype == (np.uint8 if bits == 8 else np.uint16)
            assert frame.rgb.flags.c_contiguous
            assert last is None or frame.time > last
            assert (frame.time / info.time_base).denominator == 1
            count, last = count + 1, frame.time
    assert (info.width, info.height, info.bits, info.is_film) == (width, height, bits, True)
    assert count == frames
    assert info.frames == pytest.approx(frames, abs=1)
    assert "damaged" not in caplog.text


def test_times_are_the_films_own_to_the_tick() -> None:
    for path in (EDGE / "vfr.mp4", EDGE / "vp9.webm", VIDEOS / "stream_audio.mp4"):
        assert [frame.time for frame in read(path)] == picture_track(path).times


def test_times_and_durations_of_a_film_with_uneven_frames_are_exact(tmp_path: Path) -> None:
    ticks = [0, 11, 12, 40, 41, 90]
    path = write_clip(tmp_path / "a.mp4", frames=6, ticks=ticks, time_base=Fraction(1001, 90000))
    frames = read(path)
    assert [frame.time for frame in frames] == [tick * Fraction(1001, 90000) for tick in ticks]


def test_2997_frames_a_second_do_not_drift(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=50, rate=Fraction(30000, 1001), width=16, height=16)
    with VideoSource(path) as source:
        assert source.info.rate == Fraction(30000, 1001)
        assert [frame.time for frame in source] == [i * Fraction(1001, 30000) for i in range(50)]


def test_iterating_twice_gives_the_same_frames() -> None:
    with VideoSource(EDGE / "five_frames.mp4") as source:
        first, second = list(source), list(source)
    assert [frame.time for frame in first] == [frame.time for frame in second]
    np.testing.assert_array_equal([frame.rgb for frame in first], [frame.rgb for frame in second])


def test_a_frame_is_let_go_before_the_next_one() -> None:
    with VideoSource(EDGE / "tiny_64x36.mp4") as source:
        frames = iter(source)
        alive = [weakref.ref(next(frames)) for _ in range(5)]
        gc.collect()
        assert sum(ref() is not None for ref in alive) == 0


# ---- what is no film ------------------------------------------------------------------------------------------


def test_a_missing_file_a_folder_and_an_empty_file_are_said_to_be_that(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"there is no file .*gone\.mp4"):
        VideoSource(tmp_path / "gone.mp4")
    with pytest.raises(MediaError, match="is a folder"):
        VideoSource(tmp_path)
    with pytest.raises(MediaError, match="is empty"):
        VideoSource(EDGE / "empty.mp4")


def test_a_file_with_sound_only_has_no_picture() -> None:
    with pytest.raises(MediaError, match=r"audio_only\.m4a has no moving picture, only audio"):
        VideoSource(EDGE / "audio_only.m4a")


def test_noise_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(10_000))
    with pytest.raises(MediaError, match=r"cannot read .*noise\.mp4"):
        VideoSource(path)


def test_a_film_of_which_nothing_can_be_decoded_is_an_error(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=3)
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 4
    length = int.from_bytes(data[begin - 8 : begin - 4], "big")
    data[begin : begin - 8 + length] = bytes(length - 8)
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"nothing in .*a\.mp4 can be decoded"):
        VideoSource(path)


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile film.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfilm.mp4\n#EXT-X-ENDLIST\n",
    ],
)
@pytest.mark.parametrize("name", ["list.mp4", "list.ffconcat", "list.m3u8"])
def test_a_playlist_does_not_open_other_files(tmp_path: Path, text: str, name: str) -> None:
    write_clip(tmp_path / "film.mp4", frames=2)
    (tmp_path / name).write_text(text)
    with pytest.raises(MediaError):
        VideoSource(tmp_path / name)


def test_a_name_with_a_colon_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "film.mp4", frames=2)
    Path("film.mp4").rename("http:film.mp4")
    assert len(read(Path("http:film.mp4"))) == 2


def test_pictures_larger_than_the_limit_are_refused() -> None:
    with pytest.raises(MediaError, match="640x360, more than 1000 pixels"):
        VideoSource(EDGE / "five_frames.mp4", max_pixels=1000)


def test_cover_art_is_not_a_film(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    cover = write_clip(tmp_path / "cover.jpg", frames=1, codec="mjpeg", pixels="yuvj420p", format="mjpeg")
    with av.open(str(cover), format="mjpeg") as picture, av.open(str(path), "w", format="mp4") as song:
        sound = song.add_stream("aac", rate=48000, layout="mono")
        still = song.add_stream_from_template(picture.streams.video[0], opaque=True)
        still.disposition = 1024
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 48000
        song.mux(sound.encode(silence) + sound.encode(None))
        packet = next(picture.demux())
        packet.stream, packet.pts, packet.dts = still, 0, 0
        song.mux(packet)
    with pytest.raises(MediaError, match="no moving picture, only a still, audio"):
        VideoSource(path)


# ---- damage ---------------------------------------------------------------------------------------------------


def test_a_truncated_film_gives_what_can_be_read_and_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    frames = read(EDGE / "truncated.mp4")
    assert 20 <= len(frames) <= 23
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in warnings] == [
        f"{EDGE / 'truncated.mp4'} is damaged or cut short: {len(frames)} of 90 frames could be read"
    ]


def test_a_truncated_matroska_film_is_noticed_by_its_length(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = write_clip(tmp_path / "whole.mkv", frames=120, options={"g": "12"})
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 20 < len(read(cut)) < 100
    assert caplog.text.count("damaged or cut short") == 1


def test_damage_in_the_middle_costs_only_the_frames_it_hits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_clip(tmp_path / "a.mkv", frames=60, codec="mjpeg", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 1500] = bytes(1500)
    path.write_bytes(data)
    frames = read(path)
    assert 50 <= len(frames) <= 60
    assert frames[-1].time > Fraction(2)
    assert caplog.text.count("damaged or cut short") <= 1


# ---- the upright picture --------------------------------------------------------------------------------------


def test_rotation_is_applied_in_the_right_direction() -> None:
    turned, native = read(EDGE / "rotated_metadata.mp4", max_frames=3), read(EDGE / "portrait_native.mp4", max_frames=3)
    for a, b in zip(turned, native, strict=True):
        error = np.abs(a.rgb.astype(int) - b.rgb).mean()  # both were compressed on their own
        assert error < 5
        assert error < np.abs(a.rgb[::-1, ::-1].astype(int) - b.rgb).mean() / 5


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize(("hflip", "vflip"), [(False, False), (True, False), (False, True)])
def test_all_ways_to_lay_a_picture_are_undone(tmp_path: Path, degrees: int, hflip: bool, vflip: bool) -> None:
    picture = np.full((48, 64, 3), 128, np.uint8)
    picture[:16, :16] = 255  # one corner white, its neighbour below black
    picture[-16:, :16] = 0
    # The standard's own words: the matrix turns the stored picture counter-clockwise, then mirrors the result.
    expected = np.rot90(picture, degrees // 90)
    expected = expected[:, ::-1] if hflip else expected
    expected = expected[::-1] if vflip else expected
    path = write_clip(tmp_path / "a.mp4", frames=1, pictures=[picture], turn=(degrees, hflip, vflip))
    with VideoSource(path) as source:
        (frame,) = source
        assert (source.info.height, source.info.width) == expected.shape[:2]
    assert np.abs(frame.rgb.astype(int) - expected).mean() < 3


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (Fraction(4, 3), (86, 48)),
        (Fraction(1, 2), (64, 96)),
        (Fraction(4320, 4319), (64, 48)),
        (Fraction(100), (64, 48)),
    ],
)
def test_pixels_become_square_by_stretching_the_longer_side(
    tmp_path: Path, aspect: Fraction, size: tuple[int, int]
) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=1, aspect=aspect)
    with VideoSource(path) as source:
        (frame,) = source
        assert (source.info.width, source.info.height) == (frame.width, frame.height) == size


def test_interlaced_films_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_clip(tmp_path / "a.mp4", frames=2, codec="libx264", options={"flags": "+ildct+ilme", "x264-params": "tff=1"})
    VideoSource(tmp_path / "a.mp4")
    assert "interlaced" in caplog.text


def test_of_several_pictures_the_best_is_taken_and_the_others_named(caplog: pytest.LogCaptureFixture) -> None:
    VideoSource(VIDEOS / "nasa_multistream.mp4")
    assert "2 moving pictures; track 3 is used, [0] left out" in caplog.text


# ---- colour ---------------------------------------------------------------------------------------------------


def colours(bits: int = 8) -> np.ndarray:
    rng = np.random.default_rng(1)
    grid = rng.random((6, 8, 3))
    grid[0, :4] = [(0, 0, 0), (1, 1, 1), (1, 0, 0), (0, 0, 1)]
    return grid


def decoded_blocks(path: Path) -> np.ndarray:
    (frame,) = read(path)
    top = 255 if frame.rgb.dtype == np.uint8 else 65280  # swscale's white, see media/yuv.py
    return frame.rgb[4::8, 4::8] / top


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("codec", ["ffv1", "libx264"])
def test_tagged_colours_are_read_by_their_matrix_and_range(
    tmp_path: Path, matrix: int, is_full: bool, codec: str
) -> None:
    picture = yuv_blocks(colours(), matrix=matrix, is_full=is_full)
    path = write_clip(
        tmp_path / "a.mkv",
        frames=1,
        codec=codec,
        pictures=[picture],
        options={"qp": "0"} if codec == "libx264" else {},
        colour=(1, 1, matrix, 2 if is_full else 1),
    )
    with VideoSource(path) as source:
        assert source.info.colour == Colour(1, 1, matrix, is_full)
    assert np.abs(decoded_blocks(path) - colours()).max() * 255 <= 2


@pytest.mark.parametrize(("height", "matrix"), [(48, 6), (720, 1)])
def test_untagged_films_are_bt601_below_720_lines_and_bt709_from_there(
    tmp_path: Path, height: int, matrix: int
) -> None:
    grid = np.random.default_rng(0).random((height // 8, 8, 3))
    picture = yuv_blocks(grid, matrix=matrix, is_full=False)
    path = write_clip(tmp_path / "a.mkv", frames=1, codec="ffv1", height=height, pictures=[picture])
    assert VideoSource(path).info.colour == Colour(2, 2, matrix, False)
    assert np.abs(decoded_blocks(path) - grid).max() * 255 <= 2


def test_primaries_tell_the_matrix_where_it_is_not_stated(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=1, colour=(1, 1, 2, 1))
    assert VideoSource(path).info.colour.matrix == 1


@pytest.mark.parametrize("matrix", [1, 9])
def test_ten_bits_are_read_as_sixteen(tmp_path: Path, matrix: int) -> None:
    picture = yuv_blocks(colours(), matrix=matrix, is_full=False, pixels="yuv420p10le", bits=10)
    path = write_clip(
        tmp_path / "a.mkv", frames=1, codec="ffv1", pixels="yuv420p10le", pictures=[picture], colour=(9, 16, matrix, 1)
    )
    with VideoSource(path) as source:
        assert source.info.bits == 10
        assert source.info.colour == Colour(9, 16, matrix, False)
    assert np.abs(decoded_blocks(path) - colours()).max() * 1023 <= 2


def test_a_grey_full_range_film_is_grey_and_reaches_black_and_white(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 48, axis=0).repeat(3, axis=2)
    path = write_clip(
        tmp_path / "a.mkv", frames=1, codec="mjpeg", pixels="yuvj420p", pictures=[ramp], options={"q": "2"}
    )
    (frame,) = read(path)
    assert VideoSource(path).info.colour.full_range
    assert int(frame.rgb.min()) <= 2
    assert int(frame.rgb.max()) >= 253
    assert np.abs(frame.rgb.astype(int) - frame.rgb[..., :1]).max() <= 3


def test_a_gif_is_a_film_with_its_transparency_on_white(tmp_path: Path) -> None:
    from PIL import Image

    pictures = []
    for shade in (0, 200):
        picture = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
        picture.paste((shade, 10, 20, 255), (0, 0, 16, 32))
        pictures.append(picture)
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100, 300], disposal=2)
    frames = read(path)
    assert [frame.time for frame in frames] == [0, Fraction(1, 10)]
    assert frames[0].rgb[16, 24].tolist() == [255, 255, 255]
    np.testing.assert_allclose(frames[1].rgb[16, 8], (200, 10, 20), atol=8)


# ---- times that are wrong -------------------------------------------------------------------------------------


def test_a_stream_without_timestamps_runs_at_its_average_rate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_clip(tmp_path / "a.h264", frames=20, rate=Fraction(25), format="h264", options={"bf": "0"})
    frames = read(path)
    assert len(frames) == 20
    steps = {b.time - a.time for a, b in itertools.pairwise(frames)}
    assert steps == {Fraction(1, 25)}
    assert caplog.text.count("lacks proper timestamps") <= 1


def test_timestamps_that_stand_still_are_moved_on_and_no_frame_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = write_clip(tmp_path / "a.mkv", frames=6, codec="mjpeg", pixels="yuvj420p", rate=Fraction(10))
    path = tmp_path / "b.mkv"
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
        for i, packet in enumerate(p for p in source.demux() if p.dts is not None):
            packet.pts = packet.dts = (0, 100, 100, 200, 200, 300)[i]
            packet.stream = stream
            out.mux(packet)
    times = [frame.time for frame in read(path)]
    assert times == [Fraction(t, 1000) for t in (0, 100, 101, 200, 201, 300)]
    assert caplog.text.count("lacks proper timestamps") == 1


# ---- a part of a film -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["edge/scene_cuts_24_48_72.mp4", "edge/av1_testpattern.mkv", "edge/vfr.mp4"])
@pytest.mark.parametrize(
    ("start", "end"), [(Fraction(1, 2), None), (Fraction(19, 10), Fraction(5, 2)), (None, Fraction(1))]
)
def test_a_part_holds_exactly_the_frames_of_the_whole_in_it(
    name: str, start: Fraction | None, end: Fraction | None
) -> None:
    path = FIXTURES / name
    expected = [f for f in read(path) if (start or 0) <= f.time and (end is None or f.time < end)]
    with VideoSource(path, start=start, end=end) as source:
        part = list(source)
        info = source.info
    assert [frame.time for frame in part] == [frame.time for frame in expected]
    assert [frame.index for frame in part] == list(range(len(expected)))
    np.testing.assert_array_equal(part[0].rgb, expected[0].rgb)
    np.testing.assert_array_equal(part[-1].rgb, expected[-1].rgb)
    assert (info.start, info.end, info.is_clipped) == (start, end, end is not None)
    assert info.frames == pytest.approx(len(expected), rel=0.25)


def test_the_start_is_sought_and_not_decoded_up_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=240, options={"g": "12", "bf": "2"})
    from vergence.media import video

    decoded = []
    original = video._decoded

    def counting(*arguments: Any) -> Iterator[av.VideoFrame]:
        for picture in original(*arguments):
            decoded.append(picture.pts)
            yield picture

    monkeypatch.setattr(video, "_decoded", counting)
    with VideoSource(path, start=Fraction(8)) as source:
        decoded.clear()
        first = next(iter(source))
    assert first.time == 8
    assert len(decoded) < 60


def test_frames_can_be_counted_off() -> None:
    with VideoSource(EDGE / "vfr.mp4", max_frames=7) as source:
        assert len(list(source)) == source.info.frames == 7
        assert source.info.is_clipped


@pytest.mark.parametrize(
    "options",
    [{"start": Fraction(-1)}, {"start": Fraction(2), "end": Fraction(2)}, {"end": Fraction(0)}, {"max_frames": 0}],
)
def test_an_impossible_part_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        VideoSource(EDGE / "vfr.mp4", **options)


def test_a_part_past_the_end_is_an_error() -> None:
    with pytest.raises(MediaError, match="in the part asked for"):
        read(EDGE / "vfr.mp4", start=Fraction(100))


def test_the_part_of_a_recording_that_begins_at_noon_counts_from_its_own_beginning(tmp_path: Path) -> None:
    noon = 12 * 3600 * 90000
    ticks = [noon + i * 3600 for i in range(25)]
    path = write_clip(tmp_path / "a.ts", frames=25, ticks=ticks, time_base=Fraction(1, 90000), audio=())
    begin = read(path)[0].time
    with VideoSource(path, start=Fraction(2, 5)) as source:
        assert source.info.start == begin + Fraction(2, 5)
        assert next(iter(source)).time == begin + Fraction(2, 5)


# ---- threads --------------------------------------------------------------------------------------------------


def test_closing_while_another_thread_reads_ends_it_quietly() -> None:
    source = VideoSource(EDGE / "av1_testpattern.mkv")
    counts: list[int] = []
    thread = threading.Thread(target=lambda: counts.append(sum(1 for _ in source)))
    thread.start()
    time.sleep(0.02)
    source.close()
    thread.join(10)
    assert not thread.is_alive()
    assert counts[0] <= 125


def test_sound_and_subtitles_are_no_obstacle(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", audio=(Audio(),))
    frames = read(path)
    assert len(frames) == 12
    assert np.abs(frames[5].rgb.astype(int) - drawing(5)).mean() < 12
