"""COLMAP's models, as text and binary: back again, and read by COLMAP itself."""

import struct
import tracemalloc

import numpy as np
import pytest

from scenes import same_cloud, same_views, scene
from vergence.errors import FormatError, MediaError, TargetError
from vergence.geometry.pose import inverse
from vergence.media.scene.colmap import read_colmap, write_colmap
from vergence.media.scene.scene import Scene

CAMERAS = b"# made by hand\n7 SIMPLE_RADIAL 640 480 500 320 240 0.1\n\n"
IMAGES = b"# two lines each\n3 1 0 0 0 0 0 5 7 photo.jpg\n1.5 2.5 -1 3 4 12\n4 0 0 1 0 1 2 3 7 b.jpg\n\n"
POINTS = b"12 1 2 3 255 128 0 0.5 3 1\n"


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
def test_scenes_come_back(tmp_path, text):
    before = scene(first="a.jpg" if text else "a b.jpg")
    write_colmap(tmp_path / "model", before, text=text)
    assert len(list((tmp_path / "model").glob("*.txt"))) == (3 if text else 0)
    found = read_colmap(tmp_path / "model")
    same_views(found.views, before.views)
    same_cloud(found.cloud, before.cloud)


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
def test_colmap_reads_them(tmp_path, text):
    pycolmap = pytest.importorskip("pycolmap", reason="the independent reader is not installed")
    before = scene(first="a.jpg" if text else "a b.jpg")
    write_colmap(tmp_path / "model", before, text=text)
    model = pycolmap.Reconstruction(str(tmp_path / "model"))
    assert (model.num_cameras(), model.num_images(), model.num_points3D()) == (2, 3, len(before.cloud.points))
    by_name = {image.name: image for image in model.images.values()}
    for view in before.views:
        image = by_name[view.name]
        np.testing.assert_allclose(image.cam_from_world().matrix(), inverse(view.world_from_camera)[:3], atol=1e-9)
        camera, lens = model.cameras[image.camera_id], view.intrinsics
        assert (camera.model.name, camera.width, camera.height) == ("PINHOLE", lens.width, lens.height)
        assert camera.params.tolist() == [lens.fx, lens.fy, lens.cx, lens.cy]
    np.testing.assert_allclose(model.points3D[2].xyz, before.cloud.points[1], rtol=1e-6)
    assert model.points3D[2].color.tolist() == before.cloud.colours[1].tolist()


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
def test_models_of_colmap_are_read(tmp_path, text, caplog):
    """With tracks and pixels and bent lenses."""
    pycolmap = pytest.importorskip("pycolmap", reason="the independent writer is not installed")
    for name, data in (("cameras", CAMERAS), ("images", IMAGES), ("points3D", POINTS)):
        (tmp_path / f"{name}.txt").write_bytes(data)
    folder = tmp_path
    if not text:
        folder = tmp_path / "binary"
        folder.mkdir()
        pycolmap.Reconstruction(str(tmp_path)).write_binary(str(folder))
    found = read_colmap(folder)
    assert "bend lines" in caplog.text
    views = {view.name: view for view in found.views}
    assert set(views) == {"photo.jpg", "b.jpg"}
    assert views["b.jpg"].intrinsics.fx == views["b.jpg"].intrinsics.fy == 500
    np.testing.assert_allclose(views["photo.jpg"].world_from_camera[:3, 3], [0, 0, -5], atol=1e-12)
    np.testing.assert_allclose(views["b.jpg"].world_from_camera[:3, 3], [1, -2, 3], atol=1e-12)  # half round y
    assert found.cloud.points.tolist() == [[1, 2, 3]]
    assert found.cloud.colours.tolist() == [[255, 128, 0]]


def test_the_usual_place_below_a_project_is_found(tmp_path):
    (tmp_path / "sparse").mkdir()
    write_colmap(tmp_path / "sparse" / "0", scene())
    same_views(read_colmap(tmp_path).views, scene().views)


