"""Models that see many pictures of one place at once and put all of them into one world."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vergence.depth.cards import ModelCard
from vergence.types import Camera, DepthFrame, Frame, Gaussians


@dataclass(frozen=True)
class World:
    """Pictures of one place and what was found there.

    Attributes:
        views: in the order of the pictures; each depth has its `intrinsics`, `world_from_camera` and `confidence`. Its
            kind is "metric" where the world's unit is the metre or that of given cameras, else "scale_invariant": all
            views and poses then share one unknown factor.
        gaussians: in the same world, where they were asked for.
    """

    views: tuple[DepthFrame, ...]
    gaussians: Gaussians | None = None


class WorldModel(Protocol):
    """Finds depth and cameras of pictures together."""

    card: ModelCard

    def world(
        self, frames: Sequence[Frame], *, cameras: Sequence[Camera] | None = None, gaussians: bool = False
    ) -> World:
        """Put pictures into one world.

        Args:
            frames: one or more, of any sizes.
            cameras: where they were taken, if known, one a frame; the result is then in their world and unit.
                Otherwise the first picture's camera is where the world begins.
            gaussians: also answer with Gaussians; of models with a head for them.

        Raises:
            ModelError: it cannot be done, such as for want of memory or of a Gaussian head.
        """
        ...
