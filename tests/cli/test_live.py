"""What `vergence live` and `vergence serve` make of their options; the server itself is tested in tests/server."""

import re
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from live_models import RuleModel
from vergence.cli.main import app
from vergence.errors import MediaError, SettingsError, TargetError
from vergence.server import run
from vergence.server.adaptation import Quality
from vergence.server.capture import Capturer
from vergence.server.pack import Spans, rgbd_packet
from vergence.server.recording import Writer, about
from vergence.server.settings import LiveSettings
from vergence.types import Frame


@pytest.fixture
def served(monkeypatch):
    """Runs a command with a server that only says what it was asked to serve."""
    asked = {}

    def serve(engine, player, settings, *, capturer, outputs, fragment, tell, **_):
        asked.update(engine=engine, player=player, settings=settings, fragment=fragment, outputs=outputs, opened=[])
        tell(run.Serving("http://127.0.0.1:1/#t=x", ("http://10.0.0.9:1/#t=x",), "AB:CD"))
        capturer.close()

    monkeypatch.setattr(run, "serve", serve)
    monkeypatch.setattr("webbrowser.open", lambda url: asked["opened"].append(url))

    def go(*arguments):
        asked["result"] = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        return asked

    return go


def test_live_opens_the_browser_and_serve_does_not(served):
    assert served("live", "test:")["opened"] == ["http://127.0.0.1:1/#t=x"]
    assert served("live", "test:", "--no-browser")["opened"] == []
    assert served("serve", "test:")["opened"] == []


def test_without_a_source_the_page_asks_for_the_camera(served):
    assert served("live")["fragment"] == {"camera": "1"}
    assert served("live", "test:", "--view", "mesh")["fragment"] == {"view": "mesh"}
    assert served("serve")["fragment"] == {}


def test_only_this_machine_gets_in_unless_told_otherwise(served):
    settings = served("live", "test:")["settings"]
    assert (settings.host, settings.port, settings.is_encrypted) == ("127.0.0.1", None, False)
    token = settings.access.token
    assert served("live", "test:")["settings"].access.token != token


def test_options_reach_the_server(served):
    options = (
        "--host",
        "0.0.0.0",
        "--port",
        "5000",
        "--token",
        "a" * 20,
        "--allow-host",
        "x.example",
        "--max-clients",
        "3",
    )
    settings = served("serve", "test:", *options)["settings"]
    assert (settings.host, settings.port, settings.most_clients) == ("0.0.0.0", 5000, 3)
    assert (settings.access.token, settings.access.names) == ("a" * 20, ("x.example",))


def test_options_reach_the_stream(served):
    asked = served("live", "test:", "--fov-x-deg", "70", "--every-frame", "--stabilise", "none")
    settings = asked["engine"].settings
    assert (settings.camera_fov, settings.film_every_frame, settings.stabilise_method) == (70, True, "none")


def test_the_address_is_on_stdout_and_all_else_is_not(served):
    result = served("serve", "test:")["result"]
    assert result.stdout == "http://127.0.0.1:1/#t=x\n"
    assert re.search("from other machines: http://10.0.0.9", result.stderr)
    assert "AB:CD" in result.stderr


def test_a_weak_token_is_refused(served):
    with pytest.raises(SettingsError, match="token"):
        served("live", "test:", "--token", "1234")


def test_https_for_this_machine_alone_says_how_to_let_others_in(served, monkeypatch):
    serving = run.Serving("https://127.0.0.1:1/#t=x", (), "AB:CD")
    monkeypatch.setattr(run, "Serving", lambda *_: serving)
    assert "--host 0.0.0.0" in served("live", "test:", "--tls")["result"].stderr


def test_what_is_made_of_the_stream_besides(served, tmp_path):
    found = served("live", "test:", "--output-dir", str(tmp_path), "--record-stream", str(tmp_path / "a.vgr"))[
        "outputs"
    ]
    assert (found.snapshots.folder, found.record_to) == (tmp_path, tmp_path / "a.vgr")
    assert (found.virtual_camera, found.old_clients) == (None, None)
    assert served("live", "test:")["outputs"].snapshots.folder == Path.cwd()
    assert served("serve", "test:")["outputs"].snapshots is None


