"""Sources without an end: a camera, a screen, a stream of the network, a test pattern.

`source.LiveSource` keeps the newest picture of a `source.Grabber`; a module each knows one kind of grabber, and the
table here says which names are whose. Nothing here opens what a page or a client names: only the command line does.
"""

from fractions import Fraction
from typing import TYPE_CHECKING

from vergence.errors import MediaError

if TYPE_CHECKING:
    from vergence.media.live.source import Grabber, LiveSource

NETWORK = ("rtsp", "rtsps", "http", "https")
SCHEMES = ("webcam", "screen", "window", "test", *NETWORK)  # before the colon of a name


def is_live(uri: str) -> bool:
    """Whether a name is that of a live source, such as `webcam:0`, and not of a file."""
    scheme, colon, rest = uri.partition(":")
    return bool(colon) and scheme in SCHEMES and (scheme not in NETWORK or rest.startswith("//"))


def open_live(
    uri: str, *, start: Fraction | None = None, end: Fraction | None = None, max_frames: int | None = None
) -> "LiveSource":
    """Open a live source by its name, for example `webcam:0`, `screen:1@0,0,800,600`, `rtsp://camera.local/stream`.

    Raises:
        MediaError: there is none, or it may not be read.
        SettingsError: what is asked of it makes no sense.
    """
    from vergence.media.live.source import LiveSource

    name, grabber = _opened(uri)
    return LiveSource(name, grabber, start=start, end=end, max_frames=max_frames)


def check_live(uri: str) -> None:
    """Raise as `open_live` would where a camera, monitor or window is not there, without opening it."""
    scheme, _, rest = uri.partition(":")
    if scheme not in ("test", "webcam", "screen", "window"):
        return
    if scheme == "test":
        from vergence.media.live.pattern import TestPattern

        TestPattern.named(rest)
        return
    from vergence.media.live.address import parse

    address = parse(uri)
    if scheme == "webcam":
        from vergence.media.live.webcam import find_webcam, webcams

        find_webcam(address.which, webcams())
    elif scheme == "screen":
        from vergence.media.live.screen import part_of_screen, screens

        part_of_screen(address, screens())
    else:
        from vergence.media.live.screen import check_window

        check_window(address)


def _opened(uri: str) -> tuple[str, "Grabber"]:
    scheme, _, rest = uri.partition(":")
    if scheme == "test":
        from vergence.media.live.pattern import TestPattern

        return uri, TestPattern.named(rest)
    if scheme in NETWORK:
        from vergence.media.live.network import open_network

        return open_network(uri)
    if scheme == "webcam":
        from vergence.media.live.address import parse
        from vergence.media.live.webcam import open_webcam

        return open_webcam(parse(uri))
    if scheme in ("screen", "window"):
        from vergence.media.live.address import parse
        from vergence.media.live.screen import open_screen, open_window

        return open_screen(parse(uri)) if scheme == "screen" else open_window(parse(uri))
    raise MediaError(f"no live source is called {uri!r}; there are {', '.join(f'{name}:' for name in SCHEMES)}")
