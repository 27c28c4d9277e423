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
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench import machine, table
from vergence.depth.families.video_depth_anything.network import ExportedVideo
from vergence.depth.families.video_depth_anything.windows import NEW, WINDOW
from vergence.depth.networks.export import export
from vergence.depth.runtimes import RuntimeOptions, open_graph
from vergence.depth.runtimes.torch import open_picture, open_video

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import parity  # type: ignore[import-not-found]

CACHE = Path(__file__).parent / "cache"
SIZES = ((518, 518), (294, 518))  # (height, width)
ROUNDS = 5
FIRST = "the authors' way"
RUNTIMES = {
    "onnxruntime": RuntimeOptions(device="cpu", runtime="onnxruntime"),
    "OpenVINO f32": RuntimeOptions(device="cpu", runtime="openvino"),
    "OpenVINO bf16": RuntimeOptions(device="cpu", runtime="openvino", precision="bf16"),
}

Work = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["picture", "video", "stream"])
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


def picture(size: tuple[int, int], threads: int) -> None:
    """Depth Anything V2 Small, one picture."""
    checkpoint = stand_in("depth_anything_v2")
    graph = CACHE / f"depth_anything_v2_vits_{size[0]}x{size[1]}.onnx"
    ours = open_picture(checkpoint, RuntimeOptions(device="cpu", threads=threads), size=None, max_depth=None)
    if not graph.exists():
        export(ours._network, graph, size=size)  # type: ignore[arg-type]
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
    checkpoint, folder = stand_in("video_depth_anything"), CACHE / f"video_depth_anything_vits_{size[0]}x{size[1]}"
    options = RuntimeOptions(device="cpu", threads=1)
    ours = open_video(checkpoint, options)
    if not folder.exists():
        export(ours._network, folder, size=size)
    pixels = noise(size)
    window = np.repeat(pixels, WINDOW, axis=0)

    def authors() -> None:
        torch.set_num_threads(1)
        with torch.inference_mode(), written_out():
            parts = ours._network.encode(torch.from_numpy(window))
            path = ours._network.mix(*parts[2:])
            for n in range(0, WINDOW, 4):
                ours._network.decode(parts[0][n : n + 4], parts[1][n : n + 4], path[n : n + 4])

    def windowed(network: Any) -> Work:
        kept = network.encode([pixels] * (WINDOW - NEW))
        return lambda: network.decode(kept + network.encode([pixels] * NEW))

    works: dict[str, Work] = {FIRST: authors, "torch": windowed(ours)}
    for name, chosen in RUNTIMES.items():
        works[name] = windowed(ExportedVideo(folder, with_threads(chosen, 1), is_streaming=False))
    found = measure(works, rounds=1)
    print(f"\n### Video Depth Anything Small, {size[0]}x{size[1]}, per frame of a film, one thread")
    table(
        ("runtime", "CPU s", "as fast"),
        [(name, f"{cpu / NEW:.2f}", f"{found[FIRST][0] / cpu:.1f}x") for name, (cpu, _) in found.items()],
    )


def stream(size: tuple[int, int]) -> None:
    """Video Depth Anything Small: CPU seconds per frame of a live source, one thread."""
    checkpoint, folder = stand_in("video_depth_anything"), CACHE / f"video_depth_anything_vits_{size[0]}x{size[1]}"
    ours = open_video(checkpoint, RuntimeOptions(device="cpu", threads=1))
    if not folder.exists():
        export(ours._network, folder, size=size)
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


def measure(works: dict[str, Work], *, rounds: int = ROUNDS) -> dict[str, tuple[float, float]]:
    """Median CPU and wall seconds of each, measured in turns after one run that is not counted."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            if turn == 0 and rounds == 1 and name == FIRST:
                continue  # a minute that would tell nothing
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            times[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    counted = {name: found[-rounds:] for name, found in times.items()}
    return {
        name: (statistics.median(cpu for cpu, _ in found), statistics.median(wall for _, wall in found))
        for name, found in counted.items()
    }


def stand_in(family: str) -> Path:
    """A checkpoint of the small size with weights computed from their names."""
    path = CACHE / f"{family}_vits.pth"
    if not path.exists():
        state = parity.weights(parity.manifest(family, "vits"))
        torch.save({name: torch.from_numpy(value) for name, value in state.items()}, path)
    return path


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
