"""Several cameras in one cloud: from what clients send to what viewers get."""

import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from live_models import Audience, RuleModel, RuleWorld
from live_sockets import connected, read, serving
from true_world import Knowing, room
from vergence.depth.long_film import moved
from vergence.depth.world import World
from vergence.errors import MediaError, SettingsError
from vergence.geometry.rotation import rotation_about
from vergence.geometry.similarity import Similarity
from vergence.server.adaptation import LADDER, POINTS, Pace, Quality, quality_of
from vergence.server.engine import Engine
from vergence.server.hub import Published
from vergence.server.player import FIRST_CAMERA, TOGETHER, Player
from vergence.server.protocol import Capture, ColourCodec, Flag, Kind, Points16, packet, parse
from vergence.server.recording import Moment, NoModel
from vergence.server.rgbd import packed_colour
from vergence.server.ring import Ring
from vergence.server.settings import LiveSettings
from vergence.server.shown import now_us
from vergence.server.unpack import depth_frame
from vergence.types import Frame, MediaInfo

USUAL = Quality(12, 80, 640)
CLOUD = Quality(16, 0, 0, "points16", 250_000)


class Wild(Knowing):
    """Knows the room, but each world it gives is turned, moved and in a unit of its own."""

    def __init__(self):
        super().__init__("scale_invariant")
        self._random = np.random.default_rng(1)

    def world(self, frames, *, cameras=None, gaussians=False):
        wild = self._random.normal(size=7)
        off = Similarity(float(np.exp(wild[6])), rotation_about(wild[:3]), 3 * wild[3:6])
        views = super().world(frames, cameras=cameras, gaussians=gaussians).views
        return World(tuple(moved(view, off) for view in views))


def grey(value, size=(32, 18)):
    return Frame(np.full((size[1], size[0], 3), value, np.uint8), 0, Fraction(0))


@contextmanager
def filming(model=None, *, cameras=2, qualities=(USUAL, CLOUD), uris=()):
    """A player with cameras of clients, all of which are shown together: (player, engine, audience, numbers)."""
    model, audience = model or RuleWorld(), Audience(*qualities)
    engine = Engine(model, world_model=model)
    player = Player(engine, uris)
    player.is_watched = lambda: audience.is_watched
    player.on_error = lambda text: audience.announce(t="error", code="source-failed", msg=text)
    engine.start(audience)
    player.start()
    numbers = [player.add_camera(client, f"phone {client}", "camera") for client in range(cameras)]
    player.select(TOGETHER)
    try:
        yield player, engine, audience, numbers
    finally:
        player.stop()
        engine.stop()


def offer(player, number, frame, *, at=None):
    return player.offer(
        number, lambda index: frame, width=frame.width, height=frame.height, time_us=now_us() if at is None else at
    )


def film(player, numbers, audience, *, frames=1, pictures=None):
    """Have all cameras film until so many more clouds were published."""
    pictures = pictures or {number: grey(60 + 20 * place) for place, number in enumerate(numbers)}
    wanted = len(clouds(audience)) + frames
    end = time.monotonic() + 30
    while len(clouds(audience)) < wanted and time.monotonic() < end:
        for number in numbers:
            assert offer(player, number, pictures[number])
        time.sleep(0.02)
    assert len(clouds(audience)) >= wanted


def clouds(audience):
    return [found for found in audience.packets() if isinstance(found.extension, Points16)]


def points_of(found):
    places, _ = found.blocks
    places = np.frombuffer(places, "<i2").reshape(-1, 4)[:, :3]
    return np.array(found.extension.origin) + places / 32767 * found.extension.scale


