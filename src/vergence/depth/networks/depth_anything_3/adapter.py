"""From what the network says of each pixel's Gaussian to Gaussians in the world.

Twice: `published_gaussians` does what the authors' code does, number for number, and is what the network's goldens
hold. `placed_gaussians` puts them where the geometry says they are. The two agree for a view from the world's origin,
near the middle of its picture, and differ in:

distance    The authors go the depth, plus its offset, along a ray of length 1. Everywhere else in the network depth
            is z, along the optical axis, and so it is in `placed_gaussians`; surfaces would otherwise bend towards the
            camera at the picture's border, away from the same network's depth maps and point clouds. A network may
            have learned to make up for that in its offset: `offset_along_rays` tells from what it says.
rotation    The authors' quaternions are wxyz to their renderer, but the camera's turn is applied to them as if they
            were xyzw, which turns the Gaussian about its own axes by something else. Here wxyz is turned as wxyz.
scale       The authors scale a nested network's depth and cameras to metres, but not its Gaussians; and those of
            given cameras stay in units of the network. Here the same factor scales all.
"""

# torch types some of its functions not at all, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, operator, union-attr, arg-type"

import logging
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vergence.depth.networks.depth_anything_3.camera import quaternion_of
from vergence.depth.networks.depth_anything_3.gaussian_head import PixelGaussians
from vergence.depth.networks.depth_anything_3.harmonics import harmonics_rotation
from vergence.errors import ShapeError
from vergence.geometry.similarity import camera_centres, fit_similarity
from vergence.types import Gaussians

logger = logging.getLogger(__name__)

LEAST_SCALE, MOST_SCALE = 1e-5, 30.0  # of a Gaussian, in tenths of the sum of a pixel's two sides
PIXEL_SHARE = 0.1
DAMPING = (1.0,) + (0.025,) * 3 + (0.00625,) * 5  # of harmonics, by degree: colours hardly change with the direction
POSE_SCALE = 3.0  # cameras given may be this much smaller or larger than those found
SHORTEST = 1e-8  # of a quaternion, added to its length, as the authors do


@dataclass(frozen=True)
class Splats:
    """G Gaussians on the network's device, pixels of a view row by row, view after view.

    Attributes:
        means: (G, 3), in the world.
        scales: (G, 3), negative where the depth is: behind the camera.
        rotations: (G, 4) unit quaternions wxyz.
        harmonics: (G, 3, 9) of red, green and blue, in the world's axes.
        opacities: (G,), 0..1.
    """

    means: Tensor
    scales: Tensor
    rotations: Tensor
    harmonics: Tensor
    opacities: Tensor


def published_gaussians(
    pixels: PixelGaussians, depth: Tensor, extrinsics: Tensor, intrinsics: Tensor, *, pose_scale: float = 1.0
) -> Splats:
    """Do exactly what the authors' code does with the Gaussians of one scene of N views.

    Args:
        pixels: of all views.
        depth: (N, H, W) the network's.
        extrinsics: (N, 3, 4) camera_from_world as the network found them, even where cameras were given.
        intrinsics: (N, 3, 3) likewise, pixels.
        pose_scale: see `pose_scale`.
    """
    rotation, centre = _poses(extrinsics)
    distance = (depth + pixels.depth_offset) * pose_scale
    # Length 1: the depth is taken for a distance along the ray.
    ray = functional.normalize(_rays(pixels.offset, intrinsics), dim=-1)
    means = _to_world(ray * distance[..., None], rotation) + (centre * pose_scale)[:, None, None]
    # It is wxyz, and to what reads it afterwards again, but it is taken for xyzw when the camera turns it.
    turned = _product(quaternion_of(rotation)[:, None, None], _own_rotation(pixels))
    turned = torch.where(turned[..., 3:] < 0, -turned, turned)
    return _splats(pixels, means, distance, turned, rotation, intrinsics)


def placed_gaussians(
    pixels: PixelGaussians,
    depth: Tensor,
    extrinsics: Tensor,
    intrinsics: Tensor,
    *,
    scale: float = 1.0,
    along_rays: bool = False,
) -> Splats:
    """Put the Gaussians of one scene of N views where the geometry says they are; see the module.

    Views do not depend on each other: with many, a few at a time need less memory.

    Args:
        pixels: of all views.
        depth: (N, H, W) the network's own, not scaled.
        extrinsics: (N, 3, 4) or (N, 4, 4) camera_from_world, the network's or given ones, in the world's unit.
        intrinsics: (N, 3, 3) of the (H, W) views, pixels.
        scale: the world's units in one of `depth`: of a nested network its scale to metres, with given cameras that
            of the world found to the world given, else 1.
        along_rays: depth and offset together are a distance from the camera, see `offset_along_rays`.
    """
    rotation, centre = _poses(extrinsics)
    # The offset is in the unit of the depth it corrects, so it is scaled with it.
    depth = (depth + pixels.depth_offset) * scale
    rays = _rays(pixels.offset, intrinsics)
    if along_rays:
        rays = functional.normalize(rays, dim=-1)
    means = _to_world(rays * depth[..., None], rotation) + centre[:, None, None]
    turned = _product(quaternion_of(rotation)[:, None, None], _own_rotation(pixels).roll(-1, dims=-1))
    return _splats(pixels, means, depth, turned.roll(1, dims=-1), rotation, intrinsics)


