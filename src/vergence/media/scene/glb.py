"""Points, meshes and cameras as GLB (Khronos, "glTF 2.0 Specification", 2021): browsers, Blender, phones open it.

glTF has y up and cameras that look along -z, so y and z change their sign on the way out and in. Its vertex colours are
linear light; pictures are sRGB. Cameras are there twice: as glTF cameras, which a viewer can look through, and as
pyramids of lines, which every viewer shows.
"""

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError, ShapeError
from vergence.geometry.pose import pose, rotation_matrices
from vergence.media.scene.scene import OPENGL, Scene, View, read_whole
from vergence.media.targets import Target
from vergence.types import Intrinsics, PointCloud

MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
POINTS, LINES, TRIANGLES = 0, 1, 4
COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
NUMBERS = {np.dtype(name): code for code, name in COMPONENTS.items()}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
ARRAYS, ELEMENTS = 34962, 34963  # what a buffer view is for
UNLIT = "KHR_materials_unlit"
FLIP = np.array([1, -1, -1], np.float32)
FRUSTUM = 0.1  # how long the pyramid of a camera is, see `_frustum_length`
SAMPLE = 10_000  # points that are enough to know how far they are
FRUSTUM_COLOUR = [1.0, 0.25, 0.1, 1.0]
DEEPEST = 64  # nodes in nodes; deeper ones go round in a circle


def write_glb(path: str | Path, scene: Scene, *, overwrite: bool = False) -> None:
    """Write a cloud as points or, where there are triangles, as a mesh, and the cameras of all views.

    A glTF camera looks through the middle of its picture; where a principal point lies elsewhere, only the lines know.

    Raises:
        FormatError: a point is not finite, or 4 GB are not enough.
        TargetError: see `Target`.
    """
    document = _Document()
    if scene.cloud is not None and len(scene.cloud.points):
        _add_cloud(document, scene.cloud, scene.triangles)
    length = _frustum_length(scene)
    for view in scene.views:
        _add_view(document, view, length)
    parts = document.chunks()
    size = sum(len(part) for part in parts)
    if size >= 1 << 32:
        raise FormatError(f"{path} would have {size >> 30} GB, but a GLB ends at 4; leave out points, or write a PLY")
    with Target(Path(path), overwrite=overwrite, needed_bytes=size) as target, target.temporary.open("wb") as file:
        file.writelines(parts)


def read_glb(path: str | Path) -> Scene:
    """Read the points or triangles of a GLB and its perspective cameras, all brought to one world.

    Triangles win where there are both; lines are left out, and the picture of a camera is taken to be 1000 px high.

    Raises:
        MediaError: there is no such file, it is damaged, or shorter than it says.
        FormatError: it is no GLB of glTF 2, or is packed in a way that is not read.
    """
    path = Path(path)
    root, binary = _chunks(read_whole(path), path)
    try:
        return _scene(_Reader(root, binary))
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, ShapeError) as error:
        raise MediaError(f"{path} is damaged, or packed in a way that is not read ({error!r})") from error


def linear_of(srgb: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """sRGB 0..255 to linear light 0..65535 (IEC 61966-2-1)."""
    values = np.arange(256) / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.rint(light * 65535).astype(np.uint16)[srgb])


