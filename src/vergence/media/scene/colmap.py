"""Sparse models of COLMAP, as text or binary: cameras, images, points3D (https://colmap.github.io/format.html).

Poses go from the world to the camera, with OpenCV axes and pixel centres at half-integers, as here. Which views saw
which points is read but not written.
"""

import io
import logging
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError, ShapeError
from vergence.geometry.pose import inverse, pose, quaternions, rotation_matrices
from vergence.media.scene.scene import Scene, View, read_whole
from vergence.media.targets import Target
from vergence.types import Intrinsics, PointCloud

logger = logging.getLogger(__name__)

T = TypeVar("T")

OURS = re.compile(r"(cameras|images|points3D|rigs|frames)\.(bin|txt)")
# Models by number, with how many parameters they have. Those with one focal length begin f cx cy, the others
# fx fy cx cy; what follows is distortion.
MODELS = {"SIMPLE_PINHOLE": 3, "PINHOLE": 4, "SIMPLE_RADIAL": 4, "RADIAL": 5, "OPENCV": 8}
ONE_FOCAL = ("SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")
NAMES = tuple(MODELS)  # numbered from 0 in this order
PINHOLE = NAMES.index("PINHOLE")
LONGEST_NAME = 4096
LARGEST = 1e30  # a number of a pose that is larger is damage
POINT = np.dtype([("id", "<u8"), ("xyz", "<f8", 3), ("rgb", "u1", 3), ("error", "<f8"), ("track", "<u8")])

SIGHTING = np.dtype([("xy", "<f8", 2), ("point", "<i8")])
NO_POINT = -1

Camera = tuple[str, int, int, list[float]]  # model, width, height, parameters


@dataclass(frozen=True)
class _Image:
    """A row of the images: `rigid` is camera_from_world, `points` the (K,) int64 numbers of those it sees."""

    name: str
    camera: int
    rigid: NDArray[np.float64]
    points: NDArray[np.int64]


@dataclass(frozen=True)
class _Points:
    """Points and their (N,) int64 numbers."""

    numbers: NDArray[np.int64]
    cloud: PointCloud


def write_colmap(folder: str | Path, scene: Scene, *, text: bool = False, overwrite: bool = False) -> None:
    """Write views and points into a folder, as .bin files or, with `text`, as .txt files.

    Raises:
        FormatError: a name has spaces, which COLMAP's text cannot hold.
        TargetError: see `Target`.
    """
    spaced = next((view.name for view in scene.views if len(view.name.split()) != 1), None)
    if text and spaced is not None:
        raise FormatError(f"{spaced!r} has a space, which COLMAP does not read from text; write a binary model")
    with Target(Path(folder), overwrite=overwrite, is_folder=True, also_ours=OURS) as target:
        write = _write_text if text else _write_binary
        write(target.temporary, scene.views, scene.cloud or _no_points())


def read_colmap(folder: str | Path) -> Scene:
    """Read a model from its folder, or from the `sparse/0` or `sparse` in it; binary is preferred.

    Lens distortion is left out, with a warning.

    Raises:
        MediaError: there is no model, or it is damaged.
        FormatError: a camera is no pinhole, not even a bent one.
    """
    folder = Path(folder)
    places = [folder, folder / "sparse" / "0", folder / "sparse"]
    for place in places:
        for suffix, cameras_in, images_in, points_in in (
            (".bin", _binary_cameras, _binary_images, _binary_points),
            (".txt", _text_cameras, _text_images, _text_points),
        ):
            if not (place / f"cameras{suffix}").is_file():
                continue
            cameras = _parsed(place / f"cameras{suffix}", cameras_in)
            images = _parsed(place / f"images{suffix}", images_in)
            file = place / f"points3D{suffix}"
            points = _parsed(file, points_in) if file.is_file() else None
            views = _views(cameras, images, place)
            if points is None or not len(points.numbers):
                return Scene(views)
            return Scene(views, points.cloud, sightings=_sightings(images, points.numbers))
    raise MediaError(f"there is no COLMAP model in {folder}: needed are cameras.bin and images.bin, or .txt")


def _parsed(path: Path, parse: Callable[[bytes], T]) -> T:
    data = read_whole(path)
    try:
        return parse(data)
    except (ValueError, IndexError, OverflowError, struct.error, EOFError, ShapeError) as error:
        raise MediaError(f"{path} is damaged ({error}); get a whole copy") from error


def _views(cameras: dict[int, Camera], images: list[_Image], place: Path) -> tuple[View, ...]:
    missing = {image.camera for image in images} - set(cameras)
    if missing:
        raise MediaError(f"{place} has images of camera {min(missing)}, which it does not have; get a whole copy")
    lenses = {number: _intrinsics(camera, place) for number, camera in cameras.items()}
    if any(any(parameters[_plain(model) :]) for model, _, _, parameters in cameras.values()):
        logger.warning("%s has lenses that bend lines, which is left out; undistort the pictures first", place)
    return tuple(View(image.name, lenses[image.camera], inverse(image.rigid)) for image in images)


