"""Depth as 16-bit grey PNG: code 0 is invalid, any other code means `offset + scale * code`.

What `offset + scale * code` is stands in the file's text chunk `vergence`, as JSON:

- metric up to 65.535 m: millimetres (`scale` 0.001, `offset` 0), as RGB-D tools read them;
- disparity up to 255.99 px: 256ths of a pixel, as the KITTI benchmark has them;
- scale_invariant: 1 / z, between the smallest and the largest of the picture (`"of": "inverse"`), because z itself
  spans decades there and would leave the foreground a handful of codes;
- all else: linear between the smallest and the largest value of the picture.

A value comes back within half a `scale` (of the inverse, where that is stored). Confidence is not stored.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vergence.errors import FormatError, MediaError
from vergence.media.depth_header import check_kind, described_depth, foreign_depth, header_of
from vergence.media.image import SIXTEEN_BIT_GREY, blaming, open_picture
from vergence.types import DepthKind, DepthMap

KEY = "vergence"
LAST = 65535  # the largest code
MILLIMETRE = 0.001  # m
KITTI = 1 / 256  # px
SPAN = 1e9  # of z, largest to smallest; beyond it the smallest 1 / z would drown in rounding


def save(path: Path, depth: DepthMap) -> None:
    """Write depth to `path`, at its own size."""
    known = depth.values[depth.valid].astype(np.float64)
    is_inverse = depth.kind == "scale_invariant" and known.size > 0 and 0 < known.max() <= SPAN * known.min()
    if is_inverse:
        known = 1 / known
    offset, scale = _coding(depth.kind, known)
    codes = np.zeros(depth.values.shape, dtype=np.uint16)
    codes[depth.valid] = np.clip(np.rint((known - offset) / (scale or 1)), 1, LAST)
    text = PngInfo()
    of = "inverse" if is_inverse else "value"
    text.add_text(KEY, json.dumps(header_of(depth) | {"of": of, "scale": scale, "offset": offset, "invalid": 0}))
    Image.fromarray(codes).save(path, "PNG", pnginfo=text, compress_level=1)


def load(path: Path, kind: DepthKind | None) -> DepthMap:
    """Read a depth PNG or TIFF.

    One that another program wrote needs its `kind`: "metric" is 16-bit millimetres, or metres in floating point;
    "disparity" is pixels, in 256ths where it has 16 bits (KITTI); "affine_inverse" is on any scale.

    Raises:
        MediaError: the file is damaged.
        FormatError: the values have no known meaning, or are colours.
    """
    with open_picture(path) as picture:
        with blaming(path):
            picture.load()
            text = getattr(picture, "text", {}).get(KEY)
        samples = np.asarray(picture.convert("RGBA") if picture.mode in ("1", "P", "PA") else picture)
        is_grey16 = picture.mode in (*SIXTEEN_BIT_GREY, "I")
    if text is None:
        check_kind(kind, path)
        return foreign_depth(_grey(samples, path) * _unit(kind, samples, is_grey16, path), kind, path=path)
    return _decoded(samples, text, kind, path)


def _coding(kind: DepthKind, known: NDArray[np.float64]) -> tuple[float, float]:
    if not known.size:
        return 0.0, 0.0
    low, high = float(known.min()), float(known.max())
    if kind == "metric" and low >= 0 and high <= LAST * MILLIMETRE:
        return 0.0, MILLIMETRE
    if kind == "disparity" and low >= 0 and high <= LAST * KITTI:
        return 0.0, KITTI
    scale = (high - low) / (LAST - 1)  # 0 for a flat picture, whose one value is then the offset
    return low - scale, scale


def _decoded(codes: NDArray[Any], text: str, asked: DepthKind | None, path: Path) -> DepthMap:
    try:
        header = json.loads(text)
        offset, scale, of = float(header["offset"]), float(header["scale"]), header["of"]
        if codes.dtype != np.uint16 or codes.ndim != 2 or of not in ("value", "inverse"):
            raise ValueError(f"{codes.dtype} samples of {of!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise MediaError(f"{path} is damaged: its description of the depth cannot be read ({error})") from error
    meaning = offset + scale * np.arange(LAST + 1, dtype=np.float64)
    with np.errstate(divide="ignore"):
        table = (1 / meaning if of == "inverse" else meaning).astype(np.float32)
    table[0] = 0
    return described_depth(header, table[codes], valid=codes > 0, path=path, asked=asked)


def _grey(samples: NDArray[Any], path: Path) -> NDArray[np.float64]:
    """The one channel of grey samples, also of those that were saved as colours."""
    if samples.ndim == 2:
        return samples.astype(np.float64)
    if samples.shape[2] >= 3 and (np.ptp(samples[..., :3], axis=2) > 0).any():
        raise FormatError(f"{path} is in colour; depth is read from a grey picture (of 16 bits, better)")
    return samples[..., 0].astype(np.float64)


def _unit(kind: DepthKind | None, samples: NDArray[Any], is_grey16: bool, path: Path) -> float:
    if kind == "metric" and samples.dtype == np.uint8:
        raise FormatError(f"{path} has 8 bits, too few for metric depth; needed are 16-bit millimetres")
    if kind == "metric" and is_grey16:
        return MILLIMETRE
    return KITTI if kind == "disparity" and is_grey16 else 1.0
