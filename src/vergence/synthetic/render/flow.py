"""Where each pixel's surface goes in the next frame: exact forward flow of rigid parts and a moving camera."""

import numpy as np
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows
from vergence.synthetic.render.device import Processor
from vergence.synthetic.render.intersect import kernel, scalar
from vergence.synthetic.render.kernels import CX, CY, FX, FY, NEAR, ORIGIN
from vergence.synthetic.render.picture import Pose, Visible
from vergence.synthetic.scene import Scene

SAME_SURFACE = 0.05  # relative gap in depth to what is seen there next; more means that it is hidden


def forward_flow(
    scene: Scene, pose: Pose, visible: Visible, next_pose: Pose, next_visible: Visible, *, device: Processor = "cpu"
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Flow (H, W, 2) in px from one frame to the next, and where its target is in the picture and not hidden.

    The sky is infinitely far: it moves as the camera turns. Where a surface goes behind the camera flow is 0.
    """
    now, then = scene.transforms(pose.time), scene.transforms(next_pose.time)
    back = now[:, :3, :3].transpose(0, 2, 1)
    moves = np.empty((len(scene.kinds), 3, 4))
    moves[:, :, :3] = then[:, :3, :3] @ back
    moves[:, :, 3] = then[:, :3, 3] - np.einsum("nij,nj->ni", moves[:, :, :3], now[:, :3, 3])
    if device == "cuda":
        from vergence.synthetic.render import cuda

        return cuda.flow(
            moves, pose.entries, next_pose.entries, visible.depth, visible.ids, next_visible.depth, next_visible.ids
        )
    flow = np.empty((*visible.depth.shape, 2), np.float32)
    valid = np.empty(visible.depth.shape, np.bool_)
    by_rows(
        flow_rows, len(flow), moves, pose.entries, next_pose.entries,
        visible.depth, visible.ids, next_visible.depth, next_visible.ids, flow, valid,
    )  # fmt: skip
    return flow, valid


@scalar
def move(y, x, moves, camera, next_camera, depth, ids, next_depth, next_ids, flow, valid, point, moved):  # type: ignore[no-untyped-def]
    """Write where one pixel's surface goes and whether it is seen there; `point` and `moved` are (3,) to work in."""
    height, width = depth.shape
    flow[y, x, 0] = 0.0
    flow[y, x, 1] = 0.0
    valid[y, x] = False
    i = ids[y, x]
    a = (x + 0.5 - camera[CX]) / camera[FX]
    b = (y + 0.5 - camera[CY]) / camera[FY]
    for k in range(3):
        point[k] = camera[3 * k] * a + camera[3 * k + 1] * b + camera[3 * k + 2]
    if i >= 0:
        for k in range(3):
            point[k] = camera[ORIGIN + k] + point[k] * depth[y, x]
        for k in range(3):
            moved[k] = moves[i, k, 3] - next_camera[ORIGIN + k]
            for j in range(3):
                moved[k] += moves[i, k, j] * point[j]
    else:
        for k in range(3):
            moved[k] = point[k]
    u, v, z = 0.0, 0.0, 0.0
    for k in range(3):  # into the next camera, by the transpose of its rotation
        u += next_camera[3 * k] * moved[k]
        v += next_camera[3 * k + 1] * moved[k]
        z += next_camera[3 * k + 2] * moved[k]
    if z <= NEAR:
        return
    u = u / z * next_camera[FX] + next_camera[CX]
    v = v / z * next_camera[FY] + next_camera[CY]
    flow[y, x, 0] = u - x - 0.5
    flow[y, x, 1] = v - y - 0.5
    if 0.0 <= u < width and 0.0 <= v < height and next_ids[int(v), int(u)] == i:
        valid[y, x] = i < 0 or abs(next_depth[int(v), int(u)] - z) <= SAME_SURFACE * z


@kernel
def flow_rows(first, last, moves, camera, next_camera, depth, ids, next_depth, next_ids, flow, valid):  # type: ignore[no-untyped-def]
    point = np.zeros(3)
    moved = np.zeros(3)
    for y in range(first, last):
        for x in range(depth.shape[1]):
            move(y, x, moves, camera, next_camera, depth, ids, next_depth, next_ids, flow, valid, point, moved)
