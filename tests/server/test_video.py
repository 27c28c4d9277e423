import json
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from live_models import Audience, RuleModel
from live_sockets import connected, read, serving
from vergence.errors import MediaError
from vergence.geometry.nearness import nearness
from vergence.server import video
from vergence.server.adaptation import LADDER, Pace, Quality, quality_of
from vergence.server.engine import Engine
from vergence.server.pack import FIRST, Header, Spans
from vergence.server.protocol import Flag, Rgbd, VideoDepth, VideoRgb, parse
from vergence.server.settings import LiveSettings
from vergence.server.shown import Arrival, now_us
from vergence.server.unpack import depth_frame
from vergence.server.video import (
    DEPTH_CODECS,
    FAR_CODE,
    LEVELS,
    STEPS,
    Film,
    codes_of,
    depth_codec_for,
    film_size,
    whole_of,
)
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

pytestmark = pytest.mark.skipif(not video.can_film(), reason="FFmpeg has no encoder for film here")

CODECS = [name for name in DEPTH_CODECS if depth_codec_for(["h264", name])]
DECODERS = {"h264-10": "h264", "av1-10": "libdav1d"}
GOLDENS = Path(__file__).parents[1] / "goldens" / "protocol"
BOTH = {"codecs": ["h264", "h264-10", "av1-10"]}


