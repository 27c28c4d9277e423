"""Everything in a film but its moving picture, carried over by copying packets: sound, subtitles, chapters, tags.

Nothing is decoded, so what comes out is bit for bit what went in. The one exception are subtitles of text: MP4 and
QuickTime, Matroska and WebM each have a kind of their own, and what is of another kind becomes that, as plain text. Of
subtitles with fonts and places this is done only where it is asked for.
"""

from __future__ import annotations  # PyAV's Packet is generic for type checkers only

import html
import io
import logging
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from vergence.media.video import clock_origin, film_stream, is_cover, open_film

if TYPE_CHECKING:
    from av.container.core import Chapter  # exists for type checkers only

logger = logging.getLogger(__name__)

# Tags a muxer writes by itself, and those that are no longer true of a new picture.
STALE_TAGS = {
    "major_brand", "minor_version", "compatible_brands", "encoder", "alpha_mode", "stereo_mode", "rotate", "timecode",
    "bps", "duration", "number_of_frames", "number_of_bytes",
}  # fmt: skip
COVER_NAMES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
MATROSKA = {"matroska", "webm"}
# Subtitles of text, as FFmpeg calls them, and the kind that each container has for them.
PLAIN_TEXTS, STYLED_TEXTS = {"srt", "subrip", "text", "webvtt", "mov_text"}, {"ass", "ssa"}
OWN_TEXT = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
LONGEST_TEXT = 0xFFFF  # bytes of one subtitle in an MP4
# QuickTime numbers its languages, and FFmpeg finds the number by one name of several (ISO 639-2 T, then the name).
QUICKTIME_LANGUAGES = {
    "bod": "tib", "cym": "wel", "cze": "ces", "deu": "ger", "ell": "gre", "eus": "baq", "fas": "per", "fre": "fra",
    "hrv": "hr ", "hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac", "msa": "may", "mya": "bur", "nld": "dut",
    "rum": "ron", "slo": "slk", "sqi": "alb", "srp": "sr ", "swe": "sve", "zho": "chi",
}  # fmt: skip


