"""Outlines of drawn things: what makes a scene hard is where its edges run. (4 h, 4 w) float32, 0..1."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.evaluation.stereo.layers import OUTLINE_DETAIL, Outline

BARS = 9
CORNERS = 14  # of a blob, before they are rounded
CURVE = 400  # points along a blob


def blob(width: int, height: int, rng: np.random.Generator) -> Outline:
    """A smooth closed curve through points at random distances from the middle (Catmull and Rom 1974)."""
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    radius = 0.33 + 0.14 * rng.random(CORNERS)
    corners = np.stack([0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)], axis=1)
    place = np.linspace(0, CORNERS, CURVE, endpoint=False)
    k, t = place.astype(np.intp), (place - np.floor(place))[:, None]
    a, b, c, d = (corners[(k + step) % CORNERS] for step in (-1, 0, 1, 2))
    curve = b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return _filled([curve], width, height)


def ring(width: int, height: int, _: np.random.Generator) -> Outline:
    """A ring, which shows what is behind it inside and outside."""
    mask = np.zeros((height * OUTLINE_DETAIL, width * OUTLINE_DETAIL), np.uint8)
    radius = min(mask.shape)
    cv2.circle(mask, (mask.shape[1] // 2, mask.shape[0] // 2), int(0.45 * radius), 255, int(0.08 * radius))
    return _share(mask)


def bars(width: int, height: int, _: np.random.Generator) -> Outline:
    """Nine leaning bars, 1 to 8 px wide at the top and wider at the bottom."""
    shapes = []
    for k in range(BARS):
        middle, half = (k + 0.5) / BARS, (1 + 0.9 * k) / 2 / width
        top = [(middle - half + 0.01, 0.0), (middle + half + 0.01, 0.0)]
        bottom = [(middle + half - 0.05, 1.0), (middle - half - 0.05, 1.0)]
        shapes.append(np.array(top + bottom))
    return _filled(shapes, width, height)


def strands(width: int, height: int, rng: np.random.Generator) -> Outline:
    """Hair: a hundred curved strands, half a pixel to two pixels wide, from one root."""
    mask = np.zeros((height * OUTLINE_DETAIL, width * OUTLINE_DETAIL), np.uint8)
    t = np.linspace(0, 1, 60)[:, None]
    root = np.array([0.5, 0.85])
    for _ in range(100):
        tip = np.array([rng.uniform(0.02, 0.98), rng.uniform(0.02, 0.6)])
        bend = (root + tip) / 2 + rng.normal(0, 0.12, 2)
        curve = (1 - t) ** 2 * root + 2 * t * (1 - t) * bend + t**2 * tip
        points = np.rint(curve * [mask.shape[1], mask.shape[0]]).astype(np.int32)
        cv2.polylines(mask, [points], isClosed=False, color=255, thickness=int(rng.integers(2, 9)))
    cv2.ellipse(
        mask,
        (mask.shape[1] // 2, int(0.85 * mask.shape[0])),
        (mask.shape[1] // 5, mask.shape[0] // 7), 0, 0, 360, 255, -1,
    )  # fmt: skip
    return _share(mask)


def leaves(width: int, height: int, rng: np.random.Generator) -> Outline:
    """A twig: many small pointed leaves with gaps between them."""
    shapes = []
    side = np.sin(np.linspace(0, np.pi, 12)) * 0.3
    along = np.linspace(-1, 1, 12)
    leaf = np.concatenate([np.stack([along, side], axis=1), np.stack([along[::-1], -side[::-1]], axis=1)])
    for _ in range(60):
        turn, size = rng.uniform(0, np.pi), rng.uniform(0.02, 0.07)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shapes.append(rng.uniform(0.1, 0.9, 2) + size * leaf @ rotation)
    return _filled(shapes, width, height)


def card(width: int, height: int, rng: np.random.Generator) -> Outline:
    """A turned rectangle: straight edges at an angle."""
    turn = rng.uniform(0.1, 0.5)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = np.array([(-0.33, -0.33), (0.33, -0.33), (0.33, 0.33), (-0.33, 0.33)])
    return _filled([0.5 + corners @ rotation], width, height)


def _filled(shapes: list[NDArray[np.float64]], width: int, height: int) -> Outline:
    """Polygons of points (x, y) in shares of the size, together."""
    mask = np.zeros((height * OUTLINE_DETAIL, width * OUTLINE_DETAIL), np.uint8)
    scale = np.array([mask.shape[1], mask.shape[0]])
    for shape in shapes:
        cv2.fillPoly(mask, [np.rint(shape * scale).astype(np.int32)], 255)
    return _share(mask)


def _share(mask: NDArray[np.uint8]) -> Outline:
    return mask.astype(np.float32) / np.float32(255)
