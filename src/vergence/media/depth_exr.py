"""Depth as OpenEXR: channel Z in float32, exactly, NaN where invalid, and the properties as string attributes."""

import contextlib
import io
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError
from vergence.media.depth_header import described_depth, foreign_depth, header_of
from vergence.media.formats import MAX_PIXELS
from vergence.types import DepthKind, DepthMap

logger = logging.getLogger(__name__)

PREFIX = "vergence."  # of our attributes
FOREIGN = ("Z", "Y", "R")  # channels other programs put depth in, in order of preference


def save(path: Path, depth: DepthMap) -> None:
    """Write depth to `path`, at its own size."""
    attributes = {PREFIX + name: json.dumps(item) for name, item in header_of(depth).items()}
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **attributes}
    channels = {"Z": np.where(depth.valid, depth.values, np.float32(np.nan))}
    if depth.confidence is not None:
        channels["confidence"] = np.ascontiguousarray(depth.confidence)
    encoded = io.BytesIO()  # the library hides the reason of a failed write, such as a full disk
    OpenEXR.File(header, channels).write(encoded)
    path.write_bytes(encoded.getbuffer())


def load(path: Path, kind: DepthKind | None) -> DepthMap:
    """Read depth from channel Z, of other programs also from Y, R or the only one, which needs its `kind`.

    Raises:
        MediaError: the file is damaged or larger than `MAX_PIXELS`.
        FormatError: no channel is known to hold depth, or its values have no known meaning.
    """
    header, channels = _read(path)
    ours = {name.removeprefix(PREFIX): item for name, item in header.items() if name.startswith(PREFIX)}
    name = next((name for name in FOREIGN if name in channels), None) or (min(channels) if len(channels) == 1 else None)
    if name is None:
        raise FormatError(f"{path} holds {', '.join(sorted(channels))}; depth is read from {', '.join(FOREIGN)}")
    values = channels[name].astype(np.float32)
    if not ours:
        return foreign_depth(values, kind, path=path)
    try:
        described = {name: json.loads(item) for name, item in ours.items()}
    except (TypeError, ValueError) as error:
        raise MediaError(f"{path} is damaged: its description of the depth cannot be read ({error})") from error
    valid = np.isfinite(values)
    return described_depth(
        described,
        np.where(valid, values, np.float32(0)),
        valid=valid,
        path=path,
        asked=kind,
        confidence=channels.get("confidence"),
    )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The header and the channels of the first part; the size is checked before memory is taken for it."""
    complaints = io.StringIO()  # the library prints what is wrong, and goes on with an empty file
    try:
        with contextlib.redirect_stdout(complaints):
            with OpenEXR.File(str(path), header_only=True) as file:
                low, high = file.header()["dataWindow"]
                width, height = (int(side) for side in high.astype(np.int64) - low + 1)
            if not 0 < width * height <= MAX_PIXELS:
                raise MediaError(f"{path} has {width}x{height} pixels, not 1 to {MAX_PIXELS // 10**6} million")
            with OpenEXR.File(str(path), separate_channels=True) as file:
                channels = {name: channel.pixels for name, channel in file.channels().items()}
                header = dict(file.header())
    except MediaError:
        raise
    except (RuntimeError, ValueError, TypeError, KeyError, OSError) as error:
        reason = complaints.getvalue().strip() or error
        raise MediaError(f"{path} is damaged or not OpenEXR ({reason})") from error
    if any(pixels.shape != (height, width) for pixels in channels.values()):
        raise MediaError(f"{path} has channels of different sizes, which is not read")
    return header, channels
