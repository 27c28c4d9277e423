"""Depth Anything 3 by torch: the published checkpoints as they are, on the CPU or on CUDA."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# Its `Module.to` has no overload for a memory format.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, call-overload, union-attr, arg-type"

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vergence.depth.cards import CARDS
from vergence.depth.families.depth_anything_3.network import Answer, Floats
from vergence.depth.families.depth_anything_3.ray_pose import found_by_rays
from vergence.depth.families.depth_anything_3.sky import SKY
from vergence.depth.memory import Budget, Views
from vergence.depth.networks.depth_anything_3 import nested
from vergence.depth.networks.depth_anything_3.adapter import offset_along_rays, placed_gaussians, to_gaussians
from vergence.depth.networks.depth_anything_3.checkpoints import Network, load_network
from vergence.depth.networks.depth_anything_3.gaussian_head import pixel_gaussians
from vergence.depth.networks.depth_anything_3.network import AnyView, Nested, OneView
from vergence.depth.networks.dinov2 import fold_layer_scales
from vergence.depth.runtimes import RuntimeOptions
from vergence.depth.runtimes.torch import Place
from vergence.errors import ModelError
from vergence.types import Gaussians

MOSTLY = 0.5  # of a ray's length made up for by the offsets: then they were trained to be lengths of rays


def open_network(
    weights: Path, options: RuntimeOptions, *, budget: Budget | None = None, variant: str | None = None
) -> "TorchNetwork":
    """Depth Anything 3 of a checkpoint.

    Args:
        weights: a file or a published folder, see `load_network`.
        options: only the backbone computes in the precision asked, the decoders in float32, as the authors do.
        budget: what it may take; None is any amount.
        variant: what it has to be; None takes what it is.

    Raises:
        WeightsError: it is of another network.
        DeviceError: CUDA was asked for and is not there, or its memory does not hold the network.
        ModelError: the precision is not for this device, an ONNX runtime was asked for, or memory does not suffice.
    """
    if options.runtime not in ("auto", "torch"):
        raise ModelError(f"{weights} is a checkpoint, which {options.runtime} does not run; leave out --runtime")
    place = Place(options)
    with place.running():
        name, network = load_network(weights, variant)
    if budget is None:
        budget = Budget(CARDS[f"depth-anything-3-{name}"], None, place.device.type == "cuda", options.precision)
    return TorchNetwork(name, network, place, budget)


class TorchNetwork:
    """See `families.depth_anything_3.network.Network`."""

    size: tuple[int, int] | None = None

    def __init__(self, variant: str, network: Network, place: Place, budget: Budget) -> None:
        self.variant = variant
        self._network = network
        self._place = place
        self._budget = budget
        self._any_view = network.da3 if isinstance(network, Nested) else network
        self.has_gaussians = isinstance(self._any_view, AnyView) and self._any_view.gs_head is not None
        with place.running():
            for part in (network.da3, network.da3_metric) if isinstance(network, Nested) else (network,):
                fold_layer_scales(part.pretrained)
                part.pretrained.to(place.device, place.type)
                if place.device.type == "cpu":
                    part.head.to(memory_format=torch.channels_last)
            network.to(place.device)

    def alone(self, pictures: Floats, focal: NDArray[np.float64] | None = None) -> Answer:
        height, width = pictures.shape[2:]
        one = Views(1, height, width)
        self._budget.require(one)
        size = self._budget.batch(one)
        with self._place.running():
            parts = [
                self._alone(self._put(pictures[n : n + size]), None if focal is None else focal[n : n + size])
                for n in range(0, len(pictures), size)
            ]
        return _joined(parts)

    def together(
        self,
        pictures: Floats,
        cameras: tuple[Floats, Floats] | None = None,
        *,
        gaussians: bool = False,
        by_rays: bool = False,
    ) -> Answer:
        assert isinstance(self._any_view, AnyView)
        count, _, height, width = pictures.shape
        shown = Views(count, height, width, gaussians)
        self._budget.require(shown)
        chunk = self._budget.chunk(shown)
        with self._place.running():
            views = self._put(pictures)
            known = tuple(self._put(part)[None] for part in cameras) if cameras else None
            seen = self._any_view.sight(views[None], known, chunk=chunk, gaussians=gaussians, rays=by_rays)
            depth, confidence = seen.depth[0], seen.confidence[0]
            extrinsics, intrinsics = seen.extrinsics[0], seen.intrinsics[0]
            if seen.rays is not None and seen.ray_confidence is not None:
                found = found_by_rays(_array(seen.rays[0]), _array(seen.ray_confidence[0]), height, width)
                extrinsics, intrinsics = map(self._put, found)
            raw = None if seen.gaussians is None else seen.gaussians[0]
            if not isinstance(self._network, Nested):
                return Answer(
                    _array(depth),
                    _array(confidence),
                    extrinsics=_array(extrinsics),
                    intrinsics=_array(intrinsics),
                    raw_depth=depth,
                    raw_gaussians=raw,
                )
            metric, sky = self._network.da3_metric(views, chunk=chunk)
            lenses = intrinsics if known is None else known[1][0]
            scene = nested.nested_scene(depth, confidence, extrinsics, lenses, metric, sky)
            return Answer(
                _array(scene.depth),
                _array(scene.confidence),
                scene.is_sky.cpu().numpy(),
                _array(scene.extrinsics),
                _array(intrinsics),
                raw_depth=depth,
                raw_gaussians=raw,
                scale=float(scene.scale),
            )

    def place(self, answer: Answer, extrinsics: Floats, intrinsics: Floats, *, scale: float) -> Gaussians:
        with self._place.running():
            return placed(answer, extrinsics, intrinsics, scale=scale, device=self._place.device)

    def _alone(self, views: Tensor, focal: NDArray[np.float64] | None) -> Answer:
        if isinstance(self._any_view, OneView):
            depth, sky = self._any_view(views, chunk=len(views))
            depth = torch.cat([nested.fill_sky(*one) for one in zip(depth.split(1), sky.split(1), strict=True)])
            return Answer(_array(depth), is_sky=(sky >= SKY).cpu().numpy())
        seen = self._any_view.sight(views[:, None], chunk=len(views))
        depth, confidence, extrinsics, intrinsics = (
            part[:, 0] for part in (seen.depth, seen.confidence, seen.extrinsics, seen.intrinsics)
        )
        if not isinstance(self._network, Nested):
            return Answer(_array(depth), _array(confidence), None, _array(extrinsics), _array(intrinsics))
        metric, sky = self._network.da3_metric(views, chunk=len(views))
        lenses = intrinsics if focal is None else _lenses(intrinsics, focal)
        made = []
        for n in range(len(views)):  # each has a scale of its own
            one = slice(n, n + 1)
            made.append(
                nested.nested_scene(depth[one], confidence[one], extrinsics[one], lenses[one], metric[one], sky[one])
            )
        return Answer(
            _array(torch.cat([one.depth for one in made])),
            _array(torch.cat([one.confidence for one in made])),
            torch.cat([one.is_sky for one in made]).cpu().numpy(),
            _array(torch.cat([one.extrinsics for one in made])),
            _array(intrinsics),
        )

    def _put(self, array: Floats) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._place.device)


def placed(
    answer: Answer, extrinsics: Floats, intrinsics: Floats, *, scale: float, device: torch.device | str = "cpu"
) -> Gaussians:
    """Do what `Network.place` does, on a device."""
    parts = (answer.raw_depth, answer.raw_gaussians, extrinsics, intrinsics)
    depth, raw, poses, lenses = (torch.as_tensor(part, device=device) for part in parts)
    made, along_rays = [], None
    for n in range(len(depth)):  # one view at a time: all their numbers take 200 bytes a pixel
        one = slice(n, n + 1)
        pixels = pixel_gaussians(raw[one])
        if along_rays is None:
            along_rays = offset_along_rays(pixels, depth[one], lenses[one]) > MOSTLY
        splats = placed_gaussians(pixels, depth[one], poses[one], lenses[one], scale=scale, along_rays=along_rays)
        made.append(to_gaussians(splats))
    names = ("means", "scales", "rotations", "opacities", "harmonics")
    return Gaussians(*(np.concatenate([getattr(one, name) for one in made]) for name in names))


def _lenses(intrinsics: Tensor, focal: NDArray[np.float64]) -> Tensor:
    lenses = intrinsics.clone()
    lenses[:, 0, 0] = lenses[:, 1, 1] = torch.from_numpy(focal).to(lenses)
    return lenses


def _array(tensor: Tensor) -> Floats:
    array: Any = tensor.float().cpu().numpy()
    return array


def _joined(parts: list[Answer]) -> Answer:
    """One answer of all views that were looked at alone."""
    if len(parts) == 1:
        return parts[0]
    names = ("depth", "confidence", "is_sky", "extrinsics", "intrinsics")
    columns = ([getattr(part, name) for part in parts] for name in names)
    return Answer(*(None if column[0] is None else np.concatenate(column) for column in columns))
