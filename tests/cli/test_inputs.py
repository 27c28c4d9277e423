"""Where results go: folders that are made, and names that two sources may not share."""

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from vergence.cli.main import app
from vergence.errors import SettingsError, TargetError


def picture(path):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(path)
    return str(path)


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments), "--progress", "none"], catch_exceptions=False)


@pytest.fixture
def without_a_model(monkeypatch):
    monkeypatch.setattr("vergence.cli.loading.load", lambda *_, **__: pytest.fail("a model was loaded"))


@pytest.mark.parametrize(
    ("command", "name"),
    [("depth", "a_depth.png"), ("stereo", "a_sbs.jpg"), ("cloud", "a.ply"), ("splats", "a_splats.ply")],
)
def test_a_slash_at_the_end_makes_the_folder_of_one_result(tmp_path, command, name):
    folder = tmp_path / "new" / "v1.5"
    assert run(command, picture(tmp_path / "a.jpg"), "-o", f"{folder}/", "--model", "preview").exit_code == 0
    assert [path.name for path in folder.iterdir()] == [name]


def test_no_folder_is_made_for_a_source_that_is_not_there(tmp_path):
    with pytest.raises(Exception, match="there is no file"):
        run("depth", tmp_path / "none.jpg", "-o", f"{tmp_path}/out/")
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_of_the_folder_is_told(tmp_path, without_a_model):
    (tmp_path / "out").touch()
    with pytest.raises(TargetError, match="cannot make the folder"):
        run("depth", picture(tmp_path / "a.jpg"), "-o", f"{tmp_path}/out/")
    with pytest.raises(SettingsError, match="2 inputs need a folder to go to"):
        run("depth", picture(tmp_path / "a.jpg"), picture(tmp_path / "b.jpg"), "-o", tmp_path / "all.png")


@pytest.mark.parametrize("command", ["depth", "stereo", "cloud", "splats"])
def test_two_sources_of_one_name_are_refused_before_any_work(tmp_path, without_a_model, command):
    first, second = picture(tmp_path / "x" / "room.jpg"), picture(tmp_path / "y" / "room.jpg")
    with pytest.raises(SettingsError) as refused:
        run(command, first, second, "-o", f"{tmp_path}/out/", "--overwrite")
    assert str(refused.value).startswith(f"{first} and {second} would both become {tmp_path}/out/room")
    assert "\n" not in str(refused.value)


def test_two_formats_of_one_photo_share_a_name_where_the_result_has_one_format(tmp_path, without_a_model):
    picture(tmp_path / "in" / "room.jpg"), picture(tmp_path / "in" / "room.png")
    with pytest.raises(SettingsError, match=r"room_depth\.png"):
        run("depth", tmp_path / "in")


def test_sources_of_one_stem_go_where_their_results_differ(tmp_path):
    sources = picture(tmp_path / "room.jpg"), picture(tmp_path / "room.png"), picture(tmp_path / "x" / "room.jpg")
    assert run("stereo", *sources, "--model", "preview").exit_code == 0
    assert (tmp_path / "room_sbs.jpg").is_file()
    assert (tmp_path / "room_sbs.png").is_file()
    assert (tmp_path / "x" / "room_sbs.jpg").is_file()


def test_a_damaged_one_of_two_alike_is_told_in_its_turn(tmp_path):
    good, bad = picture(tmp_path / "x" / "room.jpg"), tmp_path / "room.jpg"
    bad.write_bytes(b"no picture")
    done = run("depth", good, bad, "-o", f"{tmp_path}/out/", "--model", "preview")
    assert done.exit_code == 1
    assert "error: " in done.stderr
    assert (tmp_path / "out" / "room_depth.png").is_file()
