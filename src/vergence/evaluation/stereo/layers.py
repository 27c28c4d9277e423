"""Drawn scenes: flat layers at their own disparities, seen exactly by an eye anywhere between and beside the two.

A layer is a picture with an outline, in a plane that may slant. The middle view's pixel (x, y) of a layer with
disparity d(x, y) = base + slant_x * x + slant_y * y is seen by the eye at `e` at x - e * d, with e = -1/2 for the left
and 1/2 for the right eye. Colour is averaged over 2 x 2 places of every pixel behind the blur of a lens; disparity and
identity are those of the pixel's centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.evaluation.stereo.textures import Picture
from vergence.evaluation.stereo.truth import Disparity, Mask, Rgb, Truth

Outline = NDArray[np.float32]  # (OUTLINE_DETAIL * h, OUTLINE_DETAIL * w) 0..1: how much of it is there

LEFT, RIGHT = -0.5, 0.5
OUTLINE_DETAIL = 4  # samples of an outline along a pixel
SUPERSAMPLING = 2  # samples of colour along a pixel
LENS_BLUR = 0.6  # px, standard deviation: no camera draws an edge sharper
REACH = 3  # px around a layer's box that are drawn too

Coordinates = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """Something flat.

    Attributes:
        picture: (h, w, 3) 0..1.
        outline: (4 h, 4 w); None where the layer fills all of the view, mirrored past its ends.
        x, y: of its top left pixel in the middle view at time 0, px.
        base: disparity at that pixel, px.
        slant_x, slant_y: change of it from column to column and from row to row.
        velocity: px a frame, across and down.
        brightness: factor of its colours.
    """

    picture: Picture
    outline: Outline | None
    x: float
    y: float
    base: float
    slant_x: float = 0.0
    slant_y: float = 0.0
    velocity: tuple[float, float] = (0.0, 0.0)
    brightness: float = 1.0


@dataclass(frozen=True)
class Movement:
    """What the camera does: `pan` turns it, px a frame; `slide` moves it to the right, eye distances a frame."""

    pan: float = 0.0
    slide: float = 0.0


@dataclass(frozen=True)
class View:
    """What one eye sees: colour (H, W, 3), disparity (H, W) px and the number of the layer (H, W)."""

    rgb: Rgb
    disparity: Disparity
    ids: NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """Layers, the farthest first, over a `width` x `height` view."""

    name: str
    width: int
    height: int
    layers: Sequence[Layer]
    movement: Movement = Movement()

    def view(self, eye: float, frame: int = 0) -> View:
        """What the eye at `eye` sees in a frame, by painting from far to near."""
        disparity, ids = self._geometry(eye, frame)
        return View(self._colours(eye, frame), disparity, ids)

    def truth(self, frame: int = 0) -> Truth:
        """Both eyes and what is true of them in a frame."""
        left, right = self.view(LEFT, frame), self.view(RIGHT, frame)
        hidden = disoccluded(right, left.ids)
        known = np.ones(hidden.shape, dtype=np.bool_)
        return Truth(self.name, left.rgb, right.rgb, left.disparity, right.disparity, hidden, known)

    def _geometry(self, eye: float, frame: int) -> tuple[Disparity, NDArray[np.uint8]]:
        disparity = np.zeros((self.height, self.width), np.float32)
        ids = np.zeros((self.height, self.width), np.uint8)
        for number, layer in enumerate(self.layers):
            rows, columns, u, v = self._seen(layer, eye, frame, 1)
            if not u.size:
                continue
            there = np.ones(u.shape, dtype=np.bool_) if layer.outline is None else _outline(layer.outline, u, v) > 0.5
            plane = np.float32(layer.base) + np.float32(layer.slant_x) * u + np.float32(layer.slant_y) * v
            disparity[rows, columns][there] = plane[there]
            ids[rows, columns][there] = number
        return disparity, ids

    def _colours(self, eye: float, frame: int) -> Rgb:
        painted = np.zeros((self.height * SUPERSAMPLING, self.width * SUPERSAMPLING, 3), np.float32)
        for layer in self.layers:
            rows, columns, u, v = self._seen(layer, eye, frame, SUPERSAMPLING)
            if not u.size:
                continue
            border = cv2.BORDER_REFLECT if layer.outline is None else cv2.BORDER_REPLICATE
            colour = cv2.remap(layer.picture, u, v, cv2.INTER_CUBIC, borderMode=border) * np.float32(layer.brightness)
            if layer.outline is None:
                painted[rows, columns] = colour
            else:
                share = _outline(layer.outline, u, v)[..., None]
                painted[rows, columns] += share * (colour - painted[rows, columns])
        seen = cv2.GaussianBlur(painted, (0, 0), LENS_BLUR * SUPERSAMPLING)
        small = cv2.resize(seen, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.asarray(np.clip(small, 0, 1) * 255 + 0.5, dtype=np.uint8)

    def _seen(
        self, layer: Layer, eye: float, frame: int, samples: int
    ) -> tuple[slice, slice, Coordinates, Coordinates]:
        """Rows and columns of a grid, `samples` a pixel, that a layer may cover, and the layer's pixels seen there."""
        eye = eye + self.movement.slide * frame
        left = layer.x + layer.velocity[0] * frame - self.movement.pan * frame
        top = layer.y + layer.velocity[1] * frame
        rows, columns = slice(0, self.height * samples), slice(0, self.width * samples)
        if layer.outline is not None:
            h, w = (side / OUTLINE_DETAIL for side in layer.outline.shape)
            corners = [
                left + x - eye * (layer.base + layer.slant_x * x + layer.slant_y * y) for x in (0, w) for y in (0, h)
            ]
            rows = _span(top, top + h, self.height, samples)
            columns = _span(min(corners), max(corners), self.width, samples)
        y = _places(rows, samples)[:, None] - np.float32(top)
        x = _places(columns, samples)[None] - np.float32(left)
        # x is where the eye sees the layer's pixel u: x = u - eye * (base + slant_x * u + slant_y * y).
        u = (x + np.float32(eye) * (np.float32(layer.base) + np.float32(layer.slant_y) * y)) / np.float32(
            1 - eye * layer.slant_x
        )
        return rows, columns, np.ascontiguousarray(u), np.ascontiguousarray(np.broadcast_to(y, u.shape))


