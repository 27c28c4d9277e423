"""The passes over a picture on a CUDA GPU: one thread a pixel, around the scalar functions of `kernels` and `flow`.

numba compiles those functions for both targets from their one source. Here they differ only in who calls them: lists
of what may shade a cell of the picture are all made before its pixels are shaded, by one thread a cell.

numba keeps the compiled kernels beside this file and renews them only when it changes: touch it after a change of a
scalar function, see `intersect`. To import this module neither a GPU nor a driver is needed, to call it both.
"""

import warnings
from importlib import import_module
from typing import Any

import numpy as np
from numba import float64
from numpy.typing import NDArray

from vergence.synthetic.render.flow import move
from vergence.synthetic.render.kernels import CELL, collect, compose, see, shade, soften
from vergence.synthetic.scene import Floats

cuda: Any = import_module("numba.cuda")  # most of its names are made as it is loaded, unseen by a type checker

THREADS = (CELL, CELL)  # of a block: the pixels of one cell share their lists, so they run alike
CELL_THREADS = 32  # of a block that makes lists
LIST_BYTES = 256 * 2**20  # of the lists of cells; a large picture is shaded in bands that keep to it


def send(*arrays: Any) -> tuple[Any, ...]:
    """Copies of the arrays in the GPU's memory; those already there as they are."""
    return tuple(
        cuda.to_device(np.ascontiguousarray(array)) if isinstance(array, np.ndarray) else array for array in arrays
    )


def visible(
    world: tuple[Any, ...], height: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.uint8]]:
    """Depth, ids and faces as `visible_rows` writes them; `world` is what it takes before them."""
    depth, ids, faces = _visible(send(*world), height, width)
    return depth.copy_to_host(), ids.copy_to_host(), faces.copy_to_host()


