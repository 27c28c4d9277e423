"""Streams of the network: RTSP cameras, MJPEG, HLS, MPEG-TS and films over HTTP. Opened only where a person named one.

What a server sends cannot name local files: playlists may lead to other addresses of the network, and nowhere else.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from vergence.errors import MediaError
from vergence.media.live.container import ContainerGrabber, Opener, reason, within
from vergence.media.live.source import Taken

logger = logging.getLogger(__name__)

ANSWER = 10.0  # s a server has to answer, and to go on sending
OPENING = 20.0  # s until the first picture, with every look-up on the way
PATIENCE = 60.0  # s a stream that broke off is tried again
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0  # s between two tries, doubled each time
PROTOCOLS = "http,https,tls,tcp,udp,rtp,rtcp,srtp,crypto,httpproxy"  # no `file`, `data`, `pipe` or `concat`
DEMUXERS = "rtsp,sdp,hls,mpegts,mpjpeg,jpeg_pipe,mjpeg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,flv,h264,hevc,ogg,nut,avi"
AS_THEY_COME = ("rtsp", "mpjpeg", "mjpeg")  # these send each picture when it is taken; others in bursts

Build = Callable[[], ContainerGrabber]


def open_network(uri: str, *, opener: Callable[[str], Opener] | None = None) -> tuple[str, "ReconnectingGrabber"]:
    """Open a stream; returns its name, without any password, and what takes its pictures.

    Raises:
        MediaError: the address makes no sense, the server does not answer or sends no picture.
    """
    name = shown(uri)
    try:
        host = urlsplit(uri).hostname
    except ValueError as error:
        raise MediaError(f"{name} is no address ({error})") from error
    if not host:
        raise MediaError(f"{name} names no server; write for example rtsp://camera.local/stream")

    def build() -> ContainerGrabber:
        grabber = ContainerGrabber(name, (opener or _opener)(uri), paced=True, lost="the stream broke off")
        if grabber.format.split(",")[0] in AS_THEY_COME:
            grabber.play_as_it_comes()
        return grabber

    return name, ReconnectingGrabber(name, build)


def shown(uri: str) -> str:
    """The address without what is secret in it: user and password, and a query, which may carry a key."""
    try:
        parts = urlsplit(uri)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "..." if parts.query else "", ""))
    except ValueError:
        return uri.split(":")[0] + "://..."


class ReconnectingGrabber:
    """A stream that is opened again when it breaks off, after ever longer waits, for `patience` seconds.

    What ends by itself, such as a film on a web server, ends. Pictures keep the size of the first.

    Args:
        name: of the stream.
        build: opens it.
        patience: seconds without a picture after which it is given up.

    Raises:
        MediaError: it cannot be opened the first time.
    """

    def __init__(
        self,
        name: str,
        build: Build,
        *,
        patience: float = PATIENCE,
        opening: float = OPENING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._build, self._patience, self._opening, self._clock = name, build, patience, opening, clock
        self._is_closed = threading.Event()
        self._grabber: ContainerGrabber | None = within(opening, build, name=name)
        self.width, self.height, self.rate = self._grabber.width, self._grabber.height, self._grabber.rate

    def read(self) -> Taken | None:
        while self._grabber is not None:
            try:
                taken = self._grabber.read()
            except MediaError as error:
                taken, why = None, reason(error.__cause__ or error)
            else:
                why = "it ended"
                if taken is None and not self._grabber.is_endless:
                    return None
            if taken is not None:
                return self._sized(taken)
            self._grabber.close()
            self._grabber = self._open_again(why)
        return None

    def stop(self) -> None:
        """End the waits of `read`; may be called from any thread."""
        self._is_closed.set()

    def close(self) -> None:
        self._is_closed.set()
        if self._grabber is not None:
            self._grabber.close()
            self._grabber = None

    def _open_again(self, why: str) -> ContainerGrabber | None:
        logger.warning("%s broke off (%s); trying again for %g s", self._name, why, self._patience)
        began, wait = self._clock(), FIRST_WAIT
        while not self._is_closed.wait(wait):
            try:
                grabber = within(self._opening, self._build, name=self._name)
            except MediaError as error:
                if self._clock() - began >= self._patience:
                    raise MediaError(f"{self._name} broke off and did not come back: {error}") from error
                logger.info("%s is still away (%s)", self._name, error)
                wait = min(2 * wait, LONGEST_WAIT)
                continue
            logger.warning("%s is back after %.1f s", self._name, self._clock() - began)
            return grabber
        return None

    def _sized(self, taken: Taken) -> Taken:
        if taken.rgb.shape[:2] == (self.height, self.width):
            return taken
        import cv2

        return Taken(cv2.resize(taken.rgb, (self.width, self.height), interpolation=cv2.INTER_AREA), taken.seconds)


def _opener(uri: str) -> Opener:
    import av

    options = {"user_agent": "vergence"}
    if uri.startswith("rtsp"):
        options["rtsp_transport"] = "tcp"  # UDP is lost behind most routers, and shows as torn pictures

    def open_now() -> Any:
        return av.open(
            uri,
            options=options,
            container_options={"protocol_whitelist": PROTOCOLS, "format_whitelist": DEMUXERS},
            timeout=(ANSWER, ANSWER),
        )

    return open_now
