"""What a film can say of the two views in its pictures: Matroska's StereoMode, the frame packing SEI of its stream."""

from dataclasses import dataclass

from vergence.media.frame_packing import Arrangement
from vergence.types import Packing


@dataclass(frozen=True)
class PackingTags:
    """How one packing is called.

    Attributes:
        stereo_mode: the StereoMode of Matroska (RFC 9559, 5.1.4.1.28.3) by the name FFmpeg has for it.
        frame_packing: the type in the frame packing arrangement SEI (ITU-T H.264, D.2.25), None where it has none.
            x264 always says that the left view comes first.
        hevc: the same of HEVC, which has only views side by side and above each other.
        is_squeezed: each view is shown at the size of the whole picture, not of its part.
        in_webm: WebM has this StereoMode too.
    """

    stereo_mode: str
    frame_packing: int | None = None
    hevc: Arrangement | None = None
    is_squeezed: bool = False
    in_webm: bool = True


SIDE_BY_SIDE, TOP_BOTTOM = Arrangement(3), Arrangement(4)
PACKINGS: dict[Packing, PackingTags] = {
    "left_right": PackingTags("left_right", 3, SIDE_BY_SIDE),
    "half_left_right": PackingTags("left_right", 3, SIDE_BY_SIDE, is_squeezed=True),
    "right_left": PackingTags("right_left", None, Arrangement(3, right_first=True)),
    "top_bottom": PackingTags("top_bottom", 4, TOP_BOTTOM),
    "half_top_bottom": PackingTags("top_bottom", 4, TOP_BOTTOM, is_squeezed=True),
    "rows": PackingTags("row_interleaved_lr", 2, is_squeezed=True, in_webm=False),
    "columns": PackingTags("col_interleaved_lr", 1, is_squeezed=True, in_webm=False),
    "anaglyph_red_cyan": PackingTags("anaglyph_cyan_red", in_webm=False),
    "anaglyph_green_magenta": PackingTags("anaglyph_green_magenta", in_webm=False),
    # A half sphere is no flat picture: a television told to unpack it would show it bent.
    "vr180": PackingTags("left_right"),
}
