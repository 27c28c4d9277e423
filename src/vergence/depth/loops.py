"""Mending the drift of a long film where its camera comes back to a place.

Three steps: while a film passes, `Recollection` keeps a little of every frame; `find_loops` names pairs of frames far
apart in time that look alike; `close_loops` shows the model each pair together, with their neighbours, and makes the
whole film agree with what it finds. The pictures of the pairs are needed once more, so the film is read a second time
for them (`frames_needed`).

What looks alike is told by plain thumbnails, so a place is known again from about where it was seen before, not from
its other side.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.depth.long_film import MISFIT, fit_link
from vergence.depth.world import WorldModel
from vergence.errors import ModelError, SettingsError
from vergence.geometry.pose_graph import Edge, agree, step_of, taken
from vergence.geometry.project import unproject
from vergence.geometry.resample import shrink
from vergence.geometry.similarity import Similarity, identity
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

logger = logging.getLogger(__name__)

THUMBNAIL = 16  # px
SMALL = 48  # px of the longer side of the depth that is kept
AROUND = 2  # neighbours of a frame, before and after it, that help to say where it is
LOOSE = 5.0  # error of a loop in those of a step from one frame to the next: few frames against many chunks' overlaps
NODES = 24  # of the graph about, besides the ends of loops; frames between two of them follow both
SEEN_AGAIN = 0.3  # share of a picture's points that must lie where the other picture has them too
SAME = 0.15  # share of its depth by which a point may lie off there


@dataclass(frozen=True)
class LoopSettings:
    """What counts as coming back.

    Attributes:
        alike: cosine between two thumbnails, 0 to 1.
        apart: frames that lie between the two at least.
        most: loops that are looked at; the most alike first, each another place or another time.
    """

    alike: float = 0.85
    apart: int = 30
    most: int = 10

    def __post_init__(self) -> None:
        if not (0 < self.alike <= 1 and self.apart >= 2 and self.most >= 1):
            raise SettingsError(f"loops are 2 or more frames long and alike by 0 to 1, not {self}")


class Recollection:
    """A little of each frame of a film: about 10 kB.

    Attributes:
        views: with a small depth and no picture, in order.
        thumbnails: (N, 256), of length 1; 0 of a picture that shows nothing.
    """

    def __init__(self) -> None:
        self.views: list[DepthFrame] = []
        self._thumbnails: list[NDArray[np.float32]] = []

    @property
    def thumbnails(self) -> NDArray[np.float32]:
        return np.stack(self._thumbnails) if self._thumbnails else np.zeros((0, THUMBNAIL**2), np.float32)

    def keep(self, views: Iterable[DepthFrame]) -> Iterator[DepthFrame]:
        """Let the frames of `long_film.posed` through, and remember them."""
        for view in views:
            self._thumbnails.append(thumbnail(view.frame))
            nothing = np.zeros((1, 1, 3), np.uint8)
            self.views.append(DepthFrame(replace(view.frame, rgb=nothing, intrinsics=None), _small(view.depth)))
            yield view


def thumbnail(frame: Frame) -> NDArray[np.float32]:
    """(256,) grey levels of 16 x 16 pixels less their mean, of length 1; 0 of a picture that is all one grey."""
    step = max(1, min(frame.width, frame.height) // (8 * THUMBNAIL))
    rgb = np.ascontiguousarray(replace(frame, rgb=frame.rgb[step // 2 :: step, step // 2 :: step]).rgb8)
    grey = cv2.cvtColor(shrink(rgb, THUMBNAIL, THUMBNAIL), cv2.COLOR_RGB2GRAY).astype(np.float32).ravel()
    grey -= grey.mean()
    length = float(np.linalg.norm(grey))
    return np.asarray(grey / length if length > THUMBNAIL else np.zeros_like(grey), np.float32)


def find_loops(recollection: Recollection, *, settings: LoopSettings | None = None) -> list[tuple[int, int]]:
    """Pairs of frames of one shot that look alike, by their places in the recollection, the most alike first."""
    settings = settings or LoopSettings()
    thumbnails = recollection.thumbnails
    shots = np.array([view.frame.shot for view in recollection.views])
    order = np.arange(len(thumbnails))
    alike = thumbnails @ thumbnails.T
    alike[(order[None, :] - order[:, None] < settings.apart) | (shots[:, None] != shots)] = -1
    pairs: list[tuple[int, int]] = []
    while len(pairs) < settings.most and alike.size:
        first, second = (int(n) for n in np.unravel_index(np.argmax(alike), alike.shape))
        if alike[first, second] < settings.alike:
            break
        pairs.append((first, second))
        near = settings.apart // 2
        alike[max(0, first - near) : first + near + 1, max(0, second - near) : second + near + 1] = -1
    return pairs


def frames_needed(recollection: Recollection, pairs: Sequence[tuple[int, int]]) -> set[int]:
    """The numbers (`Frame.index`) of the frames that `close_loops` looks at: about ten for each pair."""
    views = recollection.views
    return {views[place].frame.index for pair in pairs for end in pair for place in _around(views, end)}


def close_loops(
    recollection: Recollection,
    pairs: Sequence[tuple[int, int]],
    frames: Mapping[int, Frame],
    model: WorldModel,
) -> list[Similarity]:
    """Make a film agree with what a model finds of pairs of its frames, the drift shared by all that lies between.

    A pair counts where the model's world of both fits the film's depth at either end, and where the one sees much of
    what the other sees; others are left out, as a debug message says.

    Args:
        recollection: of the film.
        pairs: from `find_loops`.
        frames: the pictures of the pairs and, where they are at hand, of their neighbours, by their `Frame.index`; see
            `frames_needed`.
        model: that found the film.

    Returns:
        Of each remembered view, what brings it to its place: `long_film.moved(view, correction)`.

    Raises:
        ModelError: the model cannot do it.
    """
    views = recollection.views
    loops = [loop for pair in pairs if (loop := _loop(views, pair, frames, model)) is not None]
    logger.info("%d of %d places that look alike are the same and close a loop", len(loops), len(pairs))
    if not loops:
        return [identity() for _ in views]
    # Shots have nothing to do with each other, so each is mended alone.
    corrections: list[Similarity] = []
    shots = [view.frame.shot for view in views]
    for shot in dict.fromkeys(shots):
        start, count = shots.index(shot), shots.count(shot)
        own = [
            replace(loop, first=loop.first - start, second=loop.second - start)
            for loop in loops
            if start <= loop.first < start + count
        ]
        corrections += _mended(views[start : start + count], own)
    return corrections


@dataclass(frozen=True)
class _Loop:
    """What should be the same: the worlds at two views, as one world of both saw them."""

    first: int
    second: int
    first_from_second: Similarity  # from the film's world as it is at the second to as it is at the first


def _loop(
    views: Sequence[DepthFrame], pair: tuple[int, int], frames: Mapping[int, Frame], model: WorldModel
) -> _Loop | None:
    ends = [[views[place] for place in _around(views, end) if views[place].frame.index in frames] for end in pair]
    found = model.world([frames[view.frame.index] for end in ends for view in end]).views
    if any(view.depth.world_from_camera is None or view.depth.intrinsics is None for view in found):
        raise ModelError(f"{model.card.name} gives no cameras, which loops are closed by; choose another")
    small = [DepthFrame(view.frame, _small(view.depth)) for view in found]
    both = [small[: len(ends[0])], small[len(ends[0]) :]]
    links = [fit_link(views_here, end) for views_here, end in zip(both, ends, strict=True)]
    one, two = (end[len(end) // 2].depth for end in both)
    share = min(seen_again(one, two), seen_again(two, one))
    fits = all(link.points and link.residual < MISFIT for link in links) and share >= SEEN_AGAIN
    logger.debug(
        "frames %d and %d: %.0f %% of the points are seen again, depths are %.1f %% and %.1f %% off: %s",
        *(views[place].frame.index for place in pair),
        100 * share,
        *(100 * link.residual for link in links),
        "one place" if fits else "left out",
    )
    if not fits:
        return None
    return _Loop(*pair, links[0].world_from_chunk @ links[1].world_from_chunk.inverse())


def _around(views: Sequence[DepthFrame], place: int) -> range:
    """The places of a view and its neighbours in its shot, as many before as after."""
    reach = 0
    while reach < AROUND:
        low, high = place - reach - 1, place + reach + 1
        if low < 0 or high >= len(views) or views[low].frame.shot != views[high].frame.shot:
            break
        reach += 1
    return range(place - reach, place + reach + 1)


def seen_again(one: DepthMap, two: DepthMap) -> float:
    """Share of one depth map's points that the other, of the same world, has in the same place."""
    points = unproject(one.values, _lens(one))[one.valid].astype(np.float64)
    if not len(points):
        return 0.0
    two_from_one = np.linalg.inv(_pose(two)) @ _pose(one)
    x, y, z = (points @ two_from_one[:3, :3].T + two_from_one[:3, 3]).T
    lens = _lens(two)
    near = np.maximum(z, 1e-9)
    column, row = x / near * lens.fx + lens.cx, y / near * lens.fy + lens.cy
    inside = (z > 0) & (column >= 0) & (column < lens.width) & (row >= 0) & (row < lens.height)
    place = (row[inside].astype(np.intp), column[inside].astype(np.intp))
    same = two.valid[place] & (np.abs(two.values[place] - z[inside]) < SAME * z[inside])
    return float(np.count_nonzero(same)) / len(points)


