"""What one client says, and what is done about it."""

import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vergence.errors import MediaError, ProtocolError, SettingsError, TargetError
from vergence.media.camera import CameraSettings
from vergence.server import upload
from vergence.server.capture import Capturer, Step
from vergence.server.engine import Engine
from vergence.server.eyes import Eyes
from vergence.server.hub import WINDOW, Client, Hub
from vergence.server.player import Player, SourceKind
from vergence.server.players import PATHS
from vergence.server.protocol import NAME, Capture, parse
from vergence.server.recorder import Recorder
from vergence.server.recording import about
from vergence.server.restamp import restamped
from vergence.server.ring import Held, Past, Ring
from vergence.server.settings import UnknownSettingError
from vergence.server.shown import Arrival, now_us, sent_picture
from vergence.server.snapshot import Saved, Snapshots
from vergence.server.unpack import depth_frame
from vergence.server.video import depth_codec_for

logger = logging.getLogger(__name__)

MESSAGE_BYTES = 4 << 20  # from a client
TEXT_CHARACTERS = 64 << 10
NAME_CHARACTERS = 64
MOST_FAULTS, FORGIVEN = 20, 10.0  # of one client in so many seconds, before it is let go
OLDEST = 10_000_000  # µs a picture may have been on its way; else its clock is wrong
MOST_CAMERAS = 8
LONGEST = 1e9  # s one may ask for
PATIENCE = 1.0  # s in which a recording should be written to its end
PING = 4  # s between pings


class Broken(Exception):  # noqa: N818 - it ends a connection, it is no error of ours
    """A client breaks the rules of docs/protocol.md; it is closed."""


