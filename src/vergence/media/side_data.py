"""What a decoded frame says beside its picture."""

from fractions import Fraction
from typing import Any

from av.filter import Graph
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

# PyAV cannot list the side data of a frame that has any of a kind it does not know, and frames of MV-HEVC have: the
# number of their view. FFmpeg counts its kinds up, so those past PyAV's last one are taken off.
KINDS: Any = Type
PAST = 1 + max(kind.value for kind in KINDS)
UNKNOWN = range(PAST, PAST + 8)


def side_data_of(frame: VideoFrame) -> dict[Type, bytes]:
    """The frame's side data by kind, as FFmpeg's structs."""
    found: Any
    try:
        found = frame.side_data
    except ValueError:
        found = _with_known_kinds(frame).side_data
    return {data.type: bytes(data) for data in found}


def _with_known_kinds(frame: VideoFrame) -> VideoFrame:
    graph = Graph()
    last = source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    for kind in UNKNOWN:
        remover = graph.add("sidedata", f"mode=delete:type={kind}")
        last.link_to(remover)
        last = remover
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    source.push(frame)
    known = sink.pull()
    assert isinstance(known, VideoFrame)
    return known