def offset_along_rays(pixels: PixelGaussians, depth: Tensor, intrinsics: Tensor) -> float:
    """How much of a ray's length beyond its depth the offsets make up for: about 0, nothing, to about 1, all of it.

    A network trained behind the authors' adapter sees its Gaussians too near, the more so the farther from the
    picture's middle, and can learn to push them back. Then depth and offset together are a distance, and are to be
    placed so. Found by least squares: offset = share * (length - 1) * depth + common * depth. Arguments are those of
    `placed_gaussians`, of at least a few hundred pixels.
    """
    longer = (_rays(pixels.offset, intrinsics).norm(dim=-1) - 1).double() * depth
    of_rays, of_depth, offset = (values.double().flatten() for values in (longer, depth, pixels.depth_offset))
    equations = torch.stack([of_rays, of_depth])
    share, _ = torch.linalg.solve(equations @ equations.T, equations @ offset)
    return float(share)


def pose_scale(found: NDArray[np.floating], given: NDArray[np.floating]) -> float:
    """By how much cameras must be moved apart to be as far from each other as those given, at most threefold.

    Both are (N, 3 or 4, 4) camera_from_world. It is 1 where the centres lie on a line or in one place, which includes
    one or two views: so in the authors' code, whose goldens this is for. See `fit_similarity` for the scale itself.
    """
    try:
        fitted = fit_similarity(camera_centres(found), camera_centres(given))
    except ShapeError:
        return 1.0
    return float(np.clip(fitted.scale, 1 / POSE_SCALE, POSE_SCALE)) if fitted.rank >= 2 else 1.0


def to_gaussians(splats: Splats) -> Gaussians:
    """Bring Gaussians to NumPy; those behind their camera, or not finite, are nothing and are left out."""
    is_seen = (splats.scales > 0).all(dim=1) & splats.means.isfinite().all(dim=1) & splats.scales.isfinite().all(dim=1)
    missing = len(is_seen) - int(is_seen.sum())
    if missing:
        logger.info("%d of %d Gaussians lie behind their camera and are left out", missing, len(is_seen))

    def array(values: Tensor) -> NDArray[np.float32]:
        return np.ascontiguousarray((values[is_seen] if missing else values).float().cpu().numpy())

    rotations = functional.normalize(splats.rotations, dim=1)
    return Gaussians(
        array(splats.means),
        array(splats.scales),
        array(rotations),
        array(splats.opacities),
        array(splats.harmonics.transpose(1, 2)),
    )


def _poses(extrinsics: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 3, 3) world_from_camera and the (N, 3) centres."""
    rotation = extrinsics[:, :3, :3].mT
    return rotation, -(rotation @ extrinsics[:, :3, 3:])[..., 0]


def _rays(offset: Tensor, intrinsics: Tensor) -> Tensor:
    """(N, H, W, 3) in the axes of the camera, z = 1, through the centre of each pixel moved by its offset."""
    height, width = offset.shape[1:3]
    u = torch.arange(width, device=offset.device, dtype=offset.dtype) + 0.5
    v = torch.arange(height, device=offset.device, dtype=offset.dtype)[:, None] + 0.5
    fx, fy, cx, cy = (intrinsics[:, row, column, None, None] for row, column in ((0, 0), (1, 1), (0, 2), (1, 2)))
    x, y = (u + offset[..., 0] - cx) / fx, (v + offset[..., 1] - cy) / fy
    return torch.stack([x, y, torch.ones_like(x)], dim=-1)


def _to_world(vectors: Tensor, rotation: Tensor) -> Tensor:
    return (vectors.flatten(1, 2) @ rotation.mT).reshape(vectors.shape)


def _own_rotation(pixels: PixelGaussians) -> Tensor:
    """(N, H, W, 4) unit quaternions wxyz from a Gaussian's axes to its camera's."""
    rotation = pixels.rotation / (pixels.rotation.norm(dim=-1, keepdim=True) + SHORTEST)
    return rotation.roll(1, dims=-1)


def _product(first: Tensor, second: Tensor) -> Tensor:
    """(..., 4) of quaternions xyzw: turns by `second`, then by `first`, as matrices multiply."""
    a, b = first[..., :3], second[..., :3]
    vector = first[..., 3:] * b + second[..., 3:] * a + torch.linalg.cross(a.expand_as(b), b)
    scalar = first[..., 3:] * second[..., 3:] - (a * b).sum(-1, keepdim=True)
    return torch.cat([vector, scalar], dim=-1)


def _splats(
    pixels: PixelGaussians, means: Tensor, depth: Tensor, rotations: Tensor, rotation: Tensor, intrinsics: Tensor
) -> Splats:
    side = PIXEL_SHARE * (1 / intrinsics[:, 0, 0] + 1 / intrinsics[:, 1, 1])
    share = LEAST_SCALE + (MOST_SCALE - LEAST_SCALE) * pixels.scale.sigmoid()
    scales = share * (depth * side[:, None, None])[..., None]
    # One matrix damps the harmonics and turns them from the camera's axes to the world's.
    matrix = harmonics_rotation(rotation) * rotation.new_tensor(DAMPING)
    harmonics = pixels.harmonics.flatten(1, 3) @ matrix.mT
    return Splats(
        means.reshape(-1, 3),
        scales.reshape(-1, 3),
        rotations.reshape(-1, 4),
        harmonics.reshape(-1, *pixels.harmonics.shape[3:]),
        pixels.opacity.flatten(),
    )
