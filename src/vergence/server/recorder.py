"""Recording a stream: a thread writes, whoever hands it packets never waits.

A recording lies under its name only when it has ended; until then it is beside it, and good up to its last packet.
Where the disk is too slow packets are left out and counted; before it is full the recording ends.
"""

import logging
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vergence.errors import SettingsError, TargetError
from vergence.media.targets import Target
from vergence.pipelines.recorded import named_by_time
from vergence.server.adaptation import Pace, Quality, quality_of
from vergence.server.hub import Published
from vergence.server.protocol import HEADER
from vergence.server.recording import SUFFIX, Writer, is_recording
from vergence.server.ring import finest
from vergence.server.settings import LiveSettings
from vergence.server.shown import now_us

logger = logging.getLogger(__name__)

WAITING = 64 << 20  # bytes that may wait for the disk
SPARE = 256 << 20  # bytes that stay free on the disk
MOST_BYTES = 2 << 30  # of a recording that nobody has named a place for
THREAD_NAME = "vergence-recorder"


@dataclass(frozen=True)
class State:
    """What `record` of docs/protocol.md tells."""

    is_on: bool = False
    seconds: float = 0.0
    bytes: int = 0
    path: Path | None = None
    message: str = ""


class Recorder:
    """Records what is published, one recording at a time; a tap of the hub.

    Args:
        describe: what the next recording says of itself, see `recording.about`.
        settings: those in force.
        folder: where recordings lie that nobody has named; None: in one that goes with the server.
    """

    def __init__(
        self,
        describe: Callable[[], Mapping[str, Any]],
        settings: Callable[[], LiveSettings],
        *,
        folder: Path | None = None,
    ) -> None:
        self._describe, self._settings, self._folder = describe, settings, folder
        self._passing: TemporaryDirectory[str] | None = None
        self._changed = threading.Condition()
        self._waiting: deque[tuple[bytes | dict[str, Any], int]] = deque()
        self._waiting_bytes = self._lost = 0
        self._last: bytes | None = None
        self._most_bytes: int | None = None
        self._state = State()
        self._thread: threading.Thread | None = None
        self._made: dict[str, Path] = {}
        self._numbers = count(1)

    @property
    def is_on(self) -> bool:
        return self._state.is_on

    @property
    def is_busy(self) -> bool:
        """Whether something is being written, also what is left after the end."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def state(self) -> State:
        return self._state

    def start(self, path: Path | None = None, *, overwrite: bool = False) -> None:
        """Begin a recording; nothing where one is being made.

        Raises:
            SettingsError: the name is not that of a recording.
            TargetError: it cannot be written there.
        """
        with self._changed:
            if self._state.is_on or self.is_busy:
                return
            target = self.target(path or self._next_path(), overwrite=overwrite)
            self._most_bytes = None if path or self._folder else MOST_BYTES
            target.__enter__()
            self._waiting.clear()
            self._waiting_bytes, self._lost, self._last = 0, 0, None
            self._state = State(is_on=True, path=target.path)
            self._thread = threading.Thread(
                target=self._run, args=(target, self._describe(), now_us()), name=THREAD_NAME, daemon=True
            )
            self._thread.start()

    @staticmethod
    def target(path: Path, *, overwrite: bool = False) -> Target:
        """Where a recording of this name will lie; raises as `start`."""
        if not is_recording(path.name):
            raise SettingsError(f"a recorded stream is called something{SUFFIX}, not {path.name}")
        return Target(path, overwrite=overwrite, needed_bytes=SPARE, keeps_leftovers=True)

    def stop(self, *, patience: float | None = None) -> None:
        """End the recording; it lies under its name when this returns, or after that where `patience` (s) is over."""
        with self._changed:
            self._state = replace(self._state, is_on=False)
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(patience)

    def file(self, name: str) -> Path | None:
        """Where a recording of this name lies that is over."""
        path = self._made.get(name)
        return path if path is not None and path.is_file() else None

    def close(self) -> None:
        """End it, and throw away what nobody has named a place for."""
        self.stop()
        if self._passing is not None:
            self._passing.cleanup()

    def note(self, settings: LiveSettings) -> None:
        """The settings have changed."""
        self._put(settings.nested(), 0)

    # As a tap of the hub.

    @property
    def is_watching(self) -> bool:
        return self._state.is_on

    def wanted(self) -> frozenset[Quality]:
        """Packets as a viewer gets them at first: while one is there nothing is packed twice.

        Of several cameras in one cloud also their points, where there are any.
        """
        if not self._state.is_on:
            return frozenset()
        return frozenset({self._quality(), quality_of(Pace(), self._settings(), "points16")})

    def take(self, frame: Published) -> None:
        """Record a frame; one sent again is left out. Returns at once."""
        if not self._state.is_on:
            return
        packets = finest(frame.packets)
        own = frame.packets.get(self._quality())
        if own is not None:
            packets["rgbd"] = own
        rest = b"".join(data[HEADER.size :] for data in packets.values())
        if not packets or rest == self._last:
            return
        self._last = rest
        for data in packets.values():
            self._put(data, len(data))

    def _quality(self) -> Quality:
        return quality_of(Pace(), self._settings())

    def _put(self, item: bytes | dict[str, Any], size: int) -> None:
        with self._changed:
            if not self._state.is_on:
                return
            if self._waiting_bytes + size > WAITING:
                self._lost += 1
                return
            self._waiting.append((item, now_us()))
            self._waiting_bytes += size
            self._changed.notify_all()

    def _next(self) -> tuple[bytes | dict[str, Any], int] | None:
        """What is to be written; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._state.is_on)
            if not self._waiting:
                return None
            item, at_us = self._waiting.popleft()
            self._waiting_bytes -= len(item) if isinstance(item, bytes) else 0
            return item, at_us

    def _run(self, target: Target, description: Mapping[str, Any], began_us: int) -> None:
        message = ""
        try:
            with open(target.temporary, "wb") as file:
                writer = Writer(file, description, began_us=began_us)
                self._see(writer, began_us, began_us)
                message = self._write(writer, target, began_us)
            target.__exit__(None, None, None)
        except (OSError, TargetError) as error:  # what is whole stays: it can be shown
            message = f"the recording had to end: {error}"
            with suppress(OSError, TargetError):
                os.truncate(target.temporary, self._state.bytes)
                target.__exit__(None, None, None)
        finally:
            if self._lost:
                message = message or f"{self._lost} packets were left out: the disk was too slow"
            with self._changed:
                self._waiting.clear()
                if target.path.is_file():
                    self._made[target.path.name] = target.path
                self._state = replace(self._state, is_on=False, message=message)
            if message:
                logger.warning("%s: %s", target.path, message)

    def _write(self, writer: Writer, target: Target, began_us: int) -> str:
        """Write what comes until the end; returns why it is the end, "" where somebody said so."""
        looked_us = began_us
        while (found := self._next()) is not None:
            item, at_us = found
            if isinstance(item, bytes):
                writer.packet(item, at_us)
            else:
                writer.settings(item, at_us)
            self._see(writer, began_us, at_us)
            if self._most_bytes is not None and writer.bytes >= self._most_bytes:
                return "the recording is as long as it may be; start the server with --output-dir for longer ones"
            if at_us - looked_us > 1_000_000:
                looked_us = at_us
                if shutil.disk_usage(target.path.parent).free < SPARE:
                    return "the recording has ended: the disk is nearly full"
        return ""

    def _see(self, writer: Writer, began_us: int, at_us: int) -> None:
        with self._changed:
            self._state = replace(self._state, seconds=round((at_us - began_us) / 1e6, 1), bytes=writer.bytes)

    def _next_path(self) -> Path:
        if self._folder is not None:
            return named_by_time(self._folder, SUFFIX)
        self._passing = self._passing or TemporaryDirectory(prefix="vergence-recordings-")
        return Path(self._passing.name) / f"recording-{next(self._numbers):03d}{SUFFIX}"
