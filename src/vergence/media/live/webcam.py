"""Cameras of this machine, by FFmpeg's devices; OpenCV takes over where those cannot open one."""

import errno
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from vergence.errors import MediaError
from vergence.media.live.address import Address, examples
from vergence.media.live.container import ContainerGrabber, reason, within
from vergence.media.live.source import Grabber, Taken

logger = logging.getLogger(__name__)

DEVICES = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}  # FFmpeg's name for the system's cameras
SIZE = (1280, 720)  # where nothing is wished for: wide as most cameras see, and as large as depth makes use of
RATE = Fraction(30)
OPENING = 20.0  # s; the first time a Mac asks its user
LOST = "plug it in again and start again"
MENDS = {
    errno.EBUSY: "another program uses it; close that",
    errno.EACCES: "you may not use it; on Linux add yourself to the group `video` and log in again",
    errno.EPERM: "you may not use it; allow it in the system's privacy settings",
}


@dataclass(frozen=True)
class Webcam:
    """A camera: what comes after `webcam:`, its name, what the system opens it by, and the sizes known to be there."""

    number: int
    name: str
    device: str
    sizes: tuple[tuple[int, int], ...] = ()
    formats: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"webcam:{self.number} ({self.name})"


@dataclass(frozen=True)
class Attempt:
    """One way to open a camera: the arguments of `av.open`."""

    file: str
    format: str
    options: dict[str, str]


Opener = Callable[[Attempt], Any]


def webcams(system: str = sys.platform) -> tuple[Webcam, ...]:
    """The cameras of this machine; none where the system does not tell."""
    if system == "linux":
        from vergence.media.live.v4l2 import cameras

        return tuple(Webcam(c.number, c.name, str(c.path), c.sizes, c.formats) for c in cameras())
    import av

    if DEVICES.get(system) not in av.formats_available:
        return ()
    try:
        found = [device for device in av.enumerate_input_devices(DEVICES[system]) if "video" in device.media_types]
    except (av.FFmpegError, ValueError) as error:
        logger.warning("the system does not list its cameras (%s); try webcam:0", reason(error))
        return ()
    named = [(device.description or device.name, device.name) for device in found]
    named = [(name, device) for name, device in named if not name.startswith("Capture screen")]  # of AVFoundation
    return tuple(Webcam(number, name, device) for number, (name, device) in enumerate(named))


def find_webcam(which: str, known: tuple[Webcam, ...], *, system: str = sys.platform) -> Webcam:
    """The camera of that number or name, or part of a name; "" is the first.

    A number that the system does not list is tried all the same where it lists none, since it may not tell.

    Raises:
        MediaError: there is none, or the name fits several.
    """
    if not which and known:
        return known[0]
    if which.isdigit() or not which:
        number = int(which or 0)
        if found := [camera for camera in known if camera.number == number]:
            return found[0]
        if not known and system != "linux":
            return Webcam(number, "unnamed", str(number))
    else:
        found = [camera for camera in known if camera.name.lower() == which.lower() or camera.device == which]
        found = found or [camera for camera in known if which.lower() in camera.name.lower()]
        if len(found) == 1:
            return found[0]
        if found:
            raise MediaError(f"webcam:{which} could be {_listed(found)}; give the number")
    there = f"there {'is' if len(known) == 1 else 'are'} {_listed(known)}" if known else _looked(system)
    hint = f"; after its name may stand {examples('webcam')}" if "@" in which else ""
    raise MediaError(f"there is no webcam:{which or 0}; {there}{hint}")