def picture(
    world: tuple[Any, ...], materials: Any, texels: Any, lights: Floats, air: Floats, height: int, width: int
) -> tuple[Any, ...]:
    """Linear light, depth, ids, faces and normals of a picture, as the passes over rows write them."""
    world = send(*world)
    materials, texels, lit, air = send(materials, texels, lights, air)
    depth, ids, faces = _visible(world, height, width)
    albedo, light, extra, normals, linear, smooth = (
        cuda.device_array((height, width, 3), np.float32) for _ in range(6)
    )
    marks, camera = world[0], world[4]
    lists, n = len(lights) + 1, len(marks)
    columns, rows = -(-width // CELL), -(-height // CELL)
    band = max(1, min(rows, LIST_BYTES // (columns * lists * n * np.dtype(np.int32).itemsize)))  # rows of cells
    everything, limits = send(np.tile(np.arange(n, dtype=np.int32), (lists, 1)), np.full(lists, n, np.int32))
    members = cuda.device_array((band * columns, lists, n), np.int32)
    counts = cuda.device_array((band * columns, lists), np.int32)
    for first in range(0, rows, band):
        some = min(band, rows - first)
        _ready(collect_cells, -(-some * columns // CELL_THREADS), CELL_THREADS)(
            first, some, *world[:2], lit, air, camera, depth, ids, everything, limits, members, counts
        )
        _ready(shade_pixels, (columns, some), THREADS)(
            first, *world[:5], materials, texels, lit, air, members, counts,
            depth, ids, faces, albedo, light, extra, normals,
        )  # fmt: skip
    _ready(compose_pixels, (columns, rows), THREADS)(air, depth, ids, albedo, light, extra, normals, linear)
    _ready(soften_pixels, (columns, rows), THREADS)(*world, ids, linear, smooth)
    return tuple(array.copy_to_host() for array in (smooth, depth, ids, faces, normals))


def flow(
    moves: Floats, camera: Floats, next_camera: Floats, depth: Any, ids: Any, next_depth: Any, next_ids: Any
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Flow and its validity as `flow_rows` writes them."""
    height, width = depth.shape
    found = cuda.device_array((height, width, 2), np.float32)
    valid = cuda.device_array((height, width), np.bool_)
    _ready(move_pixels, (-(-width // CELL), -(-height // CELL)), THREADS)(
        *send(moves, camera, next_camera, depth, ids, next_depth, next_ids), found, valid
    )
    return found.copy_to_host(), valid.copy_to_host()


def _ready(kernel: Any, blocks: int | tuple[int, int], threads: int | tuple[int, int]) -> Any:
    """The kernel, ready to be called; that a small picture leaves most of a GPU idle is no news."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Grid size .* under-utilization")
        return kernel[blocks, threads]


def _visible(world: tuple[Any, ...], height: int, width: int) -> tuple[Any, Any, Any]:
    depth, ids, faces = (cuda.device_array((height, width), dtype) for dtype in (np.float32, np.int32, np.uint8))
    _ready(see_pixels, (-(-width // CELL), -(-height // CELL)), THREADS)(*world, depth, ids, faces)
    return depth, ids, faces


@cuda.jit(cache=True)
def see_pixels(marks, numbers, heights, ground, camera, starts, members, depth, ids, faces):  # type: ignore[no-untyped-def]
    x, y = cuda.grid(2)
    if y < depth.shape[0] and x < depth.shape[1]:
        see(y, x, marks, numbers, heights, ground, camera, starts, members, depth, ids, faces)


@cuda.jit(cache=True)
def collect_cells(first, rows, marks, numbers, lights, air, camera, depth, ids, everything, limits, members, counts):  # type: ignore[no-untyped-def]
    """The lists of one cell of those in `rows` rows of cells from `first` on."""
    cell = cuda.grid(1)
    height, width = depth.shape
    columns = (width + CELL - 1) // CELL
    if cell < rows * columns:
        top, left = (first + cell // columns) * CELL, cell % columns * CELL
        bottom, right = min(top + CELL, height), min(left + CELL, width)
        collect(
            marks, numbers, lights, air, camera, depth, ids, top, bottom, left, right,
            everything, limits, members[cell], counts[cell],
        )  # fmt: skip


@cuda.jit(cache=True)
def shade_pixels(  # type: ignore[no-untyped-def]
    first, marks, numbers, heights, ground, camera, materials, texels, lights, air, members, counts,
    depth, ids, faces, albedo, light, extra, normals,
):  # fmt: skip
    """Shade the pixels of the cells whose lists are there; a block is a cell."""
    x, y = cuda.grid(2)
    y += first * CELL
    if y < depth.shape[0] and x < depth.shape[1]:
        cell = cuda.blockIdx.y * cuda.gridDim.x + cuda.blockIdx.x
        shade(
            y, x, marks, numbers, heights, ground, camera, materials, texels, lights, air, members[cell], counts[cell],
            depth, ids, faces, albedo, light, extra, normals,
        )  # fmt: skip


@cuda.jit(cache=True)
def compose_pixels(air, depth, ids, albedo, light, extra, normals, linear):  # type: ignore[no-untyped-def]
    x, y = cuda.grid(2)
    if y < depth.shape[0] and x < depth.shape[1]:
        compose(y, x, air, depth, ids, albedo, light, extra, normals, linear)


@cuda.jit(cache=True)
def soften_pixels(marks, numbers, heights, ground, camera, starts, members, ids, linear, smooth):  # type: ignore[no-untyped-def]
    x, y = cuda.grid(2)
    if y < ids.shape[0] and x < ids.shape[1]:
        soften(y, x, marks, numbers, heights, ground, camera, starts, members, ids, linear, smooth)


@cuda.jit(cache=True)
def move_pixels(moves, camera, next_camera, depth, ids, next_depth, next_ids, flow, valid):  # type: ignore[no-untyped-def]
    x, y = cuda.grid(2)
    point = cuda.local.array(3, float64)
    moved = cuda.local.array(3, float64)
    if y < depth.shape[0] and x < depth.shape[1]:
        move(y, x, moves, camera, next_camera, depth, ids, next_depth, next_ids, flow, valid, point, moved)
