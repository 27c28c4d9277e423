"""A camera of the network in a few lines: RTSP with H.264 in RTP over the same connection (RFC 2326, 3550, 6184)."""

import re
import socket
import struct
import threading
import time
from contextlib import contextmanager
from fractions import Fraction

import av

from clips import drawing

RATE, CLOCK = 25, 90_000
DESCRIPTION = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track\r\n"
)


@contextmanager
def rtsp_camera(*, pictures=10**6):
    """Its address. Every connection is sent so many pictures."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, pictures), daemon=True).start()
        yield f"rtsp://127.0.0.1:{listener.getsockname()[1]}/live"


def _accept(listener, pictures):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # the test is over
            return
        threading.Thread(target=_serve, args=(connection, pictures), daemon=True).start()


def _serve(connection, pictures):
    with connection, connection.makefile("rb") as requests:
        try:
            while True:
                lines = []
                while (line := requests.readline().strip().decode("latin-1")) or not lines:
                    lines.append(line)
                    if not line:
                        return
                method = lines[0].split()[0]
                number = re.search(r"CSeq: (\d+)", "\n".join(lines))[1]
                head, body = {
                    "DESCRIBE": ("Content-Type: application/sdp\r\n", DESCRIPTION),
                    "SETUP": ("Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n", ""),
                    "PLAY": ("Session: 1\r\n", ""),
                }.get(method, ("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n", ""))
                answer = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}"
                connection.sendall(answer.encode())
                if method == "PLAY":
                    _stream(connection, pictures)
                    return
        except OSError:  # the viewer has gone
            return


def _stream(connection, pictures):
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, "yuv420p", Fraction(1, RATE)
    encoder.options = {"tune": "zerolatency", "g": "5", "slice-max-size": "1200"}
    sequence = 0
    for index in range(pictures):
        for packet in encoder.encode(av.VideoFrame.from_ndarray(drawing(index), format="rgb24")):
            units = [unit for unit in re.split(rb"\x00\x00\x00?\x01", bytes(packet)) if unit]
            for unit in units:
                is_last = unit is units[-1]
                head = struct.pack(">BBHII", 0x80, 96 | is_last << 7, sequence & 0xFFFF, index * CLOCK // RATE, 7)
                connection.sendall(struct.pack(">cBH", b"$", 0, len(head) + len(unit)) + head + unit)
                sequence += 1
        time.sleep(1 / RATE)
