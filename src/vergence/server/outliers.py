"""Depth that lies alone is left out of the stream, as statistical outlier removal does for a cloud, but on its grid.

R. Rusu et al., "Towards 3D point cloud based object maps for household environments" (2008), ask for the mean distance
of each point to its nearest others. Here the others are those around it in the picture, and distance is how much depth
differs, of metres as a share: that takes milliseconds, and far points, which lie farther apart, are not thrown away.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.depth.model import DepthModel
from vergence.errors import SettingsError
from vergence.geometry.nearness import nearness
from vergence.geometry.rows import by_rows
from vergence.types import DepthFrame, DepthMap, Frame

F = np.float32

LEAST = 1e-6  # of nearness: farther is as far as it gets
FEWEST, MOST = 4, 200  # neighbours
USUAL_NEIGHBOURS, USUAL_RATIO = 50, 1.0  # where only the other is given


@dataclass(frozen=True)
class LonelySettings:
    """Which pixels lie alone.

    Attributes:
        neighbours: how many around a pixel are looked at; rounded up to a full square.
        std_ratio: how many standard deviations their mean difference may be above that of all pixels.

    Raises:
        SettingsError: a number is out of range.
    """

    neighbours: int = USUAL_NEIGHBOURS
    std_ratio: float = USUAL_RATIO

    def __post_init__(self) -> None:
        if not FEWEST <= self.neighbours <= MOST:
            raise SettingsError(f"a pixel has {FEWEST} to {MOST} neighbours to look at, not {self.neighbours}")
        if not (math.isfinite(self.std_ratio) and self.std_ratio > 0):
            raise SettingsError(f"a pixel may be a positive number of deviations away, not {self.std_ratio:g}")


def is_lonely(depth: DepthMap, settings: LonelySettings) -> NDArray[np.bool_]:
    """Which valid pixels (H, W) differ from those around them more than most do."""
    values, valid = nearness(depth), depth.valid
    if depth.kind in ("metric", "scale_invariant"):
        values = np.log(np.maximum(values, np.float32(LEAST)))  # so that differences are shares of depth
    reach = math.ceil((math.sqrt(settings.neighbours + 1) - 1) / 2)
    differences = np.empty(values.shape, np.float32)
    by_rows(_mean_differences, values.shape[0], values, valid, reach, differences)
    known = differences[valid]
    if known.size < 2:
        return np.zeros(values.shape, np.bool_)
    most = known.mean(dtype=np.float64) + settings.std_ratio * known.std(dtype=np.float64)
    return np.asarray(valid & (differences > most))


@njit(nogil=True, cache=True, fastmath=True)
def _mean_differences(first, last, values, valid, reach, out):  # type: ignore[no-untyped-def]
    height, width = values.shape
    for v in range(first, last):
        for u in range(width):
            total, count = F(0), F(0)
            here = values[v, u]
            for j in range(max(v - reach, 0), min(v + reach + 1, height)):
                for i in range(max(u - reach, 0), min(u + reach + 1, width)):
                    if valid[j, i]:
                        total += abs(values[j, i] - here)
                        count += F(1)
            out[v, u] = total / max(count - F(1), F(1)) if valid[v, u] else F(0)


class WithoutLonely:
    """A depth model whose lonely pixels are not valid.

    Args:
        model: gives the depth.
        settings: asked anew for every frame; None leaves it as it is.
    """

    def __init__(self, model: DepthModel, settings: Callable[[], LonelySettings | None]) -> None:
        self._model, self._settings = model, settings
        self.card, self.lookahead = model.card, model.lookahead

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        for item in self._model.estimate(frames):
            settings = self._settings()
            if settings is None:
                yield item
                continue
            lonely = is_lonely(item.depth, settings)
            yield replace(item, depth=replace(item.depth, valid=item.depth.valid & ~lonely))
