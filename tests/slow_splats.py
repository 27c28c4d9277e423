"""The slow, obvious drawing of Gaussians and of discs: what the fast one is measured against.

Every Gaussian is evaluated at every pixel, in double precision, nearest first, with matrices written as the papers
write them: cov = J W R S S^T R^T W^T J^T + 0.3 px^2 (Zwicker et al. 2001, Kerbl et al. 2023).
"""

import numpy as np


def rotation(w, x, y, z):
    """The matrix of v -> q v q*, column by column."""
    vector = np.array([x, y, z])

    def turned(v):
        cross = np.cross(vector, v)
        return v + 2 * (w * cross + np.cross(vector, cross))

    return np.column_stack([turned(axis) for axis in np.eye(3)])


def draw(gaussians, view, colours, background=(0.0, 0.0, 0.0)):
    """Return (H, W, 3) and the (H, W) light left; `colours` are (N, 3) as seen from the camera."""
    k = view.intrinsics
    camera_from_world = np.linalg.inv(view.world_from_camera)
    turn, shift = camera_from_world[:3, :3], camera_from_world[:3, 3]
    u, v = np.meshgrid(np.arange(k.width) + 0.5, np.arange(k.height) + 0.5)
    rgb, light = np.zeros((k.height, k.width, 3)), np.ones((k.height, k.width))
    places = gaussians.means.astype(float) @ turn.T + shift
    for i in np.argsort(places[:, 2], kind="stable"):
        x, y, z = places[i]
        if z <= view.near:
            continue
        margin_x, margin_y = 0.15 * k.width, 0.15 * k.height
        slope_x = np.clip(x / z, (-margin_x - k.cx) / k.fx, (k.width + margin_x - k.cx) / k.fx)
        slope_y = np.clip(y / z, (-margin_y - k.cy) / k.fy, (k.height + margin_y - k.cy) / k.fy)
        jacobian = np.array([[k.fx / z, 0, -k.fx * slope_x / z], [0, k.fy / z, -k.fy * slope_y / z]])
        axes = jacobian @ turn @ rotation(*gaussians.rotations[i].astype(float)) @ np.diag(gaussians.scales[i])
        inverse = np.linalg.inv(axes @ axes.T + 0.3 * np.eye(2))
        offset = np.stack([u - (k.fx * x / z + k.cx), v - (k.fy * y / z + k.cy)], axis=-1)
        distance = np.einsum("hwi,ij,hwj->hw", offset, inverse, offset)
        alpha = np.minimum(gaussians.opacities[i] * np.exp(-distance / 2), 0.99)
        alpha[alpha < 1 / 255] = 0
        rgb += (light * alpha)[..., None] * colours[i]
        light *= 1 - alpha
    return rgb + light[..., None] * np.asarray(background), light


def draw_discs(points, rgb8, view, radius):
    """Discs of `radius` px with edges one pixel wide, on black."""
    k = view.intrinsics
    camera_from_world = np.linalg.inv(view.world_from_camera)
    places = points.astype(float) @ camera_from_world[:3, :3].T + camera_from_world[:3, 3]
    u, v = np.meshgrid(np.arange(k.width) + 0.5, np.arange(k.height) + 0.5)
    rgb, light = np.zeros((k.height, k.width, 3)), np.ones((k.height, k.width))
    for i in np.argsort(places[:, 2], kind="stable"):
        x, y, z = places[i]
        if z <= view.near:
            continue
        alpha = np.clip(radius + 0.5 - np.hypot(u - k.fx * x / z - k.cx, v - k.fy * y / z - k.cy), 0, 1)
        rgb += (light * alpha)[..., None] * rgb8[i] / 255
        light *= 1 - alpha
    return rgb
