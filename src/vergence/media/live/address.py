"""How live sources are named: `webcam:0@1280x720@30fps`, `screen:1@0,0,800,600@cursor`, `window:Terminal`."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

from vergence.errors import SettingsError

FASTEST = 1000  # frames per second no camera or screen is asked for


class Region(NamedTuple):
    """Part of a picture: its top-left corner and its size, pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Address:
    """What a live source's name says.

    Attributes:
        scheme: "webcam", "screen" or "window".
        which: the number or name of the device, the title of the window; "" where none was given.
        size: width and height wished for, pixels.
        region: part of a screen.
        rate: frames per second wished for.
        shows_cursor: whether the mouse pointer is wanted in the picture.
    """

    scheme: str
    which: str
    size: tuple[int, int] | None = None
    region: Region | None = None
    rate: Fraction | None = None
    shows_cursor: bool = False

    def __str__(self) -> str:
        return f"{self.scheme}:{self.which}"


@dataclass(frozen=True)
class _Wish:
    """What may follow an @: how it looks, which schemes know it, and what it sets."""

    pattern: str
    example: str
    schemes: tuple[str, ...]
    read: Callable[[tuple[str, ...]], dict[str, Any]]


WISHES = (
    _Wish(r"(\d+)x(\d+)", "1280x720", ("webcam",), lambda text: {"size": (int(text[0]), int(text[1]))}),
    _Wish(r"(-?\d+),(-?\d+),(\d+),(\d+)", "0,0,800,600", ("screen",), lambda text: {"region": Region(*map(int, text))}),
    _Wish(
        r"(\d+(?:\.\d+)?)(?:fps)?", "30fps", ("webcam", "screen", "window"), lambda text: {"rate": Fraction(text[0])}
    ),
    _Wish(r"(cursor)", "cursor", ("screen", "window"), lambda text: {"shows_cursor": bool(text)}),
)


def parse(uri: str) -> Address:
    """Read the name of a webcam, screen or window.

    What follows an @ at the end is a wish where it looks like one; any other @ belongs to the name.

    Raises:
        SettingsError: a size, region or rate that nothing can have.
    """
    scheme, _, rest = uri.partition(":")
    which, *wishes = rest.split("@")
    while wishes and any(_wished(scheme, text) is None for text in wishes):
        which = f"{which}@{wishes.pop(0)}"
    address = Address(scheme, which.strip())
    for text in wishes:
        address = replace(address, **_wished(scheme, text) or {})
    if not _makes_sense(address):
        raise SettingsError(f"{uri} asks for something of no size or speed; write for example {examples(scheme)}")
    return address


def examples(scheme: str) -> str:
    """What may follow the name of such a source."""
    return ", ".join(f"@{wish.example}" for wish in WISHES if scheme in wish.schemes)


def _wished(scheme: str, text: str) -> dict[str, Any] | None:
    for wish in WISHES:
        if scheme in wish.schemes and (found := re.fullmatch(wish.pattern, text)):
            return wish.read(found.groups())
    return None


def _makes_sense(address: Address) -> bool:
    is_fast_enough = address.rate is None or 0 < address.rate <= FASTEST
    has_size = address.size is None or min(address.size) > 0
    has_region = address.region is None or min(address.region.width, address.region.height) > 0
    return is_fast_enough and has_size and has_region
