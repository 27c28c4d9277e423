"""The web application: the page, the WebSocket, health and metrics. Nothing of it lives in the module."""

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from vergence.server.capture import Capturer
from vergence.server.compat import OldClients
from vergence.server.engine import Engine
from vergence.server.eyes import Eyes
from vergence.server.hub import GOING_AWAY, NORMAL, POLICY, TRY_LATER, Closing, Hub
from vergence.server.invite import ROLES, Door, invitation
from vergence.server.player import Player
from vergence.server.players import player_routes
from vergence.server.protocol import NAME
from vergence.server.recorder import Recorder
from vergence.server.security import HEADERS, PREFIX, Access
from vergence.server.session import MESSAGE_BYTES, Broken, Session, Studio
from vergence.server.snapshot import Snapshots
from vergence.server.virtual import VirtualOutput

logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"  # the built viewer
NO_VIEWER = "the viewer is not in this installation; in a checkout run `make web`"
NEEDED = "needed is the token, as Authorization: Bearer, or the page's cookie"
PROTOCOL_ERROR, TOO_LONG = 1002, 1009  # RFC 6455, 7.4
TICK = 1.0  # s
LOGIN_BYTES = 1024


@dataclass(frozen=True)
class Outputs:
    """What is made of the stream besides packets; None: it is not.

    Attributes:
        eyes: both eyes for players; None for new ones.
        snapshots: keeps frames on this machine.
        recorder: records the stream; None for one whose files go with the server.
        record_to: record to this file from the beginning to the end.
        overwrite: replace what lies there.
        virtual_camera: shows `eyes` to other programs; started and stopped with the application.
        old_clients: speaks with those that do not know `vergence.v1`.
    """

    eyes: Eyes | None = None
    snapshots: Snapshots | None = None
    recorder: Recorder | None = None
    record_to: Path | None = None
    overwrite: bool = False
    virtual_camera: VirtualOutput | None = None
    old_clients: OldClients | None = None


def create_app(
    engine: Engine,
    player: Player,
    *,
    access: Access,
    hub: Hub | None = None,
    capturer: Capturer | None = None,
    outputs: Outputs | None = None,
    door: Door | None = None,
    asked: str | None = None,
    static: Path = STATIC,
) -> Starlette:
    """Make the application; the engine and the player run from its start to its end.

    Args:
        engine: makes the packets.
        player: feeds it.
        access: who is let in.
        hub: the clients; None for a new one.
        capturer: makes captures of higher quality; None where there are none. Closed with the application.
        outputs: what is made of the stream besides.
        door: where other devices reach it; None where they do not.
        asked: the model that was asked for, where a smaller one had to take its place; viewers are told.
        static: where the built viewer lies.
    """
    hub, outputs = hub or Hub(), outputs or Outputs()
    studio = Studio(
        engine, player, hub, session=secrets.token_hex(4), capturer=capturer, eyes=outputs.eyes,
        snapshots=outputs.snapshots, recorder=outputs.recorder, asked=asked,
    )  # fmt: skip
    old = outputs.old_clients
    if old is not None:
        hub.taps.append(old)
        engine.listeners.append(old.hear)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        hub.bind(asyncio.get_running_loop())
        engine.start(hub)
        player.start()
        if outputs.virtual_camera is not None:
            outputs.virtual_camera.start()
        if outputs.record_to is not None:
            studio.recorder.start(outputs.record_to, overwrite=outputs.overwrite)
        ticking = asyncio.create_task(_tick(studio))
        try:
            yield
        finally:
            ticking.cancel()
            if outputs.virtual_camera is not None:
                await asyncio.to_thread(outputs.virtual_camera.stop)
            await asyncio.to_thread(player.stop)
            await asyncio.to_thread(engine.stop)
            studio.close()

    routes = [
        WebSocketRoute("/ws", _live),
        Route("/", _page),
        Route("/login", _login, methods=["POST"]),
        Route("/healthz", _health),
        Route("/metrics", _metrics),
        Route("/invite", _invite),
        Route("/files/{name}", _file),
        *player_routes(studio.eyes, is_known=_is_known_player, is_over=lambda: hub.is_stopping),
        Mount(
            "/",
            StaticFiles(directory=static, check_dir=False) if static.is_dir() else PlainTextResponse(NO_VIEWER, 404),
        ),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(_Guard, access=access)])
    app.state.studio, app.state.access, app.state.static, app.state.old = studio, access, static, old
    app.state.door = door or Door()
    return app


