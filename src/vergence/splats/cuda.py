"""Gaussians drawn on a CUDA GPU by gsplat, a well-kept library, with the limits of `rasterise` where it has them.

Its alphas go up to 0.999 where ours end at 0.99, and it leaves a pixel when a ten-thousandth of the light is left.
"""

from typing import Any

import numpy as np

from vergence.errors import DeviceError
from vergence.splats.project import LOW_PASS, View
from vergence.splats.rasterise import Drawn
from vergence.types import Gaussians


class GpuCanvas:
    """Gaussians in a GPU's memory, drawn from as many sides as wanted.

    Raises:
        DeviceError: torch or gsplat is not installed, or there is no CUDA device.
    """

    def __init__(self, gaussians: Gaussians, *, device: str = "cuda") -> None:
        try:
            import gsplat
            import torch
        except ImportError as error:
            raise DeviceError(
                f"splats are drawn on cuda by torch and gsplat, and {error.name} is not installed; choose cpu, or "
                "`pip install torch==2.13.0` and then `pip install gsplat`"
            ) from error
        if device == "cuda" and not torch.cuda.is_available():
            raise DeviceError("torch finds no CUDA device here; choose cpu")
        self._rasterise: Any = gsplat.rasterization
        self._send: Any = lambda array: torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)
        self._degree = round(gaussians.harmonics.shape[1] ** 0.5) - 1
        self._parts = {
            "means": self._send(gaussians.means),
            "quats": self._send(gaussians.rotations),
            "scales": self._send(gaussians.scales),
            "opacities": self._send(gaussians.opacities),
            "colors": self._send(gaussians.harmonics),
        }

    def draw(self, view: View, *, background: tuple[float, float, float] = (0, 0, 0)) -> Drawn:
        """Draw what `view` sees, on a background of sRGB 0..1."""
        k = view.intrinsics
        lens = np.array([[k.fx, 0, k.cx], [0, k.fy, k.cy], [0, 0, 1]])
        colours, alphas, _ = self._rasterise(
            **self._parts,
            viewmats=self._send(np.vstack([view.camera_from_world, [0, 0, 0, 1]]))[None],
            Ks=self._send(lens)[None],
            width=k.width,
            height=k.height,
            near_plane=view.near,
            eps2d=float(LOW_PASS),
            sh_degree=self._degree,
            backgrounds=self._send(np.asarray(background))[None],
        )
        return Drawn(colours[0].cpu().numpy(), alphas[0, ..., 0].cpu().numpy())
