"""The networks of Depth Anything 3, each of a backbone and its decoders."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vergence.depth.networks.depth_anything_3.backbone import Backbone, Features
from vergence.depth.networks.depth_anything_3.camera import (
    CameraDecoder,
    CameraEncoder,
    decoded,
    encoded,
    normalised,
)
from vergence.depth.networks.depth_anything_3.gaussian_head import GaussianHead
from vergence.depth.networks.depth_anything_3.head import Dense, DualDpt, SkyDpt
from vergence.depth.networks.depth_anything_3.nested import NestedScene, nested_scene
from vergence.depth.networks.depth_anything_3.reference_view import Strategy
from vergence.depth.networks.depth_anything_3.variants import NestedVariant, Variant
from vergence.errors import ShapeError

CHUNK = 8  # views decoded at once, as the authors do; the result does not depend on it


@dataclass(frozen=True)
class Scene:
    """What a network says of B scenes of S views of (H, W) pixels, in h x w patches; views in the order given.

    The world has the axes of the reference view, and a unit of its own.

    Attributes:
        depth: (B, S, H, W) along the optical axes, in the world's unit.
        confidence: (B, S, H, W), 1 and above, surer where higher.
        rays: (B, S, 8 h, 8 w, 6) direction, of any length, and origin in the world.
        ray_confidence: (B, S, 8 h, 8 w), as `confidence`.
        encodings: (B, S, 9) of the cameras; see `camera`.
        extrinsics: (B, S, 3, 4), from the world to the camera.
        intrinsics: (B, S, 3, 3) pixels of these views.
        reference: (B,) which view the others were seen from.
        gaussians: (B, S, H, W, 38) raw parameters; see `gaussian_head`. None where the network has none.
    """

    depth: Tensor
    confidence: Tensor
    rays: Tensor
    ray_confidence: Tensor
    encodings: Tensor
    extrinsics: Tensor
    intrinsics: Tensor
    reference: Tensor
    gaussians: Tensor | None


@dataclass(frozen=True)
class Sight:
    """What most uses need of a `Scene`, at about half the cost of its decoders: rays and Gaussians if asked for."""

    depth: Tensor
    confidence: Tensor
    extrinsics: Tensor
    intrinsics: Tensor
    gaussians: Tensor | None
    rays: Tensor | None
    ray_confidence: Tensor | None


class AnyView(nn.Module):
    """(B, S, 3, H, W) normalised views of B scenes, sides multiples of 14, to a `Scene`. Also of one view."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        width = variant.backbone.width
        self.pretrained = Backbone(variant.backbone)
        self.head = DualDpt(2 * width, variant.decoder)
        self.cam_enc = CameraEncoder(width)
        self.cam_dec = CameraDecoder(2 * width)
        self.gs_head = GaussianHead(2 * width, variant.decoder) if variant.has_gaussians else None

    def forward(
        self,
        views: Tensor,
        cameras: tuple[Tensor, Tensor] | None = None,
        *,
        strategy: Strategy = "saddle_balanced",
        chunk: int = CHUNK,
    ) -> Scene:
        """Look at scenes.

        Args:
            views: (B, S, 3, H, W).
            cameras: (B, S, 4, 4) extrinsics and (B, S, 3, 3) intrinsics in pixels of these views, where they are known.
                They help; the cameras in the answer are still the network's own, in a world of its own.
            strategy: how a reference is chosen among three views or more of unknown cameras.
            chunk: views decoded at once: more need more memory.
        """
        known = self.tokens_of(cameras, views) if cameras else None
        features = self.look(views, known, strategy=strategy)
        encodings = self.encodings_of(features)
        dense, gaussians = self.decode(features, views, chunk=chunk)
        shape = views.shape[:2]
        return Scene(
            dense.depth.unflatten(0, shape),
            dense.confidence.unflatten(0, shape),
            dense.rays.unflatten(0, shape),
            dense.ray_confidence.unflatten(0, shape),
            encodings,
            *decoded(encodings, views.shape[3], views.shape[4]),
            features.reference,
            None if gaussians is None else gaussians.unflatten(0, shape),
        )

    def sight(
        self,
        views: Tensor,
        cameras: tuple[Tensor, Tensor] | None = None,
        *,
        strategy: Strategy = "saddle_balanced",
        chunk: int = CHUNK,
        gaussians: bool = False,
        rays: bool = False,
    ) -> Sight:
        """The same numbers as `forward`, less of them; arguments likewise."""
        known = self.tokens_of(cameras, views) if cameras else None
        features = self.look(views, known, strategy=strategy)
        maps: list[tuple[Tensor, ...]] = []
        raw: list[Tensor] = []
        for levels, pictures in zip(_chunks(features, chunk), views.flatten(0, 1).split(chunk), strict=True):
            levels = [level.to(self.head.norm.weight.dtype) for level in levels]
            if rays:
                dense = self.head.decode(levels, features.rows, features.columns)
                maps.append((dense.depth, dense.confidence, dense.rays, dense.ray_confidence))
            else:
                maps.append(self.head.decode_depth(levels, features.rows, features.columns))
            if gaussians and self.gs_head is not None:
                raw.append(self.gs_head(levels, pictures))
        shape = views.shape[:2]
        depth, confidence, *directions = (torch.cat(parts).unflatten(0, shape) for parts in zip(*maps, strict=True))
        return Sight(
            depth,
            confidence,
            *decoded(self.encodings_of(features), views.shape[3], views.shape[4]),
            torch.cat(raw).unflatten(0, shape) if raw else None,
            *(directions if rays else (None, None)),
        )

    def tokens_of(self, cameras: tuple[Tensor, Tensor], views: Tensor) -> Tensor:
        """The (B, S, width) tokens of known cameras, from the first of which the others are seen."""
        extrinsics, intrinsics = cameras
        encodings = encoded(normalised(extrinsics), intrinsics, *views.shape[-2:])
        return self.cam_enc(encodings.to(self.cam_enc.token_norm.weight.dtype))

    def look(self, views: Tensor, cameras: Tensor | None = None, *, strategy: Strategy = "saddle_balanced") -> Features:
        """What all decoders read, of views and the tokens of their cameras."""
        return self.pretrained(views.to(self.pretrained.cls_token.dtype), cameras, strategy=strategy)

    def encodings_of(self, features: Features) -> Tensor:
        """The (B, S, 9) cameras the network found."""
        return self.cam_dec(features.levels[-1].camera.to(self.cam_dec.fc_t.weight.dtype))

    def decode(self, features: Features, views: Tensor, *, chunk: int = CHUNK) -> tuple[Dense, Tensor | None]:
        """The maps of all B * S views, and (B * S, H, W, 38) raw Gaussians where there are some."""
        dense, gaussians = [], []
        for levels, pictures in zip(_chunks(features, chunk), views.flatten(0, 1).split(chunk), strict=True):
            levels = [level.to(self.head.norm.weight.dtype) for level in levels]
            dense.append(self.head.decode(levels, features.rows, features.columns))
            if self.gs_head is not None:
                gaussians.append(self.gs_head(levels, pictures))
        fields = (torch.cat([getattr(one, name) for one in dense]) for name in Dense.__annotations__)
        return Dense(*fields), torch.cat(gaussians) if gaussians else None


