"""From what a network says of pictures seen together to a world whose axes are the first camera's, or the known ones'.

The network's own world has the axes of the view it took as reference, and cameras of its own even where they were
known; see `output` for how it comes to the known ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.depth.families.depth_anything_3.input import prepare_views
from vergence.depth.families.depth_anything_3.network import Answer, Floats, Network
from vergence.depth.families.depth_anything_3.output import found_from_given
from vergence.depth.world import World
from vergence.errors import ShapeError
from vergence.geometry.pose import inverse
from vergence.geometry.similarity import camera_centres
from vergence.types import Camera, DepthFrame, DepthKind, DepthMap, Frame, Intrinsics


@dataclass(frozen=True)
class Seen:
    """Pictures as a network is shown them.

    Attributes:
        frames: what of each is in its view: all of it, or where proportions differ its middle.
        pictures: (N, 3, H, W) normalised.
        cameras: known ones, of the (H, W) views; None where they are to be found.
    """

    frames: tuple[Frame, ...]
    pictures: Floats
    cameras: tuple[Camera, ...] | None

    @property
    def given(self) -> tuple[Floats, Floats] | None:
        """The known cameras as (N, 4, 4) camera_from_world and (N, 3, 3) intrinsics."""
        if self.cameras is None:
            return None
        lenses = np.stack([matrix_of(camera.intrinsics) for camera in self.cameras])
        return inverse(_poses(self.cameras)).astype(np.float32), lenses


def look(
    frames: Sequence[Frame], cameras: Sequence[Camera] | None, *, side: int, size: tuple[int, int] | None = None
) -> Seen:
    """Bring pictures, and their cameras where known, to views of one size; see `prepare_views` for `side` and `size`.

    Raises:
        ShapeError: a camera is not of its picture's size.
    """
    for frame, camera in zip(frames, cameras or (), strict=bool(cameras)):
        lens = camera.intrinsics
        if (lens.width, lens.height) != (frame.width, frame.height):
            raise ShapeError(
                f"a picture is {frame.width}x{frame.height}, but its camera is of {lens.width}x{lens.height}; "
                "see Intrinsics.resized"
            )
    # Followed through the same steps, a camera of unit focal lengths tells where in its picture a view lies.
    probes = [Intrinsics(1.0, 1.0, 0.0, 0.0, frame.width, frame.height) for frame in frames]
    views = prepare_views([frame.rgb for frame in frames], intrinsics=probes, side=side, size=size)
    placed = [probe for probe in views.intrinsics if probe is not None]
    shown = tuple(_cut(frame, probe) for frame, probe in zip(frames, placed, strict=True))
    if cameras is None:
        return Seen(shown, views.pictures, None)
    lenses = [_through(camera.intrinsics, probe) for camera, probe in zip(cameras, placed, strict=True)]
    known = tuple(replace(camera, intrinsics=lens) for camera, lens in zip(cameras, lenses, strict=True))
    return Seen(shown, views.pictures, known)


def as_world(network: Network, answer: Answer, seen: Seen, kind: DepthKind, *, gaussians: bool) -> World:
    """Make a world of an answer to `Network.together`; `kind` is of the network's depth."""
    assert answer.extrinsics is not None
    assert answer.intrinsics is not None
    height, width = answer.depth.shape[1:]
    found = _square(answer.extrinsics)
    if seen.given is None:
        unit = 1.0
        poses = found[0] @ inverse(found)
        lenses = [intrinsics_of(matrix, width, height) for matrix in answer.intrinsics]
    else:
        assert seen.cameras is not None
        given = inverse(_poses(seen.cameras))
        unit = 1 / found_from_given(found, given).scale
        poses = _poses(seen.cameras)
        lenses = [camera.intrinsics for camera in seen.cameras]
        if np.ptp(camera_centres(given), axis=0).any():  # else nothing tells how long their unit is
            kind = "metric"
    made = (
        network.place(
            answer,
            inverse(poses).astype(np.float32),
            np.stack([matrix_of(lens) for lens in lenses]),
            scale=answer.scale * unit,
        )
        if gaussians
        else None
    )
    answer = replace(answer, depth=answer.depth * np.float32(unit))
    return World(
        tuple(
            DepthFrame(frame, depth_map(answer, index, kind, lens, pose))
            for index, (frame, lens, pose) in enumerate(zip(seen.frames, lenses, poses, strict=True))
        ),
        made,
    )


def depth_map(
    answer: Answer, index: int, kind: DepthKind, camera: Intrinsics | None, pose: NDArray[np.float64] | None = None
) -> DepthMap:
    """One view's depth, its sky not valid, with its camera of the view's size and its world_from_camera."""
    depth = answer.depth[index]
    is_finite = np.isfinite(depth)
    valid = is_finite & (depth > 0)
    if answer.is_sky is not None:
        valid &= ~answer.is_sky[index]
    return DepthMap(
        depth if is_finite.all() else np.where(is_finite, depth, np.float32(0)),
        valid,
        kind,
        intrinsics=camera,
        world_from_camera=pose,
        confidence=None if answer.confidence is None else answer.confidence[index],
    )


def intrinsics_of(matrix: Floats, width: int, height: int) -> Intrinsics:
    """A camera of its (3, 3) matrix in pixels of a `width` x `height` view."""
    fx, fy, cx, cy = (float(matrix[row, column]) for row, column in ((0, 0), (1, 1), (0, 2), (1, 2)))
    return Intrinsics(fx, fy, cx, cy, width, height)


def matrix_of(camera: Intrinsics) -> Floats:
    """Undo `intrinsics_of`."""
    rows = ((camera.fx, 0, camera.cx), (0, camera.fy, camera.cy), (0, 0, 1))
    return np.array(rows, dtype=np.float32)


def _through(camera: Intrinsics, probe: Intrinsics) -> Intrinsics:
    """The camera of a view, of the camera of its picture."""
    cx, cy = camera.cx * probe.fx + probe.cx, camera.cy * probe.fy + probe.cy
    return Intrinsics(camera.fx * probe.fx, camera.fy * probe.fy, cx, cy, probe.width, probe.height)


def _cut(frame: Frame, probe: Intrinsics) -> Frame:
    """The part of a picture that its view shows, to the nearest pixel."""
    left, top = round(-probe.cx / probe.fx), round(-probe.cy / probe.fy)
    right, bottom = round((probe.width - probe.cx) / probe.fx), round((probe.height - probe.cy) / probe.fy)
    if (left, top, right, bottom) == (0, 0, frame.width, frame.height):
        return frame
    lens = frame.intrinsics
    if lens is not None:
        lens = Intrinsics(lens.fx, lens.fy, lens.cx - left, lens.cy - top, right - left, bottom - top)
    middle: Any = np.ascontiguousarray(frame.rgb[top:bottom, left:right])
    return replace(frame, rgb=middle, intrinsics=lens)


def _poses(cameras: Sequence[Camera]) -> NDArray[np.float64]:
    return np.stack([camera.world_from_camera for camera in cameras])


def _square(extrinsics: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 3, 4) as (N, 4, 4)."""
    square = np.tile(np.eye(4), (len(extrinsics), 1, 1))
    square[:, :3] = extrinsics
    return square
