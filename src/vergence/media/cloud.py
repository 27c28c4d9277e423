"""From pictures with depth to coloured points: the camera, what is left out, one point a pixel."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import isfinite, radians, tan
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.geometry.edges import is_smeared
from vergence.geometry.project import unproject
from vergence.media.depth_file import at_picture_size
from vergence.media.ply import PointCloud
from vergence.types import DepthFrame, Frame, Intrinsics

logger = logging.getLogger(__name__)

Edges = Literal["drop", "keep"]

SCENE = 50  # times the depth within which a quarter of the picture lies; what is farther is sky, or as good as
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


@dataclass(frozen=True)
class CloudSettings:
    """Which points a cloud is made of.

    Attributes:
        edges: "drop" leaves out what hangs in the air between two surfaces, see `geometry.edges`.
        farthest: leave out what lies farther, metres. "auto" is 50 times the depth within which a quarter of the
            picture lies: a sky a kilometre away would make a viewer show a dot. Infinity keeps all.
        min_confidence: leave out what is less sure, in the depth's own measure.
        max_points: at most so many, chosen evenly at random, the same ones every time.

    Raises:
        SettingsError: a number is out of range.
    """

    edges: Edges = "drop"
    farthest: float | Literal["auto"] = "auto"
    min_confidence: float | None = None
    max_points: int | None = None

    def __post_init__(self) -> None:
        if self.edges not in get_args(Edges):
            raise SettingsError(f"edges are {' or '.join(get_args(Edges))}, not {self.edges!r}")
        if self.farthest != "auto" and not self.farthest > 0:
            raise SettingsError(f"the farthest point lies at a positive depth in metres, not {self.farthest:g}")
        if self.max_points is not None and self.max_points < 1:
            raise SettingsError(f"a cloud has at least 1 point, not {self.max_points}")


def with_camera(frames: Iterable[Frame], camera: Intrinsics | None) -> Iterator[Frame]:
    """Give every frame the camera that the user says it has; None leaves what is known of it."""
    for frame in frames:
        yield frame if camera is None else replace(frame, intrinsics=camera)


def clouds(
    items: Iterable[DepthFrame], *, settings: CloudSettings, camera: Intrinsics | None = None
) -> Iterator[PointCloud]:
    """Turn pictures with z-depth into clouds, one point for every pixel of the picture with valid depth.

    The camera is `camera`, else the depth's, else the picture's (from EXIF); where none is known 60 degrees across the
    longer side are assumed, with a warning.

    Raises:
        SettingsError: a confidence is asked for that the depth does not have.
    """
    has_warned = False
    for item, known in with_known_camera(items, camera):
        cloud = point_cloud(item, known, settings)
        if not len(cloud.points) and not has_warned:
            logger.warning(
                "no point of the picture at %g s is left; --farthest, --min-confidence and --edges say which go",
                float(item.frame.time),
            )
            has_warned = True
        yield cloud


def with_known_camera(
    items: Iterable[DepthFrame], camera: Intrinsics | None = None
) -> Iterator[tuple[DepthFrame, Intrinsics]]:
    """Find the camera of each picture, as `clouds` says."""
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


def point_cloud(item: DepthFrame, camera: Intrinsics, settings: CloudSettings) -> PointCloud:
    """The points of one picture; raises as `clouds`."""
    frame = item.frame
    depth = at_picture_size(item.depth, frame.width, frame.height)
    camera = camera.resized(frame.width, frame.height)
    z = depth.values
    kept = depth.valid & (z > 0)
    if settings.edges == "drop":
        kept &= ~is_smeared(np.where(kept, z, np.float32(0)), camera)
    kept &= is_near(z, kept, settings.farthest)
    if settings.min_confidence is not None:
        if depth.confidence is None:
            raise SettingsError("this depth says nothing of its confidence; leave out --min-confidence")
        kept &= depth.confidence >= settings.min_confidence
    chosen = np.flatnonzero(kept)
    if settings.max_points is not None and len(chosen) > settings.max_points:
        dice = np.random.default_rng(0)
        chosen = np.sort(dice.choice(chosen, settings.max_points, replace=False, shuffle=False))
    return PointCloud(
        unproject(z, camera).reshape(-1, 3)[chosen],
        frame.rgb8.reshape(-1, 3)[chosen],
        confidence=None if depth.confidence is None else depth.confidence.reshape(-1)[chosen],
    )


def is_near(z: NDArray[np.float32], kept: NDArray[np.bool_], farthest: float | Literal["auto"]) -> NDArray[np.bool_]:
    """Where depth (H, W) is `farthest` or less, see `CloudSettings`; "auto" looks at the pixels that are `kept`."""
    if farthest == "auto":
        farthest = SCENE * float(np.quantile(z[kept], 0.25)) if kept.any() else 0.0
    return z <= np.float32(farthest)


def guessed_camera(width: int, height: int) -> Intrinsics:
    """The camera assumed where nothing is known: 60 degrees over the longer side."""
    return _by_focal(max(width, height) / 2 / tan(radians(GUESSED_FOV) / 2), None, width, height)


def _by_focal(fx: float | None, fy: float | None, width: int, height: int) -> Intrinsics:
    fx, fy = fx or fy, fy or fx
    assert fx is not None
    assert fy is not None
    return Intrinsics(fx, fy, width / 2, height / 2, width, height)
