import asyncio
import itertools
import json
import time
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from live_models import GaussianModel, RuleModel
from vergence.media.depth_file import read_depth
from vergence.server.app import Outputs, create_app
from vergence.server.compat import OldClients
from vergence.server.engine import Engine
from vergence.server.eyes import Eyes
from vergence.server.hub import Hub
from vergence.server.player import Player
from vergence.server.players import BOUNDARY, _film, _pictures
from vergence.server.protocol import NAME, Flag, parse
from vergence.server.rgbd import packed_colour
from vergence.server.security import Access
from vergence.server.snapshot import Snapshots

TOKEN = "abcdefghijklmnop"
PROTOCOLS = [NAME, f"token.{TOKEN}"]


@contextmanager
def serving(*uris, folder=None, is_old=False, eyes=None, gaussian_model=None):
    engine = Engine(RuleModel(), gaussian_model=gaussian_model)
    player = Player(engine, uris)
    outputs = Outputs(
        eyes=eyes,
        snapshots=None if folder is None else Snapshots(folder),
        old_clients=OldClients(engine, player) if is_old else None,
    )
    app = create_app(engine, player, access=Access(TOKEN), hub=Hub(), outputs=outputs)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


@contextmanager
def connected(client):
    with client.websocket_connect("ws://127.0.0.1/ws", subprotocols=PROTOCOLS) as socket:
        socket.send_json({"t": "hello", "role": "viewer"})
        yield socket


def read(socket, *, kind=None, check=lambda message: True):
    """The next text message of a kind, or the next packet; packets on the way are acknowledged."""
    for _ in range(600):
        message = socket.receive()
        if message.get("bytes") is not None:
            found = parse(message["bytes"])
            socket.send_json({"t": "ack", "seq": found.sequence})
            if kind is None and check(found):
                return found
        else:
            found = json.loads(message["text"])
            if found["t"] == kind and check(found):
                return found
    raise AssertionError(f"no {kind or 'packet'} came")


# Looking back


def test_one_viewer_looks_back_while_another_sees_what_is_live():
    with serving("test:64x36@30") as client, connected(client) as first, connected(client) as second:
        seen = [read(first) for _ in range(12)]
        first.send_json({"t": "scrub", "seconds": 60})
        past = read(first, kind="past")
        assert past["seconds"] == past["span"] > 0
        again = read(first, check=lambda found: Flag.STILL in found.flags)
        assert again.time_us <= seen[0].time_us
        assert again.sequence > seen[-1].sequence
        first.send_json({"t": "scrub", "seconds": 0})
        newer = read(first, check=lambda found: Flag.STILL in found.flags)
        assert newer.time_us > again.time_us
        for a, b in itertools.pairwise([read(second) for _ in range(5)]):
            assert Flag.STILL not in b.flags
            assert b.time_us > a.time_us
        first.send_json({"t": "play"})
        live = [read(first, check=lambda found: Flag.STILL not in found.flags) for _ in range(3)]
        assert live[-1].time_us > newer.time_us


def test_one_that_looks_back_is_sent_nothing_live():
    with serving("test:64x36@30") as client, connected(client) as socket:
        for _ in range(5):
            read(socket)
        socket.send_json({"t": "scrub", "seconds": 0.1})
        read(socket, kind="past")
        read(socket, kind="stats", check=lambda m: m["past"] > 0)
        for _ in range(2):
            stats = read(socket, kind="stats")
        assert stats["sent"] == 0


def test_looking_back_by_no_number_is_told():
    with serving() as client, connected(client) as socket:
        for seconds in (-1, "3", None, True, 1e999):
            socket.send_json({"t": "scrub", "seconds": seconds})
            assert read(socket, kind="error")["code"] == "bad-value"
        socket.send_json({"t": "scrub", "seconds": 1})
        assert read(socket, kind="error")["code"] == "not-available"


# Snapshots


def test_a_snapshot_lies_in_the_folder_that_is_said(tmp_path):
    with serving("test:64x36@30", folder=tmp_path) as client, connected(client) as socket:
        assert read(socket, kind="hello")["snapshots"] == str(tmp_path)
        read(socket)
        socket.send_json({"t": "snapshot"})
        saved = read(socket, kind="snapshot")
    picture, depth = (tmp_path / name for name in saved["files"])
    assert saved["folder"] == str(tmp_path)
    assert picture.suffix == ".jpg"
    assert cv2.imread(str(picture)).shape == (36, 64, 3)
    assert read_depth(depth).values.shape == (36, 64)


def test_a_snapshot_of_the_past_is_of_the_past(tmp_path):
    with serving("test:64x36@30", folder=tmp_path) as client, connected(client) as socket:
        for _ in range(4):
            read(socket)
        socket.send_json({"t": "scrub", "seconds": 60})
        read(socket, kind="past")
        socket.send_json({"t": "snapshot"})
        assert len(read(socket, kind="snapshot")["files"]) == 2


def test_a_server_without_a_folder_keeps_no_pictures():
    with serving("test:64x36@30") as client, connected(client) as socket:
        socket.send_json({"t": "snapshot"})
        assert read(socket, kind="error")["code"] == "not-available"


# Players