def test_a_scene_without_points_comes_back(tmp_path):
    write_colmap(tmp_path / "model", Scene(scene().views))
    assert read_colmap(tmp_path / "model").cloud is None


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path, name):
    write_colmap(tmp_path / "model", scene())
    path = tmp_path / "model" / name
    path.write_bytes(struct.pack("<Q", 1 << 60) + path.read_bytes()[8:])
    tracemalloc.start()
    try:
        with pytest.raises(MediaError, match=f"{name} is damaged .* promises"):
            read_colmap(tmp_path / "model")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
def test_a_file_cut_anywhere_is_refused(tmp_path, name):
    write_colmap(tmp_path / "model", scene())
    path = tmp_path / "model" / name
    data = path.read_bytes()
    for length in range(0, len(data), 5):
        path.write_bytes(data[:length])
        with pytest.raises(MediaError):
            read_colmap(tmp_path / "model")


def test_names_that_text_cannot_hold_are_told(tmp_path):
    with pytest.raises(FormatError, match=r"'a b\.jpg' has a space"):
        write_colmap(tmp_path / "model", scene(), text=True)
    assert not list(tmp_path.iterdir())


def test_other_cameras_are_told(tmp_path):
    (tmp_path / "cameras.txt").write_bytes(CAMERAS.replace(b"SIMPLE_RADIAL", b"OPENCV_FISHEYE"))
    with pytest.raises(FormatError, match="OPENCV_FISHEYE is not read"):
        read_colmap(tmp_path)
    (tmp_path / "cameras.txt").write_bytes(CAMERAS)
    (tmp_path / "images.txt").write_bytes(IMAGES.replace(b" 7 b.jpg", b" 8 b.jpg"))
    with pytest.raises(MediaError, match="camera 8"):
        read_colmap(tmp_path)


def test_an_empty_folder_is_told_and_a_full_one_kept(tmp_path):
    with pytest.raises(MediaError, match="no COLMAP model"):
        read_colmap(tmp_path)
    (tmp_path / "diary.doc").write_text("dear")
    with pytest.raises(TargetError, match="diary"):
        write_colmap(tmp_path, scene(), overwrite=True)


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
def test_what_each_view_sees_is_known_by_the_points_places(tmp_path, text):
    """Points are numbered 30, 12, 5; the first picture sees 12 twice and one that is no more, the second 5 and 30."""
    images = IMAGES.replace(b"1.5 2.5 -1 3 4 12", b"1.5 2.5 -1 3 4 12 5 6 12 7 8 99")
    images = images.replace(b" 7 b.jpg\n", b" 7 b.jpg\n1 1 30 2 2 5")
    points = b"30 0 0 1 9 9 9 0\n12 1 2 3 255 128 0 0.5 3 1\n5 4 4 4 1 1 1 0\n"
    for name, data in (("cameras", CAMERAS), ("images", images), ("points3D", points)):
        (tmp_path / f"{name}.txt").write_bytes(data)
    if not text:
        (tmp_path / "binary").mkdir()
        (tmp_path / "binary" / "cameras.bin").write_bytes(struct.pack("<Q2i2Q4d", 1, 7, 1, 640, 480, 5, 5, 3, 2))
        seen = ((b"photo.jpg", (-1, 12, 12, 99)), (b"b.jpg", (30, 5)))
        rows = b"".join(
            struct.pack("<I7dI", 1, 1, 0, 0, 0, 0, 0, 5, 7) + name + struct.pack("<xQ", len(numbers))
            + b"".join(struct.pack("<2dq", 0, 0, number) for number in numbers)
            for name, numbers in seen
        )  # fmt: skip
        (tmp_path / "binary" / "images.bin").write_bytes(struct.pack("<Q", 2) + rows)
        records = b"".join(struct.pack("<Q3d3BdQ", n, 0, 0, 1, 9, 9, 9, 0, 1) + bytes(8) for n in (30, 12, 5))
        (tmp_path / "binary" / "points3D.bin").write_bytes(struct.pack("<Q", 3) + records)
    found = read_colmap(tmp_path if text else tmp_path / "binary")
    assert [sorted(places.tolist()) for places in found.sightings] == [[1], [0, 2]]


def test_a_model_without_sightings_says_so(tmp_path):
    write_colmap(tmp_path / "model", scene())
    assert read_colmap(tmp_path / "model").sightings is None
