"""Comfort as a user meets it: `--for`, `--ipd-mm`, `--floating-window` and `--report`."""

import json
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from vergence import DepthMap, write_depth
from vergence.cli.main import main

FIXTURES = Path(__file__).parent.parent / "fixtures"
CLIP, PHOTO = FIXTURES / "edge" / "five_frames.mp4", FIXTURES / "images" / "sk_coffee.png"
NEAR = np.s_[100:300, :200]  # of the coffee: a thing cut by the left border


@pytest.fixture
def stereo(monkeypatch, capsys):
    """Run `vergence stereo` in this process, which is much quicker than a new one, and put back what it configures."""
    on_term = signal.getsignal(signal.SIGTERM)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["vergence", "stereo", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return SimpleNamespace(returncode=stopped.value.code or 0, stdout=said.out, stderr=said.err)

    yield run
    signal.signal(signal.SIGTERM, on_term)


def refused(done):
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def picture(path):
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


@pytest.fixture
def room(tmp_path):
    return Path(shutil.copy(PHOTO, tmp_path / "coffee.png"))


def depth_file(folder, kind, *, near, far):
    values = np.full((400, 600), far, np.float32)
    values[NEAR] = near
    path = folder / f"{kind}.npz"
    write_depth(path, DepthMap(values, np.ones(values.shape, bool), kind), width=600, height=400)
    return path


def test_a_place_sets_the_defaults(stereo, room):
    done = stereo(room, "--for", "tv", "--model", "preview")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(room.with_name("coffee_half_sbs.png"))
    assert picture(done.stdout.strip()).shape == (400, 600, 3)


def test_what_is_said_wins_over_the_place(stereo, room):
    done = stereo(room, "--for", "quest", "--layout", "tb", "--model", "preview")
    assert done.stdout.strip() == str(room.with_name("coffee_TB.png"))


def test_a_place_chooses_the_codec(stereo, tmp_path):
    done = stereo(CLIP, "-o", tmp_path / "out.mp4", "--for", "quest", "--model", "preview")
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "hevc"


def test_the_places_are_shown_by_help(stereo, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    done = stereo("--help")
    assert done.returncode == 0
    text = " ".join(done.stdout.replace("│", " ").split())
    for said in ("--for", "a screen 10 m wide", "--ipd-mm", "--floating-window", "--report"):
        assert said in text


def test_a_floating_window_blackens_the_border_and_off_leaves_every_pixel(stereo, room, tmp_path):
    depth = depth_file(tmp_path, "metric", near=1.0, far=4.0)
    flags = ("--depth", depth, "--convergence", "0", "--hero", "left", "--layout", "left", "--for", "tv")
    on, off = tmp_path / "on.png", tmp_path / "off.png"
    assert stereo(room, "-o", on, *flags).returncode == 0
    assert stereo(room, "-o", off, *flags, "--floating-window", "off").returncode == 0
    np.testing.assert_array_equal(picture(off), picture(room))
    assert (picture(on)[150:250, :10] == 0).all()
    np.testing.assert_array_equal(picture(on)[:, 30:], picture(room)[:, 30:])


def test_disparity_of_ones_own_gets_no_window_and_no_limit(stereo, room, tmp_path):
    depth = depth_file(tmp_path, "disparity", near=20.0, far=-60.0)
    flags = ("--depth", depth, "--hero", "left", "--layout", "right", "--for", "cinema")
    done = stereo(room, "-o", tmp_path / "right.png", *flags)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    source, right = picture(room), picture(tmp_path / "right.png")
    np.testing.assert_array_equal(right[120:280, :150], source[120:280, 20:170])
    np.testing.assert_array_equal(right[320:, 70:], source[320:, 10:-60])


def test_true_to_scale_moves_by_the_geometry(stereo, room, tmp_path):
    """At 2 m before a camera of 600 px, on a screen 600 px = 2 m wide: (0.063 * 600 / z - 18.9) px."""
    depth = depth_file(tmp_path, "metric", near=1.0, far=2.0)
    flags = ("--depth", depth, "--ipd-mm", 63, "--screen-width-m", 2, "--viewing-distance-m", 2, "--strength", 10)
    flags += ("--fov-x-deg", 53.1301, "--hero", "left", "--layout", "right", "--floating-window", "off")
    done = stereo(room, "-o", tmp_path / "right.png", *flags)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    source, right = (picture(path).astype(int) for path in (room, tmp_path / "right.png"))
    assert np.abs(right[320:390, 50:550] - source[320:390, 50:550]).mean() < 0.5, "what is 2 m away lies on the screen"
    shown = right[150:250, 10:150]
    errors = [np.abs(shown - source[150:250, 10 + d : 150 + d]).mean() for d in range(30)]
    assert int(np.argmin(errors)) == 19


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--ipd-mm", "63"), "--screen-width-m"),
        (("--ipd-mm", "63", "--for", "tv", "--convergence", "0.5"), "leave out the convergence"),
        (("--ipd-mm", "63", "--for", "tv", "--model", "preview"), "--kind metric"),
        (("--ipd-mm", "6", "--for", "tv"), "20 to 100 mm"),
        (("--viewing-distance-m", "2"), "--screen-width-m"),
        (("--screen-width-m", "0"), "0.01 to 100 metres"),
        (("--for", "tv", "--screen-width-m", "0"), "0.01 to 100 metres"),
        (("--report", "report.pdf"), ".html or .json"),
        (("--report", "nowhere/report.html"), "make it first"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_had_is_told_in_one_line(stereo, room, flags, said):
    assert said in refused(stereo(room, *flags))
    assert sorted(path.name for path in room.parent.iterdir()) == ["coffee.png"]


def test_an_unknown_camera_is_said_once(stereo, room, tmp_path):
    depth = depth_file(tmp_path, "metric", near=1.0, far=2.0)
    done = stereo(room, "--depth", depth, "--ipd-mm", 63, "--for", "quest", "--strength", 10)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("--fov-x-deg") == 1


def test_a_report_of_a_film_tells_every_frame(stereo, tmp_path):
    done = stereo(CLIP, "-o", tmp_path / "out.mp4", "--model", "preview", "--report", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["frames"]["index"] == [0, 1, 2, 3, 4]
    assert told["source"] == "five_frames"
    spans = np.array(told["frames"]["near"]) - np.array(told["frames"]["far"])
    assert (spans > 0.5).all()
    assert (spans <= 2).all()
    assert told["frames"]["cut"] == told["frames"]["cut_after"], "side by side at full size has no window"


def test_a_floating_window_leaves_no_violation(stereo, tmp_path):
    flags = ("-o", tmp_path / "out.mp4", "--for", "anaglyph", "--convergence", "0.2", "--model", "preview")
    done = stereo(CLIP, *flags, "--report", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    frames = json.loads((tmp_path / "out.json").read_text())["frames"]
    assert min(frames["cut"]) > 0.1
    assert max(frames["cut_after"]) < 0.02


def test_a_report_lies_in_a_folder_under_its_sources_name_and_replaces_nothing(stereo, room, tmp_path):
    (tmp_path / "reports").mkdir()
    flags = ("--model", "preview", "--report", tmp_path / "reports")
    assert stereo(room, *flags).returncode == 0
    report = tmp_path / "reports" / "coffee_comfort.html"
    assert report.read_text().startswith("<!doctype html>")
    room.with_name("coffee_sbs.png").unlink()
    assert "--overwrite" in refused(stereo(room, *flags))
    assert not room.with_name("coffee_sbs.png").exists()
    assert stereo(room, *flags, "--overwrite").returncode == 0


def test_a_job_that_fails_leaves_no_report(stereo, tmp_path):
    depth = depth_file(tmp_path, "metric", near=1.0, far=2.0)
    refused(stereo(CLIP, "-o", tmp_path / "out.mp4", "--depth", depth, "--report", tmp_path / "out.html"))
    assert [path.name for path in tmp_path.iterdir()] == [depth.name]


def test_several_inputs_need_a_folder_for_their_reports(stereo, room):
    shutil.copy(room, room.with_name("tea.png"))
    said = refused(stereo(room.parent, "-o", room.parent / "out", "--report", room.parent / "all.html"))
    assert "2 inputs need an existing folder" in said
