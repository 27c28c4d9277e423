"""What `vergence live` and `vergence serve` make of their options; the server itself is tested in tests/server."""

import re

import pytest
from typer.testing import CliRunner

from vergence.cli.main import app
from vergence.errors import SettingsError
from vergence.server import run


@pytest.fixture
def served(monkeypatch):
    """Runs a command with a server that only says what it was asked to serve."""
    asked = {}

    def serve(engine, player, settings, *, capturer, outputs, fragment, tell):
        asked.update(engine=engine, player=player, settings=settings, fragment=fragment, opened=[])
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
