"""The table of benchmarks: pictures with truth that are at hand without a download."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from vergence.datasets import pairs
from vergence.types import DepthFrame, Frame

HELD_OUT_SEED = 900_000_000  # training draws smaller seeds
HELD_OUT_SIZE = (320, 240)
INDOOR, OUTDOOR = ("room", "table", "corridor", "stairs"), ("street", "nature")
SUBJECTS = ("portrait", "studio", "thin")  # people, animals, things and wires before a background
FIXTURES = Path("tests/fixtures/stereo")  # of a checkout
CLIPS, CLIP_FRAMES, CLIP_NOISE = 9, 5, 4.0  # still scenes, frames of each, standard deviation of their noise, 0..255


@dataclass(frozen=True)
class Benchmark:
    """Pictures with truth.

    Attributes:
        name: as tables print it.
        frames: yields them, the same ones each time; a picture's depth is its truth, metric.
        pictures: how many.
        nearest, farthest: truth is scored between them, metres.
    """

    name: str
    frames: Callable[[], Iterator[DepthFrame]]
    pictures: int
    nearest: float = 0.2
    farthest: float = 10.0


def held_out(name: str, kinds: tuple[str, ...], count: int, farthest: float) -> Benchmark:
    """`count` rendered pictures of the given kinds, of seeds that training never draws."""
    return Benchmark(f"synthetic {name}", partial(_render, kinds, count), count, farthest=farthest)


def benchmarks(*, count: int = 120, folder: Path = FIXTURES) -> tuple[list[Benchmark], list[str]]:
    """All benchmarks at hand, `count` rendered pictures in each rendered one, and a line about each that is missing.

    `folder` holds the Aloe pair.
    """
    found = [
        held_out("indoor", INDOOR, count, 10.0),
        held_out("outdoor", OUTDOOR, count, 80.0),
        held_out("subjects", SUBJECTS, count, 80.0),
    ]
    missing = []
    if (folder / "aloeGT.png").is_file():
        found.append(Benchmark("Aloe", lambda: iter([pairs.aloe(folder)]), 1))
    else:
        missing.append(f"Aloe is left out: it is not in {folder}; run this in a checkout")
    photo = pairs.motorcycle()
    if photo is not None:
        found.append(Benchmark("Motorcycle", lambda: iter([photo]), 1))
    else:
        missing.append("Motorcycle is left out: pip install scikit-image brings it")
    return found, missing


def still_clips() -> Iterator[list[Frame]]:
    """Rendered scenes seen by a camera on a tripod: nothing changes but the noise of its sensor."""
    generator = np.random.default_rng(HELD_OUT_SEED)
    for n, truth in enumerate(_render(INDOOR + OUTDOOR + SUBJECTS, CLIPS)):
        noise = generator.normal(0, CLIP_NOISE, (CLIP_FRAMES, *truth.frame.rgb.shape))
        noisy = np.clip(truth.frame.rgb + noise, 0, 255).astype(np.uint8)
        yield [replace(truth.frame, rgb=rgb, index=k, time=Fraction(k, 24), shot=n) for k, rgb in enumerate(noisy)]


def _render(kinds: tuple[str, ...], count: int) -> Iterator[DepthFrame]:
    from vergence.synthetic import render_photo

    width, height = HELD_OUT_SIZE
    for n in range(count):
        sample = render_photo(HELD_OUT_SEED + n, width=width, height=height, kind=kinds[n % len(kinds)], device="cpu")
        yield DepthFrame(sample.frame, sample.depth)
