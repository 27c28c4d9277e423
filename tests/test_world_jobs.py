"""Several pictures in one world: whole jobs, with models that know the truth."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from true_world import FRAMES, HEIGHT, WIDTH, Alone, Knowing, room, write_photos
from vergence.errors import FormatError, MediaError, ModelError, SettingsError, TargetError
from vergence.geometry.pose import inverse
from vergence.geometry.project import unproject
from vergence.geometry.similarity import Similarity
from vergence.media.ply import read_ply
from vergence.media.scene.cameras import read_cameras, write_cameras
from vergence.media.scene.colmap import read_colmap, write_colmap
from vergence.media.scene.npz import read_npz
from vergence.media.scene.scene import Scene, View
from vergence.media.scene.tum import read_tum
from vergence.media.splats.open import read_gaussians
from vergence.pipelines.points import CloudSettings
from vergence.pipelines.posed import WorldSettings, model_for_world, posed_pictures
from vergence.pipelines.render import RenderSettings, process_render
from vergence.pipelines.splats import SplatSettings
from vergence.pipelines.world import process_world_cloud, process_world_splats
from vergence.types import Gaussians, PointCloud

FIXTURES = Path(__file__).parent / "fixtures"
WRONG = 0.02  # of depth: pixels are half as fine as the pictures


@pytest.fixture
def photos(tmp_path):
    return write_photos(tmp_path)


def seen(points, view):
    """Depth of world points in a view, and the true depth where they fall."""
    lens = view.intrinsics
    camera_from_world = inverse(view.world_from_camera)
    x, y, z = camera_from_world[:3, :3] @ points.T.astype(float) + camera_from_world[:3, 3:]
    u, v = lens.fx * x / z + lens.cx, lens.fy * y / z + lens.cy
    inside = (z > 0) & (u > 1) & (u < WIDTH - 1) & (v > 1) & (v < HEIGHT - 1)
    return z[inside], u[inside].astype(int), v[inside].astype(int)


def views():
    return tuple(
        View(f"view {index}.png", sample.frame.intrinsics, sample.depth.world_from_camera)
        for index, sample in enumerate(room())
    )


def hanging(points, *, share=WRONG):
    """The share of points that hang before the true surface of some view, on average of views."""
    before = []
    for view, sample in zip(views(), room(), strict=True):
        z, u, v = seen(points, view)
        assert len(z) > 1000
        # Of neighbours the nearest, for the edges' sake.
        nearest = np.min([np.roll(sample.depth.values, (a, b), (0, 1)) for a in (-1, 0, 1) for b in (-1, 0, 1)], axis=0)
        before.append(np.mean(z < (1 - share) * nearest[v, u]))
    return np.mean(before)


def test_points_of_one_view_land_on_the_surface_of_another(photos):
    first, *_, last = posed_pictures(photos, Knowing(), world=WorldSettings())
    points = unproject(last.item.depth.values, last.item.depth.intrinsics).reshape(-1, 3)
    pose = last.item.depth.world_from_camera
    z, u, v = seen(points @ pose[:3, :3].T + pose[:3, 3], first.view)
    agree = np.abs(z / room()[0].depth.values[v, u] - 1) < WRONG
    assert len(z) > 1000
    assert agree.mean() > 0.8  # the rest is hidden from there
    assert first.item.frame.width == WIDTH // 2  # pictures come to the size of their depth
    assert first.view.intrinsics.width == WIDTH  # and cameras are of the file


def test_a_cloud_of_all_views_has_nothing_before_what_any_shows(photos, tmp_path):
    done = process_world_cloud(photos, tmp_path / "room.ply", depth=Knowing())
    assert (done.frames, done.also) == (FRAMES, ())
    cloud = read_ply(done.path)
    assert len(cloud) > 0.95 * FRAMES * WIDTH * HEIGHT / 4
    assert hanging(cloud.points) < 0.01
    assert hanging(cloud.points * np.float32([-1, 1, 1])) > 0.05  # so a mirrored one would be seen


def test_a_picture_of_the_cloud_from_a_camera_is_the_photo(photos, tmp_path):
    scene, poses = tmp_path / "room.ply", tmp_path / "transforms.json"
    process_world_splats(photos, scene, depth=Knowing(), world=WorldSettings(poses_to=poses))
    (first, *_) = read_cameras(poses).views
    fov = np.degrees(2 * np.arctan(WIDTH / 2 / first.intrinsics.fx))
    settings = RenderSettings(width=WIDTH, height=HEIGHT, fov_x_deg=fov, frames=2)
    keys = [view.world_from_camera for view in read_cameras(poses).views]
    found = np.asarray(Image.open(process_render(scene, tmp_path / "seen.png", settings=settings, poses=keys).path))
    photo = np.asarray(Image.open(photos[0]).convert("RGB"), float)

    def decibels(picture):
        return 10 * np.log10(255**2 / np.mean((picture.astype(float) - photo)[6:-6, 6:-6] ** 2))

    assert decibels(found) > 20
    assert decibels(found[:, ::-1]) < 15
    assert decibels(found[::-1]) < 15


@pytest.mark.parametrize("name", ["room.glb", "room.npz", "model"])
def test_other_forms_hold_the_cameras_too(photos, tmp_path, name):
    done = process_world_cloud(photos, tmp_path / name, depth=Knowing())
    if name.endswith(".npz"):
        scene = read_npz(done.path)
        assert scene.views[1].depth.values.shape == (HEIGHT // 2, WIDTH // 2)
    elif name == "model":
        scene = read_colmap(done.path)
    else:
        scene = None
        shown = trimesh.load(done.path)  # an independent reader
        points = next(part for part in shown.geometry.values() if isinstance(part, trimesh.PointCloud))
        assert hanging(points.vertices * [1, -1, -1]) < 0.01
        assert sum("camera" in node.lower() or "view" in node.lower() for node in shown.graph.nodes) >= FRAMES
    if scene is not None:
        assert hanging(scene.cloud.points) < 0.01
        for found, expected in zip(scene.views, views(), strict=True):
            assert found.name == expected.name
            np.testing.assert_allclose(found.world_from_camera, expected.world_from_camera, atol=1e-9)
            assert found.intrinsics.width == WIDTH
            assert found.intrinsics.fx == pytest.approx(expected.intrinsics.fx)


def test_cameras_go_to_files_of_every_kind(photos, tmp_path):
    for name in ("transforms.json", "cameras.json", "scene.npz", "sparse"):
        world = WorldSettings(poses_to=tmp_path / name)
        done = process_world_cloud(photos, tmp_path / "out.ply", depth=Knowing(), world=world, overwrite=True)
        assert done.also == (tmp_path / name,)
        for found, expected in zip(read_cameras(tmp_path / name).views, views(), strict=True):
            np.testing.assert_allclose(found.world_from_camera, expected.world_from_camera, atol=1e-9)
    assert "frames" in json.loads((tmp_path / "transforms.json").read_text())
    assert read_colmap(tmp_path / "sparse").cloud is not None
    process_world_splats(
        photos, tmp_path / "splats.ply", depth=Knowing(), world=WorldSettings(poses_to=tmp_path / "way.tum")
    )
    assert [float(moment.time) for moment in read_tum(tmp_path / "way.tum")] == [0, 1, 2]


def test_known_cameras_go_to_the_model(photos, tmp_path):
    write_cameras(tmp_path / "cameras.json", Scene(views()[::-1]), [])
    model = Knowing()
    process_world_cloud(
        photos[1:], tmp_path / "out.ply", depth=model, world=WorldSettings(poses=tmp_path / "cameras.json")
    )
    ((count, cameras),) = model.asked
    assert count == 2
    for camera, view in zip(cameras, views()[1:], strict=True):
        np.testing.assert_allclose(camera.world_from_camera, view.world_from_camera)
        assert camera.intrinsics == view.intrinsics


def test_a_folder_of_numbered_pictures_is_no_film_where_cameras_are_known(tmp_path):
    frames = tmp_path / "images"
    frames.mkdir()
    for index in range(FRAMES):
        Image.fromarray(room()[index].frame.rgb8).save(frames / f"{index:04}.png")
    numbered = tuple(replace(view, name=f"{index:04}.png") for index, view in enumerate(views()))
    write_cameras(tmp_path / "transforms.json", Scene(numbered), [])
    world = WorldSettings(poses=tmp_path / "transforms.json")
    for process in (process_world_cloud, process_world_splats):
        model = Knowing()
        assert process([frames], tmp_path / "out.ply", depth=model, world=world, overwrite=True).frames == FRAMES
        assert model.asked[0][0] == FRAMES


def test_points_of_the_cameras_world_scale_the_depth_of_single_views(photos, tmp_path, caplog):
    points = room()[1].depth
    known = unproject(points.values, room()[1].frame.intrinsics)[::4, ::4].reshape(-1, 3)
    known = known @ points.world_from_camera[:3, :3].T + points.world_from_camera[:3, 3]
    cloud = PointCloud(known.astype(np.float32), np.zeros((len(known), 3), np.uint8))
    write_colmap(tmp_path / "model", Scene(views(), cloud))
    done = process_world_cloud(
        photos, tmp_path / "out.ply", depth=Alone(), world=WorldSettings(poses=tmp_path / "model")
    )
    assert done.model == Alone.card.name
    assert hanging(read_ply(done.path).points, share=0.04) < 0.02
    assert not caplog.records


def test_without_points_single_views_stay_as_they_are_and_that_is_said(photos, tmp_path, caplog):
    write_cameras(tmp_path / "transforms.json", Scene(views()), [])
    world = WorldSettings(poses=tmp_path / "transforms.json")
    done = process_world_cloud(photos, tmp_path / "out.ply", depth=Alone(off=(1.0, 1.0, 1.0)), world=world)
    assert hanging(read_ply(done.path).points) < 0.01
    assert "no points tell the cameras' unit" in caplog.text


def test_pictures_without_a_camera_are_named_and_left_out(photos, tmp_path, caplog):
    write_cameras(tmp_path / "cameras.json", Scene(views()[:2]), [])
    world = WorldSettings(poses=tmp_path / "cameras.json")
    done = process_world_cloud(photos, tmp_path / "out.ply", depth=Knowing(), world=world)
    assert done.frames == 2
    assert "has no camera of view 2.png, left out" in caplog.text


def test_settings_of_clouds_hold_for_all_views_together(photos, tmp_path):
    done = process_world_cloud(
        photos, tmp_path / "out.ply", depth=Knowing(), settings=CloudSettings(voxel=0.1, normals=True)
    )
    cloud = read_ply(done.path)
    cells = np.unique(np.floor(cloud.points / 0.1).astype(int), axis=0)
    assert len(cells) > 0.9 * len(cloud)
    assert cloud.normals is not None
    assert "merged" in done.notes[0]
    done = process_world_cloud(
        photos, tmp_path / "few.ply", depth=Knowing(), settings=CloudSettings(max_points=100), overwrite=True
    )
    assert len(read_ply(done.path)) == 100


def test_what_other_views_see_through_goes_if_asked(photos, tmp_path):
    class Ghost(Knowing):
        def depth(self, frame):
            depth = super().depth(frame)
            if frame.index != 1:
                return depth
            values = depth.values.copy()
            values[10:30, 20:40] = 0.3  # something that was only there for a moment
            return replace(depth, values=values)

    def ghosts(path):
        return int((read_ply(path).points[:, 2] < 0.9).sum())

    kept = process_world_cloud(photos, tmp_path / "a.ply", depth=Ghost())
    cleaned = process_world_cloud(photos, tmp_path / "b.ply", depth=Ghost(), tolerance=0.05)
    assert ghosts(kept.path) - ghosts(cleaned.path) > 300
    assert len(read_ply(cleaned.path)) > 0.85 * len(read_ply(kept.path))


def test_the_models_own_gaussians_are_taken_if_it_has_them(photos, tmp_path):
    one = Gaussians(
        np.ones((5, 3), np.float32), np.ones((5, 3), np.float32), np.tile(np.float32([1, 0, 0, 0]), (5, 1)),
        np.full(5, 0.5, np.float32), np.zeros((5, 9, 3), np.float32),
    )  # fmt: skip

    class Headed(Knowing):
        card = replace(Knowing.card, options={**Knowing.card.options, "has_gaussians": True})

        def world(self, frames, *, cameras=None, gaussians=False):
            return replace(super().world(frames, cameras=cameras), gaussians=one if gaussians else None)

    def count(source, **settings):
        done = process_world_splats(
            photos, tmp_path / "out.ply", depth=Headed(), source=source, settings=SplatSettings(**settings),
            overwrite=True,
        )  # fmt: skip
        return read_gaussians(done.path)

    assert count("auto").harmonics.shape == (5, 9, 3)
    assert count("head", sh_degree=0).harmonics.shape == (5, 1, 3)
    assert len(count("lift")) > 1000
    with pytest.raises(ModelError, match="no head for Gaussians"):
        process_world_splats(photos, tmp_path / "out.ply", depth=Knowing(), source="head", overwrite=True)


def test_pruning_is_off_and_said_aloud_when_on(photos, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="vergence"):
        whole = process_world_splats(photos, tmp_path / "a.ply", depth=Knowing())
        assert "pruning" not in caplog.text
        less = process_world_splats(photos, tmp_path / "b.spz", depth=Knowing(), settings=SplatSettings(voxel=0.2))
    assert "pruning is on" in caplog.text
    assert len(read_gaussians(less.path)) < len(read_gaussians(whole.path)) / 2


def test_a_world_of_no_known_size_says_so(photos, tmp_path, caplog):
    process_world_cloud(photos, tmp_path / "out.ply", depth=Knowing("scale_invariant"))
    assert "does not know the true scale" in caplog.text


def test_models_that_see_one_picture_need_cameras(photos, tmp_path):
    with pytest.raises(ModelError, match=r"depth-anything-3-small.*--poses"):
        process_world_cloud(photos, tmp_path / "out.ply", depth=Alone())
    with pytest.raises(ModelError, match="one picture at a time"):
        model_for_world("depth-anything-v2-small", has_cameras=False)
    assert model_for_world("depth-anything-v2-small", has_cameras=True) == "depth-anything-v2-small"
    assert model_for_world("depth-anything-3-base", has_cameras=False) == "depth-anything-3-base"


def test_auto_names_what_to_fetch(tmp_path, monkeypatch):
    monkeypatch.setattr("vergence.pipelines.posed.store.find", lambda card, form="any": None)
    with pytest.raises(ModelError, match="vergence models pull depth-anything-3-small"):
        model_for_world("auto", has_cameras=False)
    assert model_for_world("auto", has_cameras=True) == "preview"
    monkeypatch.setattr(
        "vergence.pipelines.posed.store.find",
        lambda card, form="any": tmp_path if card.name == "depth-anything-3-base" else None,
    )
    assert model_for_world("auto", has_cameras=False) == "depth-anything-3-base"


def test_what_cannot_be_is_refused_before_the_work(photos, tmp_path):
    model = Knowing()
    (tmp_path / "taken.ply").write_bytes(b"mine")
    (tmp_path / "taken.json").write_bytes(b"mine")
    other = tmp_path / "out.ply"
    for error, words, arguments in (
        (FormatError, "cannot write points", {"target": tmp_path / "out.obj"}),
        (TargetError, "exists", {"target": tmp_path / "taken.ply"}),
        (TargetError, "exists", {"world": WorldSettings(poses_to=tmp_path / "taken.json")}),
        (FormatError, "cameras", {"world": WorldSettings(poses_to=tmp_path / "cameras.xml")}),
        (MediaError, "no file", {"world": WorldSettings(poses=tmp_path / "none.json")}),
        (SettingsError, "mesh", {"settings": CloudSettings(mesh=True)}),
        (SettingsError, "of a film", {"world": WorldSettings(every=2)}),
        (SettingsError, "of a film", {"world": WorldSettings(loops=True)}),
    ):
        with pytest.raises(error, match=words):
            process_world_cloud(photos, **{"target": other, "depth": model, **arguments})
    assert not model.asked
    assert not other.exists()
    with pytest.raises(FormatError, match="splats"):
        process_world_splats(photos, tmp_path / "out.glb", depth=model)


def test_nothing_left_is_told(photos, tmp_path):
    with pytest.raises(SettingsError, match="no point is left"):
        process_world_cloud(photos, tmp_path / "out.ply", depth=Knowing(), settings=CloudSettings(farthest=0.01))
    with pytest.raises(SettingsError, match="no splat is left"):
        process_world_splats(photos, tmp_path / "out.ply", depth=Knowing(), settings=SplatSettings(farthest=0.01))
    assert not (tmp_path / "out.ply").exists()


def test_a_film_goes_into_one_world_by_its_key_frames(tmp_path):
    frames = tmp_path / "shot"
    frames.mkdir()
    for index in range(FRAMES):
        for copy in range(2):
            Image.fromarray(room()[index].frame.rgb8).save(frames / f"{2 * index + copy:03}.png")
    done = process_world_cloud(
        [frames], tmp_path / "out.ply", depth=Knowing(),
        world=WorldSettings(every=2, shots=False, poses_to=tmp_path / "way.tum"),
    )  # fmt: skip
    assert done.frames == FRAMES
    assert hanging(read_ply(done.path).points) < 0.01
    assert [float(moment.time) * 24 for moment in read_tum(tmp_path / "way.tum")] == pytest.approx([0, 2, 4], abs=1e-6)
    with pytest.raises(SettingsError, match="by itself"):
        process_world_cloud([frames, frames], tmp_path / "out.ply", depth=Knowing(), overwrite=True)


def test_a_films_first_shot_is_its_world(tmp_path, caplog):
    frames = tmp_path / "shot"
    frames.mkdir()
    elsewhere = Image.open(FIXTURES / "images" / "cc0_dino.jpg").resize((WIDTH, HEIGHT))
    for index in range(12):
        picture = Image.fromarray(room()[0].frame.rgb8) if index < 4 else elsewhere
        picture.save(frames / f"{index:03}.png")

    class Any(Knowing):
        def depth(self, frame):
            return room(WIDTH // 2, HEIGHT // 2)[0].depth

    done = process_world_cloud([frames], tmp_path / "out.ply", depth=Any(), world=WorldSettings(every=1))
    assert done.frames == 4
    assert "the world ends there" in caplog.text
    assert "hardly moves" not in caplog.text
    assert process_world_cloud([frames], tmp_path / "still.ply", depth=Any()).frames == 1
    assert "the picture hardly moves" in caplog.text


def test_splats_give_colmap_points_in_their_colours_and_not_too_many(photos, tmp_path, monkeypatch):
    world = WorldSettings(poses_to=tmp_path / "model")
    process_world_splats(photos, tmp_path / "a.ply", depth=Knowing(), world=world)
    cloud = read_colmap(tmp_path / "model").cloud
    splats = read_gaussians(tmp_path / "a.ply")
    assert len(cloud) == len(splats)
    np.testing.assert_allclose(cloud.points, splats.means, atol=1e-6)
    photo = np.asarray(Image.open(photos[0]).convert("RGB"))
    assert np.abs(cloud.colours[: len(cloud) // FRAMES].mean(axis=0) - photo.mean(axis=(0, 1))).max() < 3
    monkeypatch.setattr("vergence.pipelines.world.MOST_POINTS", 500)
    done = process_world_splats(photos, tmp_path / "a.ply", depth=Knowing(), world=world, overwrite=True)
    assert len(read_colmap(tmp_path / "model").cloud) == 500
    assert "500 of" in done.notes[-1]


def test_loops_move_the_frames_of_a_film_where_they_belong(tmp_path, monkeypatch):
    """What closes them is tested with `depth.loops`; here, that the film follows and the model is shown the pairs."""
    frames = tmp_path / "shot"
    frames.mkdir()
    for index in range(FRAMES):
        Image.fromarray(room()[index].frame.rgb8).save(frames / f"{index:03}.png")
    shown = []

    def close(remembered, pairs, pictures, model):
        shown.append((len(remembered.views), pairs, sorted(pictures)))
        return [Similarity(2.0, np.eye(3), np.array([0.0, 0, index])) for index in range(len(remembered.views))]

    monkeypatch.setattr("vergence.pipelines.posed.find_loops", lambda remembered: [(0, 2)])
    monkeypatch.setattr("vergence.pipelines.posed.close_loops", close)
    settings = WorldSettings(every=1, shots=False, loops=True)
    found = list(posed_pictures([frames], Knowing(), world=settings))
    assert shown == [(FRAMES, [(0, 2)], [0, 2])]
    for index, (one, sample) in enumerate(zip(found, room(), strict=True)):
        np.testing.assert_allclose(
            one.view.world_from_camera[:3, 3], 2 * sample.depth.world_from_camera[:3, 3] + [0, 0, index], atol=1e-9
        )
        true = room(WIDTH // 2, HEIGHT // 2)[index].depth.values
        np.testing.assert_allclose(one.item.depth.values, 2 * true, rtol=1e-4)
