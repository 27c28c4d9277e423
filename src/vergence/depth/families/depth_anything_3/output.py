"""What becomes of Depth Anything 3's answer where the cameras were known: the answer comes to their world.

The network finds cameras of its own even then, in a world of its own, whose unit is nobody's. The similarity between
its cameras and the known ones gives depth the known world's unit.
"""

import logging

import numpy as np
from numpy.typing import NDArray

from vergence.errors import ShapeError
from vergence.geometry.rotation import mean_rotation
from vergence.geometry.similarity import Similarity, camera_centres, fit_similarity

logger = logging.getLogger(__name__)

MANY = 10  # views, from which on some may be wrong without spoiling the rest
ROUNDS = 200  # of three cameras each: with a third of all wrong, one in four has none of those
SEED = 42
SURE = 2.5 * 1.4826  # times the median distance: what normal noise keeps 99 % within

Poses = NDArray[np.float32] | NDArray[np.float64]


def found_from_given(found: Poses, given: Poses) -> Similarity:
    """Find the similarity from the world of known cameras to the network's, in which it saw the same views.

    From three views on as the authors do: Umeyama's, of the cameras' centres, and of 10 or more without those that
    disagree with most. The authors stop where the centres lie on a line or in a point, so for one or two views: there
    the rotation comes from the cameras' own axes, and without a distance between them the scale is 1.

    Args:
        found: (N, 3 or 4, 4) camera_from_world of the network.
        given: (N, 3 or 4, 4) camera_from_world as they were known.

    Raises:
        ShapeError: they are not the same number of cameras.
    """
    if found.shape[:1] != given.shape[:1] or not len(found):
        raise ShapeError(f"{len(given)} known cameras are compared with {len(found)}; needed is one for each view")
    source, target = camera_centres(given), camera_centres(found)
    try:
        fitted = _agreed(source, target)
    except ShapeError:
        logger.warning("%d known cameras in one place give depth no unit: it stays the network's", len(given))
        fitted = None
    if fitted is not None and fitted.rank >= 2:
        return fitted
    rotation = mean_rotation(np.swapaxes(found[:, :3, :3], 1, 2).astype(np.float64) @ given[:, :3, :3])
    scale = fitted.scale if fitted is not None else 1.0
    return Similarity(scale, rotation, target.mean(axis=0) - scale * rotation @ source.mean(axis=0))


def given_in_found_world(given: Poses, similarity: Similarity) -> NDArray[np.float64]:
    """Known cameras, (N, 3 or 4, 4) camera_from_world, in the network's world: (N, 4, 4) camera_from_world."""
    world_from_camera = np.tile(np.eye(4), (len(given), 1, 1))
    world_from_camera[:, :3, :3] = np.swapaxes(given[:, :3, :3], 1, 2)
    world_from_camera[:, :3, 3] = camera_centres(given)
    return np.linalg.inv(similarity.apply_to_poses(world_from_camera)).astype(np.float64)


def _agreed(source: NDArray[np.float64], target: NDArray[np.float64]) -> Similarity:
    """Of few cameras all; of many those that agree with three of them, by the least median of squares.

    Rousseeuw, "Least Median of Squares Regression", 1984. The authors try ten fits of half the cameras, which with a
    third of them wrong nearly never are all right, within a limit that the wrong ones widen.
    """
    fitted = fit_similarity(source, target)
    if len(source) < MANY:
        return fitted
    random = np.random.default_rng(SEED)
    best, least = fitted, np.inf
    for _ in range(ROUNDS):
        few = random.choice(len(source), 3, replace=False)
        try:
            tried = fit_similarity(source[few], target[few])
        except ShapeError:  # all three in one place
            continue
        median = float(np.median(_distances(tried, source, target)))
        if tried.rank >= 2 and median < least:
            best, least = tried, median
    agree = _distances(best, source, target) <= SURE * least
    return fit_similarity(source[agree], target[agree]) if np.count_nonzero(agree) >= 3 else fitted


def _distances(fitted: Similarity, source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(fitted.apply(source) - target, axis=1), dtype=np.float64)
