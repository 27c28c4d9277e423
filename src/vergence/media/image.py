"""Photos, through Pillow: upright, in 8 bits, opaque; written with the colour profile and the EXIF of their source.

The pixels keep the colour space of the source's RGB profile, which is written again. Where the profile is of another
space (CMYK, grey) the picture is converted through it to sRGB, because the result is RGB and the profile would lie.
"""

import io
import logging
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from math import hypot
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.ExifTags import IFD, Base

from vergence.errors import FormatError, MediaError, SettingsError
from vergence.media import jpeg
from vergence.media.formats import MAX_PIXELS, by_content, by_suffix, written_suffixes
from vergence.media.targets import Target
from vergence.types import Frame, Intrinsics, MediaInfo

logger = logging.getLogger(__name__)

READ = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "BMP", "GIF", "JPEG2000"]  # an allow-list; MPO comes with JPEG
SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B")
MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", *SIXTEEN_BIT_GREY)
FULL_FRAME_DIAGONAL = 43.27  # mm of the 36 x 24 mm film that 35 mm equivalents refer to
SAME_SHAPE = 0.01  # two aspect ratios this close (relative) are one, rounding aside
TURNS = {  # what makes a picture upright, by its EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
EXIF_LIMIT = 65_500  # bytes; a JPEG keeps it in one segment

# What a photo says of itself and its camera. Tags of how a file is laid out must not travel into another file.
DESCRIPTIVE = (
    Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist, Base.HostComputer,
    Base.Copyright, Base.XResolution, Base.YResolution, Base.ResolutionUnit, Base.XPTitle, Base.XPComment,
    Base.XPAuthor, Base.XPKeywords, Base.XPSubject,
)  # fmt: skip


class ImageSource:
    """A photo as a source of one frame, at time 0.

    The EXIF orientation is applied, transparency is laid on white and an animation gives its first picture. The camera
    comes from the EXIF focal length in 35 mm equivalents, which is right to about 10 %, and is None without one.

    Raises:
        MediaError: there is no such file, it is damaged or cut off, or it has more than `MAX_PIXELS`.
        FormatError: it is not a picture, its samples are no colours, or reading it needs an extra.
    """

    def __init__(self, path: Path) -> None:
        self._rgb, self._intrinsics = read_picture(path)
        height, width = self._rgb.shape[:2]
        self.info = MediaInfo(path=path, is_film=False, width=width, height=height, frames=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(self._rgb, index=0, time=Fraction(0), intrinsics=self._intrinsics)


class PhotoFile:
    """What sinks of one photo share: where it goes, what it was made from, and that there is but one.

    Args:
        path: the result.
        like: what it is made from; None or a film has nothing to hand on.
        overwrite: replace what lies there.
        quality: 1..100.

    Raises:
        SettingsError: the quality is out of range.
        TargetError: see `Target`.
    """

    def __init__(self, path: Path, *, like: MediaInfo | None, overwrite: bool, quality: int) -> None:
        if not 1 <= quality <= 100:
            raise SettingsError(f"the quality of a picture lies between 1 and 100, not {quality}")
        self.path = path
        self._source = like.path if like is not None and not like.is_film else None
        self._target = Target(path, overwrite=overwrite)
        self._quality = quality
        self._is_written = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held open: `write` writes the whole file."""


class ImageSink(PhotoFile):
    """A photo as a sink of one frame; the suffix of `path` chooses the format.

    JPEG and AVIF keep full colour resolution (4:4:4), without which an anaglyph's colours bleed into the wrong eye;
    lossy WebP has no such choice. PNG and TIFF are lossless, in 16 bits where the frame has them.

    Args:
        path: the result.
        like: what the frame was made from; its RGB profile and EXIF are written again.
        overwrite: replace what lies there.
        quality: 1..100, of lossy formats.

    Raises:
        FormatError: no picture can be written under this suffix, or the frame is too large for it.
        TargetError: see `Target`.
    """

    def __init__(self, path: Path, *, like: MediaInfo | None, overwrite: bool = False, quality: int = 92) -> None:
        writer_of(path)
        super().__init__(path, like=like, overwrite=overwrite, quality=quality)

    def write(self, frame: Frame) -> None:
        """Write the picture under its final name."""
        if self._is_written:
            raise FormatError(f"{self.path} holds one picture; write a film to a film or to numbered pictures")
        metadata = carried_metadata(self._source, width=frame.width, height=frame.height)
        with self._target as target:
            save_picture(target.temporary, frame, quality=self._quality, metadata=metadata)
        self._is_written = True


@dataclass(frozen=True)
class Writer:
    """How Pillow writes a format, and the longest side the format can have, pixels."""

    longest: int
    is_lossy: bool
    options: Mapping[str, Any] = field(default_factory=dict)


WRITERS = {
    "JPEG": Writer(jpeg.LONGEST, True, {"subsampling": "4:4:4"}),
    "PNG": Writer(2**31 - 1, False, {"compress_level": 1}),  # four times as fast as the default, an eighth larger
    "WEBP": Writer(16_383, True),
    "TIFF": Writer(2**31 - 1, False),  # not compressed: with libtiff Pillow cannot write EXIF
    "AVIF": Writer(65_536, True, {"subsampling": "4:4:4", "speed": 8}),
}


def writer_of(path: Path) -> tuple[str, Writer]:
    """Pillow's name of the format `path` has by its suffix; raises `FormatError` where it cannot be written."""
    row = by_suffix(path)
    if row is None or row.name not in WRITERS:
        known = ", ".join(written_suffixes("picture"))
        raise FormatError(f"cannot write the picture {path}: its suffix must be one of {known}")
    return row.name, WRITERS[row.name]


def save_picture(path: Path, frame: Frame, *, quality: int = 92, metadata: Mapping[str, bytes] | None = None) -> None:
    """Write a frame to `path` as its suffix says; `metadata` may hold `icc_profile` and `exif`."""
    name, writer = writer_of(path)
    if max(frame.width, frame.height) > writer.longest:
        raise FormatError(
            f"{name} pictures have at most {writer.longest} pixels a side, and this one is "
            f"{frame.width}x{frame.height}; write .png or .tif"
        )
    if frame.rgb.dtype == np.uint16 and not writer.is_lossy:
        # Pillow has no 16-bit colour. The file is written here so that a full disk is an OSError.
        _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR))
        path.write_bytes(encoded.tobytes())
        return
    options = {**writer.options, **({"quality": quality} if writer.is_lossy else {}), **(metadata or {})}
    Image.fromarray(frame.rgb8).save(path, name, **options)