def test_two_cameras_become_one_cloud_and_the_firsts_picture_with_depth():
    with filming() as (player, _, audience, numbers):
        film(player, numbers, audience, frames=3)
        sizes = set(player._engine.model.sizes)
    assert sizes == {2}
    cloud = clouds(audience)[-1]
    assert cloud.source == TOGETHER
    assert cloud.extension.count > 0.5 * 2 * 32 * 18
    assert Flag.METRIC not in cloud.flags
    pictures = [found for found in audience.packets() if found.extension.KIND == Kind.RGBD]
    assert {found.source for found in pictures} == {TOGETHER}
    first = depth_frame(pictures[0])
    assert abs(int(np.median(first.frame.rgb)) - 60) < 4
    sequences = [{parse(data).sequence for data in frame.packets.values()} for _, frame in audience.frames]
    assert all(len(each) == 1 for each in sequences)  # of one frame both have one number


def test_a_static_room_stays_where_it_is_while_the_models_own_axes_and_unit_change():
    with filming(Wild(), qualities=(CLOUD,)) as (player, _, audience, numbers):
        frames = dict(zip(numbers, (room()[0].frame, room()[2].frame), strict=True))
        film(player, numbers, audience, frames=8, pictures=frames)
    made = [points_of(found) for found in clouds(audience)]
    assert len({len(points) for points in made}) == 1
    size = np.linalg.norm(np.percentile(made[0], 95, axis=0) - np.percentile(made[0], 5, axis=0))
    for points in made[1:]:
        assert np.linalg.norm(points - made[0], axis=1).max() < 1e-3 * size  # nothing moves by a thousandth of the room


def test_a_late_camera_is_left_out_and_one_that_leaves_is_no_longer_waited_for():
    with filming(cameras=3) as (player, engine, audience, numbers):

        def film_until(count, cameras):
            """Film until so many are seen together, though one round of pictures may be taken before it is whole."""
            end = time.monotonic() + 30
            while engine.model.sizes[-1:] != [count]:
                assert time.monotonic() < end
                film(player, cameras, audience)

        film_until(3, numbers)
        time.sleep(0.6)
        film_until(2, numbers[:2])
        film(player, numbers[:2], audience, frames=3)
        assert engine.model.sizes[-1] == 2
        film_until(3, numbers)
        player.remove_camera(numbers[2])
        film_until(2, numbers[:2])
        assert player.active == TOGETHER
        player.remove_camera(numbers[1])
        assert player.active == numbers[0]
        assert [source["id"] for source in player.described()] == [numbers[0]]


def test_a_picture_that_cannot_be_read_is_told_and_the_others_go_on():
    def broken(index):
        raise MediaError("no picture")

    with filming(cameras=3) as (player, engine, audience, numbers):
        film(player, numbers[:2], audience)
        player.offer(numbers[2], broken, width=8, height=8, time_us=now_us())
        film(player, numbers[:2], audience, frames=2)
        assert audience.wait(lambda a: any(m.get("code") == "bad-picture" for m in a.messages))
        assert set(engine.model.sizes) == {2}


def test_shared_screens_are_no_cameras():
    with filming() as (player, _, audience, numbers):
        screen = player.add_camera(50, "slides", "screen")
        assert not offer(player, screen, grey(1))
        film(player, numbers, audience)


def test_there_is_nothing_to_choose_where_one_camera_films():
    engine = Engine(RuleWorld(), world_model=RuleWorld())
    player = Player(engine)
    player.add_camera(1, "phone", "camera")
    player.add_camera(2, "slides", "screen")
    assert TOGETHER not in [source["id"] for source in player.described()]
    with pytest.raises(SettingsError):
        player.select(TOGETHER)


def test_a_model_of_single_pictures_says_why_it_cannot():
    player = Player(Engine(RuleModel()))
    for client in (1, 2):
        player.add_camera(client, "phone", "camera")
    entry = player.described()[-1]
    assert (entry["id"], entry["kind"], entry["has_points"]) == (TOGETHER, "together", False)
    assert "one picture at a time" in entry["unavailable"]
    assert "depth-anything-3" in entry["unavailable"]
    with pytest.raises(SettingsError, match="one picture at a time"):
        player.select(TOGETHER)
    assert player.active == FIRST_CAMERA + 1


