"""Sources without an end on the command line: Ctrl-C ends them, and what they became stays."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

from vergence.cli import report
from vergence.media.live import is_live


@contextmanager
def until_stopped(source: str) -> Iterator[Event | None]:
    """What Ctrl-C and SIGTERM set while the context lasts, for a live source; the second of them stops at once."""
    if not is_live(source):
        yield None
        return
    stopped = Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    report.line("Ctrl-C ends it, and keeps what was made")
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
