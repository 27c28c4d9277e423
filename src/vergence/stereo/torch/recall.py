"""What other frames of the shot know of holes, written into views on a device; see `vergence.stereo.memory`.

Following surfaces from frame to frame is the kernels' work, on the host: it is sent the views, and gives back what it
found. All that costs the device is the way there.
"""

# torch types some of its functions not at all.
# mypy: disable-error-code="no-untyped-call"

from dataclasses import replace

import numpy as np
import torch

from vergence.stereo import warp as kernels
from vergence.stereo.memory import Background
from vergence.stereo.torch.holes import look_behind
from vergence.stereo.torch.texels import pack, unpack
from vergence.stereo.torch.warp import HOLE, Warped


def recall(view: Warped, background: Background) -> Warped:
    """Fill the holes of `view`, which is taken over, that `background` knows: texels and disparity are written."""
    behind = look_behind(view)
    for eye, shift in enumerate(view.shifts):
        texels, disparity = view.texels[eye], view.disparity[eye]
        rgb, near = unpack(texels).cpu().numpy(), disparity.cpu().numpy().copy()
        was_hole = near == HOLE
        background.into(kernels.Warped(rgb, near, behind[eye].cpu().numpy(), shift))
        found = np.flatnonzero(was_hole & (near != HOLE))
        index = torch.from_numpy(found).to(texels.device)
        texels.view(-1)[index] = pack(torch.from_numpy(rgb.reshape(-1, 3)[found]).to(texels.device))
        disparity.view(-1)[index] = torch.from_numpy(near.reshape(-1)[found]).to(texels.device)
    return replace(view, behind=behind)
