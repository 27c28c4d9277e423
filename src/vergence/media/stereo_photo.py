"""Stereo photos in the two formats made for them, both of JPEG: .mpo and .jps."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError
from vergence.media.image import PhotoFile, carried_metadata
from vergence.media.jpeg import encoded
from vergence.media.jps import stereo_jpeg
from vergence.media.mpo import multi_picture
from vergence.types import Frame, MediaInfo, StereoPair


class StereoPhotoSink(PhotoFile):
    """A sink of one pair; the suffix of `path` chooses between .mpo and .jps.

    Args:
        path: the result.
        like: what the pair was made from; its RGB profile and EXIF are written again, for each JPEG.
        overwrite: replace what lies there.
        quality: 1..100.

    Raises:
        FormatError: another suffix; while writing, a view too large for a JPEG.
        TargetError: see `Target`.
    """

    def __init__(self, path: Path, *, like: MediaInfo, overwrite: bool = False, quality: int = 92) -> None:
        if path.suffix.lower() not in (".mpo", ".jps"):
            raise FormatError(f"a stereo photo is written as .mpo or .jps, not as {path.name}")
        super().__init__(path, like=like, overwrite=overwrite, quality=quality)

    def write(self, pair: StereoPair) -> None:
        """Write both views under the final name."""
        if self._is_written:
            raise FormatError(f"{self.path} holds one pair; write a film to a film")
        if self.path.suffix.lower() == ".mpo":
            data = multi_picture([self._jpeg(pair.left, pair), self._jpeg(pair.right, pair)])
        else:
            data = stereo_jpeg(self._jpeg(np.hstack([pair.right, pair.left]), pair))
        with self._target as target:
            target.temporary.write_bytes(data)
        self._is_written = True

    def _jpeg(self, view: NDArray[Any], pair: StereoPair) -> bytes:
        picture = Frame(view, 0, pair.frame.time)
        metadata = carried_metadata(self._source, width=picture.width, height=picture.height)
        return encoded(picture.rgb8, quality=self._quality, metadata=metadata)
