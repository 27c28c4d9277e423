"""Fetching one large file over HTTPS so that it is either there and whole, or not there.

Bytes gather in `<name>.part`, which a later try or run resumes; the finished file is checked, and only then gets its
name. What was learnt of it (address, size, SHA-256, the hub's word) is recorded beside it as `<name>.json`, which it is
held to from then on.

The hub tags each large file with its SHA-256, and other files with something else: a tag of 64 hexadecimal digits is
what the bytes must have, any other is only recorded. A server that is not the hub says nothing about checksums.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import socket
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO

from filelock import FileLock

from vergence.depth.cards import HubFile
from vergence.errors import WeightsError

logger = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes in all, None when the server does not say."""

HUB = "https://huggingface.co"
TRIES = 5  # in a row without one new byte
BACKOFF_SECONDS = 0.5  # before the second try, doubled for each one after
TIMEOUT_SECONDS = 20.0  # without a byte
CHUNK = 1 << 18  # bytes
PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP errors worth another try
SHA256 = re.compile(r"[0-9a-fA-F]{64}")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Record:
    """What is known of a file.

    Attributes:
        url: where it came from.
        size, sha256: of its bytes; hexadecimal.
        etag: the tag of this version, of the server that sent the bytes.
        hub_etag: the hub's own tag of it, bare; where that is a SHA-256, the bytes were found to have it.
    """

    url: str | None = None
    size: int | None = None
    sha256: str | None = None
    etag: str | None = None
    hub_etag: str | None = None


class _TransientError(Exception):
    """A fault that the next try may not meet."""


class _StaleError(_TransientError):
    """The bytes gathered so far are of no use."""


def address(source: HubFile | str) -> str:
    """The URL of a source; files of the hub come from `$HF_ENDPOINT` where that is set."""
    if isinstance(source, str):
        return source
    return f"{_hub()}/{source.repo}/resolve/{source.revision}/{urllib.parse.quote(source.path)}"


def record_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def read_record(path: Path) -> Record:
    """What was recorded beside a file; an empty record when nothing was."""
    try:
        return Record(**json.loads(record_path(path).read_text("utf-8")))
    except FileNotFoundError:
        return Record()
    except (ValueError, TypeError) as error:
        raise WeightsError(f"{record_path(path)} is not readable ({error}); delete it") from error


