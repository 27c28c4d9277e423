"""The command line as a user meets it: whole processes on real files, and one clear line for every bad input."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from vergence.stereo.layout import LAYOUTS

FIXTURES = Path(__file__).parent.parent / "fixtures"
EDGE, IMAGES, VIDEOS = FIXTURES / "edge", FIXTURES / "images", FIXTURES / "videos"
VERGENCE = [sys.executable, "-c", "from vergence.cli.main import main; main()"]


def vergence(*arguments, timeout=120, **more):
    command = [*VERGENCE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **more)


def stereo(*arguments, **more):
    return vergence("stereo", *arguments, "--model", "preview", **more)


def refused(done):
    """The one line said; there is no traceback and the exit code is 1."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert done.stdout == ""
    return lines[0]


def picture(path):
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def frame_times(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(p.pts * stream.time_base for p in container.demux(stream) if p.pts is not None)


@pytest.fixture
def room(tmp_path):
    """A photo of our own, somewhere results may be written beside it."""
    return Path(shutil.copy(IMAGES / "sk_coffee.png", tmp_path / "coffee.png"))


def test_a_photo_becomes_a_pair_beside_it(room):
    done = stereo(room)
    assert done.returncode == 0, done.stderr
    result = Path(done.stdout.strip())
    assert result == room.with_name("coffee_sbs.png")
    assert picture(result).shape == (400, 1200, 3)


@pytest.mark.parametrize("layout", ["half-sbs", "anaglyph", "rgbd", "separate", "mpo"])
def test_every_layout_names_its_file(room, layout):
    done = stereo(room, "--layout", layout)
    assert done.returncode == 0, done.stderr
    results = [Path(line) for line in done.stdout.splitlines()]
    assert results[0].stem == "coffee" + LAYOUTS[layout].tag
    assert len(results) == (2 if layout == "separate" else 1)
    assert all(result.is_file() for result in results)


def test_a_layout_for_photos_tells_a_film_which_to_take():
    told = refused(stereo(EDGE / "five_frames.mp4", "--layout", "mpo"))
    assert "take --layout separate" in told


def test_headset_names_are_what_headsets_look_for(room):
    done = stereo(room, "--headset-names")
    assert Path(done.stdout.strip()).name == "coffee_LRF_Full_SBS.png"


def test_the_layouts_on_the_command_line_are_those_there_are():
    from typing import get_args

    from vergence.cli.options import Layout

    assert set(get_args(Layout)) == set(LAYOUTS)


def test_the_stabilising_on_the_command_line_is_what_there_is():
    from typing import get_args

    from vergence.cli.options import Stabilising
    from vergence.stability.stabilise import METHODS

    assert set(get_args(Stabilising)) == set(METHODS)


def test_the_method_and_the_fill_can_be_chosen(room):
    usual = picture(Path(stereo(room).stdout.strip()))
    fast = stereo(room, "--method", "fast", "--fill", "temporal", "--overwrite")
    assert fast.returncode == 0, fast.stderr
    assert (picture(Path(fast.stdout.strip())) != usual).any()
    assert stereo(room, "--fill", "guess").returncode == 2


def test_a_film_keeps_its_times_and_sound(tmp_path):
    source = VIDEOS / "stream_audio.mp4"
    done = stereo(source, "-o", tmp_path / "out.mp4", "--max-frames", "12")
    assert done.returncode == 0, done.stderr
    assert frame_times(tmp_path / "out.mp4") == frame_times(source)[:12]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].width == 960
        assert len(container.streams.audio) == 1