def test_another_camera_of_the_list_is_shown_alone_again():
    with filming() as (player, _, audience, numbers):
        film(player, numbers, audience)
        player.select(numbers[1])
        assert not offer(player, numbers[0], grey(1))
        assert offer(player, numbers[1], grey(2))
        assert audience.wait(lambda a: a.packets()[-1].source == numbers[1])


class Webcam:
    """A camera of this machine that shows one grey."""

    opened = 0

    def __init__(self, uri):
        self.info = MediaInfo(None, is_film=True, width=32, height=18)
        self._frame = grey(60 + 40 * int(uri[-1]))
        self._began = time.monotonic()

    def __enter__(self):
        Webcam.opened += 1
        return self

    def __exit__(self, *_):
        Webcam.opened -= 1

    def latest(self):
        time.sleep(0.02)
        return replace(self._frame, time=Fraction(time.monotonic() - self._began))


def test_cameras_of_this_machine_are_read_at_once_and_let_go(monkeypatch):
    monkeypatch.setattr("vergence.server.player.open_live", Webcam)
    with filming(cameras=0, uris=("webcam:0", "webcam:1")) as (player, engine, audience, _):
        assert audience.wait(lambda a: len(clouds(a)) > 2)
        assert set(engine.model.sizes) == {2}
        phone = player.add_camera(5, "phone", "camera")
        end = time.monotonic() + 20
        while 3 not in engine.model.sizes and time.monotonic() < end:
            offer(player, phone, grey(120))
            time.sleep(0.02)
        assert 3 in engine.model.sizes
        player.select(0)
        assert audience.wait(lambda a: a.packets()[-1].source == 0)
        assert Webcam.opened == 1
    assert Webcam.opened == 0


def test_slower_viewers_get_fewer_points():
    given = [quality_of(Pace(step=step), LiveSettings(), "points16").points for step in range(len(LADDER))]
    assert given == sorted(given, reverse=True)
    assert (given[0], len(POINTS)) == (250_000, len(LADDER))
    with filming(qualities=(CLOUD, Quality(16, 0, 0, "points16", 100))) as (player, _, audience, numbers):
        film(player, numbers, audience, frames=2)
        _, frame = audience.frames[-1]
    counts = sorted(parse(data).extension.count for data in frame.packets.values())
    assert counts[0] == 100 < counts[1]
    few, many = (parse(data) for data in sorted(frame.packets.values(), key=len))
    np.testing.assert_allclose(points_of(few), points_of(many)[:100], atol=1e-3 * many.extension.scale)


def test_frames_of_points_alone_are_kept_and_looked_back_on():
    ring = Ring(clock=iter([1.0, 2.0]).__next__)
    for sequence in (1, 2):
        data = packet(Points16(0, 1.0, (0.0, 0.0, 0.0)), (b"", b""), sequence=sequence, time_us=sequence)
        ring.take(Published(sequence, {CLOUD: data}))
    held = ring.hold()
    past, _ = held.back(1.0)
    assert parse(past.packets["points16"]).sequence == 1


# Over the protocol.


def picture(value):
    data = packed_colour(np.full((36, 64, 3), value, np.uint8), 80)
    return data, Capture(64, 36, ColourCodec.JPEG, 0.0, len(data))


def send(socket, value):
    data, capture = picture(value)
    socket.send_bytes(packet(capture, (data,), time_us=0))


@contextmanager
def phones(client, count=2):
    with ExitStack() as stack:
        yield [stack.enter_context(connected(client, "camera", name=f"phone {n}")) for n in range(count)]


def choose(viewer):
    sources = read(viewer, kind="sources", check=lambda m: any(s["kind"] == "together" for s in m["sources"]))
    entry = sources["sources"][-1]
    assert entry["name"] == "All cameras"
    viewer.send_json({"t": "source", "id": entry["id"]})
    return entry


def next_cloud(viewer, sockets):
    for value in range(50, 200):
        for socket in sockets:
            send(socket, value)
        found = read(viewer)
        if isinstance(found.extension, Points16):
            return found
    raise AssertionError("no cloud came")


