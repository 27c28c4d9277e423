"""Small worlds put together by hand."""

import numpy as np

from vergence.synthetic.builder import Builder, Dice
from vergence.synthetic.camera import facing
from vergence.synthetic.render.picture import Pose
from vergence.synthetic.render.surface import LEVEL_TEXELS
from vergence.synthetic.textures import GROUPS
from vergence.types import Intrinsics


def plain_builder():
    """A builder whose textures are all one grey, under a sun from above."""
    groups = dict.fromkeys((*GROUPS, "any", "picture"), (0,))
    builder = Builder(Dice("test"), np.full((1, LEVEL_TEXELS, 3), 128, np.uint8), groups)
    builder.sun((0.0, 0.0, 1.0), (1.0, 1.0, 1.0), radius=0.01)
    return builder


def camera(*, width=64, height=48, fov_px=50.0, yaw=0.0, pitch=0.0, eye=(0.0, 0.0, 1.5), time=0.0):
    lens = Intrinsics(fov_px, fov_px, width / 2, height / 2, width, height)
    return Pose(lens, facing(yaw, pitch), np.array(eye, dtype=np.float64), time)


def rays(pose):
    """(H, W, 3) world directions of z = 1 through pixel centres."""
    lens = pose.intrinsics
    v, u = np.mgrid[0 : lens.height, 0 : lens.width] + 0.5
    local = np.stack([(u - lens.cx) / lens.fx, (v - lens.cy) / lens.fy, np.ones_like(u)], axis=-1)
    return local @ pose.rotation.T
