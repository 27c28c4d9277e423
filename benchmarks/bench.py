"""Speed and memory of the main jobs, printed as the Markdown tables of the README. Reported, never pass or fail.

    make bench                      # all of it
    python benchmarks/bench.py --only stages

CPU times are process times summed over threads; wall times are what a user waits on this machine, as busy as it is.
Pictures: the demo's own photo and clip, brought to 1920x1080.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np
from PIL import Image

import vergence
from vergence.geometry.rows import CORES
from vergence.stereo.layout import find_layout

DEMO = Path(vergence.__file__).parent / "demo"
WIDTH, HEIGHT, FRAMES = 1920, 1080, 90
RUNS = 5
WARM_UP = 20  # frames not counted: the look-ahead fills, and the allocator settles

T = TypeVar("T")


class Clock:
    """Times the stages of a chain of generators, each without what it waits for upstream, milliseconds."""

    def __init__(self) -> None:
        self.cpu: dict[str, list[float]] = {}
        self.wall: dict[str, list[float]] = {}
        self._upstream = (0.0, 0.0)

    def stage(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Pass `items` on, and record under `name` what each took."""
        iterator = iter(items)
        self.cpu[name], self.wall[name] = [], []
        while True:
            outer, self._upstream = self._upstream, (0.0, 0.0)
            cpu, wall = time.process_time(), time.perf_counter()
            item = next(iterator, None)
            cpu, wall = (time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3
            self.cpu[name].append(cpu - self._upstream[0])
            self.wall[name].append(wall - self._upstream[1])
            self._upstream = (outer[0] + cpu, outer[1] + wall)
            if item is None:
                return
            yield item

    def call(self, name: str, work: Callable[[], object]) -> None:
        """Record under `name` what one call took."""
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        self.cpu.setdefault(name, []).append((time.process_time() - cpu) * 1e3)
        self.wall.setdefault(name, []).append((time.perf_counter() - wall) * 1e3)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    print(f"\n| {' | '.join(head)} |")
    print("|" + "---|" * len(head))
    for row in rows:
        print(f"| {' | '.join(row)} |")


def machine() -> str:
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].split(":")[1].strip() if lines else name
    return f"{CORES} core{'s' * (CORES > 1)} of {name}, Python {platform.python_version()}"


def make_photo(folder: Path) -> Path:
    path = folder / "photo.jpg"
    Image.open(DEMO / "dinosaur.jpg").convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(
        path, quality=92
    )
    return path


def make_clip(folder: Path, frames: int) -> Path:
    """The demo clip at 1080p, shown forwards and backwards until it has `frames` frames."""
    with av.open(str(DEMO / "stream.mp4")) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    path = folder / f"clip{frames}.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        cycle = [*pictures, *pictures[::-1]]
        for index in range(frames):
            picture = cv2.resize(cycle[index % len(cycle)], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
            frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8, copy=False), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def bench_stages(folder: Path) -> None:
    """Every stage of a film in one thread, one after the other, so that its cost is its own."""
    clip, clock = make_clip(folder, FRAMES), Clock()
    model, pack = vergence.load_model("preview"), find_layout("sbs").pack
    assert pack is not None

    def packed(pairs: Iterable[vergence.StereoPair]) -> Iterator[vergence.Frame]:
        for pair in pairs:
            yield replace(pair.frame, rgb=pack(pair))

    kept: list[vergence.Frame] = []
    with vergence.open_source(clip) as source:
        info = source.info
        frames = clock.stage("decode", source)
        marked = clock.stage("find cuts", vergence.mark_shots(frames))
        deep = clock.stage("network (embedded)", model.estimate(marked))
        steady = clock.stage("stabilise", vergence.stabilise(deep))
        pairs = clock.stage("synthesise both eyes", vergence.synthesise(steady))
        for picture in clock.stage("layout", packed(pairs)):
            kept = [*kept[-9:], picture]
    cpu = {name: statistics.mean(costs[WARM_UP:-1]) for name, costs in clock.cpu.items()}
    ours = sum(cost for name, cost in cpu.items() if not name.startswith("network"))
    rows = [(name, f"{cost:.1f}", f"{statistics.median(clock.wall[name]):.1f}") for name, cost in reversed(cpu.items())]
    rows.append(_encoding(kept, info, folder / "stages.mp4"))
    rows.append(("**all but network and encoder**", f"**{ours:.1f}**", ""))
    print(f"\n### Per 1080p frame, one stage after the other ({FRAMES} frames)")
    table(("stage", "CPU ms (mean)", "wall ms (median)"), rows)


