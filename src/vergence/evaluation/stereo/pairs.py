"""Real pairs with measured disparity: Aloe of a checkout, and Motorcycle of the scikit-image package.

Their cameras are two, their light is not quite the same, and their disparity reaches a sixth of the picture's width, so
decibels of theirs stand beside each other and not beside those of computed scenes.
"""

import importlib.util
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.datasets import pairs
from vergence.evaluation.stereo.truth import Disparity, Mask, Rgb, Truth
from vergence.geometry.rows import by_rows
from vergence.media.open import open_source
from vergence.types import DepthFrame

F = np.float32

SURFACE = F(2)  # px of disparity between neighbours of one surface: measured disparities have steps
NOTHING = F(-1e9)


def aloe(folder: Path) -> Truth:
    """Middlebury 2006 "Aloe" (Scharstein and Pal, 2007); `folder` has aloeL.jpg, aloeR.jpg and aloeGT.png.

    Raises:
        MediaError: a file is missing or unreadable.
    """
    item = pairs.aloe(folder)
    disparity = np.rint(_disparity(item, pairs.ALOE_FOCAL * pairs.ALOE_BASELINE, pairs.ALOE_OFFSET))
    return _truth("Aloe", item, _picture(folder / "aloeR.jpg"), disparity)


def motorcycle() -> Truth | None:
    """Middlebury 2014 "Motorcycle" (Scharstein et al., 2014); None where scikit-image is not installed."""
    item = pairs.motorcycle()
    found = importlib.util.find_spec("skimage")
    if item is None or found is None or found.origin is None:
        return None
    right = _picture(Path(found.origin).parent / "data" / "motorcycle_right.png")
    product = pairs.MOTORCYCLE_FOCAL * pairs.MOTORCYCLE_BASELINE
    return _truth("Motorcycle", item, right, _disparity(item, product, pairs.MOTORCYCLE_OFFSET))


def _disparity(item: DepthFrame, product: float, offset: float) -> Disparity:
    """Pixels from z in metres, `product` of focal length and baseline over z, less the offset of the two cameras."""
    return (product / item.depth.metres() - offset).astype(np.float32)


def _truth(name: str, item: DepthFrame, right: Rgb, measured: Disparity) -> Truth:
    """Unknown disparity is taken for that of what lies behind; what the right eye sees of it is not scored."""
    disparity = behind(measured, item.depth.valid)
    seen, is_known = seen_from_the_right(disparity, item.depth.valid)
    is_seen = seen > NOTHING
    left = np.asarray(item.frame.rgb, dtype=np.uint8)
    return Truth(name, left, right, disparity, behind(seen, is_seen), ~is_seen, is_known | ~is_seen)


def behind(values: Disparity, known: Mask) -> Disparity:
    """Give each unknown pixel the smaller (farther) of the nearest known values left and right of it in its row."""
    columns = np.arange(values.shape[1])
    left = np.maximum.accumulate(np.where(known, columns, -1), axis=1)
    right = np.minimum.accumulate(np.where(known, columns, columns.size)[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(values.shape[0])[:, None]
    from_left = np.where(left >= 0, values[rows, np.maximum(left, 0)], np.inf)
    from_right = np.where(right < columns.size, values[rows, np.minimum(right, columns.size - 1)], np.inf)
    farther = np.minimum(from_left, from_right)
    return np.where(np.isfinite(farther), farther, values[known].min(initial=0)).astype(np.float32)


def seen_from_the_right(disparity: Disparity, known: Mask) -> tuple[Disparity, Mask]:
    """What the right eye sees of the left one's surfaces: (H, W) disparity, `NOTHING` where none is, and if known.

    Neighbours in a row within `SURFACE` px are one surface; the nearest one is seen.
    """
    seen, is_known = np.full_like(disparity, NOTHING), np.zeros_like(known)
    by_rows(_seen_rows, disparity.shape[0], disparity, known, seen, is_known)
    return seen, is_known


@njit(nogil=True, cache=True)
def _seen_rows(first, last, disparity, known, seen, is_known):  # type: ignore[no-untyped-def]
    width = disparity.shape[1]
    for y in range(first, last):
        for i in range(width):
            d = disparity[y, i]
            start = F(i) - d
            end, sure = start, known[y, i]
            if i + 1 < width and abs(disparity[y, i + 1] - d) <= SURFACE:
                end, sure = F(i + 1) - disparity[y, i + 1], sure and known[y, i + 1]
            for k in range(max(int(np.floor(start + F(0.5))), 0), min(int(np.floor(end + F(0.5))), width - 1) + 1):
                if d > seen[y, k]:
                    seen[y, k], is_known[y, k] = d, sure


def _picture(path: Path) -> NDArray[np.uint8]:
    with open_source(path) as photo:
        return np.asarray(next(iter(photo)).rgb, dtype=np.uint8)
