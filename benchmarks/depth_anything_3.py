"""What Depth Anything 3 Small costs in each runtime, against its authors' way of running it, and what ten views take.

    python benchmarks/depth_anything_3.py            every table; needs torch and openvino
    python benchmarks/depth_anything_3.py --only memory

Stand-in weights, computed from their names as the parity tests do: the depth means nothing, the work is the same. The
authors' way is eager torch with attention written out (the fallback of their code where xformers is not installed),
the scales of residuals as layers of their own, and maps of rays, which exported graphs compute too and our torch does
not. CPU times are process times, which other programs disturb little; measured in turns, ratios are of medians.
"""

import argparse
import logging
import subprocess
import sys
from functools import partial
from pathlib import Path

import openvino
import torch

from bench import machine, table
from networks import CACHE, FIRST, RUNTIMES, Work, measure, noise, stand_in, with_threads, written_out
from vergence.depth.families.depth_anything_3.graph import GraphNetwork
from vergence.depth.networks.depth_anything_3.checkpoints import load_network
from vergence.depth.networks.export import export
from vergence.depth.runtimes import RuntimeOptions
from vergence.depth.runtimes.torch_depth_anything_3 import open_network

SIZES = ((504, 504), (280, 504))  # (height, width)
VIEWS = 10
ROUNDS = 3
VARIANT = "small"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["view", "memory"])
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    CACHE.mkdir(exist_ok=True)
    print(f"Measured on {machine()}, torch {torch.__version__}. CPU seconds, stand-in weights.")
    if arguments.only in (None, "view"):
        for size in SIZES:
            for threads in (1, 2):
                view(size, threads)
    if arguments.only in (None, "memory"):
        memory()


def view(size: tuple[int, int], threads: int) -> None:
    """One view: depth, confidence and camera."""
    checkpoint = stand_in("depth_anything_3", VARIANT)
    _, network = load_network(checkpoint, VARIANT)
    ours = open_network(checkpoint, RuntimeOptions(device="cpu", threads=threads), variant=VARIANT)
    pixels = noise(size)

    def authors() -> None:
        torch.set_num_threads(threads)
        with torch.inference_mode(), written_out():
            network(torch.from_numpy(pixels)[None])

    works: dict[str, Work] = {FIRST: authors, "torch": partial(ours.alone, pixels)}
    for name, options in RUNTIMES.items():
        if options.precision == "bf16" and not has_bf16():
            continue
        chosen = with_threads(options, threads)
        for of, graph in (("", exported(size)), (", of any size", exported(None))):
            opened = GraphNetwork(graph, chosen, VARIANT, sees_many=True)
            works[name + of] = partial(opened.alone, pixels)
    found = measure(works, rounds=ROUNDS)
    rows = [(name, f"{cpu:.2f}", f"{wall:.2f}", f"{found[FIRST][0] / cpu:.1f}x") for name, (cpu, wall) in found.items()]
    print(f"\n### Depth Anything 3 Small, one view of {size[0]}x{size[1]}, threads: {threads}")
    table(("runtime", "CPU s", "wall s", "as fast"), rows)


def has_bf16() -> bool:
    """Whether the processor computes in it: others only pretend to."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def memory() -> None:
    """Ten views in one world: peak memory of a process of its own."""
    graph, rows = exported(None), []
    for name, weights, runtime in (
        ("torch", stand_in("depth_anything_3", VARIANT), "torch"),
        ("onnxruntime", graph, "onnxruntime"),
        ("OpenVINO f32", graph, "openvino"),
    ):
        code = MEMORY.format(weights=str(weights), runtime=runtime, views=VIEWS)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peak, seconds = done.stdout.split()
        rows.append((name, f"{float(peak):.0f} MB", f"{float(seconds):.0f}"))
    print(
        f"\n### Depth Anything 3 Small, one world of {VIEWS} photos seen at 504x378, two threads: peak of the process"
    )
    table(("runtime", "peak", "CPU s"), rows)


MEMORY = """
import time
from fractions import Fraction
from pathlib import Path
import numpy as np
from vergence import Frame, load_model
model = load_model("depth-anything-3-small", weights={weights!r}, runtime={runtime!r}, device="cpu", threads=2)
random = np.random.default_rng(0)
frames = [Frame(random.integers(0, 256, (1536, 2048, 3), np.uint8), n, Fraction(n)) for n in range({views})]
began = time.process_time()
assert len(model.world(frames).views) == {views}
status = Path("/proc/self/status").read_text()  # `getrusage` would tell of the process this one was started by
print(int(status.partition("VmHWM:")[2].split()[0]) / 1e3, time.process_time() - began)
"""


def exported(size: tuple[int, int] | None) -> Path:
    """The graph of one size and one view, or of any size and number of views; made once, in minutes."""
    path = CACHE / f"depth_anything_3_{VARIANT}_{'any' if size is None else f'{size[0]}x{size[1]}'}.onnx"
    if not path.exists():
        _, network = load_network(stand_in("depth_anything_3", VARIANT), VARIANT)
        export(network, path, size=size, views=None if size is None else 1)
    return path


if __name__ == "__main__":
    main()
