"""The trained network as the ONNX file that ships, and back: the shipped file is a checkpoint to train on from."""

import copy
import logging
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from vergence.depth.families.preview import OUTPUTS, STRIDE
from vergence.depth.networks.preview import ADDED, BACKBONES, PreviewNetwork
from vergence.errors import WeightsError

logger = logging.getLogger(__name__)

OPSET = 17
SMALL = 4096  # tensors of so few numbers stay float32: they cost little, and half of them scale all the others
STORED = "_float16"  # suffix of a tensor stored in half
TOLERANCE = 0.02  # log depth: what half-precision weights may change
CHECKED_SIZES = ((256, 192), (384, 288), (192, 256), (320, 192), (224, 224))
METADATA = {
    "kind": "monocular depth preview",
    "canonical_focal": "0.8",
    "target": "log(Z * 0.8 / f_rel), f_rel = f_px / hypot(height, width)",
    "input": "rgb float32 0..1 NCHW, height and width multiples of 32",
    "licence": "Apache-2.0",
}


def export_onnx(network: PreviewNetwork, path: Path) -> float:
    """Write the network as ONNX with float16 weights, any batch and size, and compare it with torch.

    Parameters keep their names in the file, so that `load_onnx` finds them.

    Returns:
        The greatest difference in log depth over five sizes.

    Raises:
        WeightsError: it differs by more than half precision explains.
    """
    network = network.eval()
    any_size = {0: "n", 2: "h", 3: "w"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The exporter torch prefers since 2.9 fixes sizes that this graph takes from its input.
        warnings.simplefilter("ignore")
        full = Path(folder) / "full.onnx"
        torch.onnx.export(
            network,
            (torch.rand(1, 3, 6 * STRIDE, 8 * STRIDE),),
            full,
            input_names=["rgb"],
            output_names=list(OUTPUTS),
            dynamic_axes=dict.fromkeys(("rgb", *OUTPUTS), any_size),
            opset_version=OPSET,
            # Normalisation stays apart and parameters stay as they are, under their own names; runtimes fuse them.
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            dynamo=False,
        )
        model = onnx.load(full)
    _store_in_half(model)
    model.producer_name = "vergence"
    helper.set_model_props(model, METADATA)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    difference = _difference(network, path)
    if difference > TOLERANCE:
        raise WeightsError(
            f"{path} differs from the network by {difference:.3f} in log depth; at most {TOLERANCE} is right"
        )
    return difference


def load_onnx(path: Path) -> PreviewNetwork:
    """The network whose weights a file of `export_onnx` holds; raises `WeightsError` for any other file.

    Layers that were added since the file was made start as nothing and always alike, so that a network trained on from
    a file can be blended with it.
    """
    stored = {
        tensor.name.removesuffix(STORED): numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = PreviewNetwork(_backbone(stored))
    state = {}
    for name, like in network.state_dict().items():
        if name.endswith("num_batches_tracked"):  # counts steps; inference has no use for it
            continue
        if ADDED in name and name not in stored:
            continue
        if name not in stored:
            raise WeightsError(f"{path} has no tensor {name!r}; give one that `vergence train` made")
        state[name] = torch.from_numpy(stored[name].astype(np.float32)).view_as(like)
    network.load_state_dict(state, strict=False)
    return network


def _backbone(names: Iterable[str]) -> str:
    """Which of `BACKBONES` has as many blocks as a file names; the first where it has none at all."""
    blocks = len({name.split(".")[2] for name in names if name.startswith("backbone.blocks.")})
    return next((name for name, stages in BACKBONES.items() if sum(stage[-1] for stage in stages) == blocks), "lite0")


def blend(trained: PreviewNetwork, start: PreviewNetwork, share: float) -> PreviewNetwork:
    """The network whose weights are `share` of those of `start` and the rest of `trained`."""
    state, begun = trained.state_dict(), start.state_dict()
    mixed = copy.deepcopy(trained)
    mixed.load_state_dict(
        {k: torch.lerp(v, begun[k], share) if v.dtype.is_floating_point else v for k, v in state.items()}
    )
    return mixed


def _store_in_half(model: onnx.ModelProto) -> None:
    """Replace large float32 initialisers by float16 ones and casts, which a runtime folds when it loads them."""
    graph = model.graph
    kept, casts = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > SMALL:
            kept.append(numpy_helper.from_array(values.astype(np.float16), tensor.name + STORED))
            casts.append(helper.make_node("Cast", [tensor.name + STORED], [tensor.name], to=TensorProto.FLOAT))
        else:
            kept.append(tensor)
    nodes = [*casts, *graph.node]
    for node in nodes:
        node.doc_string = ""
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def _difference(network: PreviewNetwork, path: Path) -> float:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for width, height in CHECKED_SIZES:
        rgb = torch.nn.functional.interpolate(
            torch.rand(2, 3, height // STRIDE, width // STRIDE, generator=generator), (height, width), mode="bicubic"
        ).clamp(0, 1)
        with torch.no_grad():
            expected = network(rgb)[0].numpy()
        found = session.run([OUTPUTS[0]], {"rgb": rgb.numpy()})[0]
        worst = max(worst, float(np.abs(found - expected).max()))
    return worst