def disoccluded(right: View, left_ids: NDArray[np.uint8]) -> Mask:
    """(H, W) bool: pixels of the right view whose surface the left view does not show where it would lie."""
    width = left_ids.shape[1]
    place = np.rint(np.arange(width, dtype=np.float32) + right.disparity).astype(np.intp)
    is_inside = (place >= 0) & (place < width)
    found = np.take_along_axis(left_ids, place.clip(0, width - 1), axis=1)
    return np.asarray(~is_inside | (found != right.ids))


def _span(first: float, last: float, size: int, samples: int) -> slice:
    start = min(max(int(np.floor(first - REACH)), 0), size)
    return slice(start * samples, max(min(int(np.ceil(last + REACH)), size), start) * samples)


def _places(span: slice, samples: int) -> Coordinates:
    """Where the samples of a span lie, in pixels, of which the first one's centre is 0."""
    return ((np.arange(span.start, span.stop) + 0.5) / samples - 0.5).astype(np.float32)


def _outline(outline: Outline, u: Coordinates, v: Coordinates) -> NDArray[np.float32]:
    first = (OUTLINE_DETAIL - 1) / 2  # of the samples of a layer's pixel 0, its middle
    x, y = u * np.float32(OUTLINE_DETAIL) + np.float32(first), v * np.float32(OUTLINE_DETAIL) + np.float32(first)
    sampled = cv2.remap(outline, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0.0)
    return np.asarray(sampled, dtype=np.float32)
