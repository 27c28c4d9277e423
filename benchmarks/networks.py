"""What Depth Anything V2 and Video Depth Anything cost in each runtime, against their authors' way of running them.

    python benchmarks/networks.py            every table; needs torch and openvino
    python benchmarks/networks.py --only video

Stand-in weights, computed from their names as the parity tests do: the depth means nothing, the work is the same. The
authors' way is eager torch with attention written out (the fallback of their code where xformers is not installed)
and, of a film, windows of 32 frames that encode ten frames twice. CPU times are process times, which other programs
disturb little; every table is measured in turns, and its ratios are of medians.
"""

import argparse
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench import machine, table
from vergence.depth.families.video_depth_anything.network import ExportedVideo
from vergence.depth.families.video_depth_anything.windows import NEW, WINDOW
from vergence.depth.networks.checkpoints import load_network
from vergence.depth.networks.export import export
from vergence.depth.runtimes import RuntimeOptions, open_graph
from vergence.depth.runtimes.torch import TorchVideo, open_picture, open_video

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import parity  # type: ignore[import-not-found]

CACHE = Path(__file__).parent / "cache"
SIZES = ((518, 518), (294, 518))  # (height, width)
ROUNDS = 5
ON_ONE_THREAD = RuntimeOptions(device="cpu", threads=1)
FIRST = "the authors' way"
RUNTIMES = {
    "onnxruntime": RuntimeOptions(device="cpu", runtime="onnxruntime"),
    "OpenVINO f32": RuntimeOptions(device="cpu", runtime="openvino"),
    "OpenVINO bf16": RuntimeOptions(device="cpu", runtime="openvino", precision="bf16"),
}

Work = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["picture", "video", "stream", "sizes", "memory"])
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    CACHE.mkdir(exist_ok=True)
    print(f"Measured on {machine()}, torch {torch.__version__}. CPU seconds, stand-in weights.")
    if arguments.only in (None, "picture"):
        for size in SIZES:
            for threads in (1, 2):
                picture(size, threads)
    if arguments.only in (None, "video"):
        video(SIZES[0])
    if arguments.only in (None, "stream"):
        stream(SIZES[0])
    if arguments.only in (None, "sizes"):
        sizes(SIZES[0])
    if arguments.only in (None, "memory"):
        memory()


def picture(size: tuple[int, int], threads: int) -> None:
    """Depth Anything V2 Small, one picture."""
    checkpoint = stand_in("depth_anything_v2")
    graph = CACHE / f"depth_anything_v2_vits_{size[0]}x{size[1]}.onnx"
    ours = open_picture(checkpoint, RuntimeOptions(device="cpu", threads=threads), size=None, max_depth=None)
    if not graph.exists():
        export(load_network(checkpoint, "depth_anything_v2"), graph, size=size)
    pixels = noise(size)

    def authors() -> None:
        torch.set_num_threads(threads)
        with torch.inference_mode(), written_out():
            ours._network(torch.from_numpy(pixels))

    works: dict[str, Work] = {FIRST: authors, "torch": lambda: ours.run(pixels)}
    for name, options in RUNTIMES.items():
        opened = open_graph(graph, with_threads(options, threads))
        works[name] = lambda opened=opened: opened.run(pixels)  # type: ignore[misc]
    found = measure(works)
    rows = [(name, f"{cpu:.2f}", f"{wall:.2f}", f"{found[FIRST][0] / cpu:.1f}x") for name, (cpu, wall) in found.items()]
    print(f"\n### Depth Anything V2 Small, {size[0]}x{size[1]}, threads: {threads}")
    table(("runtime", "CPU s", "wall s", "as fast"), rows)


