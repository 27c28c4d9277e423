"""Parts of networks as ONNX graphs: what is common to exporting any of them."""

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
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vergence.depth.networks.dinov2 import PATCH
from vergence.depth.runtimes import RuntimeOptions
from vergence.errors import SettingsError

logger = logging.getLogger(__name__)

OPSET = 20  # the first with GELU as one operator
MOST_PATCHES = 512  # a side, in a graph of any size
EXAMPLE = (9, 12)  # patches down and across, of what the tracer is shown
LARGEST_FILE = 1.9e9  # bytes of parameters: a graph of 2 GB and more keeps them in a file beside it
ON_CPU = RuntimeOptions(device="cpu")

AUTO = torch.export.Dim.AUTO  # as free as the network leaves it

Axes = dict[int, object]
Size = tuple[int, int]  # (height, width)

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Part:
    """One graph: what it computes, of what, under which names; `axes` are those of each input that may vary."""

    name: str
    run: Callable[..., object]
    inputs: dict[str, Tensor]
    axes: tuple[Axes, ...]
    outputs: Sequence[str]


def write_file(part: Part, target: Path, opset: int) -> None:
    """Write a network of one part; the file appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.part")
    try:
        _write(part, unfinished, opset)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def write_folder(parts: Sequence[Part], target: Path, opset: int) -> None:
    """Write a network of several parts, NAME.onnx each; the folder appears whole or not at all."""
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


def grid_of(size: Size | None) -> tuple[int, int]:
    """Patches down and across of what the tracer is shown."""
    if size is None:
        return EXAMPLE
    if any(side < PATCH or side % PATCH for side in size):
        raise SettingsError(f"sides are multiples of {PATCH}, and {size[0]}x{size[1]} are not; choose the nearest")
    return size[0] // PATCH, size[1] // PATCH


def free_grid(size: Size | None, first: int = 1) -> Axes:
    """The axes of maps of patches, of which rows are the `first`, that may vary: none of one `size`."""
    if size is not None:
        return {}
    rows, columns = (torch.export.Dim(name, min=2, max=MOST_PATCHES) for name in ("rows", "columns"))
    return {first: rows, first + 1: columns}


def free_sides(size: Size | None) -> Axes:
    """The axes of (N, 3, H, W) pictures that may vary, by whole patches: none of one `size`."""
    return {axis: PATCH * patches for axis, patches in free_grid(size, 2).items()}  # type: ignore[operator]


def noise(count: int, size: Size | None, *, seed: int = 0) -> NDArray[np.float32]:
    """(count, 3, H, W) pictures to compare on, of another size than the tracer was shown where that is free."""
    rows, columns = (EXAMPLE[1], EXAMPLE[0] - 1) if size is None else grid_of(size)
    return np.random.default_rng(seed).standard_normal((count, 3, PATCH * rows, PATCH * columns), dtype=np.float32)


def difference(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """The largest, in standard deviations of what was expected."""
    return float(np.abs(found - expected).max() / max(float(expected.std()), 1e-6))


def shared_copy(network: Module) -> Module:
    """Modules of their own around the same tensors, which may be replaced there but not written into."""
    tensors = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, tensors)


def _write(part: Part, target: Path, opset: int) -> None:
    names = [f"{name}_{axis}" for name, axes in zip(part.inputs, part.axes, strict=True) for axis in axes]
    logger.info("exporting %s, free: %s", part.name or "the network", ", ".join(names) or "nothing")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # its warnings, and Python's, are about its own insides
    module = _Called(part.run)
    with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(
            module,
            tuple(part.inputs.values()),
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            opset_version=opset,
            dynamic_shapes=(part.axes,) if any(part.axes) else None,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    size = sum(tensor.numel() * tensor.element_size() for tensor in module.parameters())
    program.save(target, external_data=size > LARGEST_FILE)


class _Called(nn.Module):
    """A method of a network as a module of its own, which is what can be exported."""

    def __init__(self, run: Callable[..., object]) -> None:
        super().__init__()
        self.network = run if isinstance(run, nn.Module) else run.__self__  # type: ignore[attr-defined]
        self._run = run

    def forward(self, *inputs: Tensor) -> object:
        return self._run(*inputs)
