"""Whatever is sent, only the error that says so comes of it: packets, messages, and crowds."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
import websockets
from hypothesis import given, settings
from hypothesis import strategies as st

from live_models import RuleModel
from vergence.errors import ProtocolError
from vergence.server.engine import Engine
from vergence.server.hub import MOST_CLIENTS, Hub
from vergence.server.player import Player
from vergence.server.protocol import (
    HEADER,
    MAGIC,
    MAJOR,
    Capture,
    ColourCodec,
    ConfidenceCodec,
    DepthCodec,
    Flag,
    Kind,
    Points16,
    Rgbd,
    Splat16,
    SplatCodec,
    VideoDepth,
    VideoRgb,
    packet,
    padded,
    parse,
)  # fmt: skip
from vergence.server.rgbd import unpacked_depth
from vergence.server.session import Broken, Session, Studio
from viewers import TOKEN, running

GOLDENS = Path(__file__).parents[1] / "goldens" / "protocol"
LENGTHS = st.integers(0, 200)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
SOME = st.floats(0.125, 100, width=32)


def refused(work):
    """Whether it is refused; anything but `ProtocolError` fails the test."""
    try:
        work()
    except ProtocolError:
        return True
    return False


@st.composite
def pictures(draw):
    """An RGBD packet: its extension and its blocks."""
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    depth = draw(st.sampled_from(DepthCodec))
    colour = draw(st.sampled_from(ColourCodec))
    sizes = (
        3 * width * height if colour == ColourCodec.RAW else draw(st.integers(1, 200)),
        2 * width * height if depth == DepthCodec.RAW16 else draw(LENGTHS),
        draw(LENGTHS),
    )
    near = draw(SOME)
    extension = Rgbd(
        width, height, draw(SOME), draw(SOME), draw(FLOATS), draw(FLOATS), near, near * 2, depth, colour,
        ConfidenceCodec.DEFLATE8 if sizes[2] else ConfidenceCodec.NONE, *sizes,
        tuple(draw(st.lists(FLOATS, min_size=12, max_size=12))),
    )  # fmt: skip
    return extension, [
        bytes(draw(st.binary(min_size=size, max_size=size))) if size < 300 else bytes(size) for size in sizes
    ]


@given(made=pictures(), source=st.integers(0, 65535), sequence=st.integers(0, 2**32 - 1), checked=st.booleans())
def test_a_packet_is_read_as_it_was_written(made, source, sequence, checked):
    extension, blocks = made
    data = packet(extension, blocks, flags=Flag.METRIC, source=source, sequence=sequence, checked=checked)
    found = parse(data)
    assert (found.extension, found.source, found.sequence, found.flags) == (extension, source, sequence, Flag.METRIC)
    assert [bytes(block) for block in found.blocks] == blocks


@st.composite
def films(draw):
    """A packet of film: its extension and its block."""
    sizes = draw(st.integers(1, 65535)), draw(st.integers(1, 65535)), draw(st.integers(1, 200))
    codec = draw(st.text("abcABC019.", min_size=1, max_size=16))
    block = bytes(draw(st.binary(min_size=sizes[2], max_size=sizes[2])))
    if draw(st.booleans()):
        return VideoRgb(*sizes, codec), block
    near, far_code = draw(SOME), draw(st.integers(1, 1022))
    lens = draw(SOME), draw(SOME), draw(FLOATS), draw(FLOATS)
    pose = tuple(draw(st.lists(FLOATS, min_size=12, max_size=12)))
    near_code = draw(st.integers(far_code + 1, 1023))
    return VideoDepth(*sizes, codec, *lens, near, near * 2, far_code, near_code, pose), block


@given(made=films(), flags=st.integers(0, 31), sequence=st.integers(0, 2**32 - 1))
def test_film_is_read_as_it_was_written(made, flags, sequence):
    extension, block = made
    found = parse(packet(extension, (block,), flags=Flag(flags), sequence=sequence))
    assert (found.extension, found.flags, found.sequence) == (extension, Flag(flags), sequence)
    assert [bytes(each) for each in found.blocks] == [block]


@given(kind=st.sampled_from(Kind), data=st.data())
@settings(max_examples=300)
def test_a_right_header_before_random_bytes_is_refused_or_read(kind, data):
    sizes = {
        Kind.RGBD: 96,
        Kind.SPLAT16: 32,
        Kind.POINTS16: 32,
        Kind.VIDEO_RGB: 32,
        Kind.VIDEO_DEPTH: 112,
        Kind.CAPTURE: 16,
    }
    size = data.draw(st.sampled_from([0, 16, 32, sizes.get(kind, 48)]))
    extension = data.draw(st.binary(min_size=size, max_size=size))
    payload = data.draw(st.binary(max_size=64))
    payload += bytes(padded(len(payload)) - len(payload))
    flags, crc = data.draw(st.integers(0, 31)), data.draw(st.sampled_from([0, 0, 0, 7]))
    header = HEADER.pack(MAGIC, MAJOR, kind, flags, 0, size // 16, 1, 2, len(payload), crc)

    def read():
        found = parse(header + extension + payload)
        e = found.extension
        if isinstance(e, Rgbd):
            unpacked_depth(found.blocks[1], e.width, e.height, codec=e.depth_codec)

    refused(read)


@given(count=st.integers(0, 2**32 - 1), room=st.integers(0, 2**32 - 1), codec=st.sampled_from(SplatCodec))
def test_numbers_that_promise_much_cost_nothing(count, room, codec):
    splats = Splat16(count, room, -9.0, 1.0, 0.0, 1.0, codec)
    assert refused(lambda: packet(splats, (bytes(32),))) or count <= room
    assert refused(lambda: packet(Points16(count, 1.0, (0.0, 0.0, 0.0)), (bytes(32),))) == (count not in (1, 2))
    with pytest.raises(ProtocolError):
        packet(Capture(count % 65536, 1, ColourCodec.JPEG, 0.0, count), (b"",))


@pytest.fixture(scope="module")
def studio():
    engine = Engine(RuleModel())
    made = Studio(engine, Player(engine, ("test:16x16@5",)), Hub(), session="x")
    yield made
    made.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "codecs",
    "save_data",
    "seq",
    "path",
    "value",
    "kind",
    "id",
    "to",
    "frames",
    "seconds",
    "quality",
    "ts",
    "name",
    "role",
    "canvas",
)
PATHS = (
    "depth.bits",
    "stream.tier",
    "picture.side",
    "camera.fov",
    "view.mode",
    "stabilise.half_life",
    "film.speed",
    "view." + "x" * 70,
)
MESSAGES = st.builds(
    lambda kind, fields, path: {"t": kind, **({"path": path} if path else {}), **fields},
    st.sampled_from(sorted({*Session._ANSWERS} - {"record"})) | st.text(max_size=6),
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
    st.none() | st.sampled_from(PATHS),
)


@given(messages=st.lists(MESSAGES, max_size=6), raw=st.text(max_size=60) | JSON.map(json.dumps))
@settings(max_examples=150)
def test_no_message_breaks_more_than_its_own_connection(studio, messages, raw):
    client = studio.hub.join()
    session = Session(studio, client)
    try:
        session.text('{"t": "hello", "role": "both"}')
        with contextlib.suppress(Broken):
            for message in messages:
                session.text(json.dumps(message))
            session.text(raw)
    finally:
        session.leave()
    assert client not in studio.hub.clients
    json.dumps(studio.engine.settings.nested(), allow_nan=False)  # everybody can be told


@given(at=st.integers(0, 400), value=st.integers(0, 255), keep=st.integers(0, 2000))
def test_no_damaged_picture_breaks_more_than_its_own_connection(studio, at, value, keep):
    data = bytearray((GOLDENS / "capture.bin").read_bytes())
    data[at % len(data)] = value
    client = studio.hub.join()
    session = Session(studio, client)
    try:
        session.text('{"t": "hello", "role": "camera"}')
        session.data(bytes(data[:keep]))
        session.data(bytes(data))
    finally:
        session.leave()


def test_two_hundred_connections_leave_those_who_came_first_in_peace():
    address, offer = None, ["vergence.v1", f"token.{TOKEN}"]

    async def join():
        """What a client is told first: its hello, or the code with which it is sent away."""
        wire = await websockets.connect(
            address, subprotocols=offer, compression=None, max_size=1 << 26, open_timeout=60
        )
        try:
            await wire.send(json.dumps({"t": "hello", "role": "viewer"}))
            while not isinstance(message := await wire.recv(), str):
                pass
            return wire, json.loads(message)["t"]
        except websockets.ConnectionClosed:
            return wire, wire.close_code

    async def crowd():
        first, word = await join()
        assert word == "hello"
        others = await asyncio.gather(*(join() for _ in range(199)))
        told = [what for _, what in others]
        assert told.count("hello") == MOST_CLIENTS - 1
        assert told.count(1013) == 200 - MOST_CLIENTS
        count = 0
        async with asyncio.timeout(60):
            while count < 5:
                message = await first.recv()
                if isinstance(message, bytes):
                    count += 1
                    await first.send(json.dumps({"t": "ack", "seq": parse(message).sequence}))
        await asyncio.gather(first.close(), *(wire.close() for wire, _ in others))
        async with asyncio.timeout(60):
            while (last := await join())[1] != "hello":  # the others may still be leaving
                await last[0].close()
        await last[0].close()

    with running("test:32x18@20") as url:
        address = f"{url.replace('http', 'ws')}ws"
        asyncio.run(crowd())
