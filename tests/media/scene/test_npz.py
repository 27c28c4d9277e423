"""A scene as NumPy archive: all of it, exactly."""

import io
import tracemalloc
import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest

from gaussian_clouds import gaussians
from scenes import TALL, same_cloud, same_views, scene
from vergence.errors import FormatError, MediaError, TargetError
from vergence.media.scene.npz import read_npz, write_npz
from vergence.media.scene.scene import Scene
from vergence.types import DepthMap, PointCloud


def depth(seed, **more):
    dice = np.random.default_rng(seed)
    values = dice.random((6, 8), dtype=np.float32)
    return DepthMap(values, values > 0.2, "metric", intrinsics=TALL.resized(8, 6), **more)


def full():
    before = scene(triangles=np.array([[0, 1, 2]], np.int32), gaussians=gaussians(10))
    cloud = before.cloud
    cloud = PointCloud(cloud.points, cloud.colours, normals=cloud.points, confidence=cloud.points[:, 0].copy())
    views = tuple(
        replace(view, depth=depth(i, confidence=np.full((6, 8), i, np.float32))) for i, view in enumerate(before.views)
    )
    return replace(before, views=views, cloud=cloud)


@pytest.mark.parametrize("before", [scene(), full(), Scene(gaussians=gaussians(3)), Scene(scene().views)])
def test_scenes_come_back_exactly(tmp_path, before):
    write_npz(tmp_path / "a.npz", before)
    found = read_npz(tmp_path / "a.npz")
    same_views(found.views, before.views)
    assert (found.cloud is None) == (before.cloud is None)
    if before.cloud is not None:
        same_cloud(found.cloud, before.cloud)
    assert np.array_equal(found.triangles, before.triangles) if before.triangles is not None else True
    if before.gaussians is not None:
        for field in fields(before.gaussians):
            np.testing.assert_array_equal(getattr(found.gaussians, field.name), getattr(before.gaussians, field.name))
    for a, b in zip(found.views, before.views, strict=True):
        assert (a.depth is None) == (b.depth is None)
        if b.depth is not None:
            np.testing.assert_array_equal(a.depth.values, b.depth.values)
            np.testing.assert_array_equal(a.depth.valid, b.depth.valid)
            np.testing.assert_array_equal(a.depth.confidence, b.depth.confidence)
            assert (a.depth.kind, a.depth.sampling, a.depth.intrinsics) == ("metric", "centres", b.depth.intrinsics)


def test_numpy_alone_reads_it(tmp_path):
    before = full()
    write_npz(tmp_path / "a.npz", before)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert archive["names"].tolist() == ["a b.jpg", "images/b.jpg", "c.jpg"]
        assert archive["depth"].shape == (3, 6, 8)
        assert archive["intrinsics"][1].tolist() == [[900, 0, 360], [0, 900, 640], [0, 0, 1]]
        np.testing.assert_array_equal(archive["world_from_camera"][2], before.views[2].world_from_camera)
        np.testing.assert_array_equal(archive["points"], before.cloud.points)


def test_depth_of_some_views_or_of_several_sizes_is_refused(tmp_path):
    views = full().views
    for broken in (replace(views[0], depth=None), replace(views[0], depth=depth(0))):  # the second has no confidence
        with pytest.raises(FormatError, match="of all views"):
            write_npz(tmp_path / "a.npz", Scene((broken, *views[1:])))
    assert not list(tmp_path.iterdir())


def header(shape):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return out.getvalue()


def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path):
    write_npz(tmp_path / "a.npz", scene())
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("confidence.npy", header((1 << 33,)) + bytes(100))
    tracemalloc.start()
    try:
        with pytest.raises(MediaError, match="more than the file holds"):
            read_npz(tmp_path / "a.npz")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_cut_anywhere_is_refused(tmp_path):
    write_npz(tmp_path / "a.npz", scene(2))
    data = (tmp_path / "a.npz").read_bytes()
    for length in range(0, len(data), 29):
        (tmp_path / "cut.npz").write_bytes(data[:length])
        with pytest.raises(MediaError):
            read_npz(tmp_path / "cut.npz")


def test_what_is_no_scene_is_told(tmp_path):
    np.savez(tmp_path / "a.npz", stuff=np.zeros(3))
    with pytest.raises(FormatError, match="stuff, which is no scene"):
        read_npz(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", version=1, points=np.zeros((3, 3)), colours=np.zeros((3, 3), np.uint8))
    with pytest.raises(MediaError, match="belong together"):
        read_npz(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", version=1, points=np.array([{}], object))
    with pytest.raises(MediaError, match="pickled"):
        read_npz(tmp_path / "c.npz")
    with pytest.raises(MediaError, match="no file"):
        read_npz(tmp_path / "d.npz")
    with pytest.raises(TargetError):
        write_npz(tmp_path / "a.npz", scene())
