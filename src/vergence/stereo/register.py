"""How the background moves from one frame of a shot to the next: one motion of the camera in a resting world.

Corners are tracked there and back (pyramidal Lucas-Kanade), and one rigid motion is fitted to them robustly. A far
point moves by a plane's homography to second order (turn, roll, zoom), a near one by that and by parallax, which is
proportional to its disparity (Longuet-Higgins and Prazdny 1980, eq. 2.6). Things that move by themselves are outliers.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.geometry.resample import shrink

WIDTH = 480  # px of the picture corners are tracked in
CORNERS = 150
APART = 12  # px of that picture between corners
WINDOW = (15, 15)  # px of that picture around a corner
LEVELS = 3  # of the pyramid: with the window, motions up to a sixth of the width are found
ENOUGH = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 8, 0.03)  # rounds, and px, after which a corner is found
AGREE = 0.4  # px of that picture by which a corner tracked there and back may miss itself
FEWEST = 24  # tracks, to fit `TERMS` numbers to
ROUNDS = 6  # of reweighting
FINEST = 0.08  # px of that picture; residuals under it are a tracker's noise
RIDGE = 1e-5  # of the mean square of each column: what the tracks leave open stays nought

TERMS = 11  # see `_columns`


@dataclass(frozen=True)
class Look:
    """What is kept of a frame to register others with.

    Attributes:
        grey: (h, w) uint8, its green, `WIDTH` pixels wide at most.
        near: (h, w) float32, disparity there, px of the full picture.
        width: px of the full picture.
    """

    grey: NDArray[np.uint8]
    near: NDArray[np.float32]
    width: int

    @property
    def scale(self) -> float:
        """Pixels of the full picture to one of `grey`."""
        return float(self.width / self.grey.shape[1])


def look(rgb: NDArray[Any], disparity: NDArray[np.float32]) -> Look:
    """Make a frame's `Look` of its (H, W, 3) picture, uint8 or uint16, and its disparity at any size."""
    height, width = rgb.shape[:2]
    small_width = min(WIDTH, width)
    small_height = max(1, round(height * small_width / width))
    step = max(1, width // small_width // 2)
    green = rgb[step // 2 :: step, step // 2 :: step, 1]  # most of what grey is; thinned first, which costs nothing
    if green.dtype != np.uint8:
        green = (green >> 8).astype(np.uint8)
    grey = shrink(np.ascontiguousarray(green), small_width, small_height)
    near = cv2.resize(disparity, (small_width, small_height), interpolation=cv2.INTER_NEAREST)
    return Look(grey, np.asarray(near, dtype=np.float32), width)


def motions(past: Look, now: Look) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit the motion of the background from `now` to `past`, and from `past` to `now`; `TERMS` numbers each.

    `moved` applies them. All nought where too few corners can be followed: nothing is known then, and whoever uses
    the motion finds that the pictures do not match.
    """
    nothing = np.zeros(TERMS)
    there, back = _tracks(past, now)
    if len(there) < FEWEST:
        return nothing, nothing
    return _fit(now, back, there), _fit(past, there, back)


def moved(motion: NDArray[np.float64], points: NDArray[Any], disparity: NDArray[Any], size: tuple[int, int]) -> Any:
    """Where points (n, 2) px of the full picture of `size` (width, height), of that disparity (n,) px, go."""
    x, y = _centred(points, size)
    u, v = _columns(x, y, np.asarray(disparity, np.float64) / size[0])
    return points + size[0] * np.stack([u @ motion, v @ motion], axis=-1)


def _tracks(past: Look, now: Look) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of `past` and the same in `now`, (n, 2) px of the grey pictures."""
    none = np.zeros((0, 2))
    if past.grey.shape != now.grey.shape or min(past.grey.shape) < 2 * WINDOW[0]:
        return none, none
    corners: Any = cv2.goodFeaturesToTrack(past.grey, CORNERS, 0.01, APART)
    if corners is None:
        return none, none
    blank: Any = None
    lk: dict[str, Any] = {"winSize": WINDOW, "maxLevel": LEVELS, "criteria": ENOUGH}
    end, found, _ = cv2.calcOpticalFlowPyrLK(past.grey, now.grey, corners, blank, **lk)
    again, refound, _ = cv2.calcOpticalFlowPyrLK(now.grey, past.grey, end, blank, **lk)
    sure = (np.abs(corners - again).max(axis=(1, 2)) < AGREE) & (found[:, 0] == 1) & (refound[:, 0] == 1)
    return corners[sure, 0].astype(np.float64), np.asarray(end)[sure, 0].astype(np.float64)


def _fit(look: Look, source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Iteratively reweighted least squares with Geman-McClure weights, starting from the farther half."""
    height, width = look.grey.shape
    columns = np.clip(np.rint(source).astype(np.intp), 0, (width - 1, height - 1))
    disparity = look.near[columns[:, 1], columns[:, 0]].astype(np.float64)
    u, v = _columns(*_centred(source, (width, height)), disparity / look.width)
    along = (target - source) / width
    size = np.sqrt((u**2 + v**2).mean(axis=0)) + 1e-12
    u, v = u / size, v / size
    # The background is what lies far: it decides first which of two motions is the camera's.
    weight = (disparity <= np.median(disparity)).astype(np.float64)
    found = np.zeros(TERMS)
    for _ in range(ROUNDS):
        normal = (u * weight[:, None]).T @ u + (v * weight[:, None]).T @ v
        right = u.T @ (weight * along[:, 0]) + v.T @ (weight * along[:, 1])
        found = np.linalg.solve(normal + RIDGE * (weight.sum() + 1e-9) * np.eye(TERMS), right)
        error = np.hypot(u @ found - along[:, 0], v @ found - along[:, 1])
        spread = max(1.5 * float(np.median(error[weight > 0.1])) if (weight > 0.1).any() else 0, FINEST / width)
        weight = 1 / (1 + (error / (2 * spread)) ** 2) ** 2
    return np.asarray(found / size, dtype=np.float64)


def _centred(points: NDArray[Any], size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates from the picture's centre in picture widths."""
    width, height = size
    x, y = points[..., 0].astype(np.float64), points[..., 1].astype(np.float64)
    return (x - (width - 1) / 2) / width, (y - (height - 1) / 2) / width


def _columns(x: NDArray[Any], y: NDArray[Any], d: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each of the `TERMS` numbers adds to the motion (u, v) of a point; all in widths of the picture."""
    one, nought = np.ones_like(x), np.zeros_like(x)
    u = (one, x, y, d, nought, nought, nought, nought, x * x, x * y, x * d)
    v = (nought, nought, nought, nought, one, x, y, d, x * y, y * y, y * d)
    return np.stack(u, axis=-1), np.stack(v, axis=-1)
