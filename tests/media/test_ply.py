"""Point clouds in files: read by another program, whole or not at all, and never more memory than the file has."""

import tracemalloc

import numpy as np
import pytest

from vergence.errors import FormatError, MediaError, ShapeError, TargetError
from vergence.media.open import open_source
from vergence.media.ply import read_ply, write_ply
from vergence.types import PointCloud

plyfile = pytest.importorskip("plyfile", reason="the independent reader is not installed")


def cloud(count=5, **more):
    dice = np.random.default_rng(count)
    points = dice.normal(size=(count, 3)).astype(np.float32)
    return PointCloud(points, dice.integers(0, 256, (count, 3), dtype=np.uint8), **more)


def full(count=7):
    dice = np.random.default_rng(0)
    normals = dice.normal(size=(count, 3)).astype(np.float32)
    return cloud(count, normals=normals, confidence=dice.random(count, dtype=np.float32))


def same(a, b):
    for name in ("points", "colours", "normals", "confidence"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None)
        if x is not None:
            np.testing.assert_array_equal(x, y)
            assert x.dtype == y.dtype


@pytest.mark.parametrize("points", [cloud(), full(), cloud(0)], ids=["plain", "full", "empty"])
def test_clouds_come_back(tmp_path, points):
    write_ply(tmp_path / "a.ply", points)
    same(read_ply(tmp_path / "a.ply"), points)


def test_another_program_reads_it_with_y_up_and_z_towards_the_viewer(tmp_path):
    points = full()
    write_ply(tmp_path / "a.ply", points, comments=["metres", "two\nlines"])
    data = plyfile.PlyData.read(str(tmp_path / "a.ply"))
    assert (data.text, data.byte_order) == (False, "<")
    assert data.comments == ["x right, y up, z towards the viewer", "metres", "two lines"]
    vertex = data["vertex"].data
    assert [vertex.dtype[i].str for i in range(10)] == ["<f4"] * 3 + ["|u1"] * 3 + ["<f4"] * 4
    np.testing.assert_array_equal(vertex["x"], points.points[:, 0])
    np.testing.assert_array_equal(vertex["y"], -points.points[:, 1])
    np.testing.assert_array_equal(vertex["z"], -points.points[:, 2])
    np.testing.assert_array_equal(vertex["ny"], -points.normals[:, 1])
    np.testing.assert_array_equal(vertex["green"], points.colours[:, 1])
    np.testing.assert_array_equal(vertex["confidence"], points.confidence)


@pytest.mark.parametrize("order", ["<", ">"])
def test_files_of_another_program_are_read(tmp_path, order):
    rows = [(1.5, 2, -3, 9, 10, 20, 30), (4, 5, 6, 9, 40, 50, 60)]
    fields = [("x", "f8"), ("y", "f8"), ("z", "f8"), ("alpha", "i4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]
    vertex = plyfile.PlyElement.describe(np.array(rows, fields), "vertex")
    face = plyfile.PlyElement.describe(np.array([([0, 1, 1],)], [("vertex_indices", "i4", (3,))]), "face")
    plyfile.PlyData([vertex, face], byte_order=order).write(str(tmp_path / "a.ply"))
    found = read_ply(tmp_path / "a.ply")
    assert found.points.tolist() == [[1.5, -2, 3], [4, -5, -6]]
    assert found.colours.tolist() == [[10, 20, 30], [40, 50, 60]]


def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "a.ply"
    write_ply(path, cloud(3))
    path.write_bytes(path.read_bytes().replace(b"vertex 3\n", b"vertex 99999999999\n"))
    tracemalloc.start()
    try:
        with pytest.raises(MediaError, match="promises 99999999999 points"):
            read_ply(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_cut_anywhere_is_refused(tmp_path):
    write_ply(tmp_path / "whole.ply", cloud(2))
    data = (tmp_path / "whole.ply").read_bytes()
    for length in range(len(data)):
        (tmp_path / "cut.ply").write_bytes(data[:length])
        with pytest.raises(MediaError):
            read_ply(tmp_path / "cut.ply")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("ply\nformat ascii 1.0\nelement vertex 0\nend_header\n", "ascii"),
        ("ply\nformat binary_little_endian 1.0\nelement face 0\nend_header\n", "begin with vertices"),
        ("ply\nformat binary_little_endian 1.0\nend_header\n", "begin with vertices"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex -1\nend_header\n", "not read"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex many\nend_header\n", "not read"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex 9\nend_header\n", "not read"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex 0\nproperty list uchar int x\nend_header\n", "not read"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex 0\nproperty half x\nend_header\n", "not read"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex 0\nproperty float x\nend_header\n", "needed are x y z"),
        ("solid cube\n", "is not a PLY"),
        ("", "is not a PLY"),
        ("ply\n" + "comment so on\n" * 5000, "no end"),
    ],
)
def test_what_is_no_cloud_is_told(tmp_path, header, said):
    (tmp_path / "a.ply").write_text(header)
    with pytest.raises(MediaError, match=said):
        read_ply(tmp_path / "a.ply")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(MediaError, match="there is no file"):
        read_ply(tmp_path / "a.ply")


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path):
    path = tmp_path / "a.ply"
    path.write_bytes(b"mine")
    with pytest.raises(TargetError, match="--overwrite"):
        write_ply(path, cloud())
    assert path.read_bytes() == b"mine"
    write_ply(path, cloud(), overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.ply"]


def test_arrays_that_do_not_belong_together_are_refused():
    with pytest.raises(ShapeError, match="colours"):
        PointCloud(np.zeros((3, 3), np.float32), np.zeros((2, 3), np.uint8))
    with pytest.raises(ShapeError, match="points"):
        PointCloud(np.zeros((3, 3)), np.zeros((3, 3), np.uint8))


def test_triangles_are_read_by_another_program_and_the_points_by_ours(tmp_path):
    triangles = np.array([[0, 1, 2], [2, 1, 6]], np.int32)
    write_ply(tmp_path / "a.ply", full(), triangles=triangles)
    data = plyfile.PlyData.read(str(tmp_path / "a.ply"))
    np.testing.assert_array_equal(np.stack(data["face"]["vertex_indices"]), triangles)
    np.testing.assert_array_equal(data["vertex"]["nx"], full().normals[:, 0])
    same(read_ply(tmp_path / "a.ply"), full())
    trimesh = pytest.importorskip("trimesh", reason="the independent reader is not installed")
    np.testing.assert_array_equal(trimesh.load(tmp_path / "a.ply", process=False).faces, triangles)


@pytest.mark.parametrize("name", ["a.ply", "a.bin"])
def test_a_cloud_is_no_picture(tmp_path, name):
    write_ply(tmp_path / name, cloud())
    with pytest.raises(FormatError, match="points, not a picture"):
        open_source(tmp_path / name)