def video(size: tuple[int, int]) -> None:
    """Video Depth Anything Small: CPU seconds per frame of a film, one thread."""
    ours, folder = video_stand_in("vits", size)
    pixels = noise(size)

    def authors() -> Any:
        torch.set_num_threads(1)
        with torch.inference_mode(), written_out():
            return ours._network.encode(torch.from_numpy(np.repeat(pixels, WINDOW, axis=0)))

    began = time.process_time()
    parts = [part[:1].clone() for part in authors()]
    encoding_theirs = time.process_time() - began  # a minute or two; a second time would tell little

    def authors_window() -> None:
        torch.set_num_threads(1)
        with torch.inference_mode(), written_out():
            path = ours._network.mix(*(part.expand(WINDOW, -1, -1, -1) for part in parts[2:]))
            for n in range(0, WINDOW, 4):
                fine, medium = (part.expand(4, -1, -1, -1) for part in parts[:2])
                ours._network.decode(fine, medium, path[n : n + 4])

    encoders: dict[str, Work] = {"torch": partial(ours.encode, [pixels])}
    windows: dict[str, Work] = {FIRST: authors_window, "torch": windowed(ours, pixels)}
    for name, chosen in RUNTIMES.items():
        network = ExportedVideo(folder, with_threads(chosen, 1), is_streaming=False)
        encoders[name] = partial(network.encode, [pixels])
        windows[name] = windowed(network, pixels)
    encoding, window = measure(encoders, rounds=3), measure(windows, rounds=1)
    cost = {FIRST: (encoding_theirs + window[FIRST][0]) / NEW}
    cost |= {name: encoding[name][0] + window[name][0] / NEW for name in encoders}
    print(f"\n### Video Depth Anything Small, {size[0]}x{size[1]}, per frame of a film, one thread")
    table(("runtime", "CPU s", "as fast"), [(n, f"{cpu:.2f}", f"{cost[FIRST] / cpu:.1f}x") for n, cpu in cost.items()])


def windowed(network: Any, pixels: Any) -> Work:
    features = network.encode([pixels]) * WINDOW
    return lambda: network.decode(features)


def sizes(size: tuple[int, int]) -> None:
    """Every published size, in torch: CPU seconds per picture, or per frame of a film."""
    rows, pixels = [], noise(size)
    for code, name in (("vits", "small"), ("vitb", "base"), ("vitl", "large")):
        picture_network = open_picture(stand_in("depth_anything_v2", code), ON_ONE_THREAD, size=None, max_depth=None)
        cpu = measure({"it": partial(picture_network.run, pixels)}, rounds=1)["it"][0]
        rows.append((f"depth-anything-v2-{name}", f"{cpu:.2f}"))
        del picture_network
        video_network = open_video(stand_in("video_depth_anything", code), ON_ONE_THREAD)
        encoding = measure({"it": partial(video_network.encode, [pixels])}, rounds=1)["it"][0]
        window = measure({"it": windowed(video_network, pixels)}, rounds=1, warms_up=code == "vits")["it"][0]
        rows.append((f"video-depth-anything-{name}", f"{encoding + window / NEW:.2f}"))
        del video_network
    print(f"\n### Every size in torch f32, {size[0]}x{size[1]}, per picture or frame of a film, one thread")
    table(("model", "CPU s"), rows)


def memory() -> None:
    """Video Depth Anything Small over 1080p films: peak memory of a process of its own."""
    _, folder = video_stand_in("vits", None)
    rows = []
    for frames, short_side in ((60, 126), (600, 126), (33, 518)):
        code = MEMORY.format(folder=str(folder), frames=frames, short_side=short_side)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        rows.append((f"{frames}", f"{short_side}", f"{float(done.stdout):.0f} MB"))
    print("\n### Video Depth Anything Small over 1080p films, onnxruntime: peak memory")
    table(("frames", "input size", "peak"), rows)


MEMORY = """
from fractions import Fraction
from pathlib import Path
import numpy as np
from vergence import Frame, load_model
model = load_model("video-depth-anything-small", weights={folder!r}, input_size={short_side}, threads=1)
pixels = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
film = (Frame(np.roll(pixels, n, 1), n, Fraction(n, 25)) for n in range({frames}))
assert sum(1 for _ in model.estimate(film)) == {frames}
status = Path("/proc/self/status").read_text()  # `getrusage` would tell of the process this one was started by
print(int(status.partition("VmHWM:")[2].split()[0]) / 1e3)
"""


