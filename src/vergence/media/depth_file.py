"""Depth in and out of files: one map for a photo, a folder of numbered maps or a grey film for a film."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError
from vergence.geometry.resample import resize_depth
from vergence.media.formats import FORMATS, by_content, by_suffix, is_pattern, read_suffixes, written_suffixes
from vergence.media.frames import FileOrFolder, numbered_files, warn_of_gaps
from vergence.media.targets import Target
from vergence.types import DepthFrame, DepthKind, DepthMap, Frame, MediaInfo

logger = logging.getLogger(__name__)

DepthName = Literal["metric", "inverse", "disparity"]  # as `--depth-kind` has them
KINDS: dict[DepthName, DepthKind] = {"metric": "metric", "inverse": "affine_inverse", "disparity": "disparity"}
GREY = 8 / 255  # of full scale: samples of a grey film differ by less between colours, rounding and 4:2:0 aside


class _Codec(Protocol):
    """What a depth module offers: `depth_png`, `depth_npz`, `depth_exr`."""

    def save(self, path: Path, depth: DepthMap) -> None: ...
    def load(self, path: Path, kind: DepthKind | None) -> DepthMap: ...


def read_depth(path: str | Path, *, kind: DepthName | None = None) -> DepthMap:
    """Read one depth map; a file of another program needs its `kind`.

    `kind` says what the numbers of a file without our description mean: "metric" is metres, or millimetres where the
    samples are 16-bit integers; "disparity" is pixels of the picture's full width, in 256ths where the samples are
    16-bit integers (KITTI); "inverse" grows towards the viewer on any scale. Zero is invalid, but of "inverse" it is
    the far end.

    Raises:
        MediaError: there is no such file, or it is damaged.
        FormatError: it is no depth file, or its numbers have no known meaning.
    """
    path = Path(path)
    return _reader(path).load(path, None if kind is None else KINDS[kind])


def write_depth(path: str | Path, depth: DepthMap, *, width: int, height: int, overwrite: bool = False) -> None:
    """Write depth at the size of its picture; the suffix chooses 16-bit PNG, or NPZ or EXR, which are exact.

    Raises:
        FormatError: no depth can be written under this suffix.
        TargetError: see `Target`.
    """
    path = Path(path)
    codec = _writer(path)
    with Target(path, overwrite=overwrite) as target:
        codec.save(target.temporary, at_picture_size(depth, width, height))


def at_picture_size(depth: DepthMap, width: int, height: int) -> DepthMap:
    """Resize depth to its picture's pixels; invalid values do not bleed into their neighbours."""
    if depth.values.shape == (height, width):
        return replace(depth, sampling="centres")  # both samplings are the same here

    def resized(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return resize_depth(values, width, height, sampling=depth.sampling)

    if depth.valid.all():
        values, valid = resized(depth.values), np.ones((height, width), dtype=np.bool_)
    else:
        weight = resized(depth.valid.astype(np.float32))
        valid = weight >= 0.5
        total = resized(np.where(depth.valid, depth.values, np.float32(0)))
        values = np.divide(total, weight, out=np.zeros_like(total), where=valid)
    return replace(
        depth,
        values=values,
        valid=valid,
        sampling="centres",
        intrinsics=None if depth.intrinsics is None else depth.intrinsics.resized(width, height),
        confidence=None if depth.confidence is None else resized(depth.confidence),
    )


class DepthSource:
    """Depth from files: iterating gives (number of the frame, depth), from 0, one map in memory at a time.

    `path` is one depth file (a photo's), a folder of numbered depth files or a pattern such as `depth/%06d.png` (a
    film's, one a frame), an .npz of another program with a (T, H, W) array, or a grey film in which brighter is nearer.
    Numbers count the files found, whatever theirs begin with.

    Attributes:
        is_film: several maps follow each other.
        frames: how many, or None when unknown.

    Raises:
        MediaError: there is no such file or folder, or a file is damaged.
        FormatError: it holds no depth, or its numbers have no known meaning (see `read_depth`); of a film, "metric" is
            refused, and without a `kind` it is "inverse".
    """

    def __init__(self, path: str | Path, *, kind: DepthName | None = None) -> None:
        path = Path(path)
        means = None if kind is None else KINDS[kind]
        row = None if path.is_dir() or is_pattern(path) else by_suffix(path) or by_content(path)
        if row is None:
            self._maps, self.is_film, self.frames = _numbered_maps(path, means)
        elif not path.is_file():
            raise MediaError(f"there is no file {path}")
        elif row.reads[0] == "film":
            self._maps, self.is_film, self.frames = _film_maps(path, means)
        else:
            self._maps, self.is_film, self.frames = _file_maps(path, means)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Files are closed by the iteration that opened them."""

    def __iter__(self) -> Iterator[tuple[int, DepthMap]]:
        return enumerate(self._maps())


class DepthSink(FileOrFolder):
    """Depth into files, at the size of each frame: `NAME.png` for a photo, `NAME/000000.png, ...` for a film.

    The suffix chooses 16-bit PNG, or NPZ or EXR, which are exact; a pattern such as `depth/%04d.exr` names the files of
    a film. One map is in memory at a time.

    Attributes:
        path: the file or folder that is written.

    Raises:
        FormatError: no depth can be written under this suffix.
        TargetError: see `Target`.
    """

    def __init__(self, path: str | Path, *, like: MediaInfo, overwrite: bool = False) -> None:
        path = Path(path)
        self._codec = _writer(path)
        super().__init__(path, suffix=path.suffix, is_film=like.is_film, overwrite=overwrite)
        if like.is_film:
            logger.info("%s is a folder with one file a frame", self.path)

    def write(self, item: DepthFrame) -> None:
        """Write the depth of the next frame."""
        width, height = item.frame.width, item.frame.height
        if self._folder is None:
            write_depth(self.path, item.depth, width=width, height=height, overwrite=self._overwrite)
        else:
            self._codec.save(self._folder.next(), at_picture_size(item.depth, width, height))


_Maps = tuple[Callable[[], Iterator[DepthMap]], bool, int | None]  # how to read them, is_film, frames


def _file_maps(path: Path, kind: DepthKind | None) -> _Maps:
    codec = _reader(path)
    if path.suffix.lower() == ".npz":
        from vergence.media import depth_npz

        if (frames := depth_npz.frame_count(path)) is not None:
            return lambda: depth_npz.load_frames(path, kind), True, frames
    return lambda: iter([codec.load(path, kind)]), False, 1


def _numbered_maps(path: Path, kind: DepthKind | None) -> _Maps:
    suffixes = [suffix for row in FORMATS if row.depth_module for suffix in row.suffixes]
    files = numbered_files(path, suffixes)
    if not files:
        raise MediaError(
            f"no depth of a film in {path}; needed are numbered files, all of one suffix of {', '.join(suffixes)}"
        )
    warn_of_gaps(files, path)
    return lambda: (_reader(file).load(file, kind) for file in files.values()), True, len(files)


def _film_maps(path: Path, kind: DepthKind | None) -> _Maps:
    if kind == "metric":
        raise FormatError(f"{path} is a film, whose greys cannot be metres; use numbered 16-bit .png or .exr files")
    from vergence.media.video import VideoSource

    def maps() -> Iterator[DepthMap]:
        with VideoSource(path) as film:
            for frame in film:
                yield _brightness(frame, kind or "affine_inverse", path)

    with VideoSource(path) as film:
        return maps, True, film.info.frames


def _brightness(frame: Frame, kind: DepthKind, path: Path) -> DepthMap:
    full = np.iinfo(frame.rgb.dtype).max
    if frame.index == 0 and np.ptp(frame.rgb, axis=2).mean() > GREY * full:
        raise FormatError(f"{path} is in colour; depth is read from a grey film, brighter where nearer")
    values = frame.rgb[..., 1].astype(np.float32) / np.float32(full)
    if kind == "disparity":
        values *= np.float32(255)  # a level of 8 bits is a pixel
    return DepthMap(values, values > 0 if kind == "disparity" else np.ones(values.shape, dtype=np.bool_), kind)


def _reader(path: Path) -> _Codec:
    row = by_suffix(path) or by_content(path)
    if row is None or row.depth_module is None:
        raise FormatError(f"cannot read depth from {path}; choose from {', '.join(read_suffixes('depth'))}")
    return _codec(row.depth_module)


def _writer(path: Path) -> _Codec:
    row = by_suffix(path)
    if row is None or row.depth_module is None or "depth" not in row.writes:
        known = ", ".join(written_suffixes("depth"))
        raise FormatError(f"cannot write depth to {path}: its suffix must be one of {known}")
    return _codec(row.depth_module)


def _codec(module: str) -> _Codec:
    return cast(_Codec, import_module(f"vergence.media.{module}"))