def _sightings(images: list[_Image], numbers: NDArray[np.int64]) -> tuple[NDArray[np.int32], ...] | None:
    """Which places of the points' list each image sees; None where nothing says it."""
    if not any(len(image.points) for image in images):
        return None
    order = np.argsort(numbers)
    ranked = numbers[order]

    def places(points: NDArray[np.int64]) -> NDArray[np.int32]:
        points = np.unique(points)
        at = np.minimum(np.searchsorted(ranked, points), len(ranked) - 1)
        return np.asarray(order[at[ranked[at] == points]], np.int32)

    return tuple(places(image.points) for image in images)


def _plain(model: str) -> int:
    """How many parameters of a model are no distortion."""
    return 3 if model in ONE_FOCAL else 4


def _intrinsics(camera: Camera, place: Path) -> Intrinsics:
    model, width, height, parameters = camera
    fx, fy, cx, cy = (parameters[0], *parameters[:3]) if model in ONE_FOCAL else parameters[:4]
    try:
        return Intrinsics(fx, fy, cx, cy, width, height)
    except ShapeError as error:
        raise MediaError(f"{place} has a camera that cannot be ({error}); get a whole copy") from error


def _rigid(quaternion: list[float], translation: list[float]) -> NDArray[np.float64]:
    numbers = np.array([*quaternion, *translation], np.float64)
    if not ((np.abs(numbers) < LARGEST).all() and np.linalg.norm(numbers[:4]) > 1 / LARGEST):
        raise ValueError(f"a pose of {quaternion} and {translation}")
    return pose(rotation_matrices(numbers[:4]), numbers[4:])


def _no_points() -> PointCloud:
    return PointCloud(np.empty((0, 3), np.float32), np.empty((0, 3), np.uint8))


def _cloud(points: NDArray[np.float64], colours: NDArray[np.uint8]) -> PointCloud:
    if not (np.abs(points) < np.finfo(np.float32).max).all():
        raise ValueError("a point is not finite")
    return PointCloud(points.astype(np.float32), colours)


def _distinct(views: tuple[View, ...]) -> tuple[list[Intrinsics], list[int]]:
    """The cameras without repetition, and which each view has, from 1."""
    cameras = list(dict.fromkeys(view.intrinsics for view in views))
    return cameras, [cameras.index(view.intrinsics) + 1 for view in views]


# Binary


def _write_binary(folder: Path, views: tuple[View, ...], cloud: PointCloud) -> None:
    cameras, numbers = _distinct(views)
    with (folder / "cameras.bin").open("wb") as file:
        file.write(struct.pack("<Q", len(cameras)))
        for number, lens in enumerate(cameras, start=1):
            file.write(struct.pack("<IiQQ", number, PINHOLE, lens.width, lens.height))
            file.write(struct.pack("<4d", lens.fx, lens.fy, lens.cx, lens.cy))
    with (folder / "images.bin").open("wb") as file:
        file.write(struct.pack("<Q", len(views)))
        for number, (view, camera) in enumerate(zip(views, numbers, strict=True), start=1):
            camera_from_world = inverse(view.world_from_camera)
            file.write(struct.pack("<I4d", number, *quaternions(camera_from_world[:3, :3])))
            file.write(struct.pack("<3dI", *camera_from_world[:3, 3], camera))
            file.write(view.name.encode() + b"\0" + struct.pack("<Q", 0))
    records = np.zeros(len(cloud.points), POINT)
    records["id"] = np.arange(1, len(records) + 1)
    records["xyz"], records["rgb"] = cloud.points, cloud.colours
    with (folder / "points3D.bin").open("wb") as file:
        file.write(struct.pack("<Q", len(records)))
        file.write(records.view(np.uint8).data)


def _take(file: IO[bytes], layout: str) -> tuple[int | float, ...]:
    size = struct.calcsize("<" + layout)
    return struct.unpack("<" + layout, file.read(size))


def _counted(file: io.BytesIO, least: int) -> range:
    """How many records of at least `least` bytes follow; a header that promises more than the file holds is refused."""
    (count,) = _take(file, "Q")
    held = len(file.getbuffer()) - file.tell()
    if count * least > held:
        raise EOFError(f"its header promises {count} records of {least} bytes or more, and {held} bytes follow")
    return range(int(count))


def _binary_cameras(data: bytes) -> dict[int, Camera]:
    file, cameras = io.BytesIO(data), {}
    for _ in _counted(file, 24):
        number, model, width, height = (int(value) for value in _take(file, "IiQQ"))
        if not 0 <= model < len(NAMES):
            raise FormatError(f"COLMAP's camera model {model} is not read; undistort the pictures to PINHOLE first")
        parameters = [float(value) for value in _take(file, f"{MODELS[NAMES[model]]}d")]
        cameras[number] = (NAMES[model], width, height, parameters)
    return cameras