def stream(size: tuple[int, int]) -> None:
    """Video Depth Anything Small: CPU seconds per frame of a live source, one thread."""
    ours, folder = video_stand_in("vits", size)
    pixels = noise(size)

    def authors(context: list[Any]) -> Work:
        joined = [torch.cat(states, dim=1) for states in zip(*context, strict=True)]

        def run() -> None:
            torch.set_num_threads(1)
            with torch.inference_mode(), written_out(), projected_anew():
                fine, medium, coarse, coarsest = ours._network.encode(torch.from_numpy(pixels))
                path, *_ = ours._network.step(coarse, coarsest, *joined)
                ours._network.decode(fine, medium, path)

        return run

    def stepped(network: Any) -> tuple[Work, list[Any]]:
        _, states = network.step(network.encode([pixels])[0], [])
        context = [states] * (WINDOW - 1)
        return lambda: network.step(network.encode([pixels])[0], context), context

    step, context = stepped(ours)
    works: dict[str, Work] = {FIRST: authors(context), "torch": step}
    for name, chosen in RUNTIMES.items():
        works[name] = stepped(ExportedVideo(folder, with_threads(chosen, 1), is_streaming=True))[0]
    found = measure(works, rounds=3)
    print(f"\n### Video Depth Anything Small, {size[0]}x{size[1]}, per frame of a live source, one thread")
    table(
        ("runtime", "CPU s", "as fast"),
        [(name, f"{cpu:.2f}", f"{found[FIRST][0] / cpu:.1f}x") for name, (cpu, _) in found.items()],
    )


def measure(works: dict[str, Work], *, rounds: int = ROUNDS, warms_up: bool = True) -> dict[str, tuple[float, float]]:
    """Median CPU and wall seconds of each, measured in turns, after a run that is not counted where it `warms_up`."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(rounds + warms_up):
        for name, work in works.items():
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            times[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    counted = {name: found[-rounds:] for name, found in times.items()}
    return {
        name: (statistics.median(cpu for cpu, _ in found), statistics.median(wall for _, wall in found))
        for name, found in counted.items()
    }


def stand_in(family: str, code: str = "vits") -> Path:
    """A checkpoint with weights computed from their names."""
    path = CACHE / f"{family}_{code}.pth"
    if not path.exists():
        state = parity.weights(parity.manifest(family, code))
        torch.save({name: torch.from_numpy(value) for name, value in state.items()}, path)
    return path


def video_stand_in(code: str, size: tuple[int, int] | None) -> tuple[TorchVideo, Path]:
    """Video Depth Anything in torch on one thread, and the folder of its export."""
    folder = CACHE / f"video_depth_anything_{code}_{'any' if size is None else f'{size[0]}x{size[1]}'}"
    network = open_video(stand_in("video_depth_anything", code), ON_ONE_THREAD)
    if not folder.exists():
        fresh = load_network(stand_in("video_depth_anything", code), "video_depth_anything")
        export(fresh, folder, size=size)
    return network, folder


def noise(size: tuple[int, int]) -> Any:
    return np.random.default_rng(0).standard_normal((1, 3, *size), dtype=np.float32)


def with_threads(options: RuntimeOptions, threads: int) -> RuntimeOptions:
    return RuntimeOptions(options.device, options.precision, options.runtime, threads)


@contextmanager
def written_out() -> Iterator[None]:
    """Attention as in the papers: all scores at once."""

    def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        scores = queries * queries.shape[-1] ** -0.5 @ keys.transpose(-2, -1)
        mixed: Tensor = scores.softmax(dim=-1) @ values
        return mixed

    fused = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = attention  # type: ignore[assignment]
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = fused


@contextmanager
def projected_anew() -> Iterator[None]:
    """Keys and values of all frames in memory computed again for each new one."""
    from vergence.depth.networks import temporal

    def step(self: Any, current: Tensor, past: Tensor) -> Tensor:
        tokens = torch.cat([past, current], dim=1)
        placed = tokens + self.pos_encoder.pe[:, : tokens.shape[1]]
        heads = [
            of.unflatten(2, (temporal.HEADS, -1)).transpose(1, 2)
            for of in (self.to_q(placed[:, -1:]), self.to_k(placed), self.to_v(placed))
        ]
        mixed = functional.scaled_dot_product_attention(*heads)
        merged: Tensor = self.to_out[0](mixed.transpose(1, 2).flatten(2))
        return merged

    ours = temporal._Attention.step
    temporal._Attention.step = step  # type: ignore[method-assign]
    try:
        yield
    finally:
        temporal._Attention.step = ours  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
