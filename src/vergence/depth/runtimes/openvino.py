"""OpenVINO: up to twice as fast as ONNX Runtime on the CPU where that has bfloat16."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from vergence.depth.runtimes import Port, RuntimeOptions
from vergence.errors import ModelError, WeightsError
from vergence.geometry.rows import CORES

logger = logging.getLogger(__name__)


class OpenVinoGraph:
    """A graph in OpenVINO on the CPU, computed in the precision asked for."""

    def __init__(self, weights: Path, options: RuntimeOptions) -> None:
        if not weights.is_file():
            raise WeightsError(f"there is no file {weights}; give the path of an ONNX graph")
        threads = options.threads or CORES
        settings = {
            # Left alone it is bfloat16 on some processors and float32 on others: depth would depend on the machine.
            "INFERENCE_PRECISION_HINT": options.precision,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # the other stages run on these cores too
        }
        try:
            compiled = openvino.Core().compile_model(str(weights), "CPU", settings)
        except RuntimeError as error:
            raise WeightsError(
                f"{weights} is not a graph openvino can read ({_last_line(error)}); "
                "use --runtime onnxruntime, or fetch it again"
            ) from error
        logger.info("openvino %s, %s on cpu, threads: %d", openvino.get_version(), options.precision, threads)
        self.inputs = tuple(_port(node) for node in compiled.inputs)
        self.outputs = tuple(_port(node) for node in compiled.outputs)
        self._request = compiled.create_infer_request()

    def run(self, *arrays: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        try:
            results = self._request.infer(list(arrays), share_inputs=True)
        except RuntimeError as error:
            sizes = ", ".join("x".join(map(str, array.shape)) for array in arrays)
            raise ModelError(f"the network cannot compute an input of {sizes} ({_last_line(error)})") from error
        return [results[index] for index in range(len(self.outputs))]


def _port(node: Any) -> Port:
    shape = node.get_partial_shape()
    if shape.rank.is_dynamic:
        return Port(node.get_any_name(), ())
    return Port(node.get_any_name(), tuple(size.get_length() if size.is_static else None for size in shape))


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2]
