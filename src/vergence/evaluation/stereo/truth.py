"""What is known of a stereo scene, and the depth a method is given of it.

Disparity is x_left - x_right in pixels, so the right eye's pixel x shows what the left eye has at x + disparity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.types import DepthFrame, DepthMap, Frame

Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Disparity = NDArray[np.float32]

Track = Literal[
    "exact",  # the true disparity, at the picture's size
    "degraded",  # as small and soft as a network's, at the network's size
    "upsampled",  # the same, brought to the picture's size bilinearly
]
TRACKS: tuple[Track, ...] = get_args(Track)

NETWORK_SHARE = 686 / 1920  # of the picture's width: what a depth network of 392 rows makes of 1080p
PATCH = 14  # px; the networks take whole ones
NETWORK_BLUR = 0.7  # px of its own map, standard deviation

JUMP = 1.0  # px of disparity between neighbours; more is an edge of depth
EDGE_REACH = 2  # px on either side of it that belong to the edge band
HOLE_REACH = 4  # px around what is disoccluded that do not count as plainly visible


@dataclass(frozen=True)
class Truth:
    """A stereo pair and what is true of it, all of one size H x W.

    Attributes:
        name: of the scene.
        left: (H, W, 3) uint8, the picture a method is given.
        right: (H, W, 3) uint8, the picture it should make.
        disparity: (H, W) float32 px of the left eye's pixels, finite everywhere.
        right_disparity: (H, W) float32 px of the right eye's pixels.
        disoccluded: (H, W) bool, pixels of the right eye that the left one does not see.
        known: (H, W) bool, pixels of the right eye whose truth was measured; all of them where it was computed.
    """

    name: str
    left: Rgb
    right: Rgb
    disparity: Disparity
    right_disparity: Disparity
    disoccluded: Mask
    known: Mask

    @cached_property
    def edges(self) -> Mask:
        """Pixels of the right eye within `EDGE_REACH` of an edge of depth that the left one sees."""
        return edge_band(self.right_disparity) & ~self.disoccluded & self.known

    @cached_property
    def hole_band(self) -> Mask:
        """Pixels of the right eye that are disoccluded or within `HOLE_REACH` of such."""
        return _dilated(self.disoccluded, HOLE_REACH) & self.known

    @cached_property
    def seen(self) -> Mask:
        """Pixels of the left eye that land inside the right one's picture with nothing nearer in front of them."""
        width = self.disparity.shape[1]
        place = np.rint(np.arange(width, dtype=np.float32) - self.disparity).astype(np.intp)
        is_inside = (place >= 0) & (place < width)
        rows = np.repeat(np.arange(len(self.disparity))[:, None], width, axis=1)
        nearest = np.full(self.disparity.shape, -np.inf, dtype=np.float32)
        np.maximum.at(nearest, (rows[is_inside], place[is_inside]), self.disparity[is_inside])
        # Rounding may leave a column of a near surface to the far one: the columns beside it know better.
        nearest = np.asarray(cv2.dilate(nearest, np.ones((1, 3), np.uint8)), dtype=np.float32)
        front = np.take_along_axis(nearest, place.clip(0, width - 1), axis=1)
        return np.asarray(is_inside & (front - self.disparity <= JUMP))

    @cached_property
    def visible(self) -> Mask:
        """Pixels of the right eye that are farther than `HOLE_REACH` from all that is disoccluded."""
        return ~_dilated(self.disoccluded, HOLE_REACH) & self.known


def edge_band(disparity: Disparity) -> Mask:
    """(H, W) bool: within `EDGE_REACH` px of a neighbouring pair, across or down, that is `JUMP` px or more apart."""
    jumps = np.zeros(disparity.shape, dtype=np.bool_)
    across = np.abs(np.diff(disparity, axis=1)) > JUMP
    down = np.abs(np.diff(disparity, axis=0)) > JUMP
    jumps[:, 1:] |= across
    jumps[:, :-1] |= across
    jumps[1:] |= down
    jumps[:-1] |= down
    return _dilated(jumps, EDGE_REACH - 1)


def _dilated(mask: Mask, reach: int) -> Mask:
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), dtype=np.bool_)


def find_tracks(names: Sequence[str]) -> list[Track]:
    """The tracks called `names`; all when there are none. Raises `SettingsError` for another name."""
    wrong = [name for name in names if name not in TRACKS]
    if wrong:
        raise SettingsError(f"stereo is measured on no depth called {wrong[0]!r}; choose from {', '.join(TRACKS)}")
    return [track for track in TRACKS if not names or track in names]


def given(truth: Truth, track: Track, *, index: int = 0, rate: int = 24) -> DepthFrame:
    """The left eye with its disparity as a method gets it on a track; frame `index` of a clip of `rate` a second."""
    values = truth.disparity if track == "exact" else degrade(truth.disparity)
    if track == "upsampled":
        height, width = truth.disparity.shape
        values = np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    frame = Frame(truth.left, index, Fraction(index, rate), Fraction(1, rate))
    return DepthFrame(frame, DepthMap(values, np.ones(values.shape, dtype=np.bool_), "disparity"))


def degrade(disparity: Disparity) -> Disparity:
    """Disparity as a network would draw it: averaged down to `NETWORK_SHARE` of the size, and blurred."""
    height, width = (max(1, round(side * NETWORK_SHARE / PATCH)) * PATCH for side in disparity.shape)
    small = cv2.resize(disparity, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), NETWORK_BLUR), dtype=np.float32)
