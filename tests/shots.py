"""A textured card that moves before a textured wall, seen by a camera that pans: small, and known everywhere."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from vergence.stereo.disparity import DisparityFrame
from vergence.types import Frame

WIDTH, HEIGHT = 240, 120
WALL, CARD = 2.0, 14.0  # px of disparity
SPEED = 4  # px a frame that the card moves to the right


def paint(width, height, seed):
    """Detail of a few pixels."""
    coarse = np.random.default_rng(seed).random((height // 4 + 1, width // 4 + 1, 3), dtype=np.float32)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


PLATE = paint(WIDTH + 200, HEIGHT, 1)  # the whole wall
FACE = paint(50, 70, 2)


def wall(number, *, pan=0, shift=0.0):
    """(H, W, 3): what frame `number` would show without the card, to an eye that moves disparity by `shift`."""
    first = 100 + pan * number - round(shift * WALL)
    return PLATE[:, first : first + WIDTH]


def shot(frames, *, pan=0, speed=SPEED, rate=24, dtype=np.uint8):
    """The shot's frames; the card begins at column 60."""
    return [frame(n, pan=pan, speed=speed, rate=rate, dtype=dtype) for n in range(frames)]


def frame(number, *, pan=0, speed=SPEED, rate=24, dtype=np.uint8):
    rgb = wall(number, pan=pan).copy()
    disparity = np.full((HEIGHT, WIDTH), WALL, np.float32)
    left = 60 + speed * number
    rgb[25:95, left : left + 50] = FACE
    disparity[25:95, left : left + 50] = CARD
    if dtype == np.uint16:
        rgb = rgb.astype(np.uint16) * 257
    return DisparityFrame(Frame(rgb, number, Fraction(number, rate)), disparity, "centres", is_exact=True)


def renumbered(item, **changes):
    """The same picture at another time or of another shot."""
    return replace(item, frame=replace(item.frame, **changes))
