import json

import numpy as np
import pytest
from typer.testing import CliRunner

from vergence.datasets.synthetic import read_folder, read_sample, read_samples, write_sample
from vergence.errors import MediaError, TargetError
from vergence.synthetic import render_clip, render_photo

SIZE = {"width": 48, "height": 32}


def test_a_clip_comes_back_as_it_was_rendered(tmp_path):
    clip = list(render_clip(3, frames=3, rate=25, right_eye_baseline=0.06, kind="street", **SIZE))
    assert write_sample(tmp_path / "000000", clip, seed=3) == 3
    for wrote, read in zip(clip, read_sample(tmp_path / "000000"), strict=True):
        for name in ("ids", "objects", "is_static"):
            np.testing.assert_array_equal(getattr(read, name), getattr(wrote, name))
        np.testing.assert_array_equal(read.frame.rgb, wrote.frame.rgb)
        np.testing.assert_array_equal(read.right.rgb, wrote.right.rgb)
        np.testing.assert_array_equal(read.depth.values, wrote.depth.values)
        np.testing.assert_array_equal(read.depth.valid, wrote.depth.valid)
        np.testing.assert_array_equal(read.depth.world_from_camera, wrote.depth.world_from_camera)
        np.testing.assert_allclose(read.normals, wrote.normals, atol=2e-5)
        assert read.depth.intrinsics == wrote.depth.intrinsics == read.frame.intrinsics
        assert (read.frame.time, read.frame.duration, read.frame.shot) == (
            wrote.frame.time,
            wrote.frame.duration,
            wrote.frame.shot,
        )
        assert (read.baseline, read.kind) == (0.06, "street")
        if wrote.flow is None:
            assert read.flow is None
        else:
            np.testing.assert_allclose(read.flow[read.flow_valid], wrote.flow[read.flow_valid], atol=1 / 128)
            assert (wrote.flow_valid | ~read.flow_valid).all()


def test_a_folder_reads_as_one_source(tmp_path):
    write_sample(tmp_path / "000000", render_clip(1, frames=3, rate=4, cuts=(1,), **SIZE))
    write_sample(tmp_path / "000001", [render_photo(2, **SIZE)])
    write_sample(tmp_path / "000002", [render_photo(3, **SIZE)])
    frames = [item.frame for item in read_folder(tmp_path)]
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.shot for frame in frames] == [0, 1, 1, 2, 3]
    times = [frame.time for frame in frames]
    assert times == sorted(set(times))


def test_what_is_there_is_not_overwritten(tmp_path):
    write_sample(tmp_path / "000000", [render_photo(2, **SIZE)])
    with pytest.raises(TargetError):
        write_sample(tmp_path / "000000", [render_photo(2, **SIZE)])


def test_nothing_is_left_of_a_sample_that_failed(tmp_path):
    def failing():
        yield render_photo(2, **SIZE)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write_sample(tmp_path / "000000", failing())
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(MediaError, match="no rendered"):
        list(read_samples(tmp_path))


@pytest.mark.parametrize("name", ["rgb", "depth", "ids", "normals"])
def test_a_damaged_file_is_said(tmp_path, name):
    write_sample(tmp_path / "000000", [render_photo(2, **SIZE)])
    (file,) = (tmp_path / "000000" / name).iterdir()
    file.write_bytes(b"nothing")
    with pytest.raises(MediaError):
        list(read_samples(tmp_path))
    file.unlink()
    with pytest.raises(MediaError):
        list(read_samples(tmp_path))


@pytest.mark.parametrize(
    "text", ["", "{}", '{"version": 99, "frames": []}', '{"version": 1, "rate": null, "frames": [{}]}']
)
def test_a_damaged_description_is_said(tmp_path, text):
    write_sample(tmp_path / "000000", [render_photo(2, **SIZE)])
    (tmp_path / "000000" / "scene.json").write_text(text)
    with pytest.raises(MediaError):
        list(read_samples(tmp_path))


@pytest.fixture
def command():
    import typer

    from vergence.cli.synth import synth

    app = typer.Typer()
    app.command()(synth)
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


def test_the_command_writes_photos(tmp_path, command):
    out = tmp_path / "new" / "photos"
    done = command("--count", 2, "--size", "48x32", "--out", out, "--seed", 5, "--baseline", 0.06)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out)
    samples = list(read_samples(out))
    np.testing.assert_array_equal(samples[0].frame.rgb, render_photo(5, right_eye_baseline=0.06, **SIZE).frame.rgb)
    assert samples[1].right is not None
    assert json.loads((out / "000001" / "scene.json").read_text())["seed"] == 6


def test_the_command_writes_clips(tmp_path, command):
    done = command("--kind", "clips", "--count", 1, "--frames", 2, "--size", "48x32", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert sum(1 for _ in read_folder(tmp_path)) == 2


def test_a_size_that_is_none_is_wrong_usage(tmp_path, command):
    assert command("--size", "big", "--out", tmp_path).exit_code == 2
