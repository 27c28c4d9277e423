"""What a screen shows: a monitor, a part of one, or one window. By mss; on X11 FFmpeg's x11grab is the other way."""

import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from vergence.errors import MediaError, SettingsError
from vergence.media.live.address import Address, examples
from vergence.media.live.container import ContainerGrabber, reason, within
from vergence.media.live.source import Grabber, Pace, Taken
from vergence.media.live.windows import Window, find_window

logger = logging.getLogger(__name__)

RATE = Fraction(30)
OPENING = 10.0  # s
LEAST = 16  # px a side, of which one can see anything
WAYLAND = (
    "this desktop (Wayland) shows other programs' windows to nobody; share the screen from the page of `vergence live` "
    "instead, or log in to an X11 session"
)


@dataclass(frozen=True)
class Screen:
    """A monitor, pixels on the desktop that all of them form; number 0 is that desktop."""

    number: int
    x: int
    y: int
    width: int
    height: int
    name: str = ""

    def __str__(self) -> str:
        return f"screen:{self.number} ({self.width}x{self.height}{f', {self.name}' if self.name else ''})"


def screens() -> tuple[Screen, ...]:
    """The whole desktop and its monitors.

    Raises:
        MediaError: there is none, or none that may be looked at.
    """
    import mss

    try:
        with mss.MSS() as session:
            found = session.monitors
    except Exception as error:  # mss lets through what the libraries under it raise
        raise MediaError(_why_none(error)) from error
    monitors = found[1:] or found[:1]  # an X server without RandR tells its desktop only
    whole = [Screen(0, *_box(found[0]), "the whole desktop")] if len(monitors) > 1 else []
    named = (Screen(i, *_box(monitor), str(monitor.get("name") or "")) for i, monitor in enumerate(monitors, start=1))
    return (*whole, *named)


def _box(monitor: dict[str, Any]) -> tuple[int, int, int, int]:
    return monitor["left"], monitor["top"], monitor["width"], monitor["height"]


def _why_none(error: BaseException) -> str:
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        if os.environ.get("WAYLAND_DISPLAY"):
            return f"the screen cannot be read: {WAYLAND}"
        return "there is no screen: DISPLAY is not set; on a server share a screen from the page of `vergence live`"
    return f"the screen cannot be read: {reason(error)}"


def part_of_screen(address: Address, known: tuple[Screen, ...]) -> Screen:
    """The monitor, or the part of it, that an address names; a part is counted from its monitor's own corner.

    Raises:
        MediaError: there is no such monitor.
        SettingsError: the part does not lie on it.
    """
    which = address.which or "1"
    found = [screen for screen in known if str(screen.number) == which]
    if which == "0" and not found:
        found = list(known[:1])
    if not found:
        raise MediaError(
            f"there is no screen:{which}; there is {', '.join(map(str, known))}; "
            f"after the number may stand {examples('screen')}"
        )
    screen, region = found[0], address.region
    if region is None:
        return screen
    fits = 0 <= region.x <= screen.width - region.width and 0 <= region.y <= screen.height - region.height
    if not fits or min(region.width, region.height) < LEAST:
        raise SettingsError(
            f"the part {region.x},{region.y},{region.width},{region.height} (x,y,width,height) must lie on {screen} "
            f"and be at least {LEAST} px a side"
        )
    return Screen(screen.number, screen.x + region.x, screen.y + region.y, region.width, region.height, screen.name)


def open_screen(address: Address) -> tuple[str, Grabber]:
    """Open a monitor or a part of one; returns its name and what takes its pictures.

    Raises:
        MediaError: there is none, or it may not be read.
        SettingsError: the part does not lie on it.
    """
    if os.environ.get("XDG_SESSION_TYPE") == "wayland" and os.environ.get("DISPLAY"):
        logger.warning("%s; what is seen may be black", WAYLAND)
    part = part_of_screen(address, screens())
    name, rate = str(address), address.rate or RATE

    def first_that_works() -> Grabber:
        try:
            return ScreenGrabber(name, part, rate=rate, shows_cursor=address.shows_cursor)
        except MediaError as failure:
            if sys.platform != "linux":
                raise
            try:
                grabber = open_x11(name, part, rate=rate, shows_cursor=address.shows_cursor)
            except MediaError:
                raise failure from None
            logger.warning("%s; FFmpeg's x11grab reads it instead", failure)
            return grabber

    return name, within(OPENING, first_that_works, name=name)


