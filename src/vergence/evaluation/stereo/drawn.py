"""The drawn scenes: three of cut-out photographs before a slanted wall, harder ones, and clips of them.

Disparities reach 2 % of the picture's width, the budget of a comfortable picture: 38.4 px of 1920. Everything but the
lens, the grain and the thinnest bars scales with the width that is asked for, so a smaller scene is as hard.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from vergence.evaluation.stereo import outlines
from vergence.evaluation.stereo.layers import Layer, Movement, Outline, Scene
from vergence.evaluation.stereo.textures import Picture, surface
from vergence.evaluation.stereo.truth import Truth

Maker = Callable[[int, int, np.random.Generator], Outline]

WIDTH = 1920  # px that the sizes below are for
BUDGET = 0.02  # of the width
MARGIN = 200 / WIDTH  # of the background on either side, of the width
WALL, FLOOR = 0.05, 0.30  # disparity at the top and at the bottom of the background, of the budget
NEAREST = 1.0

SPRITES: tuple[tuple[Maker, int, int], ...] = (
    (outlines.blob, 560, 620),
    (outlines.blob, 420, 460),
    (outlines.ring, 360, 360),
    (outlines.bars, 520, 560),
    (outlines.blob, 300, 700),
    (outlines.blob, 260, 260),
)
HARDER: tuple[tuple[Maker, int, int], ...] = (
    (outlines.strands, 520, 560),
    (outlines.leaves, 560, 500),
    (outlines.card, 460, 380),
    (outlines.bars, 420, 460),
    (outlines.card, 380, 520),
    (outlines.strands, 360, 420),
)
CLIPS = {"tripod": Movement(), "pan": Movement(pan=6.0), "slide": Movement(slide=0.12)}


def sprites(seed: int, pictures: Sequence[Picture], *, width: int = WIDTH, name: str | None = None) -> Scene:
    """Six things cut out of pictures, flat and at random disparities, before a slanted wall."""
    rng = np.random.default_rng(seed)
    height = width * 9 // 16
    layers = [_background(pictures[seed % len(pictures)], width, height, rng)]
    depths = np.sort(rng.uniform(0.35, NEAREST, len(SPRITES)))
    for k, (maker, w, h) in enumerate(SPRITES):
        picture = pictures[(k + seed + 1) % len(pictures)]
        layers.append(_thing(maker, w, h, picture, float(depths[k]), width, height, rng))
    return Scene(name or f"sprites {seed}", width, height, tuple(layers))


def harder(seed: int, pictures: Sequence[Picture], *, width: int = WIDTH) -> Scene:
    """Hair, leaves, bars and slanted cards; in turn as they are, in low contrast, and bright before dark."""
    rng = np.random.default_rng([seed, 1])
    height = width * 9 // 16
    manner = ("strands", "low contrast", "bright before dark")[seed % 3]
    contrast = 0.35 if manner == "low contrast" else 1.0
    background = _background(pictures[seed % len(pictures)], width, height, rng, contrast=contrast)
    if manner == "bright before dark":
        background = replace(background, brightness=0.25)
    layers = [background]
    depths = np.sort(rng.uniform(0.35, NEAREST, len(HARDER)))
    for k, (maker, w, h) in enumerate(HARDER):
        picture = pictures[seed if manner == "low contrast" else (k + seed + 1) % len(pictures)]
        slant = float(rng.uniform(-0.25, 0.25)) if maker is outlines.card else 0.0  # of the budget, over its width
        thing = _thing(maker, w, h, picture, float(depths[k]), width, height, rng, slant=slant, contrast=contrast)
        layers.append(thing)
    return Scene(manner, width, height, tuple(layers))


def moving(scene: Scene, camera: str) -> Scene:
    """A scene as a clip: its camera does what `CLIPS` says."""
    movement = CLIPS[camera]
    scaled = replace(movement, pan=movement.pan * scene.width / WIDTH)
    return replace(scene, name=camera, movement=scaled)


def frames(scene: Scene, count: int) -> Iterator[Truth]:
    """The first `count` frames of a clip."""
    return (scene.truth(frame) for frame in range(count))


def _background(picture: Picture, width: int, height: int, rng: np.random.Generator, *, contrast: float = 1.0) -> Layer:
    margin, budget = round(MARGIN * width), BUDGET * width
    painted = surface(picture, width + 2 * margin, height, rng, contrast=contrast)
    return Layer(
        painted, None, x=-margin, y=0, base=WALL * budget, slant_y=(FLOOR - WALL) * budget / height
    )  # fmt: skip


def _thing(
    maker: Maker,
    w: int,
    h: int,
    picture: Picture,
    depth: float,
    width: int,
    height: int,
    rng: np.random.Generator,
    *,
    slant: float = 0.0,
    contrast: float = 1.0,
) -> Layer:
    """A layer anywhere in the view, `depth` and `slant` in shares of the budget."""
    w, h, budget = w * width // WIDTH, h * width // WIDTH, BUDGET * width
    outline = maker(w, h, rng)
    return Layer(
        surface(picture, w, h, rng, contrast=contrast),
        outline,
        x=float(rng.uniform(0, width - w)),
        y=float(rng.uniform(0, 0.9 * (height - h))),
        base=(depth - slant / 2) * budget,
        slant_x=slant * budget / w,
        velocity=(float(rng.uniform(-3.5, 3.5)) * width / WIDTH, float(rng.uniform(-0.75, 0.75)) * width / WIDTH),
    )
