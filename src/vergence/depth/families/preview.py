"""The model inside the package: a small network that sketches depth from one picture.

Contract of its graph, for whoever trains a better one:

    input   rgb        (n, 3, h, w)  float32, sRGB values / 255; h and w multiples of 32, about 256 x 192 in all
    output  log_depth  (n, 1, h, w)  natural logarithm of the z-depth of a camera whose focal length is
                                     0.8 picture diagonals, metres by guess
            log_scale  (n, 1, h, w)  its own estimate of the error of `log_depth`; not calibrated, not used
            sky_logit  (n, 1, h, w)  > 0 where the picture shows sky

so z = exp(log_depth) * f_rel / 0.8 with f_rel = focal length / diagonal, and 1 / z is multiplied by the
probability 1 - sigmoid(sky_logit) that something is there at all.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vergence.depth.cards import ModelCard
from vergence.depth.runtimes import Graph, Port, RuntimeOptions, open_graph
from vergence.errors import SettingsError, WeightsError
from vergence.geometry.resample import shrink
from vergence.types import DepthFrame, DepthMap, Frame

OUTPUTS = ("log_depth", "log_scale", "sky_logit")
STRIDE = 32  # of its coarsest features: both sides are multiples of it
SIDES = (96, 640)  # what may be asked for
CANONICAL_FOCAL = 0.8  # focal length over the diagonal: 64 degrees across a 4:3 picture
MOST_SURE = np.float32(30)  # of a logit: beyond it exp overflows and nothing changes
SKY_DEPTH = 1000.0  # m; farther than that no eye tells distances apart, and every value stays finite

# Mean log depth of a row in upright pictures of the training world, by powers of y from -1 (top) to 1 (bottom).
VERTICAL_PRIOR = (1.5081, -0.6512, -0.3547, 0.2771, 0.1293, -0.0939)

THREADS = 1  # a second one shortens 8 ms to 6 and costs a quarter more work, which the other stages have a use for


class PreviewModel:
    """One frame at a time; depth "scale_invariant", at the size of the network's input."""

    lookahead = 0

    def __init__(self, card: ModelCard, graph: Graph) -> None:
        self.card = card
        self._graph = graph
        self._short_side = int(card.options["input_size"])
        names = [port.name for port in graph.outputs]
        self._log_depth, self._sky_logit = names.index("log_depth"), names.index("sky_logit")

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        for frame in frames:
            yield DepthFrame(frame, self._depth(frame))

    def _depth(self, frame: Frame) -> DepthMap:
        width, height = input_size(frame.width, frame.height, self._short_side)
        small = shrink(frame.rgb, width, height)
        rgb = np.empty((1, 3, height, width), dtype=np.float32)
        np.multiply(small.transpose(2, 0, 1), np.float32(1 / np.iinfo(small.dtype).max), out=rgb[0])
        outputs = self._graph.run(rgb)
        values = z_depth(outputs[self._log_depth][0, 0], outputs[self._sky_logit][0, 0], relative_focal(frame))
        camera = frame.intrinsics and frame.intrinsics.resized(width, height)
        return DepthMap(values, np.ones_like(values, dtype=bool), self.card.kind, intrinsics=camera)


def load(card: ModelCard, weights: Path, options: RuntimeOptions) -> PreviewModel:
    """Open the graph.

    Raises:
        WeightsError: it does not keep the contract above.
        SettingsError: the card's input size is beyond what the network can be asked for.
    """
    asked, (least, most) = card.options["input_size"], SIDES
    if not least <= asked <= most:
        raise SettingsError(f"{card.name!r} sees pictures at {least} to {most} px of their short side, not {asked}")
    graph = open_graph(weights, replace(options, threads=options.threads or THREADS))
    if not matches(graph.inputs, graph.outputs):
        found = ", ".join(str(port) for port in (*graph.inputs, *graph.outputs))
        raise WeightsError(
            f"{weights} is not a preview network: it has {found}; needed are rgb (any, 3, any, any) and the outputs "
            f"{', '.join(OUTPUTS)}"
        )
    return PreviewModel(card, graph)


def matches(inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> bool:
    """Whether a graph with these ports belongs to this family."""
    return (
        [port.shape[1:] for port in inputs] == [(3, None, None)]
        and {port.name for port in outputs} == set(OUTPUTS)
        and len(outputs) == len(OUTPUTS)
    )


@cache
def input_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """The network's (width, height) for a picture: multiples of 32 of its shape, of the area of 4:3."""
    pixels = short_side * short_side * 4 // 3
    sides = np.arange(STRIDE, pixels // STRIDE + 1, STRIDE, dtype=np.float64)
    w, h = sides[:, None], sides[None]
    misfit = np.abs(np.log(w / h * (height / width))) + np.abs(np.log(w * h / pixels))
    column, row = np.unravel_index(np.argmin(misfit), misfit.shape)
    return int(sides[column]), int(sides[row])


def relative_focal(frame: Frame) -> float:
    """Focal length over the picture's diagonal; the canonical one where the camera is unknown."""
    camera = frame.intrinsics
    return camera.fx / math.hypot(camera.width, camera.height) if camera else CANONICAL_FOCAL


def z_depth(
    log_depth: NDArray[np.float32], sky_logit: NDArray[np.float32], focal: float = CANONICAL_FOCAL
) -> NDArray[np.float32]:
    """Turn what the network says about an upright picture into z-depth, finite and at most `SKY_DEPTH`."""
    far = np.log1p(np.exp(np.minimum(sky_logit, MOST_SURE)))  # -log(1 - sigmoid(sky_logit))
    log_z = log_depth + far + np.float32(math.log(focal / CANONICAL_FOCAL))
    return np.asarray(np.exp(np.minimum(log_z, np.float32(math.log(SKY_DEPTH)))), dtype=np.float32)