def test_a_folder_converts_each_and_one_bad_file_does_not_stop_the_others(tmp_path):
    for name in ("fmt_broken.jpg", "fmt_coffee.webp", "fmt_gray16.png"):
        shutil.copy(IMAGES / name, tmp_path)
    done = stereo(tmp_path, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["fmt_coffee_sbs.webp", "fmt_gray16_sbs.png"]
    assert done.stderr.count("error: ") == 1
    assert "fmt_broken.jpg" in done.stderr


def test_results_beside_their_sources_are_not_converted_again(room):
    stereo(room)
    done = stereo(room.parent, "--overwrite")
    assert done.stdout.split() == [str(room.with_name("coffee_sbs.png"))]


def test_a_folder_of_numbered_frames_is_a_film(tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for i in range(5):
        Image.new("RGB", (64, 48), (i * 20, 80, 90)).save(frames / f"f_{i:03}.png")
    done = stereo(frames)
    assert done.returncode == 0, done.stderr
    assert len(frame_times(done.stdout.strip())) == 5


def test_progress_as_json_is_one_object_a_line(tmp_path):
    done = stereo(EDGE / "five_frames.mp4", "-o", tmp_path / "o.mp4", "--progress", "json")
    steps = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [step["done"] for step in steps] == [1, 2, 3, 4, 5]
    assert set(steps[0]) == {"stage", "done", "total", "fps", "eta"}


def test_results_go_to_stdout_and_all_else_to_stderr(room):
    done = stereo(room)
    assert done.stdout.splitlines() == [str(room.with_name("coffee_sbs.png"))]
    assert "depth by preview" in done.stderr


def test_auto_says_in_one_line_that_it_makes_do_and_how_to_get_better(room):
    done = vergence("stereo", room)
    assert done.returncode == 0
    assert re.search(r"preview.*vergence models pull depth-anything-v2-small", done.stderr)


# -- bring your own depth ------------------------------------------------------------------------------------------


def disparity_file(folder, name="coffee", kind="disparity", size=(400, 600)):
    from vergence import DepthMap, write_depth

    values = np.zeros(size, np.float32)
    values[100:300, 200:400] = 12.0
    path = folder / f"{name}.npz"
    write_depth(path, DepthMap(values, np.ones(size, bool), kind), width=size[1], height=size[0])
    return path


def test_disparity_of_ones_own_is_used_exactly(room, tmp_path):
    done = stereo(room, "--depth", disparity_file(tmp_path), "--hero", "left", "--layout", "right")
    assert done.returncode == 0, done.stderr
    source, right = picture(room), picture(done.stdout.strip())
    inside = slice(201, 399)  # but for the rim, whose pixels mix with what is behind them
    np.testing.assert_array_equal(right[150:250, inside.start - 12 : inside.stop - 12], source[150:250, inside])
    np.testing.assert_array_equal(right[:90], source[:90])


def test_the_hero_eye_is_untouched(room):
    done = stereo(room, "--hero", "right", "--layout", "right")
    np.testing.assert_array_equal(picture(done.stdout.strip()), picture(room))


def test_the_aloe_pair_has_near_things_near(tmp_path):
    """The true right eye of a real pair: ours, from the true disparity, comes close; no 3-D at all does not."""
    left, right = FIXTURES / "stereo" / "aloeL.jpg", FIXTURES / "stereo" / "aloeR.jpg"
    truth = FIXTURES / "stereo" / "aloeGT.png"
    flags = ("--depth", truth, "--depth-kind", "disparity", "--hero", "left", "--layout", "right")
    done = stereo(left, "-o", tmp_path / "right.png", *flags)
    assert done.returncode == 0, done.stderr
    ours, theirs, source = (picture(path).astype(float) for path in (tmp_path / "right.png", right, left))
    seen = np.s_[:, :-230]  # further right the left camera never looked

    def psnr(a, b):
        return 10 * np.log10(255**2 / np.mean((a[seen] - b[seen]) ** 2))

    assert psnr(ours, theirs) > 24
    assert psnr(source, theirs) < 15


def test_depth_for_too_few_frames_is_told(tmp_path):
    done = stereo(
        EDGE / "five_frames.mp4", "-o", tmp_path / "o.mp4", "--depth", disparity_file(tmp_path, size=(36, 64))
    )
    assert "depth for 1 frames only" in refused(done)
    assert not (tmp_path / "o.mp4").exists()


# -- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (EDGE / "missing.mp4", "missing.mp4"),
        (EDGE / "empty.mp4", "empty"),
        (EDGE / "audio_only.m4a", "only audio"),
        (IMAGES / "fmt_broken.jpg", "cut off"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path, name, said):
    assert said in refused(stereo(name, "-o", tmp_path / "out.mp4" if name.suffix == ".mp4" else tmp_path / "out.jpg"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_pictures_is_told(tmp_path):
    (tmp_path / "notes.txt").write_text("no pictures here")
    assert "no photos or films" in refused(stereo(tmp_path))


def test_an_unknown_model_brings_the_nearest_name(room):
    assert "'preview'" in refused(vergence("stereo", room, "--model", "previw"))


def test_damaged_weights_are_told(room, tmp_path):
    weights = tmp_path / "weights.onnx"
    weights.write_bytes(b"not a graph")
    refused(vergence("stereo", room, "--weights", weights))


def test_a_read_only_folder_is_told(room):
    if os.geteuid() != 0:
        room.parent.chmod(0o500)
        target = room.with_name("out.png")
    elif Path("/sys/kernel").is_dir():
        target = Path("/sys/out.png")  # where not even root may make a file
    else:
        pytest.skip("root may write anywhere here")
    assert "cannot write" in refused(stereo(room, "-o", target))


def test_a_missing_folder_is_told(room):
    assert "make it first" in refused(stereo(room, "-o", room.parent / "nowhere" / "out.png"))


def test_an_existing_result_is_kept_unless_told_otherwise(room):
    target = room.with_name("coffee_sbs.png")
    target.write_bytes(b"mine")
    assert "--overwrite" in refused(stereo(room))
    assert target.read_bytes() == b"mine"
    assert stereo(room, "--overwrite").returncode == 0


@pytest.mark.parametrize("name", ["out.webm", "out.xyz", "out.jpg"])
def test_a_suffix_that_cannot_hold_the_film_is_told(tmp_path, name):
    refused(stereo(EDGE / "five_frames.mp4", "-o", tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_no_cuda_is_told(room):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    assert "CUDA" in refused(stereo(room, "--device", "cuda"))


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); "
    limit += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    run = [sys.executable, "-B", "-c", limit + "from vergence.cli.main import main; main()"]
    arguments = ["stereo", str(EDGE / "five_frames.mp4"), "-o", str(tmp_path / "out.mp4"), "--model", "preview"]
    done = subprocess.run([*run, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert "full" in refused(done)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "flags", [("--strength", "40"), ("--convergence", "2"), ("--crf", "99"), ("--preset", "warp9")], ids=lambda f: f[0]
)
def test_settings_out_of_range_are_told(tmp_path, flags):
    refused(stereo(EDGE / "five_frames.mp4", "-o", tmp_path / "out.mp4", *flags))


@pytest.mark.parametrize(
    "flags", [("--layout", "sideways"), ("--start", "soon"), ("--max-frames", "0")], ids=lambda f: f[0]
)
def test_wrong_usage_exits_with_2(tmp_path, flags):
    assert stereo(EDGE / "five_frames.mp4", "-o", tmp_path / "out.mp4", *flags).returncode == 2


def test_a_truncated_film_delivers_what_can_be_read_with_a_warning(tmp_path):
    done = stereo(EDGE / "truncated.mp4", "-o", tmp_path / "out.mp4")
    assert done.returncode == 0, done.stderr
    assert "warning: " in done.stderr
    readable = frame_times(EDGE / "truncated.mp4")[:-1]  # the last packet is cut through
    assert frame_times(tmp_path / "out.mp4")[: len(readable)] == readable


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_ends_within_two_seconds_and_leaves_nothing(tmp_path, number):
    command = [*VERGENCE, "stereo", str(VIDEOS / "office_bw_audio.mp4"), "-o", str(tmp_path / "out.mp4")]
    child = subprocess.Popen([*command, "--model", "preview", "--progress", "json"], stderr=subprocess.PIPE, text=True)
    for line in child.stderr:
        if '"done": 3' in line:
            break
    child.send_signal(number)
    began = time.monotonic()
    rest = child.communicate(timeout=30)[1]
    assert child.returncode == 130
    assert time.monotonic() - began < 2
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []
