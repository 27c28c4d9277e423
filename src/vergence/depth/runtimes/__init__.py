"""Running one graph: float32 arrays in, float32 arrays out, whatever computes it."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vergence.errors import DeviceError, ModelError, SettingsError

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["f32", "bf16", "f16"]
RuntimeName = Literal["auto", "onnxruntime", "openvino", "torch"]

CHECKPOINTS = (".pth", ".pt", ".ckpt", ".bin", ".safetensors")  # files of torch


@dataclass(frozen=True)
class RuntimeOptions:
    """What computes a graph, where, and how exactly.

    Attributes:
        device: "auto" is CUDA where the runtime has it and it works, else the CPU.
        precision: what the network computes in; never left to a machine's default.
        runtime: "auto" is torch for its own checkpoints; of an ONNX graph onnxruntime, or openvino for bf16.
        threads: of the CPU for one inference; None lets the model's family choose.
    """

    device: Device = "auto"
    precision: Precision = "f32"
    runtime: RuntimeName = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise SettingsError(f"a network runs on at least 1 thread, not {self.threads}")


@dataclass(frozen=True)
class Port:
    """An input or output of a graph; None in `shape` is a size that may vary."""

    name: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join('any' if size is None else str(size) for size in self.shape)})"


class Graph(Protocol):
    """A network that is ready to run."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def run(self, *arrays: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Compute all outputs from all inputs, both in the order of the graph."""
        ...


def is_checkpoint(weights: Path) -> bool:
    """Whether a file's name says that torch saved it."""
    return weights.suffix.lower() in CHECKPOINTS


def open_graph(weights: Path, options: RuntimeOptions) -> Graph:
    """Load the ONNX graph of a file.

    Raises:
        WeightsError: it is not a readable ONNX graph.
        DeviceError: the device asked for is not there.
        ModelError: no runtime here computes what is asked.
    """
    if options.runtime == "torch":
        raise ModelError(
            f"{weights} is an ONNX graph, which torch does not run; leave out --runtime, or give a checkpoint"
        )
    if options.runtime == "openvino" or (options.runtime == "auto" and options.precision == "bf16"):
        if options.device == "cuda":
            raise DeviceError(
                "openvino runs on the CPU, and CUDA was asked for; "
                "use --device cpu, or --runtime onnxruntime --precision f32"
            )
        if find_spec("openvino") is None:
            raise ModelError(
                f"{options.precision} on openvino was asked for, and openvino is not installed; "
                "install it with `pip install 'vergence[openvino]'`, or use --runtime onnxruntime --precision f32"
            )
        from vergence.depth.runtimes.openvino import OpenVinoGraph

        return OpenVinoGraph(weights, options)
    if options.precision != "f32":
        raise ModelError(
            f"ONNX graphs are computed in f32, or by openvino in bf16, not by onnxruntime in {options.precision}; "
            "use another --precision or --runtime, or a checkpoint with torch"
        )
    from vergence.depth.runtimes.onnx import OnnxGraph

    return OnnxGraph(weights, options)