def test_players_bring_the_token_in_the_address():
    with serving() as client:
        for path in ("stereo.mjpeg", "stereo.mp4"):
            assert client.head(f"/{path}").status_code == 403
            assert client.head(f"/{path}?token=abcdefghijklmnoX").status_code == 403
            assert client.head(f"/{path}?token={TOKEN}&layout=spatial").status_code == 400
            assert client.head(f"/{path}?token={TOKEN}&layout=sbs").status_code == 200


def test_players_beyond_those_there_may_be_are_sent_away():
    eyes = Eyes(most_listeners=1)
    with serving(eyes=eyes) as client, eyes.listen():
        assert client.head(f"/stereo.mjpeg?token={TOKEN}").status_code == 503


@pytest.mark.parametrize(("make", "mark"), [(_pictures, b"\xff\xd8\xff"), (_film, b"moof")])
def test_a_player_gets_pictures_and_is_forgotten_when_it_goes(make, mark):
    eyes = Eyes()
    with serving("test:64x36@30", eyes=eyes):
        assert not eyes.is_watching

        async def play():
            made = make(eyes.listen(), lambda: False)
            parts = [await anext(made) for _ in range(4)]
            await made.aclose()
            return parts

        parts = asyncio.run(play())
        assert sum(mark in part for part in parts) >= 2
        assert not eyes.is_watching
        if make is _pictures:
            assert all(BOUNDARY.encode() in part for part in parts)


def test_a_player_is_let_go_when_the_server_stops():
    async def play():
        return [part async for part in _pictures(Eyes().listen(), lambda: True)]

    assert len(asyncio.run(play())) == 1


# Older clients

msgpack = pytest.importorskip("msgpack")


@contextmanager
def old(client, address=f"/ws?token={TOKEN}", **options):
    with client.websocket_connect(f"ws://127.0.0.1{address}", **options) as socket:
        yield socket


def told(socket, kind):
    for _ in range(200):
        message = socket.receive()
        if message.get("bytes") is not None:
            found = msgpack.unpackb(message["bytes"])
        else:
            found = json.loads(message["text"])
        if found["type"] == kind:
            return found
    raise AssertionError(f"no {kind} came")


def jpeg(value):
    return packed_colour(np.full((48, 64, 3), value, np.uint8), 90)


def test_an_older_client_sends_pictures_and_gets_points():
    with serving(is_old=True) as client, old(client) as socket:
        socket.send_json({"type": "ping"})
        assert told(socket, "pong") == {"type": "pong"}
        socket.send_bytes(b"no picture")
        socket.send_bytes(jpeg(128))
        assert told(socket, "camera_list")["count"] in (0, 1)
        cloud = told(socket, "pointcloud")
        points = np.frombuffer(cloud["points"], "<f4").reshape(-1, 3)
        colours = np.frombuffer(cloud["colors"], np.uint8).reshape(-1, 3)
        assert len(points) == len(colours) == cloud["num_points"] == 32 * 18
        np.testing.assert_allclose(points[:, 2], 3, atol=0.1)  # 1 m + 128 / 64
        assert points[0, 1] > 0 > points[-1, 1]  # the first row lies above
        assert points[0, 0] < 0 < points[-1, 0]
        assert abs(colours.astype(int) - 128).max() < 4


def test_an_older_camera_gets_no_points_and_older_viewers_see_it():
    with serving(is_old=True) as client, old(client) as viewer, old(client) as camera:
        viewer.send_json({"type": "register_role", "role": "viewer", "timestamp": 1.0})
        camera.send_json({"type": "register_role", "role": "camera", "timestamp": 2.0})
        camera.send_bytes(jpeg(64))
        assert told(viewer, "pointcloud")["num_points"] > 0
        time.sleep(0.3)
        camera.send_json({"type": "ping"})
        seen = set()
        while "pong" not in seen:
            message = camera.receive()
            assert message.get("bytes") is None
            seen.add(json.loads(message["text"])["type"])


def test_models_with_gaussians_send_those_to_older_clients():
    with serving("test:64x36@30", is_old=True, gaussian_model=GaussianModel(50)) as client, old(client) as socket:
        found = told(socket, "gaussians")
    assert found["num_gaussians"] == 50
    assert len(found["means"]) == len(found["scales"]) == 50 * 12
    assert len(found["rotations"]) == 50 * 16
    assert len(found["opacities"]) == 50 * 4
    assert len(found["colors"]) == 50 * 3
    assert np.frombuffer(found["opacities"], "<f4")[0] == 1  # the most opaque first


def test_old_and_new_clients_share_a_stream():
    with serving("test:64x36@30", is_old=True) as client, old(client) as first, connected(client) as second:
        assert told(first, "pointcloud")["num_points"] > 0
        assert read(second).time_us > 0


@pytest.mark.parametrize("is_old", [True, False])
def test_older_clients_need_the_token_and_a_server_that_wants_them(is_old):
    address = "/ws" if is_old else f"/ws?token={TOKEN}"
    with serving(is_old=is_old) as client, pytest.raises(WebSocketDisconnect), old(client, address):
        pass
    headers = {"origin": "http://evil.test"}
    with serving(is_old=True) as client, pytest.raises(WebSocketDisconnect), old(client, headers=headers):
        pass
