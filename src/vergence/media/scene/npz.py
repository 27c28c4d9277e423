"""A whole scene as NumPy archive (.npz), exactly: every array under a name of its own, nothing pickled.

    names (V,) text, sizes (V, 2) width and height, intrinsics (V, 3, 3) px, world_from_camera (V, 4, 4)
    depth (V, h, w), depth_valid, depth_confidence, depth_kind, depth_sampling, depth_intrinsics (V, 6)
    points (N, 3), colours (N, 3), normals (N, 3), confidence (N,), triangles (M, 3)
    means, scales, rotations (wxyz), opacities, harmonics: see `vergence.types.Gaussians`

What a scene lacks is left out. Axes are OpenCV's, as in memory.
"""

import math
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vergence.errors import DepthKindError, FormatError, MediaError, ShapeError
from vergence.media.depth_npz import DAMAGED
from vergence.media.scene.scene import Scene, View
from vergence.media.targets import Target
from vergence.types import DepthMap, Gaussians, Intrinsics, PointCloud, Sampling

VERSION = 1
DENSEST = 1032  # to one: deflate packs no tighter
GAUSSIANS = tuple(field.name for field in fields(Gaussians))


def write_npz(path: str | Path, scene: Scene, *, overwrite: bool = False) -> None:
    """Write all of a scene, uncompressed.

    Raises:
        FormatError: some views have depth and others none, or theirs differ in size or kind.
        TargetError: see `Target`.
    """
    arrays: dict[str, NDArray[Any]] = {"version": np.array(VERSION)}
    if scene.views:
        lenses = [view.intrinsics for view in scene.views]
        arrays["names"] = np.array([view.name for view in scene.views])
        arrays["sizes"] = np.array([[lens.width, lens.height] for lens in lenses])
        arrays["intrinsics"] = np.array([[[k.fx, 0, k.cx], [0, k.fy, k.cy], [0, 0, 1]] for k in lenses])
        arrays["world_from_camera"] = np.stack([view.world_from_camera for view in scene.views])
        arrays |= _depth_arrays(path, [view.depth for view in scene.views])
    if scene.cloud is not None:
        named = {name: getattr(scene.cloud, name) for name in ("points", "colours", "normals", "confidence")}
        arrays |= {name: array for name, array in named.items() if array is not None}
    if scene.triangles is not None:
        arrays["triangles"] = scene.triangles
    if scene.gaussians is not None:
        arrays |= {name: getattr(scene.gaussians, name) for name in GAUSSIANS}
    needed = sum(array.nbytes for array in arrays.values())
    with (
        Target(Path(path), overwrite=overwrite, needed_bytes=needed) as target,
        target.temporary.open("wb") as file,
    ):
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_npz(path: str | Path) -> Scene:
    """Read a scene that `write_npz` wrote.

    Raises:
        MediaError: there is no such file, it is damaged, or its arrays do not belong together.
        FormatError: it holds no scene.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            if "version" not in names or not {"names", "points", "means"} & set(names):
                raise FormatError(f"{path} holds {', '.join(sorted(names)) or 'nothing'}, which is no scene")
            held = path.stat().st_size
            arrays = {name: _array(archive, name, held) for name in names}
    except FileNotFoundError as error:
        raise MediaError(f"there is no file {path}") from error
    except DAMAGED as error:
        raise MediaError(f"{path} is damaged ({error}); get a whole copy") from error
    try:
        return _scene(arrays)
    except (ShapeError, DepthKindError, KeyError, IndexError, TypeError, ValueError) as error:
        raise MediaError(f"{path} has arrays that do not belong together ({error}); get a whole copy") from error


def _depth_arrays(path: str | Path, maps: list[DepthMap | None]) -> dict[str, NDArray[Any]]:
    given = [depth for depth in maps if depth is not None]
    if not given:
        return {}
    alike = {(depth.values.shape, depth.kind, depth.sampling, depth.confidence is None) for depth in given}
    if len(given) < len(maps) or len(alike) > 1:
        raise FormatError(
            f"{path} can hold depth of all views, of one size and kind, or of none; write the depth of each by itself"
        )
    arrays: dict[str, NDArray[Any]] = {
        "depth": np.stack([depth.values for depth in given]),
        "depth_valid": np.stack([depth.valid for depth in given]),
        "depth_kind": np.array(given[0].kind),
        "depth_sampling": np.array(given[0].sampling),
        "depth_intrinsics": np.array([_six(depth.intrinsics) for depth in given]),
    }
    if given[0].confidence is not None:
        arrays["depth_confidence"] = np.stack([depth.confidence for depth in given])  # type: ignore[misc]
    return arrays


def _six(lens: Intrinsics | None) -> list[float]:
    """fx fy cx cy width height; zeros for an unknown lens."""
    return [0.0] * 6 if lens is None else [lens.fx, lens.fy, lens.cx, lens.cy, lens.width, lens.height]


def _array(archive: zipfile.ZipFile, name: str, held: int) -> NDArray[Any]:
    """One array, for which memory is taken only after a look whether the file can hold it."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        version = npy.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"array of version {version}")
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, is_fortran, dtype = read_header(member)
        if dtype.hasobject:
            raise ValueError("it holds pickled objects, which are never loaded")
        size = math.prod(shape) * dtype.itemsize
        if size > info.file_size or info.file_size > DENSEST * held:
            raise ValueError(f"{name} is {shape}, more than the file holds")
        data = member.read(size)
    if len(data) < size:
        raise EOFError("cut off")
    values = np.frombuffer(data, dtype).reshape(shape[::-1] if is_fortran else shape)
    return values.T if is_fortran else values


def _scene(arrays: dict[str, NDArray[Any]]) -> Scene:
    if int(arrays["version"]) > VERSION:
        raise ValueError(f"version {int(arrays['version'])}; this reads up to {VERSION}")
    cloud = None
    if "points" in arrays:
        optional = {name: arrays[name] for name in ("normals", "confidence") if name in arrays}
        cloud = PointCloud(arrays["points"], arrays["colours"], **optional)
    gaussians = Gaussians(**{name: arrays[name] for name in GAUSSIANS}) if "means" in arrays else None
    return Scene(_views(arrays), cloud, arrays.get("triangles"), gaussians)


def _views(arrays: dict[str, NDArray[Any]]) -> tuple[View, ...]:
    if "names" not in arrays:
        return ()
    views = []
    for i, name in enumerate(arrays["names"].tolist()):
        k, (width, height) = arrays["intrinsics"][i], arrays["sizes"][i].tolist()
        lens = Intrinsics(float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]), int(width), int(height))
        views.append(View(str(name), lens, arrays["world_from_camera"][i], _depth(arrays, i)))
    return tuple(views)


def _depth(arrays: dict[str, NDArray[Any]], i: int) -> DepthMap | None:
    if "depth" not in arrays:
        return None
    sampling = str(arrays["depth_sampling"])
    if sampling not in get_args(Sampling):
        raise ValueError(f"no sampling is called {sampling!r}")
    fx, fy, cx, cy, width, height = arrays["depth_intrinsics"][i].tolist()
    return DepthMap(
        values=arrays["depth"][i],
        valid=arrays["depth_valid"][i],
        kind=str(arrays["depth_kind"]),  # type: ignore[arg-type]
        sampling=sampling,  # type: ignore[arg-type]
        intrinsics=Intrinsics(fx, fy, cx, cy, int(width), int(height)) if fx else None,
        world_from_camera=arrays["world_from_camera"][i],
        confidence=arrays["depth_confidence"][i] if "depth_confidence" in arrays else None,
    )
