"""The door to files of cameras, and whose camera is whose."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from scenes import same_cloud, same_views, scene
from vergence.errors import FormatError, MediaError
from vergence.media.scene.cameras import cameras_of, check_cameras_name, fitted, read_cameras, write_cameras
from vergence.media.scene.tum import read_tum

TIMES = [Fraction(1, 30) * index for index in range(3)]


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("transforms.json", "transforms.json"),
        ("room_transforms.json", "room_transforms.json"),
        ("room.json", "room.json"),
        ("room.npz", "room.npz"),
        ("model", "model/images.bin"),
        ("model/cameras.txt", "model/images.txt"),
        ("model/cameras.bin", "model/points3D.bin"),
    ],
)
def test_the_name_chooses_the_format(tmp_path, name, holds):
    before = scene(first="a.jpg")
    check_cameras_name(tmp_path / name)
    path = write_cameras(tmp_path / name, before, TIMES)
    assert (tmp_path / holds).is_file()
    for found in (read_cameras(path), read_cameras(tmp_path / name)):
        same_views(found.views, before.views)
    if path.is_dir() or path.suffix == ".npz":
        same_cloud(read_cameras(path).cloud, before.cloud)


def test_two_kinds_of_json_are_told_apart_by_what_they_hold(tmp_path):
    write_cameras(tmp_path / "transforms.json", scene(), TIMES)
    (tmp_path / "transforms.json").rename(tmp_path / "other.json")
    same_views(read_cameras(tmp_path / "other.json").views, scene().views)
    write_cameras(tmp_path / "mine.json", scene(), TIMES)
    (tmp_path / "mine.json").rename(tmp_path / "transforms.json")
    same_views(read_cameras(tmp_path / "transforms.json").views, scene().views)


def test_a_folder_of_nerfstudio_is_read(tmp_path):
    write_cameras(tmp_path / "transforms.json", scene(), TIMES)
    same_views(read_cameras(tmp_path).views, scene().views)


def test_a_trajectory_has_the_times(tmp_path):
    write_cameras(tmp_path / "way.tum", scene(), TIMES)
    assert [float(moment.time) for moment in read_tum(tmp_path / "way.tum")] == pytest.approx([0, 1 / 30, 2 / 30])


@pytest.mark.parametrize("name", ["cameras.xml", "room.ply"])
def test_other_names_are_refused_before_and_after(tmp_path, name):
    with pytest.raises(FormatError, match="COLMAP"):
        check_cameras_name(tmp_path / name)
    with pytest.raises(FormatError, match="COLMAP"):
        write_cameras(tmp_path / name, scene(), TIMES)


def test_what_has_no_cameras_is_told(tmp_path):
    with pytest.raises(MediaError, match="no file"):
        read_cameras(tmp_path / "none.json")
    (tmp_path / "way.tum").write_text("0 0 0 0 0 0 0 1\n")
    with pytest.raises(FormatError, match="lenses"):
        read_cameras(tmp_path / "way.tum")
    (tmp_path / "empty.json").write_text('{"cameras": []}')
    with pytest.raises(FormatError, match="no camera"):
        read_cameras(tmp_path / "empty.json")


def named(*names):
    return [replace(scene().views[0], name=name) for name in names]


@pytest.mark.parametrize(
    ("pictures", "cameras", "expected"),
    [
        (["a.jpg", "b.jpg"], ["b.jpg", "a.jpg"], ["a.jpg", "b.jpg"]),
        (["/home/me/a.jpg"], ["images/a.jpg", "b.jpg"], ["images/a.jpg"]),
        (["left/a.jpg", "right/a.jpg"], ["right/a.jpg", "left/a.jpg"], ["left/a.jpg", "right/a.jpg"]),
        (["x/left/a.jpg"], ["y/right/a.jpg", "z/left/a.jpg"], ["z/left/a.jpg"]),
        (["r_0.png"], ["./train/r_0", "./train/r_1"], ["./train/r_0"]),
        (["r_0.png"], ["./train/r_0", "r_0.png"], ["r_0.png"]),
        (["images/a.jpg"], ["images\\a.jpg"], ["images\\a.jpg"]),
    ],
)
def test_cameras_are_found_by_the_pictures_names(pictures, cameras, expected):
    found = cameras_of(pictures, named(*cameras), "model")
    assert [view.name for view in found] == expected


def test_those_without_a_camera_are_named_in_one_line(caplog):
    found = cameras_of([f"{i}.jpg" for i in range(9)], named("0.jpg", "8.jpg"), "model")
    assert [view is None for view in found] == [False, *[True] * 7, False]
    (record,) = caplog.records
    assert record.getMessage() == ("model has no camera of 1.jpg, 2.jpg, 3.jpg, 4.jpg, 5.jpg and 2 more, left out")


def test_cameras_of_other_pictures_are_told():
    with pytest.raises(MediaError, match=r"no camera of a\.jpg; its cameras are of b\.jpg, c\.jpg"):
        cameras_of([Path("a.jpg")], named("b.jpg", "images/c.jpg"), "model")
    with pytest.raises(MediaError, match=r"several .* x/a\.jpg and y/a\.jpg"):
        cameras_of(["a.jpg"], named("x/a.jpg", "y/a.jpg"), "model")


def test_a_camera_follows_its_pictures_size_but_not_its_shape():
    view = scene().views[0]
    lens = fitted(view, 320, 240).intrinsics
    assert (lens.width, lens.fx) == (320, view.intrinsics.fx / 2)
    with pytest.raises(MediaError, match="480x640"):
        fitted(view, 480, 640)
    np.testing.assert_array_equal(view.camera.world_from_camera, view.world_from_camera)
