"""The values that flow between stages: frozen, checked once when made, without behaviour of their own.

Depth keeps the resolution it was computed at: a `DepthMap` covers the whole picture of its `Frame`, mostly
with fewer samples, and `geometry.resample.resize_depth` brings it to the picture's size where a consumer wants that.
A film's worth of depth then costs a twentieth of what it would at the picture's size, and the stereo stage
sharpens the measured values instead of an interpolation of them.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vergence.errors import DepthKindError, ShapeError

DepthKind = Literal[
    "metric",  # z in metres
    "scale_invariant",  # z times an unknown factor
    "affine_inverse",  # a / z + b with a > 0: most relative models; larger is nearer
    "disparity",  # x_left - x_right in pixels of the frame's full width, to be used exactly as it is
]
DEPTH_KINDS: tuple[DepthKind, ...] = get_args(DepthKind)

Sampling = Literal[
    "centres",  # sample (i, j) lies at the centre of cell (i, j) of an even grid over the picture
    "corners",  # the outer samples lie on the centres of the picture's outer pixels (align_corners=True)
]


# Whose view lies where in a picture of both eyes. "half": each is squeezed to half its width or height; "rows" and
# "columns": they take turns, the left eye's first; "anaglyph": by colours, the left eye's first; "vr180": left_right,
# each a half sphere (equirectangular, 180 degrees wide and high).
Packing = Literal[
    "left_right",
    "half_left_right",
    "right_left",
    "top_bottom",
    "half_top_bottom",
    "rows",
    "columns",
    "anaglyph_red_cyan",
    "anaglyph_green_magenta",
    "vr180",
]


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera in pixels of a `width` x `height` picture; the top-left pixel's centre is (0.5, 0.5)."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        if not (self.fx > 0 and self.fy > 0 and self.width > 0 and self.height > 0):
            raise ShapeError(f"focal lengths and sizes must be positive, not {self}")

    def resized(self, width: int, height: int) -> "Intrinsics":
        """The same camera after resizing its picture to `width` x `height`."""
        sx, sy = width / self.width, height / self.height
        return Intrinsics(self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy, width, height)


@dataclass(frozen=True)
class Camera:
    """A camera and where it stands: its lens, and the (4, 4) float64 rigid pose from its OpenCV axes to the world's."""

    intrinsics: Intrinsics
    world_from_camera: NDArray[np.float64]

    def __post_init__(self) -> None:
        pose = self.world_from_camera
        if pose.shape != (4, 4) or pose.dtype != np.float64:
            raise ShapeError(f"a pose is (4, 4) float64, not {pose.shape} {pose.dtype}")


