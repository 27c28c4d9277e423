"""Depth Anything V2 (Yang et al., arXiv:2406.09414) as ONNX: relative and metric, of any size, static or dynamic.

Its graph takes one (batch, 3, H, W) picture, sides multiples of 14, and gives one (batch, H, W) or (batch, 1, H, W)
map; the names of both do not matter. The picture is prepared exactly as the authors prepare it.
"""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.depth.cards import ModelCard
from vergence.depth.runtimes import Graph, Port, RuntimeOptions, open_graph
from vergence.errors import SettingsError, WeightsError
from vergence.types import DepthFrame, DepthMap, Frame

PATCH = 14  # pixels of the picture that become one token
MEAN = np.array((0.485, 0.456, 0.406))  # of ImageNet, per channel
STD = np.array((0.229, 0.224, 0.225))
MOST_PATCHES = 8192  # attention over more takes gigabytes; a picture wider than 6:1 is computed at a shorter side


class DepthAnythingV2:
    """One frame at a time; depth of the card's kind, at the size of the network's input."""

    lookahead = 0

    def __init__(self, card: ModelCard, graph: Graph) -> None:
        self.card = card
        self._graph = graph
        self._short_side: int = card.options["input_size"]
        self._fixed = graph.inputs[0].shape[2:]

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        for frame in frames:
            yield DepthFrame(frame, self._depth(frame))

    def _depth(self, frame: Frame) -> DepthMap:
        height, width = self._fixed
        if width is None or height is None:
            width, height = input_size(frame.width, frame.height, self._short_side)
        (output,) = self._graph.run(preprocess(frame.rgb, width, height))
        if output.shape not in ((1, height, width), (1, 1, height, width)):
            raise WeightsError(
                f"{self.card.name} answered a {width}x{height} picture with an array of shape {output.shape}; "
                f"needed is (1, {height}, {width}): this is another network"
            )
        values = output.reshape(height, width)
        valid = np.isfinite(values)
        return DepthMap(
            values if valid.all() else np.where(valid, values, np.float32(0)),
            valid,
            self.card.kind,
            sampling="corners",  # the authors resize its output with align_corners=True
            intrinsics=frame.intrinsics and frame.intrinsics.resized(width, height),
        )


def load(card: ModelCard, weights: Path, options: RuntimeOptions) -> DepthAnythingV2:
    """Open the graph.

    Raises:
        WeightsError: it does not have this family's input and output.
        SettingsError: the card's `input_size` is under one patch.
    """
    if card.options["input_size"] < PATCH:
        raise SettingsError(f"{card.name} needs at least {PATCH} pixels of input, not {card.options['input_size']}")
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


def input_size(width: int, height: int, short_side: int = 518) -> tuple[int, int]:
    """The network's (width, height) for a picture: its shape, multiples of 14, both sides at least `short_side`.

    The authors' rule (`Resize` of their transforms: keep_aspect_ratio, "lower_bound"). Beyond `MOST_PATCHES` the
    short side gives way.
    """
    while True:
        scale = max(short_side / width, short_side / height)
        w, h = (_multiple(scale * side, short_side) for side in (width, height))
        if w * h <= MOST_PATCHES * PATCH**2 or short_side <= PATCH:
            return min(w, MOST_PATCHES * PATCH), min(h, MOST_PATCHES * PATCH)
        short_side -= PATCH


def _multiple(size: float, least: int) -> int:
    nearest = round(size / PATCH) * PATCH
    return nearest if nearest >= least else math.ceil(size / PATCH) * PATCH


def preprocess(rgb: NDArray[np.uint8] | NDArray[np.uint16], width: int, height: int) -> NDArray[np.float32]:
    """Resize and normalise an (H, W, 3) picture to (1, 3, height, width) as the authors do.

    Cubic without antialiasing, even when shrinking, and in float64: the network was trained on exactly that.
    """
    picture: NDArray[Any] = rgb / np.iinfo(rgb.dtype).max
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
    normalised = (picture - MEAN) / STD
    return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None], dtype=np.float32)
