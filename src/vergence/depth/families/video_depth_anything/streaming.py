"""Depth of a live source: one frame in, its depth out, from what the network remembers of frames before.

The authors' streaming inference. What is kept of a frame are its states, the inputs of the eight temporal attentions;
in place of a window, a frame attends to the first one, one from about forty frames ago, and the last 29.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.depth.families.video_depth_anything.network import VideoNetwork
from vergence.types import Frame

CONTEXT = 31  # frames before the current one that it attends to
RECENT = 29  # of them, how many are the last ones
REMEMBERED = 42  # states kept: the second of the context is the oldest but one


def stream(
    frames: Iterable[Frame], network: VideoNetwork, prepare: Callable[[Frame], NDArray[np.float32]]
) -> Iterator[tuple[Frame, NDArray[np.float32]]]:
    """Yield every frame of one shot with its (H, W) depth, without looking ahead.

    Args:
        frames: of one size.
        prepare: makes the (1, 3, H, W) input of a frame.
    """
    memory: list[Any] = []
    for frame in frames:
        (features,) = network.encode([prepare(frame)])
        context = memory[: CONTEXT - RECENT] + memory[-RECENT:]
        depth, states = network.step(features, context)
        # The first frame stands in for those before it.
        memory = [*memory, states] if memory else [states] * (CONTEXT + 1)
        if len(memory) > REMEMBERED:
            del memory[1]
        yield frame, depth
