"""Cameras from maps of rays, the second way in which Depth Anything 3 tells where its views were taken from.

Every pixel has the direction of its ray in the world, of any length, and the point it starts from. The directions are
a homography of the pixels' places, found by RANSAC (Fischler & Bolles, 1981) over direct linear transforms and split
into the camera's rotation and focal lengths; the origins have the camera's centre as their mean.

Places in the picture run from -1 to 1 along both sides, pixel centres at odd multiples of half a pixel. In NumPy and
float64, since the answer of any runtime is good for it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vergence.errors import ModelError, ShapeError

ROUNDS = 100  # of RANSAC
SAMPLE = 8  # pixels a round; four would do, more steady it
CANDIDATES = 0.3  # of all pixels, those of the largest weight, are drawn from
FLAT = 1e-4  # under this z a direction is too nearly across the axis of the world to be divided by it
INLIER = 0.2  # at most so far off, where the direction has z = 1
REFIT = 8000  # pixels at most
REFIT_KEPT = 0.95  # of the inliers, those of the largest weight, are drawn from when there are more
ROUNDS_AT_ONCE = 10  # scored together, so that a large map needs tens of megabytes instead of hundreds

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RayCameras:
    """N cameras.

    Attributes:
        world_from_camera: (N, 4, 4), in units of the rays' origins.
        focal: (N, 2) along x and y, in halves of the picture's width and height.
        principal: (N, 2) the principal point, likewise, from the top left corner: (1, 1) is the middle.
    """

    world_from_camera: Floats
    focal: Floats
    principal: Floats

    def extrinsics(self) -> Floats:
        """(N, 3, 4) camera_from_world, as the network's own camera head gives them."""
        return np.asarray(np.linalg.inv(self.world_from_camera)[:, :3], dtype=np.float64)

    def intrinsics(self, width: int, height: int) -> Floats:
        """(N, 3, 3) in pixels of pictures of this size."""
        half = np.array((width, height)) / 2
        matrix = np.zeros((len(self.focal), 3, 3))
        matrix[:, (0, 1), (0, 1)] = self.focal * half
        matrix[:, :2, 2] = self.principal * half
        matrix[:, 2, 2] = 1
        return matrix


def cameras_from_rays(
    rays: NDArray[np.floating],
    confidence: NDArray[np.floating],
    *,
    samples: NDArray[np.integer] | None = None,
    random: np.random.Generator | None = None,
) -> RayCameras:
    """Find the camera of each view.

    Args:
        rays: (N, h, w, 6) direction and origin of the ray of each pixel, in the world.
        confidence: (N, h, w), the weight of each.
        samples: (rounds, 8) which pixels each round takes, counted from the one of the largest weight; the same for
            all views. None draws them from `random`.
        random: of the rounds, and of the pixels of the last fit; None is a generator of seed 0, so the same rays
            give the same camera.

    Raises:
        ShapeError: the arrays do not belong together, or have fewer than 8 pixels.
        ModelError: the rays of a view are not those of any camera.
    """
    if rays.shape != (*confidence.shape, 6) or confidence.ndim != 3 or confidence[0].size < SAMPLE:
        raise ShapeError(
            f"rays are (N, h, w, 6) of at least {SAMPLE} pixels with a confidence (N, h, w), "
            f"not {rays.shape} with {confidence.shape}"
        )
    random = random if random is not None else np.random.default_rng(0)
    if samples is None:
        samples = draw_samples(candidates(confidence[0].size), random)
    found = [_camera(of_view, weight, samples, random) for of_view, weight in zip(rays, confidence, strict=True)]
    pose, focal, principal = (np.stack(part) for part in zip(*found, strict=True))
    return RayCameras(pose, focal, principal)


