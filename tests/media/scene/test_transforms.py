"""transforms.json: back again, and with the meaning nerfstudio gives it."""

import json
import math

import numpy as np
import pytest

from scenes import WIDE, same_views, scene
from vergence.errors import FormatError, MediaError, TargetError
from vergence.media.scene.scene import View
from vergence.media.scene.transforms import read_transforms, write_transforms


def written(tmp_path, root):
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(root))
    return path


FRAME = {"file_path": "a.jpg", "transform_matrix": np.eye(4).tolist()}
LENS = {"fl_x": 500, "fl_y": 510, "cx": 320, "cy": 240, "w": 640, "h": 480}


@pytest.mark.parametrize("count", [1, 3])
def test_views_come_back(tmp_path, count):
    before = scene().views[:count]
    write_transforms(tmp_path / "transforms.json", before)
    same_views(read_transforms(tmp_path / "transforms.json"), before)


def test_a_level_camera_looks_along_y_in_a_world_with_z_up(tmp_path):
    pose = np.eye(4)
    pose[:3, 3] = [1, 2, 3]  # right, down, forward
    write_transforms(tmp_path / "a.json", (View("a.jpg", WIDE, pose),))
    root = json.loads((tmp_path / "a.json").read_text())
    (frame,) = root["frames"]
    theirs = np.array(frame["transform_matrix"])
    np.testing.assert_allclose(theirs[:3, 3], [1, 3, -2])
    np.testing.assert_allclose(theirs[:3, :3] @ [0, 0, -1], [0, 1, 0])  # their cameras look along -z
    np.testing.assert_allclose(theirs[:3, :3] @ [0, 1, 0], [0, 0, 1])  # and have y up
    assert (root["fl_x"], root["fl_y"], root["cx"], root["cy"]) == (WIDE.fx, WIDE.fy, WIDE.cx, WIDE.cy)
    assert (root["w"], root["h"], frame["file_path"]) == (640, 480, "a.jpg")


def test_several_lenses_stand_with_their_frames(tmp_path):
    write_transforms(tmp_path / "a.json", scene().views)
    root = json.loads((tmp_path / "a.json").read_text())
    assert "fl_x" not in root
    assert [frame["w"] for frame in root["frames"]] == [640, 720, 640]


def test_a_world_that_says_nothing_has_z_up(tmp_path):
    (view,) = read_transforms(written(tmp_path, {**LENS, "frames": [FRAME]}))
    np.testing.assert_allclose(view.world_from_camera[:3, 2], [0, 1, 0], atol=1e-12)  # it looks along -z, down


def test_an_applied_transform_is_undone(tmp_path):
    applied = [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0]]  # what nerfstudio applies to COLMAP's world
    camera = np.eye(4)
    camera[:3, 3] = [1, 2, 3]
    frame = {**FRAME, "transform_matrix": (np.vstack([applied, [0, 0, 0, 1]]) @ camera).tolist()}
    (view,) = read_transforms(written(tmp_path, {**LENS, "applied_transform": applied, "frames": [frame]}))
    np.testing.assert_allclose(view.world_from_camera, camera @ np.diag([1.0, -1, -1, 1]), atol=1e-12)


def test_an_angle_stands_for_a_focal_length(tmp_path):
    root = {"camera_angle_x": math.radians(90), "w": 640, "h": 480, "frames": [FRAME]}
    (view,) = read_transforms(written(tmp_path, root))
    assert view.intrinsics.fx == view.intrinsics.fy == pytest.approx(320)
    assert (view.intrinsics.cx, view.intrinsics.cy) == (320, 240)


def test_bent_lenses_are_told(tmp_path, caplog):
    read_transforms(written(tmp_path, {**LENS, "k1": 0.1, "frames": [FRAME]}))
    assert "bend lines" in caplog.text


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ([], "list of frames"),
        ({}, "list of frames"),
        ({**LENS, "frames": [{}]}, "transform_matrix"),
        ({**LENS, "frames": [{**FRAME, "transform_matrix": [[1, 2], [3, 4]]}]}, "transform_matrix is"),
        ({**LENS, "frames": [{**FRAME, "transform_matrix": (np.eye(4) * 3).tolist()}]}, "no rotation"),
        ({**LENS, "camera_model": "OPENCV_FISHEYE", "frames": [FRAME]}, "FISHEYE"),
        ({**LENS, "applied_transform": np.zeros((3, 4)).tolist(), "frames": [FRAME]}, "Singular"),
        ({"fl_x": 500, "frames": [FRAME]}, "give w and h"),
        ({"w": 640, "h": 480, "frames": [FRAME]}, "focal length"),
        ({**LENS, "fl_x": -1, "frames": [FRAME]}, "must be positive"),
        ({**LENS, "w": 1e400, "frames": [FRAME]}, "not read"),
    ],
)
def test_what_is_not_read_is_told(tmp_path, root, said):
    with pytest.raises(FormatError, match=said):
        read_transforms(written(tmp_path, root))


def test_damage_and_absence_are_told(tmp_path):
    (tmp_path / "a.json").write_text('{"frames": [')
    with pytest.raises(MediaError, match="no JSON"):
        read_transforms(tmp_path / "a.json")
    with pytest.raises(MediaError, match="no file"):
        read_transforms(tmp_path / "b.json")
    with pytest.raises(TargetError):
        write_transforms(tmp_path / "a.json", scene().views)
