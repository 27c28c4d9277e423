"""Speed of files of Gaussians, printed as a Markdown table. Reported, never pass or fail.

    python benchmarks/splats.py
    python benchmarks/splats.py --count 250000

The Gaussians are those of a picture: one for every pixel of a wavy wall with a step in it and a little noise, in order
of its rows, since what a file compresses to, and how fast, depends on it. CPU times are summed over threads; wall times
are what a user waits on this machine, the disk's cache included. Both are the least of a few, since others may be at
work on it.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench import machine
from vergence.media.splats.open import SUFFIXES, read_gaussians, write_gaussians
from vergence.types import Gaussians

RUNS = 5
MILLION = 1_000_000


def wall(count: int, *, degree: int) -> Gaussians:
    """About `count` surfels, twice as many columns as rows."""
    dice = np.random.default_rng(0)
    height = round((count / 2) ** 0.5)
    v, u = np.mgrid[0:height, 0 : 2 * height].astype(np.float32)
    z = 3 + np.sin(u / 90) + np.cos(v / 70) + 2 * (u > height)
    z = (z * (1 + 0.002 * dice.normal(size=z.shape))).astype(np.float32)
    means = np.stack([(u / height - 1) * z, (v / height - 0.5) * z, z], axis=-1).reshape(-1, 3)
    number = len(means)
    width = means[:, 2:] / height
    rotations = np.array([1, 0, 0, 0], np.float32) + 0.05 * dice.normal(size=(number, 4)).astype(np.float32)
    harmonics = 0.03 * dice.normal(size=(number, (degree + 1) ** 2, 3)).astype(np.float32)
    harmonics[:, 0] += np.sin(u / 30).reshape(-1, 1) * np.array([1, 0.5, 0.2], np.float32)
    return Gaussians(
        means=means,
        scales=width * np.array([1, 1, 0.1], np.float32),
        rotations=rotations / np.linalg.norm(rotations, axis=1, keepdims=True),
        opacities=np.full(number, 0.95, np.float32),
        harmonics=harmonics,
    )


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """The least wall and CPU seconds of a few calls, after one that compiles."""
    work()
    walls, cpus = [], []
    for _ in range(RUNS):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - start)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=MILLION, help="Gaussians")
    count = parser.parse_args().count
    print(f"Measured on {machine()}; {count} Gaussians.\n")
    print("| file | degree | MB | write, s (CPU) | read, s (CPU) |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for degree in (0, 2, 3):
            gaussians = wall(count, degree=degree)
            for suffix in SUFFIXES:
                if suffix == ".splat" and degree:
                    continue
                path = Path(folder) / f"wall{suffix}"

                def write(path: Path = path, gaussians: Gaussians = gaussians) -> None:
                    write_gaussians(gaussians, path, overwrite=True)

                def read(path: Path = path) -> None:
                    read_gaussians(path)

                (writing, writing_cpu), (reading, reading_cpu) = timed(write), timed(read)
                times = f"{writing:.2f} ({writing_cpu:.2f}) | {reading:.2f} ({reading_cpu:.2f})"
                print(f"| {suffix} | {degree} | {path.stat().st_size / 1e6:.0f} | {times} |")


if __name__ == "__main__":
    main()
