"""Whole views in one picture: beside or above each other, at full or half size, or by turns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.geometry.resample import shrink
from vergence.types import StereoPair


def beside(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 3) each -> (H, 2 W, 3)."""
    return np.hstack([first, second])


def half_beside(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 3) each -> (H, W, 3), each squeezed to half its width; an odd column goes to the first.

    Raises `SettingsError` where there is but one column.
    """
    height, width = first.shape[:2]
    if width < 2:
        raise SettingsError(f"two views do not fit into the width of a {width}x{height} picture; take a full layout")
    middle = (width + 1) // 2
    return np.hstack([shrink(first, middle, height), shrink(second, width - middle, height)])


def above(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 3) each -> (2 H, W, 3)."""
    return np.vstack([first, second])


def half_above(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 3) each -> (H, W, 3), each squeezed to half its height; an odd row goes to the first.

    Raises `SettingsError` where there is but one row.
    """
    height, width = first.shape[:2]
    if height < 2:
        raise SettingsError(f"two views do not fit into the height of a {width}x{height} picture; take a full layout")
    middle = (height + 1) // 2
    return np.vstack([shrink(first, width, middle), shrink(second, width, height - middle)])


def rows(pair: StereoPair) -> NDArray[Any]:
    """Left eye in the 1st, 3rd, 5th row and so on, right eye in those between, as passive 3-D screens show them.

    A row keeps its place; nothing is averaged, as a screen's glasses hide every other row and no more.
    """
    woven = pair.left.copy()
    woven[1::2] = pair.right[1::2]
    return woven


def columns(pair: StereoPair) -> NDArray[Any]:
    """Left eye in the 1st, 3rd, 5th column and so on, right eye in those between."""
    woven = pair.left.copy()
    woven[:, 1::2] = pair.right[:, 1::2]
    return woven
