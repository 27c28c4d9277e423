"""VR180: each eye's picture at its true angles on half a sphere, unrolled so that a pixel is always the same angle."""

from collections.abc import Callable
from functools import lru_cache
from math import atan2, ceil, floor, pi
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.geometry.resample import shrink
from vergence.stereo.layout.arrange import beside
from vergence.stereo.layout.settings import LayoutSettings
from vergence.types import Intrinsics, StereoPair


def vr180(settings: LayoutSettings) -> Callable[[StereoPair], NDArray[Any]]:
    """A function that lays both views of a pair, (H, W, 3) each, on half spheres: (S, 2 S, 3), black around them."""

    def pack(pair: StereoPair) -> NDArray[Any]:
        height, width = pair.left.shape[:2]
        camera = settings.camera(width, height, pair.frame.intrinsics)
        eye = settings.eye(camera.fx)
        return beside(on_half_sphere(pair.left, camera, eye), on_half_sphere(pair.right, camera, eye))

    return pack


def on_half_sphere(picture: NDArray[Any], camera: Intrinsics, eye: int) -> NDArray[Any]:
    """Lay a picture on a half sphere.

    Args:
        picture: (H, W, 3).
        camera: of that picture.
        eye: pixels of the half sphere, S.

    Returns:
        (S, S, 3): longitude -90..90 degrees from left to right, latitude 90..-90 from top to bottom; black where the
        camera did not look.
    """
    height, width = picture.shape[:2]
    # Coarser than the picture, the sphere would skip pixels: they are averaged first.
    scale = min(1.0, eye / pi / camera.fx)
    small_width, small_height = max(1, round(width * scale)), max(1, round(height * scale))
    small = shrink(picture, small_width, small_height)
    top, left, columns, rows = _map(camera.resized(small_width, small_height), eye)
    sphere = np.zeros((eye, eye, 3), picture.dtype)
    # The outer pixels fade to black over the last half of their width, as cubic sampling against black does.
    seen = cv2.remap(small, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0))
    sphere[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
    return sphere


@lru_cache(maxsize=2)
def _map(camera: Intrinsics, eye: int) -> tuple[int, int, NDArray[np.float32], NDArray[np.float32]]:
    """Where the part of the sphere that the camera sees begins (row, column), and where it looks in the picture."""
    per_radian = eye / pi
    left = max(0, floor(eye / 2 + per_radian * atan2(-camera.cx, camera.fx)) - 1)
    right = min(eye, ceil(eye / 2 + per_radian * atan2(camera.width - camera.cx, camera.fx)) + 1)
    top = max(0, floor(eye / 2 + per_radian * atan2(-camera.cy, camera.fy)) - 1)
    bottom = min(eye, ceil(eye / 2 + per_radian * atan2(camera.height - camera.cy, camera.fy)) + 1)
    longitude = (np.arange(left, right) + 0.5 - eye / 2) / per_radian
    latitude = (np.arange(top, bottom) + 0.5 - eye / 2)[:, None] / per_radian  # downwards, as y
    x = np.tan(longitude)
    y = np.tan(latitude) / np.cos(longitude)
    # OpenCV counts from the centre of the first pixel, we from its edge.
    columns = np.broadcast_to(camera.fx * x + camera.cx - 0.5, y.shape).astype(np.float32)
    rows = (camera.fy * y + camera.cy - 0.5).astype(np.float32)
    return top, left, columns, rows
