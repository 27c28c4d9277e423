"""What a camera sees of Gaussians: an elliptical footprint each (EWA splatting, Zwicker et al., IEEE Vis. 2001).

A Gaussian's covariance is carried through the projection linearised at its mean, as in "3D Gaussian Splatting" (Kerbl
et al., 2023): cov = J W S W^T J^T + 0.3 px^2, where the last term is the pixel's own filter.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.errors import ShapeError
from vergence.geometry.rows import by_rows
from vergence.splats.harmonics import colours_of
from vergence.types import Camera, Gaussians

F = np.float32  # numba would compute in double wherever an integer meets a float

LOW_PASS = F(0.3)  # px^2, as all programs draw: what is finer than a pixel keeps the width of one
FAINTEST = F(1 / 255)  # an alpha below it is not drawn
BORDER = F(0.15)  # of the picture's width: beyond that far outside, the linearised projection is held

# Columns of a footprint.
U, V, REACH_X, REACH_Y, A, B, C, LIMIT, OPACITY, RED, GREEN, BLUE = range(12)


@dataclass(frozen=True)
class View(Camera):
    """A camera in a scene, of the picture to be drawn.

    Attributes:
        near: what lies nearer than this is not seen, in the scene's unit.

    Raises:
        ShapeError: the pose is no (4, 4), or `near` is not positive.
    """

    near: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.near > 0:
            raise ShapeError(f"a view needs a positive near plane, not {self.near:g}")

    @property
    def position(self) -> NDArray[np.float64]:
        """Where it stands in the world, (3,)."""
        return self.world_from_camera[:3, 3]

    @property
    def camera_from_world(self) -> NDArray[np.float32]:
        """(3, 4), of the rigid pose."""
        turn = self.world_from_camera[:3, :3].T
        return np.hstack([turn, -(turn @ self.position)[:, None]]).astype(np.float32)

    @property
    def _camera(self) -> NDArray[np.float32]:
        k = self.intrinsics
        return np.array([k.fx, k.fy, k.cx, k.cy, k.width, k.height, self.near], np.float32)


def footprints(gaussians: Gaussians, view: View) -> NDArray[np.float32]:
    """Return what is seen of Gaussians, nearest first: (M, 12) float32, at most one each.

    The columns are the centre `U`, `V` and the half sides `REACH_X`, `REACH_Y` of the box outside of which it is
    fainter than 1 / 255, px; `A`, `B`, `C` of the squared distance q = A dx^2 + 2 B dx dy + C dy^2 in standard
    deviations, of which `LIMIT` is the largest that is drawn; `OPACITY`; and the colour towards the camera.
    """
    count = len(gaussians)
    found = np.empty((count, 12), np.float32)
    depth = np.empty(count, np.float32)
    by_rows(
        _project, count, gaussians.means, gaussians.scales, gaussians.rotations, gaussians.opacities,
        view.camera_from_world, view._camera, found, depth,
    )  # fmt: skip
    seen = _nearest_first(depth)
    found = found[seen]
    away = gaussians.means[seen] - view.position.astype(np.float32)
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    found[:, RED:] = colours_of(gaussians.harmonics, seen, away)
    return found


def discs(points: NDArray[np.float32], rgb: NDArray[np.uint8], view: View, *, radius: float) -> NDArray[np.float32]:
    """Return what is seen of (N, 3) points drawn as round discs of `radius` px, nearest first, as `footprints`.

    Their `OPACITY` is the radius; `A` to `LIMIT` mean nothing.
    """
    k = view.intrinsics
    reach = radius + 0.5
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x, y, z = view.camera_from_world[:, :3] @ points.T + view.camera_from_world[:, 3:]
        u, v = k.fx * x / z + k.cx, k.fy * y / z + k.cy
        is_seen = (z > view.near) & (np.abs(u - k.width / 2) < k.width / 2 + reach)
        is_seen &= np.abs(v - k.height / 2) < k.height / 2 + reach
    seen = _nearest_first(np.where(is_seen, z, np.float32(np.inf)))
    found = np.zeros((len(seen), 12), np.float32)
    found[:, U], found[:, V] = u[seen], v[seen]
    found[:, REACH_X] = found[:, REACH_Y] = reach
    found[:, OPACITY] = radius
    found[:, RED:] = rgb[seen] / F(255)
    return found


def _nearest_first(depth: NDArray[np.float32]) -> NDArray[np.intp]:
    """The places of finite depths, in their order."""
    seen = np.flatnonzero(np.isfinite(depth))
    return seen[np.argsort(depth[seen], kind="stable")]


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz", "arcp", "afn"})  # depth holds infinities
def _project(  # type: ignore[no-untyped-def]
    first, last, means, scales, rotations, opacities, camera_from_world, camera, found, depth
):
    fx, fy, cx, cy, width, height, near = camera
    m = camera_from_world
    left, right = -cx / fx - BORDER * width / fx, (width - cx) / fx + BORDER * width / fx
    top, bottom = -cy / fy - BORDER * height / fy, (height - cy) / fy + BORDER * height / fy
    for i in range(first, last):
        depth[i] = F(np.inf)
        px, py, pz = means[i, 0], means[i, 1], means[i, 2]
        z = m[2, 0] * px + m[2, 1] * py + m[2, 2] * pz + m[2, 3]
        opacity = min(opacities[i], F(1))
        if not (z > near and opacity >= FAINTEST):
            continue
        x = m[0, 0] * px + m[0, 1] * py + m[0, 2] * pz + m[0, 3]
        y = m[1, 0] * px + m[1, 1] * py + m[1, 2] * pz + m[1, 3]
        u, v = fx * x / z + cx, fy * y / z + cy
        # Far outside of the picture the slope of the projection grows without bound, and with it the footprint.
        tx = min(max(x / z, left), right)
        ty = min(max(y / z, top), bottom)
        qw, qx, qy, qz = rotations[i, 0], rotations[i, 1], rotations[i, 2], rotations[i, 3]
        two = F(2) / max(qw * qw + qx * qx + qy * qy + qz * qz, F(1e-20))
        xx = xy = yy = F(0)
        for k in range(3):
            s = scales[i, k]
            if k == 0:
                wx, wy, wz = F(1) - two * (qy * qy + qz * qz), two * (qx * qy + qw * qz), two * (qx * qz - qw * qy)
            elif k == 1:
                wx, wy, wz = two * (qx * qy - qw * qz), F(1) - two * (qx * qx + qz * qz), two * (qy * qz + qw * qx)
            else:
                wx, wy, wz = two * (qx * qz + qw * qy), two * (qy * qz - qw * qx), F(1) - two * (qx * qx + qy * qy)
            ex = m[0, 0] * wx + m[0, 1] * wy + m[0, 2] * wz
            ey = m[1, 0] * wx + m[1, 1] * wy + m[1, 2] * wz
            ez = m[2, 0] * wx + m[2, 1] * wy + m[2, 2] * wz
            du = fx * s * (ex - tx * ez) / z
            dv = fy * s * (ey - ty * ez) / z
            xx += du * du
            xy += du * dv
            yy += dv * dv
        xx += LOW_PASS
        yy += LOW_PASS
        limit = F(2) * np.log(opacity / FAINTEST)
        reach_x, reach_y = np.sqrt(limit * xx), np.sqrt(limit * yy)
        determinant = xx * yy - xy * xy
        # Said so that a number of a damaged file that is not finite is not drawn either.
        is_inside = u + reach_x > F(0) and u - reach_x < width and v + reach_y > F(0) and v - reach_y < height
        if not (is_inside and F(0) < determinant < F(np.inf)):
            continue
        depth[i] = z
        found[i, U], found[i, V] = u, v
        found[i, REACH_X], found[i, REACH_Y] = reach_x, reach_y
        found[i, A], found[i, B], found[i, C] = yy / determinant, -xy / determinant, xx / determinant
        found[i, LIMIT], found[i, OPACITY] = limit, opacity
