"""What runs of Depth Anything 3 take at their peaks, beside what `vergence.depth.memory` says before they begin.

    python benchmarks/memory.py                  stand-in weights of small, base and metric-large on the CPU
    python benchmarks/memory.py --device cuda    of the GPU's own memory as torch counts it, without CUDA's

Every run is a process of its own; views are noise. A CPU's peak includes the weights' file as far as it is read, which
the system can drop. A row whose estimate lies under its peak would be a fault: `need` is a promise.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from vergence.depth.cards import CARDS
from vergence.depth.memory import MB, Budget, Views
from vergence.depth.runtimes import Device, Precision, RuntimeOptions

RUNS: tuple[tuple[str, Views], ...] = (
    ("small", Views(1, 252, 336)),
    ("small", Views(1, 378, 504)),
    ("small", Views(1, 756, 1008)),
    ("small", Views(4, 378, 504)),
    ("small", Views(10, 378, 504)),
    ("base", Views(1, 378, 504)),
    ("base", Views(1, 756, 1008)),
    ("base", Views(4, 378, 504)),
    ("base", Views(10, 378, 504)),
    ("metric-large", Views(1, 378, 504)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["f32", "bf16", "f16"], default="f32")
    parser.add_argument("--models", nargs="+", help="Only these.")
    parser.add_argument(
        "--one", nargs=5, metavar=("FILE", "MODEL", "VIEWS", "HEIGHT", "WIDTH"), help="One run, in MB alone."
    )
    arguments = parser.parse_args()
    if arguments.one:
        path, size, *numbers = arguments.one
        count, height, width = map(int, numbers)
        print(peak(Path(path), size, Views(count, height, width), arguments.device, arguments.precision))
        return
    from bench import machine, table  # not where a run is measured: what they import would count
    from networks import CACHE, stand_in

    CACHE.mkdir(exist_ok=True)
    rows = []
    for size, views in RUNS:
        if arguments.models and size not in arguments.models:
            continue
        path = stand_in("depth_anything_3", size.replace("-", "_"))
        run = ("--one", str(path), size, str(views.count), str(views.height), str(views.width))
        settings = ("--device", arguments.device, "--precision", arguments.precision)
        done = subprocess.run([sys.executable, __file__, *settings, *run], check=True, capture_output=True, text=True)
        found = int(done.stdout)
        budget = Budget(CARDS[f"depth-anything-3-{size}"], None, arguments.device == "cuda", arguments.precision)
        need = round(budget.need(views, budget.chunk(views)) / MB)
        rows.append((size, str(views), f"{found}", f"{need}", f"{need / found:.2f}"))
    print(f"Measured on {machine()}, {arguments.precision} on {arguments.device}. MB, stand-in weights.")
    table(("model", "shown", "peak", "estimate", "ratio"), rows)


def peak(weights: Path, size: str, views: Views, device: Device, precision: Precision) -> int:
    """MB that one run in this process took."""
    import torch

    from vergence.depth.runtimes.torch_depth_anything_3 import open_network

    network = open_network(weights, RuntimeOptions(device, precision), variant=size)
    pictures = np.random.default_rng(0).standard_normal((views.count, 3, views.height, views.width), dtype=np.float32)
    if views.count > 1:
        network.together(pictures)
    else:
        network.alone(pictures)
    if device == "cuda":
        reserved: int = torch.cuda.max_memory_reserved()
        return round(reserved / MB)
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    return round(next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024 / MB)


if __name__ == "__main__":
    main()
