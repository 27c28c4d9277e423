"""Depth Anything 3 as ONNX graphs.

One graph takes (S, 3, H, W) normalised `views`, named as what they give: of networks of many views one scene's `depth`,
`confidence`, `rays`, `ray_confidence` and the `encodings` of its cameras, all as in `Scene` less the batch; of networks
of one view `depth` and `sky`. A network with a head of Gaussians is a folder: there `views.onnx` also gives the four
levels of features that `gaussians.onnx` makes raw Gaussians of, so that whoever wants none does not pay for them. Known
cameras, which could help a network of many views, are no input of its graph.
"""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, union-attr, operator, arg-type"

from pathlib import Path

import torch
from torch import Tensor, nn

from vergence.depth.families.depth_anything_3.graph import (
    ALONE,
    GAUSSIANS,
    LEVELS,
    PARTS,
    TOGETHER,
    VIEWS,
)
from vergence.depth.networks.depth_anything_3.network import AnyView, Nested, OneView
from vergence.depth.networks.dinov2 import PATCH, fold_layer_scales
from vergence.depth.networks.tracing import (
    ON_CPU,
    Axes,
    Part,
    Size,
    difference,
    free_grid,
    free_sides,
    grid_of,
    noise,
    shared_copy,
    write_file,
    write_folder,
)
from vergence.depth.runtimes import open_graph
from vergence.errors import ModelError, SettingsError

Network = AnyView | OneView | Nested

SHOWN = 3  # views, to the tracer of a graph of any number: with fewer no reference is chosen
MOST_VIEWS = 1024
COMPARED = (1, 2, 4)  # views on which a graph of any number is compared


def export(network: Network, target: Path, *, size: Size | None, views: int | None, opset: int) -> float:
    """Write a network as ONNX and run it in onnxruntime on noise.

    Args:
        network: in float32.
        target: a folder of `views.onnx` and `gaussians.onnx` for a network with a head of Gaussians, else a file.
        size: (height, width) of the only views it takes; None is any multiples of 14.
        views: how many of them it takes, no more and no fewer; None is any number. All are decoded at once, and so
            in memory together, where torch decodes them one by one.
        opset: of ONNX.

    Returns:
        The largest difference of any output from torch, in standard deviations of that output.

    Raises:
        ModelError: it is a nested network.
        SettingsError: a network of one view is asked for several, or the size is no multiple of 14.
    """
    if isinstance(network, Nested):
        raise ModelError(
            "a nested network is two networks, which are not exported together; export depth-anything-3-giant and "
            "depth-anything-3-metric-large, or run its checkpoint in torch"
        )
    if views is not None and not 1 <= views <= MOST_VIEWS:
        raise SettingsError(f"a graph takes from 1 to {MOST_VIEWS} views, not {views}; or any number of them")
    if isinstance(network, OneView) and views not in (None, 1):
        raise SettingsError("this network sees one view at a time; leave out the number of views")
    folded = shared_copy(network)
    fold_layer_scales(folded.pretrained)
    if isinstance(network, OneView):
        rows, columns = grid_of(size)
        shown = torch.zeros(1, 3, PATCH * rows, PATCH * columns)
        write_file(Part("", folded, {VIEWS: shown}, (free_sides(size),), ALONE), target, opset)
        return _compare_alone(network, target, size)
    assert isinstance(folded, AnyView)
    if views != 1:
        for block in folded.pretrained.seeing_together():
            block.attn.is_by_head = True
    parts = _parts(folded, size, views)
    if len(parts) == 1:
        write_file(parts[0], target, opset)
    else:
        write_folder(parts, target, opset)
    return max(_compare(network, target, size, count) for count in (COMPARED if views is None else (views,)))


def _parts(network: AnyView, size: Size | None, views: int | None) -> list[Part]:
    rows, columns = grid_of(size)
    shown = torch.zeros(views or SHOWN, 3, PATCH * rows, PATCH * columns)
    count: Axes = {} if views is not None else {0: torch.export.Dim("views", min=1, max=MOST_VIEWS)}
    axes = {**count, **free_sides(size)}
    if network.gs_head is None:
        return [Part("", _Views(network), {VIEWS: shown}, (axes,), TOGETHER)]
    levels = {name: torch.zeros(len(shown), rows, columns, network.head.norm.weight.numel()) for name in LEVELS}
    every = (axes, *[{**count, **free_grid(size)}] * len(LEVELS))
    return [
        Part(VIEWS, _Views(network, with_levels=True), {VIEWS: shown}, (axes,), (*TOGETHER, *LEVELS)),
        Part("gaussians", _Gaussians(network), {VIEWS: shown, **levels}, every, GAUSSIANS),
    ]


class _Views(nn.Module):
    """All but the Gaussians of one scene; `with_levels` also what those are made of."""

    def __init__(self, network: AnyView, *, with_levels: bool = False) -> None:
        super().__init__()
        self.pretrained, self.head, self.cam_dec = network.pretrained, network.head, network.cam_dec
        self._with_levels = with_levels

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        features = self.pretrained(views[None])
        levels = [level.patches[0] for level in features.levels]
        dense = self.head.decode(levels, features.rows, features.columns)
        encodings = self.cam_dec(features.levels[-1].camera)[0]
        found = (dense.depth, dense.confidence, dense.rays, dense.ray_confidence, encodings)
        if not self._with_levels:
            return found
        return (*found, *(level.unflatten(1, (features.rows, features.columns)) for level in levels))


class _Gaussians(nn.Module):
    def __init__(self, network: AnyView) -> None:
        super().__init__()
        self.gs_head = network.gs_head

    def forward(self, views: Tensor, *levels: Tensor) -> Tensor:
        return self.gs_head([level.flatten(1, 2) for level in levels], views)


def _compare_alone(network: OneView, target: Path, size: Size | None) -> float:
    views = noise(1, size)
    found = open_graph(target, ON_CPU).run(views)
    with torch.inference_mode():
        expected = network(torch.from_numpy(views))
    return max(difference(ours, theirs.numpy()) for ours, theirs in zip(found, expected, strict=True))


def _compare(network: AnyView, target: Path, size: Size | None, count: int) -> float:
    views = noise(count, size)
    is_file = network.gs_head is None
    found = open_graph(target if is_file else target / PARTS[0], ON_CPU).run(views)
    if not is_file:
        found, levels = found[: len(TOGETHER)], found[len(TOGETHER) :]
        found += open_graph(target / PARTS[1], ON_CPU).run(views, *levels)
    with torch.inference_mode():
        scene = network(torch.from_numpy(views)[None])
    expected = [getattr(scene, name)[0].numpy() for name in (*TOGETHER, *(() if is_file else GAUSSIANS))]
    return max(difference(ours, theirs) for ours, theirs in zip(found, expected, strict=True))
