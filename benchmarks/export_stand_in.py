"""Export Depth Anything V2 Small with stand-in weights to ONNX: what the real one costs, without downloading it.

    python benchmarks/export_stand_in.py stand_in.onnx                   any size, sides multiples of 14
    python benchmarks/export_stand_in.py stand_in.onnx --size 518x518    this size alone

The weights are computed from their names, as the parity tests do, so the depth means nothing; the work is the same.
Before and after the export the network is held against what the original computed with the same weights.
"""

import argparse
import sys
from pathlib import Path

import onnxruntime
import torch

from vergence.depth.networks.dinov2 import PATCH
from vergence.depth.networks.dpt import DepthAnythingV2

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import parity  # type: ignore[import-not-found]

FAMILY = "depth_anything_v2"
OPSET = 18  # the oldest torch exports to without converting back, and the one most runtimes read
MAX_ERROR, RMS_ERROR = 5e-4, 5e-5  # of onnxruntime in float32, in standard deviations of the golden


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--size", type=_size, metavar="WIDTHxHEIGHT", help="of a graph of fixed size")
    parser.add_argument("--opset", type=int, default=OPSET)
    arguments = parser.parse_args()
    network = stand_in()
    _check_network(network)
    export(network, arguments.output, size=arguments.size, opset=arguments.opset)
    if arguments.size is None:
        _check_graph(arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.1f} MB")


def stand_in(size: str = "vits") -> DepthAnythingV2:
    """The network with weights computed from their names."""
    network = DepthAnythingV2(size)
    network.eval()
    state = parity.weights(parity.manifest(FAMILY, size))
    network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    return network


def export(network: DepthAnythingV2, output: Path, *, size: tuple[int, int] | None = None, opset: int = OPSET) -> None:
    """Write `network` as one ONNX file; `size` is (width, height), None leaves both open."""
    width, height = size or (PATCH * 12, PATCH * 9)
    dynamic = None
    if size is None:
        rows, columns = torch.export.Dim("rows", min=2, max=512), torch.export.Dim("columns", min=2, max=512)
        dynamic = ({2: PATCH * rows, 3: PATCH * columns},)
    with torch.inference_mode():
        program = torch.onnx.export(
            network,
            (torch.zeros(1, 3, height, width),),
            input_names=["pixel_values"],
            output_names=["predicted_depth"],
            opset_version=opset,
            dynamic_shapes=dynamic,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.save(output, external_data=False)


def _check_network(network: DepthAnythingV2) -> None:
    golden = parity.golden(FAMILY, "vits_tensor")
    with torch.inference_mode():
        found = network(torch.from_numpy(golden["input"])).numpy()
    parity.assert_agrees(found, golden["depth"], max_error=1e-4, rms_error=1e-5)


def _check_graph(path: Path) -> None:
    golden = parity.golden(FAMILY, "vits_tensor")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"pixel_values": golden["input"]})
    parity.assert_agrees(found, golden["depth"], max_error=MAX_ERROR, rms_error=RMS_ERROR)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()) or int(width) % PATCH or int(height) % PATCH:
        raise argparse.ArgumentTypeError(f"{text} is not WIDTHxHEIGHT in multiples of {PATCH}")
    return int(width), int(height)


if __name__ == "__main__":
    main()
