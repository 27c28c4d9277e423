"""A stream in a file, to be shown again without a model; docs/protocol.md is the layout in words.

After a head that says which model made it come the packets as they were sent, each with the moment it came, and the
settings whenever they changed. There is no index: a file that was cut off, by a crash or a full disk, is good up to its
last whole record.
"""

import json
import logging
import os
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from vergence.depth.cards import ModelCard, find_card
from vergence.errors import FormatError, MediaError, ModelError, ProtocolError, SettingsError
from vergence.server.adaptation import Payload
from vergence.server.protocol import HEADER, LARGEST, Kind, Rgbd, padded, parse
from vergence.server.settings import LiveSettings
from vergence.types import DEPTH_KINDS, DepthFrame, DepthKind, Frame

logger = logging.getLogger(__name__)

SUFFIX = ".vgr"
MAGIC, MAJOR = b"VGNR", 1
HEAD = struct.Struct("<4sB3xII")  # magic, version, bytes of the JSON that follows, its CRC-32
RECORD = struct.Struct("<4sIQ")  # what it is, its bytes without padding, µs since the beginning
PACKET, SETTINGS = b"PKT ", b"SET "
MOST_JSON = 1 << 20  # bytes
SHORTEST = 1 / 60  # s that the last frame is shown
PAYLOADS: dict[Kind, Payload] = {Kind.RGBD: "rgbd", Kind.SPLAT16: "splat16", Kind.POINTS16: "points16"}


def is_recording(uri: str) -> bool:
    """Whether a name is that of a recorded stream."""
    return uri.lower().endswith(SUFFIX)


class Writer:
    """Writes a recording to an open, empty file.

    Args:
        file: binary.
        about: what it says of itself, see `about`.
        began_us: the moment its times count from, on the server's clock.

    Attributes:
        bytes: written so far, whole records.
    """

    def __init__(self, file: IO[bytes], about: Mapping[str, Any], *, began_us: int) -> None:
        self._file, self._began_us = file, began_us
        self.bytes = 0
        head = _json(about)
        self._write(HEAD.pack(MAGIC, MAJOR, len(head), zlib.crc32(head)), head)

    def packet(self, data: bytes, at_us: int) -> None:
        """Write a packet, with its checksum."""
        *fields, _ = HEADER.unpack_from(data)
        rest = memoryview(data)[HEADER.size :]
        self._record(PACKET, at_us, HEADER.pack(*fields, zlib.crc32(rest)), rest)

    def settings(self, nested: Mapping[str, Any], at_us: int) -> None:
        """Write that the settings are these from now on."""
        self._record(SETTINGS, at_us, _json(nested))

    def _record(self, name: bytes, at_us: int, *parts: bytes | memoryview) -> None:
        self._write(RECORD.pack(name, sum(map(len, parts)), max(at_us - self._began_us, 0)), *parts)

    def _write(self, head: bytes, *parts: bytes | memoryview) -> None:
        size = sum(map(len, parts))
        for part in (head, *parts, bytes(padded(size) - size)):
            self._file.write(part)
        self.bytes += len(head) + padded(size)


def about(card: ModelCard, settings: LiveSettings) -> dict[str, Any]:
    """What a recording says of itself."""
    model = {"name": card.name, "kind": card.kind, "licence": card.licence, "is_commercial": card.is_commercial}
    return {
        "vergence": version("vergence"),
        "recorded": datetime.now().astimezone().isoformat(timespec="seconds"),
        "model": model,
        "settings": settings.nested(),
    }


@dataclass(frozen=True)
class Moment:
    """A frame of a recording.

    Attributes:
        packets: by what they hold.
        kind: of the depth they were made of.
        settings: as `config` has them, where they have changed since the frame before.
    """

    packets: Mapping[Payload, bytes]
    kind: DepthKind
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Record:
    """Where the bytes of a packet, or of settings, lie in the file."""

    offset: int
    size: int


@dataclass
class _Frame:
    """What came at one moment."""

    sequence: int
    seconds: float
    packets: dict[Payload, _Record]
    settings: _Record | None