class ScreenGrabber:
    """Part of the desktop by mss, at an even pace.

    Raises:
        MediaError: it cannot be read.
    """

    def __init__(
        self,
        name: str,
        part: Screen,
        *,
        rate: Fraction = RATE,
        shows_cursor: bool = False,
        session: Callable[..., Any] | None = None,
    ) -> None:
        import mss

        self._name, self.rate = name, rate
        self._box = {"left": part.x, "top": part.y, "width": part.width, "height": part.height}
        self._options: dict[str, Any] = {}
        if shows_cursor and sys.platform == "linux":
            self._options["with_cursor"] = True
        elif shows_cursor:
            logger.warning("%s: the cursor can be shown on X11 only", name)
        self._open = session or mss.MSS
        self._pace = Pace(float(rate))
        # Handles of Windows belong to the thread that asked for them, so this one is only for the size: a screen
        # with several pixels to a point, as a Mac's, gives more than was asked for.
        with self._failing(), self._open(**self._options) as session_here:
            grabbed = session_here.grab(self._box)
        self.width, self.height = grabbed.width, grabbed.height
        self._session: Any = None

    def read(self) -> Taken:
        import cv2
        import numpy as np

        self._pace.wait()
        with self._failing():
            if self._session is None:
                self._session = self._open(**self._options)
            seconds = time.monotonic()
            grabbed = self._session.grab(self._box)
        bgra = np.frombuffer(grabbed.raw, np.uint8).reshape(grabbed.height, grabbed.width, 4)
        return Taken(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), seconds)

    def close(self) -> None:
        if self._session is not None:
            self._session.close()

    def _failing(self) -> "_Failing":
        return _Failing(self._name)


class _Failing:
    """Whatever mss raises in the block becomes one error that names the screen."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, MediaError):
            raise MediaError(f"{self._name} cannot be read ({reason(error)}); is somebody logged in there?") from error


def open_x11(name: str, part: Screen, *, rate: Fraction = RATE, shows_cursor: bool = False) -> Grabber:
    """Part of an X11 desktop by FFmpeg's x11grab; raises `MediaError` where that cannot be done."""
    options = {
        "video_size": f"{part.width}x{part.height}",
        "framerate": f"{float(rate):g}",
        "draw_mouse": str(int(shows_cursor)),
    }
    place = f"{os.environ.get('DISPLAY', '')}+{part.x},{part.y}"
    return ContainerGrabber(name, lambda: _open(place, "x11grab", options), lost="is the desktop still there?")


def open_window(address: Address, *, system: str = sys.platform) -> tuple[str, Grabber]:
    """Open the window with this title, or part of a title; returns its name and what takes its pictures.

    Its size is the one it has now. On Windows by FFmpeg's gdigrab, on X11 by x11grab.

    Raises:
        MediaError: there is none, several fit, or the system does not show windows to other programs.
    """
    window = check_window(address, system=system)
    options = {"framerate": f"{float(address.rate or RATE):g}", "draw_mouse": str(int(address.shows_cursor))}
    lost = "was it closed?"
    if window is None:
        name = f"window:{address.which}"
        place = f"title={address.which}"
        return name, within(
            OPENING, lambda: ContainerGrabber(name, lambda: _open(place, "gdigrab", options), lost=lost), name=name
        )
    name, display = f"window:{window.title}", os.environ.get("DISPLAY", "")
    options = {**options, "window_id": str(window.number), "video_size": f"{window.width}x{window.height}"}
    return name, within(
        OPENING, lambda: ContainerGrabber(name, lambda: _open(display, "x11grab", options), lost=lost), name=name
    )


def check_window(address: Address, *, system: str = sys.platform) -> Window | None:
    """The window with this title; None on Windows, which finds it when it is opened. Raises as `open_window`."""
    if not address.which:
        raise MediaError("which window? write window: and a part of its title, see `vergence devices`")
    if system == "win32":
        return None
    if system == "darwin":
        raise MediaError(
            "single windows cannot be read on macOS; name the part of the screen where it lies, such as "
            "screen:1@0,0,800,600, or share the window from the page of `vergence live`"
        )
    if os.environ.get("WAYLAND_DISPLAY") and not os.environ.get("DISPLAY"):
        raise MediaError(f"windows cannot be read: {WAYLAND}")
    return find_window(address.which)


def _open(place: str, format_name: str, options: dict[str, str]) -> Any:
    import av

    return av.open(place, format=format_name, options=options)
