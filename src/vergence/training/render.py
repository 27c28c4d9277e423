"""Filling a pool with rendered pictures, in processes beside the training."""

import itertools
import math
import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.synthetic import Sample, render_clip, render_photo
from vergence.synthetic.photographs import find_photographs
from vergence.synthetic.render.device import Device, choose_device
from vergence.training.augment import Example, Neighbour
from vergence.training.data import SHARD, write_shard

LAST_SEED = 900_000_000  # seeds from here on are held out for evaluation
HORIZON = np.float32(60_000)  # m; what is farther would not fit half precision
PAIRED = 3  # one shard of so many has neighbours: they cost a second picture
RATES = (5, 15)  # 1/s, between the two frames of a pair: as far apart as films, and frames left out of them, have it


def render(seed: int, width: int, height: int, *, photographs: Path | None = None, device: Device = "cpu") -> Example:
    """One picture with its truth, without the camera's own faults: those are drawn anew each time it is shown."""
    sample = render_photo(seed, width=width, height=height, photographs=photographs, device=device)
    return Example(sample.frame.rgb8, _depth(sample), _focal(sample))


def render_pair(
    seed: int, width: int, height: int, *, photographs: Path | None = None, device: Device = "cpu"
) -> Example:
    """One picture with its truth and what a moving camera saw of moving things 1/15 to 1/5 s before."""
    rate = int(np.random.default_rng(seed).integers(*RATES, endpoint=True))
    before, now = render_clip(
        seed, frames=2, rate=rate, width=width, height=height, photographs=photographs, device=device
    )
    assert before.flow is not None  # a clip's frames but the last have it
    assert before.flow_valid is not None
    in_sky = before.ids < 0  # which has no depth to agree on
    flow = np.where((before.flow_valid & ~in_sky)[..., None], before.flow, np.nan).astype(np.float16)
    neighbour = Neighbour(before.frame.rgb8, _depth(before), flow)
    return Example(now.frame.rgb8, _depth(now), _focal(now), neighbour)


def _depth(sample: Sample) -> NDArray[np.float16]:
    return np.where(sample.depth.valid, np.minimum(sample.depth.values, HORIZON), np.inf).astype(np.float16)


def _focal(sample: Sample) -> float:
    camera = sample.frame.intrinsics
    assert camera is not None  # a rendered picture has its camera
    return camera.fx / math.hypot(camera.width, camera.height)


def fill(
    pool: Path,
    size: tuple[int, int],
    first_seed: int,
    step: int,
    photographs: Path | None = None,
    device: Device = "cpu",
) -> None:
    """Render shards without end, from `first_seed` on and every `step` shards; those that are there are left alone.

    `size` is width and height. Every `PAIRED`th shard by its seed has neighbours.
    """
    for shard in itertools.count(step=step):
        seed = first_seed + shard * SHARD
        if seed + SHARD > LAST_SEED:
            raise SettingsError(f"seeds from {LAST_SEED} on are held out; start before {first_seed}")
        if not (pool / f"{seed:09d}").exists():
            show = render_pair if seed // SHARD % PAIRED == 0 else render
            write_shard(
                pool, seed, (show(seed + n, *size, photographs=photographs, device=device) for n in range(SHARD))
            )


@contextmanager
def filling(
    pool: Path,
    size: tuple[int, int],
    *,
    first_seed: int,
    workers: int,
    photographs: Path | None = None,
    device: Device = "cpu",
) -> Iterator[Sequence[BaseProcess]]:
    """Let `workers` processes fill the pool with pictures of `size`, width and height, while the context lasts.

    `device` is where they render, see `render_photo`.

    Raises:
        MediaError: `photographs` is no folder or holds no pictures.
        DeviceError: "cuda" is asked for and cannot be used here.
    """
    choose_device(device)
    if photographs is not None:
        find_photographs(photographs)
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=fill, args=(pool, size, first_seed + n * SHARD, workers, photographs, device), daemon=True)
        for n in range(workers)
    ]
    for process in processes:
        process.start()
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
            process.join()
