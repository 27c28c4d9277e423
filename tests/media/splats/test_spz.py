"""SPZ: within its steps, with its axes, as the public specification says, and read by another program."""

import gzip
import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest

from gaussian_clouds import colours, covariances, gaussians
from vergence.errors import FormatError, MediaError
from vergence.media.splats import spz
from vergence.media.splats.open import read_gaussians, write_gaussians

F = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
SCALE_STEP = np.exp(1 / 32) - 1 + 1e-4  # half a step of 1/16 in the logarithm


def near(found, expected, *, mean, turn):
    np.testing.assert_allclose(found.means, expected.means, atol=mean)
    np.testing.assert_allclose(found.scales, expected.scales, rtol=SCALE_STEP)
    np.testing.assert_allclose(found.opacities, expected.opacities, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(found.harmonics[:, 0], expected.harmonics[:, 0], atol=0.5 / 255 / 0.15 + 1e-6)
    np.testing.assert_allclose(found.harmonics[:, 1:], expected.harmonics[:, 1:], atol=0.5 / 128 + 1e-6)
    alignment = np.abs((found.rotations * expected.rotations).sum(axis=1))
    assert np.degrees(2 * np.arccos(np.minimum(alignment, 1))).max() < turn


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize(("version", "turn"), [(2, 15.0), (3, 0.4)])
def test_gaussians_come_back(tmp_path, degree, version, turn):
    before = gaussians(2000, degree=degree)
    spz.save(tmp_path / "a.spz", before, version=version)
    near(read_gaussians(tmp_path / "a.spz"), before, mean=2.0**-13 + 1e-6, turn=turn)


def test_none_at_all_come_back(tmp_path):
    write_gaussians(gaussians(0), tmp_path / "a.spz")
    assert len(read_gaussians(tmp_path / "a.spz")) == 0


@pytest.mark.parametrize("version", [2, 3])
def test_another_program_reads_them_with_y_up(tmp_path, version):
    gsply = pytest.importorskip("gsply", reason="the independent reader is not installed")
    before = gaussians(300, degree=3)
    spz.save(tmp_path / "a.spz", before, version=version)
    found, ours = gsply.read_spz(tmp_path / "a.spz"), read_gaussians(tmp_path / "a.spz")
    np.testing.assert_allclose(found.means, ours.means @ F, atol=1e-6)
    np.testing.assert_allclose(np.exp(found.scales), ours.scales, rtol=1e-5)
    theirs = covariances(found.quats / np.linalg.norm(found.quats, axis=1, keepdims=True), np.exp(found.scales))
    np.testing.assert_allclose(theirs, F @ covariances(ours.rotations, ours.scales) @ F, rtol=0.05, atol=1e-4)
    directions = np.random.default_rng(0).normal(size=(300, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    theirs = np.concatenate([found.sh0[:, None], np.reshape(found.shN, (300, 15, 3))], axis=1)
    np.testing.assert_allclose(colours(theirs, directions @ F), colours(ours.harmonics, directions), atol=1e-5)


def test_files_of_another_program_are_read(tmp_path):
    gsply = pytest.importorskip("gsply", reason="the independent writer is not installed")
    before = gaussians(300, degree=2)
    write_gaussians(before, tmp_path / "a.ply")
    gsply.write_spz(tmp_path / "a.spz", gsply.plyread(tmp_path / "a.ply"))
    found = read_gaussians(tmp_path / "a.spz")  # it keeps the axes it is given, which the reader turns
    np.testing.assert_allclose(found.means, before.means @ F, atol=2.0**-13 + 1e-6)
    np.testing.assert_allclose(found.opacities, before.opacities, atol=0.01)


def test_the_bytes_are_those_of_the_specification(tmp_path):
    before = replace(
        gaussians(1, degree=1),
        means=np.array([[1, -2, 0.5]], np.float32),
        scales=np.exp(np.array([[-10, 0, -1]], np.float32)),
        rotations=np.array([[1, 0, 0, 0]], np.float32),
        opacities=np.array([1], np.float32),
        harmonics=np.array([[[0, 1, -1], [0.5, 0, 0], [0, 0.25, 0], [0, 0, -1]]], np.float32),
    )
    spz.save(tmp_path / "a.spz", before, version=2)
    data = gzip.decompress((tmp_path / "a.spz").read_bytes())
    assert struct.unpack("<IIIBBBB", data[:16]) == (0x5053474E, 2, 1, 1, 12, 0, 0)
    assert data[16:25] == b"".join((value << 12 >> 1 & 0xFFFFFF).to_bytes(3, "little") for value in (2, 4, -1))
    assert list(data[25:35]) == [255, 128, 166, 89, 0, 160, 144, 128, 128, 128]
    assert list(data[35:]) == [64, 128, 128, 128, 96, 128, 128, 128, 0]  # y and z turned: -0.5, -0.25, x as it was


def test_small_things_get_finer_steps_and_wide_ones_coarser(tmp_path):
    small = gaussians(100)
    small = replace(small, means=small.means * np.float32(0.01), scales=small.scales * np.float32(0.01))
    spz.save(tmp_path / "a.spz", small)
    np.testing.assert_allclose(read_gaussians(tmp_path / "a.spz").means, small.means, atol=2.0**-16)
    wide = replace(small, means=small.means * np.float32(1e6))
    spz.save(tmp_path / "a.spz", wide)
    np.testing.assert_allclose(read_gaussians(tmp_path / "a.spz").means, wide.means, atol=0.01)
    with pytest.raises(FormatError, match="8389 km"):
        spz.save(tmp_path / "a.spz", replace(small, means=small.means * np.float32(1e12)))


@pytest.mark.parametrize("size", [0, 1, 100, (1 << 20) - 1, 1 << 20, 3_000_000])
def test_blocks_make_one_gzip_stream(size):
    data = np.random.default_rng(0).integers(0, 20, size, dtype=np.uint8).tobytes()
    packed = spz.gzipped([data])
    assert gzip.decompress(packed) == data
    assert len(packed) < 0.7 * size + 100


def test_parts_that_repeat_and_parts_that_do_not_make_one_gzip_stream():
    dice = np.random.default_rng(0)
    noise = np.rint(128 + 4 * dice.normal(size=1_500_000)).astype(np.uint8).tobytes()
    some = dice.integers(0, 256, (256, 45), dtype=np.uint8)[dice.integers(0, 256, 40_000)].tobytes()
    same = bytes(1_500_000)
    parts = [b"head", noise, some, b"", same]
    packed = spz.gzipped(parts)
    assert gzip.decompress(packed) == b"".join(parts)
    sizes = [len(spz.gzipped([part])) for part in (noise, some, same)]
    searched = [len(zlib.compress(part, 3)) for part in (noise, some, same)]
    assert sizes[0] < 0.97 * searched[0]  # a search for repetitions finds them by chance, and they cost more
    assert sizes[1] < 1.1 * searched[1] < 0.2 * len(some)
    assert sizes[2] < 1.1 * searched[2]


def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "a.spz"
    path.write_bytes(gzip.compress(struct.pack("<IIIBBBB", spz.MAGIC, 3, 100_000_000, 3, 12, 0, 0) + bytes(100)))
    tracemalloc.start()
    try:
        with pytest.raises(MediaError, match="promises 100000000 Gaussians"):
            read_gaussians(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_cut_or_damaged_anywhere_is_refused(tmp_path):
    write_gaussians(gaussians(20), tmp_path / "whole.spz")
    data = (tmp_path / "whole.spz").read_bytes()
    for length in range(0, len(data), 7):
        (tmp_path / "cut.spz").write_bytes(data[:length])
        with pytest.raises(MediaError):
            read_gaussians(tmp_path / "cut.spz")
    at = len(data) // 2
    (tmp_path / "bad.spz").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.raises(MediaError):
        read_gaussians(tmp_path / "bad.spz")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ((spz.MAGIC, 1, 0, 0, 12, 0, 0), "version 1"),
        ((spz.MAGIC, 3, 0, 4, 12, 0, 0), "degree 4"),
        ((spz.MAGIC, 3, 0, 0, 12, 2, 0), "flags 2"),
        ((1234, 3, 0, 0, 12, 0, 0), "NGSP"),
    ],
)
def test_what_is_not_read_is_told(tmp_path, header, said):
    (tmp_path / "a.spz").write_bytes(gzip.compress(struct.pack("<IIIBBBB", *header)))
    with pytest.raises(FormatError, match=said):
        read_gaussians(tmp_path / "a.spz")


def test_version_4_is_told(tmp_path):
    (tmp_path / "a.spz").write_bytes(struct.pack("<II", spz.MAGIC, 4) + bytes(24))
    with pytest.raises(FormatError, match="version 4"):
        read_gaussians(tmp_path / "a.spz")
    with pytest.raises(FormatError, match="not 4"):
        spz.save(tmp_path / "b.spz", gaussians(1), version=4)