@dataclass(frozen=True)
class Frame:
    """One picture of a source.

    Attributes:
        rgb: (H, W, 3) uint8, or uint16 (0..65535) where the source has more than 8 bits; the source's own
            transfer function (sRGB, BT.709, PQ, ...).
        index: number of the frame in its source, from 0.
        time: moment it is shown, seconds, on the source's own clock.
        duration: how long it is shown, seconds; None where the source does not say.
        shot: number of cuts before it.
        intrinsics: its camera, or None when unknown.
    """

    rgb: NDArray[np.uint8] | NDArray[np.uint16]
    index: int
    time: Fraction
    duration: Fraction | None = None
    shot: int = 0
    intrinsics: Intrinsics | None = None

    def __post_init__(self) -> None:
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype not in (np.uint8, np.uint16):
            raise ShapeError(f"a frame is (H, W, 3) uint8 or uint16, not {self.rgb.shape} {self.rgb.dtype}")

    @property
    def height(self) -> int:
        return int(self.rgb.shape[0])

    @property
    def width(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def rgb8(self) -> NDArray[np.uint8]:
        """The picture in 8 bits."""
        if self.rgb.dtype == np.uint8:
            return self.rgb  # type: ignore[return-value]
        return (self.rgb >> 8).astype(np.uint8)


@dataclass(frozen=True)
class DepthMap:
    """Depth over a whole picture, at its own resolution.

    Attributes:
        values: (h, w) float32, finite; meaning by `kind`.
        valid: (h, w) bool; where a value may be used. Sky is not valid; its z, if positive, is where to draw it.
        kind: see `DepthKind`.
        sampling: where in the picture the samples lie, see `Sampling`.
        intrinsics: the camera of the (w, h) picture the values were computed on, or None.
        world_from_camera: (4, 4) pose, metres, or None.
        confidence: (h, w) float32, higher is surer, or None.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    kind: DepthKind
    sampling: Sampling = "centres"
    intrinsics: Intrinsics | None = None
    world_from_camera: NDArray[np.float64] | None = None
    confidence: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.dtype != np.float32:
            raise ShapeError(f"depth is (h, w) float32, not {self.values.shape} {self.values.dtype}")
        if self.valid.shape != self.values.shape or self.valid.dtype != np.bool_:
            raise ShapeError(
                f"valid is (h, w) bool like the depth's {self.values.shape}, not {self.valid.shape} {self.valid.dtype}"
            )
        if self.kind not in DEPTH_KINDS:
            raise DepthKindError(f"no kind of depth is called {self.kind!r}; choose from {', '.join(DEPTH_KINDS)}")

    def metres(self) -> NDArray[np.float32]:
        """z in metres; raises `DepthKindError` for any other kind."""
        if self.kind != "metric":
            raise DepthKindError(
                f"metric depth is needed, but this is {self.kind}; "
                "choose a model from `vergence models list --kind metric`"
            )
        return self.values


@dataclass(frozen=True)
class DepthFrame:
    """A picture and its depth."""

    frame: Frame
    depth: DepthMap


@dataclass(frozen=True)
class StereoPair:
    """What the two eyes see: (H, W, 3) each, of the source frame's dtype, rows aligned.

    `disparity` is (H, W) float32: x_left - x_right of every pixel of `frame`, or None where nobody knows.
    """

    left: NDArray[np.uint8] | NDArray[np.uint16]
    right: NDArray[np.uint8] | NDArray[np.uint16]
    frame: Frame
    disparity: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.left.shape != self.right.shape:
            raise ShapeError(f"the eyes differ in size: {self.left.shape} and {self.right.shape}")


@dataclass(frozen=True)
class PointCloud:
    """Coloured points.

    Attributes:
        points: (N, 3) float32 metres in a camera's axes or a world's like them: x right, y down, z forward.
        colours: (N, 3) uint8, sRGB.
        normals: (N, 3) float32 in the same axes, of length 1 or, where nobody knows, 0; or None.
        confidence: (N,) float32, higher is surer, or None.
    """

    points: NDArray[np.float32]
    colours: NDArray[np.uint8]
    normals: NDArray[np.float32] | None = None
    confidence: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        count = len(self.points)
        expected: tuple[tuple[str, Any, tuple[int, ...], Any], ...] = (
            ("points", self.points, (count, 3), np.float32),
            ("colours", self.colours, (count, 3), np.uint8),
            ("normals", self.normals, (count, 3), np.float32),
            ("confidence", self.confidence, (count,), np.float32),
        )
        for name, array, shape, dtype in expected:
            if array is not None and (array.shape != shape or array.dtype != dtype):
                raise ShapeError(
                    f"{name} of {count} points are {shape} {np.dtype(dtype)}, not {array.shape} {array.dtype}"
                )

    def __len__(self) -> int:
        return len(self.points)

    @staticmethod
    def empty() -> "PointCloud":
        """A cloud of no points."""
        return PointCloud(np.empty((0, 3), np.float32), np.empty((0, 3), np.uint8))


@dataclass(frozen=True)
class Gaussians:
    """N 3-D Gaussians (B. Kerbl et al., "3D Gaussian Splatting", 2023), in a world with OpenCV axes: x right, y down.

    Attributes:
        means: (N, 3) float32, metres where the scale is known.
        scales: (N, 3) float32 standard deviations along the Gaussian's own axes, as the means.
        rotations: (N, 4) float32 unit quaternions wxyz, from its own axes to the world's.
        opacities: (N,) float32, 0..1.
        harmonics: (N, K, 3) float32 spherical harmonics of colour, K = (degree + 1)^2 of degree 0 to 3, in the order
            of that paper's code; sRGB 0..1 is 0.5 + sum of harmonics times basis, towards where the viewer looks.
    """

    means: NDArray[np.float32]
    scales: NDArray[np.float32]
    rotations: NDArray[np.float32]
    opacities: NDArray[np.float32]
    harmonics: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.means)
        shapes = {"means": (count, 3), "scales": (count, 3), "rotations": (count, 4), "opacities": (count,)}
        for name, shape in shapes.items():
            if (found := getattr(self, name)).shape != shape or found.dtype != np.float32:
                raise ShapeError(f"{name} of {count} Gaussians are {shape} float32, not {found.shape} {found.dtype}")
        harmonics = self.harmonics
        is_known = harmonics.ndim == 3 and harmonics.shape[1] in (1, 4, 9, 16)
        if not is_known or harmonics.shape != (count, harmonics.shape[1], 3) or harmonics.dtype != np.float32:
            raise ShapeError(
                f"harmonics of {count} Gaussians are ({count}, 1 | 4 | 9 | 16, 3) float32, "
                f"not {harmonics.shape} {harmonics.dtype}"
            )

    def __len__(self) -> int:
        return len(self.means)


@dataclass(frozen=True)
class Colour:
    """How a film's numbers mean colours, as code points of ITU-T H.273 (2 = not stated)."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False


@dataclass(frozen=True)
class MediaInfo:
    """What is known of a source before its first frame.

    Attributes:
        path: the file (or the folder of frames); None for a live source.
        is_film: frames follow each other in time; a photo has one.
        width, height: of the upright picture with square pixels, as `Frame.rgb` has it.
        frames: how many are expected, None when unknown; a damaged file may deliver fewer.
        rate: frames per second, None when unknown; frames carry their own times.
        time_base: every `Frame.time` is a whole multiple of it, seconds.
        bits: per colour sample, 8 to 16.
        colour: tags to write again.
        start, end: the part asked for, on the source's clock, seconds; None = from the beginning, to the end.
        is_clipped: frames end before the source does (`end` or a count was asked for).
    """

    path: Path | None
    is_film: bool
    width: int
    height: int
    frames: int | None = None
    rate: Fraction | None = None
    time_base: Fraction | None = None
    bits: int = 8
    colour: Colour = Colour()
    start: Fraction | None = None
    end: Fraction | None = None
    is_clipped: bool = False
