"""What Depth Anything 3 (Lin et al., arXiv:2511.10647) is shown: views of one size, and what became of their cameras.

A view is resized twice, as the authors do: first one of its sides to `side`, then both to whole patches. The second
step either stretches the picture by up to half a patch ("resize") or cuts its border off ("crop"). Cameras follow
exactly, so a point seen at a pixel of the photo is seen at the matching pixel of the view.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.depth.families.patches import MEAN, PATCH, STD
from vergence.errors import SettingsError, ShapeError
from vergence.types import Intrinsics

logger = logging.getLogger(__name__)

SIDE = 504  # pixels, of the longer side: the authors' default

Method = Literal["upper_bound_resize", "upper_bound_crop", "lower_bound_resize", "lower_bound_crop"]
METHODS: tuple[Method, ...] = get_args(Method)

Picture = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Views:
    """N views of one size, ready for the network.

    Attributes:
        pictures: (N, 3, H, W) float32, normalised by the mean and deviation of ImageNet.
        rgb: N pictures (H, W, 3) as the network sees them, of the sources' dtype.
        intrinsics: the camera of each (H, W) view, pixels; None where it was not known.
    """

    pictures: NDArray[np.float32]
    rgb: tuple[Picture, ...]
    intrinsics: tuple[Intrinsics | None, ...]


def prepare_views(
    pictures: Sequence[Picture],
    *,
    intrinsics: Sequence[Intrinsics | None] | None = None,
    side: int = SIDE,
    method: Method = "upper_bound_resize",
    size: tuple[int, int] | None = None,
) -> Views:
    """Resize (h, w, 3) pictures of any size and bring them to a common one.

    Pictures of other proportions than the rest lose their border: all are cut to the smallest height and width, about
    their middle.

    Args:
        pictures: one or more.
        intrinsics: of each picture at its own size; None where unknown.
        side: pixels; the longer side becomes this in the "upper_bound" methods, the shorter in the "lower_bound" ones.
        method: see the module.
        size: (height, width) of the only views a network takes: all are stretched to it, whatever their proportions.

    Raises:
        ShapeError: there is no picture, or `intrinsics` are not those of the pictures.
        SettingsError: `side` is under one patch, or leaves less than one of a narrow picture that is to be cropped.
    """
    cameras = list(intrinsics) if intrinsics is not None else [None] * len(pictures)
    if not pictures or len(cameras) != len(pictures):
        raise ShapeError(f"{len(pictures)} pictures came with {len(cameras)} cameras; needed is one for each")
    fitted = [
        fit_view(picture, camera, side=side, method=method, size=size)
        for picture, camera in zip(pictures, cameras, strict=True)
    ]
    height, width = (min(picture.shape[axis] for picture, _ in fitted) for axis in (0, 1))
    if any(picture.shape[:2] != (height, width) for picture, _ in fitted):
        logger.warning("the views differ in shape: all are cut to %d x %d pixels about their middle", width, height)
    cut = [_crop(picture, camera, width, height) for picture, camera in fitted]
    return Views(
        np.stack([normalise(picture) for picture, _ in cut]),
        tuple(picture for picture, _ in cut),
        tuple(camera for _, camera in cut),
    )


def fit_view(
    rgb: Picture,
    intrinsics: Intrinsics | None = None,
    *,
    side: int = SIDE,
    method: Method = "upper_bound_resize",
    size: tuple[int, int] | None = None,
) -> tuple[Picture, Intrinsics | None]:
    """Resize one (h, w, 3) picture to whole patches; see `prepare_views` for arguments and errors."""
    if method not in METHODS:
        raise SettingsError(f"no way to resize is called {method!r}; choose from {', '.join(METHODS)}")
    if side < PATCH:
        raise SettingsError(f"a view needs at least {PATCH} pixels a side, not {side}")
    height, width = rgb.shape[:2]
    if intrinsics is not None and (intrinsics.width, intrinsics.height) != (width, height):
        raise ShapeError(
            f"a picture is {width}x{height}, but its intrinsics are for {intrinsics.width}x{intrinsics.height}; "
            "see Intrinsics.resized"
        )
    if size is not None:
        return _resize(rgb, intrinsics, size[1], size[0])
    bounded = max(width, height) if method.startswith("upper_bound") else min(width, height)
    scale = side / bounded
    # round() takes halves to the even number, as the authors' does.
    rgb, intrinsics = _resize(rgb, intrinsics, max(1, round(width * scale)), max(1, round(height * scale)))
    height, width = rgb.shape[:2]
    if method.endswith("_resize"):
        return _resize(rgb, intrinsics, _nearest(width), _nearest(height))
    if min(width, height) < PATCH:
        raise SettingsError(
            f"cropping leaves nothing of a view of {width}x{height} pixels, which is under one patch of {PATCH}; "
            f"choose a larger side than {side}, or a method that resizes"
        )
    return _crop(rgb, intrinsics, width // PATCH * PATCH, height // PATCH * PATCH)


def normalise(rgb: Picture) -> NDArray[np.float32]:
    """(H, W, 3) integers to the (3, H, W) float32 the network was trained on."""
    picture: NDArray[Any] = rgb.astype(np.float32) / np.float32(np.iinfo(rgb.dtype).max)
    normalised = (picture - MEAN.astype(np.float32)) / STD.astype(np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1), dtype=np.float32)


def _nearest(size: int) -> int:
    return max(1, (2 * size + PATCH) // (2 * PATCH)) * PATCH  # halves up, unlike round()


def _resize(rgb: Picture, camera: Intrinsics | None, width: int, height: int) -> tuple[Picture, Intrinsics | None]:
    if rgb.shape[:2] == (height, width):
        return rgb, camera
    grows = width > rgb.shape[1] or height > rgb.shape[0]
    # Rounded to integers in between, and cubic along both sides if one grows: as the networks were trained.
    resized: Any = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_CUBIC if grows else cv2.INTER_AREA)
    return resized, camera and camera.resized(width, height)


def _crop(rgb: Picture, camera: Intrinsics | None, width: int, height: int) -> tuple[Picture, Intrinsics | None]:
    top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    if camera is not None:
        camera = Intrinsics(camera.fx, camera.fy, camera.cx - left, camera.cy - top, width, height)
    return rgb[top : top + height, left : left + width], camera
