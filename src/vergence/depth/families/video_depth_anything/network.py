"""What the window and the stream need of a network: its parts, whatever computes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vergence.depth.runtimes import RuntimeOptions, open_graph
from vergence.errors import WeightsError

ENCODER, TEMPORAL, DECODER, STEP = "encoder.onnx", "temporal.onnx", "decoder.onnx", "step.onnx"  # files of an export
STATES = 8  # two attentions in each of four temporal modules

Features = Any  # of a frame; belongs to the network that made it
States = Any


class VideoNetwork(Protocol):
    """The three parts of Video Depth Anything; features and states are opaque to whoever passes them on.

    Attributes:
        size: (height, width) of the pictures it takes; None is any multiple of 14.
    """

    size: tuple[int, int] | None

    def encode(self, pictures: Sequence[NDArray[np.float32]]) -> list[Features]:
        """Features of each (1, 3, H, W) picture by itself."""
        ...

    def decode(self, features: Sequence[Features]) -> NDArray[np.float32]:
        """The (T, H, W) depth of a window of T frames, which attend to each other."""
        ...

    def step(self, features: Features, context: Sequence[States]) -> tuple[NDArray[np.float32], States]:
        """The (H, W) depth of a frame that attends to the frames whose states are given, oldest first; its states."""
        ...


class ExportedVideo:
    """The parts as ONNX graphs in one folder, see `vergence models export`.

        encoder   picture (1, 3, H, W) -> fine, medium, coarse, coarsest (1, channels, h, w)
        temporal  coarse, coarsest (32, channels, h, w) -> path (32, channels, h, w)
        decoder   fine, medium, path (1, channels, h, w) -> depth (1, H, W)
        step      coarse, coarsest (1, ...), 8 states (h w, K, channels) -> path (1, ...), 8 states (h w, 1, channels)

    Raises:
        WeightsError: a graph is missing, or has other inputs and outputs than these.
    """

    def __init__(self, folder: Path, options: RuntimeOptions, *, is_streaming: bool) -> None:
        names = {ENCODER: (1, 4), DECODER: (3, 1)} | ({STEP: (10, 9)} if is_streaming else {TEMPORAL: (2, 1)})
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise WeightsError(
                f"{folder} lacks {' and '.join(missing)} of an exported Video Depth Anything; "
                "export it again with `vergence models export`"
            )
        graphs = {name: open_graph(folder / name, options) for name in names}
        for name, (inputs, outputs) in names.items():
            found = len(graphs[name].inputs), len(graphs[name].outputs)
            if found != (inputs, outputs):
                raise WeightsError(
                    f"{folder / name} has {found[0]} inputs and {found[1]} outputs, and {inputs} and {outputs} are "
                    "needed; export it again with `vergence models export`"
                )
        self._encoder, self._decoder = graphs[ENCODER], graphs[DECODER]
        self._between = graphs[STEP if is_streaming else TEMPORAL]
        height, width = self._encoder.inputs[0].shape[2:]
        self.size = None if height is None or width is None else (height, width)

    def encode(self, pictures: Sequence[NDArray[np.float32]]) -> list[Features]:
        return [tuple(self._encoder.run(picture)) for picture in pictures]

    def decode(self, features: Sequence[Features]) -> NDArray[np.float32]:
        coarse, coarsest = (np.concatenate([one[n] for one in features]) for n in (2, 3))
        (path,) = self._between.run(coarse, coarsest)
        del coarse, coarsest
        return np.concatenate([self._decoder.run(one[0], one[1], path[n : n + 1])[0] for n, one in enumerate(features)])

    def step(self, features: Features, context: Sequence[States]) -> tuple[NDArray[np.float32], States]:
        fine, medium, coarse, coarsest = features
        before = [
            np.concatenate([states[n] for states in context], axis=1) if context else self._no_states(n, features)
            for n in range(STATES)
        ]
        path, *states = self._between.run(coarse, coarsest, *before)
        return self._decoder.run(fine, medium, path)[0][0], tuple(states)

    def _no_states(self, n: int, features: Features) -> NDArray[np.float32]:
        """States of no frame, for the first: (h w, 0, channels)."""
        _, medium, coarse, coarsest = features
        places = (coarse, coarsest, coarse, medium)[n // 2]  # of the size of what the temporal module sees
        channels = self._between.inputs[2 + n].shape[2]
        assert channels is not None  # an export has sizes here
        return np.empty((places.shape[2] * places.shape[3], 0, channels), dtype=np.float32)