def test_older_clients_are_spoken_with_where_that_is_asked(served):
    pytest.importorskip("msgpack")
    assert served("serve", "test:", "--compat", "--max-clients", "3")["outputs"].old_clients is not None


def test_a_virtual_camera_that_is_not_there_is_told_in_a_line(served, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(MediaError, match="vergence\\[live\\]"):
        served("live", "test:", "--virtual-camera", "--virtual-layout", "anaglyph")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--record-stream", "a.mp4"), SettingsError),
        (("--record-stream", "/no/such/folder/a.vgr"), TargetError),
    ],
)
def test_a_recording_that_cannot_be_is_told_before_a_model_is_loaded(served, monkeypatch, options, error):
    monkeypatch.setattr("vergence.cli.loading.load", lambda *_, **__: pytest.fail("a model was loaded"))
    with pytest.raises(error):
        served("live", "test:", *options)


@pytest.mark.parametrize(
    "arguments", [("live", "none.mp4"), ("serve", "test:", "none.vgr"), ("live", "no.jpg", "--window")]
)
def test_a_source_that_is_not_there_is_told_before_a_model_is_chosen(served, monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vergence.cli.loading.load", lambda *_, **__: pytest.fail("a model was loaded"))
    monkeypatch.setattr("vergence.pipelines.window.OpenCvWindow", lambda: None)
    with pytest.raises(MediaError, match=r"none\.|no\.jpg"):
        served(*arguments)


def test_captures_take_the_model_that_was_chosen_without_choosing_again(served, monkeypatch):
    named, close = [], Capturer.close
    monkeypatch.setattr("vergence.cli.loading.load", lambda name, **_: named.append(name) or RuleModel())
    monkeypatch.setattr(Capturer, "close", lambda self: (self._load(), close(self)))
    served("live", "test:")
    served("live", "test:", "--capture-model", "depth-anything-v2-base")
    assert named == ["auto", "preview", "auto", "depth-anything-v2-base"]


def test_a_recording_replaces_another_only_where_that_is_said(served, tmp_path):
    path = tmp_path / "a.vgr"
    path.touch()
    with pytest.raises(TargetError, match="use --overwrite"):
        served("serve", "test:", "--record-stream", str(path))
    assert served("serve", "test:", "--record-stream", str(path), "--overwrite")["outputs"].overwrite
    assert served("live", "test:", "--record-stream", str(path), "--overwrite")["outputs"].record_to == path


def test_options_of_the_page_are_not_of_the_window(served):
    assert served("live", "test:", "--window", "--compat")["result"].exit_code == 2
    assert served("live", "test:", "--grayscale")["result"].exit_code == 2


def test_a_recording_is_shown_without_a_model(served, monkeypatch, tmp_path):
    monkeypatch.setattr("vergence.cli.loading.load", lambda *_, **__: pytest.fail("a model was loaded"))
    engine = served("live", recorded_stream(tmp_path / "a.vgr"))["engine"]
    assert engine.model.card.name == "preview"
    assert engine.settings.view == {"mode": "mesh", "orbit": True}
    wanted = served("live", str(tmp_path / "a.vgr"), "--subsample", "4")["engine"].settings.view
    assert wanted["subsample"] == 4


def recorded_stream(path):
    """A recording of one frame, seen as a mesh that turns."""
    view = LiveSettings().with_value("view.mode", "mesh").with_value("view.orbit", True)
    item = next(RuleModel().estimate([Frame(np.zeros((18, 32, 3), np.uint8), 0, Fraction(0))]))
    with path.open("wb") as file:
        writer = Writer(file, about(RuleModel().card, view), began_us=0)
        writer.packet(rgbd_packet(item, Spans()(item), Quality(12, 80, 640)), 0)
    return str(path)
