"""From a picture with depth to points: which of its pixels, and what becomes of them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vergence.errors import SettingsError
from vergence.geometry.edges import is_smeared, snap
from vergence.geometry.normals import surface_normals
from vergence.geometry.project import unproject
from vergence.media.depth_file import at_picture_size
from vergence.media.scene.scene import Scene
from vergence.points.mesh import triangulate, without_loose
from vergence.points.outliers import OutlierSettings, is_outlier
from vergence.points.select import chosen, few
from vergence.points.voxel import merge_voxels
from vergence.types import DepthFrame, Intrinsics, PointCloud

Edges = Literal["drop", "snap", "keep"]

MERGED = "merged into others of their voxel"
SCENE = 50  # times the depth within which a quarter of the picture lies; what is farther is sky, or as good as


@dataclass(frozen=True)
class PixelSettings:
    """Which pixels of a picture are used.

    Attributes:
        edges: what becomes of the ramps that depth draws between two surfaces (`geometry.edges`): "drop" leaves them
            out, which leaves gaps, "snap" gives each of their pixels to the surface nearest in the picture, and "keep"
            keeps them, hanging in the air.
        farthest: leave out what lies farther, metres. "auto" is 50 times the depth within which a quarter of the
            picture lies: a sky a kilometre away would make a viewer show a dot. Infinity keeps all.
        min_confidence: leave out what is less sure, in the depth's own measure.

    Raises:
        SettingsError: a number is out of range.
    """

    edges: Edges = "drop"
    farthest: float | Literal["auto"] = "auto"
    min_confidence: float | None = None

    def __post_init__(self) -> None:
        if self.edges not in get_args(Edges):
            raise SettingsError(f"edges are {' or '.join(get_args(Edges))}, not {self.edges!r}")
        if self.farthest != "auto" and not self.farthest > 0:
            raise SettingsError(f"the farthest point lies at a positive depth in metres, not {self.farthest:g}")


@dataclass(frozen=True)
class CloudSettings(PixelSettings):
    """What a cloud is made of.

    Attributes:
        max_points: at most so many, chosen evenly at random, the same ones every time; the last of all.
        normals: also say which way the surface faces at each point.
        voxel: make one point of all in a cube of this side, metres.
        outliers: leave out points that lie alone; after `voxel`.
        mesh: join the points of neighbouring pixels by triangles.
        tear: where the mesh tears, see `points.mesh.triangulate`.

    Raises:
        SettingsError: a number is out of range, or a mesh is asked for with what takes its pixels apart.
    """

    max_points: int | None = None
    normals: bool = False
    voxel: float | None = None
    outliers: OutlierSettings | None = None
    mesh: bool = False
    tear: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_points is not None and self.max_points < 1:
            raise SettingsError(f"a cloud has at least 1 point, not {self.max_points}")
        if self.voxel is not None and not self.voxel > 0:
            raise SettingsError(f"the side of a voxel is a positive length in metres, not {self.voxel:g}")
        if self.tear is not None and not self.mesh:
            raise SettingsError("a tear is of a mesh; ask for one with --mesh")
        if self.tear is not None and not self.tear > 1:
            raise SettingsError(f"a mesh tears where depth changes by a factor over 1, not {self.tear:g}")
        if self.mesh and (self.voxel is not None or self.max_points is not None):
            raise SettingsError("a mesh joins pixels as they are; leave out --voxel and --max-points")


Losses = Counter[str]  # how many points went, by what they were


def told(losses: Losses, left: int) -> str:
    """How many points there are and why others went, in one line."""
    gone = ", ".join(f"{count:,} {what}" for what, count in losses.items() if count)
    return f"{left:,} points" + (f"; left out: {gone}" if gone else "")


@dataclass(frozen=True)
class Pixels:
    """The pixels of one picture that are used.

    Attributes:
        item: the picture and its depth, which has the picture's size; `depth.valid` says which are used.
        camera: px of the picture.
    """

    item: DepthFrame
    camera: Intrinsics

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(H, W), which are used."""
        return self.item.depth.valid

    def without(self, left_out: NDArray[np.bool_]) -> "Pixels":
        """The same without those of a list (N,) of all that are used."""
        kept = self.kept.copy()
        kept[self.kept] = ~left_out
        return replace(self, item=replace(self.item, depth=replace(self.item.depth, valid=kept)))

    def cloud(self, *, normals: bool = False) -> PointCloud:
        """A point of each, row by row, in the camera's axes."""
        depth, kept = self.item.depth, self.kept
        points = unproject(depth.values, self.camera)
        return PointCloud(
            points[kept].astype(np.float32, copy=False),
            self.item.frame.rgb8[kept],
            normals=surface_normals(points, kept)[kept] if normals else None,
            confidence=None if depth.confidence is None else depth.confidence[kept],
        )


