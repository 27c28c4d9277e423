"""Depth of single views in the world of known cameras, by models that see one picture at a time.

Such a model knows nothing of the cameras' unit. Points of their world, as structure from motion leaves them, tell it:
each view's depth is scaled to meet those it sees.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vergence.depth.model import DepthModel
from vergence.errors import DepthKindError
from vergence.geometry.pose import inverse
from vergence.types import Camera, DepthFrame, Frame

logger = logging.getLogger(__name__)

FEWEST = 20  # points in a view, to know the scale of its depth by
CELLS = 16  # over a picture's width: of the points in one cell the nearest is taken to be the one that is seen


def placed(
    frames: Sequence[Frame],
    cameras: Sequence[Camera],
    points: Sequence[NDArray[np.float64] | None],
    model: DepthModel,
) -> Iterator[DepthFrame]:
    """Estimate the depth of pictures, each by itself, and put it where its camera stands.

    Args:
        frames: pictures.
        cameras: of them, at their sizes.
        points: (K, 3) of the world that each is known, or may be expected, to see; None where nobody knows any.
        model: that gives z.

    Yields:
        Views with `intrinsics` and `world_from_camera`, in the cameras' unit. Where a view sees too few points to tell
        it, its depth gets the median scale of the views before it; where none did either, it stays as it is, with a
        warning.

    Raises:
        DepthKindError: the model gives no z.
    """
    scales: list[float] = []
    has_warned = False
    for frame, camera, known in zip(frames, cameras, points, strict=True):
        item = next(iter(model.estimate([replace(frame, intrinsics=camera.intrinsics)])))
        if item.depth.kind not in ("metric", "scale_invariant"):
            raise DepthKindError(
                f"known cameras need metric depth, but {model.card.name!r} gives {item.depth.kind}; choose a model "
                "from `vergence models list --kind metric`"
            )
        height, width = item.depth.values.shape
        lens = camera.intrinsics.resized(width, height)
        item = replace(item, depth=replace(item.depth, intrinsics=lens, world_from_camera=camera.world_from_camera))
        scale = None if known is None else scale_to(item, Camera(lens, camera.world_from_camera), known)
        if scale is not None:
            scales.append(scale)
        elif scales:
            scale = float(np.median(scales))
        elif not has_warned:
            gives = "gives metres" if item.depth.kind == "metric" else "knows no scale"
            logger.warning(
                "no points tell the cameras' unit, and %s %s: surfaces of different views may not meet",
                model.card.name,
                gives,
            )
            has_warned = True
        if scale is not None:
            logger.debug("depth of picture %d is scaled by %.4g", frame.index, scale)
            item = replace(item, depth=replace(item.depth, values=item.depth.values * np.float32(scale), kind="metric"))
        yield item


def scale_to(item: DepthFrame, camera: Camera, points: NDArray[np.float64]) -> float | None:
    """By what to multiply depth to meet (K, 3) points of the world: the median ratio; None where they are too few.

    Points behind others are left out, as far as one sees: of those in one small part of the picture the nearest stays.
    `camera` is of the depth's own size.
    """
    depth, lens = item.depth, camera.intrinsics
    camera_from_world = inverse(camera.world_from_camera)
    x, y, z = camera_from_world[:3, :3] @ points.T + camera_from_world[:3, 3:]
    x, y, z = (part[z > 0] for part in (x, y, z))
    u, v = lens.fx * x / z + lens.cx, lens.fy * y / z + lens.cy
    is_inside = (u >= 0) & (u < lens.width) & (v >= 0) & (v < lens.height)
    u, v, z = (part[is_inside] for part in (u, v, z))
    cell = np.floor(v * CELLS / lens.width) * CELLS + np.floor(u * CELLS / lens.width)
    order = np.lexsort((z, cell))
    nearest = order[np.unique(cell[order], return_index=True)[1]]
    row, column = v[nearest].astype(np.intp), u[nearest].astype(np.intp)
    found = depth.values[row, column]
    usable = depth.valid[row, column] & (found > 0)
    if np.count_nonzero(usable) < FEWEST:
        return None
    return float(np.median(z[nearest][usable] / found[usable]))
