"""Clouds under the name a user gives: the suffix chooses the format, and a film has a file a frame."""

from fractions import Fraction

import numpy as np
import pytest

from scenes import same_cloud, scene
from vergence.errors import FormatError, TargetError
from vergence.media.cloud_file import CloudSink, write_cloud
from vergence.media.ply import read_ply
from vergence.media.scene.glb import read_glb
from vergence.media.scene.scene import Scene
from vergence.types import MediaInfo

FILM, PHOTO = MediaInfo(None, True, 4, 3, rate=Fraction(24)), MediaInfo(None, False, 4, 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("out.ply", ["000000.ply", "000001.ply"]),
        ("out/%03d.ply", ["000.ply", "001.ply"]),
        ("out.GLB", ["000000.GLB", "000001.GLB"]),
    ],
)
def test_a_films_clouds_are_numbered(tmp_path, name, expected):
    with CloudSink(tmp_path / name, like=FILM) as sink:
        sink.write(Scene(cloud=scene(1).cloud))
        sink.write(Scene(cloud=scene(2).cloud))
        assert not sink.path.exists()
    assert sink.path == tmp_path / "out"
    assert sorted(path.name for path in sink.path.iterdir()) == expected
    last = sink.path / expected[1]
    same_cloud(read_glb(last).cloud if "glb" in name.lower() else read_ply(last), scene(2).cloud)


def test_a_photos_mesh_is_one_file(tmp_path):
    before = Scene(cloud=scene().cloud, triangles=np.array([[0, 1, 2]], np.int32))
    for suffix in (".ply", ".glb"):
        with CloudSink(tmp_path / f"a{suffix}", like=PHOTO) as sink:
            sink.write(before)
    np.testing.assert_array_equal(read_glb(tmp_path / "a.glb").triangles, before.triangles)
    assert b"element face 1" in (tmp_path / "a.ply").read_bytes()


def test_a_cloud_of_nothing_is_a_file_too(tmp_path):
    write_cloud(tmp_path / "a.ply", Scene())
    write_cloud(tmp_path / "a.glb", Scene())
    assert len(read_ply(tmp_path / "a.ply")) == 0
    assert read_glb(tmp_path / "a.glb").cloud is None


def test_another_suffix_and_what_is_in_the_way_are_told_at_once(tmp_path):
    with pytest.raises(FormatError, match=r"a\.ply \(or \.glb\)"):
        CloudSink(tmp_path / "a.obj", like=PHOTO)
    (tmp_path / "a.ply").write_bytes(b"mine")
    with pytest.raises(TargetError, match="--overwrite"):
        CloudSink(tmp_path / "a.ply", like=PHOTO)
    assert (tmp_path / "a.ply").read_bytes() == b"mine"