def _encoding(pictures: list[vergence.Frame], info: vergence.MediaInfo, target: Path) -> tuple[str, str, str]:
    """The encoder by itself: it works on in threads of its own, so only the whole can be timed."""
    cpu, wall = time.process_time(), time.perf_counter()
    with vergence.open_sink(target, like=info) as sink:
        for index in range(FRAMES):
            sink.write(replace(pictures[index % len(pictures)], index=index, time=Fraction(index, 30)))
    cpu, wall = (time.process_time() - cpu) / FRAMES * 1e3, (time.perf_counter() - wall) / FRAMES * 1e3
    return "encode (libx264, 3840x1080)", f"{cpu:.1f}", f"{wall:.1f}"


@dataclass(frozen=True)
class Run:
    """One whole process."""

    wall: float
    cpu: float
    peak_mb: float


# Started from a process that is small itself: Linux counts a parent's memory at the fork into its child's peak.
LAUNCHER = """
import json, os, subprocess, sys, time
began = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(json.dumps([status, time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
"""


def process(*arguments: str) -> Run:
    """Run `vergence` once as a user does; raises where it fails."""
    command = [sys.executable, "-S", "-c", LAUNCHER, str(Path(sys.executable).parent / "vergence"), *arguments]
    environment = {**os.environ, "VERGENCE_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    status, wall, cpu, peak_mb = json.loads(done.stdout)
    if status:
        raise RuntimeError(f"vergence {' '.join(arguments)} failed: {done.stderr}")
    return Run(wall, cpu, peak_mb)


def bench_jobs(folder: Path) -> None:
    """The commands a user runs, as whole processes, and a photo in a process that is warm."""
    photo, clip, long_clip = make_photo(folder), make_clip(folder, FRAMES * 2), make_clip(folder, FRAMES * 20)
    model = vergence.load_model("preview")
    warm = []
    for _ in range(RUNS + 1):
        cpu, wall = time.process_time(), time.perf_counter()
        vergence.process_photo(photo, folder / "warm.jpg", depth=model, overwrite=True)
        warm.append((time.perf_counter() - wall, time.process_time() - cpu))
    warm_wall, warm_cpu = (statistics.median(w[i] for w in warm[1:]) for i in (0, 1))
    flags = ("--model", "preview", "--overwrite", "--progress", "none")
    cold = [process("stereo", str(photo), "-o", str(folder / "cold.jpg"), *flags) for _ in range(RUNS)]
    helps = [process("--help") for _ in range(RUNS)]
    short = process("stereo", str(clip), "-o", str(folder / "short.mp4"), *flags)
    tenfold = process("stereo", str(long_clip), "-o", str(folder / "long.mp4"), *flags)
    print("\n### Whole jobs, embedded model")
    rows = [
        ("1080p photo to SBS JPEG, warm", f"{warm_wall:.2f} s", f"{warm_cpu:.2f} s", ""),
        _row("1080p photo to SBS JPEG, new process", cold),
        _row("`vergence --help`", helps),
        _row(f"1080p film, {FRAMES * 2} frames: {FRAMES * 2 / short.wall:.1f} frames/s", [short]),
        _row(f"1080p film, {FRAMES * 20} frames: {FRAMES * 20 / tenfold.wall:.1f} frames/s", [tenfold]),
    ]
    table(("job", "wall", "CPU", "peak memory"), rows)
    print(f"\nPeak memory of the film ten times as long: {tenfold.peak_mb / short.peak_mb:.3f} times the short one's.")


def _row(name: str, runs: list[Run]) -> tuple[str, ...]:
    wall, cpu, peak = (statistics.median(getattr(run, field) for run in runs) for field in ("wall", "cpu", "peak_mb"))
    return name, f"{wall:.2f} s", f"{cpu:.2f} s", f"{peak:.0f} MB"


BENCHES = {"stages": bench_stages, "jobs": bench_jobs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=BENCHES, action="append", help="run this one (may be repeated)")
    chosen = parser.parse_args().only or list(BENCHES)
    print(f"Measured on {machine()}.")
    folder = Path(tempfile.mkdtemp(prefix="vergence-bench-"))
    try:
        for name in chosen:
            BENCHES[name](folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
