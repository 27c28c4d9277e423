"""The boxes of ISO base media files (ISO/IEC 14496-12): MP4, QuickTime and HEIF.

A file is a row of boxes: a size, four letters, content, which may be boxes again. What a muxer cannot say is added here
to the finished file: the box tree is read, changed and written again, sizes follow from the content, and the places of
the media, which other boxes count from the beginning of the file, are moved along.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Self

from vergence.errors import MediaError

# Boxes that hold boxes, and how many bytes of fields come before these.
FILM = {b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"stsd": 8} | dict.fromkeys(
    (b"hvc1", b"hev1", b"avc1", b"avc3", b"av01"), 78
)
PICTURE = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"grpl": 0}
COPIED = 8 << 20  # bytes moved at a time


@dataclass(frozen=True)
class Box:
    """One box.

    Attributes:
        kind: its four letters.
        data: its content, or what comes before its children.
        children: the boxes inside, None where it is not opened.
        tail: what follows the last child and is no box, such as QuickTime's four zeros.
    """

    kind: bytes
    data: bytes = b""
    children: tuple[Self, ...] | None = None
    tail: bytes = b""

    def encode(self) -> bytes:
        """The box as it stands in a file."""
        content = self.data + b"".join(child.encode() for child in self.children or ()) + self.tail
        return struct.pack(">I4s", 8 + len(content), self.kind) + content

    def all(self, kind: bytes) -> tuple[Self, ...]:
        """The children called `kind`."""
        return tuple(child for child in self.children or () if child.kind == kind)

    def find(self, *path: bytes) -> Self:
        """The first box down a path of kinds; raises `MediaError` where there is none."""
        box = self
        for kind in path:
            found = box.all(kind)
            if not found:
                raise MediaError(f"there is no box {kind.decode('latin-1')} in {box.kind.decode('latin-1')}")
            box = found[0]
        return box

    def edited(self, change: Callable[[Self], Self], *path: bytes) -> Self:
        """Itself with every box down a path of kinds replaced by what `change` makes of it."""
        if not path:
            return change(self)
        return replace(
            self,
            children=tuple(
                child.edited(change, *path[1:]) if child.kind == path[0] else child for child in self.children or ()
            ),
        )

    def with_children(self, *more: Self) -> Self:
        """Itself with more boxes at its end, in place of any of the same kinds."""
        kinds = {box.kind for box in more}
        kept = tuple(child for child in self.children or () if child.kind not in kinds)
        return replace(self, children=kept + more)


def full_box(kind: bytes, data: bytes = b"", *, version: int = 0, flags: int = 0) -> Box:
    """A box whose content begins with a version and flags."""
    return Box(kind, struct.pack(">I", version << 24 | flags) + data)


def holding(kind: bytes, *children: Box) -> Box:
    """A box of boxes."""
    return Box(kind, children=children)


def parse(data: bytes, inside: Mapping[bytes, int]) -> tuple[tuple[Box, ...], bytes]:
    """Read a row of boxes, opening the kinds named by `inside`.

    Returns:
        the boxes, and what is left behind the last one: fewer bytes than a box has.

    Raises:
        MediaError: a size makes no sense.
    """
    boxes: list[Box] = []
    at = 0
    while len(data) - at >= 8:
        size, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1:
            header, size = 16, int.from_bytes(data[at + 8 : at + 16], "big")
        elif size == 0 and any(data[at:]):
            size = len(data) - at  # to the end of the file
        if not header <= size <= len(data) - at:
            raise MediaError(f"the box {kind.decode('latin-1')} has {size} bytes where {len(data) - at} are left")
        content = data[at + header : at + size]
        fields = inside.get(kind)
        if fields is None:
            boxes.append(Box(kind, content))
        else:
            children, tail = parse(content[fields:], inside)
            boxes.append(Box(kind, content[:fields], children, tail))
        at += size
    return tuple(boxes), data[at:]


def is_picture_track(trak: Box) -> bool:
    """Whether a track of a film is its moving picture."""
    return trak.find(b"mdia", b"hdlr").data[8:12] == b"vide"


def with_entry_boxes(moov: Box, *boxes: Box, after: bytes | None = None) -> Box:
    """A film whose moving picture says more of itself: `boxes` are added to its sample entry.

    Args:
        moov: the film's header.
        boxes: what is to be added, in place of boxes of the same kinds.
        after: the kind of box they shall follow; None puts them at the end.
    """
    kinds = {box.kind for box in boxes}

    def told(entry: Box) -> Box:
        if entry.children is None:
            raise MediaError(f"nothing is known of films of the kind {entry.kind.decode('latin-1')}")
        kept = [child for child in entry.children if child.kind not in kinds]
        at = next((i + 1 for i, child in enumerate(kept) if child.kind == after), len(kept))
        return replace(entry, children=(*kept[:at], *boxes, *kept[at:]))

    def with_entry(trak: Box) -> Box:
        if not is_picture_track(trak):
            return trak
        return trak.edited(
            lambda stsd: replace(stsd, children=tuple(map(told, stsd.children or ()))),
            *(b"mdia", b"minf", b"stbl", b"stsd"),
        )

    return moov.edited(with_entry, b"trak")


def moved(moov: Box, by: int) -> Box:
    """A film's header whose media lie `by` bytes further on; offsets become 64 bits wide where they must."""

    def in_table(table: Box) -> Box:
        width = {b"stco": 4, b"co64": 8}.get(table.kind)
        if width is None:
            return table
        (count,) = struct.unpack_from(">I", table.data, 4)
        offsets = struct.unpack_from(f">{count}{'I' if width == 4 else 'Q'}", table.data, 8)
        is_wide = width == 8 or (bool(offsets) and max(offsets) + by >= 1 << 32)
        places = struct.pack(f">{count}{'Q' if is_wide else 'I'}", *(offset + by for offset in offsets))
        return Box(b"co64" if is_wide else b"stco", table.data[:8] + places)

    return moov.edited(
        lambda stbl: replace(stbl, children=tuple(map(in_table, stbl.children or ()))),
        *(b"trak", b"mdia", b"minf", b"stbl"),
    )