def record(path: Path) -> None:
    """Record a file that was made here, so that later damage is noticed."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    made = Record(size=path.stat().st_size, sha256=sha256)
    record_path(path).write_text(json.dumps(asdict(made), indent=2) + "\n", "utf-8")


def parts(path: Path) -> tuple[Path, Path]:
    """The unfinished file and its record."""
    part = path.with_name(path.name + ".part")
    return part, record_path(part)


def can_reach(host: str, *, port: int = 443, timeout: float = 2.0) -> bool:
    """Whether a server answers; takes at most `timeout` seconds, even where looking up its name hangs."""
    answered = threading.Event()

    def probe() -> None:
        try:
            socket.create_connection((host, port), timeout).close()
        except OSError:
            return
        answered.set()

    thread = threading.Thread(target=probe, name="vergence-probe", daemon=True)
    thread.start()
    thread.join(timeout)
    return answered.is_set()


def is_reachable(source: HubFile | str) -> bool:
    """Whether the server of a source, or the proxy on the way to it, answers."""
    url = urllib.parse.urlsplit(address(source))
    proxy = urllib.request.getproxies().get(url.scheme)
    if proxy and url.hostname and not urllib.request.proxy_bypass(url.hostname):
        url = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return can_reach(url.hostname or "", port=url.port or (80 if url.scheme == "http" else 443))


def download(
    source: HubFile | str,
    target: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Fetch a file, unless another process just did.

    Args:
        source: a file of the hub or a URL.
        target: where it goes; its folder is made. Nothing is ever there but the whole file.
        sha256, size: what it must be; None takes the server's word, which is recorded beside the file.
        progress: called as bytes arrive.

    Raises:
        WeightsError: naming the fault.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(target.name + ".lock")):
            if not target.exists():
                _Download(address(source), target, Record(size=size, sha256=sha256), progress or _silent).run()
    except OSError as error:  # those of the network are dealt with below
        raise WeightsError(f"cannot write {target}: {error.strerror or error}; VERGENCE_HOME sets another") from error


class _Download:
    def __init__(self, url: str, target: Path, expected: Record, progress: Progress) -> None:
        self._url = url
        self._target = target
        self._part, self._part_record = parts(target)
        self._expected = expected
        self._progress = progress

    def run(self) -> None:
        most, tries = 0, 0
        while True:
            try:
                record = self._fetch()
                break
            except _TransientError as fault:
                if isinstance(fault, _StaleError):
                    self._discard()
                received = self._part.stat().st_size if self._part.exists() else 0
                tries = 1 if received > most else tries + 1
                most = max(most, received)
                if tries >= TRIES:
                    raise WeightsError(f"{fault}, {TRIES} times in a row") from fault
                pause = BACKOFF_SECONDS * 2 ** (tries - 1)
                logger.warning("%s; trying again in %.1f s", fault, pause)
                time.sleep(pause)
        record_path(self._target).write_text(json.dumps(asdict(record), indent=2) + "\n", "utf-8")
        self._part_record.unlink(missing_ok=True)
        self._part.replace(self._target)

    def _fetch(self) -> Record:
        """One try: everything that is still missing."""
        known, start = self._known()
        if start and start == known.size:
            return self._verify(known, start, start, resumed=True)
        with _connect(self._url, start, known.etag) as (response, hub):
            served = _describe(response, hub, self._url)
            if response.status == 206 and not (_is_same(known, served) and _begins_at(response, start)):
                raise _StaleError(f"{_host(self._url)} has another version of the file now")
            begin = start if response.status == 206 else 0
            size = self._expected.size or served.size
            self._require_space(size, begin)
            self._part_record.write_text(json.dumps(asdict(served)), "utf-8")
            received = self._copy(response, begin, size)
        return self._verify(served, received, size, resumed=begin > 0)

    def _known(self) -> tuple[Record, int]:
        """What an earlier try left: what the server said then, and the bytes worth keeping."""
        try:
            known = read_record(self._part)
        except WeightsError:
            return Record(), 0
        # Without a tag of their version or a checksum at the end nobody would vouch for the old bytes.
        is_vouched_for = known.etag or known.sha256 or self._expected.sha256
        return known, self._part.stat().st_size if is_vouched_for and self._part.exists() else 0

    def _copy(self, response: HTTPResponse, begin: int, size: int | None) -> int:
        received = begin
        with self._part.open("r+b" if begin else "wb") as file:
            file.seek(begin)
            file.truncate()
            while chunk := _read(response, self._url):
                file.write(chunk)
                received += len(chunk)
                self._progress(received, size)
            file.flush()
            os.fsync(file.fileno())
        return received

    def _verify(self, served: Record, received: int, size: int | None, *, resumed: bool) -> Record:
        if size is not None and received < size:
            raise _TransientError(f"{_host(self._url)} broke off after {received} of {size} bytes")
        with self._part.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        expected = self._expected.sha256 or served.sha256
        if (size is not None and received != size) or (expected is not None and actual != expected):
            self._discard()
            fault = (
                f"what {_host(self._url)} sent is damaged: {received} bytes, sha256 {actual[:12]}…; "
                f"expected {size or received} bytes, sha256 {(expected or actual)[:12]}…"
            )
            raise _StaleError(fault) if resumed else WeightsError(fault)
        return Record(url=self._url, size=received, sha256=actual, etag=served.etag, hub_etag=served.hub_etag)

    def _require_space(self, size: int | None, begin: int) -> None:
        free = shutil.disk_usage(self._target.parent).free
        if size is not None and size - begin > free:
            raise WeightsError(
                f"{self._target.parent} has {free / 1e6:.0f} MB free, and {(size - begin) / 1e6:.0f} MB are needed; "
                "make room or set VERGENCE_HOME to a larger disk"
            )

    def _discard(self) -> None:
        self._part.unlink(missing_ok=True)
        self._part_record.unlink(missing_ok=True)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, never to an unsafe scheme, keeping the hub's word of the file and the token at home.

    The first redirect may only say that a repository was renamed; the hub's word is where the linked tag is.
    """

    def __init__(self) -> None:
        self.said: HTTPMessage | None = None

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if self.said is None or "X-Linked-Etag" in headers:
            self.said = headers
        _require_safe(newurl)
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        # The token is an "unredirected" header, which urllib drops; on the same host it is still meant.
        token = req.unredirected_hdrs.get("Authorization")
        if following and token and _origin(newurl) == _origin(req.full_url):
            following.add_unredirected_header("Authorization", token)
        return following


