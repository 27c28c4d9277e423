"""Cameras in our own JSON."""

import json

import numpy as np
import pytest

from scenes import same_views, scene
from vergence.errors import FormatError, MediaError, TargetError
from vergence.media.scene.camera_list import read_camera_list, write_camera_list

CAMERA = {"name": "a.jpg", "width": 640, "height": 480, "fx": 500, "fy": 500, "cx": 320, "cy": 240}
POSE = {"world_from_camera": np.eye(4).tolist()}


def written(folder, root):
    path = folder / "cameras.json"
    path.write_text(json.dumps(root))
    return path


def test_cameras_come_back_to_the_last_digit(tmp_path):
    write_camera_list(tmp_path / "cameras.json", scene().views)
    found = read_camera_list(tmp_path / "cameras.json")
    same_views(found, scene().views)
    for one, two in zip(found, scene().views, strict=True):
        np.testing.assert_array_equal(one.world_from_camera, two.world_from_camera)


def test_one_written_by_hand_is_read(tmp_path):
    turned = [[0, 0, 1, 5], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]]
    (view,) = read_camera_list(written(tmp_path, {"cameras": [{**CAMERA, "world_from_camera": turned}]}))
    assert view.name == "a.jpg"
    np.testing.assert_array_equal(view.world_from_camera @ [0, 0, 1, 1], [6, 0, 0, 1])  # it looks along x, from x = 5
    assert (view.intrinsics.fx, view.intrinsics.width) == (500, 640)


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ([], "no list of cameras"),
        ({"frames": []}, "no list of cameras"),
        ({"version": 2, "cameras": []}, "version 2"),
        ({"cameras": [CAMERA]}, "number 1, that is not read: it lacks 'world_from_camera'"),
        ({"cameras": [{**CAMERA, **POSE}, {**POSE, "name": "b"}]}, "number 2.*lacks 'width'"),
        ({"cameras": [{**CAMERA, "world_from_camera": [[1, 2], [3, 4]]}]}, "a pose is"),
        ({"cameras": [{**CAMERA, "world_from_camera": (2 * np.eye(4)).tolist()}]}, "no rotation"),
        ({"cameras": [{**CAMERA, **POSE, "fx": -1}]}, "must be positive"),
        ({"cameras": [{**CAMERA, **POSE, "cx": float("nan")}]}, "not finite"),
        ({"cameras": [{**CAMERA, **POSE, "fx": "far"}]}, "far"),
        ({"cameras": ["a.jpg"]}, "not read"),
    ],
)
def test_what_is_not_read_is_told(tmp_path, root, said):
    with pytest.raises(FormatError, match=said):
        read_camera_list(written(tmp_path, root))


def test_damage_and_absence_are_told(tmp_path):
    (tmp_path / "a.json").write_text('{"cameras": [')
    with pytest.raises(MediaError, match="no JSON"):
        read_camera_list(tmp_path / "a.json")
    with pytest.raises(MediaError, match="no file"):
        read_camera_list(tmp_path / "b.json")
    with pytest.raises(TargetError):
        write_camera_list(tmp_path / "a.json", scene().views)