def top_level(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and size of the boxes a file consists of; raises `MediaError` where it breaks off."""
    end = file.seek(0, 2)
    at = 0
    while at < end:
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            raise MediaError(f"the file breaks off at byte {at}")
        size, kind = struct.unpack_from(">I4s", header)
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:
            size = end - at
        if not 8 <= size <= end - at:
            raise MediaError(f"the box {kind.decode('latin-1')} has {size} bytes where {end - at} are left")
        yield kind, at, size
        at += size


def read_moov(path: Path) -> Box:
    """The header of a film; raises `MediaError` where there is none."""
    with path.open("rb") as file:
        for kind, at, size in top_level(file):
            if kind == b"moov":
                file.seek(at)
                return parse(file.read(size), FILM)[0][0]
    raise MediaError(f"{path} is no MP4 or QuickTime film: it has no box moov")


def rewrite_moov(path: Path, edit: Callable[[Box], Box]) -> None:
    """Change a film's header in place, and lay it before the media, so that players on the web can begin at once.

    The film is as its muxer left it, with the header at its end. Memory holds the header and a few megabytes; what
    fails leaves a file of no use, so this is for a temporary one.

    Raises:
        MediaError: the header is not at the end.
        OSError: the disk is full.
    """
    with path.open("r+b") as file:
        boxes = list(top_level(file))
        kind, end, size = boxes[-1]
        if kind != b"moov":
            raise MediaError(f"{path} does not end with its header but with {kind.decode('latin-1')}")
        file.seek(end)
        edited = edit(parse(file.read(size), FILM)[0][0])
        first = 1 if boxes[0][0] == b"ftyp" else 0
        at = boxes[first][1]
        gap = len(edited.encode())
        while len((header := moved(edited, gap)).encode()) != gap:  # offsets may have become wider
            gap = len(header.encode())
        _shift(file, at, end, gap)
        file.seek(at)
        file.write(header.encode())
        file.truncate(end + gap)


def _shift(file: BinaryIO, begin: int, end: int, by: int) -> None:
    """Move the bytes from `begin` to `end` further on, the last ones first."""
    while end > begin:
        start = max(begin, end - COPIED)
        file.seek(start)
        piece = file.read(end - start)
        file.seek(start + by)
        file.write(piece)
        end = start