class Studio:
    """The parts that all sessions of a server share: engine, player, hub and the settings, which it keeps alike."""

    def __init__(
        self,
        engine: Engine,
        player: Player,
        hub: Hub,
        *,
        session: str,
        capturer: Capturer | None = None,
        eyes: Eyes | None = None,
        snapshots: Snapshots | None = None,
        recorder: Recorder | None = None,
        asked: str | None = None,
    ) -> None:
        self.engine, self.player, self.hub, self.session, self.capturer = engine, player, hub, session, capturer
        self.eyes, self.snapshots = eyes or Eyes(), snapshots
        self.asked = asked
        self.ring = Ring()
        self.recorder = recorder or Recorder(lambda: about(engine.model.card, engine.settings), lambda: engine.settings)
        hub.taps += [self.ring, self.eyes, self.recorder]
        hub.on_key_needed = engine.ask_key
        engine.listeners.append(self.eyes.hear)
        self._ticks = 0
        self._was_recording = False
        self.hub.apply(engine.settings)
        player.is_watched = lambda: hub.is_watched
        player.on_settings = lambda settings: hub.call(self._adopt, settings)
        player.on_change = lambda: hub.announce(t="sources", sources=player.described())
        player.on_error = lambda text: hub.announce(
            t="error", code="source-failed", msg=text, hint="choose another source, or start again with one that works"
        )

    def set(self, path: str, value: Any) -> None:
        """Change a setting for everyone; raises `SettingsError`."""
        settings = self.engine.settings.with_value(path, value)
        self.engine.settings = settings
        self.hub.apply(settings)
        self.recorder.note(settings)
        self.hub.tell_all(t="config", settings=settings.nested())
        if path.startswith(("camera.", "stabilise.")):
            self.engine.repeat()
        if not path.startswith("view."):
            self.engine.refresh()

    def _adopt(self, settings: Mapping[str, Any]) -> None:
        """A recording has come to where its viewers changed what they looked at."""
        view = settings.get("view")
        for name, value in view.items() if isinstance(view, dict) else ():
            if self.engine.settings.view.get(name) != value:
                with contextlib.suppress(SettingsError):
                    self.set(f"view.{name}", value)

    @property
    def payloads(self) -> list[str]:
        """The kinds of packets there may be."""
        may_be = {"splat16": self.engine.makes_gaussians, "points16": self.engine.makes_points}
        return ["rgbd", *(kind for kind, is_made in may_be.items() if is_made)]

    def tell_recording(self) -> None:
        """Tell everyone how far a recording is."""
        state = self.recorder.state
        name = state.path.name if state.path is not None and not state.is_on else ""
        url = f"files/{name}" if self.recorder.file(name) else None
        self.hub.tell_all(
            t="record", on=state.is_on, seconds=state.seconds, bytes=state.bytes, url=url, msg=state.message
        )
        self._was_recording = self.recorder.is_busy

    def file(self, name: str) -> Path | None:
        """What lies under `files/`."""
        found = None if self.capturer is None else self.capturer.archive(name)
        return found or self.recorder.file(name)

    def close(self) -> None:
        """Throw away what was not fetched."""
        self.recorder.close()
        if self.capturer is not None:
            self.capturer.close()

    def tick(self) -> None:
        """Once a second: statistics for everyone, and who has gone silent."""
        self._ticks += 1
        self.hub.period = self.engine.period
        self.hub.check()
        if self.recorder.is_on or self._was_recording:
            self.tell_recording()
        player = self.player
        common = self.engine.stats() | {
            "clients": len(self.hub.clients),
            "source_fps": player.source_fps,
            "position": player.position,
            "is_playing": player.is_playing,
            "past": round(self.ring.seconds, 1),
        }
        for client in self.hub.clients:
            if client.role is None:
                continue
            trip = None if client.round_trip is None else round(1e3 * client.round_trip, 1)
            tier = "video" if client.gets_film else "exact"
            own = {"level": client.pace.step, "tier": tier, "sent": client.sent, "skipped": client.skipped}
            client.tell(t="stats", **common, **own, round_trip_ms=trip)
            client.sent = client.skipped = 0
            if self._ticks % PING == 0:
                client.tell(t="ping", ts=now_us())

    def hello(self, client: Client, source: int | None) -> dict[str, Any]:
        """The first message to a client."""
        card = self.engine.model.card
        return {
            "t": "hello",
            "server": f"vergence {version('vergence')}",
            "protocol": NAME,
            "session": self.session,
            "client": client.number,
            "source": source,
            "now": now_us(),
            "model": {
                "name": card.name,
                "kind": card.kind,
                "licence": card.licence,
                "is_commercial": card.is_commercial,
                "instead_of": self.asked,
            },
            "modes": self.payloads,
            "tiers": ["exact", "video"] if self.engine.makes_film else ["exact"],
            "capacity": None,
            "metric": card.kind == "metric",
            "stereo": list(PATHS),
            "snapshots": None if self.snapshots is None else str(self.snapshots.folder),
            "limits": {
                "message": MESSAGE_BYTES,
                "side": upload.LONGEST_SIDE,
                "pixels": upload.MOST_PIXELS,
                "clients": self.hub.most_clients,
                "window": WINDOW,
            },
        }


