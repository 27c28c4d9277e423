"""ONNX Runtime: the runtime that is always there."""

import logging
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vergence.depth.runtimes import Port, RuntimeOptions
from vergence.errors import DeviceError, ModelError, WeightsError
from vergence.geometry.rows import CORES

logger = logging.getLogger(__name__)

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
CUDA_OPTIONS = {
    "use_tf32": "0",  # f32 means f32 on a GPU too
    "cudnn_conv_algo_search": "HEURISTIC",  # an exhaustive search would start again at every new picture size
}
ERRORS_ONLY = 3  # onnxruntime's severity: its warnings are about its own optimiser, nothing a user can mend


class OnnxGraph:
    """A graph in onnxruntime, computed in float32."""

    def __init__(self, weights: Path, options: RuntimeOptions) -> None:
        threads = options.threads or CORES
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        # A plan of memory made for one size of picture and kept beside the arena: a third more, and no faster.
        settings.enable_mem_pattern = False
        # Spinning wins a network a millisecond and costs a core, which decoding and the warp have a use for.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = _open(weights, settings, _providers(options))
        self.device = "cuda" if self._session.get_providers()[0] == CUDA else "cpu"
        if self.device == "cpu" and options.device == "cuda":
            raise DeviceError(_no_cuda("its CUDA provider does not start here"))
        logger.info("onnxruntime %s, f32 on %s, threads: %d", onnxruntime.__version__, self.device, threads)
        self.inputs, self.outputs = _ports(self._session, weights)

    def run(self, *arrays: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        feed = {port.name: array for port, array in zip(self.inputs, arrays, strict=True)}
        try:
            results: list[NDArray[np.float32]] = self._session.run(None, feed)
        except Exception as error:  # onnxruntime's errors share no base class of their own
            sizes = ", ".join("x".join(map(str, array.shape)) for array in arrays)
            raise ModelError(f"the network cannot compute an input of {sizes} ({_first_line(error)})") from error
        return results


def signature(weights: Path) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The inputs and outputs of a graph, without preparing it to run; raises `WeightsError` if it is unreadable."""
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return _ports(_open(weights, settings, [CPU]), weights)


def _open(
    weights: Path, settings: onnxruntime.SessionOptions, providers: list[str | tuple[str, dict[str, str]]]
) -> onnxruntime.InferenceSession:
    if not weights.is_file():
        raise WeightsError(f"there is no file {weights}; give the path of an ONNX graph")
    settings.log_severity_level = ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(str(weights), settings, providers=providers)
    except Exception as error:  # as in `run`
        raise WeightsError(
            f"{weights} is not a readable ONNX graph ({_first_line(error)}); give another, or fetch it again"
        ) from error


def _providers(options: RuntimeOptions) -> list[str | tuple[str, dict[str, str]]]:
    available = onnxruntime.get_available_providers()
    if options.device == "cuda" and CUDA not in available:
        raise DeviceError(_no_cuda(f"onnxruntime has: {', '.join(available)}"))
    if options.device == "cpu" or CUDA not in available:
        return [CPU]
    onnxruntime.preload_dlls()  # CUDA and cuDNN from their own wheels, where those are installed
    return [(CUDA, CUDA_OPTIONS), CPU]


def _no_cuda(found: str) -> str:
    return f"no CUDA device was found ({found}); use --device cpu, or install onnxruntime-gpu in place of onnxruntime"


def _ports(session: onnxruntime.InferenceSession, weights: Path) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    nodes = [*session.get_inputs(), *session.get_outputs()]
    for node in nodes:
        if node.type != "tensor(float)":
            raise WeightsError(
                f"{weights} takes and gives more than float32: {node.name} is {node.type}; "
                "export it with float32 inputs and outputs"
            )
    ports = tuple(Port(node.name, tuple(s if isinstance(s, int) else None for s in node.shape)) for node in nodes)
    count = len(session.get_inputs())
    return ports[:count], ports[count:]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
