"""Cameras as `transforms.json`, the way of nerfstudio and instant-ngp.

Poses go from the camera to the world, of cameras that look along -z with y up. The world has z up there, so ours (y
down) is turned, and `applied_transform` says how; where a file does not say, its world is taken to have z up.
"""

import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError, ShapeError
from vergence.media.scene.scene import OPENGL, View, read_json
from vergence.media.targets import Target
from vergence.types import Intrinsics

logger = logging.getLogger(__name__)

Z_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])  # from y down, z forward
LENS = {"fl_x": "fx", "fl_y": "fy", "cx": "cx", "cy": "cy", "w": "width", "h": "height"}
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
LARGEST = 1e30  # a number of a pose that is larger is damage
PINHOLES = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE")


def write_transforms(path: str | Path, views: tuple[View, ...], *, overwrite: bool = False) -> None:
    """Write the cameras of views; one lens for all stands at the top, several stand with their frames.

    Raises:
        TargetError: see `Target`.
    """
    lenses = [{key: getattr(view.intrinsics, name) for key, name in LENS.items()} for view in views]
    is_shared = bool(lenses) and all(lens == lenses[0] for lens in lenses)
    root: dict[str, Any] = {"camera_model": "OPENCV", **(lenses[0] if is_shared else {})}
    root["applied_transform"] = Z_UP[:3].tolist()
    root["frames"] = [
        {
            "file_path": view.name,
            **({} if is_shared else lens),
            "transform_matrix": (Z_UP @ view.world_from_camera @ OPENGL).tolist(),
        }
        for view, lens in zip(views, lenses, strict=True)
    ]
    with Target(Path(path), overwrite=overwrite) as target:
        target.temporary.write_text(json.dumps(root, indent=2) + "\n", encoding="utf-8")


def read_transforms(path: str | Path) -> tuple[View, ...]:
    """Read cameras; what a lens bends is left out, with a warning.

    Raises:
        MediaError: there is no such file, or it is damaged.
        FormatError: it is no transforms.json, or its cameras are not pinholes of a known size.
    """
    path = Path(path)
    root = read_json(path)
    if not isinstance(root, dict) or not isinstance(root.get("frames"), list):
        raise FormatError(f"{path} is no transforms.json: it has no list of frames")
    if any(_number({**root, **_table(frame)}, key, 0.0) for frame in root["frames"] for key in DISTORTION):
        logger.warning("%s has lenses that bend lines, which is left out; undistort the pictures first", path)
    try:
        applied = np.array(root.get("applied_transform", Z_UP[:3]), np.float64)
        if applied.shape != (3, 4) or not (np.abs(applied) < LARGEST).all():
            raise ShapeError(f"applied_transform is {applied.shape}")
        ours_from_theirs = np.linalg.inv(np.vstack([applied, [0, 0, 0, 1]]))
        return tuple(_view(root, _table(frame), ours_from_theirs) for frame in root["frames"])
    except (ShapeError, KeyError, TypeError, ValueError, OverflowError, np.linalg.LinAlgError) as error:
        raise FormatError(f"{path} has a camera that is not read ({error})") from error


def _view(root: dict[str, Any], frame: dict[str, Any], ours_from_theirs: NDArray[np.float64]) -> View:
    both = {**root, **frame}
    model = both.get("camera_model", PINHOLES[0])
    if model not in PINHOLES:
        raise ValueError(f"its model is {model}, needed is one of {', '.join(PINHOLES)}")
    pose = np.array(frame["transform_matrix"], np.float64)
    if pose.shape == (3, 4):
        pose = np.vstack([pose, [0, 0, 0, 1]])
    if pose.shape != (4, 4) or not (np.abs(pose) < LARGEST).all():
        raise ShapeError(f"transform_matrix is {pose.tolist()}")
    return View(str(frame["file_path"]), _intrinsics(both), ours_from_theirs @ pose @ OPENGL)


def _intrinsics(lens: dict[str, Any]) -> Intrinsics:
    if "w" not in lens or "h" not in lens:
        raise ValueError("nothing says how large the pictures are: give w and h")
    width, height = int(lens["w"]), int(lens["h"])
    if "fl_x" not in lens and "camera_angle_x" not in lens:
        raise ValueError("nothing says its focal length: give fl_x or camera_angle_x")
    fx = _number(lens, "fl_x", 0.0) or width / 2 / math.tan(_number(lens, "camera_angle_x", 0.0) / 2)
    fy = _number(lens, "fl_y", fx)
    return Intrinsics(fx, fy, _number(lens, "cx", width / 2), _number(lens, "cy", height / 2), width, height)


def _number(table: dict[str, Any], key: str, default: float) -> float:
    value = table.get(key, default)
    return float(value) if isinstance(value, int | float) else default


def _table(frame: object) -> dict[str, Any]:
    return frame if isinstance(frame, dict) else {}
