"""Pictures with measured depth, as depth cameras and scanners leave them.

DIR/rgb/NAME.png       or .jpg, or any other picture
DIR/depth/NAME.png     of the same name: z, 16-bit integers; or metres as .npz or .exr. 0 is not known
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from vergence.errors import MediaError, ShapeError
from vergence.media.depth_file import read_depth
from vergence.media.image import read_picture
from vergence.types import DepthFrame, Frame

MILLIMETRE = 0.001  # m: what one step of 16-bit depth stands for in `read_depth`


@dataclass(frozen=True)
class RgbdFolder:
    """The pictures of a folder whose depth is known too.

    Attributes:
        path: the folder.
        pairs: of each, the files of its picture and of its depth.
        unit: metres that one step of 16-bit depth stands for: 0.001, or 0.0002 as in TUM's files.
    """

    path: Path
    pairs: tuple[tuple[Path, Path], ...]
    unit: float = MILLIMETRE

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[DepthFrame]:
        """The pictures, each with its depth.

        Raises:
            MediaError, FormatError: a file is damaged, or no picture or depth.
            ShapeError: depth is of another size than its picture.
        """
        for index, (picture, measured) in enumerate(self.pairs):
            rgb, camera = read_picture(picture)
            depth = read_depth(measured, kind="metric")
            if depth.values.shape != rgb.shape[:2]:
                raise ShapeError(
                    f"{measured} is {depth.values.shape[1]}x{depth.values.shape[0]}, its picture "
                    f"{rgb.shape[1]}x{rgb.shape[0]}; depth of each pixel is needed: register it to the picture"
                )
            if measured.suffix.lower() == ".png":
                depth = replace(depth, values=depth.values * np.float32(self.unit / MILLIMETRE))
            yield DepthFrame(Frame(rgb, index, Fraction(index), shot=index, intrinsics=camera), depth)


def open_rgbd(path: Path, *, unit: float = MILLIMETRE) -> RgbdFolder:
    """Find the pictures of a folder that have depth, in the order of their names; see the module for the layout.

    Raises:
        MediaError: there are none.
    """
    measured = {file.stem: file for file in sorted((path / "depth").glob("*")) if not file.name.startswith(".")}
    pictures = sorted(file for file in (path / "rgb").glob("*") if file.stem in measured)
    if not pictures:
        raise MediaError(f"no pictures with depth in {path}; needed are {path}/rgb/NAME.png and {path}/depth/NAME.png")
    return RgbdFolder(path, tuple((file, measured[file.stem]) for file in pictures), unit)
