"""How many pictures of the synthetic world one core renders a second, and one core with a GPU.

    python benchmarks/synthetic.py [photos [folder of photographs]]

CPU time of a single core, everything in: building the scene, finding a view, light, tone and the truth; textures are
drawn before. With a folder the same photos are also rendered with surfaces covered by its photographs. Where numba can
use a CUDA GPU, time on the clock of the same photos and clip on it, and of a picture of a scene that is already there.
"""

import os
import sys
import time
from pathlib import Path

if hasattr(os, "sched_setaffinity"):  # before the import, which counts the cores
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np

from bench import machine
from vergence.synthetic import KINDS, render_clip, render_photo
from vergence.synthetic.builder import Dice
from vergence.synthetic.photos import find_view, page
from vergence.synthetic.render.device import Processor, choose_device
from vergence.synthetic.render.picture import Renderer

SIZES = ((256, 192), (640, 480))
CLIP_FRAMES = 12
PICTURES = 20  # of one scene
HEAD = "| what | size | mean ms | median | p90 | per second |\n|---|---|---|---|---|---|"


def spent(work: int, width: int, height: int, kind: str | None, photographs: Path | None = None) -> list[float]:
    """CPU seconds of each of `work` photos."""
    seconds = []
    for seed in range(work):
        start = time.process_time()
        render_photo(seed, width=width, height=height, kind=kind, photographs=photographs, device="cpu")
        seconds.append(time.process_time() - start)
    return seconds


def main() -> None:
    photos = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    photographs = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    page(0, photographs)
    spent(1, 64, 48, None)
    list(render_clip(0, frames=2, width=64, height=48, device="cpu"))
    print(f"Measured on {machine()}: CPU milliseconds of everything but the textures, drawn before.\n")
    print(HEAD)
    for width, height in SIZES:
        row("all photos", width, height, spent(photos, width, height, None))
        if photographs:
            row("with photographs", width, height, spent(photos, width, height, None, photographs))
        start = time.process_time()
        list(render_clip(1, frames=CLIP_FRAMES, width=width, height=height, kind="room", device="cpu"))
        row("a clip of a room", width, height, [(time.process_time() - start) / CLIP_FRAMES])
    for kind in KINDS:
        row(kind, *SIZES[0], spent(max(4, photos // 8), *SIZES[0], kind))
    if choose_device("auto") == "cuda":
        on_the_clock(photos)


def on_the_clock(photos: int) -> None:
    """The same work with and without the GPU, in seconds that pass."""
    devices: tuple[Processor, ...] = ("cpu", "cuda")
    print(f"\nOn the clock, one core with and without the GPU:\n\n{HEAD}")
    for device in devices:
        for width, height in SIZES:
            list(render_clip(0, frames=2, width=width, height=height, device=device))  # compiles, starts the driver
            row(f"photos, {device}", width, height, passed(photos, width, height, device))
            start = time.perf_counter()
            list(render_clip(1, frames=CLIP_FRAMES, width=width, height=height, kind="room", device=device))
            row(f"a clip of a room, {device}", width, height, [(time.perf_counter() - start) / CLIP_FRAMES])
            row(f"one scene, {device}", width, height, pictures(width, height, device))


def passed(work: int, width: int, height: int, device: Processor) -> list[float]:
    """Seconds of each of `work` photos."""
    seconds = []
    for seed in range(work):
        start = time.perf_counter()
        render_photo(seed, width=width, height=height, device=device)
        seconds.append(time.perf_counter() - start)
    return seconds


def pictures(width: int, height: int, device: Processor) -> list[float]:
    """Seconds of each picture of one room."""
    scene, pose = find_view(Dice("benchmark"), page(0), kind="room", width=width, height=height)
    renderer = Renderer(scene, device=device)
    seconds = []
    for _ in range(PICTURES):
        start = time.perf_counter()
        renderer.picture(pose)
        seconds.append(time.perf_counter() - start)
    return seconds


def row(name: str, width: int, height: int, seconds: list[float]) -> None:
    ms = np.array(seconds) * 1e3
    figures = (ms.mean(), np.median(ms), np.quantile(ms, 0.9), 1e3 / ms.mean())
    print(f"| {name} | {width}x{height} | {' | '.join(f'{figure:.1f}' for figure in figures)} |")


if __name__ == "__main__":
    main()
