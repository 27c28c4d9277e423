"""What the synthesis of both eyes costs by torch on a device, beside the kernels on the CPU's cores.

    python benchmarks/stereo_gpu.py                             1080p and 4K on CUDA
    python benchmarks/stereo_gpu.py --compiled                  also with the parts over whole pictures compiled
    python benchmarks/stereo_gpu.py --device cpu --size 480x270    a run where there is no GPU

The picture is the demo's photo, its disparity 2 % of the width: a slope with slanted discs before it. Wall times until
the device is done, medians; "in place" starts and ends on the device, "there and back" at arrays in the host's memory.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import vergence
from bench import machine, table
from vergence.errors import DeviceError
from vergence.stereo.torch.fill import fill
from vergence.stereo.torch.fuse import Fuse, as_is, compiled
from vergence.stereo.torch.host import TorchViews
from vergence.stereo.torch.layers import lay_over, split
from vergence.stereo.torch.texels import pack, unpack
from vergence.stereo.torch.views import views as torch_views
from vergence.stereo.torch.warp import warp
from vergence.stereo.views import Method, views

DEMO = Path(vergence.__file__).parent / "demo"
SIZES = ("1920x1080", "3840x2160")
STRENGTH = 0.02  # of the width, the stereo default
DISCS = 40
EYES = (0.5, -0.5)
METHODS: tuple[Method, ...] = ("fast", "layered")
WARM_UP = 3
RUNS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", action="append", help="WIDTHxHEIGHT (may be repeated)")
    parser.add_argument("--compiled", action="store_true", help="also compiled, which takes minutes to begin")
    parser.add_argument("--runs", type=int, default=RUNS)
    chosen = parser.parse_args()
    ways: dict[str, Fuse] = {"as is": as_is} | ({"compiled": compiled} if chosen.compiled else {})
    try:
        there = {way: TorchViews(chosen.device, fuse=fuse) for way, fuse in ways.items()}
    except DeviceError as error:
        parser.error(str(error))
    device = torch.device(chosen.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    print(f"torch {torch.__version__} on {name}; kernels on {machine()}. Milliseconds for both eyes.")
    sizes = [tuple(map(int, size.split("x"))) for size in chosen.size or SIZES]

    rows: list[tuple[str, ...]] = []
    for width, height in sizes:
        picture, disparity = scene(width, height)
        on_device = torch.from_numpy(picture).to(device), torch.from_numpy(disparity).to(device)
        for method in METHODS:
            works: list[Callable[[], Any]] = [partial(views, picture, disparity, EYES, method=method)]
            for way, fuse in ways.items():
                works.append(partial(torch_views, *on_device, EYES, method=method, fuse=fuse))
                works.append(partial(there[way], picture, disparity, EYES, method=method))
            kernels, *times = (f"{timed(work, device, chosen.runs):.1f}" for work in works)
            for way, in_place, and_back in zip(ways, times[0::2], times[1::2], strict=True):
                rows.append((f"{width}x{height}", method, way, in_place, and_back, kernels))
    table(("size", "method", "torch", "in place", "there and back", "kernels"), rows)

    rows = []
    for width, height in sizes:
        picture, disparity = scene(width, height)
        for way, fuse in ways.items():
            texels, near = pack(torch.from_numpy(picture).to(device)), torch.from_numpy(disparity).to(device)
            stages = stage_times(texels, near, fuse, chosen.runs)
            rows.append((f"{width}x{height}", way, *(f"{ms:.1f}" for ms in stages.values())))
    table(("size", "torch", *stages), rows)
    if device.type == "cuda":
        print(f"\nMost memory of the device in use: {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB")


def scene(width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    photo = np.asarray(Image.open(DEMO / "dinosaur.jpg").convert("RGB"))
    picture = cv2.resize(photo, (width, height), interpolation=cv2.INTER_CUBIC)
    rng = np.random.default_rng(0)
    y, x = (np.mgrid[:height, :width] / width).astype(np.float32)
    nearness = 0.3 * y
    for _ in range(DISCS):
        centre_x, centre_y, radius = rng.uniform(0, 1), rng.uniform(0, height / width), rng.uniform(0.01, 0.08)
        inside = (x - centre_x) ** 2 + (y - centre_y) ** 2 < radius**2
        nearness = np.where(inside, rng.uniform(0.4, 0.9) + (x - centre_x), nearness)
    return np.asarray(picture, dtype=np.uint8), (nearness * STRENGTH * width).astype(np.float32)


def timed(work: Callable[[], Any], device: torch.device, runs: int) -> float:
    """The median of some runs, milliseconds until the device is done."""
    taken = []
    for run in range(WARM_UP + runs):
        begun = time.perf_counter()
        work()
        wait(device)
        if run >= WARM_UP:
            taken.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(taken)


def stage_times(texels: torch.Tensor, disparity: torch.Tensor, fuse: Fuse, runs: int) -> dict[str, float]:
    """Medians of each stage of the layered method, milliseconds."""
    taken: dict[str, list[float]] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        wait(disparity.device)
        begun = time.perf_counter()
        out = work()
        wait(disparity.device)
        taken.setdefault(name, []).append((time.perf_counter() - begun) * 1e3)
        return out

    for _ in range(WARM_UP + runs):
        layers = stage("split", partial(split, texels, disparity, fuse=fuse))
        view = stage("warp", partial(warp, layers.texels, layers.disparity, EYES, fuse=fuse))
        stage("fill", partial(fill, view, fuse=fuse))
        stage("lay over", partial(lay_over, view, layers, texels, disparity))
        stage("unpack", partial(unpack, view.texels))
    return {name: statistics.median(times[WARM_UP:]) for name, times in taken.items()}


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
