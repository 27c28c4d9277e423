"""Tiny ONNX graphs, made in the test that needs them."""

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper

Shape = Sequence[int | str | None]

OPSET = 17
IR_VERSION = 10  # onnxruntime reads this and older


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, Shape],
    outputs: dict[str, Shape | None],
    *,
    dtype: int = TensorProto.FLOAT,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, dtype, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, dtype, shape) for name, shape in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.save(model, path)
    return path


def depth_anything(
    path: Path,
    *,
    picture: Shape = ("batch", 3, "height", "width"),
    depth: Shape | None = ("batch", "height", "width"),
    names: tuple[str, str] = ("pixel_values", "predicted_depth"),
) -> Path:
    """A "network" whose depth is the mean of the channels, of any signature."""
    is_flat = depth is None or len(depth) != 4
    node = helper.make_node("ReduceMean", [names[0]], [names[1]], axes=[1], keepdims=0 if is_flat else 1)
    return save(path, [node], {names[0]: picture}, {names[1]: depth})


def preview(path: Path, *, log_depth: float = 0.0, sky_logit: float = -30.0) -> Path:
    """A "network" of the preview's contract that answers the same everywhere."""
    values = {"log_depth": log_depth, "log_scale": 0.0, "sky_logit": sky_logit}
    nodes = [helper.make_node("ReduceMean", ["rgb"], ["grey"], axes=[1], keepdims=1)]
    nodes += [helper.make_node("Sub", ["grey", "grey"], ["zero"])]
    for name, value in values.items():
        constant = helper.make_tensor(f"{name}_value", TensorProto.FLOAT, [1], [value])
        nodes += [helper.make_node("Constant", [], [f"{name}_value"], value=constant)]
        nodes += [helper.make_node("Add", ["zero", f"{name}_value"], [name])]
    return save(path, nodes, {"rgb": ("n", 3, "h", "w")}, dict.fromkeys(values, ("n", 1, "h", "w")))
