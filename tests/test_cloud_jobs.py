"""Pictures with depth to points and meshes: where they lie, which are left out, what is told; whole jobs to files."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

import vergence
from vergence.errors import FormatError, SettingsError
from vergence.media.scene.glb import read_glb
from vergence.pipelines.points import CloudSettings, Losses, mesh, point_cloud, thinned, told
from vergence.points.outliers import OutlierSettings
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

CAMERA = Intrinsics(8, 8, 4, 3, 8, 6)


def item(values, valid=None, size=(6, 8), intrinsics=CAMERA, **more):
    values = np.asarray(values, np.float32)
    rgb = np.arange(size[0] * size[1] * 3, dtype=np.uint8).reshape(*size, 3)
    valid = np.ones(values.shape, bool) if valid is None else valid
    return DepthFrame(Frame(rgb, 0, Fraction(0)), DepthMap(values, valid, "metric", intrinsics=intrinsics, **more))


def points(item, **settings):
    settings = CloudSettings(**settings)
    return thinned(point_cloud(item, CAMERA, settings), settings)


def test_every_pixel_is_a_point_with_its_colour():
    it = item(np.full((6, 8), 2))
    found = points(it)
    np.testing.assert_array_equal(found.colours, it.frame.rgb.reshape(-1, 3))
    np.testing.assert_allclose(found.points[0], [(0.5 - 4) / 8 * 2, (0.5 - 3) / 8 * 2, 2])
    np.testing.assert_allclose(found.points[-1], [(7.5 - 4) / 8 * 2, (5.5 - 3) / 8 * 2, 2])


def test_small_depth_is_brought_to_the_pictures_size_with_its_camera():
    found = points(item(np.full((3, 4), 2), intrinsics=CAMERA.resized(4, 3)))
    np.testing.assert_allclose(found.points, points(item(np.full((6, 8), 2))).points)


def test_invalid_and_impossible_depth_is_left_out():
    values, valid = np.full((6, 8), 2.0), np.ones((6, 8), bool)
    values[0, 0], valid[1, 1] = 0, False
    assert len(points(item(values, valid)).points) == 46


def test_smears_are_left_out_unless_kept():
    values = np.tile([2, 2, 2, 6, 12, 20, 20, 20], (6, 1))  # at f = 8 px a factor of e^1.43 a pixel is too much
    values[:, 3:5] = 9, 40
    values[:, 5:] = 170
    assert len(points(item(values), edges="drop", farthest=1000.0).points) == 48 - 12
    assert len(points(item(values), edges="keep", farthest=1000.0).points) == 48


def test_the_sky_is_left_out_by_itself_and_by_number():
    values = np.full((6, 8), 4.0)
    values[0] = 1000
    values[-1] = 150
    assert points(item(values)).points[:, 2].max() == 150
    assert points(item(values), farthest=10.0).points[:, 2].max() == 4
    assert points(item(values), farthest=float("inf")).points[:, 2].max() == 1000


def test_confidence_chooses_and_is_kept():
    sure = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)
    found = points(item(np.full((6, 8), 2), confidence=sure), min_confidence=0.5)
    assert len(found.points) == 24
    assert found.confidence.min() >= 0.5
    with pytest.raises(SettingsError, match="confidence"):
        points(item(np.full((6, 8), 2)), min_confidence=0.5)


def test_few_points_are_chosen_evenly_and_the_same_every_time():
    it = item(np.full((60, 80), 2), size=(60, 80), intrinsics=CAMERA.resized(80, 60))
    found = points(it, max_points=1000)
    assert len(found.points) == 1000
    np.testing.assert_array_equal(found.points, points(it, max_points=1000).points)
    assert abs((found.points[:, 0] < 0).mean() - 0.5) < 0.05
    assert len(points(it, max_points=10**6).points) == 4800


# -- what becomes of them ---------------------------------------------------------------------------------------------


def step(near=2.0, far=4.0):
    """A wall with a nearer one before its right half, and a ramp of two pixels between them."""
    values = np.full((60, 80), far, np.float32)
    values[:, 40:] = near
    values[:, 38:40] = [far - (far - near) / 3, near + (far - near) / 3]
    return item(values, size=(60, 80), intrinsics=CAMERA.resized(80, 60))


def test_snapped_ramps_leave_no_gap_and_no_sheet():
    found = points(step(), edges="snap")
    assert len(found) == 4800
    assert set(np.unique(found.points[:, 2])) == {2, 4}


def test_normals_face_the_camera():
    found = points(item(np.full((6, 8), 2)), normals=True)
    np.testing.assert_allclose(found.normals, [[0, 0, -1]] * 48, atol=1e-6)
    assert points(item(np.full((6, 8), 2))).normals is None


def test_what_goes_is_counted():
    values = step().depth.values.copy()
    values[0], values[1, :10] = 1000, 0
    sure = np.linspace(0, 1, 4800, dtype=np.float32).reshape(60, 80)
    it = item(values, size=(60, 80), intrinsics=CAMERA.resized(80, 60), confidence=sure)
    losses = Losses()
    settings = CloudSettings(min_confidence=0.5, voxel=0.1, outliers=OutlierSettings(5, 1.0), max_points=9)
    cloud = thinned(point_cloud(it, CAMERA, settings, losses), settings, losses)
    assert len(cloud) == 9
    assert losses["too far"] == 80
    assert losses["between two surfaces"] == 2 * 59
    assert losses.total() + len(cloud) == 4800 - 10
    said = told(losses, len(cloud))
    assert said.startswith("9 points; left out: 118 between two surfaces, 80 too far, ")
    assert "merged into others of their voxel" in said
    assert told(Losses(), 12345) == "12,345 points"


def test_a_mesh_has_no_triangle_between_surfaces():
    for edges in ("drop", "snap"):
        settings = CloudSettings(edges=edges, mesh=True)
        scene = mesh(step(), CAMERA, settings)
        corners = scene.cloud.points[scene.triangles]
        assert (np.ptp(corners[:, :, 2], axis=1) == 0).all()
        assert len(np.unique(scene.triangles)) == len(scene.cloud)
    assert len(scene.triangles) == 2 * 59 * 78  # one column of cells is torn


def test_a_mesh_of_kept_ramps_tears_by_the_ratio_asked_for():
    def count(**settings):
        return len(mesh(step(), CAMERA, CloudSettings(edges="keep", mesh=True, **settings)).triangles)

    assert count(tear=1.5) == 2 * 59 * 79
    assert count(tear=1.1) == 2 * 59 * 76


def test_lonely_pixels_are_left_out_of_a_mesh():
    values = np.full((60, 80), 2, np.float32)
    values[30, 40] = 1.5
    it, losses = item(values, size=(60, 80), intrinsics=CAMERA.resized(80, 60)), Losses()
    scene = mesh(it, CAMERA, CloudSettings(mesh=True, outliers=OutlierSettings(8, 6.0)), losses)
    assert losses["outliers"] == 1
    assert len(scene.cloud) == 4799
    assert len(scene.triangles) == 2 * 59 * 79 - 4 * 2 + 4  # its four cells have one left each


@pytest.mark.parametrize(
    "settings",
    [
        {"edges": "soften"},
        {"farthest": 0.0},
        {"max_points": 0},
        {"voxel": 0.0},
        {"voxel": float("nan")},
        {"tear": 1.5},
        {"mesh": True, "tear": 1.0},
        {"mesh": True, "voxel": 0.1},
        {"mesh": True, "max_points": 10},
    ],
    ids=str,
)
def test_senseless_settings_are_refused(settings):
    with pytest.raises(SettingsError):
        CloudSettings(**settings)


# -- whole jobs -------------------------------------------------------------------------------------------------------


@pytest.fixture
def photo(tmp_path):
    it = step()
    Image.fromarray(it.frame.rgb).save(tmp_path / "photo.png")
    vergence.write_depth(tmp_path / "depth.npz", it.depth, width=80, height=60)
    return tmp_path / "photo.png", vergence.GivenDepth(tmp_path / "depth.npz")


def test_a_photo_becomes_a_mesh_in_either_format(photo):
    source, depth = photo
    settings = CloudSettings(mesh=True, normals=True)
    scenes = []
    for suffix in (".glb", ".ply"):
        done = vergence.process_cloud(source, source.with_suffix(suffix), depth=depth, settings=settings)
        assert done.notes == ("4,680 points; left out: 120 between two surfaces",)
    trimesh = pytest.importorskip("trimesh", reason="the independent reader is not installed")
    scenes = [trimesh.load(source.with_suffix(suffix), process=False) for suffix in (".glb", ".ply")]
    glb, ply = next(iter(scenes[0].geometry.values())), scenes[1]
    np.testing.assert_allclose(glb.vertices, ply.vertices)
    np.testing.assert_array_equal(glb.faces, ply.faces)
    assert (ply.face_normals @ [0, 0, 1] > 0.99).all()  # towards the viewer
    np.testing.assert_allclose(ply.vertex_normals, [[0, 0, 1]] * 4680, atol=1e-6)


def test_points_go_into_a_glb_by_its_name(photo):
    source, depth = photo
    done = vergence.process_cloud(source, source.with_suffix(".glb"), depth=depth)
    scene = read_glb(done.path)
    assert len(scene.cloud) == 4680
    assert scene.triangles is None
    np.testing.assert_array_equal(scene.cloud.colours[0], step().frame.rgb[0, 0])


def test_points_go_into_no_other_file(photo):
    source, depth = photo
    with pytest.raises(FormatError, match=r"out\.ply \(or \.glb\)"):
        vergence.process_cloud(source, source.with_name("out.obj"), depth=depth)


def posed_film(folder, *, poses=True):
    """Three views of a wall at z = 4 m, the camera moving 0.5 m to the right each time."""
    (folder / "film").mkdir()
    (folder / "depth").mkdir()
    for number in range(3):
        pose = np.eye(4)
        pose[0, 3] = 0.5 * number
        rgb = np.full((60, 80, 3), 50 * number, np.uint8)
        Image.fromarray(rgb).save(folder / "film" / f"{number:03}.png")
        z = np.full((60, 80), 4, np.float32)
        if number == 1:
            z[:10, :10] = 1  # a thing that none of the others sees
        depth = DepthMap(
            z, np.ones_like(z, bool), "metric", intrinsics=Intrinsics(80, 80, 40, 30, 80, 60),
            world_from_camera=pose if poses else None,
        )  # fmt: skip
        vergence.write_depth(folder / "depth" / f"{number:03}.npz", depth, width=80, height=60)
    return folder / "film", vergence.GivenDepth(folder / "depth")


def test_a_posed_film_becomes_one_cloud_of_its_world(tmp_path):
    source, depth = posed_film(tmp_path)
    done = vergence.process_fused_cloud(source, depth=depth)
    assert (done.path, done.frames) == (tmp_path / "film_cloud.ply", 3)
    cloud = vergence.read_ply(done.path)
    wall = cloud.points[cloud.points[:, 2] > 2]
    # A pixel is 5 cm wide and so is a voxel: the wall is 4 m + 2 * 0.5 m wide and 3 m high.
    assert np.ptp(wall[:, 0]) == pytest.approx(5, abs=0.1)
    assert len(wall) == pytest.approx(100 * 60, rel=0.05)
    assert done.notes[1] == "voxels of 0.05 m"
    assert "merged" in done.notes[0]


def test_what_the_other_views_see_through_can_be_left_out(tmp_path):
    source, depth = posed_film(tmp_path)
    settings = CloudSettings(voxel=0.01)
    found = {
        tolerance: vergence.process_fused_cloud(
            source, tmp_path / "out.ply", depth=depth, settings=settings, tolerance=tolerance, overwrite=True
        )
        for tolerance in (None, 0.05)
    }
    assert "contradicted" not in found[None].notes[0]
    assert "contradicted by other views" in found[0.05].notes[0]
    # Of the 100 near pixels the others look past some only; those few stay.
    near = vergence.read_ply(tmp_path / "out.ply").points[:, 2] < 2
    assert near.sum() < 100


def test_frames_without_poses_cannot_be_fused(tmp_path):
    source, depth = posed_film(tmp_path, poses=False)
    with pytest.raises(SettingsError, match="frame 0 has no pose"):
        vergence.process_fused_cloud(source, depth=depth)
    assert not (tmp_path / "film_cloud.ply").exists()
    with pytest.raises(SettingsError, match="--mesh"):
        vergence.process_fused_cloud(source, depth=depth, settings=CloudSettings(mesh=True))