def used_pixels(item: DepthFrame, camera: Intrinsics, settings: PixelSettings, losses: Losses | None = None) -> Pixels:
    """Choose the pixels of a picture.

    Args:
        item: depth of any size.
        camera: of the picture, at any size.
        settings: which ones.
        losses: what is left out is counted there.

    Raises:
        SettingsError: a confidence is asked for that the depth does not have.
    """
    frame, losses = item.frame, Losses() if losses is None else losses
    depth = at_picture_size(item.depth, frame.width, frame.height)
    camera = camera.resized(frame.width, frame.height)
    z = depth.values
    kept = depth.valid & (z > 0)

    def leave_out(which: NDArray[np.bool_], what: str) -> None:
        nonlocal kept
        losses[what] += int(np.count_nonzero(kept & which))
        kept = kept & ~which

    if settings.edges != "keep":
        smeared = is_smeared(np.where(kept, z, np.float32(0)), camera) & kept
        if settings.edges == "snap":
            z = snap(z, smeared, kept)
        else:
            leave_out(smeared, "between two surfaces")
    leave_out(~is_near(z, kept, settings.farthest), "too far")
    if settings.min_confidence is not None:
        if depth.confidence is None:
            raise SettingsError("this depth says nothing of its confidence; leave out --min-confidence")
        leave_out(~(depth.confidence >= settings.min_confidence), "unsure")
    return Pixels(replace(item, depth=replace(depth, values=z, valid=kept)), camera)


def is_near(z: NDArray[np.float32], kept: NDArray[np.bool_], farthest: float | Literal["auto"]) -> NDArray[np.bool_]:
    """Where depth (H, W) is `farthest` or less, see `PixelSettings`; "auto" looks at the pixels that are `kept`."""
    if farthest == "auto":
        farthest = SCENE * float(np.quantile(z[kept], 0.25)) if kept.any() else 0.0
    return z <= np.float32(farthest)


def point_cloud(
    item: DepthFrame, camera: Intrinsics, settings: CloudSettings, losses: Losses | None = None
) -> PointCloud:
    """A point for each used pixel of one picture, in the camera's axes; the rest of `settings` is for `thinned`."""
    return used_pixels(item, camera, settings, losses).cloud(normals=settings.normals)


def thinned(cloud: PointCloud, settings: CloudSettings, losses: Losses | None = None) -> PointCloud:
    """Merge the points in each voxel, leave out those that lie alone, and choose some, as far as `settings` ask."""
    losses = Losses() if losses is None else losses

    def instead(other: PointCloud, what: str) -> PointCloud:
        losses[what] += len(cloud) - len(other)
        return other

    if settings.voxel is not None:
        cloud = instead(merge_voxels(cloud, settings.voxel), MERGED)
    if settings.outliers is not None:
        cloud = instead(chosen(cloud, ~is_outlier(cloud, settings.outliers)), "outliers")
    if settings.max_points is not None:
        cloud = instead(few(cloud, settings.max_points), "over --max-points")
    return cloud


def mesh(item: DepthFrame, camera: Intrinsics, settings: CloudSettings, losses: Losses | None = None) -> Scene:
    """A point for each used pixel of one picture and triangles between them; points of no triangle go."""
    losses = Losses() if losses is None else losses
    pixels = used_pixels(item, camera, settings, losses)
    if settings.outliers is not None:
        alone = is_outlier(pixels.cloud(), settings.outliers)
        losses["outliers"] += int(np.count_nonzero(alone))
        pixels = pixels.without(alone)
    whole = pixels.cloud(normals=settings.normals)
    triangles = triangulate(pixels.item.depth.values, pixels.kept, pixels.camera, tear=settings.tear)
    cloud, triangles = without_loose(whole, triangles)
    losses["of no triangle"] += len(whole) - len(cloud)
    return Scene(cloud=cloud, triangles=triangles)


def scenes(
    items: Iterable[tuple[DepthFrame, Intrinsics]], settings: CloudSettings, losses: Losses | None = None
) -> Iterator[Scene]:
    """Turn pictures with z-depth and their cameras into clouds or meshes, each in its camera's axes.

    Raises:
        SettingsError: a confidence is asked for that the depth does not have.
    """
    for item, camera in items:
        if settings.mesh:
            yield mesh(item, camera, settings, losses)
        else:
            yield Scene(cloud=thinned(point_cloud(item, camera, settings, losses), settings, losses))
