"""3-D Gaussians as PLY: as the paper's code writes them, read by others, never more memory than the file has."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from gaussian_clouds import gaussians
from vergence.errors import FormatError, MediaError, TargetError
from vergence.media.ply import write_ply
from vergence.media.splats.open import read_gaussians, write_gaussians
from vergence.types import PointCloud

plyfile = pytest.importorskip("plyfile", reason="the independent reader is not installed")

NAMES = ("means", "scales", "rotations", "opacities", "harmonics")
FIELDS = [
    *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"),
    *(f"f_rest_{i}" for i in range(9)),
    *("opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
]


def alike(found, expected, atol=1e-6):
    for name in NAMES:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6, atol=atol, err_msg=name)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 70_000])
def test_gaussians_come_back(tmp_path, degree, count):
    before = gaussians(count, degree=degree)
    write_gaussians(before, tmp_path / "a.ply")
    alike(read_gaussians(tmp_path / "a.ply"), before)


def test_another_program_reads_the_fields_in_the_papers_order(tmp_path):
    before = gaussians(degree=1)
    write_gaussians(before, tmp_path / "a.ply", comments=["from a\nphoto"])
    data = plyfile.PlyData.read(str(tmp_path / "a.ply"))
    assert data.comments == ["x right, y down, z forward", "from a photo"]
    vertex = data["vertex"]
    assert [p.name for p in vertex.properties] == FIELDS
    np.testing.assert_array_equal(vertex["y"], before.means[:, 1])
    np.testing.assert_array_equal(vertex["nx"], 0)
    np.testing.assert_allclose(vertex["opacity"], np.log(before.opacities / (1 - before.opacities)), rtol=1e-4)
    np.testing.assert_allclose(vertex["scale_2"], np.log(before.scales[:, 2]), rtol=1e-6)
    np.testing.assert_array_equal(vertex["rot_0"], before.rotations[:, 0])
    np.testing.assert_array_equal(vertex["f_dc_1"], before.harmonics[:, 0, 1])
    np.testing.assert_array_equal(vertex["f_rest_2"], before.harmonics[:, 3, 0])  # all of red first
    np.testing.assert_array_equal(vertex["f_rest_3"], before.harmonics[:, 1, 1])


@pytest.mark.parametrize("degree", [0, 2, 3])
def test_gsply_reads_them(tmp_path, degree):
    gsply = pytest.importorskip("gsply", reason="the independent reader is not installed")
    before = gaussians(degree=degree)
    write_gaussians(before, tmp_path / "a.ply")
    found = gsply.plyread(tmp_path / "a.ply")
    np.testing.assert_array_equal(found.means, before.means)
    np.testing.assert_array_equal(found.quats, before.rotations)
    np.testing.assert_allclose(np.exp(found.scales), before.scales, rtol=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-found.opacities)), before.opacities, atol=1e-6)
    np.testing.assert_array_equal(found.sh0, before.harmonics[:, 0])
    np.testing.assert_array_equal(np.reshape(found.shN, (len(before), -1, 3)), before.harmonics[:, 1:])


def test_files_of_another_program_are_read(tmp_path):
    """In doubles, big-endian, in another order, without normals, with quaternions of any length."""
    names = ["rot_3", "rot_2", "rot_1", "rot_0", "opacity", "x", "y", "z", "extra", "scale_0", "scale_1", "scale_2"]
    names += ["f_dc_2", "f_dc_1", "f_dc_0"]
    rows = [(0.0, 0, 2, 2, 0, 1, 2, 3, 99, 0, 1, -1, 3, 2, 1)]
    vertex = plyfile.PlyElement.describe(np.array(rows, [(name, "f8") for name in names]), "vertex")
    plyfile.PlyData([vertex], byte_order=">").write(str(tmp_path / "a.ply"))
    found = read_gaussians(tmp_path / "a.ply")
    assert found.means.tolist() == [[1, 2, 3]]
    np.testing.assert_allclose(found.rotations, [[0.5**0.5, 0.5**0.5, 0, 0]], atol=1e-7)
    np.testing.assert_allclose(found.scales, np.exp([[0.0, 1, -1]]), rtol=1e-6)
    assert found.opacities.tolist() == [0.5]
    assert found.harmonics.tolist() == [[[1, 2, 3]]]


def test_the_ends_of_opacity_and_scale_are_written_as_finite_numbers(tmp_path):
    before = gaussians(3, degree=0)
    before = replace(
        before, opacities=np.array([0, 1, 0.5], np.float32), scales=before.scales * np.array([0, 1, -1], np.float32)
    )
    write_gaussians(before, tmp_path / "a.ply")
    vertex = plyfile.PlyData.read(str(tmp_path / "a.ply"))["vertex"]
    assert all(np.isfinite(vertex[p.name]).all() for p in vertex.properties)
    found = read_gaussians(tmp_path / "a.ply")
    np.testing.assert_allclose(found.opacities, before.opacities, atol=1e-6)
    np.testing.assert_allclose(found.scales, np.abs(before.scales), atol=1e-6)


def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "a.ply"
    write_gaussians(gaussians(3, degree=0), path)
    path.write_bytes(path.read_bytes().replace(b"vertex 3\n", b"vertex 99999999999\n"))
    tracemalloc.start()
    try:
        with pytest.raises(MediaError, match="promises 99999999999 vertex"):
            read_gaussians(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_cut_anywhere_is_refused(tmp_path):
    write_gaussians(gaussians(2, degree=0), tmp_path / "whole.ply")
    data = (tmp_path / "whole.ply").read_bytes()
    for length in range(0, len(data), 3):
        (tmp_path / "cut.ply").write_bytes(data[:length])
        with pytest.raises(MediaError):
            read_gaussians(tmp_path / "cut.ply")


def test_points_are_no_gaussians(tmp_path):
    write_ply(tmp_path / "a.ply", PointCloud(np.zeros((1, 3), np.float32), np.zeros((1, 3), np.uint8)))
    with pytest.raises(FormatError, match="read it as a point cloud"):
        read_gaussians(tmp_path / "a.ply")


def test_a_degree_that_is_not_whole_is_refused(tmp_path):
    path = tmp_path / "a.ply"
    write_gaussians(gaussians(1, degree=1), path)
    path.write_bytes(path.read_bytes().replace(b"f_rest_8\n", b"g_rest_8\n"))
    with pytest.raises(FormatError, match="8 f_rest"):
        read_gaussians(path)


def test_harmonics_are_left_out_when_asked(tmp_path):
    before = gaussians(degree=3)
    write_gaussians(before, tmp_path / "a.ply", sh_degree=1)
    np.testing.assert_array_equal(read_gaussians(tmp_path / "a.ply").harmonics, before.harmonics[:, :4])


def test_what_is_not_finite_is_told(tmp_path):
    means = gaussians(3).means.copy()
    means[1, 1] = np.nan
    with pytest.raises(FormatError, match="1 of 3 Gaussians are not finite"):
        write_gaussians(replace(gaussians(3), means=means), tmp_path / "a.ply")
    assert not list(tmp_path.iterdir())


def test_what_training_left_behind_is_left_out(tmp_path, caplog):
    """A scale whose exponential overflows, and a mean that is no number."""
    path = tmp_path / "a.ply"
    before = gaussians(4, degree=0)
    write_gaussians(before, path)
    data = plyfile.PlyData.read(str(path), mmap=False)
    data["vertex"]["scale_1"][1] = 1e3
    data["vertex"]["x"][3] = np.nan
    data.write(str(path))
    np.testing.assert_array_equal(read_gaussians(path).means, before.means[[0, 2]])
    assert "2 of 4 Gaussians" in caplog.text


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path):
    path = tmp_path / "a.ply"
    path.write_bytes(b"mine")
    with pytest.raises(TargetError, match="--overwrite"):
        write_gaussians(gaussians(1), path)
    assert path.read_bytes() == b"mine"
    write_gaussians(gaussians(1), path, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.ply"]


@pytest.mark.parametrize("name", ["a.obj", "a.ksplat", "a"])
def test_another_suffix_is_told(tmp_path, name):
    with pytest.raises(FormatError, match=r"a\.ply"):
        write_gaussians(gaussians(1), tmp_path / name)
    with pytest.raises(FormatError, match=r"\.spz"):
        read_gaussians(tmp_path / name)


@pytest.mark.parametrize("name", ["a.ply", "a.spz", "a.splat"])
def test_a_missing_file_is_told(tmp_path, name):
    with pytest.raises(MediaError, match="there is no file"):
        read_gaussians(tmp_path / name)
