"""A photo as a short film: the camera sways from side to side, comes a little closer, and ends where it began."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, cos, pi, sin
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.stereo.views import Method, views
from vergence.types import Frame, StereoPair

BATCH = 4  # views made, and held, at once


@dataclass(frozen=True)
class Sway:
    """The camera's path, one closed curve.

    Attributes:
        seconds: once around.
        rate: frames a second.
        reach: how far to either side, as a share of the disparity: 0.5 is where the eyes of a pair are.
        approach: how much larger the picture gets on the way, as a share of its size.

    Raises:
        SettingsError: a number is out of range.
    """

    seconds: Fraction = Fraction(4)
    rate: Fraction = Fraction(30)
    reach: float = 0.75
    approach: float = 0.03

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and self.rate > 0 and 0 <= self.reach <= 2 and 0 <= self.approach <= 0.5):
            raise SettingsError(f"a camera cannot sway like this: {self}")

    @property
    def frames(self) -> int:
        return max(2, round(self.seconds * self.rate))

    def at(self, index: int) -> tuple[float, float]:
        """Shift, as a share of the disparity, and scale of frame `index`; the one after the last is the first."""
        turn = 2 * pi * index / self.frames
        return self.reach * sin(turn), 1 + self.approach * (1 - cos(turn)) / 2


def swaying(pair: StereoPair, sway: Sway, *, method: Method = "layered") -> Iterator[Frame]:
    """The film of `pair.frame`, whose size is kept: what is made up at the borders lies outside of it.

    Raises:
        SettingsError: nobody knows the pair's disparity.
    """
    if pair.disparity is None:
        raise SettingsError("a camera cannot sway before a picture of unknown depth")
    picture, frame = pair.frame.rgb, pair.frame
    border = np.concatenate([pair.disparity[:, 0], pair.disparity[:, -1]])
    margin = ceil(sway.reach * float(np.abs(border).max()))
    cover = frame.width / max(frame.width - 2 * margin, frame.width / 2)
    for first in range(0, sway.frames, BATCH):
        indices = range(first, min(first + BATCH, sway.frames))
        path = [sway.at(index) for index in indices]
        made = views(picture, pair.disparity, [shift for shift, _ in path], method=method)
        for index, (_, scale), view in zip(indices, path, made, strict=True):
            yield Frame(_enlarged(view, cover * scale), index, index / sway.rate, duration=1 / sway.rate)


def _enlarged(picture: NDArray[Any], scale: float) -> NDArray[Any]:
    """The middle of a picture at `scale` times its size, to a fraction of a pixel: the camera moves evenly."""
    height, width = picture.shape[:2]
    # OpenCV counts from the centre of the first pixel.
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.hstack([scale * np.eye(2), (middle * (1 - scale))[:, None]])
    return cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
