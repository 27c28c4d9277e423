"""A picture and its depth beside it, as displays take it that make many views of their own: near is white."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.stereo.layout.arrange import beside, half_beside
from vergence.types import Frame, StereoPair

FAR_PERCENTILE, NEAR_PERCENTILE = 0.5, 99.5  # a speck does not take the range from the scene
STRIDE = 4  # of pixels that are looked at; enough for percentiles
HALF_LIFE = 0.7  # seconds after which the past counts half in the range, as for disparity itself


class Rgbd:
    """Packs the pictures of one film, in order, each with its depth at its right.

    The depth is grey: nearness (inverse depth, as disparity is) from black, the farthest, to white, the nearest. Its
    range eases through a shot and begins anew at each cut.

    Args:
        is_half: squeeze both to half their width.
    """

    def __init__(self, *, is_half: bool = False) -> None:
        self._is_half = is_half
        self._past: tuple[Frame, float, float] | None = None

    def __call__(self, pair: StereoPair) -> NDArray[Any]:
        """(H, W, 3) and (H, W) -> (H, 2 W, 3), or (H, W, 3); raises `SettingsError` where a pair has no disparity."""
        if pair.disparity is None:
            raise SettingsError("these two views have no depth to show; choose another layout than rgbd")
        picture = pair.frame.rgb
        far, near = self._eased(pair.frame, pair.disparity)
        white = np.iinfo(picture.dtype).max
        share = np.clip((pair.disparity - far) / max(near - far, 1e-6), 0, 1)
        grey = (share * white + 0.5).astype(picture.dtype)
        depth = np.repeat(grey[..., None], 3, axis=2)
        return half_beside(picture, depth) if self._is_half else beside(picture, depth)

    def _eased(self, frame: Frame, disparity: NDArray[np.float32]) -> tuple[float, float]:
        looked_at = disparity[::STRIDE, ::STRIDE]
        far, near = (float(value) for value in np.percentile(looked_at, (FAR_PERCENTILE, NEAR_PERCENTILE)))
        if self._past is not None and self._past[0].shot == frame.shot:
            before, old_far, old_near = self._past
            keep = 0.5 ** (float(frame.time - before.time) / HALF_LIFE)
            far, near = keep * old_far + (1 - keep) * far, keep * old_near + (1 - keep) * near
        self._past = (frame, far, near)
        return far, near
