import json
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splat_payloads import unpacked_payload
from vergence.errors import ProtocolError
from vergence.server import rgbd
from vergence.server.protocol import (
    HEADER,
    Capture,
    ColourCodec,
    ConfidenceCodec,
    DepthCodec,
    Flag,
    Points16,
    Rgbd,
    Splat16,
    SplatCodec,
    VideoDepth,
    VideoRgb,
    packet,
    parse,
)

GOLDENS = Path(__file__).parent.parent / "goldens" / "protocol"
NAMES = sorted(path.stem for path in GOLDENS.glob("*.bin"))

DEPTH = Rgbd(
    3, 2, 2.0, 2.0, 1.5, 1.0, 0.5, 8.0, DepthCodec.RAW16, ColourCodec.RAW, ConfidenceCodec.NONE, 18, 12, 0
)  # fmt: skip


def depth_packet(extension=DEPTH, **header):
    return packet(extension, (bytes(18), bytes(12), b""), **header)


def test_there_is_a_golden_packet_of_every_kind():
    assert {parse((GOLDENS / f"{name}.bin").read_bytes()).extension.KIND for name in NAMES} == {1, 2, 4, 5, 6, 16}


@pytest.mark.parametrize("name", NAMES)
def test_golden_packets_hold_what_is_written_beside_them(name):
    data = (GOLDENS / f"{name}.bin").read_bytes()
    wanted = json.loads((GOLDENS / f"{name}.json").read_text("utf-8"))
    found = parse(data)
    extension = asdict(found.extension)
    assert json.loads(json.dumps(extension)) == wanted["extension"]
    header = wanted["header"]
    assert (found.flags, found.source, found.sequence) == (header["flags"], header["source"], header["sequence"])
    assert (found.time_us, len(data)) == (header["time_us"], header["bytes"])
    if isinstance(found.extension, Rgbd):
        e = found.extension
        whole = rgbd.unpacked_depth(found.blocks[1], e.width, e.height, codec=e.depth_codec)
        assert whole.ravel().tolist() == wanted["depth"]
        z = rgbd.z_of(whole, e).ravel()
        np.testing.assert_allclose(z, [np.nan if v is None else v for v in wanted["z"]], rtol=1e-4)
        if e.confidence_bytes:
            assert list(rgbd.inflated(found.blocks[2], e.width * e.height)) == wanted["confidence"]
    if isinstance(found.extension, Splat16):
        splats = unpacked_payload(found.payload, found.extension)
        assert splats[:5].tolist() == wanted["splats"]
        assert not splats[5:].any()


@pytest.mark.parametrize("name", NAMES)
def test_a_packet_taken_apart_and_made_again_is_the_same(name):
    data = (GOLDENS / f"{name}.bin").read_bytes()
    found = parse(data)
    is_checked = HEADER.unpack(data[: HEADER.size])[-1] != 0
    again = packet(
        found.extension, found.blocks, flags=found.flags, source=found.source, sequence=found.sequence,
        time_us=found.time_us, checked=is_checked,
    )  # fmt: skip
    assert again == data


@given(data=st.binary(max_size=300))
def test_garbage_is_refused(data):
    with pytest.raises(ProtocolError):
        parse(data)


@given(name=st.sampled_from(NAMES), at=st.integers(0, 150), value=st.integers(0, 255))
def test_a_damaged_packet_is_refused_or_read_but_never_breaks_the_reader(name, at, value):
    data = bytearray((GOLDENS / f"{name}.bin").read_bytes())
    data[at % len(data)] = value
    try:
        found = parse(data)
    except ProtocolError:
        return
    e = found.extension
    if isinstance(e, Rgbd):
        with suppress(ProtocolError):
            rgbd.unpacked_depth(found.blocks[1], e.width, e.height, codec=e.depth_codec)


@given(name=st.sampled_from(NAMES), keep=st.integers(0, 500))
def test_a_packet_cut_short_is_refused(name, keep):
    data = (GOLDENS / f"{name}.bin").read_bytes()
    with pytest.raises(ProtocolError):
        parse(data[: min(keep, len(data) - 1)])


def test_a_checksum_finds_a_flipped_bit():
    data = bytearray(depth_packet(checked=True))
    data[-1] ^= 1
    with pytest.raises(ProtocolError, match="checksum"):
        parse(data)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"near": 8.0}, "near and far"),
        ({"near": float("nan")}, "not finite"),
        ({"fx": 0.0}, "focal"),
        ({"width": 0}, "no pixel"),
        ({"depth_bytes": 10}, "raw depth"),
        ({"colour_bytes": 17}, "raw picture"),
        ({"confidence_codec": ConfidenceCodec.DEFLATE8}, "confidence"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(change, why):
    with pytest.raises(ProtocolError, match=why):
        depth_packet(replace(DEPTH, **change))


def test_other_versions_say_so():
    data = bytearray(depth_packet())
    data[4] = 2
    with pytest.raises(ProtocolError, match="version 2"):
        parse(data)


def test_unknown_flags_and_kinds_are_refused():
    for at, value in ((5, 99), (7, 1)):
        data = bytearray(depth_packet())
        data[at] = value
        with pytest.raises(ProtocolError):
            parse(data)


def test_the_sequence_wraps():
    assert parse(depth_packet(sequence=2**32 + 5)).sequence == 5


def test_payloads_begin_where_typed_arrays_may_look():
    for name in NAMES:
        data = (GOLDENS / f"{name}.bin").read_bytes()
        found = parse(data)
        assert (len(data) - len(found.payload)) % 16 == 0
        assert len(found.payload) % 16 == 0


def test_captures_are_jpegs_of_some_size():
    for capture in (Capture(0, 4, ColourCodec.JPEG, 0.0, 3), Capture(4, 4, ColourCodec.WEBP, 0.0, 3)):
        with pytest.raises(ProtocolError):
            packet(capture, (b"abc",))


def test_splats_fit_their_room():
    with pytest.raises(ProtocolError, match="room"):
        packet(Splat16(3000, 2048, -9.0, 1.0, 0.0, 1.0, SplatCodec.PLAIN), (bytes(65536),))
    with pytest.raises(ProtocolError, match="plain splats"):
        packet(Splat16(5, 2048, -9.0, 1.0, 0.0, 1.0, SplatCodec.PLAIN), (bytes(80),))


def test_points_are_two_blocks():
    found = parse(packet(Points16(3, 2.0, (0.0, 0.0, 1.0)), (bytes(range(24)), bytes(12)), flags=Flag.METRIC))
    assert [len(block) for block in found.blocks] == [24, 12]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"codec": ""}, "codec"),
        ({"codec": "avc1 64"}, "codec"),
        ({"codec": "avc1.640016.and.more"}, "codec"),
        ({"width": 0}, "no pixel"),
        ({"frame_bytes": 17}, "frame of 17"),
        ({"far_code": 0}, "codes"),
        ({"near_code": 1024}, "codes"),
        ({"near": 9.0}, "near and far"),
        ({"cx": float("inf")}, "not finite"),
    ],
)
def test_film_says_what_it_is(change, why):
    film = VideoDepth(64, 64, 16, "av01.0.04M.10", 50.0, 50.0, 32.0, 32.0, 1.0, 8.0, 128, 1023)
    assert parse(packet(film, (bytes(16),), flags=Flag(0))).extension == film
    with pytest.raises(ProtocolError, match=why):
        packet(replace(film, **change), (bytes(16),))
    if set(change) <= {"codec", "width", "frame_bytes"}:
        with pytest.raises(ProtocolError, match=why):
            packet(replace(VideoRgb(64, 64, 16, "avc1.640016"), **change), (bytes(16),))
