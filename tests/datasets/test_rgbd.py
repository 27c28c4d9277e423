import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from vergence.cli.main import app
from vergence.datasets.rgbd import open_rgbd
from vergence.errors import MediaError, SettingsError, ShapeError
from vergence.synthetic import render_photo


@pytest.fixture
def folder(tmp_path):
    """Two rendered pictures, as a depth camera that counts in fifths of a millimetre leaves them."""
    for name in ("rgb", "depth"):
        (tmp_path / name).mkdir()
    for seed in (1, 2):
        sample = render_photo(seed, width=64, height=48, kind="room")
        cv2.imwrite(str(tmp_path / f"rgb/{seed}.jpg"), sample.frame.rgb8[..., ::-1])
        steps = np.where(sample.depth.valid & (sample.depth.values < 13), sample.depth.values * 5000, 0)
        cv2.imwrite(str(tmp_path / f"depth/{seed}.png"), steps.astype(np.uint16))
    return tmp_path


def test_depth_is_in_metres_by_its_unit_and_zero_is_unknown(folder):
    cv2.imwrite(str(folder / "rgb/alone.png"), np.zeros((4, 4, 3), np.uint8))  # has no depth: left out
    found = open_rgbd(folder, unit=0.0002)
    assert len(found) == 2
    for seed, frame in zip((1, 2), found, strict=True):
        truth = render_photo(seed, width=64, height=48, kind="room").depth
        known = truth.values < 13
        np.testing.assert_array_equal(frame.depth.valid, known)
        np.testing.assert_allclose(frame.depth.values[known], truth.values[known], atol=3e-4)
        assert frame.depth.kind == "metric"


def test_a_folder_without_pairs_and_depth_of_another_size_are_told(folder):
    with pytest.raises(MediaError, match="no pictures with depth"):
        open_rgbd(folder / "rgb")
    cv2.imwrite(str(folder / "depth/1.png"), np.ones((24, 32), np.uint16))
    with pytest.raises(ShapeError, match="register it"):
        list(open_rgbd(folder))


def test_a_model_is_measured_on_them(folder):
    result = CliRunner().invoke(app, ["eval", "depth", "--frames", str(folder), "--depth-unit", "0.0002"])
    assert result.exit_code == 0, result.output
    rows = [row for row in result.output.splitlines() if row.startswith(f"| {folder.name} | 2 |")]
    assert [row.split("|")[3].strip() for row in rows] == ["vertical prior", "preview"]
    assert "synthetic" not in result.output


def test_a_missing_folder_is_told(tmp_path):
    result = CliRunner().invoke(app, ["eval", "depth", "--frames", str(tmp_path / "none")])
    assert isinstance(result.exception, MediaError)


def test_a_range_that_holds_no_depth_is_told(folder):
    result = CliRunner().invoke(app, ["eval", "depth", "--frames", str(folder), "--nearest", "20"])
    assert isinstance(result.exception, SettingsError)