def read_picture(path: Path) -> tuple[NDArray[np.uint8], Intrinsics | None]:
    """Read a picture upright as (H, W, 3) uint8, with its camera where the EXIF tells; raises as `ImageSource`."""
    with open_picture(path) as picture:
        with blaming(path):
            several = getattr(picture, "n_frames", 1)
            picture.load()
            exif = picture.getexif()
            turn, taken = TURNS.get(exif.get(Base.Orientation, 1)), exif.get_ifd(IFD.Exif)
        if several > 1 and picture.format != "MPO":  # whose others are the second eye or previews
            logger.warning("%s holds %d pictures; the first is used", path, several)
        rgb = np.asarray(_to_rgb(picture if turn is None else picture.transpose(turn), path))
    return rgb, _camera(taken, rgb.shape[1], rgb.shape[0])


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture when upright, from its header alone; raises as `ImageSource`."""
    with open_picture(path) as picture, blaming(path):
        width, height = picture.size
        # Pillow would decode a whole PNG to look for EXIF, and gives the upright size of a TIFF by itself.
        turned = picture.format not in ("PNG", "TIFF") and picture.getexif().get(Base.Orientation) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def is_animated(path: Path) -> bool:
    """Whether a picture file, such as a GIF, holds several pictures; raises as `ImageSource`."""
    with open_picture(path) as picture, blaming(path):
        return bool(getattr(picture, "is_animated", False))


def open_picture(path: Path) -> Image.Image:
    """Read the header of a picture, to be closed by the caller; raises as `ImageSource`."""
    row = by_content(path)
    formats = READ
    if row is not None and row.name == "HEIF":
        _register_heif(path)
        formats = [*READ, "HEIF"]
    with blaming(path), _without_pixel_limit():
        picture = Image.open(path, formats=formats)
    width, height = picture.size
    if width * height > MAX_PIXELS:
        picture.close()
        raise MediaError(
            f"{path} has {width}x{height} pixels, more than the {MAX_PIXELS // 10**6} million that are read; "
            "make it smaller first"
        )
    return picture


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Whatever goes wrong in the block, which decodes `path` and does no more, is that file's fault."""
    try:
        yield
    except MemoryError:
        raise
    except UnidentifiedImageError as error:
        if path.stat().st_size == 0:
            raise MediaError(f"{path} is empty (0 bytes); copy it again") from error
        raise FormatError(f"{path} is not a picture in a format we know, or its header is damaged") from error
    except Exception as error:  # a decoder fed with damaged bytes raises whatever it stumbles over
        fault = "cut off" if "truncated" in str(error) else "damaged"
        raise MediaError(f"{path} is {fault} ({error}); get a whole copy") from error


