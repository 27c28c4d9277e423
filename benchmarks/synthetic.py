"""How many pictures of the synthetic world one core renders a second.

    python benchmarks/synthetic.py [photos [folder of photographs]]

CPU time of a single core, everything in: building the scene, finding a view, light, tone and the truth; textures are
drawn before. With a folder the same photos are also rendered with surfaces covered by its photographs.
"""

import os
import sys
import time
from pathlib import Path

if hasattr(os, "sched_setaffinity"):  # before the import, which counts the cores
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np

from vergence.synthetic import KINDS, render_clip, render_photo
from vergence.synthetic.photos import page

SIZES = ((256, 192), (640, 480))
CLIP_FRAMES = 12


def spent(work: int, width: int, height: int, kind: str | None, photographs: Path | None = None) -> list[float]:
    """CPU seconds of each of `work` photos."""
    seconds = []
    for seed in range(work):
        start = time.process_time()
        render_photo(seed, width=width, height=height, kind=kind, photographs=photographs)
        seconds.append(time.process_time() - start)
    return seconds


def main() -> None:
    photos = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    photographs = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    start = time.process_time()
    page(0, photographs)
    spent(1, 64, 48, None)
    list(render_clip(0, frames=2, width=64, height=48))
    print(f"compiling or loading the kernels and drawing textures: {time.process_time() - start:.1f} s\n")
    print(f"{'':16} {'size':>8} {'mean ms':>8} {'median':>7} {'p90':>6} {'per second':>10}")
    for width, height in SIZES:
        row("all photos", width, height, spent(photos, width, height, None))
        if photographs:
            row("with photographs", width, height, spent(photos, width, height, None, photographs))
        start = time.process_time()
        list(render_clip(1, frames=CLIP_FRAMES, width=width, height=height))
        row("a clip", width, height, [(time.process_time() - start) / CLIP_FRAMES])
    for kind in KINDS:
        row(kind, *SIZES[0], spent(max(4, photos // 8), *SIZES[0], kind))


def row(name: str, width: int, height: int, seconds: list[float]) -> None:
    ms = np.array(seconds) * 1e3
    size = f"{width}x{height}"
    print(
        f"{name:16} {size:>8} {ms.mean():8.1f} {np.median(ms):7.1f} {np.quantile(ms, 0.9):6.1f} {1e3 / ms.mean():10.1f}"
    )


if __name__ == "__main__":
    main()
