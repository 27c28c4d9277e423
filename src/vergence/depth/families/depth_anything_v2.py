"""Depth Anything V2 (Yang et al., arXiv:2406.09414): relative and metric, of any size.

From the authors' checkpoints, which need torch, or as ONNX, static or dynamic, which does not. Its graph takes one
(batch, 3, H, W) picture, sides multiples of 14, and gives one (batch, H, W) or (batch, 1, H, W) map; the names of both
do not matter. The picture is prepared exactly as the authors prepare it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from vergence.depth.cards import ModelCard
from vergence.depth.families.patches import PATCH, InputSize, preprocess
from vergence.depth.runtimes import Graph, Port, RuntimeOptions, is_checkpoint, open_graph
from vergence.errors import SettingsError, WeightsError
from vergence.types import DepthFrame, DepthMap, Frame


class DepthAnythingV2:
    """One frame at a time; depth of the card's kind, at the size of the network's input."""

    lookahead = 0

    def __init__(self, card: ModelCard, graph: Graph) -> None:
        self.card = card
        self._graph = graph
        self._short_side: int = card.options["input_size"]
        self._size_of = InputSize(card.name)
        self._fixed = graph.inputs[0].shape[2:]

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        for frame in frames:
            yield DepthFrame(frame, self._depth(frame))

    def _depth(self, frame: Frame) -> DepthMap:
        height, width = self._fixed
        if width is None or height is None:
            width, height = self._size_of(frame.width, frame.height, self._short_side)
        (output,) = self._graph.run(preprocess(frame.rgb, width, height))
        if output.shape not in ((1, height, width), (1, 1, height, width)):
            raise WeightsError(
                f"{self.card.name} answered a {width}x{height} picture with an array of shape {output.shape}; "
                f"needed is (1, {height}, {width}): this is another network"
            )
        values = output.reshape(height, width)
        if self.card.kind == "metric" and np.count_nonzero(values) < values.size // 2:
            # Early exports end in the activation of relative models, which makes 0 of every negative number.
            raise WeightsError(
                f"{self.card.name} answers 0 m for most of the picture: this is a faulty export of a metric network; "
                f"fetch the authors' own: vergence models pull {self.card.name} --form checkpoint"
            )
        valid = np.isfinite(values)
        return DepthMap(
            values if valid.all() else np.where(valid, values, np.float32(0)),
            valid,
            self.card.kind,
            sampling="corners",  # the authors resize its output with align_corners=True
            intrinsics=frame.intrinsics and frame.intrinsics.resized(width, height),
        )


def load(card: ModelCard, weights: Path, options: RuntimeOptions) -> DepthAnythingV2:
    """Open the checkpoint or the graph.

    Raises:
        WeightsError: it does not have this family's input and output.
        SettingsError: the card's `input_size` is under one patch.
    """
    if card.options["input_size"] < PATCH:
        raise SettingsError(f"{card.name} needs at least {PATCH} pixels of input, not {card.options['input_size']}")
    if is_checkpoint(weights):
        from vergence.depth.runtimes.torch import open_picture

        size, max_depth = card.options["size"], card.options.get("max_depth")
        return DepthAnythingV2(card, open_picture(weights, options, size=size, max_depth=max_depth))
    graph = open_graph(weights, options)
    if fault := _fault(graph.inputs, graph.outputs):
        raise WeightsError(
            f"{weights} is not a Depth Anything V2 network: {fault}; needed are one input (batch, 3, H, W) with "
            f"H and W both multiples of {PATCH} or both dynamic, and one output (batch, H, W) or (batch, 1, H, W)"
        )
    return DepthAnythingV2(card, graph)


def matches(inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> bool:
    """Whether a graph with these ports belongs to this family."""
    return _fault(inputs, outputs) is None


def _fault(inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> str | None:
    if len(inputs) != 1 or len(outputs) != 1:
        return f"it has {len(inputs)} inputs and {len(outputs)} outputs"
    picture, depth = inputs[0], outputs[0]
    if len(picture.shape) != 4 or picture.shape[0] not in (1, None) or picture.shape[1] not in (3, None):
        return f"its input is {picture}"
    height, width = picture.shape[2:]
    if (height is None) != (width is None) or (height or 0) % PATCH or (width or 0) % PATCH:
        return f"its input is {picture}"
    # Exporters leave the rank of an output open now and then; then its first answer shows it.
    if depth.shape and not (len(depth.shape) == 3 or (len(depth.shape) == 4 and depth.shape[1] in (1, None))):
        return f"its output is {depth}"
    return None
