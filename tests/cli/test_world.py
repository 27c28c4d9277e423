"""Several pictures in one world by `vergence cloud` and `vergence splats`, as a user meets it."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import typer

from true_world import FRAMES, room, write_photos
from vergence.cli.world import WorldOptions, frames_or_seconds, target_of
from vergence.errors import SettingsError
from vergence.geometry.project import unproject
from vergence.media.ply import read_ply
from vergence.media.scene.cameras import read_cameras
from vergence.media.scene.colmap import write_colmap
from vergence.media.scene.scene import Scene, View
from vergence.media.splats.open import read_gaussians
from vergence.types import PointCloud

VERGENCE = [sys.executable, "-c", "from vergence.cli.main import main; main()"]


def vergence(*arguments):
    command = [*VERGENCE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with photos, and in `model` what COLMAP would know of them."""
    folder = tmp_path_factory.mktemp("place")
    photos = write_photos(folder)
    points = [
        unproject(s.depth.values, s.frame.intrinsics)[::6, ::6].reshape(-1, 3) @ s.depth.world_from_camera[:3, :3].T
        + s.depth.world_from_camera[:3, 3]
        for s in room()
    ]
    cloud = np.concatenate(points).astype(np.float32)
    views = tuple(
        View(f"images/{path.name}", s.frame.intrinsics, s.depth.world_from_camera)
        for path, s in zip(photos, room(), strict=True)
    )
    write_colmap(folder / "model", Scene(views, PointCloud(cloud, np.zeros((len(cloud), 3), np.uint8))))
    return folder


def test_known_cameras_bring_photos_into_one_file_with_the_model_in_the_package(place, tmp_path):
    photos = sorted(place.glob("*.png"))
    done = vergence(
        "cloud", *photos, "-o", tmp_path / "room.ply", "--model", "preview", "--poses", place / "model",
        "--poses-to", tmp_path / "transforms.json", "--voxel", "0.02",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "room.ply"), str(tmp_path / "transforms.json")]
    assert f"{FRAMES} frames" in done.stderr
    assert "merged" in done.stderr
    true = np.median(room()[0].depth.values)
    assert np.median(read_ply(tmp_path / "room.ply").points[:, 2]) == pytest.approx(true, rel=0.25)
    assert len(read_cameras(tmp_path / "transforms.json").views) == FRAMES


def test_splats_too(place, tmp_path):
    photos = sorted(place.glob("*.png"))[:2]
    done = vergence(
        "splats", *photos, "-o", tmp_path / "r.spz", "--model", "preview", "--poses", place / "model", "--sh", 0
    )
    assert done.returncode == 0, done.stderr
    assert len(read_gaussians(tmp_path / "r.spz")) > 1000


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("-o", "out.ply", "--model", "preview"), "depth-anything-3-small"),
        (("-o", "out.ply", "--model", "preview", "--poses", "none.json"), "none.json"),
        (("--every", "5"), "--one-world"),
        (("--one-world", "--model", "preview", "--fov-x-deg", "60"), "lenses"),
        (("--one-world", "--model", "preview", "--depth", "."), "--fuse"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(place, tmp_path, flags, said):
    photos = [shutil.copy(path, tmp_path) for path in sorted(place.glob("*.png"))]
    flags = [tmp_path / flag if flag.endswith((".ply", ".json")) else flag for flag in flags]
    done = vergence("cloud", *photos, *flags)
    assert done.returncode == 1, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert said in line
    assert "Traceback" not in done.stderr
    assert len(list(tmp_path.iterdir())) == FRAMES


@pytest.mark.parametrize(
    ("sources", "output", "options", "is_one"),
    [
        (2, "room.ply", {}, True),
        (2, "room.glb", {}, True),
        (1, "room.ply", {}, False),
        (2, "folder", {}, False),
        (2, "room.ply/", {}, False),
        (2, "room_%02d.ply", {}, False),
        (2, None, {}, False),
        (1, "room.ply", {"one_world": True}, True),
        (2, None, {"poses": "model"}, True),
        (1, "folder", {"poses_to": "model"}, True),
    ],
)
def test_when_pictures_go_into_one_world(tmp_path, sources, output, options, is_one):
    names = [f"{index}.jpg" for index in range(sources)]
    target = None if output is None else f"{tmp_path}/{output}"
    assert WorldOptions(**options).are_meant(names, target) == is_one


def test_a_folder_with_a_dot_is_still_a_folder(tmp_path):
    (tmp_path / "v1.0").mkdir()
    assert not WorldOptions().are_meant(["a.jpg", "b.jpg"], str(tmp_path / "v1.0"))


def test_key_frames_are_told_in_frames_or_seconds():
    assert frames_or_seconds("10") == 10
    assert frames_or_seconds("0.5s") == 0.5
    for wrong in ("0", "s", "-1s", "1/0s", "half", "0.5"):
        with pytest.raises(typer.BadParameter, match=r"0\.5s"):
            frames_or_seconds(wrong)
    with pytest.raises(SettingsError, match="--one-world"):
        WorldOptions(every="3").are_meant(["a.mp4"], None)


def test_the_result_has_a_name_without_being_told(tmp_path):
    assert target_of([str(tmp_path / "film.mp4")], None) == tmp_path / "film_world.ply"
