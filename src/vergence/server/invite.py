"""An invitation for another device, such as a phone that is to be a camera: an address it can reach, as a QR code."""

import ipaddress
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlencode, urlsplit

import segno

from vergence.server.security import Access

Role = Literal["viewer", "camera", "both"]

ROLES: tuple[Role, ...] = get_args(Role)
FRAGMENTS: dict[Role, dict[str, str]] = {"viewer": {}, "both": {"camera": "1"}, "camera": {"camera": "only"}}
COMMAND = "vergence live --host 0.0.0.0 --tls"  # what lets other devices in
PAGE_CHARACTERS = 512


@dataclass(frozen=True)
class Door:
    """Where other machines reach the server.

    Attributes:
        pages: addresses of its page, without a fragment, the likeliest first; none where only this machine can.
        fingerprint: of our own certificate, as browsers show it.
    """

    pages: tuple[str, ...] = ()
    fingerprint: str | None = None


def invitation(door: Door, access: Access, *, role: Role, page: str | None = None) -> dict[str, Any]:
    """What `/invite` of docs/protocol.md answers.

    Args:
        door: of the server.
        access: of the server; its token goes into the address.
        role: what the other device is to be.
        page: where the one who asks has opened the page. It is preferred where other devices could open it there too,
            such as through a proxy.
    """
    found = page if page is not None and _is_public(page, access) else next(iter(door.pages), None)
    answer: dict[str, Any] = {"role": role, "url": None, "code": None, "is_secure": False, "fingerprint": None}
    if found is None:
        return answer | {"command": COMMAND}
    url = f"{found.partition('#')[0].partition('?')[0]}#{urlencode({'t': access.token, **FRAGMENTS[role]})}"
    code = segno.make(url, error="m", micro=False)
    return answer | {
        "url": url,
        "code": code.svg_data_uri(scale=4, border=3, dark="#000", light="#fff"),
        "is_secure": url.startswith("https:"),
        "fingerprint": door.fingerprint,
        "command": COMMAND,
    }


def _is_public(page: str, access: Access) -> bool:
    """Whether an address is one of ours, and not only this machine's."""
    if len(page) > PAGE_CHARACTERS:
        return False
    try:
        parts = urlsplit(page)
        name = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not access.answers_to(parts.netloc):
        return False
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name != "localhost"
    return not (address.is_loopback or address.is_unspecified)
