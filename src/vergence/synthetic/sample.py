"""What the synthetic world gives: a picture and everything that is true of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vergence.types import DepthFrame, DepthMap, Frame


@dataclass(frozen=True)
class Sample:
    """A rendered picture with its truth, all of one size H x W.

    Attributes:
        frame: the picture, with its intrinsics.
        depth: exact z at pixel centres, metres; the sky is invalid; with intrinsics and pose. The world's z is up.
        ids: (H, W) int32, the primitive seen, or -1 for the sky; the same primitive keeps its number through a shot.
        objects: (H, W) int32, the thing it is part of, 0 for the place itself, or -1 for the sky.
        normals: (H, W, 3) float32 unit normals in the camera's axes, without bumps; 0 in the sky.
        is_static: (H, W) bool, what stays where it is in the world.
        flow: (H, W, 2) float32 px, where each pixel's surface goes in the next frame (x, y); None when there is none.
        flow_valid: (H, W) bool, it is still in the picture there and not hidden; None without flow.
        right: what an eye `baseline` metres to the right sees, None when not asked for.
        baseline: metres between the eyes, or None.
        kind: the kind of place.
    """

    frame: Frame
    depth: DepthMap
    ids: NDArray[np.int32]
    objects: NDArray[np.int32]
    normals: NDArray[np.float32]
    is_static: NDArray[np.bool_]
    flow: NDArray[np.float32] | None = None
    flow_valid: NDArray[np.bool_] | None = None
    right: Frame | None = None
    baseline: float | None = None
    kind: str = ""

    @property
    def depth_frame(self) -> DepthFrame:
        """The picture and its depth, as stages take them."""
        return DepthFrame(self.frame, self.depth)
