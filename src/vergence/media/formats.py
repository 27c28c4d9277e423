"""The table of formats: by which suffix or first bytes one is known, and what it can hold."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vergence.errors import MediaError

Holds = Literal["picture", "film", "depth", "points", "splats", "pair"]

MAX_PIXELS = 200_000_000  # of one picture: the largest phone cameras fit, a decompression bomb does not
HEAD = 32  # bytes of a file that are enough to know its format
PATTERN = re.compile(r"%(?:0([1-9]))?d")  # of numbered files, as printf and FFmpeg write it: %d or %06d


@dataclass(frozen=True)
class Format:
    """One row of the table.

    Attributes:
        name: as its codec spells it.
        suffixes: in lower case with the dot, the usual one first.
        reads: what a file of it may hold; the first is what it is taken for where nothing else is said.
        writes: what results it can hold.
        magic: alternatives of (offset, bytes), one of which such a file has near its beginning.
        depth_module: in `vergence.media`, with `save` and `load`, where a file of it may hold depth.
    """

    name: str
    suffixes: tuple[str, ...]
    reads: tuple[Holds, ...]
    writes: tuple[Holds, ...] = ()
    magic: tuple[tuple[int, bytes], ...] = ()
    depth_module: str | None = None


def _brands(*brands: bytes) -> tuple[tuple[int, bytes], ...]:
    """Files of the ISO base media format name themselves by four letters behind `ftyp` (ISO/IEC 14496-12, 4.3)."""
    return tuple((4, b"ftyp" + brand) for brand in brands)


PICTURE: tuple[Holds, ...] = ("picture",)
FILM: tuple[Holds, ...] = ("film",)
DEPTH: tuple[Holds, ...] = ("depth",)
PAIR: tuple[Holds, ...] = ("pair",)

# The first row that fits wins, so the brands of pictures stand before the bare `ftyp` of films.
FORMATS: tuple[Format, ...] = (
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), PICTURE, PICTURE, ((0, b"\xff\xd8\xff"),)),
    Format("MPO", (".mpo",), PICTURE, PAIR),
    Format("JPS", (".jps",), PICTURE, PAIR),
    Format("PNG", (".png",), PICTURE + DEPTH, PICTURE + DEPTH, ((0, b"\x89PNG\r\n\x1a\n"),), "depth_png"),
    Format("WEBP", (".webp",), PICTURE, PICTURE, ((8, b"WEBP"),)),
    Format("TIFF", (".tif", ".tiff"), PICTURE + DEPTH, PICTURE, ((0, b"II*\0"), (0, b"MM\0*")), "depth_png"),
    Format("AVIF", (".avif",), PICTURE, PICTURE, _brands(b"avif", b"avis")),
    Format("BMP", (".bmp", ".dib"), PICTURE, (), ((0, b"BM"),)),
    Format("JPEG2000", (".jp2", ".j2k", ".jpx"), PICTURE, (), ((0, b"\0\0\0\x0cjP  "), (0, b"\xff\x4f\xff\x51"))),
    Format("HEIF", (".heic", ".heif", ".hif"), PICTURE, PAIR, _brands(b"heic", b"heix", b"heim", b"mif1", b"msf1")),
    Format("GIF", (".gif",), FILM + PICTURE, (), ((0, b"GIF87a"), (0, b"GIF89a"))),
    Format("QuickTime", (".mov",), FILM + DEPTH, FILM, (*_brands(b"qt"), (4, b"moov"), (4, b"mdat"), (4, b"wide"))),
    Format("MP4", (".mp4", ".m4v"), FILM + DEPTH, FILM, _brands(b"")),
    Format("3GPP", (".3gp", ".3g2"), FILM + DEPTH),
    Format("Matroska", (".mkv", ".webm"), FILM + DEPTH, FILM, ((0, b"\x1a\x45\xdf\xa3"),)),
    Format("AVI", (".avi",), FILM + DEPTH, (), ((8, b"AVI "),)),
    Format("MPEG-TS", (".ts", ".m2ts", ".mts"), FILM, (), ((0, b"\x47\x40"), (4, b"\x47\x40"))),
    Format("MPEG", (".mpg", ".mpeg", ".vob"), FILM, (), ((0, b"\0\0\x01\xba"), (0, b"\0\0\x01\xb3"))),
    Format("FLV", (".flv",), FILM, (), ((0, b"FLV\x01"),)),
    Format("Ogg", (".ogv", ".ogg"), FILM, (), ((0, b"OggS"),)),
    Format("ASF", (".wmv", ".asf"), FILM, (), ((0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),)),
    Format("YUV4MPEG", (".y4m",), FILM, (), ((0, b"YUV4MPEG2"),)),
    Format("H.26x", (".h264", ".264", ".h265", ".265", ".hevc"), FILM),
    Format("OpenEXR", (".exr",), DEPTH, DEPTH, ((0, b"\x76\x2f\x31\x01"),), "depth_exr"),
    Format("PLY", (".ply",), ("points", "splats"), ("points", "splats"), ((0, b"ply\n"), (0, b"ply\r"))),
    Format("SPZ", (".spz",), ("splats",), ("splats",)),
    Format("splat", (".splat",), ("splats",), ("splats",)),
    Format("GLB", (".glb",), ("points",), ("points",), ((0, b"glTF"),)),
    Format("NumPy", (".npz",), DEPTH, DEPTH, ((0, b"PK\x03\x04"),), "depth_npz"),
)


def by_suffix(path: Path) -> Format | None:
    """The format a file's name says it has, or None."""
    suffix = path.suffix.lower()
    return next((row for row in FORMATS if suffix in row.suffixes), None)


def by_content(path: Path) -> Format | None:
    """The format a file's first bytes say it has, or None; raises `MediaError` where there is no file to read."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError as error:
        raise MediaError(f"there is no file {path}") from error
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
    return next((row for row in FORMATS if any(head.startswith(magic, at) for at, magic in row.magic)), None)


def is_pattern(path: Path) -> bool:
    """Whether `path` is a pattern such as `shot/%04d.png` and not the name of something that is there."""
    return PATTERN.search(path.name) is not None and not path.exists()


def read_suffixes(holds: Holds) -> tuple[str, ...]:
    """The suffixes of files that may hold pictures, films, depth, points or splats."""
    return tuple(suffix for row in FORMATS if holds in row.reads for suffix in row.suffixes)


def written_suffixes(holds: Holds) -> tuple[str, ...]:
    """The suffixes results may have that hold pictures, films, depth, points or splats."""
    return tuple(suffix for row in FORMATS if holds in row.writes for suffix in row.suffixes)