def _binary_images(data: bytes) -> list[_Image]:
    file, images = io.BytesIO(data), []
    for _ in _counted(file, 73):
        numbers = _take(file, "I7dI")
        end = data.find(b"\0", file.tell(), file.tell() + LONGEST_NAME)
        if end < 0:
            raise EOFError("a name has no end")
        name = data[file.tell() : end].decode()
        file.seek(end + 1)
        count = len(_counted(file, SIGHTING.itemsize))
        points = np.frombuffer(data, SIGHTING, count, file.tell())["point"]
        file.seek(SIGHTING.itemsize * count, io.SEEK_CUR)
        rigid = _rigid([float(value) for value in numbers[1:5]], [float(value) for value in numbers[5:8]])
        images.append(_Image(name, int(numbers[8]), rigid, points[points != NO_POINT]))
    return images


def _binary_points(data: bytes) -> _Points:
    file = io.BytesIO(data)
    count = len(_counted(file, POINT.itemsize))
    if len(data) == 8 + count * POINT.itemsize:  # no point has a track: one array
        records = np.frombuffer(data, POINT, offset=8)
        if not records["track"].any():
            return _Points(_numbers(records["id"]), _cloud(records["xyz"], np.ascontiguousarray(records["rgb"])))
    numbers = np.empty(count, np.uint64)
    points, colours = np.empty((count, 3), np.float64), np.empty((count, 3), np.uint8)
    at = 8
    for i in range(count):
        numbers[i], *xyz, r, g, b, _, track = struct.unpack_from("<Q3d3BdQ", data, at)
        points[i], colours[i] = xyz, (r, g, b)
        at += POINT.itemsize + 8 * track
    if at > len(data):
        raise EOFError(f"it ends {at - len(data)} bytes early")
    return _Points(_numbers(numbers), _cloud(points, colours))


def _numbers(found: NDArray[np.uint64]) -> NDArray[np.int64]:
    if len(found) and found.max() > np.iinfo(np.int64).max:
        raise ValueError(f"a point is numbered {found.max()}")
    return found.astype(np.int64)


# Text


def _write_text(folder: Path, views: tuple[View, ...], cloud: PointCloud) -> None:
    cameras, numbers = _distinct(views)
    lines = ["# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]"]
    for number, lens in enumerate(cameras, start=1):
        lines.append(f"{number} PINHOLE {lens.width} {lens.height} {_words(lens.fx, lens.fy, lens.cx, lens.cy)}")
    _write_lines(folder / "cameras.txt", lines)
    lines = ["# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME", "# POINTS2D[] as (X, Y, POINT3D_ID)"]
    for number, (view, camera) in enumerate(zip(views, numbers, strict=True), start=1):
        camera_from_world = inverse(view.world_from_camera)
        numbers_of_pose = _words(*quaternions(camera_from_world[:3, :3]), *camera_from_world[:3, 3])
        lines += [f"{number} {numbers_of_pose} {camera} {view.name}", ""]
    _write_lines(folder / "images.txt", lines)
    lines = ["# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)"]
    for number, (point, (r, g, b)) in enumerate(zip(cloud.points, cloud.colours, strict=True), start=1):
        lines.append(f"{number} {_words(*point)} {r} {g} {b} 0")
    _write_lines(folder / "points3D.txt", lines)


def _words(*values: float) -> str:
    return " ".join(repr(float(value)) for value in values)


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _lines(data: bytes) -> Iterator[str]:
    """Lines that are no comments."""
    return (line.strip() for line in data.decode().splitlines() if not line.lstrip().startswith("#"))


def _text_cameras(data: bytes) -> dict[int, Camera]:
    cameras = {}
    for line in filter(None, _lines(data)):
        number, model, width, height, *parameters = line.split()
        if model not in MODELS:
            raise FormatError(f"COLMAP's camera model {model} is not read; undistort the pictures to PINHOLE first")
        if len(parameters) != MODELS[model]:
            raise ValueError(f"{model} has {MODELS[model]} parameters, not {len(parameters)}")
        cameras[int(number)] = (model, int(width), int(height), [float(value) for value in parameters])
    return cameras


def _text_images(data: bytes) -> list[_Image]:
    """Every other line is of the pixels that saw points, `x y number`, and empty where none did."""
    lines = list(_lines(data))
    while lines and not lines[0]:
        lines.pop(0)
    images = []
    for line, seen in zip_longest(lines[::2], lines[1::2], fillvalue=""):
        if line:
            _, *numbers, camera, name = line.split(maxsplit=9)
            values = [float(value) for value in numbers]
            points = np.array([int(word) for word in seen.split()[2::3]], np.int64)
            images.append(_Image(name, int(camera), _rigid(values[:4], values[4:]), points[points != NO_POINT]))
    return images


def _text_points(data: bytes) -> _Points:
    rows = [line.split(maxsplit=8)[:7] for line in _lines(data) if line]
    numbers = np.array([int(row[0]) for row in rows], np.int64)
    values = np.array([[float(value) for value in row[1:]] for row in rows], np.float64).reshape(-1, 6)
    colours = values[:, 3:]
    if not ((colours >= 0) & (colours <= 255)).all():
        raise ValueError("a colour lies outside 0..255")
    return _Points(numbers, _cloud(values[:, :3], colours.astype(np.uint8)))
