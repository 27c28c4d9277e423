"""One frozen dataclass per experiment; it is saved inside the checkpoint it makes."""

from dataclasses import dataclass

import numpy as np

from vergence.errors import SettingsError


@dataclass(frozen=True)
class LossWeights:
    """How much each term of `losses.total` counts."""

    metric: float = 0.25
    aligned: float = 0.75
    disparity: float = 0.8
    gradient: float = 0.6
    boundary: float = 0.3
    scale: float = 0.05
    sky: float = 0.15
    consistency: float = 0.3


@dataclass(frozen=True)
class Stage:
    """A part of a run: until which share of it, and what it sees.

    Attributes:
        until: share of the run at which it ends, 0..1.
        sizes: (width, height, pictures in a batch, probability).
    """

    until: float
    sizes: tuple[tuple[int, int, int, float], ...]

    def draw(self, generator: np.random.Generator) -> tuple[int, int, int]:
        """Width, height and number of pictures of the next batch."""
        chances = np.array([size[3] for size in self.sizes])
        width, height, count, _ = self.sizes[generator.choice(len(self.sizes), p=chances / chances.sum())]
        return width, height, count


@dataclass(frozen=True)
class Recipe:
    """A training run.

    Attributes:
        name: of the recipe.
        stages: in order; the last one's `until` is 1.
        decoder_rate, backbone_rate: peak learning rates, falling along a cosine to `last_rate` of themselves.
        thaw: share of the run after which the backbone learns too.
        warm_up: steps over which a rate rises from nothing.
        weight_decay: of the decoder.
        clip: greatest norm of a gradient.
        average: what the weights' running average keeps over one step.
        twins: share of a batch that are second views of its pictures.
        keep_start: share of the weights a run began with in what is exported. Between what suited photographs and
            what suits new renderings lies what suits both (Wortsman et al., arXiv:2109.01903).
        weights: of the loss.
        backbone: whose ImageNet features a first run begins with, one of `networks.preview.BACKBONES`.
        seed: of everything drawn at random.
    """

    name: str
    stages: tuple[Stage, ...]
    decoder_rate: float
    backbone_rate: float
    thaw: float = 0.0
    warm_up: int = 100
    last_rate: float = 0.015
    weight_decay: float = 0.02
    clip: float = 1.0
    average: float = 0.997
    twins: float = 0.25
    keep_start: float = 0.0
    weights: LossWeights = LossWeights()
    backbone: str = "lite0"
    seed: int = 0

    def stage(self, progress: float) -> Stage:
        """The stage a run is in when the share `progress` of it is done."""
        return next((stage for stage in self.stages if progress < stage.until), self.stages[-1])


SMALL = ((160, 128, 16, 0.75), (128, 160, 16, 0.1), (128, 96, 16, 0.15))
MIDDLE = ((256, 192, 12, 0.6), (192, 256, 12, 0.1), (224, 160, 16, 0.1), (224, 224, 12, 0.1), (320, 192, 12, 0.1))
LARGE = ((320, 256, 8, 0.3), (256, 320, 8, 0.05), (384, 288, 8, 0.2), (256, 192, 12, 0.35), (384, 224, 8, 0.1))

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(  # from ImageNet features and an untrained decoder
            name="preview",
            stages=(Stage(0.35, SMALL), Stage(0.67, MIDDLE), Stage(1.0, LARGE)),
            decoder_rate=2e-3,
            backbone_rate=3e-4,
            thaw=0.09,
        ),
        Recipe(  # from a network that has been through "preview", or from the shipped one
            name="preview-continued",
            stages=(Stage(0.6, MIDDLE), Stage(1.0, LARGE)),
            decoder_rate=1e-3,
            backbone_rate=2e-4,
            keep_start=0.3,
        ),
        Recipe(  # a short run from the shipped network: slower, so that what it knows survives
            name="preview-refined",
            stages=(Stage(0.7, MIDDLE), Stage(1.0, LARGE)),
            decoder_rate=4e-4,
            backbone_rate=8e-5,
            keep_start=0.3,
            weights=LossWeights(consistency=0.6),
        ),
    )
}


def find_recipe(name: str) -> Recipe:
    """Return the recipe called `name`; raises `SettingsError` with those there are."""
    if name not in RECIPES:
        raise SettingsError(f"no recipe is called {name!r}; choose from {', '.join(RECIPES)}")
    return RECIPES[name]