class Session:
    """One client's side of the conversation."""

    def __init__(self, studio: Studio, client: Client) -> None:
        self._studio, self._client = studio, client
        self._camera: int | None = None
        self._faults: deque[float] = deque()
        self._held: Held | None = None
        self._past: Past | None = None

    def leave(self) -> None:
        """The client has gone."""
        self._look_at_present()
        self._studio.hub.leave(self._client)
        if self._camera is not None:
            self._studio.player.remove_camera(self._camera)

    def text(self, text: str) -> None:
        """Do what a text message asks; raises `Broken`."""
        message = self._read(text)
        kind = message["t"]
        if self._client.role is None:
            if kind != "hello":
                raise Broken("the first message is not hello")
            self._hello(message)
            return
        answer = self._ANSWERS.get(kind)
        if answer is None:
            self._fault("bad-message", f"there is no message {kind!r} from a client", "see docs/protocol.md")
            return
        try:
            answer(self, message)
        except UnknownSettingError as error:
            self._fault("unknown-setting", str(error), "")
        except SettingsError as error:
            self._fault("bad-value", str(error), "")

    def data(self, data: bytes) -> None:
        """Take a packet; raises `Broken`."""
        if self._client.role is None:
            raise Broken("the first message is not hello")
        try:
            packet = parse(data)
            if not isinstance(packet.extension, Capture):
                raise ProtocolError("only CAPTURE packets go to a server")
        except ProtocolError as error:
            self._fault("bad-packet", str(error), "reload the page, so that it speaks the server's version")
            return
        if self._camera is None:
            self._fault("no-camera", "this client said hello as a viewer", "say hello as camera or both")
            return
        capture, jpeg = packet.extension, bytes(packet.blocks[0])
        self._client.tell(t="ack", seq=packet.sequence, fps=round(self._studio.engine.fps, 1))
        try:
            upload.check_jpeg(jpeg, capture)
        except MediaError as error:
            code = "too-large" if capture.width * capture.height > upload.MOST_PIXELS else "bad-picture"
            self._fault(code, str(error), "send a smaller JPEG")
            return
        now = now_us()
        taken = packet.time_us if now - OLDEST <= packet.time_us <= now else now
        self._studio.player.offer(
            self._camera,
            lambda index: upload.decoded(jpeg, capture, index=index, time_us=taken),
            width=capture.width,
            height=capture.height,
            time_us=taken,
        )

    def _read(self, text: str) -> dict[str, Any]:
        if len(text) > TEXT_CHARACTERS:
            raise Broken(f"a text message has at most {TEXT_CHARACTERS} characters")
        try:
            message = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Broken("a text message is not JSON") from error
        if not isinstance(message, dict) or not isinstance(message.get("t"), str):
            raise Broken("a text message is not an object with a type t")
        return message

    def _fault(self, code: str, text: str, hint: str) -> None:
        now = time.monotonic()
        self._faults.append(now)
        while now - self._faults[0] > FORGIVEN:
            self._faults.popleft()
        if len(self._faults) > MOST_FAULTS:
            raise Broken(f"{MOST_FAULTS} messages in {FORGIVEN:g} s made no sense")
        self._client.tell(t="error", code=code, msg=text, hint=hint)

    def _hello(self, message: dict[str, Any]) -> None:
        role, client, studio = message.get("role"), self._client, self._studio
        if role not in ("viewer", "camera", "both"):
            raise Broken("the role in hello is not viewer, camera or both")
        client.role = role
        client.saves_data = message.get("save_data") is True
        self._note_codecs(message.get("codecs"))
        client.name = str(message.get("name") or f"camera of client {client.number}")[:NAME_CHARACTERS]
        cameras = sum(other.is_camera for other in studio.hub.clients) - client.is_camera
        if client.is_camera and cameras < MOST_CAMERAS:
            kind: SourceKind = "screen" if message.get("kind") == "screen" else "camera"
            self._camera = studio.player.add_camera(client.number, client.name, kind)
        client.tell(**studio.hello(client, self._camera))
        client.tell(t="config", settings=studio.engine.settings.nested())
        client.tell(t="sources", sources=studio.player.described())
        if client.is_camera and self._camera is None:
            self._fault("no-camera", f"{MOST_CAMERAS} cameras are connected already", "close one of them")
        client.choose(studio.engine.settings)
        studio.hub.update()
        studio.engine.refresh()

    def _note_codecs(self, codecs: Any) -> None:
        """Which films the client can show."""
        known = codecs if isinstance(codecs, list) else []
        self._client.film = depth_codec_for(known) if self._studio.engine.makes_film else None

    def _ack(self, message: dict[str, Any]) -> None:
        decoded = message.get("decoded")
        unpacking = 0.0
        if isinstance(decoded, (int, float)) and 0 <= decoded < 1e3 * LONGEST:
            unpacking = decoded / 1e3
        self._studio.hub.acknowledge(self._client, _whole(message, "seq"), unpacking=unpacking)

    def _set(self, message: dict[str, Any]) -> None:
        path = message.get("path")
        if not isinstance(path, str):
            raise SettingsError("set has no path")
        self._studio.set(path, message.get("value"))

    def _want(self, message: dict[str, Any]) -> None:
        kind = message.get("kind")
        if kind not in ("rgbd", "splat16", "points16"):
            raise SettingsError(f"one can want rgbd, splat16 or points16, not {kind!r}")
        if kind not in self._studio.payloads:
            what = "makes no Gaussians" if kind == "splat16" else "puts no cameras together"
            self._fault("not-available", f"the model {what}", "start the server with one that does")
            return
        if "codecs" in message:
            self._note_codecs(message["codecs"])
        self._studio.hub.want(self._client, kind)
        self._studio.engine.repeat()
        self._studio.engine.refresh()

    def _source(self, message: dict[str, Any]) -> None:
        number = _whole(message, "id")
        source = next((each for each in self._studio.player.described() if each["id"] == number), None)
        if source is None:
            self._fault("unknown-source", f"no source has the number {number}", "")
            return
        if source["unavailable"] is not None:
            self._fault("not-available", source["unavailable"], "")
            return
        self._studio.player.select(number)

    def _play(self, _: dict[str, Any]) -> None:
        self._look_at_present()
        self._studio.player.play()

    def _pause(self, _: dict[str, Any]) -> None:
        self._studio.player.pause()

    def _seek(self, message: dict[str, Any]) -> None:
        self._studio.player.seek(_seconds(message, "to"))

    def _step(self, message: dict[str, Any]) -> None:
        frames = _whole(message, "frames") if "frames" in message else 1
        self._studio.player.step(max(min(frames, 250), -250))

    def _record(self, message: dict[str, Any]) -> None:
        studio = self._studio
        if not isinstance(message.get("on"), bool):
            raise SettingsError(f"on is true or false, not {message.get('on')!r}")
        try:
            studio.recorder.start() if message["on"] else studio.recorder.stop(patience=PATIENCE)
        except TargetError as error:
            self._fault("not-available", str(error), "make room on the server's disk")
            return
        studio.hub.update()
        studio.engine.refresh()
        studio.tell_recording()

    def _key_frame(self, _: dict[str, Any]) -> None:
        if self._past is not None:
            self._show_past(self._past)
        else:
            if self._client.gets_film:
                self._studio.hub.lose_film(self._client)
            self._studio.engine.refresh()

    def _scrub(self, message: dict[str, Any]) -> None:
        seconds = _seconds(message, "seconds")
        if seconds < 0:
            raise SettingsError(f"one looks back, not {-seconds:g} s ahead")
        self._held = self._held or self._studio.ring.hold()
        if self._held is None:
            self._fault("not-available", "there is nothing to look back at", "wait a moment, and try again")
            return
        self._past, found = self._held.back(seconds)
        self._client.is_held = True
        self._studio.hub.update()
        self._show_past(self._past)
        self._client.tell(t="past", seconds=round(found, 2), span=round(self._held.seconds, 2))

    def _show_past(self, past: Past) -> None:
        data = past.packets.get(self._client.payload) or next(iter(past.packets.values()))
        sequence = self._studio.engine.next_sequence()
        self._client.offer(sequence, restamped(data, sequence=sequence, is_still=True))

    def _look_at_present(self) -> None:
        if self._held is None:
            return
        self._held.release()
        self._held = self._past = None
        self._client.is_held = False
        self._studio.hub.update()
        self._studio.engine.refresh()

    def _snapshot(self, _: dict[str, Any]) -> None:
        snapshots, newest, past = self._studio.snapshots, self._studio.engine.newest, self._past
        if snapshots is None:
            self._fault("not-available", "this server keeps no pictures", "start it with --output-dir")
            return
        if past is not None:
            if "rgbd" not in past.packets:
                self._fault(
                    "not-available", "no picture was sent with this frame", "look at another, or at what is live"
                )
                return
            data = past.packets["rgbd"]
            has_begun = snapshots.save(lambda: depth_frame(parse(data)), self._tell_saved)
        elif newest is not None:
            has_begun = snapshots.save(newest.item, self._tell_saved)
        else:
            self._fault("not-available", "nothing is shown that could be saved", "choose a source first")
            return
        if not has_begun:
            self._fault("not-available", "a picture is being saved", "wait until it is done")

    def _tell_saved(self, saved: Saved) -> None:
        """By the thread that saved it."""
        folder = str(saved.folder)
        message = {"t": "snapshot", "files": list(saved.files), "folder": folder, "msg": saved.message}
        self._studio.hub.call(lambda: self._client.tell(**message))

    def _capture(self, _: dict[str, Any]) -> None:
        studio = self._studio
        capturer, fov = studio.capturer, studio.engine.settings.camera_fov
        arrival, was_sent = self._looked_at()
        if capturer is None:
            self._fault("not-available", "this server makes no captures of higher quality", "")
        elif arrival is None and was_sent:
            self._fault("not-available", "no picture was sent with this frame", "look at another, or at what is live")
        elif arrival is None:
            self._fault("not-available", "nothing is shown that could be captured", "choose a source first")
        else:
            camera = None if fov is None else CameraSettings(fov_x_deg=fov)
            has_begun = capturer.start(
                arrival, camera, lambda step: studio.hub.call(self._captured, step), was_sent=was_sent
            )
            if not has_begun:
                self._fault("not-available", "another capture is being made", "wait until it is done")

    def _looked_at(self) -> tuple[Arrival | None, bool]:
        """The picture this client is shown, and whether only what was sent of it is left (past, recordings)."""
        if self._past is not None:
            data = self._past.packets.get("rgbd")
            return None if data is None else sent_picture(data), True
        engine = self._studio.engine
        arrival = engine.shown
        if arrival is not None:
            return arrival, False
        replayed = engine.replayed
        return replayed, replayed is not None

    def _captured(self, step: Step) -> None:
        url = f"files/{step.archive}" if step.archive else None
        self._client.tell(t="capture", state=step.state, progress=step.progress, url=url, msg=step.message)
        if step.packet is not None and self._client.is_viewer:
            self._client.send(*step.packet)

    def _ping(self, message: dict[str, Any]) -> None:
        stamp = message.get("ts")
        self._client.tell(t="pong", ts=stamp if isinstance(stamp, (int, float, str)) else None, now=now_us())

    def _pong(self, message: dict[str, Any]) -> None:
        stamp = message.get("ts")
        if isinstance(stamp, int) and 0 <= now_us() - stamp < OLDEST:
            self._client.round_trip = (now_us() - stamp) / 1e6

    _ANSWERS: dict[str, Callable[["Session", dict[str, Any]], None]] = {  # noqa: RUF012 - a table, never changed
        "ack": _ack,
        "set": _set,
        "want": _want,
        "source": _source,
        "play": _play,
        "pause": _pause,
        "seek": _seek,
        "step": _step,
        "record": _record,
        "key_frame": _key_frame,
        "scrub": _scrub,
        "snapshot": _snapshot,
        "capture": _capture,
        "ping": _ping,
        "pong": _pong,
    }


def _seconds(message: dict[str, Any], name: str) -> float:
    value = message.get(name)
    # Compared before it is converted: JSON's whole numbers may be larger than any float.
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not -LONGEST <= value <= LONGEST:
        raise SettingsError(f"{name} is a number of seconds, not {str(value)[:40]}")
    return float(value)


def _whole(message: dict[str, Any], name: str) -> int:
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise SettingsError(f"{name} is a whole number, not {value!r}")
    return value
