"""Between a film's YCbCr and the program's RGB, by swscale, with matrix and range said explicitly.

Left to itself swscale takes every film without a tag for BT.601 and truncates in its fast path, which darkens a picture
by a level on average. In 16 bits swscale's white is 255 << 8 = 65280 in both directions, so `Frame.rgb8` and a
round trip are right.
"""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from vergence.types import Colour

logger = logging.getLogger(__name__)

Picture = NDArray[np.uint8] | NDArray[np.uint16]

UNSTATED = 2
BT709, BT601, BT2020 = 1, 6, 9
HD_LINES = 720  # from here on an untagged film is BT.709, as every player assumes

# Matrix of H.273 -> the constant swscale knows it by. It has none for YCgCo, ICtCp and the derived ones.
SWSCALE = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
MATRIX_OF_PRIMARIES = {1: BT709, 5: 5, 6: BT601, 7: 7, 9: BT2020}

RGB_FORMATS = {1: "rgb24", 2: "rgb48le"}  # by bytes per sample

# Bilinear chroma is half the work of bicubic, but only into 8 bits: into 16 swscale then takes a path that is wrong.
READ_8 = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
READ = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
WRITE = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


def with_matrix(colour: Colour, *, height: int) -> Colour:
    """`colour` with a matrix we can compute with: its own, else that of its primaries, else by the picture's height."""
    if colour.matrix in SWSCALE:
        return colour
    assumed = MATRIX_OF_PRIMARIES.get(colour.primaries, BT709 if height >= HD_LINES else BT601)
    if colour.matrix not in (0, UNSTATED):  # 0 is RGB itself
        logger.warning("colour matrix %d is not supported; colours are read by matrix %d", colour.matrix, assumed)
    return replace(colour, matrix=assumed)


def bits_per_sample(pixels: VideoFormat) -> int:
    """8 to 16, of the deepest channel."""
    return min(max(8, *(component.bits for component in pixels.components)), 16)


class RgbReader:
    """Turns decoded frames into (H, W, 3) arrays of one size.

    Args:
        colour: with a matrix, see `with_matrix`.
        bits: more than 8 gives uint16, else uint8.
        on_white: lay a transparent picture over white; else its alpha is ignored.
    """

    def __init__(self, colour: Colour, *, width: int, height: int, bits: int, on_white: bool = False) -> None:
        self._colour, self._width, self._height, self._on_white = colour, width, height, on_white
        self._bits = bits
        self._format = "rgba" if on_white else RGB_FORMATS[1 if bits == 8 else 2]
        self._reformatter = VideoReformatter()

    def read(self, frame: VideoFrame) -> Picture:
        tags: dict[str, Any] = {}
        if not (frame.format.is_rgb or frame.format.has_palette):
            frame.colorspace = self._colour.matrix
            tags["src_color_range"] = ColorRange.JPEG if self._colour.full_range else ColorRange.MPEG
        is_scaled = (frame.width, frame.height) != (self._width, self._height)
        converted = self._reformatter.reformat(
            frame,
            self._width,
            self._height,
            self._format,
            src_colorspace=SWSCALE[self._colour.matrix],
            dst_color_range=ColorRange.JPEG,
            interpolation=READ_8 if self._bits == 8 and not is_scaled else READ,
            **tags,
        )
        pixels: Any = converted.to_ndarray()
        if self._on_white:
            alpha = pixels[..., 3:].astype(np.uint16)
            pixels = ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
        rgb: Picture = pixels
        return rgb


class YuvWriter:
    """Turns (H, W, 3) uint8 or uint16 arrays into frames for an encoder.

    Args:
        pixels: the encoder's planar pixel format, 4:2:0.
        colour: with a matrix, see `with_matrix`.
    """

    def __init__(self, pixels: str, colour: Colour) -> None:
        self._pixels, self._colour = pixels, colour
        self._reformatter = VideoReformatter()
        self._source: VideoFrame | None = None

    def write(self, rgb: Picture) -> VideoFrame:
        """Odd sizes gain a copy of the last row or column: 4:2:0 has only even ones."""
        height, width = rgb.shape[:2]
        rows, columns = height + height % 2, width + width % 2
        # One frame to copy into, again and again: swscale reads past the end of the last row, where an array may end
        # its page, and fresh memory for every picture costs twice the conversion.
        packed = RGB_FORMATS[rgb.itemsize]
        if self._source is None or self._source.format.name != packed:
            self._source = VideoFrame(columns, rows, packed)
        plane: Any = self._source.planes[0]
        samples: Any = np.frombuffer(plane, rgb.dtype).reshape(rows, plane.line_size // rgb.itemsize)
        pixels = samples[:, : 3 * columns].reshape(rows, columns, 3, copy=False)
        pixels[:height, :width] = rgb
        pixels[height:, :width] = rgb[-1:]
        pixels[:, width:] = pixels[:, width - 1 : width]
        return self._reformatter.reformat(
            self._source,
            format=self._pixels,
            dst_colorspace=SWSCALE[self._colour.matrix],
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG if self._colour.full_range else ColorRange.MPEG,
            interpolation=WRITE,
        )
