"""Matroska beyond what FFmpeg's muxer writes: the size at which a squeezed view is shown (RFC 9559).

A film of two views says with DisplayWidth and DisplayHeight how large one of them is shown. FFmpeg takes each for a
part of the picture with square pixels, which a view squeezed to half is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vergence.errors import MediaError

EBML, SEGMENT, TRACKS, TRACK_ENTRY, VIDEO = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE, 0xE0
DISPLAY_WIDTH, DISPLAY_HEIGHT = 0x54B0, 0x54BA
HEAD = 1 << 20  # bytes in which the header of a film lies


@dataclass(frozen=True)
class Element:
    """One element: its number, and where its data begin and end in the file."""

    number: int
    begin: int
    end: int


def elements(data: bytes, begin: int, end: int) -> Iterator[Element]:
    """The elements between two places, one after another (RFC 8794); one of unknown size reaches to the end."""
    at = begin
    while at + 2 <= min(end, len(data)):
        width = _width(data[at])
        number, at = int.from_bytes(data[at : at + width], "big"), at + width
        if at >= len(data):
            return
        width = _width(data[at])
        size = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        stop = end if size == (1 << 7 * width) - 1 else at + size
        yield Element(number, at, stop)
        at = stop


def set_display_size(path: Path, width: int, height: int) -> bool:
    """Say in a finished film that each of its views is shown at this size, pixels.

    Returns False where the numbers there have too few bytes for it; the film stays as it was.

    Raises:
        MediaError: the film has no picture of two views.
    """
    with path.open("r+b") as file:
        head = file.read(HEAD)
        found = {element.number: element for element in _of_picture(head)}
        if not {DISPLAY_WIDTH, DISPLAY_HEIGHT} <= found.keys():
            raise MediaError(f"{path} does not say at what size its picture is shown")
        values = {DISPLAY_WIDTH: width, DISPLAY_HEIGHT: height}
        if any(value >> 8 * (found[number].end - found[number].begin) for number, value in values.items()):
            return False
        for number, value in values.items():
            file.seek(found[number].begin)
            file.write(value.to_bytes(found[number].end - found[number].begin, "big"))
    return True


def _of_picture(head: bytes) -> Iterator[Element]:
    """What the first track with a picture says of it."""
    inside = [Element(0, 0, len(head))]
    for number in (SEGMENT, TRACKS, TRACK_ENTRY, VIDEO):
        inside = [part for whole in inside for part in elements(head, whole.begin, whole.end) if part.number == number]
    if inside:
        yield from elements(head, inside[0].begin, inside[0].end)


def _width(first: int) -> int:
    """How many bytes a number has, by the zeros its first byte begins with."""
    return 9 - first.bit_length() if first else 9
