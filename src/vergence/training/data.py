"""The pool of rendered pictures on disk, and the batches made of it.

A pool is a folder of shards; a shard is a folder named by its first seed with three arrays, mapped into memory:

    rgb.npy     (n, H, W, 3) uint8
    depth.npy   (n, H, W) float16, z in metres, inf = sky
    focal.npy   (n,) float32, focal length over the picture's diagonal

Workers may add shards while a training run reads the pool: a shard appears under its name when it is whole.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vergence.depth.families.preview import CANONICAL_FOCAL
from vergence.errors import SettingsError
from vergence.training.augment import Example, View, crop, draw_twin, draw_view, grade, sense
from vergence.training.recipes import Recipe

SHARD = 64  # pictures
NEAREST, FARTHEST = 0.05, 100.0  # m; beyond them a step in log depth means nothing to the eye
RESCAN = 50  # batches between two looks for new shards


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    The last `len(grid)` pictures are twins: other views of the first ones, and `grid` says where their pixels lie.

    Attributes:
        rgb: (n, 3, h, w) uint8.
        log_depth: (n, h, w) float32, of the canonical camera.
        is_sky: (n, h, w) bool.
        log_focal: (n,) float32, log of the focal length over the diagonal.
        grid: (k, 2, 3) float32, from a twin's normalised coordinates to those of its first view.
    """

    rgb: Tensor
    log_depth: Tensor
    is_sky: Tensor
    log_focal: Tensor
    grid: Tensor


def write_shard(folder: Path, first_seed: int, examples: Iterable[Example]) -> None:
    """Store examples of one size as a shard of the pool `folder`, whole or not at all."""
    shots = list(examples)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".shard-", dir=folder))
    try:
        np.save(unfinished / "rgb.npy", np.stack([shot.rgb for shot in shots]))
        np.save(unfinished / "depth.npy", np.stack([shot.depth for shot in shots]).astype(np.float16))
        np.save(unfinished / "focal.npy", np.array([shot.focal for shot in shots], dtype=np.float32))
        unfinished.rename(folder / f"{first_seed:09d}")
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


class Pool:
    """Random access to the examples of all shards of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shards: dict[str, tuple[NDArray[np.uint8], NDArray[np.float16], NDArray[np.float32]]] = {}
        self.rescan()

    def __len__(self) -> int:
        return sum(len(focal) for _, _, focal in self._shards.values())

    def rescan(self) -> None:
        """Look for shards that have been added."""
        for path in sorted(self._folder.glob("[0-9]*")):
            if path.name not in self._shards:
                rgb, depth = (np.load(path / f"{name}.npy", mmap_mode="r") for name in ("rgb", "depth"))
                self._shards[path.name] = rgb, depth, np.load(path / "focal.npy")
        self._names = list(self._shards)

    def draw(self, generator: np.random.Generator) -> Example:
        """Any one example; raises `SettingsError` where there is none."""
        if not self._names:
            raise SettingsError(f"{self._folder} holds no rendered pictures; let the workers fill it first")
        rgb, depth, focal = self._shards[self._names[generator.integers(len(self._names))]]
        n = generator.integers(len(focal))
        return Example(np.asarray(rgb[n]), np.asarray(depth[n]).astype(np.float32), float(focal[n]))


class Batches(torch.utils.data.IterableDataset[Batch]):
    """Endless batches of a pool, of the sizes the recipe's stage asks for.

    `progress` is a tensor in shared memory that the training loop writes: the share of the run that is done.
    """

    def __init__(self, folder: Path, recipe: Recipe, progress: Tensor, seed: int) -> None:
        self._folder, self._recipe, self._progress, self._seed = folder, recipe, progress, seed

    def __iter__(self) -> Iterator[Batch]:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        pool, generator = Pool(self._folder), np.random.default_rng(self._seed)
        count = 0
        while True:
            stage = self._recipe.stage(float(self._progress))
            yield make_batch(pool.draw, self._recipe.twins, *stage.draw(generator), generator)
            count += 1
            if count % RESCAN == 0:
                pool.rescan()


def make_batch(
    draw: Callable[[np.random.Generator], Example],
    twins: float,
    width: int,
    height: int,
    size: int,
    generator: np.random.Generator,
) -> Batch:
    """Crop, grade and degrade `size` pictures of `width` x `height`, a share `twins` of them second views."""
    pairs = int(size * twins)
    views: list[tuple[NDArray[np.uint8], NDArray[np.float32], float]] = []
    seconds: list[tuple[NDArray[np.uint8], NDArray[np.float32], float]] = []
    grid = []
    for n in range(size - pairs):
        example = draw(generator)
        light = generator.spawn(1)[0].bit_generator.state  # both views are lit and graded alike
        first = draw_view(example, width / height, generator)
        views.append(_see(example, first, width, height, light, generator))
        if n < pairs:
            second, to_first = draw_twin(example, first, generator)
            seconds.append(_see(example, second, width, height, light, generator))
            grid.append(to_first)
    rgb, depth, focal = zip(*views, *seconds, strict=True)
    log_focal = np.log(np.array(focal, dtype=np.float32))
    z = np.stack(depth)
    scale = np.exp(np.log(CANONICAL_FOCAL) - log_focal)[:, None, None]
    return Batch(
        rgb=torch.from_numpy(np.ascontiguousarray(np.stack(rgb).transpose(0, 3, 1, 2))),
        log_depth=torch.from_numpy(np.log(np.clip(z, NEAREST, FARTHEST) * scale).astype(np.float32)),
        is_sky=torch.from_numpy(np.isinf(z)),
        log_focal=torch.from_numpy(log_focal),
        grid=torch.from_numpy(np.array(grid, dtype=np.float32).reshape(-1, 2, 3)),
    )


def _see(
    example: Example,
    view: View,
    width: int,
    height: int,
    light: Mapping[str, Any],
    generator: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.float32], float]:
    same = np.random.default_rng()
    same.bit_generator.state = light
    rgb, depth, focal = crop(example, view, width, height)
    return sense(grade(rgb, depth, same), generator), depth, focal
