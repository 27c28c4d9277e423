"""Live sources on the command line: listed, recorded until Ctrl-C, refused in one line."""

import json
import os
import signal
import subprocess
import sys
import time

import av
import pytest
from typer.testing import CliRunner

from vergence.cli.live_options import ViewOptions
from vergence.cli.main import app
from vergence.errors import VergenceError
from vergence.server.settings import LiveSettings

VERGENCE = [sys.executable, "-c", "from vergence.cli.main import main; main()"]
HERE = {**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": "", "NO_COLOR": "1", "COLUMNS": "200"}


def vergence(*arguments, **more):
    return subprocess.run(
        [*VERGENCE, *arguments], capture_output=True, text=True, timeout=120, check=False, env=HERE, **more
    )


@pytest.mark.skipif(sys.platform != "linux", reason="what is missing is told in Linux's words")
def test_devices_lists_or_says_where_it_looked():
    done = vergence("devices")
    assert done.returncode == 0, done.stderr
    assert "no screen: there is no screen: DISPLAY is not set" in done.stdout
    assert "test:" in done.stdout
    found = json.loads(vergence("devices", "--json").stdout)
    assert set(found) == {"found", "missing"}
    assert "screen" in found["missing"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("depth", "webcam:77", "-o", "a.mp4"), "there is no webcam:77; "),
        (("stereo", "screen:1@0,0,0,0", "-o", "a.mp4"), "screen:1@0,0,0,0 asks for something of no size"),
        (("depth", "rtsp://127.0.0.1:9/x", "-o", "a.mp4"), "cannot open rtsp://127.0.0.1:9/x: Connection refused"),
        (("depth", "test:"), "a live source has no name to derive the result's from; say where to write with -o"),
        (("live", "webcam:77", "--no-browser"), "there is no webcam:77; "),
        (("serve", "window:"), "which window?"),
        (("live", "test:", "--window"), "this OpenCV was built without windows"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    if "--window" in arguments:
        monkeypatch.setattr("cv2.currentUIFramework", lambda: "", raising=False)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    done = CliRunner().invoke(app, list(arguments))
    assert isinstance(done.exception, VergenceError)
    assert str(done.exception).startswith(message)
    assert "\n" not in str(done.exception)
    assert list(tmp_path.iterdir()) == []
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_options_of_the_window_need_it():
    done = CliRunner().invoke(app, ["live", "test:", "--grayscale"])
    assert done.exit_code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_ends_a_recording_and_keeps_it(tmp_path):
    film = tmp_path / "depth.mp4"
    command = [*VERGENCE, "depth", "test:96x64", "-o", str(film), "--stabilise", "none"]
    with subprocess.Popen(command, env=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        until = time.monotonic() + 60
        while not any(path.stat().st_size for path in tmp_path.iterdir()) and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        out, told = running.communicate(timeout=60)
    assert running.returncode == 0, told
    assert out.strip() == str(film)
    assert "Ctrl-C ends it" in told
    with av.open(str(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 1
    assert list(tmp_path.iterdir()) == [film]


def test_options_of_the_view_are_settings_the_server_takes():
    options = ViewOptions(2, 0.5, 1.0, 95.0, 30, None, high_quality=False)
    settings = LiveSettings()
    for path, value in options.settings():
        settings = settings.with_value(path, value)
    assert dict(settings.view) == {
        "subsample": 2, "depth_scale": 0.5, "near_percentile": 1.0, "far_percentile": 95.0,
    }  # fmt: skip
    assert (settings.outliers.neighbours, settings.outliers.std_ratio) == (30, 1.0)


def test_without_options_nothing_is_set():
    options = ViewOptions(None, None, None, None, None, None, high_quality=False)
    assert list(options.settings()) == []
    assert options.side(None) is None
    assert LiveSettings().outliers is None


def test_high_quality_means_larger_and_stricter_unless_told_otherwise():
    options = ViewOptions(None, None, None, None, None, 2.0, high_quality=True)
    settings = LiveSettings()
    for path, value in options.settings():
        settings = settings.with_value(path, value)
    assert (settings.depth_bits, settings.picture_side, settings.outliers.std_ratio) == (16, 1024, 2.0)
    assert (options.side(None), options.side(640)) == (1024, 640)
