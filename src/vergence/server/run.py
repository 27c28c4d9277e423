"""Serving until someone says stop: the port, the address to open, a clean end."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlencode

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from vergence.errors import SettingsError
from vergence.server.app import Outputs, create_app, say_goodbye
from vergence.server.capture import Capturer
from vergence.server.engine import Engine
from vergence.server.hub import MOST_CLIENTS, Hub
from vergence.server.invite import Door
from vergence.server.player import Player
from vergence.server.security import Access
from vergence.server.session import MESSAGE_BYTES
from vergence.server.tls import Certificate, own_addresses, own_certificate

logger = logging.getLogger(__name__)

PING = 15.0  # s between pings of the protocol: proxies cut what is silent for 30 and more
PATIENCE = 10.0  # s in which a connection says what it wants
GRACE = 3  # s for connections to end
BACKLOG = 256
PORT = 8123


@dataclass(frozen=True)
class ServeSettings:
    """Where and for whom a server runs.

    Attributes:
        host: address to bind; only this machine unless told otherwise.
        port: 0 for any that is free; None for `PORT`, or another where that is taken.
        access: who is let in.
        is_encrypted: serve https, with a certificate of our own where none is given.
        certificate, key: PEM files of one's own.
        folder: where a certificate of our own is kept.
        most_clients: at once.
        root_path: under which path a proxy shows the server, where it does not take it off.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    access: Access = field(default_factory=Access)
    is_encrypted: bool = False
    certificate: Path | None = None
    key: Path | None = None
    folder: Path = Path()
    most_clients: int = MOST_CLIENTS
    root_path: str = ""

    def __post_init__(self) -> None:
        if self.port is not None and not 0 <= self.port <= 65535:
            raise SettingsError(f"a port lies between 0 and 65535, not {self.port}")
        if (self.certificate is None) != (self.key is None):
            raise SettingsError("a certificate of your own needs its key, and the key its certificate")
        if self.most_clients < 1:
            raise SettingsError(f"at least 1 client must be allowed, not {self.most_clients}")


@dataclass(frozen=True)
class Serving:
    """What is told once the port is open.

    Attributes:
        url: for a browser on this machine, token and all.
        elsewhere: for browsers on other machines; none where only this one can reach it.
        fingerprint: of our own certificate, as browsers show it.
    """

    url: str
    elsewhere: tuple[str, ...]
    fingerprint: str | None


def serve(
    engine: Engine,
    player: Player,
    settings: ServeSettings,
    *,
    capturer: Capturer | None = None,
    outputs: Outputs | None = None,
    fragment: dict[str, str] | None = None,
    asked: str | None = None,
    tell: Callable[[Serving], None],
) -> None:
    """Serve until Ctrl-C or SIGTERM; every client is told goodbye.

    Args:
        engine, player: what is served.
        settings: where and for whom.
        capturer: makes captures of higher quality.
        outputs: what is made of the stream besides.
        fragment: what the page is told besides the token, such as the first view.
        asked: the model that was asked for, where a smaller one had to take its place.
        tell: called once the port is open.

    Raises:
        SettingsError: the port is taken, or the address is not of this machine.
        TargetError: a certificate cannot be written.
    """
    addresses = _addresses(settings.host)
    certificate = _certificate(settings, addresses)
    with _bound(settings.host, settings.port) as listening:
        port = listening.getsockname()[1]
        scheme = "https" if certificate else "http"
        folder = f"{settings.root_path.rstrip('/')}/"
        elsewhere = tuple(f"{scheme}://{_in_url(address)}:{port}{folder}" for address in addresses)
        is_ours = certificate is not None and settings.certificate is None
        fingerprint = certificate.fingerprint if certificate and is_ours else None
        hub = Hub(most_clients=settings.most_clients)
        config = uvicorn.Config(
            create_app(
                engine,
                player,
                access=settings.access,
                hub=hub,
                capturer=capturer,
                outputs=outputs,
                door=Door(elsewhere, fingerprint),
                asked=asked,
            ),
            ws=_Connection,
            http=_Request,
            ws_max_size=MESSAGE_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=PING,
            ws_ping_timeout=2 * PING,
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            root_path=settings.root_path,
            timeout_graceful_shutdown=GRACE,
            limit_concurrency=8 * settings.most_clients + 64,
            ssl_certfile=str(certificate.certificate) if certificate else None,
            ssl_keyfile=str(certificate.key) if certificate else None,
        )
        words = urlencode({"t": settings.access.token, **(fragment or {})})
        here = "localhost" if _is_open(settings.host) else settings.host
        said = Serving(
            url=f"{scheme}://{_in_url(here)}:{port}/#{words}",
            elsewhere=tuple(f"{page}#{words}" for page in elsewhere),
            fingerprint=fingerprint,
        )
        server = _Server(config, hub, lambda: tell(said))
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:
            logger.debug("stopped")


class _Request(H11Protocol):
    """A connection that has to ask for something soon, or is closed: else who asks for nothing keeps others out."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(PATIENCE, self._close_if_silent)

    def _close_if_silent(self) -> None:
        has_asked = getattr(self, "cycle", None) is not None
        if not has_asked and not self.transport.is_closing() and self.transport.get_protocol() is self:
            self.transport.close()


class _Connection(WebSocketsSansIOProtocol):
    """A WebSocket that can be shut down also while it is closing, which uvicorn 0.54 does not expect."""

    def shutdown(self) -> None:
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()


class _Server(uvicorn.Server):
    """Tells when it listens, and says goodbye before it ends."""

    def __init__(self, config: uvicorn.Config, hub: Hub, tell: Callable[[], None]) -> None:
        super().__init__(config)
        self._hub, self._tell = hub, tell

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second Ctrl-C would break off what ends within seconds, a recording among it."""
        if not self.should_exit:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await say_goodbye(self._hub)
        await super().shutdown(sockets)


def _certificate(settings: ServeSettings, addresses: list[str]) -> Certificate | None:
    if settings.certificate is not None and settings.key is not None:
        return Certificate(settings.certificate, settings.key, "")
    if not settings.is_encrypted:
        return None
    names = {"localhost", "127.0.0.1", socket.gethostname(), *addresses}
    names |= {name.partition(":")[0] for name in settings.access.names}
    if not _is_open(settings.host):
        names.add(settings.host)
    return own_certificate(settings.folder, names)


def _bound(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for each in (PORT, 0) if port is None else (port,):
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, each))
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            if each == PORT and port is None:
                continue
            raise SettingsError(
                f"cannot listen on {host} port {each}: {error.strerror or error}; choose others with --host and --port"
            ) from error
        listening.setblocking(False)
        return listening
    raise AssertionError


def _is_open(host: str) -> bool:
    """Whether a server bound to it can be reached on all of this machine's addresses."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _addresses(host: str) -> list[str]:
    """Under which addresses other machines reach a server that is bound to `host`."""
    if _is_open(host):
        return [address for address in own_addresses() if ":" in host or ":" not in address]
    return [host] if _is_public(host) else []


def _is_public(host: str) -> bool:
    """Whether it is an address at which other machines may find this one."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
