"""The camera of a picture: what the user, the depth or the picture says, or a guess."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import isfinite, radians, tan

from vergence.errors import SettingsError
from vergence.types import DepthFrame, Frame, Intrinsics

logger = logging.getLogger(__name__)

GUESSED_FOV = 60.0  # degrees over the longer side: between a phone's main camera (69) and the eye's lens of 50 mm (40)


@dataclass(frozen=True)
class CameraSettings:
    """What the user knows of a camera, whose axis goes through the middle of the picture.

    Attributes:
        focal_length_x, focal_length_y: px of the source's own picture; one stands for both.
        fov_x_deg: horizontal field of view, degrees, in their place.

    Raises:
        SettingsError: a number is out of range, or both are given.
    """

    focal_length_x: float | None = None
    focal_length_y: float | None = None
    fov_x_deg: float | None = None

    def __post_init__(self) -> None:
        focals = [focal for focal in (self.focal_length_x, self.focal_length_y) if focal is not None]
        if any(not (isfinite(focal) and focal > 0) for focal in focals):
            raise SettingsError(f"a focal length is a positive number of pixels, not {min(focals)}")
        if self.fov_x_deg is not None and focals:
            raise SettingsError("a focal length and a field of view say the same thing; give one of them")
        if self.fov_x_deg is not None and not 0 < self.fov_x_deg < 180:
            raise SettingsError(f"a field of view lies between 0 and 180 degrees, not {self.fov_x_deg:g}")

    def of(self, width: int, height: int) -> Intrinsics | None:
        """The camera of a source of this size, px; None where nothing is known."""
        if self.fov_x_deg is not None:
            return _by_focal(width / 2 / tan(radians(self.fov_x_deg) / 2), None, width, height)
        if self.focal_length_x is None and self.focal_length_y is None:
            return None
        return _by_focal(self.focal_length_x, self.focal_length_y, width, height)


def with_camera(frames: Iterable[Frame], camera: Intrinsics | None) -> Iterator[Frame]:
    """Give every frame the camera that the user says it has; None leaves what is known of it."""
    for frame in frames:
        yield frame if camera is None else replace(frame, intrinsics=camera)


def with_known_camera(
    items: Iterable[DepthFrame], camera: Intrinsics | None = None
) -> Iterator[tuple[DepthFrame, Intrinsics]]:
    """Find the camera of each picture: `camera`, else the depth's, else the picture's own (from EXIF).

    Where none is known 60 degrees across the longer side are assumed, with a warning.
    """
    has_warned = False
    for item in items:
        known = camera or item.depth.intrinsics or item.frame.intrinsics
        if known is None and not has_warned:
            logger.warning(
                "nothing says what camera took the picture, so %g degrees across are assumed; "
                "shapes are stretched in depth if that is wrong: give --fov-x-deg or --focal-length-x",
                GUESSED_FOV,
            )
            has_warned = True
        yield item, known or guessed_camera(item.frame.width, item.frame.height)


def guessed_camera(width: int, height: int) -> Intrinsics:
    """The camera assumed where nothing is known: 60 degrees over the longer side."""
    return _by_focal(max(width, height) / 2 / tan(radians(GUESSED_FOV) / 2), None, width, height)


def _by_focal(fx: float | None, fy: float | None, width: int, height: int) -> Intrinsics:
    fx, fy = fx or fy, fy or fx
    assert fx is not None
    assert fy is not None
    return Intrinsics(fx, fy, width / 2, height / 2, width, height)