def scene(index, width=336, height=188):
    """A slope with a disc and a post before it that move, a hole in the disc, and nothing measured at the top."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    middle = width * (0.3 + 0.01 * index)
    away = np.hypot(x - middle, y - height / 2)
    z = 6 - 2 * y / height
    z[away < height / 4] = 2
    z[height // 4 : -height // 4, width * 3 // 4 : width * 3 // 4 + 8] = 2.5
    valid = (y >= height / 10) & (away >= height / 12)
    z[~valid] = 0
    rgb = np.stack([x / width, y / height, (away < height / 4)], axis=-1)
    lens = Intrinsics(300, 300, width / 2, height / 2, width, height)
    frame = Frame((rgb * 255).astype(np.uint8), index, Fraction(index, 30), intrinsics=lens)
    return DepthFrame(frame, DepthMap(z, valid, "metric"))


class Player:
    """Decodes films as a viewer does."""

    def __init__(self, codec):
        self.colour, self.depth = av.CodecContext.create("h264", "r"), av.CodecContext.create(DECODERS[codec], "r")
        for decoder in (self.colour, self.depth):
            decoder.thread_count = 1
        if codec == "av1-10":
            self.depth.options = {"max_frame_delay": "1"}

    def __call__(self, frame):
        """The extension of depth, its integers, and the picture."""
        colour, depth = map(parse, frame.packets)
        (seen,) = self.colour.decode(av.Packet(bytes(colour.blocks[0])))
        (deep,) = self.depth.decode(av.Packet(bytes(depth.blocks[0])))
        e, luma = depth.extension, deep.planes[0]
        codes = np.frombuffer(luma, np.uint16).reshape(-1, luma.line_size // 2)[: e.height, : e.width]
        return e, whole_of(codes), seen.to_ndarray(format="rgb24")


def z_of(whole, extension):
    far, near = 1 / extension.far, 1 / extension.near
    z = 1 / (far + (whole.astype(float) - 1) / (LEVELS - 1) * (near - far))
    return np.where(whole > 0, z, np.nan)


def edges(values):
    """Pixels within two of a jump."""
    jumps = np.zeros(values.shape, bool)
    for axis in (0, 1):
        for step in (1, 2):
            moved = np.abs(values - np.roll(values, step, axis)) > 0.05 * np.abs(values)
            jumps |= moved | np.roll(moved, -step, axis)
    return jumps


@pytest.mark.parametrize("codec", CODECS)
def test_depth_survives_film_and_so_does_what_is_invalid(codec):
    film, player, spans, errors, wrong = Film(codec, side=504), Player(codec), Spans(), [], 0
    for index in range(12):
        item = scene(index)
        frame = film.frame(item, spans(item), Header(sequence=index, time_us=5))
        assert frame.number == index + 1
        assert frame.is_key == (index == 0)
        e, whole, rgb = player(frame)
        z, truth, valid = z_of(whole, e), item.depth.values, item.depth.valid
        wrong += ((whole > 0) != valid).sum()
        inside = valid & (whole > 0) & ~edges(truth)
        errors.append(np.abs(z / np.where(valid, truth, 1) - 1)[inside])
        assert np.abs(rgb.astype(float) - item.frame.rgb8).mean() < 6
    film.close()
    relative = np.concatenate(errors)
    assert np.median(relative) < 0.005
    assert np.quantile(relative, 0.99) < 0.02
    assert wrong / (12 * whole.size) < 5e-4


@pytest.mark.parametrize("codec", CODECS)
def test_a_frame_that_needs_no_other_comes_when_it_is_asked_for(codec):
    film, spans = Film(codec, side=160), Spans()
    keys = []
    for index in range(8):
        if index == 4:
            film.ask_key()
        item = scene(index)
        frame = film.frame(item, spans(item), FIRST)
        keys.append(frame.is_key)
        if frame.is_key:
            player = Player(codec)  # one that joins now
        assert {bool(parse(data).flags & Flag.INDEPENDENT) for data in frame.packets} == {frame.is_key}
        player(frame)
    assert keys == [True, False, False, False, True, False, False, False]
    film.close()


def test_another_source_or_size_begins_anew():
    film, spans, keys = Film(CODECS[0], side=504), Spans(), []
    for index, (run, width, source) in enumerate([(0, 160, 0), (0, 160, 0), (1, 160, 0), (1, 200, 0), (1, 200, 7)]):
        item = scene(index, width=width)
        keys.append(film.frame(item, spans(item), Header(source=source), run=run).is_key)
    film.close()
    assert keys == [True, False, True, True, True]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [(33, 17), (97, 241), (64, 64), (3, 200)])
def test_any_size_is_filmed_at_an_even_one(codec, size):
    width, height = size
    item = scene(0, *size)
    film = Film(codec, side=504)
    frame = film.frame(item, Spans()(item), FIRST)
    film.close()
    e, whole, rgb = Player(codec)(frame)
    assert (e.width, e.height) == film_size((height, width), 504)
    assert e.width % 2 == e.height % 2 == 0
    assert rgb.shape[:2] == (e.height, e.width)
    assert e.cx == pytest.approx(e.width / 2)
    assert e.fx / e.width == pytest.approx(300 / width)
    assert (whole > 0).mean() == pytest.approx(item.depth.valid.mean(), abs=0.1)


def test_film_is_no_larger_than_was_asked():
    assert film_size((1080, 1920), 504) == (504, 284)
    assert film_size((1920, 1080), 320) == (180, 320)


def test_codes_keep_away_from_what_is_invalid():
    item = scene(0)
    span = Spans()(item)
    codes = codes_of(item, span, 336, 188)
    assert (codes[~item.depth.valid] == 0).all()
    assert codes[item.depth.valid].min() >= FAR_CODE
    assert codes.max() <= 1023
    whole = whole_of(codes)
    assert ((whole > 0) == item.depth.valid).all()
    t = (nearness(item.depth) - span.low) / (span.high - span.low)
    found = np.sqrt((whole[item.depth.valid] - 1) / (LEVELS - 1))
    np.testing.assert_allclose(found, np.sqrt(np.clip(t[item.depth.valid], 0, 1)), atol=0.51 / STEPS + 1e-3)
    wanted = json.loads((GOLDENS / "video_depth.json").read_text("utf-8"))
    assert whole_of(np.array(wanted["luma"], np.uint16)).tolist() == wanted["whole"]


def test_packets_say_what_webcodecs_is_to_be_told():
    film, item = Film("h264-10", side=160), scene(0)
    colour, depth = map(parse, film.frame(item, Spans()(item), Header(source=2, sequence=9, time_us=8)).packets)
    film.close()
    assert isinstance(colour.extension, VideoRgb)
    assert isinstance(depth.extension, VideoDepth)
    assert colour.extension.codec.startswith("avc1.64")  # high profile
    assert depth.extension.codec.startswith("avc1.6E")  # high 10
    assert {(each.source, each.sequence, each.time_us) for each in (colour, depth)} == {(2, 9, 8)}
    assert Flag.METRIC in depth.flags


def test_who_decodes_both_gets_what_costs_less():
    assert depth_codec_for(["av1-10", "h264", "h264-10", 7, None]) == "h264-10"
    assert depth_codec_for(["h264", "av1-10"]) in ("av1-10", None)  # not every FFmpeg has the encoder
    assert depth_codec_for(["h264-10", "av1-10"]) is None
    assert depth_codec_for(["h264"]) is None


# The engine, and what clients are sent.


def still(index=0, **options):
    frame = scene(index).frame
    return Arrival(lambda: frame, 0, 0, now_us(), **options)


def test_the_engine_films_for_those_who_want_it_and_sends_the_others_exact_packets():
    exact = Quality(12, 80, 640)
    film = quality_of(Pace(), LiveSettings(), "video", film=CODECS[0])
    audience, engine = Audience(exact, film), Engine(RuleModel(size=(96, 64)))
    engine.start(audience)
    try:
        engine.inbox.put(still())
        assert audience.wait(lambda a: a.frames)
        audience.qualities = frozenset({exact})
        engine.inbox.put(still(1))
        assert audience.wait(lambda a: len(a.frames) == 2)
    finally:
        engine.stop()
    first, second = (frame for _, frame in audience.frames)
    assert set(first.packets) == {exact}
    assert set(first.films) == {film}
    assert {parse(data).sequence for data in first.films[film].packets} == {first.sequence}
    assert isinstance(parse(first.packets[exact]).extension, Rgbd)
    assert second.films == {}


def test_where_film_fails_exact_packets_go_on(monkeypatch):
    def fail(*_, **__):
        raise MediaError("no more film")

    monkeypatch.setattr(Film, "frame", fail)
    exact, film = Quality(12, 80, 640), quality_of(Pace(), LiveSettings(), "video", film=CODECS[0])
    audience, engine = Audience(exact, film), Engine(RuleModel())
    engine.start(audience)
    try:
        for index in range(2):
            engine.inbox.put(still(index))
            assert audience.wait(lambda a, count=index: len(a.frames) > count)
    finally:
        engine.stop()
    assert not engine.makes_film
    assert [set(frame.packets) for _, frame in audience.frames] == [{exact}] * 2
    assert [message["msg"] for message in audience.messages] == ["no more film"]


def kinds(socket, count=6):
    return {read(socket).extension.KIND.name for _ in range(count)}


FILM, EXACT = {"VIDEO_RGB", "VIDEO_DEPTH"}, {"RGBD"}


def set_tier(socket, tier):
    socket.send_json({"t": "set", "path": "stream.tier", "value": tier})
    read(socket, kind="config", check=lambda m: m["settings"]["stream"]["tier"] == tier)


def becomes(socket, wanted, seconds=10):
    last = time.monotonic() + seconds
    while (found := kinds(socket)) != wanted:
        assert time.monotonic() < last, found


def test_viewers_get_film_where_it_is_asked_for_and_they_can_show_it():
    with (
        serving("test:64x64@30") as client, connected(client, **BOTH) as able,
        connected(client, codecs=["h264"]) as unable,
    ):  # fmt: skip
        assert read(able, kind="hello")["tiers"] == ["exact", "video"]
        assert kinds(able) == kinds(unable) == EXACT
        set_tier(able, "video")
        becomes(able, FILM)
        assert kinds(unable) == EXACT
        assert read(able, kind="stats", check=lambda m: m["sent"] > 0)["tier"] == "video"
        able.send_json({"t": "want", "kind": "rgbd", "codecs": []})  # it cannot, after all
        becomes(able, EXACT)
        able.send_json({"t": "want", "kind": "rgbd", **BOTH})
        becomes(able, FILM)
        set_tier(able, "exact")
        becomes(able, EXACT)


def test_one_who_saves_data_gets_film_unasked():
    with serving("test:64x64@30") as client, connected(client, save_data=True, **BOTH) as socket:
        becomes(socket, FILM)
        set_tier(socket, "exact")
        becomes(socket, EXACT)


def test_who_joins_late_begins_with_a_frame_that_needs_no_other():
    with serving("test:64x64@30") as client, connected(client, save_data=True, **BOTH) as first:
        becomes(first, FILM)
        with connected(client, save_data=True, **BOTH) as second:
            found = [read(second) for _ in range(4)]
            assert [packet.extension.KIND.name for packet in found] == ["VIDEO_RGB", "VIDEO_DEPTH"] * 2
            assert Flag.INDEPENDENT in found[0].flags
            assert Flag.INDEPENDENT not in found[2].flags
            before = read(second, check=lambda p: Flag.INDEPENDENT not in p.flags).sequence
            second.send_json({"t": "key_frame"})
            assert read(second, check=lambda p: Flag.INDEPENDENT in p.flags).sequence > before


def test_one_who_watches_film_can_look_back_at_exact_packets():
    with serving("test:64x64@30") as client, connected(client, save_data=True, **BOTH) as socket:
        becomes(socket, FILM)
        socket.send_json({"t": "scrub", "seconds": 0.2})
        past = read(socket, check=lambda packet: isinstance(packet.extension, Rgbd))
        assert Flag.STILL in past.flags
        assert depth_frame(past).depth.valid.all()
        assert past.extension.width <= LADDER[-1].quality.side
        socket.send_json({"t": "play"})
        read(socket, check=lambda packet: isinstance(packet.extension, VideoRgb))
