"""Films drawn and encoded by the tests themselves, and a second look at what lies in a film."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from vergence.media.priority import usual_priority

FIXTURES = Path(__file__).parent / "fixtures"
MATRICES = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # H.273: kr, kb


def drawing(index: int, *, width: int = 64, height: int = 48) -> np.ndarray:
    """A soft gradient with a bar that moves 2 px a frame: (height, width, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], axis=-1)
    rgb[:, (2 * index) % width : (2 * index) % width + 8] = (230, 60, 20)
    return rgb.astype(np.uint8)


@dataclass
class Audio:
    codec: str = "aac"
    start: Fraction = Fraction(0)
    seconds: float = 1.0
    language: str = "und"
    title: str = ""
    rate: int = 48000


@dataclass
class Subtitles:
    codec: str = "subrip"
    lines: tuple[tuple[float, float, str], ...] = ((0.1, 0.4, "one"), (0.5, 0.9, "two"))
    language: str = "und"


@dataclass
class Clip:
    """What to encode. `ticks` are the frames' times in `time_base`, by default one every 1 / rate."""

    frames: int = 12
    width: int = 64
    height: int = 48
    rate: Fraction = Fraction(24)
    time_base: Fraction | None = None
    ticks: list[int] | None = None
    codec: str = "libx264"
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    audio: tuple[Audio, ...] = ()
    subtitles: tuple[Subtitles, ...] = ()
    chapters: tuple[tuple[float, float, str], ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    colour: tuple[int, int, int, int] = (2, 2, 2, 0)  # primaries, transfer, matrix, range
    aspect: Fraction | None = None
    turn: tuple[float, bool, bool] | None = None  # degrees counter-clockwise, hflip, vflip
    cover: bytes | None = None
    font: bytes | None = None
    pictures: list[Any] | None = None  # VideoFrames or RGB arrays, instead of `drawing`
    format: str | None = None


def write_clip(path: Path, clip: Clip | None = None, **changes: Any) -> Path:
    clip = clip or Clip(**changes)
    base = clip.time_base or 1 / clip.rate
    ticks = clip.ticks or [round(i / clip.rate / base) for i in range(clip.frames)]
    with av.open(str(path), "w", format=clip.format) as out:
        out.metadata.update(clip.tags)
        video: Any = out.add_stream(clip.codec, rate=clip.rate, options=dict(clip.options))
        video.width, video.height, video.pix_fmt = clip.width, clip.height, clip.pixels
        video.time_base = video.codec_context.time_base = base
        context = video.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = clip.colour
        if clip.aspect:
            context.sample_aspect_ratio = clip.aspect
        if clip.turn:
            video.set_display_rotation(clip.turn[0], hflip=clip.turn[1], vflip=clip.turn[2])
        sounds = [_add_audio(out, audio) for audio in clip.audio]
        texts = [_add_subtitles(out, subtitles, path) for subtitles in clip.subtitles]
        if clip.font is not None:
            out.add_attachment("letters.ttf", "application/x-truetype-font", clip.font)
        if clip.chapters:
            thousandth = Fraction(1, 1000)
            out.set_chapters(
                [
                    {
                        "id": i,
                        "start": round(a * 1000),
                        "end": round(b * 1000),
                        "time_base": thousandth,
                        "metadata": {"title": t},
                    }
                    for i, (a, b, t) in enumerate(clip.chapters)
                ]
            )
        if clip.codec == "libsvtav1":
            with usual_priority():
                context.open()
        packets = []
        for i, tick in enumerate(ticks):
            picture = clip.pictures[i] if clip.pictures else drawing(i, width=clip.width, height=clip.height)
            frame = picture if isinstance(picture, av.VideoFrame) else av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = tick, base
            packets += video.encode(frame)
        packets += video.encode(None)
        for more in sounds + texts:
            packets += more
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
    return path


def _add_audio(out: Any, audio: Audio) -> list[Any]:
    stream = out.add_stream(audio.codec, rate=audio.rate, layout="mono", bit_rate=64000)
    stream.metadata.update({"language": audio.language} | ({"title": audio.title} if audio.title else {}))
    stream.time_base = Fraction(1, audio.rate)
    stream.codec_context.open(strict=False)
    size = stream.codec_context.frame_size or 1024
    kind = stream.codec_context.format.name
    packets = []
    for first in range(0, int(audio.seconds * audio.rate), size):
        wave = 0.3 * np.sin(np.arange(first, first + size) * 0.05)
        samples = wave.astype(np.float32)
        if kind[0] == "s":
            bits = int(kind[1:3])
            samples = (wave * (2 ** (bits - 1) - 1)).astype({16: np.int16, 32: np.int32}[bits])
        frame = av.AudioFrame.from_ndarray(samples[None], format=kind, layout="mono")
        frame.sample_rate, frame.time_base = audio.rate, Fraction(1, audio.rate)
        frame.pts = first + round(audio.start * audio.rate)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _add_subtitles(out: Any, subtitles: Subtitles, path: Path) -> list[Any]:
    stream = out.add_mux_stream(subtitles.codec, time_base=Fraction(1, 1000))
    stream.metadata["language"] = subtitles.language
    packets = []
    for begin, end, text in subtitles.lines:
        data = text.encode()
        if subtitles.codec == "mov_text":
            data = len(data).to_bytes(2, "big") + data
        packet = av.Packet(data)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = round(begin * 1000)
        packet.duration = round((end - begin) * 1000)
        packets.append(packet)
    return packets


@dataclass
class Track:
    kind: str
    codec: str
    tags: dict[str, str]
    disposition: int
    packets: list[tuple[Fraction, bytes]]  # presentation time in seconds, data

    @property
    def times(self) -> list[Fraction]:
        return [time for time, _ in self.packets]

    @property
    def data(self) -> list[bytes]:
        return [data for _, data in self.packets]

    @property
    def said(self) -> list[bytes]:
        """`data` without the empty subtitles by which an MP4 fills the time between two of them."""
        return [data for data in self.data if data != b"\0\0"]


def tracks(path: Path) -> list[Track]:
    """All tracks of a film as they lie in it, packets in order of presentation."""
    with av.open(str(path)) as film:
        found = {
            stream.index: Track(stream.type, stream.name or "", dict(stream.metadata), int(stream.disposition), [])
            for stream in film.streams
        }
        for packet in film.demux():
            if packet.pts is not None:
                found[packet.stream.index].packets.append((packet.pts * packet.time_base, bytes(packet)))
    for track in found.values():
        track.packets.sort()
    return list(found.values())


def picture_track(path: Path) -> Track:
    return next(track for track in tracks(path) if track.kind == "video")


def yuv_blocks(rgb: np.ndarray, *, matrix: int, is_full: bool, pixels: str = "yuv420p", bits: int = 8) -> av.VideoFrame:
    """A frame with one 8x8 block per colour of `rgb`, (h, w, 3) in 0..1, by the formula of the standard."""
    kr, kb = MATRICES[matrix]
    luma = rgb @ np.array([kr, 1 - kr - kb, kb])
    blue, red = (rgb[..., 2] - luma) / 2 / (1 - kb), (rgb[..., 0] - luma) / 2 / (1 - kr)
    scale, top = 1 << (bits - 8), (1 << bits) - 1
    planes = (
        (luma * top, blue * top + 128 * scale, red * top + 128 * scale)
        if is_full
        else ((luma * 219 + 16) * scale, (blue * 224 + 128) * scale, (red * 224 + 128) * scale)
    )
    frame = av.VideoFrame(rgb.shape[1] * 8, rgb.shape[0] * 8, pixels)
    kind = np.uint8 if bits == 8 else np.uint16
    for plane, values in zip(frame.planes, planes, strict=True):
        size = plane.width // rgb.shape[1]
        values = np.kron(np.clip(np.round(values), 0, top), np.ones((size, size))).astype(kind)
        padded = np.zeros((plane.height, plane.line_size // values.itemsize), kind)
        padded[:, : plane.width] = values
        plane.update(padded.tobytes())
    return frame


def rgb_of_yuv(frame: av.VideoFrame, *, matrix: int, is_full: bool, bits: int = 8) -> np.ndarray:
    """The colours in the middle of each 8x8 block of a 4:2:0 frame, (h, w, 3) in 0..1: `yuv_blocks` backwards."""
    kr, kb = MATRICES[matrix]
    scale, top = 1 << (bits - 8), (1 << bits) - 1
    kind = np.uint8 if bits == 8 else np.uint16
    planes = []
    for plane, size in zip(frame.planes, (8, 4, 4), strict=True):
        values = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width].astype(float)
        planes.append(values[size // 2 :: size, size // 2 :: size])
    luma, blue, red = planes
    if is_full:
        luma, blue, red = luma / top, (blue - 128 * scale) / top, (red - 128 * scale) / top
    else:
        luma, blue, red = (luma / scale - 16) / 219, (blue / scale - 128) / 224, (red / scale - 128) / 224
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    return np.clip(np.stack([r, (luma - kr * r - kb * b) / (1 - kr - kb), b], axis=-1), 0, 1)
