"""Which cameras Linux has, and the sizes they offer, from the kernel itself (Video4Linux2, `linux/videodev2.h`)."""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

QUERY_CAPABILITIES, ENUMERATE_FORMATS, ENUMERATE_SIZES = 0x80685600, 0xC0405602, 0xC02C564A  # VIDIOC_...
CAPABILITY = struct.Struct("16s32s32sIII3I")  # driver, card, bus, version, capabilities, of this device
FORMAT = struct.Struct("III32sII3I")  # index, type, flags, description, pixel format, bus code
SIZE = struct.Struct("III6I2I")  # index, pixel format, type, width and height or their ranges
CAPTURES, HAS_DEVICE_CAPABILITIES = 0x1, 0x80000000
CAPTURE, DISCRETE = 1, 1
MOST = 100  # formats or sizes a driver is asked for; one that lists more is out of its mind

Ioctl = Callable[[int, int, bytearray], object]


@dataclass(frozen=True)
class Camera:
    """A device file that takes pictures; `formats` are four letters each, such as MJPG; sizes are in pixels."""

    path: Path
    number: int
    name: str
    formats: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]


def cameras(folder: Path = Path("/dev"), *, ioctl: Ioctl | None = None) -> tuple[Camera, ...]:
    """The cameras of this machine in order of their numbers; device files that only carry metadata are left out."""
    paths = [path for path in folder.glob("video*") if path.name.removeprefix("video").isdigit()]
    found = (_examine(path, ioctl or _ioctl()) for path in sorted(paths, key=_number))
    return tuple(camera for camera in found if camera is not None)


def _number(path: Path) -> int:
    return int(path.name.removeprefix("video"))


def _ioctl() -> Ioctl:
    from fcntl import ioctl

    return ioctl


def _examine(path: Path, ioctl: Ioctl) -> Camera | None:
    """What the kernel says of a device file; one that may not be opened is listed by its number alone."""
    try:
        device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except PermissionError:
        return Camera(path, _number(path), "may not be opened by you", (), ())
    except OSError:
        return None
    try:
        filled = bytearray(CAPABILITY.size)
        try:
            ioctl(device, QUERY_CAPABILITIES, filled)
        except OSError:
            return None
        _, card, _, _, whole, own, *_ = CAPABILITY.unpack(filled)
        if not (own if whole & HAS_DEVICE_CAPABILITIES else whole) & CAPTURES:
            return None
        formats = _formats(device, ioctl)
        sizes = {size for code in formats for size in _sizes(device, ioctl, code)}
        name = card.split(b"\0")[0].decode(errors="replace")
        letters = tuple(struct.pack("<I", code).decode("latin-1") for code in formats)
        return Camera(path, _number(path), name, letters, tuple(sorted(sizes)))
    finally:
        os.close(device)


def _formats(device: int, ioctl: Ioctl) -> list[int]:
    found = []
    for index in range(MOST):
        filled = bytearray(FORMAT.pack(index, CAPTURE, 0, b"", 0, 0, 0, 0, 0))
        try:
            ioctl(device, ENUMERATE_FORMATS, filled)
        except OSError:
            break
        found.append(FORMAT.unpack(filled)[4])
    return found


def _sizes(device: int, ioctl: Ioctl, code: int) -> list[tuple[int, int]]:
    """The sizes of one pixel format; of a range its smallest and its largest."""
    found: list[tuple[int, int]] = []
    for index in range(MOST):
        filled = bytearray(SIZE.pack(index, code, 0, *[0] * 8))
        try:
            ioctl(device, ENUMERATE_SIZES, filled)
        except OSError:
            break
        _, _, kind, *numbers = SIZE.unpack(filled)
        if kind != DISCRETE:
            least_width, most_width, _, least_height, most_height, _ = numbers[:6]
            return [(least_width, least_height), (most_width, most_height)]
        found.append((numbers[0], numbers[1]))
    return found
