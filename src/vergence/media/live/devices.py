"""What this machine could show live: its cameras, monitors and windows, and where each was looked for."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vergence.errors import MediaError
from vergence.media.live import screen, windows
from vergence.media.live.webcam import DEVICES, Webcam, webcams


@dataclass(frozen=True)
class Device:
    """One thing to show.

    Attributes:
        kind: "webcam", "screen" or "window".
        uri: what to write on the command line.
        name: what the system calls it.
        sizes: width and height in pixels that it offers, the largest first; empty where nobody knows.
    """

    kind: str
    uri: str
    name: str
    sizes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Devices:
    """What was found, and for every kind of which nothing was found why."""

    found: tuple[Device, ...]
    missing: tuple[tuple[str, str], ...]


def devices() -> Devices:
    """Look for cameras, monitors and windows. What cannot be looked for is told in `missing`, never raised."""
    found: list[Device] = []
    missing: list[tuple[str, str]] = []
    looks: tuple[tuple[str, Callable[[], list[Device]], str], ...] = (
        ("webcam", _webcams, WHERE_CAMERAS.get(sys.platform, "no way to list cameras is known for this system")),
        ("screen", _screens, "the system tells of none"),
        ("window", _windows, "the desktop has none with a title"),
    )
    for kind, look, nothing in looks:
        try:
            here = look()
        except MediaError as error:
            here, nothing = [], str(error)
        found += here
        if not here:
            missing.append((kind, nothing))
    return Devices(tuple(found), tuple(missing))


WHERE_CAMERAS = {
    "linux": "no /dev/video* takes pictures (plugged in? passed on to this container or virtual machine?)",
    "darwin": f"{DEVICES['darwin']} lists none (allowed in the privacy settings?)",
    "win32": f"{DEVICES['win32']} lists none (plugged in? allowed in the privacy settings?)",
}


def _webcams() -> list[Device]:
    return [_as_device(camera) for camera in webcams()]


def _as_device(camera: Webcam) -> Device:
    largest_first = sorted(camera.sizes, key=lambda size: size[0] * size[1], reverse=True)
    return Device("webcam", f"webcam:{camera.number}", camera.name, tuple(largest_first))


def _screens() -> list[Device]:
    return [
        Device("screen", f"screen:{found.number}", found.name or "monitor", ((found.width, found.height),))
        for found in screen.screens()
    ]


def _windows() -> list[Device]:
    if sys.platform == "win32":
        raise MediaError("not listed on Windows; write window: and the whole title")
    if sys.platform == "darwin":
        raise MediaError("single windows cannot be read on macOS; name a part of the screen")
    return [
        Device("window", f"window:{found.title}", found.title, ((found.width, found.height),))
        for found in windows.windows()
    ]


def as_json(devices: Devices) -> dict[str, Any]:
    """For programs: `found` and, by kind, why nothing was."""
    return {
        "found": [
            {
                "kind": device.kind,
                "uri": device.uri,
                "name": device.name,
                "sizes": [list(size) for size in device.sizes],
            }
            for device in devices.found
        ],
        "missing": dict(devices.missing),
    }
