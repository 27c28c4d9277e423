"""Whole jobs on every awkward file: each converts rightly, with every frame, packet and time accounted for."""

import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import vergence
from clips import Audio, write_clip
from vergence.errors import DepthKindError, TargetError
from vergence.media.video import film_stream
from vergence.pipelines.job import result_path
from vergence.pipelines.lifting import model_for_cloud
from vergence.synthetic import render_photo
from vergence.types import DepthFrame, DepthMap, MediaInfo

FIXTURES = Path(__file__).parent / "fixtures"
UNREADABLE = {"empty.mp4", "audio_only.m4a"}
DAMAGED = {"truncated.mp4"}
FILMS = sorted(
    p for p in (*(FIXTURES / "edge").iterdir(), *(FIXTURES / "videos").iterdir()) if p.name not in UNREADABLE
)
PHOTOS = sorted(
    p for p in (FIXTURES / "images").iterdir() if p.name not in ("fmt_broken.jpg", "fmt_animated.gif", "README.md")
)


class Ramp:
    """A model of six lines: nearer towards the bottom."""

    card = vergence.load_model("preview").card
    lookahead = 0

    def estimate(self, frames):
        for frame in frames:
            values = np.tile(np.linspace(9, 2, 36, dtype=np.float32)[:, None], (1, 64))
            yield DepthFrame(frame, DepthMap(values, np.ones(values.shape, bool), "scale_invariant"))


def packets(path, kind):
    """(time, bytes) of every packet of the tracks of one kind, times from the film's first picture."""
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if s.type == kind]
        found = {s.index: [] for s in streams}
        for packet in container.demux(streams) if streams else ():
            if packet.pts is not None and packet.size:
                found[packet.stream.index].append((packet.pts * packet.stream.time_base, bytes(packet)))
    return list(found.values())


def picture_times(path):
    with av.open(str(path)) as container:
        stream = film_stream(container, path)
        return [p.pts * stream.time_base for p in sorted(container.demux(stream), key=lambda p: p.pts or 0) if p.size]


@pytest.mark.parametrize("path", FILMS, ids=lambda path: path.name)
def test_a_film_arrives_with_every_frame_packet_and_time(path, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "vergence"):
        done = vergence.process_video(
            path, tmp_path / f"out{path.suffix if path.suffix != '.webm' else '.mkv'}", depth=Ramp()
        )
    before, after = picture_times(path), picture_times(done.path)
    if path.name in DAMAGED:
        assert 0 < len(after) <= len(before)
        assert "of" in caplog.text
        before = before[: len(after)]
    is_exact = done.path.suffix == path.suffix or done.path.suffix == ".mp4"
    assert len(after) == len(before) == done.frames
    slack = 0 if is_exact else Fraction(1, 1000)
    origin = after[0] - before[0] if done.path.suffix == ".mkv" else 0  # Matroska has no time before zero
    assert max(abs(a - b - origin) for a, b in zip(after, before, strict=True)) <= slack
    sounds = packets(path, "audio")
    assert len(packets(done.path, "audio")) == len(sounds)
    for ours, theirs in zip(packets(done.path, "audio"), sounds, strict=True):
        readable = [data for _, data in theirs][: len(ours)] if path.name in DAMAGED else [data for _, data in theirs]
        assert [data for _, data in ours] == readable


@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: path.name)
def test_a_photo_converts_upright_and_at_its_size(path, tmp_path):
    with vergence.open_source(path) as photo:
        info = photo.info
    suffix = path.suffix
    done = vergence.process_photo(path, tmp_path / f"out{suffix}", depth=Ramp())
    with vergence.open_source(done.path) as result:
        assert (result.info.width, result.info.height) == (2 * info.width, info.height)


def test_an_animated_gif_is_a_film(tmp_path):
    done = vergence.process_video(FIXTURES / "images" / "fmt_animated.gif", tmp_path / "out.mp4", depth=Ramp())
    assert done.frames > 1