async def say_goodbye(hub: Hub) -> None:
    """Tell every client that the server stops, and give the messages a moment to leave."""
    hub.is_stopping = True
    for client in hub.clients:
        client.tell(t="bye", code="stopping", msg="the server has been stopped")
        client.close(GOING_AWAY, "the server stops")
    for _ in range(20):
        if not hub.clients:
            return
        await asyncio.sleep(0.05)


class _Guard:
    """Refuses hosts that are not ours, and puts the headers on every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host")
        if not self._access.answers_to(host):
            logger.warning("refused a connection to the name %r; --allow-host says which are ours", host)
            await _refuse(scope, receive, send, "this server does not answer to that name; see --allow-host")
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self._app(scope, receive, send_guarded)


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    if scope["type"] == "http":
        await PlainTextResponse(why, 403)(scope, receive, send)
    else:
        await WebSocket(scope, receive, send).close(POLICY, why)  # before it is accepted: HTTP 403


async def _page(request: Request) -> Response:
    """The viewer; `?token=` is changed for the cookie, so that it does not stay in the address."""
    token = request.query_params.get("token")
    if token is not None:
        if not request.app.state.access.knows_token(token):
            return PlainTextResponse("wrong token", 403)
        return _with_cookie(request, RedirectResponse("./", 303))
    index = request.app.state.static / "index.html"
    if not index.is_file():
        return PlainTextResponse(NO_VIEWER, 404)
    return Response(index.read_bytes(), media_type="text/html")


async def _login(request: Request) -> Response:
    access: Access = request.app.state.access
    origin = request.headers.get("origin")
    if origin is not None and not access.is_own_page(origin, request.headers.get("host")):
        return PlainTextResponse("this page is not ours", 403)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LOGIN_BYTES:
            return PlainTextResponse("too long", 413)
    try:
        token = json.loads(body)["token"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return PlainTextResponse('needed is {"token": "..."}', 400)
    if not isinstance(token, str) or not access.knows_token(token):
        return PlainTextResponse("wrong token", 403)
    return _with_cookie(request, Response(status_code=204))


def _with_cookie(request: Request, response: Response) -> Response:
    access: Access = request.app.state.access
    response.set_cookie(
        access.cookie_name,
        access.cookie_value,
        path=None,  # the folder of the page: behind a proxy it need not be the root
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


async def _health(request: Request) -> Response:
    studio: Studio = request.app.state.studio
    is_well = studio.engine.is_busy
    return JSONResponse({"status": "ok" if is_well else "failed"}, 200 if is_well else 503)


def _is_known(request: Request) -> bool:
    """Whether a request brings the token or the cookie."""
    access: Access = request.app.state.access
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return access.knows_token(bearer) or access.has_cookie(request.cookies)


def _is_known_player(request: Request) -> bool:
    """The same, or the token in the address: players have neither headers nor cookies."""
    access: Access = request.app.state.access
    return access.knows_token(request.query_params.get("token", "")) or _is_known(request)


async def _file(request: Request) -> Response:
    """The archive of a capture, or a recording."""
    if not _is_known(request):
        return PlainTextResponse(NEEDED, 403)
    studio: Studio = request.app.state.studio
    name = request.path_params["name"]
    path = studio.file(name)
    return PlainTextResponse("there is no such file", 404) if path is None else FileResponse(path, filename=name)


async def _invite(request: Request) -> Response:
    """The way in for another device; it holds the token."""
    if not _is_known(request):
        return PlainTextResponse(NEEDED, 403)
    role = request.query_params.get("role", "both")
    if role not in ROLES:
        return PlainTextResponse(f"a role is one of {', '.join(ROLES)}", 400)
    answer = invitation(
        request.app.state.door, request.app.state.access, role=role, page=request.query_params.get("page")
    )
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def _metrics(request: Request) -> Response:
    """In the text format of Prometheus."""
    studio: Studio = request.app.state.studio
    if not _is_known(request):
        return PlainTextResponse(NEEDED, 403)
    clients = studio.hub.clients
    values = {
        "vergence_frames_per_second": studio.engine.fps,
        "vergence_clients": len(clients),
        "vergence_viewers": sum(client.is_viewer for client in clients),
        "vergence_frames_total": studio.engine.frames,
        "vergence_bytes_last_packet": studio.engine.last_bytes,
    }
    lines = [
        f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}\n{name} {value:g}"
        for name, value in values.items()
    ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


async def _live(socket: WebSocket) -> None:
    access: Access = socket.app.state.access
    studio: Studio = socket.app.state.studio
    origin, host = socket.headers.get("origin"), socket.headers.get("host")
    offered = socket.scope.get("subprotocols", [])
    is_ours = origin is None or access.is_own_page(origin, host)
    old: OldClients | None = socket.app.state.old
    if old is not None and not offered and is_ours:
        is_known = access.knows_token(socket.query_params.get("token", ""))
        if is_known or (origin is not None and access.has_cookie(socket.cookies)):
            await _serve_old(socket, old)
            return
    if not is_ours or not access.lets_in(origin=origin, cookies=socket.cookies, protocols=offered):
        await socket.close(POLICY)  # before it is accepted: HTTP 403
        return
    if NAME not in offered:
        own = next((name for name in offered if not name.startswith(PREFIX)), None)
        await socket.accept(subprotocol=own)
        await socket.close(PROTOCOL_ERROR, f"this server speaks {NAME} only: reload the page")
        return
    await socket.accept(subprotocol=NAME)
    if studio.hub.is_full:
        await socket.close(TRY_LATER, f"{studio.hub.most_clients} clients are connected already")
        return
    client = studio.hub.join()
    session = Session(studio, client)
    listening = asyncio.create_task(_listen(socket, session))
    pumping = asyncio.create_task(client.pump(socket))
    try:
        done, _ = await asyncio.wait({listening, pumping}, return_when=asyncio.FIRST_COMPLETED)
        closing = Closing(NORMAL, "")
        for task in done:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
                closing = task.result() or closing
        if closing.code != NORMAL and pumping not in done:
            client.close(closing.code, closing.reason)
            with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
                await asyncio.wait_for(pumping, 1.0)  # what was said before
        if socket.client_state == WebSocketState.CONNECTED and socket.application_state == WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError, OSError, TimeoutError):
                await asyncio.wait_for(socket.close(closing.code, closing.reason), 2.0)
    finally:
        session.leave()
        for task in (listening, pumping):
            task.cancel()
        ended, _ = await asyncio.wait({listening, pumping})
        for task in ended:
            if not task.cancelled() and isinstance(error := task.exception(), Exception):
                logger.debug("a connection ended by %r", error)


async def _serve_old(socket: WebSocket, old: OldClients) -> None:
    await socket.accept()
    if old.is_full:
        await socket.close(TRY_LATER, "too many clients are connected already")
        return
    client = old.join()
    tasks = {
        asyncio.create_task(client.listen(socket, most_bytes=MESSAGE_BYTES)),
        asyncio.create_task(client.pump(socket)),
    }
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        client.leave()
        for task in tasks:
            task.cancel()
        for task in (await asyncio.wait(tasks))[0]:
            if not task.cancelled() and isinstance(error := task.exception(), Exception):
                logger.debug("a connection ended by %r", error)


async def _listen(socket: WebSocket, session: Session) -> Closing | None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text, data = message.get("text"), message.get("bytes")
        try:
            if text is not None:
                session.text(text)
            elif data is not None and len(data) <= MESSAGE_BYTES:
                session.data(data)
            else:
                return Closing(TOO_LONG, f"a message has at most {MESSAGE_BYTES} bytes")
        except Broken as why:
            return Closing(POLICY, str(why))


async def _tick(studio: Studio) -> None:
    while True:
        await asyncio.sleep(TICK)
        try:
            studio.tick()
        except Exception:
            logger.exception("statistics failed")
