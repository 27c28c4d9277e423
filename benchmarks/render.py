"""Speed of lifting depth to splats and of drawing them, printed as a Markdown table. Reported, never pass or fail.

    python benchmarks/render.py
    python benchmarks/render.py --count 1000000

Scenes: the demo's photo lifted by the embedded model, drawn a step to the side of where it was taken; and a cloud of
Gaussians strewn at random with harmonics of degree 3, as fine as the photo's and coarser. CPU times are process times
summed over threads, wall times what a user waits on this machine; both are the least of a few, since others may be at
work on it.
"""

import argparse
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import cv2
import numpy as np
from PIL import Image

from bench import DEMO, machine
from vergence.depth.model import load_model
from vergence.media.camera import guessed_camera
from vergence.media.depth_file import at_picture_size
from vergence.splats.lift import lift
from vergence.splats.project import View
from vergence.splats.rasterise import draw_gaussians, draw_points
from vergence.types import Frame, Gaussians, Intrinsics

WIDTH, HEIGHT = 960, 540
COUNT = 250_000
RUNS = 7
FOCAL = 800  # px


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT, help="splats of each scene, about")
    count = parser.parse_args().count
    print(f"Measured on {machine()}; pictures of {WIDTH}x{HEIGHT}.\n")
    print("| job | splats | wall, ms | CPU, ms |")
    print("|---|---|---|---|")
    photo = lifted(count)
    aside = np.eye(4)
    aside[0, 3] = 0.03 * float(np.median(photo.means[:, 2]))
    camera = guessed_camera(WIDTH, HEIGHT)
    row("draw a lifted photo", len(photo), lambda: draw_gaussians(photo, View(camera, aside)))
    points = np.clip((photo.harmonics[:, 0] * 0.2820948 + 0.5) * 255, 0, 255).astype(np.uint8)
    row("draw its means as points", len(photo), lambda: draw_points(photo.means, points, View(camera, aside)))
    view = View(Intrinsics(FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT), np.eye(4))
    for name, width in (("fine", 0.7), ("coarse", 2.0)):
        scene = strewn(count, width)
        row(f"draw strewn Gaussians, {name} ({width:g} px)", count, partial(draw_gaussians, scene, view))


def row(name: str, count: int, work: Callable[[], object]) -> None:
    """Time a job, and print its line."""
    work()
    walls, cpus = [], []
    for _ in range(RUNS):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append((time.perf_counter() - start) * 1e3)
        cpus.append((time.process_time() - cpu) * 1e3)
    print(f"| {name} | {count} | {min(walls):.0f} | {min(cpus):.0f} |", flush=True)


def lifted(count: int) -> Gaussians:
    """The demo's photo as about so many surfels; prints what lifting costs."""
    picture = np.asarray(Image.open(DEMO / "dinosaur.jpg").convert("RGB"))
    scale = (count / (picture.shape[0] * picture.shape[1])) ** 0.5
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    rgb = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    (item,) = load_model("preview").estimate([Frame(rgb, 0, time=Fraction(0))])
    depth = at_picture_size(item.depth, *size)
    camera = guessed_camera(*size)
    kept = depth.valid & (depth.values > 0)
    row("lift a photo", int(kept.sum()), lambda: lift(depth.values, rgb, camera, kept))
    return lift(depth.values, rgb, camera, kept)


def strewn(count: int, width: float) -> Gaussians:
    """Gaussians all over the picture, about `width` px wide, with harmonics of degree 3."""
    dice = np.random.default_rng(0)
    z = dice.uniform(1, 5, count)
    x = (dice.uniform(0, WIDTH, count) - WIDTH / 2) / FOCAL * z
    y = (dice.uniform(0, HEIGHT, count) - HEIGHT / 2) / FOCAL * z
    turns = dice.normal(size=(count, 4))
    return Gaussians(
        means=np.stack([x, y, z], axis=1).astype(np.float32),
        scales=(z[:, None] / FOCAL * width * dice.uniform(0.3, 1.5, (count, 3))).astype(np.float32),
        rotations=(turns / np.linalg.norm(turns, axis=1, keepdims=True)).astype(np.float32),
        opacities=dice.uniform(0.1, 0.99, count).astype(np.float32),
        harmonics=dice.normal(0, 0.5, (count, 16, 3)).astype(np.float32),
    )


if __name__ == "__main__":
    main()
