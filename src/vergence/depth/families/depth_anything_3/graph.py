"""Depth Anything 3 as exported ONNX graphs, which run without torch; `networks.depth_anything_3.export` makes them.

A graph takes one (S, 3, H, W) array of views, sides multiples of 14. One of a network of many views gives five arrays
for it, of one scene: depth (S, H, W), confidence (S, H, W), rays (S, h, w, 6), their confidence (S, h, w) and encoded
cameras (S, 9). One of a network of one view gives two: depth and sky (S, H, W). A network with a head of Gaussians is a
folder: there `views.onnx` also gives four levels of features, of which `gaussians.onnx` makes raw Gaussians.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.depth.families.depth_anything_3.network import Answer, Floats
from vergence.depth.families.depth_anything_3.ray_pose import found_by_rays
from vergence.depth.families.depth_anything_3.sky import SKY, fill_sky
from vergence.depth.families.patches import PATCH
from vergence.depth.memory import Budget, Views
from vergence.depth.runtimes import Port, RuntimeOptions, open_graph
from vergence.errors import ModelError, WeightsError
from vergence.geometry.pose import rotation_matrices
from vergence.types import Gaussians

logger = logging.getLogger(__name__)

VIEWS = "views"
ALONE = ("depth", "sky")  # what graphs give, in this order
TOGETHER = ("depth", "confidence", "rays", "ray_confidence", "encodings")
LEVELS = ("level0", "level1", "level2", "level3")
GAUSSIANS = ("gaussians",)
PARTS = ("views.onnx", "gaussians.onnx")  # files of a folder

RANKS_ALONE = (3, 3)
RANKS_TOGETHER = (3, 3, 4, 3, 2)
ENCODED = 9  # numbers of a camera: where it is, the quaternion xyzw of its axes, its fields of view, the vertical first
SCORES = 8  # bytes of the attention of a token to another, which no runtime is sure not to keep: twice in float32
LEAST_TANGENT = 1e-6  # of half a field of view


def is_graph(weights: Path) -> bool:
    """Whether weights are an exported graph, or the folder of an exported network."""
    return weights.suffix.lower() == ".onnx" or (weights.is_dir() and (weights / PARTS[0]).is_file())


def matches(inputs: Sequence[Port], outputs: Sequence[Port]) -> bool:
    """Whether a graph with these ports belongs to this family."""
    return _fault(inputs, outputs) is None


def gives_many(outputs: Sequence[Port]) -> bool:
    """Whether a graph that `matches` is of a network of many views."""
    return len(outputs) > len(ALONE)


class GraphNetwork:
    """See `families.depth_anything_3.network.Network`. Known cameras do not help it: graphs have no input for them."""

    def __init__(
        self,
        weights: Path,
        options: RuntimeOptions,
        variant: str,
        *,
        sees_many: bool,
        budget: Budget | None = None,
    ) -> None:
        """Open a graph, or a folder of them.

        Args:
            weights: see `is_graph`.
            options: what computes it.
            variant: what it is: the sizes of one kind have the same inputs and outputs.
            sees_many: it has to be of a network of many views, or of one.
            budget: what it may take; None is any amount.

        Raises:
            WeightsError: it does not have this family's inputs and outputs, or not those asked for.
            ModelError, DeviceError: no runtime here computes what is asked.
        """
        self.variant = variant
        self._sees_many = sees_many
        self._weights = weights
        self._graph = open_graph(weights / PARTS[0] if weights.is_dir() else weights, options)
        if fault := _fault(self._graph.inputs, self._graph.outputs):
            raise WeightsError(
                f"{weights} is not a Depth Anything 3 network: {fault}; needed are one input (views, 3, H, W) with H "
                f"and W both multiples of {PATCH} or both of any size, and the outputs {', '.join(ALONE)} or "
                f"{', '.join(TOGETHER)}; `vergence models export` makes such"
            )
        if sees_many != gives_many(self._graph.outputs):
            kinds = ("one view", "many views")
            raise WeightsError(
                f"{weights} is of a network of {kinds[not sees_many]}, but {variant} is one of {kinds[sees_many]}; "
                "give it under its own name"
            )
        self._budget = budget if getattr(self._graph, "device", "cpu") == "cpu" else None  # of a CPU's memory
        self._count, _, height, width = self._graph.inputs[0].shape
        self.size = None if height is None or width is None else (height, width)
        self.has_gaussians = weights.is_dir() and (weights / PARTS[1]).is_file()
        self._head = open_graph(weights / PARTS[1], options) if self.has_gaussians else None

    def alone(self, pictures: Floats, focal: NDArray[np.float64] | None = None) -> Answer:  # noqa: ARG002
        if self._count not in (1, None):
            raise ModelError(
                f"{self._weights} was exported for {self._count} views together, and here each is seen by itself; "
                "export it for one, or for any number: --views any"
            )
        return joined([self._alone(pictures[n : n + 1]) for n in range(len(pictures))])

    def together(
        self,
        pictures: Floats,
        cameras: tuple[Floats, Floats] | None = None,
        *,
        gaussians: bool = False,
        by_rays: bool = False,
    ) -> Answer:
        if cameras is not None:
            logger.info("known cameras do not help an exported network; its own are fitted to them")
        if not self._sees_many:
            raise ModelError(f"{self._weights} sees one view at a time; choose a model of many views")
        if self._count not in (len(pictures), None):
            raise ModelError(
                f"{self._weights} was exported for {self._count} view{'s' if self._count != 1 else ''}, not "
                f"{len(pictures)}; export it for any number (--views any), or run its checkpoint (--runtime torch)"
            )
        return self._together(pictures, gaussians=gaussians, by_rays=by_rays)

    def place(self, answer: Answer, extrinsics: Floats, intrinsics: Floats, *, scale: float) -> Gaussians:
        if find_spec("torch") is None:
            raise ModelError(
                "Gaussians of a network's own head are placed by torch, which is not installed; "
                "`pip install torch==2.13.0`, or make splats of its depth"
            )
        from vergence.depth.runtimes.torch_depth_anything_3 import placed

        return placed(answer, extrinsics, intrinsics, scale=scale)

    def _alone(self, picture: Floats) -> Answer:
        if self._sees_many:
            return replace(self._together(picture, gaussians=False), raw_depth=None)
        depth, sky = self._graph.run(picture)
        self._check(depth, picture)
        return Answer(fill_sky(depth, sky), is_sky=sky >= SKY)

    def _together(self, pictures: Floats, *, gaussians: bool, by_rays: bool = False) -> Answer:
        self._require(Views(len(pictures), pictures.shape[2], pictures.shape[3], gaussians))
        depth, confidence, rays, sureness, encodings, *levels = self._graph.run(pictures)
        self._check(depth, pictures)
        raw = self._head.run(pictures, *levels)[0] if gaussians and self._head is not None else None
        height, width = pictures.shape[2:]
        cameras = found_by_rays(rays, sureness, height, width) if by_rays else decoded(encodings, height, width)
        return Answer(depth, confidence, None, *cameras, raw_depth=depth, raw_gaussians=raw)

    def _require(self, views: Views) -> None:
        """Raise where all views, decoded at once, and the scores of one head do not fit."""
        limit = None if self._budget is None else self._budget.limit
        if self._budget is None or limit is None:
            return
        tokens = views.count * ((views.height // PATCH) * (views.width // PATCH) + 1)
        need = self._budget.need(views, chunk=views.count) + SCORES * tokens**2
        if need > limit:
            raise ModelError(
                f"{self._weights} needs about {need / 1e9:.1f} GB for {views}, and {limit / 1e9:.1f} GB may be used; "
                "show it fewer views, or smaller ones (--input-size), or run its checkpoint, which takes less"
            )

    def _check(self, depth: Floats, pictures: Floats) -> None:
        count, _, height, width = pictures.shape
        if depth.shape != (count, height, width):
            raise WeightsError(
                f"{self._weights} answered {count} view(s) of {width}x{height} with depth of shape {depth.shape}: "
                "this is another network"
            )


def decoded(encodings: Floats, height: int, width: int) -> tuple[Floats, Floats]:
    """The (S, 3, 4) extrinsics and (S, 3, 3) intrinsics of (S, 9) encodings, in pixels of `height` x `width` views."""
    wxyz = encodings[:, [6, 3, 4, 5]].astype(np.float64)
    to_camera = np.swapaxes(rotation_matrices(wxyz), 1, 2)
    extrinsics = np.concatenate([to_camera, -to_camera @ encodings[:, :3, None]], axis=2)
    tangents = np.maximum(np.tan(encodings[:, 7:].astype(np.float64) / 2), LEAST_TANGENT)
    intrinsics = np.zeros((len(encodings), 3, 3))
    intrinsics[:, 0, 0], intrinsics[:, 1, 1] = width / 2 / tangents[:, 1], height / 2 / tangents[:, 0]
    intrinsics[:, :2, 2] = width / 2, height / 2
    intrinsics[:, 2, 2] = 1
    return extrinsics.astype(np.float32), intrinsics.astype(np.float32)


def _fault(inputs: Sequence[Port], outputs: Sequence[Port]) -> str | None:
    if len(inputs) != 1 or len(outputs) not in (len(ALONE), len(TOGETHER), len(TOGETHER) + len(LEVELS)):
        return f"it has {len(inputs)} inputs and {len(outputs)} outputs"
    views = inputs[0]
    if len(views.shape) != 4 or views.shape[1] not in (3, None):
        return f"its input is {views}"
    height, width = views.shape[2:]
    if (height is None) != (width is None) or (height or 0) % PATCH or (width or 0) % PATCH:
        return f"its input is {views}"
    ranks = RANKS_TOGETHER if gives_many(outputs) else RANKS_ALONE
    for port, rank in zip(outputs, ranks, strict=False):
        if port.shape and len(port.shape) != rank:  # exporters leave the rank of an output open now and then
            return f"its output is {port}"
    if gives_many(outputs) and outputs[4].shape and outputs[4].shape[1] not in (ENCODED, None):
        return f"its output is {outputs[4]}"
    return None


def joined(answers: Sequence[Answer]) -> Answer:
    """One answer of all views that were looked at alone."""
    if len(answers) == 1:
        return answers[0]
    parts: dict[str, Any] = {}
    for name in ("depth", "confidence", "is_sky", "extrinsics", "intrinsics"):
        found = [getattr(answer, name) for answer in answers]
        parts[name] = None if found[0] is None else np.concatenate(found)
    return Answer(**parts)
