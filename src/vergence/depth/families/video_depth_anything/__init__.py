"""Video Depth Anything (Chen et al., arXiv:2501.12375): depth of a film that agrees with itself over time.

Relative checkpoints give inverse depth up to one scale and shift for a shot, metric ones metres. `windows` is for
films, `streaming` for live sources and whoever cannot wait 32 frames; a cut begins both anew.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vergence.depth.cards import ModelCard
from vergence.depth.families import patches
from vergence.depth.families.video_depth_anything.network import ExportedVideo, VideoNetwork
from vergence.depth.families.video_depth_anything.streaming import stream
from vergence.depth.families.video_depth_anything.windows import WINDOW, run_windows, stitch
from vergence.depth.runtimes import RuntimeOptions, is_checkpoint
from vergence.errors import SettingsError
from vergence.types import DepthFrame, DepthMap, Frame

WIDEST = 1.78  # a picture wider (or taller) than this is computed at a smaller short side
WIDE = 1.777


class VideoDepthAnything:
    """Depth of the card's kind, at the size of the network's input.

    Options of the card:
        input_size: pixels of the short side, 518 as its authors run it.
        is_streaming: answer each frame at once, from those before it.
        is_exact: as the authors' code to the last digit: see `run_windows` (exact_tail) and `stitch` (at_picture_size).
    """

    def __init__(self, card: ModelCard, network: VideoNetwork) -> None:
        self.card = card
        self.lookahead = 0 if card.options.get("is_streaming") else WINDOW - 1
        self._network = network
        self._size_of = patches.InputSize(card.name)

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        for _, shot in groupby(frames, key=lambda frame: (frame.shot, frame.width, frame.height)):
            for frame, values in self._of_shot(shot):
                width, height = values.shape[::-1]
                camera = frame.intrinsics and frame.intrinsics.resized(width, height)
                valid = np.ones_like(values, dtype=bool)
                # The authors resize with align_corners=True.
                yield DepthFrame(frame, DepthMap(values, valid, self.card.kind, sampling="corners", intrinsics=camera))

    def _of_shot(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, NDArray[np.float32]]]:
        options = self.card.options
        if options.get("is_streaming"):
            return stream(frames, self._network, self._prepare)
        is_exact = bool(options.get("is_exact"))
        windows = run_windows(frames, self._network, self._prepare, exact_tail=is_exact)
        return stitch(windows, is_metric=self.card.kind == "metric", at_picture_size=is_exact)

    def _prepare(self, frame: Frame) -> NDArray[np.float32]:
        side = short_side(frame.width, frame.height, self.card.options["input_size"])
        height, width = self._network.size or self._size_of(frame.width, frame.height, side)[::-1]
        return patches.preprocess(frame.rgb, width, height, dtype=np.float32)


def load(card: ModelCard, weights: Path, options: RuntimeOptions) -> VideoDepthAnything:
    """Open a checkpoint of the authors, which needs torch, or the folder of an export, which does not.

    Raises:
        WeightsError: it is neither.
        SettingsError: the card's `input_size` is under one patch.
    """
    if card.options["input_size"] < patches.PATCH:
        raise SettingsError(
            f"{card.name} needs at least {patches.PATCH} pixels of input, not {card.options['input_size']}"
        )
    if is_checkpoint(weights):
        from vergence.depth.runtimes.torch import open_video

        return VideoDepthAnything(card, open_video(weights, options, size=card.options["size"]))
    return VideoDepthAnything(
        card, ExportedVideo(weights, options, is_streaming=bool(card.options.get("is_streaming")))
    )


def short_side(width: int, height: int, asked: int = 518) -> int:
    """The short side of what the network sees of a picture: the authors' rule, in which that of wide ones shrinks."""
    ratio = max(width, height) / min(width, height)
    if ratio <= WIDEST:
        return asked
    return max(round(int(asked * WIDE / ratio) / patches.PATCH), 1) * patches.PATCH
