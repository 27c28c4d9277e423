"""What several cameras see at one moment, in one cloud of bounded size."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vergence.geometry.resample import shrink
from vergence.pipelines.points import PixelSettings, used_pixels
from vergence.pipelines.posed import lens_of, pose_of
from vergence.points.fuse import DepthView, is_contradicted, joined, moved
from vergence.points.select import chosen
from vergence.types import Camera, DepthFrame, PointCloud

LEAST_SURE = 0.1  # share of a view's pixels that is left out, those the model is least sure of
TOLERANCE = 0.1  # of depth: a camera that sees so much farther sees through a point
EVEN = 8  # px: in squares of so many a side the pixels take turns


@dataclass(frozen=True)
class MomentSettings:
    """What becomes of a moment's views.

    Attributes:
        most: points at most.
        pixels: which pixels of each view are used at all.
        least_sure: share of each view's pixels that goes because the model is least sure of them.
        tolerance: points that more of the other cameras see through than agree with go, see `is_contradicted`.
    """

    most: int = 250_000
    pixels: PixelSettings = field(default_factory=PixelSettings)
    least_sure: float = LEAST_SURE
    tolerance: float = TOLERANCE


def cloud_of_moment(views: Sequence[DepthFrame], settings: MomentSettings | None = None) -> PointCloud:
    """Put the views of one world into one cloud, with the model's confidence where all have it.

    Points come in an order in which any beginning of the list is an even share of all views, and of the same pixels
    each time: who wants fewer takes the first ones.

    Raises:
        ModelError: a view has no camera.
    """
    settings = settings or MomentSettings()
    small = [_with_small_picture(_sure(view, settings.least_sure)) for view in views]
    pixels = [used_pixels(view, lens_of(view.depth), settings.pixels) for view in small]
    ranks = [_ranks(each.kept.shape) for each in pixels]
    last = _last_rank([rank[each.kept] for rank, each in zip(ranks, pixels, strict=True)], settings.most)
    seen = [_seen(view) for view in small]
    clouds, orders = [], []
    for place, (view, each, rank) in enumerate(zip(small, pixels, ranks, strict=True)):
        wanted = each.without(rank[each.kept] > last)
        cloud = moved(wanted.cloud(), pose_of(view.depth))
        wrong = is_contradicted(cloud.points, seen[:place] + seen[place + 1 :], tolerance=settings.tolerance)
        clouds.append(chosen(cloud, ~wrong))
        orders.append(rank[wanted.kept][~wrong])
    if any(cloud.confidence is None for cloud in clouds):
        clouds = [replace(cloud, confidence=None) for cloud in clouds]
    order = np.argsort(np.concatenate(orders), kind="stable") if orders else np.empty(0, np.intp)
    return chosen(joined(clouds), order[: settings.most])


def _sure(view: DepthFrame, share: float) -> DepthFrame:
    depth = view.depth
    if depth.confidence is None or not depth.valid.any():
        return view
    least = np.quantile(depth.confidence[depth.valid], share)
    return replace(view, depth=replace(depth, valid=depth.valid & (depth.confidence >= least)))


def _with_small_picture(view: DepthFrame) -> DepthFrame:
    """With a picture of its depth's size."""
    height, width = view.depth.values.shape
    frame = replace(view.frame, rgb=shrink(view.frame.rgb8, width, height), intrinsics=None)
    return replace(view, frame=frame)


def _seen(view: DepthFrame) -> DepthView:
    depth = view.depth
    height, width = depth.values.shape
    z = np.where(depth.valid, depth.values, np.float32(0))
    return DepthView(z, Camera(lens_of(depth).resized(width, height), pose_of(depth)))


def _ranks(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """When each pixel's turn is: those of one rank lie 8 px apart, and those up to any rank evenly.

    The order of B. Bayer ("An optimum method for two-level rendition of continuous-tone pictures", 1973).
    """
    turns = np.zeros((1, 1), np.int64)
    while len(turns) < EVEN:
        turns = np.block([[4 * turns, 4 * turns + 2], [4 * turns + 3, 4 * turns + 1]])
    down, across = (-(-side // EVEN) for side in shape)
    return np.tile(turns.astype(np.uint8), (down, across))[: shape[0], : shape[1]]


def _last_rank(ranks: Sequence[NDArray[np.uint8]], most: int) -> int:
    """The least rank with which there are `most` points, or as many as there are."""
    counts = sum(np.bincount(rank, minlength=EVEN**2) for rank in ranks)
    enough = np.flatnonzero(np.cumsum(counts) >= most)
    return int(enough[0]) if len(enough) else EVEN**2