class Recording:
    """A recorded stream, read frame by frame.

    Attributes:
        about: what it says of itself.
        payloads: what its packets hold.
        width, height: of its depth.

    Raises:
        MediaError: the file is not there, is no recording, is damaged at its beginning or holds no frame.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            raise MediaError(f"cannot read {self.path}: {error.strerror or error}") from error
        try:
            self._open()
        except OSError as error:
            self._file.close()
            raise MediaError(f"cannot read {self.path}: {error.strerror or error}") from error
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> None:
        self._size = os.fstat(self._file.fileno()).st_size
        self.about, start = self._head()
        self.kind: DepthKind = self.about["model"]["kind"]
        self._frames = [frame for frame in self._scanned(start) if frame.packets]
        self.payloads = {payload for frame in self._frames for payload in frame.packets}
        pictures = [frame.packets["rgbd"] for frame in self._frames if "rgbd" in frame.packets]
        if not pictures:
            raise MediaError(f"{self.path} holds no frame: the recording ended before the first came")
        try:
            extension = parse(self._bytes(pictures[0])).extension
        except ProtocolError as error:
            raise MediaError(f"{self.path} is damaged: {error}") from error
        assert isinstance(extension, Rgbd)
        self.width, self.height = extension.width, extension.height
        self._seconds = [frame.seconds for frame in self._frames]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def duration(self) -> float:
        """Seconds, the last frame's own showing guessed."""
        whole = self._seconds[-1] - self._seconds[0]
        usual = whole / (len(self) - 1) if len(self) > 1 else SHORTEST
        return whole + max(usual, SHORTEST)

    def since(self, start: float) -> Iterator[tuple[float, Moment]]:
        """The frames from the one shown at `start` on, with their seconds; damaged packets are left out."""
        first, is_told = self._seconds[0], False
        for number in range(max(bisect_right(self._seconds, first + start) - 1, 0), len(self)):
            frame, packets = self._frames[number], {}
            for payload, record in frame.packets.items():
                data = self._bytes(record)
                try:
                    parse(data)
                except ProtocolError as error:
                    if not is_told:
                        logger.warning("%s has damaged packets, which are left out: %s", self.path, error)
                    is_told = True
                else:
                    packets[payload] = data
            if packets:
                settings = None if frame.settings is None else self._settings(frame.settings)
                yield frame.seconds - first, Moment(packets, self.kind, settings)

    def _head(self) -> tuple[dict[str, Any], int]:
        """What it says of itself, and where its first record lies."""
        head = self._file.read(HEAD.size)
        if len(head) < HEAD.size or not head.startswith(MAGIC):
            raise MediaError(f"{self.path} is no recorded stream")
        _, major, size, crc = HEAD.unpack(head)
        if major != MAJOR:
            raise FormatError(f"{self.path} is a recording of version {major}, needed is {MAJOR}; update vergence")
        data = self._file.read(size) if size <= MOST_JSON else b""
        if len(data) < size or zlib.crc32(data) != crc:
            raise MediaError(f"{self.path} is damaged at its beginning; what follows cannot be told")
        found = _object(data)
        model = found.get("model")
        wanted = {"name": str, "kind": str, "licence": str, "is_commercial": bool}
        is_sound = isinstance(model, dict) and all(isinstance(model.get(name), type_) for name, type_ in wanted.items())
        if not is_sound or found["model"]["kind"] not in DEPTH_KINDS:
            raise MediaError(f"{self.path} does not say which model made it")
        return found, HEAD.size + padded(size)

    def _scanned(self, offset: int) -> Iterator[_Frame]:
        """What came at each moment, up to the first record that is not whole, or makes no sense."""
        frame, past = _Frame(-1, 0.0, {}, None), 0
        settings: _Record | None = None
        while offset + RECORD.size <= self._size:
            self._file.seek(offset)
            name, size, time_us = RECORD.unpack(self._file.read(RECORD.size))
            record = _Record(offset + RECORD.size, size)
            end = record.offset + padded(size)
            if name not in (PACKET, SETTINGS) or time_us < past or size > LARGEST + MOST_JSON:
                logger.warning("%s is damaged after %d bytes; what is before is shown", self.path, offset)
                break
            if end > self._size:
                logger.info("%s was cut off after %d bytes; what is before is shown", self.path, offset)
                break
            offset, past = end, time_us
            if name == SETTINGS:
                settings = record
                continue
            header = self._file.read(HEADER.size)
            fields = HEADER.unpack(header) if len(header) == HEADER.size <= size else None
            if fields is None or fields[2] not in PAYLOADS:
                continue
            if frame.packets and fields[6] != frame.sequence:
                yield frame
                frame = _Frame(-1, 0.0, {}, None)
            if not frame.packets:
                frame, settings = _Frame(fields[6], time_us / 1e6, {}, settings), None
            frame.packets[PAYLOADS[fields[2]]] = record
        yield frame

    def _settings(self, record: _Record) -> Mapping[str, Any] | None:
        return _object(self._bytes(record)) if record.size <= MOST_JSON else None

    def _bytes(self, record: _Record) -> bytes:
        self._file.seek(record.offset)
        return self._file.read(record.size)


class NoModel:
    """In place of a model where only recordings are shown; its card is as of the one that made the first of them.

    Attributes:
        card: its options say whether there are `recorded_gaussians`, and `recorded_points` of several cameras.
        settings: those in force when the first one was begun.
    """

    lookahead = 0

    def __init__(self, *uris: str) -> None:
        card, has_gaussians = replace(find_card("preview"), name="recording", family="recording"), False
        has_points = False
        self.settings: Mapping[str, Any] = {}
        for number, uri in enumerate(uris):
            with Recording(uri) as recording:
                has_gaussians |= "splat16" in recording.payloads
                has_points |= "points16" in recording.payloads
                if number == 0:
                    made, found = recording.about["model"], recording.about.get("settings")
                    card = replace(
                        card, name=made["name"], kind=made["kind"], licence=made["licence"],
                        is_commercial=made["is_commercial"],
                    )  # fmt: skip
                    self.settings = found if isinstance(found, dict) else {}
        options = {"recorded_gaussians": has_gaussians, "recorded_points": has_points}
        self.card: ModelCard = replace(card, summary="none", parameters=0, options=options)

    def viewed(self, settings: LiveSettings) -> LiveSettings:
        """The settings with what viewers had chosen when the recording was begun."""
        view = self.settings.get("view")
        for name, value in view.items() if isinstance(view, dict) else ():
            with suppress(SettingsError):
                settings = settings.with_value(f"view.{name}", value)
        return settings

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        """Always raises `ModelError`."""
        for _ in frames:
            raise ModelError("only recordings are shown, without a model; start the server with another source as well")
        yield from ()


def _object(data: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        found = json.loads(data)
        if isinstance(found, dict):
            return found
    return {}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