def attempts(
    camera: Webcam, *, size: tuple[int, int] | None, rate: Fraction | None, system: str = sys.platform
) -> tuple[Attempt, ...]:
    """The ways to open a camera, the best first: compressed (a USB 2 cable carries no more), plain, as it is."""
    width, height = size or SIZE
    ways: tuple[dict[str, str], ...]
    wish = {"video_size": f"{width}x{height}", "framerate": f"{float(rate or RATE):g}"}
    if system == "darwin":
        # AVFoundation refuses any rate but the camera's own, and FFmpeg's default is 29.97.
        at_30 = {"framerate": "30"}
        return tuple(
            Attempt(f"{camera.device}:none", "avfoundation", options)
            for options in (
                wish,
                {"video_size": wish["video_size"], **at_30},
                at_30,
                {"pixel_format": "uyvy422", **at_30},
            )
        )
    if system == "win32":
        ways = ({"vcodec": "mjpeg", **wish}, wish, {"video_size": wish["video_size"]}, {})
        return tuple(Attempt(f"video={camera.device}", "dshow", {"rtbufsize": "64M", **options}) for options in ways)
    ways = ({"input_format": "mjpeg", **wish}, wish, {"video_size": wish["video_size"]}, {})
    return tuple(Attempt(camera.device, "v4l2", options) for options in ways)


def open_webcam(
    address: Address,
    *,
    known: tuple[Webcam, ...] | None = None,
    system: str = sys.platform,
    opener: Opener | None = None,
    fallback: Callable[..., Grabber] | None = None,
) -> tuple[str, Grabber]:
    """Open a camera; returns its name and what takes its pictures.

    Args:
        address: which one, and the size and rate wished for; a camera without them gives what it has.
        known: the cameras there are, where that is known already.
        opener: opens by FFmpeg.
        fallback: opens where that fails.

    Raises:
        MediaError: there is no such camera, or it cannot be opened.
    """
    camera = find_webcam(address.which, webcams(system) if known is None else known, system=system)
    name = str(camera)

    def first_that_opens() -> Grabber:
        failure: MediaError | None = None
        for attempt in attempts(camera, size=address.size, rate=address.rate, system=system):
            try:
                return ContainerGrabber(name, partial(opener or _open, attempt), lost=LOST)
            except MediaError as error:
                failure = failure or error
                code = getattr(error.__cause__, "errno", None)
                if code in MENDS:
                    raise MediaError(f"{error}; {MENDS[code]}") from error
        assert failure is not None
        try:
            grabber = (fallback or OpenCvGrabber)(name, camera.number, size=address.size, rate=address.rate)
        except MediaError:
            raise failure from None
        logger.warning("%s; OpenCV opened it instead", failure)
        return grabber

    grabber = within(OPENING, first_that_opens, name=name)
    if address.size is not None and (grabber.width, grabber.height) != address.size:
        logger.warning("%s has no %dx%d; it gives %dx%d", name, *address.size, grabber.width, grabber.height)
    return name, grabber


class OpenCvGrabber:
    """A camera by OpenCV.

    Raises:
        MediaError: it cannot be opened, or gives no picture.
    """

    def __init__(
        self,
        name: str,
        number: int,
        *,
        size: tuple[int, int] | None = None,
        rate: Fraction | None = None,
        capture: Any = None,
    ) -> None:
        import cv2

        self._name = name
        if capture is None:
            capture = cv2.VideoCapture(number, cv2.CAP_DSHOW if sys.platform == "win32" else cv2.CAP_ANY)
        self._capture = capture
        width, height = size or SIZE
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))  # before the size, which depends on it
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        capture.set(cv2.CAP_PROP_FPS, float(rate or RATE))
        bgr: Any
        is_read, bgr = capture.read() if capture.isOpened() else (False, None)
        if not is_read:
            capture.release()
            raise MediaError(f"cannot open {name} by OpenCV either")
        self.height, self.width = bgr.shape[:2]
        self.rate = Fraction(capture.get(cv2.CAP_PROP_FPS)).limit_denominator(1001) or None

    def read(self) -> Taken:
        import cv2

        is_read, bgr = self._capture.read()
        if not is_read:
            raise MediaError(f"{self._name} is gone; {LOST}")
        return Taken(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), time.monotonic())

    def close(self) -> None:
        self._capture.release()


def _open(attempt: Attempt) -> Any:
    import av

    return av.open(attempt.file, format=attempt.format, options=attempt.options)


def _listed(cameras: Any) -> str:
    return ", ".join(map(str, cameras))


def _looked(system: str) -> str:
    where = {
        "linux": "no /dev/video* takes pictures",
        "darwin": "AVFoundation lists none",
        "win32": "DirectShow lists none",
    }
    return f"{where.get(system, 'the system lists none')} (plugged in? passed on to this container or virtual machine?)"