class OtherTracks:
    """The tracks beside a film's moving picture, ready to be added to an output and copied in step with it.

    Args:
        path: of the film; raises `MediaError` where that is none.
        start, end: the part wanted, seconds on the film's own clock; only packets within it are copied.
        length: how long the part is about, seconds, where its frames are counted and nobody knows the end yet.
        drops_styles: of subtitles with fonts and places the text is kept where a container holds no more.

    Attributes:
        shift: what all times are lessened by, seconds, so that the output begins at zero: the start of the part, or
            of the film.
        streams: the tracks, as they are in the film.
        picture_tags, picture_disposition: of the moving picture itself, to be given to its successor.
    """

    def __init__(
        self,
        path: Path,
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        length: Fraction | None = None,
        drops_styles: bool = False,
    ) -> None:
        self._path, self._start, self._end = path, start, end
        self._drops_styles = drops_styles
        self._container = open_film(path)
        picture = film_stream(self._container, path)
        assert picture.time_base is not None
        begin = clock_origin(self._container, picture) if start is None else start
        self.shift = begin // picture.time_base * picture.time_base  # whole ticks keep the picture's times exact
        self._curtain = end if end is not None or length is None else begin + length  # what is on show then goes
        self.picture_tags = current_tags(picture.metadata)
        self.picture_disposition = picture.disposition
        chapters = self._container.chapters()
        self.streams = [
            stream
            for stream in self._container.streams
            if (stream.type != "video" or is_cover(stream)) and not (chapters and _is_chapter_list(stream))
        ]
        self._copies: dict[int, Stream] = {}
        self._text_kinds: dict[int, str] = {}  # of subtitles that become another kind
        self._waiting: Packet[Stream] | None = None
        self._packets: Iterator[Packet[Stream]] = iter(())

    def close(self) -> None:
        self._packets = iter(())
        self._container.close()

    def unheld(self, format_name: str) -> list[Stream]:
        """Those of `streams` that a container of this format cannot hold."""
        return [
            stream
            for stream in self.streams
            if not _can_hold(format_name, stream) and self._text_kind(stream, format_name) is None
        ]

    def _text_kind(self, stream: Stream, format_name: str) -> str | None:
        """The kind that subtitles of text become in a container which does not hold theirs; None: they are copied."""
        kinds = PLAIN_TEXTS | STYLED_TEXTS if self._drops_styles else PLAIN_TEXTS
        if stream.type != "subtitle" or stream.name not in kinds or _can_hold(format_name, stream):
            return None
        return OWN_TEXT[format_name]

    def add_to(self, output: OutputContainer, *, left_out: Sequence[Stream] = ()) -> None:
        """Add every track but `left_out`, the chapters and the tags; call before the header is written."""
        output.metadata.update(current_tags(self._container.metadata))
        output.set_chapters(self._chapters())
        for stream in self.streams:
            if stream in left_out:
                stream.discard = Discard.all
            elif is_cover(stream) and output.format.name in MATROSKA:
                name, kind = COVER_NAMES[stream.codec_context.name]
                output.add_attachment(name, kind, _cover(self._path, stream.index))
                stream.discard = Discard.all
            else:
                if (text_kind := self._text_kind(stream, output.format.name)) is not None:
                    if stream.name in STYLED_TEXTS:
                        logger.warning(
                            "of %s only the text is kept, as %s holds no more", label(stream), output.format.name
                        )
                    copy = output.add_mux_stream(text_kind, time_base=stream.time_base)
                    self._text_kinds[stream.index] = text_kind
                else:
                    copy = output.add_stream_from_template(stream, opaque=True)
                copy.metadata.update(current_tags(stream.metadata))
                if output.format.name == "mov" and (language := stream.metadata.get("language")) in QUICKTIME_LANGUAGES:
                    copy.metadata["language"] = QUICKTIME_LANGUAGES[language]
                copy.disposition = stream.disposition
                self._copies[stream.index] = copy
        for stream in self._container.streams.video:
            if not is_cover(stream):
                stream.discard = Discard.all
        self._packets = self._read(output.format.name)
        self._waiting = next(self._packets, None)

    def copy_until(self, time: Fraction | None, output: OutputContainer) -> None:
        """Mux the packets up to `time`, seconds in the output; None copies all that are left."""
        while (packet := self._waiting) is not None and (time is None or _time(packet) <= time):
            output.mux_one(packet)
            self._waiting = next(self._packets, None)

    def end_at(self, end: Fraction) -> None:
        """Copy nothing that begins at or after `end`, seconds on the film's own clock."""
        self._end = end if self._end is None else min(self._end, end)

    def _read(self, format_name: str) -> Iterator[Packet[Stream]]:
        """Packets in the part, shifted, with `stream` set to their copy."""
        strictly = format_name not in MATROSKA  # times must increase there, here they may stay
        if self._start is not None:
            try:
                self._container.seek(int(self._start * av.time_base))
            except av.FFmpegError:
                logger.debug("%s cannot seek; its tracks are read from the beginning", self._path)
        if not self._copies:
            return
        last: dict[int, int] = {}
        packets = self._container.demux([self._container.streams[index] for index in self._copies])
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                logger.warning("the other tracks of %s end early: %s", self._path, error)
                return
            if packet is None:
                return
            index = packet.stream.index
            if is_cover(packet.stream) and packet.size:
                packet.pts = packet.dts = 0
            if packet.pts is None:
                packet.pts = packet.dts
            if packet.dts is None:
                packet.dts = packet.pts
            if packet.pts is None or packet.dts is None:
                continue  # the empty packet that ends each track
            if not (is_cover(packet.stream) or self._fits_part(packet)):
                continue
            if index in last and packet.dts < last[index] + strictly:
                logger.debug("a packet of track %d goes back in time and is left out", index)
                continue
            last[index] = packet.dts
            if packet.stream.name == "mov_text" and not _mov_text(packet):
                continue  # fills the time between two subtitles, which the muxer does by itself
            if index in self._text_kinds:
                packet = _with_text(packet, _plain_text(packet), self._text_kinds[index])
            packet.stream = self._copies[index]
            yield packet

    def _fits_part(self, packet: Packet[Stream]) -> bool:
        """Shift the packet; False where it lies outside of the part. Subtitles on show at either end are cut to fit."""
        assert packet.pts is not None
        assert packet.dts is not None
        tick = packet.time_base
        begin, finish = packet.pts * tick, (packet.pts + (packet.duration or 0)) * tick
        if self._end is not None and begin >= self._end:
            return False
        if self._start is not None and begin < self._start:
            if packet.stream.type != "subtitle" or finish <= self._start:
                return False
            begin = self._start
            packet.pts = packet.dts = round(begin / tick)
            packet.duration = round((finish - begin) / tick)
        if packet.stream.type == "subtitle" and self._curtain is not None and begin < self._curtain < finish:
            packet.duration = max(1, round((self._curtain - begin) / tick))
        shift = round(self.shift / tick)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        return True

    def _chapters(self) -> list[Chapter]:
        kept: list[Chapter] = []
        for chapter in self._container.chapters():
            tick = chapter["time_base"]
            if tick is None:
                continue
            begin, finish = chapter["start"] * tick, chapter["end"] * tick
            begin = begin if self._start is None else max(begin, self._start)
            finish = finish if self._curtain is None else min(finish, self._curtain)
            if begin < finish:
                start, end = (round((time - self.shift) / tick) for time in (begin, finish))
                kept.append({**chapter, "start": max(0, start), "end": end})
        return kept


