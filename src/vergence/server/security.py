"""Who may speak with the server: a token, by a cookie or a sub-protocol, and the names it answers to.

A page from elsewhere must not reach a server on the user's own machine: `Host` has to be an address or a name of ours
(a hostile name can be made to point at 127.0.0.1), and `Origin` has to be our own (a hostile page can open a WebSocket
to anywhere, with our cookie).
"""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vergence.errors import SettingsError

TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")  # what may stand in a WebSocket's sub-protocol and in a fragment
OWN_NAMES = ("localhost",)
PREFIX = "token."  # of the sub-protocol that carries it

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' blob: data:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), display-capture=(self), xr-spatial-tracking=(self), fullscreen=(self)",
}


def new_token() -> str:
    """128 bits nobody can guess."""
    return secrets.token_urlsafe(16)


@dataclass(frozen=True)
class Access:
    """Who is let in.

    Attributes:
        token: what a client has to know.
        names: host names the server answers to besides addresses and localhost, each as `name` or `name:port`; pages
            served from them may connect too, such as through a proxy.

    Raises:
        SettingsError: the token is too short, or has characters that would have to be escaped.
    """

    token: str = field(default_factory=new_token)
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not TOKEN.fullmatch(self.token):
            raise SettingsError("a token is 16 to 128 letters, digits, - and _; leave it out to have one made")

    @property
    def cookie_name(self) -> str:
        """Another one for every token, since cookies do not tell ports apart."""
        return f"vergence-{hashlib.sha256(self.token.encode()).hexdigest()[:8]}"

    @property
    def cookie_value(self) -> str:
        """Proof of the token without being it."""
        return hmac.new(self.token.encode(), b"vergence live", hashlib.sha256).hexdigest()

    def answers_to(self, host: str | None) -> bool:
        """Whether a `Host` header names this server."""
        name = _name_of(host)
        if not name:
            return False
        return name in OWN_NAMES or _is_address(name) or self._is_listed(host)

    def is_own_page(self, origin: str, host: str | None) -> bool:
        """Whether a page of this `Origin` came from the server that `Host` names, or from a name on the list."""
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or not parts.netloc:
            return False
        return parts.netloc.lower() == (host or "").lower() or self._is_listed(parts.netloc)

    def knows_token(self, token: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def has_cookie(self, cookies: Mapping[str, str]) -> bool:
        """Whether a browser has shown the token before."""
        return hmac.compare_digest(cookies.get(self.cookie_name, "").encode(), self.cookie_value.encode())

    def lets_in(self, *, origin: str | None, cookies: Mapping[str, str], protocols: Iterable[str]) -> bool:
        """Whether a WebSocket may open: by its sub-protocols, or, from a page, by its cookie."""
        offered = [name.removeprefix(PREFIX) for name in protocols if name.startswith(PREFIX)]
        return any(map(self.knows_token, offered)) or (origin is not None and self.has_cookie(cookies))

    def _is_listed(self, host: str | None) -> bool:
        return bool(host) and bool({(host or "").lower(), _name_of(host)} & {name.lower() for name in self.names})


def _name_of(host: str | None) -> str:
    """The name of a `Host` header without its port, in small letters; "" where it makes no sense."""
    try:
        return urlsplit(f"//{host}").hostname or "" if host and not set(host) & set("/\\@?# ") else ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
