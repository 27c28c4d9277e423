"""Numbered pictures in a folder as a film: `shot/0001.png, shot/0002.png, ...`, or by a pattern `shot/%04d.png`."""

import itertools
import logging
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Self

from vergence.errors import MediaError, SettingsError
from vergence.media.formats import PATTERN, is_pattern, read_suffixes
from vergence.media.image import picture_size, read_picture, save_picture, writer_of
from vergence.media.targets import Target
from vergence.types import Frame, MediaInfo

logger = logging.getLogger(__name__)

RATE = Fraction(24)  # frames a second where nothing else is said, as films are shot
DIGITS = 6  # of the numbers we write: ten hours at 25 fps sort rightly everywhere
FEWEST = 2  # one numbered picture, such as IMG_0001.jpg, is a photo
NUMBERED = re.compile(r"(.*?)([0-9]+)(\.[^.]+)")


class FramesSource:
    """Numbered pictures as a film whose first frame is shown at time 0.

    Frames are in order of their numbers and follow each other without a pause, also where a number is missing.

    Args:
        path: a folder of numbered pictures, or a pattern of their names such as `shot/%04d.png`.
        rate: frames per second.
        start, end: the part wanted, seconds; `end` itself is not in it.
        max_frames: at most as many.

    Raises:
        MediaError: there are no numbered pictures, or none in the part; while iterating, one is damaged or of another
            size than the first.
        SettingsError: `rate`, `start`, `end` and `max_frames` make no sense.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate: Fraction = RATE,
        start: Fraction | None = None,
        end: Fraction | None = None,
        max_frames: int | None = None,
    ) -> None:
        if rate <= 0:
            raise SettingsError(f"a film has more than {rate} frames a second")
        if (start or 0) < 0 or (end is not None and end <= (start or 0)):
            raise SettingsError(f"the part must have 0 <= start < end, not start {start} and end {end}")
        if max_frames is not None and max_frames < 1:
            raise SettingsError(f"at least 1 frame must be asked for, not {max_frames}")
        numbered = numbered_files(path, read_suffixes("picture"))
        if not numbered:
            raise MediaError(f"no numbered pictures in {path}; needed are names such as 0001.png, all of one suffix")
        warn_of_gaps(numbered, path)
        files = list(numbered.values())
        first = ceil((start or 0) * rate)
        last = len(files) if end is None else min(len(files), ceil(end * rate))
        if max_frames is not None:
            last = min(last, first + max_frames)
        if last <= first:
            raise MediaError(f"no frame of {path} lies in the part asked for: it lasts {float(len(files) / rate):g} s")
        self._files, self._first = files[first:last], first
        width, height = picture_size(self._files[0])
        folder = path.parent if is_pattern(path) else path
        self.info = MediaInfo(
            path=folder if folder.name else folder.resolve(),  # results are named after it, and "." has no name
            is_film=True,
            width=width,
            height=height,
            frames=last - first,
            rate=rate,
            time_base=1 / rate,
            start=start,
            end=end,
            is_clipped=last < len(files),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held open between frames."""

    def __iter__(self) -> Iterator[Frame]:
        info = self.info
        assert info.rate is not None
        for index, file in enumerate(self._files):
            rgb, intrinsics = read_picture(file)
            if rgb.shape[:2] != (info.height, info.width):
                raise MediaError(
                    f"{file} is {rgb.shape[1]}x{rgb.shape[0]}, but the film began with {info.width}x{info.height}; "
                    "frames of one film are all of one size"
                )
            time = (self._first + index) / info.rate
            yield Frame(rgb, index, time, duration=1 / info.rate, intrinsics=intrinsics)


class NumberedFolder:
    """A folder of numbered files being written, which appears under its name when it is whole.

    Args:
        path: the folder, or a pattern such as `shot/%04d.png` of the names in it.
        suffix: of the files, where `path` is a folder.
        overwrite: replace a folder that holds nothing but numbered files.

    Raises:
        TargetError: see `Target`.
        MediaError: nothing was written when it is left.
    """

    def __init__(self, path: Path, *, suffix: str, overwrite: bool) -> None:
        if is_pattern(path):
            self.path, self._name = path.parent, path.name
        else:
            self.path, self._name = path, f"%0{DIGITS}d{suffix}"
        names = _named_by(self._name)
        self._target = Target(self.path, overwrite=overwrite, is_folder=True, also_ours=names)
        self._written = 0

    def __enter__(self) -> Self:
        self._target.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None or self._written:
            self._target.__exit__(kind, error, traceback)
            return
        nothing = MediaError(f"nothing was written to {self.path}: there was no frame")
        self._target.__exit__(MediaError, nothing, None)
        raise nothing

    def next(self) -> Path:
        """Where the next file goes."""
        before, width, after = PATTERN.split(self._name, maxsplit=1)
        name = f"{before}{self._written:0{width or 1}d}{after}"
        self._written += 1
        return self._target.temporary / name


