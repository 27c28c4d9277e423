"""What the family asks of a network of Depth Anything 3, whatever computes it."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vergence.types import Gaussians

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Answer:
    """What a network says of N views of (H, W) pixels.

    Attributes:
        depth: (N, H, W) along the optical axes, in the world's unit: metres of nested networks, of others any. The
            metric network's is metres once multiplied by the focal length in pixels of these views, over 300.
        confidence: (N, H, W), 1 and above, surer where higher; None of networks of one view.
        is_sky: (N, H, W) bool; None of networks that do not know.
        extrinsics: (N, 3, 4) camera_from_world, in the world's unit; None of networks of one view.
        intrinsics: (N, 3, 3) pixels of these views, likewise.
        raw_depth: (N, H, W) what the raw Gaussians were found with: `depth` before any scale, and with its sky.
        raw_gaussians: (N, H, W, 38) of the head of Gaussians, an array or tensor, where they were asked for.
        scale: units of `depth` in one of `raw_depth`; of nested networks metres.
    """

    depth: Floats
    confidence: Floats | None = None
    is_sky: NDArray[np.bool_] | None = None
    extrinsics: Floats | None = None
    intrinsics: Floats | None = None
    raw_depth: Any = None
    raw_gaussians: Any = None
    scale: float = 1.0


class Network(Protocol):
    """A network that is ready to run.

    Attributes:
        variant: what it is, a key of `networks.depth_anything_3.variants.VARIANTS`.
        has_gaussians: it can say Gaussians.
        size: (height, width) of the only views it takes; None where any multiples of 14 will do.
    """

    variant: str
    has_gaussians: bool
    size: tuple[int, int] | None

    def alone(self, pictures: Floats, focal: NDArray[np.float64] | None = None) -> Answer:
        """Look at each of (N, 3, H, W) normalised views by itself.

        Args:
            pictures: the views.
            focal: (N,) in pixels of these views, where it is known; of nested networks, which find it otherwise.
        """
        ...

    def together(
        self,
        pictures: Floats,
        cameras: tuple[Floats, Floats] | None = None,
        *,
        gaussians: bool = False,
        by_rays: bool = False,
    ) -> Answer:
        """Look at (N, 3, H, W) normalised views of one scene; of networks of many views.

        Args:
            pictures: the views.
            cameras: (N, 4, 4) camera_from_world and (N, 3, 3) intrinsics in pixels of these views, where known. They
                help; the cameras in the answer are still the network's own.
            gaussians: also say raw Gaussians.
            by_rays: the cameras in the answer are those of the rays it sees, see `ray_pose`, not those of its head.
        """
        ...

    def place(self, answer: Answer, extrinsics: Floats, intrinsics: Floats, *, scale: float) -> Gaussians:
        """Make Gaussians of raw ones, see `adapter.placed_gaussians`; of networks that `has_gaussians`.

        Args:
            answer: of `together`.
            extrinsics: (N, 4, 4) camera_from_world of the views.
            intrinsics: (N, 3, 3) pixels of the views.
            scale: the world's units in one of `answer.raw_depth`.
        """
        ...
