"""A model of many views that knows the truth and errs as told, to measure what puts its worlds together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.depth.cards import ModelCard
from vergence.depth.world import World
from vergence.errors import ModelError
from vergence.geometry.pose import inverse, pose
from vergence.geometry.rotation import rotation_about
from vergence.geometry.similarity import Similarity
from vergence.types import Camera, DepthFrame, DepthMap, Frame


@dataclass(frozen=True)
class Faults:
    """How a feigned model errs; all are standard deviations.

    Attributes:
        scale: of a chunk's unit, log; every chunk has another.
        depth: of smooth errors of depth, blobs of a quarter of the picture, as a share; other in every chunk.
        grain: of depth from pixel to pixel, as a share.
        lens: of a chunk's focal length, as a share.
        turn: of a camera, rad.
        step: of a camera's place, as a share of the median depth.
        bend: of the turn from one camera of a chunk to the next, rad: errors that add up within a chunk.
        moving: share of the depth that things which move are off by; those pixels are as sure as the rest.
    """

    scale: float = 0.5
    depth: float = 0.02
    grain: float = 0.02
    lens: float = 0.01
    turn: float = 0.001
    step: float = 0.002
    bend: float = 0.0003
    moving: float = 0.0


class FeignedModel:
    """Gives the true depth and cameras of frames it was told, of each chunk in a world and a unit of its own.

    Args:
        card: of any model, for the kind of depth.
        truth: true depth of each frame by its number, with intrinsics and pose.
        moving: (H, W) bool by frame, what `Faults.moving` concerns.
        faults: of every chunk.
        seed: of the faults.
    """

    def __init__(
        self,
        card: ModelCard,
        truth: Mapping[int, DepthMap],
        *,
        moving: Mapping[int, NDArray[np.bool_]] | None = None,
        faults: Faults | None = None,
        seed: int = 0,
    ) -> None:
        self.card = card
        self._truth, self._moving, self._faults = truth, moving or {}, faults or Faults()
        self._random = np.random.default_rng(seed)

    def world(
        self, frames: Sequence[Frame], *, cameras: Sequence[Camera] | None = None, gaussians: bool = False
    ) -> World:
        """The first picture's camera is where the world begins; see `WorldModel`."""
        if cameras is not None or gaussians:
            raise ModelError("a feigned model takes no cameras and gives no Gaussians")
        random, faults = self._random, self._faults
        first = self._truth[frames[0].index].world_from_camera
        assert first is not None  # the truth has poses
        begin = inverse(first)
        unit = Similarity(float(np.exp(random.normal(0, faults.scale))), begin[:3, :3], np.zeros(3))
        unit = replace(unit, translation=unit.scale * begin[:3, 3])
        lens = float(np.exp(random.normal(0, faults.lens)))
        bent = np.eye(3)
        views: list[DepthFrame] = []
        for frame in frames:
            true = self._truth[frame.index]
            assert true.world_from_camera is not None  # the truth has poses
            assert true.intrinsics is not None
            bent = bent @ rotation_about(random.normal(0, faults.bend, 3)) if views else bent
            values = self._depth(frame.index) * np.float32(unit.scale)
            camera = unit.apply_to_poses(true.world_from_camera)
            if views:
                camera = _shaken(camera, bent, random, faults, float(np.median(values[true.valid])))
            intrinsics = replace(true.intrinsics, fx=true.intrinsics.fx * lens, fy=true.intrinsics.fy * lens)
            found = DepthMap(
                values,
                true.valid,
                "scale_invariant",
                intrinsics=intrinsics,
                world_from_camera=camera,
                confidence=np.ones_like(values),
            )
            views.append(DepthFrame(frame, found))
        return World(tuple(views))

    def _depth(self, index: int) -> NDArray[np.float32]:
        true, faults, random = self._truth[index], self._faults, self._random
        height, width = true.values.shape
        blobs = random.normal(0, faults.depth, (4, 4)).astype(np.float32)
        log = cv2.resize(blobs, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float64)
        log = log + random.normal(0, faults.grain, (height, width))
        if index in self._moving and faults.moving:
            log = log + random.normal(0, faults.moving) * self._moving[index]
        return np.asarray(true.values * np.exp(log), dtype=np.float32)


def _shaken(
    camera: NDArray[np.float64], bent: NDArray[np.float64], random: np.random.Generator, faults: Faults, unit: float
) -> NDArray[np.float64]:
    """A camera off its place; `unit` is the median depth. Bends turn about the world's beginning."""
    turn = bent @ camera[:3, :3] @ rotation_about(random.normal(0, faults.turn, 3))
    return pose(turn, bent @ camera[:3, 3] + random.normal(0, faults.step * unit, 3))
