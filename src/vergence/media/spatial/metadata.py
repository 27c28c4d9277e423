"""What spatial films and photos say of the pair of cameras they were taken with."""

from dataclasses import dataclass, replace
from math import atan, degrees, isfinite, radians, tan
from typing import Literal, get_args

from vergence.errors import SettingsError
from vergence.types import Intrinsics

Encoder = Literal["x265", "spatial"]

ASSUMED_FOV = 60.0  # degrees over the longer side, where no camera is known: between a phone's and the eye's lens


@dataclass(frozen=True)
class SpatialCamera:
    """The cameras of a pair. A headset shows the pair at the size and in the depth that follow from them.

    Attributes:
        field_of_view: horizontal, degrees; None is that of the picture's own camera, or what `ASSUMED_FOV` makes of
            its shape.
        baseline: between the two, millimetres.
        disparity_adjustment: how far the two pictures are moved apart when shown, as a share of their width, -1 to 1;
            more pushes all of it back.

    Raises:
        SettingsError: a number is out of range.
    """

    field_of_view: float | None = None
    baseline: float = 63.0
    disparity_adjustment: float = 0.0

    def __post_init__(self) -> None:
        if self.field_of_view is not None and not 0 < self.field_of_view < 180:
            raise SettingsError(f"a field of view lies between 0 and 180 degrees, not {self.field_of_view:g}")
        if not (isfinite(self.baseline) and 0 < self.baseline <= 10_000):
            raise SettingsError(f"eyes are more than 0 and at most 10000 mm apart, not {self.baseline:g}")
        if not -1 <= self.disparity_adjustment <= 1:
            raise SettingsError(
                f"the disparity adjustment is a share of the width, -1 to 1, not {self.disparity_adjustment:g}"
            )

    def of(self, intrinsics: Intrinsics | None, *, width: int, height: int) -> "SpatialCamera":
        """The same with its field of view stated, for a picture of this size and camera."""
        if self.field_of_view is not None:
            return self
        if intrinsics is not None:
            across = 2 * degrees(atan(intrinsics.width / 2 / intrinsics.fx))
        else:
            across = 2 * degrees(atan(width / max(width, height) * tan(radians(ASSUMED_FOV) / 2)))
        return replace(self, field_of_view=across)

    @property
    def degrees(self) -> float:
        """The field of view, once it is stated."""
        assert self.field_of_view is not None
        return self.field_of_view


@dataclass(frozen=True)
class SpatialSettings:
    """How a spatial film or photo is written.

    Attributes:
        camera: what it says of its cameras.
        encoder: "x265" is our own; "spatial" is the tool of that name for macOS, see `vergence.media.spatial.tool`.
    """

    camera: SpatialCamera = SpatialCamera()
    encoder: Encoder = "x265"

    def __post_init__(self) -> None:
        if self.encoder not in get_args(Encoder):
            raise SettingsError(f"no encoder of spatial video is called {self.encoder!r}; choose x265 or spatial")