def _mended(views: Sequence[DepthFrame], loops: Sequence[_Loop]) -> list[Similarity]:
    """Corrections of one shot's views."""
    if not loops:
        return [identity() for _ in views]
    step = -(-len(views) // NODES)
    chosen = sorted({*range(0, len(views), step), len(views) - 1, *(end for loop in loops for end in _ends(loop))})
    number = {place: node for node, place in enumerate(chosen)}
    nodes = [_node(views[place]) for place in chosen]
    edges = [
        Edge(n, n + 1, nodes[n].inverse() @ nodes[n + 1], float(np.sqrt(chosen[n + 1] - chosen[n])))
        for n in range(len(nodes) - 1)
    ]
    for loop in loops:
        one, two = number[loop.first], number[loop.second]
        edges.append(Edge(one, two, nodes[one].inverse() @ loop.first_from_second @ nodes[two], LOOSE))
    depths = [float(np.median(view.depth.values[view.depth.valid])) for view in views if view.depth.valid.any()]
    found = agree(nodes, edges, unit=float(np.median(depths)))
    fixed = [after @ before.inverse() for after, before in zip(found, nodes, strict=True)]
    corrections = []
    for place in range(len(views)):
        after = int(np.searchsorted(chosen, place))
        before = after if chosen[after] == place else after - 1
        share = (place - chosen[before]) / max(1, chosen[after] - chosen[before])
        corrections.append(_between(fixed[before], fixed[after], _node(views[place]), share))
    return corrections


def _between(one: Similarity, two: Similarity, node: Similarity, share: float) -> Similarity:
    """What lies between two corrections for a view that neither was made for."""
    if share == 0:
        return one
    here, there = one @ node, two @ node
    return here @ taken(share * step_of(here.inverse() @ there)) @ node.inverse()


def _ends(loop: _Loop) -> tuple[int, int]:
    return loop.first, loop.second


def _node(view: DepthFrame) -> Similarity:
    pose = _pose(view.depth)
    return Similarity(1.0, pose[:3, :3], pose[:3, 3])


def _small(depth: DepthMap) -> DepthMap:
    """Every n-th sample of a depth map, with the camera that saw just those."""
    height, width = depth.values.shape
    step = max(1, max(height, width) // SMALL)
    lens = _lens(depth).resized(width, height)
    taken_from = (slice(step // 2, None, step),) * 2
    values = depth.values[taken_from].copy()
    rows, columns = values.shape
    offset = (0.5 - (step // 2 + 0.5) / step) * step  # from a sample to the middle of the pixels it stands for
    return replace(
        depth,
        values=values,
        valid=depth.valid[taken_from].copy(),
        confidence=None if depth.confidence is None else depth.confidence[taken_from].copy(),
        intrinsics=Intrinsics(
            lens.fx / step, lens.fy / step, (lens.cx + offset) / step, (lens.cy + offset) / step, columns, rows
        ),
    )


def _pose(depth: DepthMap) -> NDArray[np.float64]:
    assert depth.world_from_camera is not None  # checked as it came
    return depth.world_from_camera


def _lens(depth: DepthMap) -> Intrinsics:
    assert depth.intrinsics is not None  # checked as it came
    return depth.intrinsics
