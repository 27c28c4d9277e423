"""Scenes of Gaussians or points to a picture or a film."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import radians, sqrt
from pathlib import Path
from typing import Literal, get_args

from vergence.errors import MediaError, SettingsError
from vergence.media.formats import is_pattern, written_suffixes
from vergence.media.open import open_sink
from vergence.media.ply import read_ply
from vergence.media.ply_header import read_elements
from vergence.media.scene.glb import read_glb
from vergence.media.scene.npz import read_npz
from vergence.media.splats.open import read_gaussians
from vergence.pipelines.job import ProgressCallback, Result, drain, silent
from vergence.splats.cuda import GpuCanvas
from vergence.splats.paths import Home, PathName, Pose, home, orbit, spline, tour, wiggle
from vergence.splats.project import View
from vergence.splats.rasterise import Drawn, draw_gaussians, draw_points
from vergence.types import Frame, Gaussians, Intrinsics, MediaInfo, PointCloud

LONGER_SIDE = 960  # px of a picture whose size nobody asked for
LARGEST_SIDE = 8192  # px
HARMONIC = "f_dc_0"  # a property that only splats in a PLY have, unless they are compressed
DISC = 0.75  # of the distance between points on a square grid: a little more than half its diagonal
LARGEST_DISC = 4.0  # px; an object in little of the picture needs less than the rule says
CHUNK = "chunk"  # an element that only compressed ones have


@dataclass(frozen=True)
class RenderSettings:
    """How to show a scene.

    Attributes:
        path: "orbit" goes around its middle, "wiggle" sways before it, "spline" goes through `poses`; "auto" is
            "spline" with poses, "wiggle" for a scene that has but one side, and "orbit" for any other.
        width, height: px; None is 960 for the longer side, in the shape of the scene as its camera saw it.
        fov_x_deg: horizontal field of view, degrees; None takes in all of the scene.
        frames, rate: of a film; `rate` is frames a second.
        degrees: how far an orbit goes; less than 360 swings to both sides and back.
        at: the moment on the path a picture shows, 0 to 1.
        background: sRGB, 0..1.
        point_radius: px of the disc a point of a cloud is drawn as; None is such that as many as there are would close
            a picture, up to 4.
        device: "cuda" has splats drawn by gsplat, see `splats.cuda`; points are drawn by the processor anyway.

    Raises:
        SettingsError: a number is out of range.
    """

    path: PathName = "auto"
    width: int | None = None
    height: int | None = None
    fov_x_deg: float | None = None
    frames: int = 120
    rate: Fraction = Fraction(30)
    degrees: float = 360
    at: float = 0.0
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    point_radius: float | None = None
    device: Literal["cpu", "cuda"] = "cpu"

    def __post_init__(self) -> None:
        if self.path not in get_args(PathName):
            raise SettingsError(f"no path is called {self.path!r}; choose from {', '.join(get_args(PathName))}")
        if any(side is not None and not 16 <= side <= LARGEST_SIDE for side in (self.width, self.height)):
            raise SettingsError(
                f"a side of a picture has 16 to {LARGEST_SIDE} px, not {self.width or '-'}x{self.height or '-'}"
            )
        if self.fov_x_deg is not None and not 0 < self.fov_x_deg < 170:
            raise SettingsError(f"a field of view lies between 0 and 170 degrees, not {self.fov_x_deg:g}")
        if self.frames < 1 or not self.rate > 0:
            raise SettingsError(f"a film has at least 1 frame, not {self.frames} at {float(self.rate):g} a second")
        if not 0 < self.degrees <= 360 or not 0 <= self.at <= 1:
            raise SettingsError(f"an orbit has up to 360 degrees and is 0 to 1 done, not {self.degrees:g}, {self.at:g}")
        if self.point_radius is not None and not 0 < self.point_radius <= 100:
            raise SettingsError(f"a point's radius is up to 100 px, not {self.point_radius:g}")

    def size(self, aspect: float) -> tuple[int, int]:
        """Width and height, px, of pictures of a scene of this shape; even where they are not asked for."""
        if self.width is not None and self.height is not None:
            return self.width, self.height
        if self.width is not None:
            return self.width, _even(self.width / aspect)
        if self.height is not None:
            return _even(self.height * aspect), self.height
        return _even(LONGER_SIDE * min(aspect, 1)), _even(LONGER_SIDE / max(aspect, 1))


def process_render(
    source: str | Path,
    target: str | Path,
    *,
    settings: RenderSettings | None = None,
    poses: Sequence[Pose] | None = None,
    lens: Intrinsics | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    """Draw a scene of splats or points as a film of a camera that moves, or as a picture.

    Args:
        source: .ply (splats or points), .compressed.ply, .spz, .splat, .glb (points), or .npz (a scene of either).
        target: a film, numbered pictures such as `turn/%04d.png`, or one picture; the suffix decides.
        settings: path, size and the like.
        poses: (4, 4) world_from_camera to go through, OpenCV axes and y down; with "spline" alone, which makes up a
            short tour without.
        lens: what the camera sees, and the shape of pictures whose size is not asked for; `settings.fov_x_deg` goes
            before it. None takes in all of the scene.
        overwrite: replace what lies at `target`.
        progress: called after every frame, in the caller's thread.

    Raises:
        MediaError: the scene cannot be read; see `read_scene`.
        SettingsError: poses with a path that has its own, or a scene with nothing in it.
        DeviceError: the device is not there.
        TargetError: something is in the way.
    """
    settings, target = settings or RenderSettings(), Path(target)
    if poses is not None and settings.path not in ("auto", "spline"):
        raise SettingsError(f"poses are for the path spline, not {settings.path}")
    is_film = is_pattern(target) or target.suffix.lower() not in written_suffixes("picture")
    scene = read_scene(source)
    start = home(scene.means if isinstance(scene, Gaussians) else scene.points)
    width, height = settings.size(start.aspect if lens is None else lens.width / lens.height)
    if lens is not None and settings.fov_x_deg is None:
        camera = as_wide(lens, width, height)
    else:
        camera = start.camera(width, height, settings.fov_x_deg and radians(settings.fov_x_deg))
    way = camera_path(start, settings, poses)
    if not is_film:
        way = [way[round(settings.at * (len(way) - 1))]]
    info = MediaInfo(
        path=None, is_film=is_film, width=width, height=height, frames=len(way), rate=settings.rate,
        time_base=1 / settings.rate,
    )  # fmt: skip
    with open_sink(target, like=info, overwrite=overwrite) as sink:
        frames, seconds = drain(drawn(scene, camera, way, start, settings), sink.write, info, progress)
    return Result(sink.path, frames, seconds, None)


def camera_path(start: Home, settings: RenderSettings, poses: Sequence[Pose] | None = None) -> list[Pose]:
    """The poses of every frame, see `RenderSettings`."""
    if settings.path == "spline" or poses is not None:
        return spline(tour(start) if poses is None else poses, settings.frames)
    if settings.path == "wiggle" or (settings.path == "auto" and start.is_only_side):
        return wiggle(start, settings.frames)
    return orbit(start, settings.frames, degrees=settings.degrees)


def drawn(
    scene: Gaussians | PointCloud,
    camera: Intrinsics,
    way: Sequence[Pose],
    start: Home,
    settings: RenderSettings,
) -> Iterator[Frame]:
    """One picture for every pose."""
    draw = _drawing(scene, settings)
    for index, pose in enumerate(way):
        view = View(camera, pose, near=start.near_plane)
        yield Frame(draw(view).rgb8, index, index / settings.rate, duration=1 / settings.rate)


def read_scene(path: str | Path) -> Gaussians | PointCloud:
    """Read splats, or the points of a file that holds no splats; of a .glb always the points.

    Raises as `read_gaussians`, `read_glb`, `read_npz` and `read_ply`.
    """
    path = Path(path)
    if path.suffix.lower() in (".glb", ".npz"):
        scene = read_glb(path) if path.suffix.lower() == ".glb" else read_npz(path)
        return scene.gaussians or scene.cloud or PointCloud.empty()
    if path.suffix.lower() != ".ply":
        return read_gaussians(path)
    try:
        with path.open("rb") as file:
            elements = read_elements(file, path)
    except FileNotFoundError as error:
        raise MediaError(f"there is no file {path}") from error
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
    has_splats = any(
        element.name == CHUNK or (element.dtype is not None and HARMONIC in (element.dtype.names or ()))
        for element in elements
    )
    return read_gaussians(path) if has_splats else read_ply(path)


def _drawing(scene: Gaussians | PointCloud, settings: RenderSettings) -> Callable[[View], Drawn]:
    background = settings.background
    if isinstance(scene, PointCloud):
        return lambda view: draw_points(
            scene.points, scene.colours, view, background=background,
            radius=settings.point_radius or closing_radius(len(scene.points), view.intrinsics),
        )  # fmt: skip
    if settings.device == "cuda":
        return partial(GpuCanvas(scene).draw, background=background)
    return partial(draw_gaussians, scene, background=background)


def as_wide(lens: Intrinsics, width: int, height: int) -> Intrinsics:
    """A camera that sees as far to both sides as `lens`, and up and down as much as its picture's shape holds."""
    alike = lens.resized(width, round(lens.height * width / lens.width))
    return Intrinsics(alike.fx, alike.fy, alike.cx, alike.cy + (height - alike.height) / 2, width, height)


def closing_radius(points: int, camera: Intrinsics) -> float:
    """The radius, px, of discs that leave no gaps where so many lie spread over a whole picture, 0.5 to 4."""
    spacing = sqrt(camera.width * camera.height / max(points, 1))
    return min(max(DISC * spacing, 0.5), LARGEST_DISC)


def _even(side: float) -> int:
    return min(max(2 * round(side / 2), 16), LARGEST_SIDE)
