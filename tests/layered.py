"""A scene small enough to be reckoned by hand: a near card before a far wall, both flat."""

import numpy as np

from vergence.evaluation.stereo.layers import OUTLINE_DETAIL, Layer, Scene

WIDTH, HEIGHT = 160, 90
FAR, NEAR = 4.0, 12.0  # px
CARD = (60, 30, 40, 40)  # x, y, width, height in the middle view


def texture(width, height, seed=0):
    """Noise that is smooth over two pixels or so."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((height // 3 + 2, width // 3 + 2, 3)).astype(np.float32)
    return np.ascontiguousarray(np.kron(coarse, np.ones((3, 3, 1), np.float32))[:height, :width])


def scene(**changes):
    x, y, width, height = CARD
    wall = Layer(texture(WIDTH + 40, HEIGHT, 1), None, x=-20, y=0, base=FAR)
    outline = np.ones((height * OUTLINE_DETAIL, width * OUTLINE_DETAIL), np.float32)
    card = Layer(texture(width, height, 2), outline, x=x, y=y, base=NEAR, **changes)
    return Scene("by hand", WIDTH, HEIGHT, (wall, card))
