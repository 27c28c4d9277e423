"""A film that is sent while it is made: H.264 in fragmented MP4, a fragment a frame.

It is one frame late, since a fragment says how long its frame is shown.
"""

from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vergence.server.eyes import Picture

TICKS = 90_000  # a second
USUAL_RATE = 30  # frames a second that rate control reckons with; times are the frames' own
KEY_FRAMES = 30  # frames between two: so long a player waits that comes late, or has lost something
CRF = "23"
ARRANGEMENTS = {"half-sbs": 3, "sbs": 3, "half-tb": 4, "tb": 4}  # frame packing of H.264, Table D-8


class Mp4Stream:
    """Encodes pictures, all of the first one's size.

    Args:
        layout: how the eyes are packed, which the stream says of itself.
    """

    def __init__(self, layout: str) -> None:
        self._layout = layout
        self._out = _Buffer()
        self._container: Any = None
        self._stream: VideoStream | None = None
        self._began_us = 0
        self._last = -1

    def fragment(self, picture: Picture) -> bytes:
        """The bytes that show a picture; before the first one the header of the film."""
        if self._stream is None:
            self._open(picture.rgb)
            self._began_us = picture.time_us
        assert self._stream is not None
        frame = av.VideoFrame.from_ndarray(picture.rgb, format="rgb24")
        ticks = (picture.time_us - self._began_us) * TICKS // 1_000_000
        frame.pts = self._last = max(ticks, self._last + 1)
        frame.time_base = Fraction(1, TICKS)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        return self._out.taken()

    def close(self) -> bytes:
        """The end of the film; nothing where none was begun."""
        if self._stream is None:
            return b""
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        self._stream = None
        return self._out.taken()

    def _open(self, rgb: NDArray[np.uint8]) -> None:
        flags = "frag_every_frame+empty_moov+default_base_moof"
        self._container = av.open(self._out, "w", format="mp4", options={"movflags": flags})
        options = {"preset": "ultrafast", "tune": "zerolatency", "crf": CRF, "g": str(KEY_FRAMES)}
        if self._layout in ARRANGEMENTS:
            options["x264-params"] = f"frame-packing={ARRANGEMENTS[self._layout]}"
        stream: VideoStream = self._container.add_stream("libx264", rate=USUAL_RATE, options=options)
        stream.height, stream.width = rgb.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.max_b_frames = 0
        self._stream = stream


class _Buffer:
    """A file that can only be written to, and whose bytes are taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        found, self._parts = b"".join(self._parts), []
        return found
