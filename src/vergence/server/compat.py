"""Clients of an older server that streamed point clouds as msgpack: what they say, and what they are answered.

They offer no sub-protocol. Up come pictures as bare JPEG messages and `{type: "register_role" | "ping"}` as JSON; down
go msgpack messages of `type` "pointcloud" or "gaussians", and as JSON "pong", "ping" and "camera_list". Their points
are x right, y up, z forward. They acknowledge nothing: each has one message on its way and room for one more, the
newest. docs/protocol.md has the fields.
"""

import asyncio
import importlib.util
import io
import json
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from vergence.errors import MediaError, ModelError
from vergence.geometry.project import unproject
from vergence.server import upload
from vergence.server.adaptation import Quality
from vergence.server.engine import Engine
from vergence.server.hub import Published
from vergence.server.player import TOGETHER, Player
from vergence.server.points16 import unpacked_points
from vergence.server.protocol import Capture, ColourCodec, Packet, Points16, parse
from vergence.server.shown import Seen, now_us
from vergence.server.slot import IDLE, Slot
from vergence.server.unpack import depth_frame
from vergence.splats.harmonics import CONSTANT
from vergence.types import DepthFrame, Gaussians

logger = logging.getLogger(__name__)

Role = Literal["viewer", "camera", "both"]

SIDE = 168  # samples of depth the longer side has: every third of the 504 of the older server
QUALITY = Quality(bits=16, jpeg=95, side=SIDE)
SPLATS = Quality(bits=16, jpeg=0, side=0, payload="splat16")
MOST_SPLATS = MOST_POINTS = 250_000
CLOUD = Quality(bits=16, jpeg=0, side=0, payload="points16", points=MOST_POINTS)
PING = 15.0  # s: proxies close what is silent for 30
FIRST_NUMBER = 1000  # of such clients: other clients count from 1
THREAD_NAME = "vergence-compat"


class Socket(Protocol):
    """What is needed of a WebSocket."""

    async def receive(self) -> Any: ...
    async def send_text(self, data: str) -> None: ...
    async def send_bytes(self, data: bytes) -> None: ...


class OldClients:
    """All clients of the older kind; a tap of the hub and a listener of the engine.

    Args:
        engine, player: what they watch and feed.
        most_clients: at once.

    Raises:
        ModelError: when made: msgpack is not installed.
    """

    def __init__(self, engine: Engine, player: Player, *, most_clients: int = 16) -> None:
        if importlib.util.find_spec("msgpack") is None:
            raise ModelError("--compat needs an extra: pip install 'vergence[compat]'")
        self._engine, self._player, self._most = engine, player, most_clients
        self._clients: dict[int, OldClient] = {}
        self._count = FIRST_NUMBER
        self._inbox: Slot[bytes | Gaussians] = Slot()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._has_splats = False

    @property
    def is_full(self) -> bool:
        return len(self._clients) >= self._most

    def join(self) -> "OldClient":
        """Take in a client; on the event loop, as everything about clients."""
        self._count += 1
        client = OldClient(self, self._count, asyncio.get_running_loop())
        self._clients[client.number] = client
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                self._thread.start()
        self.tell_cameras()
        return client

    def leave(self, client: "OldClient") -> None:
        """Forget a client."""
        self._clients.pop(client.number, None)
        if client.camera is not None:
            self._player.remove_camera(client.camera)
            self.tell_cameras()

    def add_camera(self, client: "OldClient") -> int:
        """A client has sent its first picture."""
        number = self._player.add_camera(client.number, f"camera of client {client.number}", "camera")
        # As there: what comes is shown, of several cameras all together.
        can_be_together = any(
            source["id"] == TOGETHER and source["unavailable"] is None for source in self._player.described()
        )
        if self._player.active != TOGETHER:
            self._player.select(TOGETHER if can_be_together else number)
        return number

    def offer(self, client: "OldClient", jpeg: bytes) -> None:
        """Take a client's picture; what is none is left out, as it always was."""
        try:
            capture = _described(jpeg)
            upload.check_jpeg(jpeg, capture)
        except MediaError as error:
            logger.debug("a picture was left out: %s", error)
            return
        if client.camera is None:
            client.camera = self.add_camera(client)
            self.tell_cameras()
        taken = now_us()
        self._player.offer(
            client.camera,
            lambda index: upload.decoded(jpeg, capture, index=index, time_us=taken),
            width=capture.width,
            height=capture.height,
            time_us=taken,
        )

    def tell_cameras(self) -> None:
        """Tell everyone which cameras there are."""
        cameras = [str(client.number) for client in self._clients.values() if client.camera is not None]
        for client in self._clients.values():
            client.say(type="camera_list", count=len(cameras), cameras=cameras)

    # As a tap and a listener, by other threads.

    @property
    def is_watching(self) -> bool:
        return any(client.is_viewer for client in list(self._clients.values()))

    def wanted(self) -> frozenset[Quality]:
        if not self.is_watching:
            return frozenset()
        return frozenset({QUALITY, CLOUD, SPLATS} if self._engine.makes_gaussians else {QUALITY, CLOUD})

    def take(self, frame: Published) -> None:
        """Take a frame's points, of several cameras all, where its Gaussians are not sent instead."""
        data = frame.packets.get(CLOUD) or frame.packets.get(QUALITY)
        if data is not None and self.is_watching and not self._has_splats:
            self._inbox.put(data)

    def hear(self, seen: Seen) -> None:
        """Take a frame's Gaussians."""
        self._has_splats = seen.gaussians is not None
        if seen.gaussians is not None and self.is_watching:
            self._inbox.put(seen.gaussians)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._clients:
                    self._thread = None
                    return
            found = self._inbox.take(IDLE)
            if found is None:
                continue
            try:
                if isinstance(found, Gaussians):
                    message = gaussians_message(found)
                else:
                    packet = parse(found)
                    is_cloud = isinstance(packet.extension, Points16)
                    message = cloud_message(packet) if is_cloud else pointcloud_message(depth_frame(packet))
            except Exception:
                logger.exception("a message for older clients failed")
                continue
            for client in list(self._clients.values()):
                if client.is_viewer:
                    client.show(message)


