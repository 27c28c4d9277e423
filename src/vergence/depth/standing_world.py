"""Worlds of the same cameras, one after another, in the axes and the unit of the first: what stands still stays.

A model of many views begins each world anew, at its first picture and in a unit of its own. Cameras of which both
worlds have a picture say how the new one lies in the old one, as the shared frames of two chunks of a film do
(`long_film`), and the more the less their picture has changed: a camera on a stand knows better where it is than one
that is carried.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vergence.depth.long_film import fit_link, mixed, moved
from vergence.errors import ModelError
from vergence.geometry.project import pixel_centres
from vergence.geometry.resample import shrink
from vergence.geometry.similarity import identity
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

THUMBNAIL = (48, 36)  # px: small enough that what moves in a picture is a small part of it
NOISE = 0.004  # of white: by so much the picture of a camera that stands still changes
CARRIED = 0.03  # of white: by so much, median, that of a camera that is carried along
MOST = 16  # cameras that are remembered, those that were seen last
RESTING = 0.2  # share of the newest that goes into what is remembered of a camera that stands still


@dataclass(frozen=True)
class _Known:
    """What is remembered of a camera: its view in the world, a mean of the last ones, and so of its picture."""

    view: DepthFrame
    thumbnail: NDArray[np.float32]


class StandingWorld:
    """Brings the views of each world to where those of the first one are, from the past alone."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def __call__(self, views: Mapping[int, DepthFrame]) -> dict[int, DepthFrame]:
        """The views of a world, by the numbers of their cameras, in the first one's axes and unit.

        Where none of the cameras has been there before, the world begins anew.

        Raises:
            ModelError: a view has no camera.
        """
        thumbnails = {number: _thumbnail(view.frame) for number, view in views.items()}
        changes = {
            number: _change(known.thumbnail, thumbnails[number])
            for number, known in self._known.items()
            if number in views
        }
        world_from_new = identity()
        if changes:
            new = [views[number] for number in changes]
            old = [_at_size_of(self._known[number].view, views[number]) for number in changes]
            weights = [(NOISE + change) ** -2 for change in changes.values()]
            world_from_new = fit_link(new, old, weights=weights).world_from_chunk
        placed = {number: moved(_checked(view), world_from_new) for number, view in views.items()}
        if not changes:
            self._known.clear()
        for number, view in placed.items():
            share = max(RESTING, min(changes.get(number, CARRIED) / CARRIED, 1.0))
            self._remember(number, view, thumbnails[number], share)
        return placed

    def _remember(self, number: int, view: DepthFrame, thumbnail: NDArray[np.float32], share: float) -> None:
        small = Frame(np.zeros((1, 1, 3), np.uint8), view.frame.index, view.frame.time)  # its picture is not needed
        known = self._known.get(number)
        if known is not None and share < 1:
            view = mixed(_at_size_of(known.view, view), view, share)
            thumbnail = (1 - share) * known.thumbnail + np.float32(share) * thumbnail
        self._known.pop(number, None)
        self._known[number] = _Known(replace(view, frame=small), thumbnail)
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]


def _checked(view: DepthFrame) -> DepthFrame:
    if view.depth.intrinsics is None or view.depth.world_from_camera is None:
        raise ModelError("the model gives no cameras, which several cameras are put together by; choose another")
    return view


def _thumbnail(frame: Frame) -> NDArray[np.float32]:
    """(36, 48) brightness, 0..1, whatever the proportions."""
    small = shrink(frame.rgb8, *THUMBNAIL).astype(np.float32) / np.float32(255)
    return np.asarray(small.mean(axis=-1), np.float32)


def _change(before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    """How much most of a picture has changed, 0..1, other than by becoming brighter or darker."""
    difference = now - before
    return float(np.median(np.abs(difference - np.median(difference))))


def _at_size_of(old: DepthFrame, new: DepthFrame) -> DepthFrame:
    """What was seen, through the lens and in the pixels of another view of the same camera; unknown beside it."""
    had, lens = _checked(old).depth, _checked(new).depth.intrinsics
    shape = new.depth.values.shape
    if had.values.shape == shape:
        return old
    assert had.intrinsics is not None  # checked above
    assert lens is not None
    height, width = shape
    lens, own = lens.resized(width, height), had.intrinsics.resized(*had.values.shape[::-1])
    columns, rows = _pixels_of(lens, own)
    inside = ((rows >= 0) & (rows < own.height))[:, None] & (columns >= 0) & (columns < own.width)
    rows, columns = rows.clip(0, own.height - 1)[:, None], columns.clip(0, own.width - 1)
    confidence = None if had.confidence is None else had.confidence[rows, columns]
    depth = DepthMap(
        had.values[rows, columns],
        had.valid[rows, columns] & inside,
        had.kind,
        intrinsics=lens,
        world_from_camera=had.world_from_camera,
        confidence=confidence,
    )
    return replace(old, depth=depth)


def _pixels_of(lens: Intrinsics, own: Intrinsics) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which column and row of the camera `own` each column and row of `lens` looks through."""
    u, v = pixel_centres(lens.width, lens.height, dtype=np.float64)
    columns = np.floor((u - lens.cx) / lens.fx * own.fx + own.cx).astype(np.intp)
    rows = np.floor((v[:, 0] - lens.cy) / lens.fy * own.fy + own.cy).astype(np.intp)
    return columns, rows
