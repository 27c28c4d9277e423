"""Networks as ONNX graphs, which run without torch and faster on a CPU."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc"

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vergence.depth.cards import ModelCard
from vergence.depth.families.video_depth_anything.network import ExportedVideo
from vergence.depth.networks.checkpoints import load_network
from vergence.depth.networks.depth_anything_3 import checkpoints as checkpoints_3
from vergence.depth.networks.depth_anything_3 import export as depth_anything_3
from vergence.depth.networks.dinov2 import PATCH, fold_layer_scales
from vergence.depth.networks.dpt import DepthAnythingV2
from vergence.depth.networks.temporal import FRAMES
from vergence.depth.networks.tracing import (
    AUTO,
    ON_CPU,
    OPSET,
    Axes,
    Part,
    Size,
    difference,
    free_sides,
    grid_of,
    noise,
    shared_copy,
    write_file,
    write_folder,
)
from vergence.depth.networks.video_depth_anything import VideoDepthAnything
from vergence.depth.runtimes import open_graph
from vergence.errors import SettingsError

STEPS = 3  # of a stream, when an export is compared with its origin
STATES = [f"state{n}" for n in range(8)]


Network = DepthAnythingV2 | VideoDepthAnything | depth_anything_3.Network


def load(checkpoint: Path, card: ModelCard) -> Network:
    """The network of a checkpoint; raises `WeightsError` where it is not the card's."""
    if card.family == "depth_anything_3":
        return checkpoints_3.load_network(checkpoint, card.options["size"])[1]
    return load_network(checkpoint, card.family, size=card.options["size"], max_depth=card.options.get("max_depth"))


def export(
    network: Network,
    target: Path,
    *,
    size: Size | None = None,
    views: int | None = None,
    opset: int = OPSET,
) -> float:
    """Write a network as ONNX and run it in onnxruntime on noise; of films in a window and as a stream.

    Args:
        network: in float32.
        target: a file, but for Video Depth Anything and networks with a head of Gaussians a folder; it appears whole or
            not at all.
        size: (height, width) of the only pictures it takes, for which positions are computed once and for all; None
            is any multiples of 14.
        views: of Depth Anything 3: how many it takes at a time; None is any number.
        opset: of ONNX; from 23 on attention is one operator, which few runtimes have.

    Returns:
        The largest difference from torch, in standard deviations of the depth.

    Raises:
        SettingsError: a size is no multiple of 14, or the network has no choice of `views`.
        ModelError: it is a nested network, see `depth_anything_3.export`.
    """
    if not isinstance(network, DepthAnythingV2 | VideoDepthAnything):
        return depth_anything_3.export(network, target, size=size, views=views, opset=opset)
    if views is not None:
        raise SettingsError("the number of views is of networks of many views; leave it out")
    original, network = network, shared_copy(network)
    fold_layer_scales(network.pretrained)
    if isinstance(network, DepthAnythingV2):
        assert isinstance(original, DepthAnythingV2)
        _export_picture(network, target, size, opset)
        return _compare_picture(original, target, size)
    assert isinstance(original, VideoDepthAnything)
    _export_video(network, target, size, opset)
    return _compare_video(original, target, size)


def _export_picture(network: DepthAnythingV2, target: Path, size: Size | None, opset: int) -> None:
    """One graph, `pixel_values` (1, 3, H, W) to `predicted_depth` (1, H, W)."""
    rows, columns = grid_of(size)
    picture = torch.zeros(1, 3, PATCH * rows, PATCH * columns)
    write_file(Part("", network, {"pixel_values": picture}, (free_sides(size),), ["predicted_depth"]), target, opset)


def _export_video(network: VideoDepthAnything, target: Path, size: Size | None, opset: int) -> None:
    """A folder of the graphs that `ExportedVideo` runs."""
    rows, columns = grid_of(size)
    picture = torch.zeros(1, 3, PATCH * rows, PATCH * columns)
    with torch.inference_mode():
        fine, medium, coarse, coarsest = network.encode(picture)
        path = network.mix(coarse, coarsest)
        context = [torch.zeros(places.shape[0], 3, places.shape[2]) for places in network.no_states(coarse, coarsest)]
    window = {"coarse": coarse.expand(FRAMES, -1, -1, -1), "coarsest": coarsest.expand(FRAMES, -1, -1, -1)}
    maps: Axes = {2: AUTO, 3: AUTO} if size is None else {}
    states: Axes = {0: AUTO, 1: AUTO} if size is None else {1: AUTO}
    parts = (
        Part("encoder", network.encode, {"picture": picture}, (free_sides(size),), ["fine", "medium", *window]),
        Part("temporal", network.mix, window, (maps, maps), ["path"]),
        Part("decoder", network.decode, {"fine": fine, "medium": medium, "path": path}, (maps, maps, maps), ["depth"]),
        Part(
            "step",
            network.step,
            {"coarse": coarse, "coarsest": coarsest, **dict(zip(STATES, context, strict=True))},
            (maps, maps, *(states for _ in STATES)),
            ["path", *(f"new_{name}" for name in STATES)],
        ),
    )
    write_folder(parts, target, opset)


def _compare_picture(network: DepthAnythingV2, target: Path, size: Size | None) -> float:
    picture = noise(1, size)
    (found,) = open_graph(target, ON_CPU).run(picture)
    with torch.inference_mode():
        return difference(found.reshape(found.shape[-2:]), network(torch.from_numpy(picture))[0].numpy())


def _compare_video(network: VideoDepthAnything, target: Path, size: Size | None) -> float:
    film = np.split(noise(FRAMES, size), FRAMES)
    exported = ExportedVideo(target, ON_CPU, is_streaming=False)
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.concatenate(film))[None])[0].numpy()
    of_window = difference(exported.decode(exported.encode(film)), expected)
    exported = ExportedVideo(target, ON_CPU, is_streaming=True)
    context: list[Any] = []
    found = expected[:1]
    for picture in film[:STEPS]:
        (features,) = exported.encode([picture])
        found, states = exported.step(features, context)
        context.append(states)
    with torch.inference_mode():
        before: list[list[Tensor]] = []
        for picture in film[:STEPS]:
            _, _, coarse, coarsest = parts = network.encode(torch.from_numpy(picture))
            past = [torch.cat(states, 1) for states in zip(*before, strict=True)] or network.no_states(coarse, coarsest)
            path, *states = network.step(coarse, coarsest, *past)
            before.append(states)
        expected = network.decode(*parts[:2], path)[0].numpy()
    return max(of_window, difference(found, expected))