def srgb_of(linear: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Linear light 0..1 to sRGB 0..255."""
    light = np.clip(linear, 0, 1)
    values = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(values * 255), np.uint8)


class _Document:
    """A glTF tree that grows, and its one buffer."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "vergence"},
            "scene": 0,
            "scenes": [{"nodes": []}],
        }
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, kind: str, item: dict[str, Any]) -> int:
        """Add to a list of the tree; returns its index there."""
        items: list[dict[str, Any]] = self.root.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def place(self, node: dict[str, Any]) -> None:
        """Add a node to the scene."""
        self.root["scenes"][0]["nodes"].append(self.add("nodes", node))

    def array(self, values: NDArray[Any], *, target: int, normalized: bool = False) -> int:
        """Store (N,) or (N, 3 | 4) values; returns the index of their accessor."""
        data = np.ascontiguousarray(values).tobytes()
        view = {"buffer": 0, "byteOffset": self._size, "byteLength": len(data), "target": target}
        self._parts.append(data + bytes(-len(data) % 4))
        self._size += len(self._parts[-1])
        kind = "SCALAR" if values.ndim == 1 else f"VEC{values.shape[1]}"
        accessor: dict[str, Any] = {"bufferView": self.add("bufferViews", view), "count": len(values), "type": kind}
        accessor["componentType"] = NUMBERS[values.dtype]
        if normalized:
            accessor["normalized"] = True
        if kind == "VEC3":  # required of positions
            accessor["min"], accessor["max"] = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        return self.add("accessors", accessor)

    def unlit(self, colour: list[float]) -> int:
        """A material whose colours are shown as they are."""
        if UNLIT not in self.root.setdefault("extensionsUsed", []):
            self.root["extensionsUsed"].append(UNLIT)
        look = {"baseColorFactor": colour, "metallicFactor": 0.0, "roughnessFactor": 1.0}
        return self.add("materials", {"pbrMetallicRoughness": look, "extensions": {UNLIT: {}}, "doubleSided": True})

    def chunks(self) -> list[bytes]:
        """The file, in pieces."""
        if self._size:
            self.root["buffers"] = [{"byteLength": self._size}]
        text = json.dumps(self.root, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        body = [struct.pack("<II", len(text), JSON_CHUNK), text]
        if self._size:
            body += [struct.pack("<II", self._size & 0xFFFFFFFF, BINARY_CHUNK), *self._parts]
        size = 12 + sum(len(part) for part in body)
        return [struct.pack("<III", MAGIC, 2, min(size, 0xFFFFFFFF)), *body]


def _add_cloud(document: _Document, cloud: PointCloud, triangles: NDArray[np.int32] | None) -> None:
    if not np.isfinite(cloud.points).all():
        raise FormatError("some points are not finite, which no viewer of GLB takes; leave them out first")
    rgba = np.full((len(cloud.points), 4), 65535, np.uint16)
    rgba[:, :3] = linear_of(cloud.colours)
    attributes = {"POSITION": document.array(cloud.points * FLIP, target=ARRAYS)}
    if cloud.normals is not None:
        attributes["NORMAL"] = document.array(_unit(cloud.normals * FLIP), target=ARRAYS)
    attributes["COLOR_0"] = document.array(rgba, target=ARRAYS, normalized=True)
    primitive: dict[str, Any] = {"attributes": attributes, "material": document.unlit([1.0, 1.0, 1.0, 1.0])}
    if triangles is None or not len(triangles):
        primitive["mode"] = POINTS
    else:
        primitive["mode"] = TRIANGLES
        primitive["indices"] = document.array(triangles.astype(np.uint32).ravel(), target=ELEMENTS)
    name = "points" if primitive["mode"] == POINTS else "mesh"
    document.place({"name": name, "mesh": document.add("meshes", {"name": name, "primitives": [primitive]})})


def _unit(normals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of length 1, as glTF wants them; what has no direction faces the viewer."""
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    facing = np.array([0, 0, 1], np.float32)
    return np.where(lengths > 0, normals / np.maximum(lengths, np.finfo(np.float32).tiny), facing)


def _add_view(document: _Document, view: View, length: float) -> None:
    lens = view.intrinsics
    perspective = {
        "yfov": 2 * math.atan(lens.height / 2 / lens.fy),
        "aspectRatio": lens.width / lens.height * lens.fy / lens.fx,
        "znear": length / 100,
    }
    camera = document.add("cameras", {"type": "perspective", "perspective": perspective, "name": view.name})
    corners = [(u, v) for v in (0, lens.height) for u in (0, lens.width)]
    rays = [[(u - lens.cx) / lens.fx, -(v - lens.cy) / lens.fy, -1.0] for u, v in corners]
    points = np.array([[0.0, 0.0, 0.0], *rays], np.float32) * np.float32(length)
    edges = np.array([0, 1, 0, 2, 0, 3, 0, 4, 1, 2, 2, 4, 4, 3, 3, 1], np.uint16)
    lines = {
        "attributes": {"POSITION": document.array(points, target=ARRAYS)},
        "indices": document.array(edges, target=ELEMENTS),
        "material": document.unlit(FRUSTUM_COLOUR),
        "mode": LINES,
    }
    # In a node of their own: some programs show either the camera of a node or its mesh.
    mesh = document.add("meshes", {"primitives": [lines]})
    pyramid = document.add("nodes", {"name": f"{view.name} frustum", "mesh": mesh})
    matrix = OPENGL @ view.world_from_camera @ OPENGL
    document.place({"name": view.name, "camera": camera, "matrix": matrix.T.ravel().tolist(), "children": [pyramid]})


def _frustum_length(scene: Scene) -> float:
    """How long the pyramids shall be, m: a tenth of how far the points are, else of how far apart the cameras are."""
    places = np.array([view.world_from_camera[:3, 3] for view in scene.views]).reshape(-1, 3)
    if not len(places):
        return FRUSTUM
    middle = np.median(places, axis=0)
    others = places
    if scene.cloud is not None and len(scene.cloud.points):
        others = scene.cloud.points[:: max(1, len(scene.cloud.points) // SAMPLE)]
    return FRUSTUM * (float(np.median(np.linalg.norm(others - middle, axis=1))) or 1.0)


# Reading


def _chunks(data: bytes, path: Path) -> tuple[dict[str, Any], bytes]:
    if len(data) < 20 or struct.unpack_from("<II", data) != (MAGIC, 2):
        raise FormatError(f"{path} is no GLB of glTF 2")
    size, text_size, kind = struct.unpack_from("<III", data, 8)
    if kind != JSON_CHUNK or size > len(data) or 20 + text_size > size:
        raise MediaError(
            f"{path} is cut short or damaged: {len(data)} bytes are less than its headers promise; get a whole copy"
        )
    try:
        root = json.loads(data[20 : 20 + text_size])
    except (ValueError, RecursionError) as error:
        raise MediaError(f"{path} is damaged ({error}); get a whole copy") from error
    if not isinstance(root, dict):
        raise MediaError(f"{path} is damaged: its tree is no object; get a whole copy")
    at = 20 + text_size
    if size < at + 8:
        return root, b""
    binary_size, kind = struct.unpack_from("<II", data, at)
    if kind != BINARY_CHUNK or at + 8 + binary_size > size:
        raise MediaError(f"{path} is cut short: its buffer promises {binary_size} bytes; get a whole copy")
    return root, data[at + 8 : at + 8 + binary_size]


class _Reader:
    """A glTF tree, and the arrays in its buffer."""

    def __init__(self, root: dict[str, Any], binary: bytes) -> None:
        self.root, self._binary = root, binary

    def array(self, index: int) -> NDArray[Any]:
        """The values of an accessor, (N,) or (N, width), none of them believed before the buffer was looked at."""
        accessor = self.root["accessors"][index]
        if "sparse" in accessor or "bufferView" not in accessor:
            raise ValueError("sparse arrays")
        view = self.root["bufferViews"][accessor["bufferView"]]
        if view.get("buffer", 0) != 0 or "uri" in self.root["buffers"][0]:
            raise ValueError("arrays in other files")
        dtype, width = np.dtype(COMPONENTS[accessor["componentType"]]), WIDTHS[accessor["type"]]
        count, step = int(accessor["count"]), int(view.get("byteStride") or dtype.itemsize * width)
        start = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
        end = start + max(0, count - 1) * step + (dtype.itemsize * width if count else 0)
        if min(count, start) < 0 or step < dtype.itemsize * width or end > len(self._binary):
            raise ValueError(f"an array of {count} that ends at byte {end} of {len(self._binary)}")
        values = np.ndarray((count, width), dtype, self._binary, start, (step, dtype.itemsize))
        if accessor.get("normalized") and dtype.kind in "iu":
            values = np.maximum(values.astype(np.float32) / np.float32(np.iinfo(dtype).max), -1)
        return values[:, 0] if width == 1 else values

    def placed(self) -> Iterator[tuple[dict[str, Any], NDArray[np.float64]]]:
        """Every node of the scene, with where it stands: the world's axes from its own."""
        nodes = self.root.get("nodes", [])
        scenes = self.root.get("scenes", [])
        tops = scenes[self.root.get("scene", 0)].get("nodes", []) if scenes else []
        waiting = [(index, np.eye(4), 0) for index in reversed(tops)]
        seen = 0
        while waiting:
            index, above, depth = waiting.pop()
            seen += 1
            if depth > DEEPEST or seen > 4 * len(nodes) + 1:
                raise ValueError("nodes that go round in a circle")
            here = above @ _matrix(nodes[index])
            yield nodes[index], here
            waiting += [(child, here, depth + 1) for child in reversed(nodes[index].get("children", []))]


def _matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    turn = rotation_matrices(np.array([w, x, y, z], np.float64))
    return pose(turn * np.array(node.get("scale", (1, 1, 1)), np.float64), np.array(node.get("translation", (0, 0, 0))))


def _scene(reader: _Reader) -> Scene:
    views: list[View] = []
    found: dict[int, list[tuple[PointCloud, NDArray[np.int32] | None]]] = {POINTS: [], TRIANGLES: []}
    for node, matrix in reader.placed():
        if "camera" in node:
            views += _view(reader.root["cameras"][node["camera"]], node, matrix)
        if "mesh" not in node:
            continue
        for primitive in reader.root["meshes"][node["mesh"]]["primitives"]:
            if (mode := primitive.get("mode", TRIANGLES)) in found:
                found[mode].append(_primitive(reader, primitive, matrix, is_mesh=mode == TRIANGLES))
    cloud, triangles = _joined(found[TRIANGLES] or found[POINTS])
    return Scene(tuple(views), cloud, triangles)


def _view(camera: dict[str, Any], node: dict[str, Any], matrix: NDArray[np.float64]) -> list[View]:
    if camera.get("type") != "perspective":
        return []
    lens, height = camera["perspective"], 1000
    aspect = float(lens.get("aspectRatio", 1.0))
    focal = height / 2 / math.tan(float(lens["yfov"]) / 2)
    width = max(1, round(aspect * height))
    # The aspect of square pixels is the picture's own; a rounded width keeps its angle by a focal length of its own.
    intrinsics = Intrinsics(focal * width / (aspect * height), focal, width / 2, height / 2, width, height)
    stand = matrix.copy()
    stand[:3, :3] /= np.linalg.norm(stand[:3, :3], axis=0)  # a scale above it makes no camera larger
    return [View(str(camera.get("name", node.get("name", ""))), intrinsics, OPENGL @ stand @ OPENGL)]


def _primitive(
    reader: _Reader, primitive: dict[str, Any], matrix: NDArray[np.float64], *, is_mesh: bool
) -> tuple[PointCloud, NDArray[np.int32] | None]:
    attributes = primitive["attributes"]
    points = reader.array(attributes["POSITION"]).astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    colours = np.full((len(points), 3), 255, np.uint8)
    if "COLOR_0" in attributes:
        colours = srgb_of(reader.array(attributes["COLOR_0"])[:, :3].astype(np.float64))
    normals = None
    if "NORMAL" in attributes:
        turned = reader.array(attributes["NORMAL"]).astype(np.float64) @ np.linalg.inv(matrix[:3, :3])
        normals = _unit(turned.astype(np.float32)) * FLIP
    triangles = None
    if is_mesh:
        indices = reader.array(primitive["indices"]) if "indices" in primitive else np.arange(len(points))
        triangles = indices.astype(np.int32).reshape(-1, 3)
    return PointCloud(points.astype(np.float32) * FLIP, colours, normals), triangles


def _joined(
    parts: list[tuple[PointCloud, NDArray[np.int32] | None]],
) -> tuple[PointCloud | None, NDArray[np.int32] | None]:
    if not parts:
        return None, None
    clouds = [cloud for cloud, _ in parts]
    normals = [cloud.normals for cloud in clouds if cloud.normals is not None]
    cloud = PointCloud(
        np.concatenate([cloud.points for cloud in clouds]),
        np.concatenate([cloud.colours for cloud in clouds]),
        np.concatenate(normals) if len(normals) == len(clouds) else None,
    )
    starts = np.cumsum([0, *(len(cloud.points) for cloud in clouds)])
    triangles = [part + np.int32(start) for (_, part), start in zip(parts, starts, strict=False) if part is not None]
    return cloud, np.concatenate(triangles) if triangles else None
