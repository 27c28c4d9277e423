"""The family's models: frames in, depth in one world or each in its own out."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from math import radians, tan

import numpy as np

from vergence.depth.cards import ModelCard
from vergence.depth.families.depth_anything_3.input import fit_view, normalise
from vergence.depth.families.depth_anything_3.network import Answer, Network
from vergence.depth.families.depth_anything_3.world import as_world, depth_map, intrinsics_of, look
from vergence.depth.world import World
from vergence.errors import ModelError, ShapeError
from vergence.types import Camera, DepthFrame, Frame, Intrinsics

logger = logging.getLogger(__name__)

CANONICAL_FOCAL = 300.0  # pixels: the camera whose metres the metric network gives
ASSUMED_FOV = 60.0  # degrees over the longer side where no camera is known, as for clouds


class DepthAnything3:
    """Depth of the card's kind, each frame by itself, at the size of the network's input.

    Options of the card:
        size: the network's name, see `networks.depth_anything_3.variants`.
        sees_many: it is a network of many views.
        input_size: pixels of the longer side, 504 as its authors run it.
        batch: frames the network is given at once. More than one waits for the last of them, which a film does not
            mind and a live source does.
    """

    def __init__(self, card: ModelCard, network: Network) -> None:
        self.card = card
        self.lookahead = card.options["batch"] - 1
        self._network = network
        self._has_said = False

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        for _, alike in groupby(frames, key=lambda frame: (frame.width, frame.height)):
            for batch in _batches(alike, self.lookahead + 1):
                yield from self._of_batch(batch)

    def _of_batch(self, frames: Sequence[Frame]) -> Iterator[DepthFrame]:
        side = self.card.options["input_size"]
        pictures = [fit_view(frame.rgb, side=side, size=self._network.size)[0] for frame in frames]
        height, width = pictures[0].shape[:2]
        cameras = [self._camera(frame, width, height) for frame in frames]
        known = [camera for camera in cameras if camera is not None]
        focal = np.array([(camera.fx + camera.fy) / 2 for camera in known]) if len(known) == len(cameras) else None
        answer = self._network.alone(np.stack([normalise(picture) for picture in pictures]), focal)
        if self.card.kind == "metric" and answer.intrinsics is None:
            assert focal is not None
            answer = replace(answer, depth=answer.depth * (focal / CANONICAL_FOCAL).astype(np.float32)[:, None, None])
        for index, (frame, camera) in enumerate(zip(frames, cameras, strict=True)):
            yield DepthFrame(frame, depth_map(answer, index, self.card.kind, camera or _found_camera(answer, index)))

    def _camera(self, frame: Frame, width: int, height: int) -> Intrinsics | None:
        """The camera of the view, where it is known or has to be assumed."""
        if frame.intrinsics is not None:
            self._say(logging.INFO, "the focal length that was given, or that the picture's EXIF tells")
            return frame.intrinsics.resized(width, height)
        if self.card.kind != "metric" or self.card.options["sees_many"]:
            self._say(logging.INFO, "the focal length that the network finds")
            return None
        self._say(
            logging.WARNING,
            f"an assumed focal length, {ASSUMED_FOV:g} degrees over the longer side, and as wrong as that may be; give "
            "the camera's own: --fov-x-deg or --focal-length-x",
        )
        focal = max(width, height) / 2 / tan(radians(ASSUMED_FOV) / 2)
        return Intrinsics(focal, focal, width / 2, height / 2, width, height)

    def _say(self, level: int, focal: str) -> None:
        """Once, for the first picture."""
        if self.card.kind == "metric" and not self._has_said:
            logger.log(level, "%s: metres are of %s", self.card.name, focal)
        self._has_said = True


class WorldDepthAnything3(DepthAnything3):
    """A network of many views: also a `WorldModel`.

    Options of the card, besides:
        ray_poses: cameras of worlds are those of the rays the network sees, not those of its camera head.
    """

    def world(
        self, frames: Sequence[Frame], *, cameras: Sequence[Camera] | None = None, gaussians: bool = False
    ) -> World:
        """See `WorldModel`. Pictures of unlike proportions lose their borders, in the answer's frames too."""
        if not frames or (cameras is not None and len(cameras) != len(frames)):
            raise ShapeError(f"{len(frames)} pictures came with {len(cameras or ())} cameras; needed is one for each")
        if gaussians and not self._network.has_gaussians:
            raise ModelError(
                f"{self.card.name} has no head for Gaussians; choose depth-anything-3-giant or "
                "depth-anything-3-nested-giant-large, or make splats of its depth"
            )
        seen = look(frames, cameras, side=self.card.options["input_size"], size=self._network.size)
        by_rays = bool(self.card.options.get("ray_poses"))
        answer = self._network.together(seen.pictures, seen.given, gaussians=gaussians, by_rays=by_rays)
        return as_world(self._network, answer, seen, self.card.kind, gaussians=gaussians)


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    frames = iter(frames)
    while batch := list(islice(frames, size)):
        yield batch


def _found_camera(answer: Answer, index: int) -> Intrinsics | None:
    height, width = answer.depth.shape[1:]
    return None if answer.intrinsics is None else intrinsics_of(answer.intrinsics[index], width, height)