def test_ten_bits_stay_ten_bits_with_their_tags(tmp_path):
    done = vergence.process_video(FIXTURES / "edge" / "hdr10_pq_10bit.mp4", tmp_path / "out.mp4", depth=Ramp())
    with av.open(str(done.path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("hevc", "yuv420p10le")
        assert (context.color_primaries, context.color_trc, context.colorspace) == (9, 16, 9)


def test_a_rotated_film_comes_out_upright(tmp_path):
    done = vergence.process_video(FIXTURES / "edge" / "rotated_metadata.mp4", tmp_path / "out.mp4", depth=Ramp())
    with (
        vergence.open_source(done.path) as ours,
        vergence.open_source(FIXTURES / "edge" / "portrait_native.mp4") as true,
    ):
        a, b = next(iter(ours)), next(iter(true))
    assert a.rgb.shape == (b.height, 2 * b.width, 3)
    left = a.rgb[:, : b.width].astype(int)
    assert np.abs(left[:, 40:-40] - b.rgb[:, 40:-40]).mean() < np.abs(left[::-1, 40:-40] - b.rgb[:, 40:-40]).mean() / 2


def test_progress_counts_every_frame(tmp_path):
    steps = []
    vergence.process_video(
        FIXTURES / "edge" / "five_frames.mp4", tmp_path / "out.mp4", depth=Ramp(), progress=steps.append
    )
    assert [(step.done, step.total) for step in steps] == [(i, 5) for i in range(1, 6)]
    assert steps[-1].eta == 0


def test_a_failing_model_leaves_nothing_and_its_error_arrives(tmp_path):
    class Failing(Ramp):
        def estimate(self, frames):
            for item in super().estimate(frames):
                if item.frame.index == 3:
                    raise RuntimeError("out of memory")
                yield item

    with pytest.raises(RuntimeError, match="out of memory"):
        vergence.process_video(FIXTURES / "edge" / "five_frames.mp4", tmp_path / "out.mp4", depth=Failing())
    assert list(tmp_path.iterdir()) == []


def test_a_film_given_as_a_photo_is_refused(tmp_path):
    with pytest.raises(vergence.VergenceError, match="process_video"):
        vergence.process_photo(FIXTURES / "edge" / "five_frames.mp4", tmp_path / "out.jpg", depth=Ramp())


@pytest.mark.parametrize("suffix", [".png", ".npz", ".exr"])
def test_the_depth_of_a_film_is_one_file_a_frame(suffix, tmp_path):
    done = vergence.process_depth(FIXTURES / "edge" / "five_frames.mp4", tmp_path / f"depth{suffix}", model=Ramp())
    files = sorted(done.path.iterdir())
    assert [f.name for f in files] == [f"{i:06}{suffix}" for i in range(5)]
    depth = vergence.read_depth(files[0])
    assert (depth.kind, depth.values.shape) == ("scale_invariant", (360, 640))


def test_the_depth_of_a_film_comes_back_as_its_depth(tmp_path):
    source = FIXTURES / "edge" / "five_frames.mp4"
    depth = vergence.process_depth(source, tmp_path / "depth.npz", model=Ramp())
    given = vergence.process_video(source, tmp_path / "given.mp4", depth=vergence.GivenDepth(depth.path))
    assert (given.frames, given.model) == (5, None)


def test_a_depth_film_has_one_range_a_shot(tmp_path):
    done = vergence.process_depth(
        FIXTURES / "edge" / "five_frames.mp4", tmp_path / "depth.mp4", model=Ramp(), grayscale=True
    )
    with vergence.open_source(done.path) as film:
        means = [frame.rgb.mean() for frame in film]
    assert np.ptp(means) < 1


@pytest.mark.parametrize(
    ("name", "is_film", "expected"),
    [
        ("a.jpg", False, "a_sbs.jpg"),
        ("a.heic", False, "a_sbs.jpg"),
        ("a.b.PNG", False, "a.b_sbs.PNG"),
        ("a.mp4", True, "a_sbs.mp4"),
        ("a.mov", True, "a_sbs.mov"),
        ("a.mkv", True, "a_sbs.mkv"),
        ("a.avi", True, "a_sbs.mp4"),
        ("frames", True, "frames_sbs.mp4"),
    ],
)
def test_results_are_named_after_their_source(tmp_path, name, is_film, expected):
    info = MediaInfo(tmp_path / name, is_film, 64, 48)
    assert result_path(info, None, "_sbs") == tmp_path / expected
    assert result_path(info, tmp_path / "other.xyz", "_sbs") == tmp_path / "other.xyz"


class Plane(Ramp):
    """Metres: a wall two metres away."""

    card = replace(Ramp.card, kind="metric", name="wall")

    def estimate(self, frames):
        for frame in frames:
            yield DepthFrame(frame, DepthMap(np.full((36, 64), 2, np.float32), np.ones((36, 64), bool), "metric"))


def end_of_pictures(path):
    """By the track's own word: where frames are out of order, MP4 keeps steps of decoding and no lengths of frames."""
    with av.open(str(path)) as container:
        stream = film_stream(container, path)
        return (stream.start_time + stream.duration) * stream.time_base


@pytest.mark.parametrize(("rate", "target"), [(30, 20), (24, 10), (Fraction(30000, 1001), 12)])
def test_fewer_frames_a_second_do_not_drift(rate, target, tmp_path):
    source = write_clip(tmp_path / "a.mp4", frames=int(3 * rate), rate=Fraction(rate), audio=(Audio(seconds=3.0),))
    part = vergence.Part(target_rate=Fraction(target))
    done = vergence.process_video(source, tmp_path / "out.mp4", depth=Ramp(), part=part)
    before, after = picture_times(source), picture_times(done.path)
    cuts = [Fraction(k, target) for k in range(int(before[-1] * target) + 1)]
    assert after == sorted({next(t for t in before if t >= cut) for cut in cuts})
    assert end_of_pictures(done.path) == end_of_pictures(source)
    assert packets(done.path, "audio") == packets(source, "audio")
    with av.open(str(done.path)) as container:
        assert container.streams.video[0].average_rate == pytest.approx(target, rel=0.03)


def test_a_thinned_film_of_a_variable_rate_keeps_its_times(tmp_path):
    source = FIXTURES / "edge" / "vfr.mp4"
    done = vergence.process_depth(
        source, tmp_path / "out.mp4", model=Ramp(), part=vergence.Part(target_rate=Fraction(10))
    )
    before, after = picture_times(source), picture_times(done.path)
    assert set(after) < set(before)
    assert after == sorted({next(t for t in before if t >= Fraction(k, 10)) for k in range(int(before[-1] * 10) + 1)})


def test_a_count_ends_picture_and_sound_together(tmp_path):
    source = write_clip(tmp_path / "a.mp4", frames=72, audio=(Audio(seconds=3.0),))
    part = vergence.Part(target_rate=Fraction(8), max_frames=10)
    done = vergence.process_depth(source, tmp_path / "out.mp4", model=Ramp(), part=part)
    assert picture_times(done.path) == [Fraction(i, 8) for i in range(10)]
    assert end_of_pictures(done.path) == Fraction(10, 8)
    (sound,) = packets(done.path, "audio")
    assert Fraction(10, 8) - Fraction(1, 20) < sound[-1][0] < Fraction(10, 8)


def test_results_have_the_shrunk_size(tmp_path):
    part = vergence.Part(max_side=320)
    source = FIXTURES / "edge" / "rotated_metadata.mp4"
    done = vergence.process_video(source, tmp_path / "out.mp4", depth=Ramp(), part=replace(part, max_frames=2))
    with vergence.open_source(done.path) as film:
        assert (film.info.width, film.info.height) == (360, 320)
    photo = vergence.process_depth(
        FIXTURES / "images" / "sk_coffee.png", tmp_path / "out.npz", model=Ramp(), part=vergence.Part(max_side=300)
    )
    assert vergence.read_depth(photo.path).values.shape == (200, 300)


@pytest.mark.parametrize(
    ("part", "kind", "said"),
    [
        (vergence.Part(target_rate=Fraction(5)), "inverse", "frame rate"),
        (vergence.Part(start=Fraction(1)), "inverse", "start"),
        (vergence.Part(max_side=64), "disparity", "whole picture"),
    ],
)
def test_depth_of_ones_own_that_would_not_fit_is_refused(tmp_path, part, kind, said):
    source = FIXTURES / "edge" / "five_frames.mp4"
    np.savez(tmp_path / "depth.npz", depth=np.ones((5, 36, 64), np.float32))
    given = vergence.GivenDepth(tmp_path / "depth.npz", kind)
    with pytest.raises(vergence.VergenceError, match=said):
        vergence.process_video(source, tmp_path / "out.mp4", depth=given, part=part)


@pytest.mark.parametrize("grayscale", [False, True])
def test_side_by_side_shows_the_source_and_its_depth_frame_by_frame(grayscale, tmp_path):
    clip = write_clip(tmp_path / "a.mp4", frames=40, audio=(Audio(seconds=1.0),))
    done = vergence.process_depth(clip, tmp_path / "out.mp4", model=Ramp(), grayscale=grayscale, side_by_side=True)
    assert picture_times(done.path) == picture_times(clip)
    assert len(packets(done.path, "audio")) == 1
    with vergence.open_source(clip) as source, vergence.open_source(done.path) as shown:
        for ours, theirs in zip(shown, source, strict=True):
            assert ours.rgb.shape == (48, 128, 3)
            assert np.abs(ours.rgb[:, :64].astype(int) - theirs.rgb).mean() < 6
            depth = ours.rgb[:, 64:].astype(int)
            assert depth[-4:].mean() > depth[:4].mean() + 80
            assert (np.ptp(depth, axis=2).mean() < 8) == grayscale


def test_side_by_side_of_a_photo_is_a_picture(tmp_path):
    photo = FIXTURES / "images" / "sk_coffee.png"
    done = vergence.process_depth(photo, tmp_path, model=Ramp(), side_by_side=True)
    assert done.path == tmp_path / "sk_coffee_depth.png"
    with vergence.open_source(photo) as source, vergence.open_source(done.path) as shown:
        ours, theirs = next(iter(shown)), next(iter(source))
    np.testing.assert_array_equal(ours.rgb[:, :600], theirs.rgb)
    assert ours.rgb.shape == (400, 1200, 3)
    with pytest.raises(vergence.VergenceError, match="photo"):
        vergence.process_depth(photo, tmp_path / "out.npz", model=Ramp(), side_by_side=True)


def test_a_depth_film_without_sound(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", audio=(Audio(seconds=0.5),))
    done = vergence.process_depth(clip, tmp_path / "out.mp4", model=Ramp(), audio=False)
    assert packets(done.path, "audio") == []
    assert picture_times(done.path) == picture_times(clip)


def test_constant_depth_is_shown(tmp_path):
    done = vergence.process_depth(FIXTURES / "edge" / "five_frames.mp4", tmp_path / "o.mp4", model=Plane())
    with vergence.open_source(done.path) as film:
        assert [np.ptp(frame.rgb[..., 1]) < 4 for frame in film] == [True] * 5


# -- point clouds --------------------------------------------------------------------------------------------------


def by_another_reader(path):
    """(N, 3) float64 of a file's own axes, by another program."""
    plyfile = pytest.importorskip("plyfile", reason="the independent reader is not installed")
    vertex = plyfile.PlyData.read(str(path))["vertex"].data
    return np.stack([vertex[axis].astype(float) for axis in "xyz"], axis=1), vertex


def sample_files(sample, folder):
    """A rendered picture and its true depth, as files."""
    Image.fromarray(sample.frame.rgb).save(folder / "room.png")
    depth = replace(sample.depth, confidence=sample.ids.astype(np.float32))
    vergence.write_depth(folder / "depth.npz", depth, width=sample.frame.width, height=sample.frame.height)
    return folder / "room.png", vergence.GivenDepth(folder / "depth.npz")


def test_surfaces_of_the_synthetic_world_land_where_they_are(tmp_path):
    """Planes are flat, and stand where the renderer's normals and depth say, to a thousandth."""
    sample = render_photo(7, kind="room")
    photo, given = sample_files(sample, tmp_path)
    settings = vergence.CloudSettings(edges="keep", farthest=float("inf"))
    done = vergence.process_cloud(photo, depth=given, settings=settings)
    assert done.path == tmp_path / "room.ply"
    points, vertex = by_another_reader(done.path)
    valid = sample.depth.valid
    normals = sample.normals[valid] * [1, -1, -1]  # as files have them: y up, z towards the viewer
    flat = 0
    for number in np.unique(sample.ids[valid]):
        of_it = vertex["confidence"] == number
        for normal in np.unique(normals[of_it].round(4), axis=0):
            face = of_it & (np.abs(normals - normal) < 1e-3).all(axis=1)
            if face.sum() < 500:
                continue
            off = points[face] @ normals[face].mean(axis=0)
            assert np.ptp(off) < 1e-3 * np.abs(points[face]).max()
            flat += 1
    assert flat >= 3
    colours = np.stack([vertex[name] for name in ("red", "green", "blue")], axis=1)
    np.testing.assert_array_equal(colours, sample.frame.rgb[valid])


def test_a_sphere_is_round(tmp_path):
    camera = vergence.Intrinsics(250, 250, 160, 120, 320, 240)
    u, v = np.meshgrid(np.arange(320) + 0.5, np.arange(240) + 0.5)
    ray = np.stack([(u - 160) / 250, (v - 120) / 250, np.ones_like(u)], axis=-1)
    centre, radius = np.array([0.3, -0.2, 3.0]), 0.8
    half, square = ray @ centre, (ray**2).sum(axis=-1)
    inside = half**2 - square * (centre @ centre - radius**2)
    z = np.where(inside > 0, (half - np.sqrt(np.maximum(inside, 0))) / square, 0).astype(np.float32)
    depth = DepthMap(z, z > 0, "metric", intrinsics=camera)
    vergence.write_depth(tmp_path / "depth.exr", depth, width=320, height=240)
    Image.new("RGB", (320, 240), (9, 99, 199)).save(tmp_path / "ball.png")
    done = vergence.process_cloud(tmp_path / "ball.png", depth=vergence.GivenDepth(tmp_path / "depth.exr"))
    points, _ = by_another_reader(done.path)
    assert len(points) > 0.95 * (z > 0).sum()  # all but what is seen at a grazing angle
    away = np.linalg.norm(points - centre * [1, -1, -1], axis=1)
    np.testing.assert_allclose(away, radius, rtol=1e-3)
    assert points[:, 1].mean() > 0  # it lies above the middle of the picture, and of the cloud


def test_a_films_clouds_are_one_file_a_frame(tmp_path):
    source = FIXTURES / "edge" / "rotated_metadata.mp4"
    part = vergence.Part(target_rate=Fraction(4), max_frames=3, max_side=64)
    camera = vergence.CameraSettings(focal_length_x=500)
    done = vergence.process_cloud(source, tmp_path / "out.ply", depth=Plane(), camera=camera, part=part)
    assert (done.path, done.frames, done.model) == (tmp_path / "out", 3, "wall")
    assert sorted(path.name for path in done.path.iterdir()) == [f"{i:06}.ply" for i in range(3)]
    points, _ = by_another_reader(done.path / "000002.ply")
    assert len(points) == 36 * 64
    np.testing.assert_allclose(points[:, 2], -2)
    assert np.ptp(points[:, 1]) == pytest.approx(2 * 63 / (500 / 10))  # 640 px became 64, and f follows


def test_unknown_scale_is_told_once(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "vergence"):
        vergence.process_cloud(FIXTURES / "edge" / "five_frames.mp4", tmp_path / "out.ply", depth=Ramp())
    assert sum("guess" in record.getMessage() for record in caplog.records) == 1


def test_relative_depth_is_refused_with_where_to_find_one_that_would_do(tmp_path):
    class Relative(Ramp):
        card = replace(Ramp.card, kind="affine_inverse", name="relative")

    photo = FIXTURES / "images" / "sk_coffee.png"
    with pytest.raises(DepthKindError, match=r"'relative' gives affine_inverse.*models list --kind metric.*--depth"):
        vergence.process_cloud(photo, tmp_path / "out.ply", depth=Relative())
    np.savez(tmp_path / "depth.npz", depth=np.ones((36, 64), np.float32))
    given = vergence.GivenDepth(tmp_path / "depth.npz", "inverse")
    with pytest.raises(DepthKindError, match=r"depth\.npz gives affine_inverse"):
        vergence.process_cloud(photo, tmp_path / "out.ply", depth=given)
    assert [path.name for path in tmp_path.iterdir()] == ["depth.npz"]


def test_the_numbered_pictures_of_a_film_are_never_replaced_by_its_results(tmp_path):
    shot = tmp_path / "shot"
    shot.mkdir()
    for i in range(3):
        Image.new("RGB", (64, 48), (i * 20, 80, 90)).save(shot / f"{i:03}.png")
    with pytest.raises(TargetError, match="its own source"):
        vergence.process_cloud(shot, tmp_path / "shot.ply", depth=Plane(), overwrite=True)
    with pytest.raises(TargetError, match="its own source"):
        vergence.process_depth(shot, tmp_path / "shot.npz", model=Plane(), overwrite=True)
    for target in (shot / "%03d.jpg", shot / "%03d.png"):
        with pytest.raises(TargetError, match="its own source"):
            vergence.process_depth(shot, target, model=Plane(), overwrite=True)
        with pytest.raises(TargetError, match="its own source"):
            vergence.process_video(shot / "%03d.png", target, depth=Plane(), overwrite=True)
    assert len(list(shot.iterdir())) == 3
    assert vergence.process_cloud(shot, depth=Plane()).path == tmp_path / "shot_cloud"


@pytest.mark.parametrize("name", ["images/sk_coffee.png", "edge/five_frames.mp4"])
def test_no_result_replaces_its_own_source(name, tmp_path):
    source = tmp_path / Path(name).name
    source.write_bytes((FIXTURES / name).read_bytes())
    for job, model in ((vergence.process_video, "depth"), (vergence.process_depth, "model")):
        with pytest.raises(TargetError, match="its own source"):
            job(source, source, overwrite=True, **{model: Plane()})
    assert source.read_bytes() == (FIXTURES / name).read_bytes()


def test_auto_takes_a_metric_model_that_is_here(tmp_path, monkeypatch):
    assert model_for_cloud("auto") == "preview"
    assert model_for_cloud("any-name") == "any-name"
    here = {"depth-anything-v2-metric-outdoor-small", "depth-anything-v2-small"}
    monkeypatch.setattr("vergence.depth.weights.find", lambda card: tmp_path if card.name in here else None)
    assert model_for_cloud("auto") == "depth-anything-v2-metric-outdoor-small"
