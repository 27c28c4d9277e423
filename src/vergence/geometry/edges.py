"""Where depth is a smear between two surfaces and no surface itself: "flying pixels"."""

from math import radians, tan
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.types import Intrinsics

GRAZING = radians(5)  # a surface seen under less is taken for a smear: a floor then ends 11 times the eye's height away


def is_smeared(z: NDArray[np.float32], intrinsics: Intrinsics) -> NDArray[np.bool_]:
    """Where depth falls or rises steeply from one side of a pixel to the other.

    Networks and bilinear resizing draw a step between two surfaces as a ramp, whose points hang in the air. A pixel is
    on a ramp when, along its row or its column, the depth on one side is nearer and on the other farther, each by more
    than 1 / tan(5 degrees) times the width a pixel has there: a share of 11 / f of the depth, with f in pixels, so that
    the measure is the same at any resolution. Ends of surfaces have a jump on one side only and stay, as do thin things
    in front of what lies behind.

    Args:
        z: (H, W) depth, metres or any multiple; where it is not positive nothing is said.
        intrinsics: of that same picture, pixels.

    Returns:
        (H, W) bool.
    """
    log_z = np.log(z, out=np.full_like(z, np.nan), where=z > 0)
    smeared = np.zeros(z.shape, dtype=np.bool_)
    for axis, focal in ((1, intrinsics.fx), (0, intrinsics.fy)):
        steep = steep_step(focal)
        step = np.diff(log_z, axis=axis)
        before, after = _sides(step, axis)
        inside: list[Any] = [slice(None), slice(None)]
        inside[axis] = slice(1, -1)
        smeared[tuple(inside)] |= ((before > steep) & (after > steep)) | ((before < -steep) & (after < -steep))
    return smeared


def steep_step(focal: float) -> np.float32:
    """The step of the logarithm of depth from a pixel to its neighbour on a surface seen under 5 degrees.

    `focal` is the focal length along that axis, px.
    """
    return np.float32(1 / (tan(GRAZING) * focal))


def snap(z: NDArray[np.float32], smeared: NDArray[np.bool_], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give each `smeared` pixel the depth of the nearest pixel that is `valid` and is not.

    A ramp between two surfaces becomes a step in its middle: no sheet hangs between them, and no gap opens where the
    picture was taken from. All are (H, W).
    """
    clean = valid & ~smeared
    if not clean.any() or not smeared.any():
        return z
    _, nearest = cv2.distanceTransformWithLabels(
        (~clean).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    depth_of = np.empty(int(nearest.max()) + 1, np.float32)
    depth_of[nearest[clean]] = z[clean]
    return np.where(smeared, depth_of[nearest], z)


def _sides(step: NDArray[np.float32], axis: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return (step[:, :-1], step[:, 1:]) if axis else (step[:-1], step[1:])
