"""What the sky is made of, and how a network of single views gives metres to a scene of many.

Sky has no depth, and what the networks answer there is anything. It becomes as far as the farthest things that are
not sky, so that it lies behind them all.
"""

# torch types some of its functions not at all, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

import logging
from dataclasses import dataclass
from math import floor, inf

import torch
from torch import Tensor

from vergence.depth.families.depth_anything_3.sky import FAR, FEWEST, SKY

logger = logging.getLogger(__name__)

FARTHEST = 200.0  # metres, of the sky of a nested network
CANONICAL_FOCAL = 300.0  # pixels: the camera whose metres the metric network gives
LEAST_METRES, LEAST_DEPTH = 0.01, 0.001  # nearer pixels have no say in the scale


@dataclass(frozen=True)
class NestedScene:
    """N views in metres.

    Attributes:
        depth: (N, H, W) metres; of sky, as far as the farthest things.
        confidence: (N, H, W); of sky the least there is, 1.
        extrinsics: (N, 3, 4) camera_from_world, metres.
        is_sky: (N, H, W) bool.
        scale: metres in one unit of the network of many views, a scalar.
    """

    depth: Tensor
    confidence: Tensor
    extrinsics: Tensor
    is_sky: Tensor
    scale: Tensor


def metres(depth: Tensor, intrinsics: Tensor) -> Tensor:
    """The metric network's answer (N, H, W) in metres, for cameras (N, 3, 3) in pixels of these H x W views."""
    focal = (intrinsics[:, 0, 0] + intrinsics[:, 1, 1]) / 2
    return depth * (focal / CANONICAL_FOCAL)[:, None, None]


def fill_sky(depth: Tensor, sky: Tensor, *, farthest: float = inf) -> Tensor:
    """Give pixels of sky the depth of the farthest others, over all views together, and at most `farthest`.

    Args:
        depth: (N, H, W).
        sky: (N, H, W) the network's answer, from 0 up.
        farthest: in the unit of `depth`.
    """
    is_sky = sky >= SKY
    seen = depth[~is_sky]
    if seen.numel() <= FEWEST or depth.numel() - seen.numel() <= FEWEST:
        return depth
    return torch.where(is_sky, quantile(seen, FAR).clamp(max=farthest), depth)


def metric_scale(depth: Tensor, confidence: Tensor, metric: Tensor, is_sky: Tensor) -> Tensor:
    """Metres in one unit of `depth`, from the surer half of what is not sky; all are (N, H, W), the answer a scalar.

    Least squares: the factor that brings `depth` nearest to `metric`. Pictures of nothing but sky have the scale of
    all their pixels, which is a guess, where the authors' code stops.
    """
    is_used = ~is_sky
    if int(is_used.sum()) > FEWEST:
        is_used &= confidence >= quantile(confidence[is_used], 0.5)
        is_used &= (metric > LEAST_METRES) & (depth > LEAST_DEPTH)
    if int(is_used.sum()) <= FEWEST:
        logger.warning("next to nothing but sky is seen: the scale in metres is a guess")
        is_used = torch.ones_like(is_sky)
    source, target = depth[is_used].double(), metric[is_used].double()
    return ((source * target).sum() / (source * source).sum()).to(depth.dtype)


def nested_scene(
    depth: Tensor, confidence: Tensor, extrinsics: Tensor, intrinsics: Tensor, metric: Tensor, sky: Tensor
) -> NestedScene:
    """Bring a scene to metres.

    Args:
        depth: (N, H, W) of the network of many views.
        confidence: (N, H, W) likewise.
        extrinsics: (N, 3, 4) its cameras.
        intrinsics: (N, 3, 3) likewise, pixels of these views.
        metric: (N, H, W) the answer of the metric network to each view, before `metres`.
        sky: (N, H, W) its sky, from 0 up.
    """
    is_sky = sky >= SKY
    scale = metric_scale(depth, confidence, metres(metric, intrinsics), is_sky)
    moved = torch.cat([extrinsics[..., :3], extrinsics[..., 3:] * scale], dim=-1)
    # The least confidence, not a high one: nobody should make points of the sky.
    return NestedScene(
        fill_sky(depth * scale, sky, farthest=FARTHEST),
        torch.where(is_sky, 1.0, confidence),
        moved,
        is_sky,
        scale,
    )


def quantile(values: Tensor, share: float) -> Tensor:
    """The value, a scalar, under which a `share` of all lies, interpolated linearly.

    Of all values: the authors take it of 100 000 at random, and have another answer every time.
    """
    values = values.flatten()
    place = share * (values.numel() - 1)
    below = values.kthvalue(floor(place) + 1).values
    above = values.kthvalue(min(floor(place) + 2, values.numel())).values
    return below + (above - below) * (place - floor(place))