class FileOrFolder:
    """What sinks of one file a frame share: one file for a photo, a `NumberedFolder` for a film.

    A folder is named as the file would be, without its suffix, or by a pattern.

    Attributes:
        path: the file or folder that is written.

    Raises:
        TargetError: see `Target`.
    """

    def __init__(self, path: Path, *, suffix: str, is_film: bool, overwrite: bool) -> None:
        self.path, self._overwrite = path, overwrite
        self._folder: NumberedFolder | None = None
        if is_film:
            folder = path if is_pattern(path) else path.with_name(path.name[: -len(suffix)])
            self._folder = NumberedFolder(folder, suffix=suffix, overwrite=overwrite)
            self.path = self._folder.path
        else:
            Target(path, overwrite=overwrite)  # what is in the way shall be known now, not after the work

    def __enter__(self) -> Self:
        if self._folder is not None:
            self._folder.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.__exit__(kind, error, traceback)


class FramesSink:
    """A film as numbered pictures: 000000.png, 000001.png, ... or by a pattern such as `shot/%04d.jpg`.

    16-bit frames stay so in PNG and TIFF. Raises as `NumberedFolder` and `ImageSink`.
    """

    def __init__(self, path: Path, *, suffix: str = ".png", overwrite: bool = False, quality: int = 92) -> None:
        writer_of(path if is_pattern(path) else path / f"0{suffix}")
        self._folder = NumberedFolder(path, suffix=suffix, overwrite=overwrite)
        self.path = self._folder.path
        self._quality = quality

    def __enter__(self) -> Self:
        self._folder.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._folder.__exit__(kind, error, traceback)

    def write(self, frame: Frame) -> None:
        """Write the next picture."""
        save_picture(self._folder.next(), frame, quality=self._quality)


def natural_key(name: str) -> tuple[str | int, ...]:
    """Sort key by which `frame9` comes before `frame10`."""
    parts = re.split(r"([0-9]+)", name)
    return tuple(int(part) if at % 2 else part for at, part in enumerate(parts))


def is_frames_folder(path: Path) -> bool:
    """Whether the pictures in a folder are the frames of one film.

    They are where there are at least two, whose names differ by one number alone and whose sizes do not differ.
    """
    if not path.is_dir():
        return False
    pictures = _files_with(path, read_suffixes("picture"))
    if len(pictures) < FEWEST or not numbered_files(path, read_suffixes("picture")):
        return False
    return len({picture_size(picture) for picture in pictures}) == 1


def pictures_in(path: Path) -> list[Path]:
    """The pictures in a folder, in natural order; raises `MediaError` when there are none."""
    wanted = read_suffixes("picture")
    pictures = _files_with(path, wanted)
    if not pictures:
        raise MediaError(f"no pictures in {path}; looked for {', '.join(wanted)}")
    return sorted(pictures, key=lambda picture: natural_key(picture.name))


def numbered_files(path: Path, suffixes: Iterable[str]) -> dict[int, Path]:
    """The files of a film by their numbers, ascending; none where the names differ by more than one number.

    `path` is a folder, whose files have their number at the end of the stem, or a pattern.
    """
    name = NUMBERED
    if is_pattern(path):
        name = _named_by(path.name)
        path = path.parent
    found = _files_with(path, suffixes)
    matches = [(match, file) for file in found if (match := name.fullmatch(file.name))]
    files = {int(match[2]): file for match, file in matches}
    kinds = {(match[1], match[3]) for match, _ in matches}
    others = name is NUMBERED and len(matches) < len(found)
    if others or len(kinds) != 1 or len(files) != len(matches):
        return {}
    return dict(sorted(files.items()))


def _named_by(pattern: str) -> re.Pattern[str]:
    """What the names of a pattern such as `shot_%04d.png` look like: what is before the number, it, what is after."""
    before, width, after = PATTERN.split(pattern, maxsplit=1)
    digits = f"[0-9]{{{width},}}" if width else "[0-9]+"
    return re.compile(f"({re.escape(before)})({digits})({re.escape(after)})")


def warn_of_gaps(numbers: Iterable[int], where: Path) -> None:
    """Warn of numbers missing in an ascending series, whose step is the smallest between two neighbours."""
    pairs = list(itertools.pairwise(numbers))
    step = min((b - a for a, b in pairs), default=1)
    gaps = [(a, b) for a, b in pairs if b - a > step]
    if gaps:
        missing = sum((b - a) // step - 1 for a, b in gaps)
        logger.warning("%s: %d numbers are missing, the first between %d and %d", where, missing, *gaps[0])


def _files_with(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    wanted = set(suffixes)
    try:
        return [
            item
            for item in folder.iterdir()
            if item.suffix.lower() in wanted and not item.name.startswith(".") and item.is_file()
        ]
    except OSError as error:
        raise MediaError(f"cannot read the folder {folder}: {error.strerror or error}") from error
