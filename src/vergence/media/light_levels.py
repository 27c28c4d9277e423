"""HDR10 side data of a film: read from its first frame, written again by the encoders, and into an MP4's header."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.sidedata.sidedata import Type as SideData

from vergence.media.boxes import Box
from vergence.media.side_data import side_data_of
from vergence.media.video import film_stream, open_film


@dataclass(frozen=True)
class LightLevels:
    """The HDR10 side data of a film (SMPTE ST 2086, CTA-861.3), where it has any.

    Attributes:
        points: x, y of red, green, blue and white of the mastering display (CIE 1931), None where unknown.
        luminance: of that display, lowest and highest, cd/m2, None where unknown.
        content: brightest pixel and brightest frame average, cd/m2, None where unknown.
    """

    points: tuple[tuple[Fraction, Fraction], ...] | None = None
    luminance: tuple[Fraction, Fraction] | None = None
    content: tuple[int, int] | None = None


def light_levels(path: Path) -> LightLevels:
    """Read the HDR10 side data of a film's first frame."""
    with open_film(path) as container:
        stream = film_stream(container, path)
        side_data = side_data_of(next(container.decode(stream)))
    points = luminance = content = None
    if mastering := side_data.get(SideData.MASTERING_DISPLAY_METADATA):
        # AVMasteringDisplayMetadata: ten rationals (x and y of R, G, B and white, then luminance), two flags.
        numbers = struct.unpack("=20i2i", mastering)
        values = [Fraction(a, b) if b else Fraction(0) for a, b in zip(numbers[0:20:2], numbers[1:20:2], strict=True)]
        if all(numbers[20:]):
            points = tuple(zip(values[0:8:2], values[1:8:2], strict=True))
            luminance = (values[8], values[9])
    if light := side_data.get(SideData.CONTENT_LIGHT_LEVEL):
        content = struct.unpack("=2I", light[:8])
    return LightLevels(points, luminance, content)


def x265_parameters(levels: LightLevels) -> list[str]:
    """What makes x265 write `levels`."""
    parameters: list[str] = []
    if display := _mastering_display(levels):
        pairs = zip(("G", "B", "R", "WP", "L"), display, strict=True)
        parameters.append("master-display=" + "".join(f"{name}({a},{b})" for name, (a, b) in pairs))
    if levels.content is not None:
        parameters.append("max-cll={},{}".format(*levels.content))
    return parameters


def svt_av1_parameters(levels: LightLevels) -> list[str]:
    """What makes SVT-AV1 write `levels`: plain numbers."""
    parameters: list[str] = []
    if levels.points is not None and levels.luminance is not None:
        red, green, blue, white = levels.points
        low, high = levels.luminance
        pairs = zip(("G", "B", "R", "WP", "L"), (green, blue, red, white, (high, low)), strict=True)
        numbers = (f"{name}({float(a):.6f},{float(b):.6f})" for name, (a, b) in pairs)
        parameters.append("mastering-display=" + "".join(numbers))
    if levels.content is not None:
        parameters.append("content-light={},{}".format(*levels.content))
    return parameters


def light_boxes(levels: LightLevels) -> tuple[Box, ...]:
    """`mdcv` and `clli`, by which a sample entry says the same (ISO/IEC 14496-12, 12.1.7 and 12.1.8)."""
    boxes: list[Box] = []
    if display := _mastering_display(levels):
        *points, luminance = display
        numbers = [number for point in points for number in point]
        boxes.append(Box(b"mdcv", struct.pack(">8H2I", *numbers, *luminance)))
    if levels.content is not None:
        boxes.append(Box(b"clli", struct.pack(">2H", *levels.content)))
    return tuple(boxes)


def _mastering_display(levels: LightLevels) -> list[tuple[int, int]]:
    """x, y of green, blue, red and white in units of 0.00002, then the highest and lowest luminance in 0.0001 cd/m2.

    Empty where it is not known.
    """
    if levels.points is None or levels.luminance is None:
        return []
    red, green, blue, white = ((round(x * 50000), round(y * 50000)) for x, y in levels.points)
    low, high = (round(value * 10000) for value in levels.luminance)
    return [green, blue, red, white, (high, low)]
