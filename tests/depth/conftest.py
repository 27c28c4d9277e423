from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(offline_and_alone: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any weights: an empty store, home, hub cache and working folder."""
    monkeypatch.delenv("HF_HOME")
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.setenv("VERGENCE_HOME", str(folder / "vergence"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is allowed: that of a server inside the test."""
    monkeypatch.delenv("VERGENCE_OFFLINE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
