"""Networks as ONNX graphs, which run without torch and faster on a CPU."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc"

import copy
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vergence.depth.families.video_depth_anything.network import ExportedVideo
from vergence.depth.networks.dinov2 import PATCH, fold_layer_scales
from vergence.depth.networks.dpt import DepthAnythingV2
from vergence.depth.networks.temporal import FRAMES
from vergence.depth.networks.video_depth_anything import VideoDepthAnything
from vergence.depth.runtimes import RuntimeOptions, open_graph
from vergence.errors import SettingsError

logger = logging.getLogger(__name__)

OPSET = 20  # the first with GELU as one operator
MOST_PATCHES = 512  # a side, in a graph of any size
EXAMPLE = (9, 12)  # patches down and across, of what the tracer is shown
STEPS = 3  # of a stream, when an export is compared with its origin
ON_CPU = RuntimeOptions(device="cpu")
STATES = [f"state{n}" for n in range(8)]

AUTO = torch.export.Dim.AUTO  # as free as the network leaves it

Axes = dict[int, object]


@dataclass(frozen=True)
class _Part:
    """One graph: what it computes, of what, under which names; `axes` are those of each input that may vary."""

    name: str
    run: Callable[..., object]
    inputs: dict[str, Tensor]
    axes: tuple[Axes, ...]
    outputs: Sequence[str]


def export(
    network: DepthAnythingV2 | VideoDepthAnything,
    target: Path,
    *,
    size: tuple[int, int] | None = None,
    opset: int = OPSET,
) -> float:
    """Write a network as ONNX and run it in onnxruntime on noise, in a window and as a stream.

    Args:
        network: in float32.
        target: a file for Depth Anything V2, a folder for Video Depth Anything; it appears whole or not at all.
        size: (height, width) of the only pictures it takes, for which positions are computed once and for all; None
            is any multiples of 14.
        opset: of ONNX; from 23 on attention is one operator, which few runtimes have.

    Returns:
        The largest difference from torch, in standard deviations of the depth.
    """
    original, network = network, copy.deepcopy(network)
    fold_layer_scales(network.pretrained)
    if isinstance(network, DepthAnythingV2):
        assert isinstance(original, DepthAnythingV2)
        _export_picture(network, target, size, opset)
        return _compare_picture(original, target, size)
    assert isinstance(original, VideoDepthAnything)
    _export_video(network, target, size, opset)
    return _compare_video(original, target, size)


def _export_picture(network: DepthAnythingV2, target: Path, size: tuple[int, int] | None, opset: int) -> None:
    """One graph, `pixel_values` (1, 3, H, W) to `predicted_depth` (1, H, W)."""
    rows, columns = _grid(size)
    picture = torch.zeros(1, 3, PATCH * rows, PATCH * columns)
    part = _Part("", network, {"pixel_values": picture}, (_patches(size),), ["predicted_depth"])
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.part")
    try:
        _write(part, unfinished, opset)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def _export_video(network: VideoDepthAnything, target: Path, size: tuple[int, int] | None, opset: int) -> None:
    """A folder of the graphs that `ExportedVideo` runs."""
    rows, columns = _grid(size)
    picture = torch.zeros(1, 3, PATCH * rows, PATCH * columns)
    with torch.inference_mode():
        fine, medium, coarse, coarsest = network.encode(picture)
        path = network.mix(coarse, coarsest)
        context = [torch.zeros(places.shape[0], 3, places.shape[2]) for places in network.no_states(coarse, coarsest)]
    window = {"coarse": coarse.expand(FRAMES, -1, -1, -1), "coarsest": coarsest.expand(FRAMES, -1, -1, -1)}
    maps: Axes = {2: AUTO, 3: AUTO} if size is None else {}
    states: Axes = {0: AUTO, 1: AUTO} if size is None else {1: AUTO}
    parts = (
        _Part("encoder", network.encode, {"picture": picture}, (_patches(size),), ["fine", "medium", *window]),
        _Part("temporal", network.mix, window, (maps, maps), ["path"]),
        _Part("decoder", network.decode, {"fine": fine, "medium": medium, "path": path}, (maps, maps, maps), ["depth"]),
        _Part(
            "step",
            network.step,
            {"coarse": coarse, "coarsest": coarsest, **dict(zip(STATES, context, strict=True))},
            (maps, maps, *(states for _ in STATES)),
            ["path", *(f"new_{name}" for name in STATES)],
        ),
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for part in parts:
            _write(part, folder / f"{part.name}.onnx", opset)
        folder.chmod(target.parent.stat().st_mode)  # made for its owner alone
        if target.exists():
            shutil.rmtree(target)
        folder.rename(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _grid(size: tuple[int, int] | None) -> tuple[int, int]:
    """Patches down and across of what the tracer is shown."""
    if size is None:
        return EXAMPLE
    if any(side < PATCH or side % PATCH for side in size):
        raise SettingsError(f"sides are multiples of {PATCH}, and {size[0]}x{size[1]} are not; choose the nearest")
    return size[0] // PATCH, size[1] // PATCH


def _patches(size: tuple[int, int] | None) -> Axes:
    if size is not None:
        return {}
    rows, columns = (torch.export.Dim(name, min=2, max=MOST_PATCHES) for name in ("rows", "columns"))
    return {2: PATCH * rows, 3: PATCH * columns}


def _compare_picture(network: DepthAnythingV2, target: Path, size: tuple[int, int] | None) -> float:
    picture = _noise(1, size)[0]
    (found,) = open_graph(target, ON_CPU).run(picture)
    with torch.inference_mode():
        return _difference(found.reshape(found.shape[-2:]), network(torch.from_numpy(picture))[0].numpy())


def _compare_video(network: VideoDepthAnything, target: Path, size: tuple[int, int] | None) -> float:
    film = _noise(FRAMES, size)
    exported = ExportedVideo(target, ON_CPU, is_streaming=False)
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.concatenate(film))[None])[0].numpy()
    difference = _difference(exported.decode(exported.encode(film)), expected)
    exported = ExportedVideo(target, ON_CPU, is_streaming=True)
    context: list[Any] = []
    found = expected[:1]
    for picture in film[:STEPS]:
        (features,) = exported.encode([picture])
        found, states = exported.step(features, context)
        context.append(states)
    with torch.inference_mode():
        before: list[list[Tensor]] = []
        for picture in film[:STEPS]:
            _, _, coarse, coarsest = parts = network.encode(torch.from_numpy(picture))
            past = [torch.cat(states, 1) for states in zip(*before, strict=True)] or network.no_states(coarse, coarsest)
            path, *states = network.step(coarse, coarsest, *past)
            before.append(states)
        expected = network.decode(*parts[:2], path)[0].numpy()
    return max(difference, _difference(found, expected))


def _noise(frames: int, size: tuple[int, int] | None) -> list[NDArray[np.float32]]:
    """Pictures of another size than the tracer was shown, where that is free."""
    rows, columns = (EXAMPLE[1], EXAMPLE[0] - 1) if size is None else _grid(size)
    shape = (frames, 1, 3, PATCH * rows, PATCH * columns)
    return list(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))


def _difference(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float(np.abs(found - expected).max() / max(float(expected.std()), 1e-6))


def _write(part: _Part, target: Path, opset: int) -> None:
    names = [f"{name}_{axis}" for name, axes in zip(part.inputs, part.axes, strict=True) for axis in axes]
    logger.info("exporting %s, free: %s", part.name or "the network", ", ".join(names) or "nothing")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # its warnings, and Python's, are about its own insides
    with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(
            _Called(part.run),
            tuple(part.inputs.values()),
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            opset_version=opset,
            dynamic_shapes=(part.axes,) if any(part.axes) else None,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.save(target, external_data=False)


class _Called(nn.Module):
    """A method of a network as a module of its own, which is what can be exported."""

    def __init__(self, run: Callable[..., object]) -> None:
        super().__init__()
        self.network = run if isinstance(run, nn.Module) else run.__self__  # type: ignore[attr-defined]
        self._run = run

    def forward(self, *inputs: Tensor) -> object:
        return self._run(*inputs)
