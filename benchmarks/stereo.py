"""How good and how costly right eyes are, ours beside floors and rivals, printed as the Markdown tables of the README.

    python benchmarks/stereo.py [--quick]

Quality is that of `vergence eval stereo` on every set of scenes that is at hand. Cost is process time of both eyes,
all threads together, from a picture and disparity of a network's size; a rival's left eye costs what its right does.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import cv2
import numpy as np

from bench import machine
from vergence.evaluation.stereo import drawn, report, rivals, shipped, textures
from vergence.evaluation.stereo.methods import find_methods
from vergence.evaluation.stereo.protocol import Row, run
from vergence.evaluation.stereo.scenes import find_scenes
from vergence.evaluation.stereo.truth import Track, given
from vergence.stereo.settings import StereoSettings
from vergence.stereo.synthesise import synthesise
from vergence.types import DepthFrame, Frame

FRAMES = 10
SIZES = {"1920x1080": 1, "3840x2160": 2}  # how many times the scene's pixels
QUICK_WIDTH = 640
TRACKS: tuple[Track, ...] = ("exact", "degraded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small drawn scenes, to see that it works")
    width = QUICK_WIDTH if parser.parse_args().quick else drawn.WIDTH
    print(f"Measured on {machine()}.\n")
    found, missing = find_scenes([], width=width)
    for text in missing:
        print(f"{text}.\n")
    rows = list(told(run(found, TRACKS, find_methods([]))))
    pictures = [row for row in rows if row.scenes != "clips"]
    clips = [row for row in rows if row.scenes == "clips"]
    for track in TRACKS:
        print(f"### Right eyes from left ones, {track} depth\n")
        print(report.table([row for row in pictures if row.track == track]) + "\n")
    print("### Films of 16 frames: tripod, pan, slide\n")
    print(report.table(clips, each=True) + "\n")
    print("### As shipped, both eyes, network-sized relative depth: disparity, % of the width, and window violations\n")
    print(shipped.table(shipped.shipped(scenes for scenes in found if scenes.name == "rendered")) + "\n")
    print("### Cost of both eyes, CPU milliseconds a frame\n")
    costs(width)


def told(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, each named on stderr as it comes."""
    for row in rows:
        print(f"{row.scene}, {row.track}, {row.method}", file=sys.stderr, flush=True)
        yield row


def costs(width: int) -> None:
    """A table of every method that warps, at both sizes."""
    truth = drawn.sprites(0, textures.package_pictures(), width=width).truth()
    item = given(truth, "degraded")
    methods: dict[str, Callable[[DepthFrame], float]] = {
        "backward": lambda i: 2 * spent(lambda: rivals.backward(i)),
        "forward_fill": lambda i: 2 * spent(lambda: rivals.forward_fill(i)),
        "ours, fast": lambda i: ours(i, StereoSettings(method="fast")),
        "ours, single frame": lambda i: ours(i, StereoSettings(fill="texture")),
        "ours, layered": lambda i: ours(i, StereoSettings()),
    }
    print(f"| method | {' | '.join(SIZES)} |\n|---|{'---|' * len(SIZES)}")
    for name, cost in methods.items():
        figures = [f"{1e3 * cost(enlarged(item, times)):.0f}" for times in SIZES.values()]
        print(f"| {name} | {' | '.join(figures)} |", flush=True)


def enlarged(item: DepthFrame, times: int) -> DepthFrame:
    """The same scene with so many times the pixels a side, and disparity that grows with them."""
    size = (item.frame.width * times, item.frame.height * times)
    rgb = np.asarray(cv2.resize(item.frame.rgb, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    depth = item.depth
    values = depth.values * np.float32(times)
    return DepthFrame(Frame(rgb, 0, Fraction(0)), type(depth)(values, depth.valid, depth.kind))


def spent(work: Callable[[], object]) -> float:
    """Median CPU seconds of a few calls after a first that does not count."""
    work()
    seconds = []
    for _ in range(3):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def ours(item: DepthFrame, settings: StereoSettings) -> float:
    """CPU seconds a frame of a film's shot, the first few not counted."""
    frames = (
        DepthFrame(Frame(item.frame.rgb, k, Fraction(k, 24), Fraction(1, 24)), item.depth) for k in range(2 * FRAMES)
    )
    start = 0.0
    for made, _ in enumerate(synthesise(frames, settings=settings)):
        if made == FRAMES - 1:
            start = time.process_time()
    return (time.process_time() - start) / FRAMES


if __name__ == "__main__":
    main()
