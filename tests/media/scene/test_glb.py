"""GLB: back again, and opened by another program with y up and the right colours."""

import json
import struct
import tracemalloc

import numpy as np
import pytest

from scenes import same_cloud, same_views, scene
from vergence.errors import FormatError, MediaError, TargetError
from vergence.media.scene.glb import linear_of, read_glb, srgb_of, write_glb
from vergence.media.scene.scene import Scene
from vergence.types import PointCloud

TRIANGLES = np.array([[0, 1, 2], [2, 1, 19]], np.int32)
F = np.array([1, -1, -1], np.float32)


def parts(path):
    data = path.read_bytes()
    (size,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def rewritten(path, change):
    """The file with its tree changed by `change`."""
    root, binary = parts(path)
    change(root)
    text = json.dumps(root).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    path.write_bytes(struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body)


@pytest.mark.parametrize("triangles", [None, TRIANGLES], ids=["points", "mesh"])
def test_scenes_come_back(tmp_path, triangles):
    before = scene(triangles=triangles)
    write_glb(tmp_path / "a.glb", before)
    found = read_glb(tmp_path / "a.glb")
    same_cloud(found.cloud, before.cloud)
    same_views(found.views, before.views, lenses=False)
    for a, b in zip(found.views, before.views, strict=True):
        assert a.intrinsics.height / a.intrinsics.fy == pytest.approx(b.intrinsics.height / b.intrinsics.fy)
        assert a.intrinsics.width / a.intrinsics.fx == pytest.approx(b.intrinsics.width / b.intrinsics.fx)
    assert found.triangles is None if triangles is None else np.array_equal(found.triangles, triangles)


def test_normals_come_back(tmp_path):
    cloud = scene().cloud
    normals = cloud.points / np.linalg.norm(cloud.points, axis=1, keepdims=True)
    write_glb(tmp_path / "a.glb", Scene(cloud=PointCloud(cloud.points, cloud.colours, normals)))
    np.testing.assert_allclose(read_glb(tmp_path / "a.glb").cloud.normals, normals, atol=1e-6)


@pytest.mark.parametrize("triangles", [None, TRIANGLES], ids=["points", "mesh"])
def test_another_program_opens_it_with_y_up(tmp_path, triangles):
    trimesh = pytest.importorskip("trimesh", reason="the independent reader is not installed")
    before = scene(triangles=triangles)
    write_glb(tmp_path / "a.glb", before)
    world = trimesh.load(tmp_path / "a.glb", process=False)
    kind = trimesh.PointCloud if triangles is None else trimesh.Trimesh
    (found,) = [item for item in world.geometry.values() if isinstance(item, kind)]
    np.testing.assert_allclose(found.vertices, before.cloud.points * F, rtol=1e-6)
    if triangles is not None:
        np.testing.assert_array_equal(found.faces, triangles)
    frusta = [item for item in world.geometry.values() if isinstance(item, trimesh.path.Path3D)]
    assert len(frusta) == 3
    stand, name = world.graph["c.jpg frustum"]
    lines = world.geometry[name]
    middle = trimesh.transform_points([lines.vertices.mean(axis=0)], stand)[0] * F
    pose = before.views[2].world_from_camera
    ahead = (np.linalg.inv(pose) @ [*middle, 1])[:3]
    assert ahead[2] > 0
    assert ahead[2] > np.abs(ahead[:2]).max()


def test_colours_are_linear_in_the_file(tmp_path):
    colours = np.array([[0, 128, 255], [1, 2, 3]], np.uint8)
    write_glb(tmp_path / "a.glb", Scene(cloud=PointCloud(np.zeros((2, 3), np.float32), colours)))
    root, binary = parts(tmp_path / "a.glb")
    accessor = root["accessors"][root["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]]
    start = root["bufferViews"][accessor["bufferView"]]["byteOffset"]
    rgba = np.frombuffer(binary, "<u2", 8, start).reshape(2, 4) / 65535
    np.testing.assert_allclose(rgba[0], [0, 0.21586, 1, 1], atol=1e-4)
    assert (accessor["componentType"], accessor["normalized"], accessor["type"]) == (5123, True, "VEC4")


def test_every_colour_comes_back():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(srgb_of(linear_of(every) / 65535), every)


def test_the_tree_keeps_the_rules_of_gltf(tmp_path):
    """Those viewers stumble over: alignment, bounds of positions, lengths, indices in range."""
    write_glb(tmp_path / "a.glb", scene(21, triangles=TRIANGLES))
    data = (tmp_path / "a.glb").read_bytes()
    assert struct.unpack_from("<III", data) == (0x46546C67, 2, len(data))
    root, binary = parts(tmp_path / "a.glb")
    assert len(data) % 4 == len(binary) % 4 == 0
    assert root["buffers"] == [{"byteLength": len(binary)}]
    for view in root["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= len(binary)
    for mesh in root["meshes"]:
        for primitive in mesh["primitives"]:
            accessor = root["accessors"][primitive["attributes"]["POSITION"]]
            assert len(accessor["min"]) == len(accessor["max"]) == 3
    assert all(0 < camera["perspective"]["yfov"] < np.pi for camera in root["cameras"])


def test_nodes_are_put_where_they_stand(tmp_path):
    """A quarter turn round y, twice as large, one to the right, within a node that moves up."""
    before = Scene(cloud=scene().cloud)
    write_glb(tmp_path / "a.glb", before)

    def change(root):
        root["nodes"][0] |= {"rotation": [0, 0.5**0.5, 0, 0.5**0.5], "scale": [2, 2, 2], "translation": [1, 0, 0]}
        root["nodes"].append({"children": [0], "translation": [0, 5, 0]})
        root["scenes"][0]["nodes"] = [1]

    rewritten(tmp_path / "a.glb", change)
    x, y, z = (before.cloud.points * F).T
    expected = np.stack([2 * z + 1, 2 * y + 5, -2 * x], axis=1) * F
    np.testing.assert_allclose(read_glb(tmp_path / "a.glb").cloud.points, expected, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: root["accessors"][0].update(count=1 << 40),
        lambda root: root["accessors"][0].update(count=-1),
        lambda root: root["bufferViews"][0].update(byteOffset=1 << 40),
        lambda root: root["bufferViews"][0].update(byteStride=1),
        lambda root: root["accessors"][0].update(componentType=1),
        lambda root: root["nodes"][0].update(children=[0]),
        lambda root: root["nodes"][0].update(mesh=9),
        lambda root: root["buffers"][0].update(uri="http://somewhere"),
        lambda root: root.update(nodes=7),
    ],
)
def test_a_tree_that_promises_what_is_not_there_is_refused(tmp_path, change):
    write_glb(tmp_path / "a.glb", scene())
    rewritten(tmp_path / "a.glb", change)
    tracemalloc.start()
    try:
        with pytest.raises(MediaError, match="damaged"):
            read_glb(tmp_path / "a.glb")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_cut_anywhere_is_refused(tmp_path):
    write_glb(tmp_path / "a.glb", scene())
    data = (tmp_path / "a.glb").read_bytes()
    for length in range(0, len(data), 37):
        (tmp_path / "cut.glb").write_bytes(data[:length])
        with pytest.raises(MediaError):
            read_glb(tmp_path / "cut.glb")


def test_what_is_in_the_way_or_not_finite_is_told(tmp_path):
    write_glb(tmp_path / "a.glb", Scene())
    with pytest.raises(TargetError):
        write_glb(tmp_path / "a.glb", scene())
    cloud = PointCloud(np.full((1, 3), np.nan, np.float32), np.zeros((1, 3), np.uint8))
    with pytest.raises(FormatError, match="not finite"):
        write_glb(tmp_path / "b.glb", Scene(cloud=cloud))
    with pytest.raises(MediaError, match="no file"):
        read_glb(tmp_path / "c.glb")
