"""Whole jobs on every awkward file: each converts rightly, with every frame, packet and time accounted for."""

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import vergence
from vergence.media.video import film_stream
from vergence.pipelines import result_path
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
