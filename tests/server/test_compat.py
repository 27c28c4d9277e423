import itertools
import json
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from starlette.websockets import WebSocketDisconnect

from live_models import GaussianModel, RuleWorld
from live_sockets import TOKEN, connected, read, serving
from vergence.server.app import Outputs
from vergence.server.compat import OldClients
from vergence.server.rgbd import packed_colour

msgpack = pytest.importorskip("msgpack")


def speaking(engine, player):
    return Outputs(old_clients=OldClients(engine, player))


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
    with serving(outputs=speaking) as client, old(client) as socket:
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
    with serving(outputs=speaking) as client, old(client) as viewer, old(client) as camera:
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


def test_two_older_cameras_are_seen_in_one_cloud_where_the_model_can():
    model = RuleWorld()
    with (
        serving(model=model, world_model=model, outputs=speaking) as client,
        old(client) as viewer,
        old(client) as one,
        old(client) as two,
    ):
        viewer.send_json({"type": "register_role", "role": "viewer"})
        for camera in (one, two):
            camera.send_json({"type": "register_role", "role": "camera"})
        is_over = threading.Event()

        def film():
            for value in itertools.cycle(range(40, 200)):
                one.send_bytes(jpeg(value))
                two.send_bytes(jpeg(value + 20))
                if is_over.wait(0.02):
                    return

        filming = threading.Thread(target=film)
        filming.start()
        try:
            clouds = (told(viewer, "pointcloud") for _ in range(100))
            cloud = next(cloud for cloud in clouds if cloud["num_points"] > 32 * 18)
        finally:
            is_over.set()
            filming.join()
        count = cloud["num_points"]
        assert set(model.sizes) == {2}
        points = np.frombuffer(cloud["points"], "<f4").reshape(-1, 3)
        assert len(cloud["colors"]) == 3 * len(points) == 3 * count
        assert (points[:, 2] > 0).all()


def test_models_with_gaussians_send_those_to_older_clients():
    with serving("test:64x36@30", outputs=speaking, gaussian_model=GaussianModel(50)) as client, old(client) as socket:
        found = told(socket, "gaussians")
    assert found["num_gaussians"] == 50
    assert len(found["means"]) == len(found["scales"]) == 50 * 12
    assert len(found["rotations"]) == 50 * 16
    assert len(found["opacities"]) == 50 * 4
    assert len(found["colors"]) == 50 * 3
    assert np.frombuffer(found["opacities"], "<f4")[0] == 1  # the most opaque first


def test_old_and_new_clients_share_a_stream():
    with serving("test:64x36@30", outputs=speaking) as client, old(client) as first, connected(client) as second:
        assert told(first, "pointcloud")["num_points"] > 0
        assert read(second).time_us > 0


@pytest.mark.parametrize("is_old", [True, False])
def test_older_clients_need_the_token_and_a_server_that_wants_them(is_old):
    address = "/ws" if is_old else f"/ws?token={TOKEN}"
    with (
        serving(outputs=speaking if is_old else None) as client,
        pytest.raises(WebSocketDisconnect),
        old(client, address),
    ):
        pass
    headers = {"origin": "http://evil.test"}
    with serving(outputs=speaking) as client, pytest.raises(WebSocketDisconnect), old(client, headers=headers):
        pass
