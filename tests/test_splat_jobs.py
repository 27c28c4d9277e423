"""Photos and films to splats, and scenes to pictures and films: whole jobs, with depth of the test's own."""

import logging
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from vergence import (
    DepthMap,
    GivenDepth,
    PointCloud,
    VergenceError,
    process_render,
    process_splats,
    write_depth,
    write_ply,
)  # fmt: skip
from vergence.errors import FormatError, MediaError, SettingsError, TargetError
from vergence.media.camera import CameraSettings
from vergence.media.cloud_file import write_cloud
from vergence.media.scene.npz import write_npz
from vergence.media.scene.scene import Scene
from vergence.media.splats.open import read_gaussians, write_gaussians
from vergence.pipelines.render import RenderSettings, closing_radius, read_scene
from vergence.pipelines.splats import SplatSettings
from vergence.splats.lift import OPAQUE
from vergence.types import Gaussians, Intrinsics

WIDTH, HEIGHT = 64, 48
CAMERA = CameraSettings(fov_x_deg=60)


@pytest.fixture
def photo(tmp_path):
    """Red above, green below left, blue below right."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:24, :, 0] = rgb[24:, :32, 1] = rgb[24:, 32:, 2] = 255
    path = tmp_path / "photo.png"
    Image.fromarray(rgb).save(path)
    return path


@pytest.fixture
def metres(tmp_path):
    """A wall at 4 m with a box at 2 m before it, and a ramp between them as a network draws it."""
    z = np.full((HEIGHT, WIDTH), 4, np.float32)
    z[12:36, 20:44] = 2
    z[12:36, 18:20], z[12:36, 44:46] = [3.175, 2.52], [2.52, 3.175]
    path = tmp_path / "depth.npz"
    write_depth(path, DepthMap(z, np.ones_like(z, bool), "metric"), width=WIDTH, height=HEIGHT)
    return GivenDepth(path)


def lift(photo, metres, target=None, **settings):
    overwrite = settings.pop("overwrite", False)
    return process_splats(
        photo, target, depth=metres, camera=CAMERA, settings=SplatSettings(**settings), overwrite=overwrite
    )


def test_a_photo_becomes_one_splat_a_pixel_right_way_up_and_round(photo, metres):
    done = lift(photo, metres)
    assert done.path == photo.with_name("photo_splats.ply")
    scene = read_gaussians(done.path)
    assert len(scene) == WIDTH * HEIGHT
    red, green, blue = (0.5 + 0.2820948 * scene.harmonics[:, 0]).T
    x, y, z = scene.means.T
    assert (y[red > 0.5] < 0).all()  # up is minus y
    assert (y[green > 0.5] > 0).all()
    assert (x[green > 0.5] < 0).all()
    assert (x[blue > 0.5] > 0).all()
    assert set(np.round(np.unique(z), 3)) == {2, 4}  # the ramp has become a step
    assert scene.opacities.max() == pytest.approx(OPAQUE, abs=1e-3)


@pytest.mark.parametrize(("edges", "count", "has_ramp"), [("keep", 0, True), ("drop", 4 * 24, False)])
def test_what_becomes_of_ramps_is_up_to_the_user(photo, metres, tmp_path, edges, count, has_ramp):
    scene = read_gaussians(lift(photo, metres, tmp_path / "out.ply", edges=edges).path)
    assert WIDTH * HEIGHT - len(scene) == count
    between = (scene.means[:, 2] > 2.1) & (scene.means[:, 2] < 3.9)
    assert between.any() == has_ramp


def test_pruning_is_said_aloud_and_off_by_default(photo, metres, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="vergence"):
        lift(photo, metres, tmp_path / "all.ply")
        assert "pruning" not in caplog.text
        done = lift(photo, metres, tmp_path / "some.ply", voxel=0.3)
    assert "pruning is on" in caplog.text
    assert len(read_gaussians(done.path)) < WIDTH * HEIGHT / 4


def test_faint_splats_go_where_that_is_asked(photo, metres, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="vergence"):
        done = lift(photo, metres, tmp_path / "some.ply", min_opacity=0.5)
    assert f"an opacity of 0.5 leaves {len(read_gaussians(done.path))} of" in caplog.text
    with pytest.raises(SettingsError, match="no splat is left"):
        lift(photo, metres, tmp_path / "none.ply", min_opacity=1.0)


@pytest.mark.parametrize("suffix", [".spz", ".splat", ".compressed.ply"])
def test_the_suffix_chooses_the_format(photo, metres, tmp_path, suffix):
    done = lift(photo, metres, tmp_path / f"out{suffix}")
    scene = read_gaussians(done.path)
    assert len(scene) == WIDTH * HEIGHT
    assert np.median(scene.means[scene.means[:, 2] > 3, 2]) == pytest.approx(4, abs=0.02)


def test_a_film_becomes_a_folder(tmp_path, metres):
    frames = tmp_path / "shot"
    frames.mkdir()
    for index in range(2):
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 100 + index, np.uint8)).save(frames / f"{index:03}.png")
    folder = tmp_path / "depths"
    folder.mkdir()
    for index in range(2):
        z = np.full((HEIGHT, WIDTH), 3 + index, np.float32)
        path = folder / f"{index:06}.npz"
        write_depth(path, DepthMap(z, np.ones_like(z, bool), "metric"), width=WIDTH, height=HEIGHT)
    done = lift(frames, GivenDepth(folder), tmp_path / "out.spz")
    assert done.path == tmp_path / "out"
    assert sorted(path.name for path in done.path.iterdir()) == ["000000.spz", "000001.spz"]
    assert read_gaussians(done.path / "000001.spz").means[0, 2] == pytest.approx(4, abs=0.01)


def test_what_cannot_be_is_refused_before_the_work(photo, metres, tmp_path):
    with pytest.raises(FormatError, match="compressed"):
        lift(photo, metres, tmp_path / "out.obj")
    (tmp_path / "taken.ply").write_bytes(b"mine")
    with pytest.raises(TargetError):
        lift(photo, metres, tmp_path / "taken.ply")
    assert (tmp_path / "taken.ply").read_bytes() == b"mine"
    with pytest.raises(SettingsError, match="no splat"):
        lift(photo, metres, tmp_path / "out.ply", farthest=1.0)
    assert not (tmp_path / "out.ply").exists()
    with pytest.raises(SettingsError, match="confidence"):
        lift(photo, metres, tmp_path / "out.ply", min_confidence=1.0)
    for wrong in ({"voxel": -1}, {"edges": "cut"}, {"farthest": 0}, {"sh_degree": 4}, {"min_opacity": 2}):
        with pytest.raises(SettingsError):
            SplatSettings(**wrong)


def test_a_picture_of_the_scene_is_the_photo(photo, metres, tmp_path):
    scene = lift(photo, metres).path
    done = process_render(scene, tmp_path / "out.png", settings=RenderSettings(width=WIDTH, height=HEIGHT))
    assert done.frames == 1
    found, expected = (np.asarray(Image.open(path), float) for path in (done.path, photo))
    error = np.abs(found - expected)[3:-3, 3:-3]
    assert np.median(error) < 8
    assert error.mean() < 15  # the lines between the colours are a pixel softer


@pytest.mark.parametrize("path", ["auto", "orbit", "wiggle", "spline"])
def test_a_film_has_the_frames_and_the_clock_asked_for(photo, metres, tmp_path, path):
    scene = lift(photo, metres).path
    settings = RenderSettings(path=path, frames=5, rate=Fraction(25), width=96, height=64)
    told = []
    done = process_render(scene, tmp_path / "out.mp4", settings=settings, progress=told.append)
    assert done.frames == 5
    assert [step.done for step in told] == [1, 2, 3, 4, 5]
    with av.open(str(done.path)) as film:
        stream = film.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24").astype(float) for frame in film.decode(stream)]
        assert (stream.width, stream.height, stream.average_rate) == (96, 64, 25)
    assert len(frames) == 5
    assert frames[0].max() > 150
    assert np.abs(frames[1] - frames[0]).mean() > 0.5  # it moves


def test_given_poses_are_gone_through(photo, metres, tmp_path):
    scene = lift(photo, metres).path
    away = np.eye(4)
    away[:3, :3] = np.diag([-1, 1, -1])  # the camera looks back, where nothing is
    settings = RenderSettings(frames=2, width=64, height=48)
    process_render(scene, tmp_path / "turn/%d.png", settings=settings, poses=[np.eye(4), away])
    pictures = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "turn").iterdir())]
    assert pictures[0].max() > 200
    assert pictures[1].max() == 0
    with pytest.raises(SettingsError, match="spline"):
        process_render(scene, tmp_path / "no.mp4", settings=RenderSettings(path="orbit"), poses=[away, away])


def test_a_known_camera_sees_again_what_the_photo_showed(tmp_path):
    taken = Intrinsics(100, 130, 70, 30, 128, 96)  # pixels that are not square, a middle that is not the picture's
    u, v = np.meshgrid(np.arange(128) + 0.5, np.arange(96) + 0.5)
    z = np.full(u.shape, 2.0)
    points = np.stack([(u - taken.cx) / taken.fx * z, (v - taken.cy) / taken.fy * z, z], axis=-1).reshape(-1, 3)
    colours = np.stack([2 * u, 2 * v, 0 * u], axis=-1).reshape(-1, 3).astype(np.uint8)
    write_cloud(tmp_path / "wall.ply", Scene(cloud=PointCloud(points.astype(np.float32), colours)))
    settings = RenderSettings(point_radius=6)
    process_render(
        tmp_path / "wall.ply", tmp_path / "a.png", settings=settings, poses=[np.eye(4), np.eye(4)], lens=taken
    )
    seen = np.asarray(Image.open(tmp_path / "a.png"), np.float64)
    assert seen.shape == (720, 960, 3)
    v, u = np.mgrid[20:700, 20:940]
    np.testing.assert_allclose(seen[v, u, 0], 2 * u / 7.5, atol=5)
    np.testing.assert_allclose(seen[v, u, 1], 2 * v / 7.5, atol=5)


def test_points_are_drawn_too_on_the_colour_asked_for(tmp_path):
    dice = np.random.default_rng(0)
    points = dice.normal(size=(4000, 3)).astype(np.float32)
    write_ply(tmp_path / "ball.ply", PointCloud(points, np.full((4000, 3), (250, 120, 10), np.uint8)))
    assert isinstance(read_scene(tmp_path / "ball.ply"), PointCloud)
    write_cloud(tmp_path / "ball.glb", Scene(cloud=read_scene(tmp_path / "ball.ply")))
    np.testing.assert_array_equal(read_scene(tmp_path / "ball.glb").points, points)
    write_npz(tmp_path / "ball.npz", Scene(cloud=read_scene(tmp_path / "ball.ply")))
    np.testing.assert_array_equal(read_scene(tmp_path / "ball.npz").points, points)
    settings = RenderSettings(background=(0, 0, 1), point_radius=2)
    done = process_render(tmp_path / "ball.ply", tmp_path / "ball.png", settings=settings)
    picture = np.asarray(Image.open(done.path))
    assert picture.shape == (540, 960, 3)
    assert picture[0, 0].tolist() == [0, 0, 255]
    assert picture[270, 480].tolist() == [250, 120, 10]


def test_a_scene_that_is_an_object_is_gone_around(tmp_path):
    """Red on the side that is seen first, green at its back."""
    dice = np.random.default_rng(0)
    ball = dice.normal(size=(3000, 3))
    ball = (ball / np.linalg.norm(ball, axis=1, keepdims=True)).astype(np.float32)
    rgb = np.where(ball[:, 2:] < 0, [[1.0, 0, 0]], [[0, 1.0, 0]]).astype(np.float32)
    turns = np.tile(np.float32([1, 0, 0, 0]), (3000, 1))
    scene = Gaussians(ball, np.full((3000, 3), 0.05, np.float32), turns, np.full(3000, 0.98, np.float32),
                      ((rgb - 0.5) / 0.2820948)[:, None].astype(np.float32))  # fmt: skip
    write_gaussians(scene, tmp_path / "ball.ply")
    settings = RenderSettings(frames=3, width=96, height=64)
    for at, channel in ((0.0, 0), (1.0, 1)):
        settings = RenderSettings(frames=3, width=96, height=64, degrees=360, at=at)
        done = process_render(tmp_path / "ball.ply", tmp_path / f"{channel}.png", settings=settings)
        middle = np.asarray(Image.open(done.path), int)[28:36, 44:52].mean(axis=(0, 1))
        assert np.argmax(middle) == channel


def test_scenes_that_cannot_be_read_are_told_in_one_line(tmp_path, photo):
    (tmp_path / "cut.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 9")
    (tmp_path / "text.ply").write_bytes(b"hello")
    for name, error in {"none.ply": MediaError, "cut.ply": MediaError, "text.ply": FormatError}.items():
        with pytest.raises(error):
            process_render(tmp_path / name, tmp_path / "out.png")
    with pytest.raises(VergenceError):
        process_render(photo, tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"path": "fly"}, {"width": 8}, {"height": 100_000}, {"fov_x_deg": 180}, {"frames": 0}, {"degrees": 400},
     {"at": 2}, {"point_radius": 0}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError):
        RenderSettings(**wrong)


def test_sizes_nobody_asked_for_are_even_and_in_shape():
    assert RenderSettings().size(16 / 9) == (960, 540)
    assert RenderSettings().size(0.5) == (480, 960)
    assert RenderSettings(width=333).size(1.5) == (333, 222)
    assert RenderSettings(height=100).size(1.5) == (150, 100)
    assert RenderSettings(width=64, height=48).size(9) == (64, 48)


def test_discs_close_a_picture_of_as_many_points():
    camera = Intrinsics(100, 100, 50, 50, 100, 100)
    assert closing_radius(100 * 100, camera) == pytest.approx(0.75)
    assert closing_radius(50 * 50, camera) == pytest.approx(1.5)
    assert closing_radius(1, camera) == 4
    assert closing_radius(10**9, camera) == 0.5