_limit = threading.Lock()


@contextmanager
def _without_pixel_limit() -> Iterator[None]:
    """Lift Pillow's limit while a header is read: it has one for the whole process, lower than `MAX_PIXELS`."""
    with _limit:
        theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = theirs


def _register_heif(path: Path) -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise FormatError(
            f"{path} is HEIC/HEIF, which needs an extra: pip install 'vergence[formats]', or convert it to JPEG"
        ) from error
    register_heif_opener()


def _to_rgb(picture: Image.Image, path: Path) -> Image.Image:
    mode = picture.mode
    if mode not in MODES:
        raise FormatError(f"{path} holds {mode} samples, not colours that can be shown; convert it to 8-bit RGB first")
    if mode in SIXTEEN_BIT_GREY:
        grey = np.asarray(picture).astype(np.uint32)
        return Image.fromarray(((grey + 128) // 257).astype(np.uint8)).convert("RGB")  # 65535 becomes 255
    if picture.has_transparency_data:
        logger.debug("%s: its transparency is laid on white", path)
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    profile = picture.info.get("icc_profile")
    if profile and mode in ("CMYK", "L") and profile[16:20] in (b"CMYK", b"GRAY"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            assert converted is not None  # it is None only when done in place
            return converted
        except (ImageCms.PyCMSError, OSError) as error:
            logger.warning("%s: its colour profile cannot be used (%s); colours are approximate", path, error)
    return picture.convert("RGB")


def _camera(taken: Mapping[int, Any], width: int, height: int) -> Intrinsics | None:
    """The camera by its focal length in 35 mm equivalents, defined by equal diagonals (CIPA DCG-001)."""
    focal = taken.get(Base.FocalLengthIn35mmFilm)
    if not isinstance(focal, int) or focal <= 0:
        return None
    match taken.get(Base.ExifImageWidth), taken.get(Base.ExifImageHeight):
        case (int(a), int(b)) if a > 0 and b > 0:
            then, now = max(a, b) / min(a, b), max(width, height) / min(width, height)
            if abs(then - now) > SAME_SHAPE * now:
                logger.debug("the picture was cropped after it was taken, so its camera is unknown")
                return None
    f = hypot(width, height) * focal / FULL_FRAME_DIAGONAL
    return Intrinsics(f, f, width / 2, height / 2, width, height)


def carried_metadata(source: Path | None, *, width: int, height: int) -> dict[str, bytes]:
    """The profile and EXIF of `source` as they are true of an upright RGB picture of this size made from it."""
    if source is None:
        return {}
    with open_picture(source) as picture, blaming(source):
        profile, old = picture.info.get("icc_profile"), picture.getexif()
        folders = {folder: dict(old.get_ifd(folder)) for folder in (IFD.Exif, IFD.GPSInfo)}
    metadata = {"icc_profile": profile} if profile and profile[16:20] == b"RGB " else {}
    new = Image.Exif()
    for tag in DESCRIPTIVE:
        if tag in old:
            new[tag] = old[tag]
    for folder, tags in folders.items():
        tags.pop(IFD.Interop, None)
        if tags:
            new[folder] = tags
    if not len(new):
        return metadata
    new[Base.Orientation] = 1
    new[IFD.Exif] = {
        **folders[IFD.Exif],
        Base.ExifImageWidth: width,
        Base.ExifImageHeight: height,
    }
    try:
        encoded = new.tobytes()
        if len(encoded) > EXIF_LIMIT:
            raise ValueError(f"{len(encoded)} bytes are too long")
    except (AttributeError, TypeError, ValueError, struct.error) as error:
        logger.warning("the EXIF of %s cannot be written again and is left out (%s)", source, error)
        return metadata
    return metadata | {"exif": encoded}