def found_by_rays(
    rays: NDArray[np.floating], confidence: NDArray[np.floating], height: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The cameras of rays as the network's head gives them: (N, 3, 4) camera_from_world, and (N, 3, 3) intrinsics in
    pixels of `height` x `width` views; raises as `cameras_from_rays`."""
    found = cameras_from_rays(rays, confidence)
    return found.extrinsics().astype(np.float32), found.intrinsics(width, height).astype(np.float32)


def candidates(pixels: int) -> int:
    """How many of so many pixels RANSAC draws from."""
    return max(SAMPLE, int(CANDIDATES * pixels))


def draw_samples(count: int, random: np.random.Generator, rounds: int = ROUNDS) -> NDArray[np.int64]:
    """(rounds, 8) numbers under `count`, none twice in a row of them."""
    return np.stack([random.choice(count, SAMPLE, replace=False) for _ in range(rounds)])


def _camera(
    rays: NDArray[np.floating],
    confidence: NDArray[np.floating],
    samples: NDArray[np.integer],
    random: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    height, width = confidence.shape
    direction, origin = rays.reshape(-1, 6).astype(np.float64).T.reshape(2, 3, -1)
    is_usable = np.abs(direction[2]) > FLAT
    weight = np.where(is_usable, confidence.ravel(), 0).astype(np.float64)
    if not np.isfinite(weight).all() or weight.sum() <= 0:
        raise ModelError("the rays of a view belong to no camera: none has a weight; use the camera head instead")
    target = direction[:2] / np.where(is_usable, direction[2], 1)
    x, y = ((2 * np.arange(size) + 1) / size - 1 for size in (width, height))
    place = np.stack([np.tile(x, height), np.repeat(y, width), np.ones(weight.size)])

    chosen = np.argsort(-weight, kind="stable")[: candidates(weight.size)][samples]
    guesses = _homographies(place[:, chosen], target[:, chosen], weight[chosen])
    best = guesses[np.argmax(_scores(guesses, place, target, weight))]
    inliers = np.flatnonzero(_inliers(best[None], place, target)[0])
    inliers = inliers[weight[inliers] > 0]
    if len(inliers) > REFIT:
        surest = inliers[np.argsort(-weight[inliers], kind="stable")][: int(REFIT_KEPT * len(inliers))]
        inliers = random.choice(surest, REFIT, replace=False) if len(surest) > REFIT else surest
    if len(inliers) >= SAMPLE:
        best = _homographies(place[:, inliers], target[:, inliers], weight[inliers])

    rotation, focal, principal = _split(best)
    pose = np.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = origin @ weight / weight.sum()
    return pose, focal, principal


def _homographies(place: Floats, target: Floats, weight: Floats) -> Floats:
    """The (..., 3, 3) matrices that take `place` (3, ..., n) to `target` (2, ..., n), z = 1, as well as they can.

    Direct linear transform (Hartley & Zisserman, "Multiple View Geometry", 4.1) of equations weighted by the square
    root of `weight` (..., n).
    """
    ray = np.moveaxis(place, 0, -1)
    nothing = np.zeros_like(ray)
    u, v = target[..., None]
    of_u = np.concatenate([-ray, nothing, u * ray], axis=-1)
    of_v = np.concatenate([nothing, -ray, v * ray], axis=-1)
    root = np.sqrt(weight)[..., None]
    equations = np.concatenate([of_u * root, of_v * root], axis=-2)
    solution = np.linalg.svd(equations, full_matrices=False).Vh[..., -1, :]
    # Not a number where a round drew pixels on one line and the last entry is nothing; such a round wins nowhere.
    with np.errstate(divide="ignore", invalid="ignore"):
        matrix: Floats = (solution / solution[..., -1:]).reshape(*solution.shape[:-1], 3, 3)
    return matrix


def _scores(guesses: Floats, place: Floats, target: Floats, weight: Floats) -> Floats:
    """(rounds,) the weights of each one's inliers, summed."""
    parts = (guesses[start : start + ROUNDS_AT_ONCE] for start in range(0, len(guesses), ROUNDS_AT_ONCE))
    return np.concatenate([_inliers(part, place, target) @ weight for part in parts])


def _inliers(guesses: Floats, place: Floats, target: Floats) -> NDArray[np.bool_]:
    """(rounds, pixels): whose direction lies near enough at z = 1. Multiplied by z, which saves two divisions."""
    with np.errstate(invalid="ignore", over="ignore"):
        x, y, z = np.moveaxis((guesses.reshape(-1, 3) @ place).reshape(-1, 3, place.shape[1]), 1, 0)
        x -= target[0] * z
        y -= target[1] * z
        near: NDArray[np.bool_] = x * x + y * y < (INLIER * z) ** 2
    return near


def _split(homography: Floats) -> tuple[Floats, Floats, Floats]:
    """Rotation (3, 3), focal length and principal point of a homography from places to directions.

    The authors split off a lower triangle, where the inverse of a camera matrix is an upper one: exact when the
    principal point is the picture's middle, which is where the network's camera head always has it.
    """
    if not np.isfinite(homography).all():
        raise ModelError("the rays of a view belong to no camera: they lie on a line; use the camera head instead")
    if np.linalg.det(homography) < 0:
        homography = -homography
    rotation, upper = np.linalg.qr(homography[:, ::-1])  # columns the other way round: the triangle turns over too
    lower = upper[::-1, ::-1]
    sign = np.where(np.diagonal(lower) < 0, -1.0, 1.0)
    rotation, lower = rotation[:, ::-1] * sign, lower * sign[:, None]
    lower = lower / lower[2, 2]
    return rotation, 1 / np.diagonal(lower)[:2], lower[2, :2] + 1
