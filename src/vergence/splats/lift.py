"""Depth to Gaussians: one surfel a pixel, flat on the surface and as wide as the pixel is there."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vergence.errors import ShapeError
from vergence.geometry.normals import surface_normals
from vergence.geometry.pose import quaternions
from vergence.geometry.project import unproject
from vergence.splats.harmonics import plain
from vergence.types import Gaussians, Intrinsics

# Standard deviation of a surfel in pixels. From half as far a white wall then shows a grid of 5 levels of 255 at most;
# 0.45 is 1.3 dB sharper, with a grid of 12.
WIDTH = np.float32(0.55)
FLATNESS = np.float32(0.1)  # its thickness over its lesser width: enough for viewers that cannot draw a plane
LONGEST = np.float32(4)  # times as long as wide, on surfaces seen under 14 degrees and less; else they fly as needles
OPAQUE = np.float32(0.99)  # the most that renderers draw
FAINT = np.float32(0.1)  # of `OPAQUE`: the least that the unsurest surfel has
SURE = 0.25  # quantile of confidence from which on surfels are opaque


def lift(
    z: NDArray[np.float32],
    rgb: NDArray[np.uint8],
    intrinsics: Intrinsics,
    kept: NDArray[np.bool_],
    *,
    confidence: NDArray[np.float32] | None = None,
    world_from_camera: NDArray[np.float64] | None = None,
) -> Gaussians:
    """Make a surfel of every pixel that is `kept`.

    It lies as the depth around it does (`surface_normals`). Colour is the pixel's, the same from everywhere.

    Args:
        z: (H, W) depth, metres or any multiple.
        rgb: (H, W, 3) sRGB.
        intrinsics: of that same picture, px.
        kept: (H, W), where `z` is to be used; it must be positive there.
        confidence: (H, W), higher is surer: a surfel less sure than three quarters of all is the fainter for it.
        world_from_camera: (4, 4) rigid pose; None leaves the Gaussians in the camera's axes.

    Raises:
        ShapeError: the arrays are of different sizes.
    """
    if rgb.shape[:2] != z.shape or kept.shape != z.shape or (confidence is not None and confidence.shape != z.shape):
        raise ShapeError(f"depth is {z.shape}, but its picture {rgb.shape[:2]} and its mask {kept.shape}")
    points = unproject(z, intrinsics)
    means = points[kept].astype(np.float32, copy=False)
    rotations, stretch = _orient(means, surface_normals(points, kept)[kept])
    width = WIDTH * means[:, 2] * np.float32(2 / (intrinsics.fx + intrinsics.fy))
    scales = np.stack([width * stretch, width, width * FLATNESS], axis=1)
    if world_from_camera is not None:
        turn, shift = world_from_camera[:3, :3], world_from_camera[:3, 3]
        means = (means @ turn.T + shift).astype(np.float32)
        rotations = turn.astype(np.float32) @ rotations
    opacities = np.full(len(means), OPAQUE, np.float32)
    if confidence is not None and len(means):
        sure = confidence[kept]
        opacities *= np.clip(sure / max(np.quantile(sure, SURE), np.finfo(np.float32).tiny), FAINT, 1)
    return Gaussians(
        means=means,
        scales=scales,
        rotations=quaternions(rotations),
        opacities=opacities,
        harmonics=plain(rgb[kept].astype(np.float32) / np.float32(255)),
    )


def merge(parts: Sequence[Gaussians]) -> Gaussians:
    """Put Gaussians of several views of one world together; harmonics that one lacks are 0.

    Raises:
        ShapeError: there are none.
    """
    if not parts:
        raise ShapeError("nothing to merge; give Gaussians of at least one view")
    count = max(part.harmonics.shape[1] for part in parts)
    return Gaussians(
        means=np.concatenate([part.means for part in parts]),
        scales=np.concatenate([part.scales for part in parts]),
        rotations=np.concatenate([part.rotations for part in parts]),
        opacities=np.concatenate([part.opacities for part in parts]),
        harmonics=np.concatenate(
            [np.pad(part.harmonics, ((0, 0), (0, count - part.harmonics.shape[1]), (0, 0))) for part in parts]
        ),
    )


def _orient(
    means: NDArray[np.float32], normals: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Axes (N, 3, 3) of surfels, columns long, wide and normal, and by how much the long axis is longer.

    A round pixel falls on a tilted plane as an ellipse whose long axis points away from the eye.
    """
    view = means / np.linalg.norm(means, axis=1, keepdims=True)
    cosine = np.sum(normals * view, axis=1, keepdims=True)
    away = view - cosine * normals
    sine = np.linalg.norm(away, axis=1, keepdims=True)
    # Seen head-on, any axis does: one across the normal.
    across = np.cross(normals, np.where(np.abs(normals[:, :1]) < 0.7, [[1, 0, 0]], [[0, 1, 0]]))
    long = np.where(sine > 1e-3, away / np.maximum(sine, 1e-3), across / np.linalg.norm(across, axis=1, keepdims=True))
    long = long.astype(np.float32)
    wide = np.cross(normals, long)
    stretch = np.minimum(1 / np.maximum(-cosine[:, 0], 1 / LONGEST), LONGEST)
    return np.stack([long, wide, normals], axis=2).astype(np.float32), stretch.astype(np.float32)