@contextmanager
def _connect(url: str, start: int, etag: str | None) -> Iterator[tuple[HTTPResponse, HTTPMessage | None]]:
    """Open a URL from byte `start`; yields the answer, and the headers of the hub where it redirected us."""
    _require_safe(url)
    request = urllib.request.Request(url, headers={"User-Agent": "vergence", "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        if etag and not etag.startswith("W/"):
            request.add_header("If-Range", etag)
    token = os.environ.get("HF_TOKEN")
    if token and _origin(url) == _origin(_hub()):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    redirects = _Redirects()
    try:
        response = urllib.request.build_opener(redirects).open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        raise _http_fault(error, url) from error
    except (OSError, HTTPException) as error:
        raise _network_fault(error, url) from error
    with response:
        yield response, redirects.said


def _read(response: HTTPResponse, url: str) -> bytes:
    try:
        return response.read1(CHUNK)
    except (OSError, HTTPException) as error:
        raise _network_fault(error, url) from error


def _describe(response: HTTPResponse, hub: HTTPMessage | None, url: str) -> Record:
    """What the server says of the whole file. The hub redirects to its storage, so its word is in a redirect."""
    said = hub if hub is not None else response.headers
    hub_etag = _bare(said.get("X-Linked-Etag") or response.headers.get("X-Linked-Etag"))
    if hub_etag is None and _origin(url) == _origin(_hub()):
        hub_etag = _bare(said.get("ETag"))
    size = said.get("X-Linked-Size") or response.headers.get("X-Linked-Size")
    if size is None and response.status == 206:
        size = response.headers.get("Content-Range", "").rpartition("/")[2]
    elif size is None:
        size = response.headers.get("Content-Length")
    return Record(
        url=url,
        size=int(size) if size and size.isdigit() else None,
        sha256=hub_etag.lower() if hub_etag and SHA256.fullmatch(hub_etag) else None,
        etag=response.headers.get("ETag"),
        hub_etag=hub_etag,
    )


def _bare(etag: str | None) -> str | None:
    return etag.removeprefix("W/").strip('"') if etag else None


def _is_same(known: Record, served: Record) -> bool:
    """Whether two answers are about one version of the file; servers of one network may tag it differently."""
    if known.sha256 and served.sha256:
        return known.sha256 == served.sha256
    return known.etag == served.etag


def _begins_at(response: HTTPResponse, start: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _http_fault(error: urllib.error.HTTPError, url: str) -> Exception:
    where = f"{_host(url)} answers {error.code} {error.reason}"
    if error.code in PASSING:
        return _TransientError(where)
    if error.code == 416:
        return _StaleError(f"{where}: the file there is shorter than what is here")
    if error.code in (401, 403):
        return WeightsError(f"{where} for {url}: set HF_TOKEN to a token that may read it")
    return WeightsError(f"{where} for {url}")


def _network_fault(error: Exception, url: str) -> Exception:
    reason = getattr(error, "reason", error)
    if isinstance(reason, socket.gaierror):
        return WeightsError(f"the name {_host(url)} cannot be looked up ({reason.strerror}): is there a network?")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return WeightsError(f"the certificate of {_host(url)} is not trusted ({reason.verify_message})")
    if isinstance(reason, TimeoutError):
        return _TransientError(f"{_host(url)} sent nothing for {TIMEOUT_SECONDS:.0f} s")
    return _TransientError(f"the connection to {_host(url)} broke ({reason or type(reason).__name__})")


def _require_safe(url: str) -> None:
    split = urllib.parse.urlsplit(url)
    if split.scheme != "https" and not (split.scheme == "http" and split.hostname in LOOPBACK):
        raise WeightsError(f"weights are fetched over https alone, not from {url}")


def _hub() -> str:
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def _origin(url: str) -> tuple[str, str]:
    split = urllib.parse.urlsplit(url)
    return split.scheme, split.netloc


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc


def _silent(received: int, size: int | None) -> None:
    """No progress."""
