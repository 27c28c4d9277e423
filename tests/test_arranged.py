"""Layouts end to end: photos and films through whole jobs, and one clear line where the two do not fit."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

import vergence
from clips import Audio, Clip, Subtitles, drawing, tracks, write_clip
from vergence.errors import FormatError, SettingsError, TargetError
from vergence.media.light_levels import light_levels
from vergence.media.tracks import QUICKTIME_LANGUAGES
from vergence.media.video import VideoSource
from vergence.stereo.layout import LAYOUTS
from vergence.types import DepthFrame, DepthMap

IMAGES = Path(__file__).parent / "fixtures" / "images"
PACKED = [name for name, layout in LAYOUTS.items() if layout.packer is not None]
MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
HDR = (9, 16, 9, 1)  # BT.2020, PQ, limited


class Ramp:
    """Nearer towards the bottom."""

    card = vergence.load_model("preview").card
    lookahead = 0

    def estimate(self, frames):
        for frame in frames:
            values = np.tile(np.linspace(9, 2, 36, dtype=np.float32)[:, None], (1, 64))
            yield DepthFrame(frame, DepthMap(values, np.ones(values.shape, bool), "scale_invariant"))


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "room.png"
    Image.fromarray(drawing(3, width=96, height=72)).save(path)
    return path


X265 = {"x265-params": f"log-level=error:hdr10=1:master-display={MASTERING}:max-cll=1000,400", "preset": "ultrafast"}
SVT_AV1 = {
    "preset": "12",
    "svtav1-params": "mastering-display=G(0.265,0.69)B(0.15,0.06)R(0.68,0.32)WP(0.3127,0.329)L(1000,0.005)"
    ":content-light=1000,400",
}
SOURCES = {  # of HDR films: codec, its options, sound and subtitles as such files usually have them
    ".mkv": ("libx265", X265, "libopus", "subrip"),
    ".mp4": ("libx265", X265, "aac", "mov_text"),
    ".webm": ("libsvtav1", SVT_AV1, "libopus", "webvtt"),
}


@pytest.fixture(scope="module")
def hdr_films(tmp_path_factory):
    """By suffix: 10 bits of PQ with mastering display, light level, two languages of sound, subtitles, chapters."""
    folder = tmp_path_factory.mktemp("hdr")
    return {
        suffix: write_clip(
            folder / f"film{suffix}",
            Clip(
                frames=3,
                width=128,
                height=96,
                codec=codec,
                pixels="yuv420p10le",
                colour=HDR,
                options=options,
                audio=(Audio(sound, seconds=0.2, language="eng"), Audio(sound, seconds=0.2, language="deu")),
                subtitles=(Subtitles(texts, lines=((0.0, 0.1, "hello"),), language="swe"),),
                chapters=((0.0, 0.05, "one"), (0.05, 0.1, "two")),
                tags={"title": "A film"},
            ),
        )
        for suffix, (codec, options, sound, texts) in SOURCES.items()
    }


@pytest.fixture(scope="module")
def hdr_film(hdr_films):
    return hdr_films[".mkv"]


def convert(source, target, layout, **options):
    return vergence.process_video(source, target, layout=layout, depth=Ramp(), **options)


# ---- HDR: ten bits, tags, light levels, sound and subtitles, in every container ---------------------------------


def check_hdr(path: Path, source: Path) -> None:
    with VideoSource(path) as film:
        assert film.info.bits == 10
        assert (film.info.colour.primaries, film.info.colour.transfer, film.info.colour.matrix) == (9, 16, 9)
        assert not film.info.colour.full_range
        assert len(list(film)) == 3
    with av.open(str(path)) as opened:
        assert opened.streams.video[0].codec_context.pix_fmt == "yuv420p10le"
    ours, theirs = light_levels(path), light_levels(source)
    assert ours.content == theirs.content == (1000, 400)
    # AV1 counts chromaticities in 65536ths and darkness in 16384ths of a cd/m2.
    np.testing.assert_allclose(np.array(ours.points, float), np.array(theirs.points, float), atol=2e-5)
    np.testing.assert_allclose(np.array(ours.luminance, float), np.array(theirs.luminance, float), atol=1e-4)


def languages(film, kind):
    return [track.tags.get("language", "und") for track in film if track.kind == kind]


@pytest.mark.parametrize(
    ("target", "codec", "source"),
    [
        (".mp4", "hevc", ".mp4"), (".mp4", "hevc", ".mkv"), (".mp4", "av1", ".webm"),
        (".mov", "hevc", ".mp4"),  # the sound of the others does not go into a .mov
        (".mkv", "hevc", ".mkv"), (".mkv", "av1", ".mkv"), (".mkv", "hevc", ".mp4"), (".mkv", "av1", ".webm"),
        (".webm", "av1", ".webm"), (".webm", "av1", ".mkv"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "layout", ["half-sbs", *(pytest.param(name, marks=pytest.mark.slow) for name in ("vr180", "separate", "spatial"))]
)
def test_an_hdr_film_with_all_it_has_survives_every_container(tmp_path, hdr_films, layout, target, codec, source):
    if layout == "spatial" and (codec != "hevc" or target not in (".mov", ".mp4")):
        return  # two layers are HEVC in these
    done = convert(hdr_films[source], tmp_path / f"out{target}", layout, encode=vergence.EncodeSettings(codec))
    assert {path.suffix for path in (done.path, *done.also)} == {target}
    before = tracks(hdr_films[source])
    for path in (done.path, *done.also):
        check_hdr(path, hdr_films[source])
        after = tracks(path)
        assert [t.data for t in after if t.kind == "audio"] == [t.data for t in before if t.kind == "audio"]
        (texts,) = (track for track in after if track.kind == "subtitle")
        assert [data.removeprefix(b"\0\5") for data in texts.said] == [b"hello"]
        for kind in ("audio", "subtitle"):
            expected = languages(before, kind)
            if target == ".mov":
                expected = [QUICKTIME_LANGUAGES.get(name, name) for name in expected]
            assert languages(after, kind) == expected
        with av.open(str(path)) as film:
            assert [chapter["metadata"]["title"] for chapter in film.chapters()] == ["one", "two"]
            assert film.metadata["title"] == "A film"


@pytest.mark.parametrize("codec", ["hevc", "av1"])
@pytest.mark.parametrize("layout", PACKED)
def test_every_layout_of_an_hdr_film_stays_hdr(tmp_path, hdr_film, layout, codec):
    if codec == "av1" and layout not in ("sbs", "anaglyph", "vr180"):
        return  # the codec sees but pictures of some size
    done = convert(hdr_film, tmp_path / "out.mkv", layout, encode=vergence.EncodeSettings(codec))
    check_hdr(done.path, hdr_film)


def test_both_files_of_separate_eyes_stay_hdr(tmp_path, hdr_film):
    done = convert(hdr_film, tmp_path / "out.mkv", "separate")
    for path in (done.path, *done.also):
        check_hdr(path, hdr_film)


# ---- names and what does not fit --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        ("separate", ["room_left.png", "room_right.png"]),
        ("mpo", ["room_3d.mpo"]),
        ("jps", ["room_3d.jps"]),
        ("vr180", ["room_180_sbs.png"]),
        ("half-rgbd", ["room_half_rgbd.png"]),
    ],
)
def test_results_are_named_after_their_layout(photo, layout, names):
    done = convert(photo, None, layout)
    assert [path.name for path in (done.path, *done.also)] == names
    assert all((photo.parent / name).is_file() for name in names)


def test_the_two_views_of_an_mpo_are_the_pair(photo):
    mpo, left, right = (convert(photo, None, layout).path for layout in ("mpo", "left", "right"))
    with Image.open(mpo) as picture:
        for number, eye in enumerate((left, right)):
            picture.seek(number)
            with Image.open(eye) as alone:
                difference = np.asarray(picture.convert("RGB")).astype(int) - np.asarray(alone)
            assert np.abs(difference).mean() < 6


def test_a_film_is_told_the_layout_to_take(tmp_path):
    film = write_clip(tmp_path / "a.mp4", frames=2)
    for layout, instead in (("mpo", "separate"), ("jps", "cross"), ("parallax-mp4", "sbs")):
        with pytest.raises(SettingsError, match=f"--layout {layout} is made of a photo.*take --layout {instead}"):
            convert(film, tmp_path / "out.mp4", layout)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("layout", "name", "message"),
    [
        ("mpo", "a.jpg", r"--layout mpo is written as \.mpo; name the result a\.mpo"),
        ("sbs", "a.mpo", "a.mpo would hold two views.*take --layout mpo"),
        ("anaglyph", "a.jps", "take --layout jps"),
        ("parallax-mp4", "a.png", r"is written as \.mp4"),
    ],
)
def test_a_suffix_of_another_layout_is_explained(photo, layout, name, message):
    with pytest.raises(FormatError, match=message):
        convert(photo, photo.with_name(name), layout)


def test_a_half_sphere_of_a_film_is_named_as_a_file_that_can_say_so(tmp_path):
    """Matroska has no word for half a sphere; where it is asked for, one is told."""
    film = write_clip(tmp_path / "a.mkv", frames=2, subtitles=(Subtitles("subrip", ((0.0, 0.05, "hello"),)),))
    assert convert(film, None, "vr180").path == tmp_path / "a_180_sbs.mp4"
    numbered = convert(film, tmp_path / "frames" / "%03d.png", "vr180")
    assert numbered.frames == 2


def test_a_half_sphere_in_matroska_is_warned_of(tmp_path, caplog):
    convert(write_clip(tmp_path / "a.mkv", frames=2), tmp_path / "b.mkv", "vr180")
    assert "says that it holds two views, not that they are half a sphere; .mp4 does" in caplog.text


@pytest.mark.parametrize("size", [(1, 40), (40, 1)])
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "parallax-mp4"])
def test_the_smallest_photos_convert_or_are_refused_in_one_line(tmp_path, layout, size):
    path = tmp_path / "a.png"
    Image.fromarray(drawing(0, width=size[0], height=size[1])).save(path)
    squeezed = {"half-sbs": size[0], "half-rgbd": size[0], "half-tb": size[1]}.get(layout, 2)
    if squeezed < 2:
        with pytest.raises(SettingsError, match=f"two views do not fit into the .* of a {size[0]}x{size[1]} picture"):
            convert(path, None, layout)
        assert [left.name for left in tmp_path.iterdir()] == ["a.png"]
        return
    done = convert(path, None, layout)
    for made in (done.path, *done.also):
        with av.open(str(made), options={"vcodec": "mjpeg"} if layout in ("mpo", "jps") else {}) as opened:
            assert next(opened.decode(video=0)).width > 0


def test_the_other_eye_never_replaces_the_source(tmp_path):
    path = tmp_path / "a_right.png"
    Image.fromarray(drawing(0)).save(path)
    with pytest.raises(TargetError, match="replace its own source"):
        convert(path, tmp_path / "a.png", "separate", overwrite=True)


# ---- what lies where --------------------------------------------------------------------------------------------


def test_nothing_on_a_half_sphere_lies_behind_infinity(photo):
    """There zero disparity is infinity: the far top of the ramp must not make eyes diverge."""
    done = convert(photo, None, "vr180")
    picture = np.asarray(Image.open(done.path).convert("RGB")).astype(int)
    eye = picture.shape[0]
    left, right = picture[:, :eye], picture[:, eye:]
    rows = np.flatnonzero(left[:, eye // 2].any(axis=1))
    row = rows[len(rows) // 6]  # where the far part of the picture lies
    assert bar_at(left[row]) - bar_at(right[row]) >= -1
    near = rows[-len(rows) // 6]
    assert bar_at(left[near]) - bar_at(right[near]) > 0.5


def bar_at(row):
    """Where the red bar of a `drawing` stands in a row."""
    redness = np.clip(row[:, 0] - row[:, 1:].max(axis=1) - 60, 0, None)
    return float((redness * np.arange(len(row))).sum() / redness.sum())


def test_a_parallax_film_is_a_film_of_one_photo(photo, monkeypatch):
    from vergence.stereo.parallax import Sway

    monkeypatch.setattr("vergence.pipelines.stereo.Sway", lambda: Sway(seconds=Fraction(1), rate=Fraction(6)))
    steps: list[Any] = []
    done = convert(photo, None, "parallax-mp4", progress=steps.append)
    assert done.path.name == "room_parallax.mp4"
    assert (done.frames, steps[-1].total) == (6, 6)
    with VideoSource(done.path) as film:
        assert (film.info.width, film.info.height, film.info.rate) == (96, 72, 6)
        assert len(list(film)) == 6


def test_rows_of_a_photo_are_opened_again_pixel_by_pixel(photo):
    still = vergence.StereoSettings(floating_window="off")
    rows, left, right = (
        np.asarray(Image.open(convert(photo, None, layout, stereo=still).path)) for layout in ("rows", "left", "right")
    )
    np.testing.assert_array_equal(rows[0::2], left[0::2])
    np.testing.assert_array_equal(rows[1::2], right[1::2])


def test_a_jps_says_so_to_ffmpeg(photo):
    with av.open(str(convert(photo, None, "jps").path), format="image2pipe", options={"vcodec": "mjpeg"}) as film:
        data: Any = next(film.decode(video=0)).side_data
    (stereo,) = (bytes(item) for item in data if item.type.name == "STEREO3D")
    assert struct.unpack_from("ii", stereo) == (1, 1)  # side by side, inverted


def test_the_field_of_view_of_the_user_counts_on_a_half_sphere(photo):
    done = convert(photo, None, "vr180", camera=vergence.CameraSettings(fov_x_deg=90))
    with Image.open(done.path) as picture:
        assert picture.size == (300, 150)  # 96 px over 90 degrees are 48 px of focal length: pi times that, even


def test_a_large_photo_becomes_a_parallax_film_of_screen_size(photo, monkeypatch):
    from vergence.stereo.parallax import Sway

    monkeypatch.setattr("vergence.pipelines.stereo.Sway", lambda: Sway(seconds=Fraction(1), rate=Fraction(2)))
    monkeypatch.setattr("vergence.pipelines.arranged.LARGEST_PARALLAX", 64)
    with VideoSource(convert(photo, None, "parallax-mp4").path) as film:
        assert (film.info.width, film.info.height) == (64, 48)
