"""Compressed PLY: within its steps, and read by another program."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from gaussian_clouds import gaussians
from vergence.errors import FormatError, MediaError
from vergence.media.splats.compressed_ply import curve_order
from vergence.media.splats.open import read_gaussians, write_gaussians


def ordered(before):
    order = curve_order(before.means)
    names = ("means", "scales", "rotations", "opacities", "harmonics")
    return replace(before, **{name: getattr(before, name)[order] for name in names})


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 256, 1000])
def test_gaussians_come_back_along_a_curve(tmp_path, degree, count):
    before = gaussians(count, degree=degree)
    write_gaussians(before, tmp_path / "a.compressed.ply")
    found, expected = read_gaussians(tmp_path / "a.compressed.ply"), ordered(before)
    np.testing.assert_allclose(found.means, expected.means, atol=0.02)
    np.testing.assert_allclose(found.scales, expected.scales, rtol=0.005)
    np.testing.assert_allclose(found.opacities, expected.opacities, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(found.harmonics[:, 0], expected.harmonics[:, 0], atol=0.01)
    np.testing.assert_allclose(found.harmonics[:, 1:], expected.harmonics[:, 1:], atol=4 / 256 + 1e-6)
    assert np.all(np.abs((found.rotations * expected.rotations).sum(axis=1)) > 0.99999)


def test_another_program_reads_them(tmp_path):
    gsply = pytest.importorskip("gsply", reason="the independent reader is not installed")
    write_gaussians(gaussians(700), tmp_path / "a.compressed.ply")
    ours, found = read_gaussians(tmp_path / "a.compressed.ply"), gsply.plyread(tmp_path / "a.compressed.ply")
    np.testing.assert_allclose(found.means, ours.means, atol=1e-5)
    np.testing.assert_allclose(np.exp(found.scales), ours.scales, rtol=1e-4)
    np.testing.assert_allclose(found.sh0, ours.harmonics[:, 0], atol=1e-5)
    np.testing.assert_allclose(np.reshape(found.shN, (700, 8, 3)), ours.harmonics[:, 1:], atol=1e-5)
    assert np.all(np.abs((found.quats * ours.rotations).sum(axis=1)) > 0.99999)


@pytest.mark.slow  # the other program compiles its writer first
def test_files_of_another_program_are_read(tmp_path):
    gsply = pytest.importorskip("gsply", reason="the independent writer is not installed")
    before = gaussians(700)
    write_gaussians(before, tmp_path / "a.ply")
    gsply.plywrite(tmp_path / "b.ply", gsply.plyread(tmp_path / "a.ply"), compressed=True)
    found = read_gaussians(tmp_path / "b.compressed.ply")
    assert found.harmonics.shape == before.harmonics.shape
    np.testing.assert_allclose(np.sort(found.means, axis=0), np.sort(before.means, axis=0), atol=0.05)


def test_neighbours_on_the_curve_are_neighbours_in_space():
    means = np.random.default_rng(0).random((4096, 3), dtype=np.float32)
    steps = np.linalg.norm(np.diff(means[curve_order(means)], axis=0), axis=1)
    assert np.median(steps) < 0.1 < np.median(np.linalg.norm(np.diff(means, axis=0), axis=1))


def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "a.compressed.ply"
    write_gaussians(gaussians(300), path)
    data = path.read_bytes().replace(b"300\n", b"30000000000\n").replace(b"chunk 2\n", b"chunk 117187500\n")
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(MediaError, match="promises"):
            read_gaussians(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    for old, new in ((b"chunk 117187500\n", b"chunk 1\n"), (b"min_g\n", b"ming_\n"), (b"f_rest_3\n", b"f_rest_x\n")):
        path.write_bytes(data.replace(old, new))
        with pytest.raises(FormatError, match="belong together"):
            read_gaussians(path)


def test_a_cut_file_is_refused(tmp_path):
    write_gaussians(gaussians(5), tmp_path / "whole.compressed.ply")
    data = (tmp_path / "whole.compressed.ply").read_bytes()
    for length in range(0, len(data), 11):
        (tmp_path / "cut.ply").write_bytes(data[:length])
        with pytest.raises(MediaError):
            read_gaussians(tmp_path / "cut.ply")
