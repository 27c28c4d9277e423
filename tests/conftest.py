"""What every test shares: no network, no deadline, and no models but those the package carries."""

import logging
import os

import pytest
from hypothesis import settings

# Timings never decide whether a test passes; the same examples every time, so that a failure is found again.
settings.register_profile("vergence", deadline=None, derandomize=True)
settings.load_profile("vergence")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests, which share what is dear to make, run in one process; and so do all that drive a browser."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return "tests/web" if nodeid.startswith("tests/web/") else nodeid.partition("::")[0]

    return ByFile(config, log)


@pytest.fixture(autouse=True)
def offline_and_alone(monkeypatch, tmp_path_factory):
    """Keep the user's models and the network out of every test."""
    monkeypatch.setenv("VERGENCE_OFFLINE", "1")
    monkeypatch.setenv("VERGENCE_HOME", str(tmp_path_factory.getbasetemp() / "vergence-home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path_factory.getbasetemp() / "huggingface-home"))
    for name in ("HF_HUB_CACHE", "HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def nobody_takes_the_machine():
    """What an encoder makes of this process' priority would be inherited by all that the tests start later."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    after = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, *before)
    assert after == before, "the test leaves its process with another priority: see `vergence.media.priority`"


@pytest.fixture(autouse=True)
def log_as_it_was():
    """Put back what commands that run in this process make of the package's log."""
    logger = logging.getLogger("vergence")
    before = (logger.handlers, logger.level, logger.propagate)
    yield
    logger.handlers, level, logger.propagate = before
    logger.setLevel(level)


os.environ.setdefault("NO_COLOR", "1")