def label(stream: Stream) -> str:
    """What to call a track in a message."""
    what = "timecode" if "timecode" in stream.metadata else stream.name or "unknown"
    return f"{'cover' if stream.type == 'video' else stream.type} {stream.index} ({what})"


def current_tags(tags: dict[str, str]) -> dict[str, str]:
    """`tags` without those that only described the old file."""
    return {
        key: value
        for key, value in tags.items()
        if not key.startswith("_STATISTICS") and key.lower().split("-")[0] not in STALE_TAGS
    }


def _time(packet: Packet[Stream]) -> Fraction:
    assert packet.dts is not None
    return packet.dts * packet.time_base


def _is_chapter_list(stream: Stream) -> bool:
    """QuickTime keeps chapters as a track of text as well; the muxer writes it anew."""
    return stream.type == "data" and stream.name == "bin_data"


def _mov_text(packet: Packet[Stream]) -> bytes:
    """What an MP4 subtitle says: a 16-bit length, that text, then boxes of styling."""
    data = bytes(packet)
    return data[2 : 2 + int.from_bytes(data[:2], "big")]


def _plain_text(packet: Packet[Stream]) -> str:
    """What a subtitle says, without its markup in angle brackets or braces."""
    kind = packet.stream.name
    if kind == "mov_text":
        return _mov_text(packet).decode("utf-8", "replace")
    text = bytes(packet).decode("utf-8", "replace")
    if kind in STYLED_TEXTS:
        text = re.sub(r"\\[Nn]", "\n", text.split(",", 8)[-1])
    text = re.sub(r"</?[a-zA-Z][^<>]*>|\{[^{}]*\}", "", text).strip()
    return html.unescape(text) if kind == "webvtt" else text


def _with_text(packet: Packet[Stream], text: str, kind: str) -> Packet[Stream]:
    """A subtitle shown when `packet` is, that says `text` in the way of its kind."""
    data = (html.escape(text, quote=False) if kind == "webvtt" else text).encode()
    if kind == "mov_text":
        data = data[:LONGEST_TEXT].decode("utf-8", "ignore").encode()  # no half letter
        data = len(data).to_bytes(2, "big") + data
    told: Packet[Stream] = Packet(data)
    told.pts, told.dts, told.duration, told.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    return told


def _can_hold(format_name: str, stream: Stream) -> bool:
    if stream.type == "data":
        return False  # timecode, telemetry: a muxer that takes their header fails on their packets
    if is_cover(stream) and format_name == "matroska":
        return stream.codec_context.name in COVER_NAMES
    options: dict[str, Any] = {"mode": "w", "format": format_name}
    try:  # the muxer knows best, and says so when it writes its header
        with av.open(io.BytesIO(), **options) as scratch:
            copy = scratch.add_stream_from_template(stream, opaque=True)
            copy.disposition = stream.disposition
            scratch.start_encoding()
    except (ValueError, av.FFmpegError) as error:
        logger.debug("%s cannot hold %s: %s", format_name, label(stream), error)
        return False
    return True


def _cover(path: Path, index: int) -> bytes:
    with open_film(path) as container:
        return next(bytes(packet) for packet in container.demux(container.streams[index]) if packet.size)
