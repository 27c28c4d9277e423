"""Cameras as JSON of our own: what `media.scene.scene.View` has, and nothing turned.

    {
      "format": "vergence cameras",
      "version": 1,
      "cameras": [
        {"name": "a.jpg", "width": 640, "height": 480, "fx": 500.0, "fy": 500.0, "cx": 320.0, "cy": 240.0,
         "world_from_camera": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}
      ]
    }

Lenses are in pixels of the picture; the top-left pixel's centre is (0.5, 0.5). `world_from_camera` are the rows of a
rigid transform from the camera's axes, x right, y down, z forward, to the world's, in its unit.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from vergence.errors import FormatError, ShapeError
from vergence.media.scene.scene import View, read_json
from vergence.media.targets import Target
from vergence.types import Intrinsics

FORMAT, VERSION = "vergence cameras", 1
LENS = {"width": int, "height": int, "fx": float, "fy": float, "cx": float, "cy": float}


def write_camera_list(path: str | Path, views: tuple[View, ...], *, overwrite: bool = False) -> None:
    """Write the cameras of views, every digit of them.

    Raises:
        TargetError: see `Target`.
    """
    cameras = [
        {
            "name": view.name,
            **{name: getattr(view.intrinsics, name) for name in LENS},
            "world_from_camera": view.world_from_camera.tolist(),
        }
        for view in views
    ]
    root = {"format": FORMAT, "version": VERSION, "cameras": cameras}
    with Target(Path(path), overwrite=overwrite) as target:
        target.temporary.write_text(json.dumps(root, indent=2) + "\n", encoding="utf-8")


def read_camera_list(path: str | Path) -> tuple[View, ...]:
    """Read cameras.

    Raises:
        MediaError: there is no such file, or it is damaged.
        FormatError: it is no list of cameras, or one of them cannot be.
    """
    path = Path(path)
    root = read_json(path)
    if not isinstance(root, dict) or not isinstance(root.get("cameras"), list):
        raise FormatError(f"{path} is no list of cameras: it has no {'cameras'!r}")
    if (version := root.get("version", VERSION)) != VERSION:
        raise FormatError(f"{path} is of version {version}, and read is {VERSION}; get a newer vergence")
    return tuple(_view(path, number, camera) for number, camera in enumerate(root["cameras"], start=1))


def _view(path: Path, number: int, camera: Any) -> View:
    try:
        lens = Intrinsics(**{name: kind(camera[name]) for name, kind in LENS.items()})
        if not np.isfinite([lens.fx, lens.fy, lens.cx, lens.cy]).all():
            raise ValueError("a number is not finite")
        return View(str(camera["name"]), lens, np.array(camera["world_from_camera"], np.float64))
    except (ShapeError, KeyError, TypeError, ValueError, OverflowError) as error:
        said = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise FormatError(f"{path} has a camera, number {number}, that is not read: {said}") from error