class OldClient:
    """One of them."""

    def __init__(self, all_of_them: OldClients, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.number = number
        self.role: Role = "both"  # until it says
        self.camera: int | None = None
        self._all, self._loop = all_of_them, loop
        self._texts: list[str] = []
        self._waiting: bytes | None = None
        self._changed = asyncio.Event()

    @property
    def is_viewer(self) -> bool:
        return self.role in ("viewer", "both")

    def say(self, **message: Any) -> None:
        """Leave a text message; on the loop."""
        self._texts = [*self._texts[-15:], json.dumps(message)]
        self._changed.set()

    def show(self, message: bytes) -> None:
        """Leave a binary message in place of one that was not sent yet; by any thread."""

        def leave() -> None:
            self._waiting = message
            self._changed.set()

        self._call(leave)

    def _call(self, function: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # closed in between
            logger.debug("the loop has gone")

    async def listen(self, socket: Socket, *, most_bytes: int) -> None:
        """Do what it says until it goes."""
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text, data = message.get("text"), message.get("bytes")
            if text is not None:
                self._hear(text)
            elif data is not None and len(data) <= most_bytes:
                self._all.offer(self, data)

    async def pump(self, socket: Socket) -> None:
        """Send what waits, and a ping where nothing does."""
        while True:
            while self._texts:
                await socket.send_text(self._texts.pop(0))
            if self._waiting is not None:
                message, self._waiting = self._waiting, None
                await socket.send_bytes(message)
                continue
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), PING)
            except TimeoutError:
                self.say(type="ping")

    def leave(self) -> None:
        """It has gone."""
        self._all.leave(self)

    def _hear(self, text: str) -> None:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "ping":
            self.say(type="pong")
        elif kind == "register_role" and message.get("role") in ("viewer", "camera"):
            self.role = message["role"]
            self._all.tell_cameras()


def pointcloud_message(item: DepthFrame) -> bytes:
    """The message of a frame: where its depth is valid, at most about `SIDE` samples each way."""
    depth, frame = item.depth, item.frame
    height, width = depth.values.shape
    z = 1 / depth.values if depth.kind == "affine_inverse" else depth.values
    assert depth.intrinsics is not None  # an RGBD packet has one
    points = unproject(np.asarray(z, np.float32), depth.intrinsics)
    rows = ((np.arange(height) + 0.5) * (frame.height / height)).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * (frame.width / width)).astype(np.intp)
    colours = frame.rgb8[rows[:, None], columns]
    step = -(-max(width, height) // SIDE)
    thin = (slice(step // 2, None, step), slice(step // 2, None, step))
    chosen = depth.valid[thin]
    kept = points[thin][chosen].astype("<f4") * np.array([1, -1, 1], "<f4")
    return _packed(
        type="pointcloud", timestamp=_timestamp(), num_points=len(kept), num_views=1, points=kept.tobytes(),
        colors=np.ascontiguousarray(colours[thin][chosen]).tobytes(),
    )  # fmt: skip


def cloud_message(packet: Packet) -> bytes:
    """The message of all points of a POINTS16 packet."""
    points, colours = unpacked_points(packet)
    return _packed(
        type="pointcloud", timestamp=_timestamp(), num_points=len(points), num_views=1,
        points=_floats(points * np.array([1, -1, 1], np.float32)), colors=np.ascontiguousarray(colours).tobytes(),
    )  # fmt: skip


def gaussians_message(gaussians: Gaussians) -> bytes:
    """The message of Gaussians, the most opaque where there are too many; rotations are w, x, y, z."""
    order = np.argsort(-gaussians.opacities, kind="stable")[:MOST_SPLATS]
    # y the other way round is a reflection: of a rotation's axis the parts along x and z turn round.
    flip, turn = np.array([1, -1, 1], np.float32), np.array([1, -1, 1, -1], np.float32)
    shares = 0.5 + CONSTANT * gaussians.harmonics[order, 0]  # seen from anywhere
    colours = np.clip(shares * 255 + 0.5, 0, 255).astype(np.uint8)
    return _packed(
        type="gaussians", timestamp=_timestamp(), num_gaussians=len(order),
        means=_floats(gaussians.means[order] * flip), scales=_floats(gaussians.scales[order]),
        rotations=_floats(gaussians.rotations[order] * turn), opacities=_floats(gaussians.opacities[order]),
        colors=np.ascontiguousarray(colours).tobytes(),
    )  # fmt: skip


def _packed(**message: Any) -> bytes:
    import msgpack

    found: bytes = msgpack.packb(message, use_bin_type=True)
    return found


def _timestamp() -> str:
    return datetime.now().isoformat()


def _floats(values: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(values, "<f4").tobytes()


def _described(jpeg: bytes) -> Capture:
    """What a CAPTURE packet would say of it; raises `MediaError` where it is no JPEG."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            width, height = picture.size
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError("what was sent is no JPEG picture") from error
    return Capture(width, height, ColourCodec.JPEG, 0.0, len(jpeg))
