"""What the surfaces of drawn scenes show: photographs of the package, photographs of scikit-image, and patterns.

Those of the package are there wherever it is installed, so that the scenes made of them are the same everywhere.
"""

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]  # (h, w, 3) sRGB, 0..1

GRAIN = ((1.2, 1.0), (2.5, 1.2), (5.0, 1.4))  # standard deviation of the blur in px, and weight, of each octave
GRAIN_SIZE = 0.05  # of full scale, on white; enlarged pictures have no detail of their own
TILE_REPEATS = 3  # of a pattern across what is drawn of it
FILM_STEP = 40  # frames from one of the film's pictures to the next
NAMES = (  # pictures of scikit-image that are in its wheel
    "astronaut.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "chelsea.png",
    "rocket.jpg",
    "retina.jpg",
    "gravel.png",
    "brick.png",
)  # fmt: skip


@cache
def package_pictures() -> tuple[Picture, ...]:
    """Six pictures that come with the package: the demo's photo, two parts of it, and three frames of its film."""
    import vergence
    from vergence.media.open import open_source

    demo = Path(vergence.__file__).parent / "demo"
    with open_source(demo / "dinosaur.jpg") as photo, open_source(demo / "stream.mp4") as film:
        whole = next(iter(photo)).rgb
        first, second, third = (frame.rgb for frame in islice(film, 0, None, FILM_STEP))
    skin, sky = whole[600:, 200:1200], whole[:600, :800, :].swapaxes(0, 1)
    return tuple(_scaled(rgb) for rgb in (whole, skin, first, sky, second[:, ::-1], third[::-1]))


@cache
def patterns() -> tuple[Picture, ...]:
    """Four patterns of the synthetic world that repeat, which misleads whatever looks for the same again."""
    from vergence.synthetic import textures

    makers: Sequence[Callable[[np.random.Generator], NDArray[np.float64]]] = (
        textures.bricks, textures.poster, textures.foliage, textures.carpet,
    )  # fmt: skip
    tiles = (np.clip(make(np.random.default_rng(k)), 0, 1) for k, make in enumerate(makers))
    return tuple(np.tile(tile.astype(np.float32), (TILE_REPEATS, TILE_REPEATS, 1)) for tile in tiles)


@cache
def photographs() -> tuple[Picture, ...]:
    """Eight photographs of the scikit-image package; none where it is not installed. They are read, not imported."""
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        return ()
    paths = [Path(found.origin).parent / "data" / name for name in NAMES]
    if not all(path.is_file() for path in paths):
        return ()
    return tuple(_scaled(_read(path)) for path in paths)


def _read(path: Path) -> NDArray[Any]:
    stored = cv2.imread(str(path))
    assert stored is not None  # it is a file of an installed package
    return np.ascontiguousarray(stored[..., ::-1])


def _scaled(rgb: NDArray[Any]) -> Picture:
    return rgb.astype(np.float32) / np.float32(255)


def surface(picture: Picture, width: int, height: int, rng: np.random.Generator, *, contrast: float = 1.0) -> Picture:
    """A picture enlarged and cut to cover `width` x `height`, with grain as fine as a sharp photograph's detail.

    `contrast` under 1 pulls its colours towards their mean.
    """
    scale = max(width / picture.shape[1], height / picture.shape[0])
    size = (int(np.ceil(picture.shape[1] * scale)), int(np.ceil(picture.shape[0] * scale)))
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    covering = np.asarray(cv2.resize(picture, size, interpolation=method)[:height, :width], dtype=np.float32)
    grain = np.zeros((height, width), np.float32)
    for sigma, weight in GRAIN:
        grain += np.float32(weight) * _noise(width, height, sigma, rng)
    weights = np.float32(np.hypot.reduce([weight for _, weight in GRAIN]))
    detailed = covering + np.float32(GRAIN_SIZE) * (grain / weights)[..., None] * (np.float32(0.4) + covering)
    if contrast < 1:
        mean = detailed.mean(axis=(0, 1))
        detailed = mean + np.float32(contrast) * (detailed - mean)
    return np.asarray(np.clip(detailed, 0, 1), dtype=np.float32)


def _noise(width: int, height: int, sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    blurred = cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), sigma)
    return np.asarray(blurred / blurred.std(), dtype=np.float32)
