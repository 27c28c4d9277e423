"""The pool of rendered pictures on disk, and the batches made of it.

A pool is a folder of shards; a shard is a folder named by its first seed with three arrays, mapped into memory:

    rgb.npy     (n, H, W, 3) uint8
    depth.npy   (n, H, W) float16, z in metres, inf = sky
    focal.npy   (n,) float32, focal length over the picture's diagonal

Some shards also hold for each picture its neighbour, what a moving camera saw a moment before:

    rgb2.npy    (n, H, W, 3) uint8
    depth2.npy  (n, H, W) float16
    flow.npy    (n, H, W, 2) float16, px from the neighbour's pixels to the same surfaces in the picture, NaN = hidden

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
from vergence.errors import SettingsError, ShapeError
from vergence.training.augment import (
    Example,
    Neighbour,
    View,
    correspondence,
    crop,
    draw_twin,
    draw_view,
    grade,
    sense,
    shared_surface,
)
from vergence.training.recipes import Recipe

SHARD = 64  # pictures
NEAREST, FARTHEST = 0.05, 100.0  # m; beyond them a step in log depth means nothing to the eye
RESCAN = 50  # batches between two looks for new shards
MOVING = 0.6  # of twins, the share that shall be neighbours in time; the rest are other views of the same picture

Draw = Callable[[np.random.Generator, bool], Example]  # an example; True asks for one with a neighbour


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    The last `len(grid)` pictures are twins: other views of the first ones, or frames just before them, and `grid` says
    where their pixels lie in those.

    Attributes:
        rgb: (n, 3, h, w) uint8.
        log_depth: (n, h, w) float32, of the canonical camera.
        is_sky: (n, h, w) bool.
        log_focal: (n,) float32, log of the focal length over the diagonal.
        grid: (k, h, w, 2) float32, normalised coordinates in the first view, as `grid_sample` takes them.
        is_shared: (k, h, w) bool, whether the first view shows the same surface there.
    """

    rgb: Tensor
    log_depth: Tensor
    is_sky: Tensor
    log_focal: Tensor
    grid: Tensor
    is_shared: Tensor


def write_shard(folder: Path, first_seed: int, examples: Iterable[Example]) -> None:
    """Store examples of one size as a shard of the pool `folder`, whole or not at all.

    Raises:
        ShapeError: some of them have neighbours and some have none.
    """
    shots = list(examples)
    neighbours = [shot.neighbour for shot in shots if shot.neighbour is not None]
    if neighbours and len(neighbours) < len(shots):
        raise ShapeError(f"{len(neighbours)} of {len(shots)} examples have neighbours; a shard is of one sort")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".shard-", dir=folder))
    try:
        np.save(unfinished / "rgb.npy", np.stack([shot.rgb for shot in shots]))
        np.save(unfinished / "depth.npy", np.stack([shot.depth for shot in shots]).astype(np.float16))
        np.save(unfinished / "focal.npy", np.array([shot.focal for shot in shots], dtype=np.float32))
        if neighbours:
            np.save(unfinished / "rgb2.npy", np.stack([shot.rgb for shot in neighbours]))
            np.save(unfinished / "depth2.npy", np.stack([shot.depth for shot in neighbours]).astype(np.float16))
            np.save(unfinished / "flow.npy", np.stack([shot.flow for shot in neighbours]).astype(np.float16))
        unfinished.rename(folder / f"{first_seed:09d}")
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


@dataclass(frozen=True)
class _Shard:
    """The arrays of a shard; the last three are None where it holds no neighbours."""

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float16]
    focal: NDArray[np.float32]
    rgb2: NDArray[np.uint8] | None
    depth2: NDArray[np.float16] | None
    flow: NDArray[np.float16] | None

    def __getitem__(self, n: int) -> Example:
        neighbour = None
        if self.rgb2 is not None and self.depth2 is not None and self.flow is not None:
            neighbour = Neighbour(np.asarray(self.rgb2[n]), self.depth2[n].astype(np.float32), self.flow[n])
        return Example(np.asarray(self.rgb[n]), self.depth[n].astype(np.float32), float(self.focal[n]), neighbour)


def _open_shard(path: Path) -> _Shard:
    def load(name: str) -> NDArray[Any]:
        return np.asanyarray(np.load(path / f"{name}.npy", mmap_mode="r"))

    seconds = [load(name) for name in ("rgb2", "depth2", "flow")] if (path / "flow.npy").exists() else [None] * 3
    return _Shard(load("rgb"), load("depth"), np.load(path / "focal.npy"), *seconds)


class Pool:
    """Random access to the examples of all shards of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shards: dict[str, _Shard] = {}
        self.rescan()

    def __len__(self) -> int:
        return sum(len(shard.focal) for shard in self._shards.values())

    def rescan(self) -> None:
        """Look for shards that have been added."""
        for path in sorted(self._folder.glob("[0-9]*")):
            if path.name not in self._shards:
                self._shards[path.name] = _open_shard(path)
        self._all = list(self._shards.values())
        self._paired = [shard for shard in self._all if shard.flow is not None]

    def draw(self, generator: np.random.Generator, with_neighbour: bool = False) -> Example:
        """Any one example, with a neighbour if asked for and there are such; raises `SettingsError` without any."""
        if not self._all:
            raise SettingsError(f"{self._folder} holds no rendered pictures; let the workers fill it first")
        shards = self._paired if with_neighbour and self._paired else self._all
        shard = shards[generator.integers(len(shards))]
        return shard[int(generator.integers(len(shard.focal)))]


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
    draw: Draw,
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
    grid = np.zeros((pairs, height, width, 2), np.float32)
    is_shared = np.zeros((pairs, height, width), np.bool_)
    for n in range(size - pairs):
        is_moving = n < pairs and bool(generator.random() < MOVING)
        example = draw(generator, is_moving)
        light = generator.spawn(1)[0].bit_generator.state  # both views are lit and graded alike
        first = draw_view(example, width / height, generator)
        views.append(_see(example, first, width, height, light, generator))
        if n < pairs:
            neighbour = example.neighbour if is_moving else None
            if neighbour is not None:
                second, flow = first, neighbour.flow
                example = Example(neighbour.rgb, neighbour.depth, example.focal)
            else:
                second, flow = draw_twin(example, first, generator), None
            seconds.append(_see(example, second, width, height, light, generator))
            places = correspondence(second, first, width, height, flow)
            is_shared[n] = shared_surface(places, seconds[n][1], views[n][1])
            grid[n] = np.where(is_shared[n, ..., None], places, 0)
    rgb, depth, focal = zip(*views, *seconds, strict=True)
    log_focal = np.log(np.array(focal, dtype=np.float32))
    z = np.stack(depth)
    scale = np.exp(np.log(CANONICAL_FOCAL) - log_focal)[:, None, None]
    return Batch(
        rgb=torch.from_numpy(np.ascontiguousarray(np.stack(rgb).transpose(0, 3, 1, 2))),
        log_depth=torch.from_numpy(np.log(np.clip(z, NEAREST, FARTHEST) * scale).astype(np.float32)),
        is_sky=torch.from_numpy(np.isinf(z)),
        log_focal=torch.from_numpy(log_focal),
        grid=torch.from_numpy(grid),
        is_shared=torch.from_numpy(is_shared),
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