def test_a_viewer_that_wants_points_is_sent_the_cloud_of_all_phones():
    model = RuleWorld()
    with serving(model=model, world_model=model) as client, connected(client) as viewer:
        assert read(viewer, kind="hello")["modes"] == ["rgbd", "points16"]
        with phones(client) as sockets:
            entry = choose(viewer)
            assert (entry["has_points"], entry["unavailable"], entry["is_live"]) == (True, None, True)
            viewer.send_json({"t": "want", "kind": "points16"})
            found = next_cloud(viewer, sockets)
            assert found.source == entry["id"]
            assert found.extension.count > 500


def test_one_can_look_back_at_the_cloud():
    model = RuleWorld()
    with serving(model=model, world_model=model) as client, connected(client) as viewer, phones(client) as sockets:
        choose(viewer)
        viewer.send_json({"t": "want", "kind": "points16"})
        for _ in range(4):
            last = next_cloud(viewer, sockets)
        viewer.send_json({"t": "scrub", "seconds": 5})
        past = read(viewer, check=lambda found: Flag.STILL in found.flags)
        assert isinstance(past.extension, Points16)
        assert past.time_us < last.time_us
        viewer.send_json({"t": "snapshot"})
        assert read(viewer, kind="error")["code"] == "not-available"
        viewer.send_json({"t": "play"})
        assert Flag.STILL not in next_cloud(viewer, sockets).flags


def test_without_such_a_model_the_source_and_the_points_are_refused():
    with serving() as client, connected(client) as viewer:
        assert read(viewer, kind="hello")["modes"] == ["rgbd"]
        viewer.send_json({"t": "want", "kind": "points16"})
        assert read(viewer, kind="error")["code"] == "not-available"
        with phones(client):
            assert choose(viewer)["unavailable"] is not None
            error = read(viewer, kind="error")
            assert (error["code"], "one picture at a time" in error["msg"]) == ("not-available", True)


def test_a_recording_keeps_the_cloud_and_shows_it_again(tmp_path):
    model = RuleWorld()
    path = tmp_path / "together.vgr"
    known = {"authorization": "Bearer abcdefghijklmnop"}
    with serving(model=model, world_model=model) as client, connected(client) as viewer, phones(client) as sockets:
        choose(viewer)
        viewer.send_json({"t": "want", "kind": "points16"})
        next_cloud(viewer, sockets)
        viewer.send_json({"t": "record", "on": True})
        count = next_cloud(viewer, sockets).extension.count
        for _ in range(3):
            next_cloud(viewer, sockets)
        viewer.send_json({"t": "record", "on": False})
        done = read(viewer, kind="record", check=lambda m: not m["on"])
        path.write_bytes(client.get(f"/{done['url']}", headers=known).content)
    with serving(str(path), model=NoModel(str(path))) as client, connected(client) as viewer:
        assert read(viewer, kind="hello")["modes"] == ["rgbd", "points16"]
        assert read(viewer, kind="sources")["sources"][0]["has_points"] is True
        assert read(viewer).extension.KIND == Kind.RGBD  # the first camera's picture, for those who want that
        viewer.send_json({"t": "want", "kind": "points16"})
        found = read(viewer, check=lambda found: isinstance(found.extension, Points16))
        assert found.extension.count == pytest.approx(count, rel=0.2)


def test_a_recording_without_points_is_shown_to_those_who_want_points():
    rule = Audience(CLOUD)
    engine = Engine(RuleModel())
    engine.start(rule)
    try:
        with filming(qualities=(USUAL,)) as (player, _, audience, numbers):
            player.select(numbers[0])
            offer(player, numbers[0], grey(3))
            assert audience.wait(lambda a: a.frames)
        _, frame = audience.frames[-1]
        engine.replay(Moment({"rgbd": frame.packets[USUAL]}, "metric"), source=4)
        assert rule.wait(lambda a: a.frames)
    finally:
        engine.stop()
    assert rule.packets()[0].extension.KIND == Kind.RGBD
