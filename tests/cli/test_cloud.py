"""`vergence cloud`, and what `vergence depth` shows, as a user meets them."""

import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from vergence import DepthMap, read_ply, write_depth
from vergence.media.scene.glb import read_glb

FIXTURES = Path(__file__).parent.parent / "fixtures"
VERGENCE = [sys.executable, "-c", "from vergence.cli.main import main; main()"]


def vergence(*arguments):
    command = [*VERGENCE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def refused(done):
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


@pytest.fixture
def room(tmp_path):
    return Path(shutil.copy(FIXTURES / "images" / "sk_coffee.png", tmp_path / "coffee.png"))


def metres(folder, kind="metric"):
    path = folder / "depth.npz"
    write_depth(
        path, DepthMap(np.full((400, 600), 3, np.float32), np.ones((400, 600), bool), kind), width=600, height=400
    )
    return path


def test_the_first_run_needs_no_flag(room):
    done = vergence("cloud", room)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(room.with_suffix(".ply"))]
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 2
    assert "guess" in "".join(warnings)
    assert "60 degrees" in "".join(warnings)
    assert 200_000 < len(read_ply(room.with_suffix(".ply")).points) <= 240_000


def test_ones_own_metres_and_camera_need_no_warning(room, tmp_path):
    done = vergence(
        "cloud",
        room,
        "-o",
        tmp_path / "out.ply",
        "--depth",
        metres(tmp_path),
        "--fov-x-deg",
        "90",
        "--max-points",
        "500",
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    points = read_ply(tmp_path / "out.ply").points
    assert len(points) == 500
    np.testing.assert_array_equal(points[:, 2], 3)
    assert np.abs(points[:, 0]).max() == pytest.approx(3, rel=0.01)


def test_a_mesh_in_a_glb_tells_what_it_left_out(room, tmp_path):
    done = vergence("cloud", room, "-o", tmp_path / "out.glb", "--depth", metres(tmp_path), "--mesh", "--max-res", "60")
    assert done.returncode == 0, done.stderr
    assert "2,400 points" in done.stderr.splitlines()
    scene = read_glb(tmp_path / "out.glb")
    assert len(scene.triangles) == 2 * 59 * 39


def test_a_cleaned_cloud_tells_how_many_points_went(room, tmp_path):
    flags = ("--voxel", "0.5", "--sor-neighbors", "8", "--sor-std-ratio", "3", "--normals", "--max-res", "60")
    done = vergence("cloud", room, "-o", tmp_path / "out.ply", "--depth", metres(tmp_path), *flags)
    assert done.returncode == 0, done.stderr
    cloud = read_ply(tmp_path / "out.ply")
    assert len(cloud) < 100
    np.testing.assert_allclose(cloud.normals, [[0, 0, -1]] * len(cloud), atol=1e-6)
    (said,) = [line for line in done.stderr.splitlines() if line.startswith(f"{len(cloud)} points; left out: ")]
    assert "merged into others" in said


def test_frames_with_poses_become_one_cloud(tmp_path):
    for folder in ("film", "depth"):
        (tmp_path / folder).mkdir()
    for number in range(2):
        Image.new("RGB", (40, 30), (200, 99, 0)).save(tmp_path / "film" / f"{number}.png")
        pose = np.eye(4)
        pose[0, 3] = number
        values = np.full((30, 40), 2, np.float32)
        depth = DepthMap(values, values > 0, "metric", world_from_camera=pose)
        write_depth(tmp_path / "depth" / f"{number}.npz", depth, width=40, height=30)
    flags = ("--fuse", "--consistency", "0.1", "--fov-x-deg", "90", "--depth", tmp_path / "depth")
    done = vergence("cloud", tmp_path / "film", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "film_cloud.ply")]
    assert np.ptp(read_ply(tmp_path / "film_cloud.ply").points[:, 0]) == pytest.approx(5, abs=0.2)


def test_relative_depth_is_told_with_what_would_do(room, tmp_path):
    said = refused(vergence("cloud", room, "--depth", metres(tmp_path, "affine_inverse")))
    assert "vergence models list --kind metric" in said
    assert not room.with_suffix(".ply").exists()


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--focal-length-x", "0"), 1),
        (("--focal-length-x", "500", "--fov-x-deg", "60"), 1),
        (("--farthest", "0"), 1),
        (("-o", "out.obj"), 1),
        (("--farthest", "away"), 2),
        (("--edges", "blur"), 2),
        (("--target-fps", "0"), 2),
        (("--target-fps", "often"), 2),
        (("--max-res", "1"), 2),
        (("--tear", "1.5"), 1),
        (("--mesh", "--tear", "0.9"), 1),
        (("--mesh", "--voxel", "0.1"), 1),
        (("--sor-std-ratio", "0"), 1),
        (("--voxel", "-1"), 1),
        (("--fuse",), 2),
        (("--consistency", "0.1"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_senseless_options_are_told(room, flags, code):
    assert vergence("cloud", room, "--model", "preview", *flags).returncode == code
    assert [path.name for path in room.parent.iterdir()] == ["coffee.png"]


def test_a_depth_film_side_by_side_smaller_slower_and_silent(tmp_path):
    source = FIXTURES / "videos" / "stream_audio.mp4"
    flags = ("--side-by-side", "--no-audio", "--target-fps", "15", "--max-len", "10", "--max-res", "240")
    done = vergence("depth", source, "-o", tmp_path / "out.mp4", "--model", "preview", *flags)
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "out.mp4")) as film:
        assert [stream.type for stream in film.streams] == ["video"]
        times = [frame.time for frame in film.decode(video=0)]
        assert (film.streams.video[0].width, film.streams.video[0].height) == (480, 180)
    assert len(times) == 10
    assert times[-1] == pytest.approx(9 / 15, abs=0.04)


def test_stereo_takes_the_same_options(tmp_path):
    flags = ("--target-fps", "10", "--max-frames", "2", "--max-res", "128")
    done = vergence("stereo", FIXTURES / "edge" / "vfr.mp4", "-o", tmp_path / "o.mp4", "--model", "preview", *flags)
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "o.mp4")) as film:
        assert len(list(film.decode(video=0))) == 2
        assert (film.streams.video[0].width, film.streams.video[0].height) == (256, 72)


def test_a_photo_beside_its_depth(room):
    done = vergence("depth", room, "--side-by-side", "--model", "preview")
    assert done.returncode == 0, done.stderr
    with Image.open(room.with_name("coffee_depth.png")) as picture:
        assert picture.size == (1200, 400)