class OneView(nn.Module):
    """(N, 3, H, W) normalised views, each seen alone, to (N, H, W) depth and (N, H, W) sky, from 0 up.

    The metric network's depth is in metres once multiplied by the focal length in pixels of these views, over 300.
    """

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.pretrained = Backbone(variant.backbone)
        self.head = SkyDpt(variant.backbone.width, variant.decoder)

    def forward(self, views: Tensor, *, chunk: int = CHUNK) -> tuple[Tensor, Tensor]:
        features = self.pretrained(views[:, None].to(self.pretrained.cls_token.dtype))
        parts = [
            self.head.decode(
                [level.to(self.head.projects[0].weight.dtype) for level in levels], features.rows, features.columns
            )
            for levels in _chunks(features, chunk)
        ]
        depth, sky = (torch.cat(some) for some in zip(*parts, strict=True))
        return depth, sky


class Nested(nn.Module):
    """Both networks of a nested checkpoint: (1, S, 3, H, W) normalised views of one scene, in metres."""

    def __init__(self, variant: NestedVariant) -> None:
        super().__init__()
        self.da3 = AnyView(variant.any_view)
        self.da3_metric = OneView(variant.metric)

    def forward(
        self,
        views: Tensor,
        cameras: tuple[Tensor, Tensor] | None = None,
        *,
        strategy: Strategy = "saddle_balanced",
        chunk: int = CHUNK,
    ) -> tuple[Scene, NestedScene]:
        """See `AnyView`, whose answer comes first; in a unit of its own, its raw Gaussians too.

        Raises:
            ShapeError: it is a batch of scenes: each has a scale of its own.
        """
        if len(views) != 1:
            raise ShapeError(f"a nested network takes one scene at a time, not {len(views)}; give one after the other")
        scene = self.da3(views, cameras, strategy=strategy, chunk=chunk)
        metric, sky = self.da3_metric(views[0], chunk=chunk)
        return scene, nested_scene(
            scene.depth[0], scene.confidence[0], scene.extrinsics[0], scene.intrinsics[0], metric, sky
        )


def _chunks(features: Features, chunk: int) -> Iterator[list[Tensor]]:
    """The four levels of patches of `chunk` of the B * S views at a time."""
    yield from map(list, zip(*(level.patches.flatten(0, 1).split(chunk) for level in features.levels), strict=True))
