"""Filling a pool with rendered pictures, in processes beside the training."""

import itertools
import math
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vergence.errors import SettingsError
from vergence.synthetic import render_photo
from vergence.training.augment import Example
from vergence.training.data import SHARD, write_shard

LAST_SEED = 900_000_000  # seeds from here on are held out for evaluation
HORIZON = np.float32(60_000)  # m; what is farther would not fit half precision


def render(seed: int, width: int, height: int) -> Example:
    """One picture with its truth, without the camera's own faults: those are drawn anew each time it is shown."""
    sample = render_photo(seed, width=width, height=height)
    camera = sample.frame.intrinsics
    assert camera is not None  # a rendered picture has its camera
    depth = np.where(sample.depth.valid, np.minimum(sample.depth.values, HORIZON), np.inf).astype(np.float16)
    return Example(sample.frame.rgb8, depth, camera.fx / math.hypot(width, height))


def fill(pool: Path, width: int, height: int, first_seed: int, step: int) -> None:
    """Render shards without end, from `first_seed` on and every `step` shards; those that are there are left alone."""
    for shard in itertools.count(step=step):
        seed = first_seed + shard * SHARD
        if seed + SHARD > LAST_SEED:
            raise SettingsError(f"seeds from {LAST_SEED} on are held out; start before {first_seed}")
        if not (pool / f"{seed:09d}").exists():
            write_shard(pool, seed, (render(seed + n, width, height) for n in range(SHARD)))


@contextmanager
def filling(pool: Path, *, width: int, height: int, first_seed: int, workers: int) -> Iterator[None]:
    """Let `workers` processes fill the pool while the context lasts."""
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=fill, args=(pool, width, height, first_seed + n * SHARD, workers), daemon=True)
        for n in range(workers)
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()
