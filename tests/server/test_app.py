import itertools
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.websockets import WebSocketDisconnect

from live_models import GaussianModel
from live_sockets import PROTOCOLS, TOKEN, connected, read, serving
from vergence.server.protocol import NAME, Capture, ColourCodec, Flag, Rgbd, Splat16, packet
from vergence.server.rgbd import packed_colour
from vergence.server.session import MOST_FAULTS

OWN = {"origin": "http://127.0.0.1"}
DOCS = Path(__file__).parent.parent.parent / "docs" / "protocol.md"


@pytest.fixture
def client():
    with serving("test:64x36@30") as client:
        yield client


def closed(socket):
    """The code with which a socket is closed."""
    with pytest.raises(WebSocketDisconnect) as closing:
        read(socket, kind="nothing")
    return closing.value.code


def jpeg(width=64, height=36, value=128):
    return packed_colour(np.full((height, width, 3), value, np.uint8), 80)


def capture(data, width=64, height=36, *, sequence=1, time_us=0, fov=0.0):
    return packet(Capture(width, height, ColourCodec.JPEG, fov, len(data)), (data,), sequence=sequence, time_us=time_us)


def test_a_viewer_is_told_what_there_is_and_gets_frames(client):
    with connected(client) as socket:
        hello = read(socket, kind="hello")
        assert hello["protocol"] == NAME
        assert hello["model"]["kind"] == "metric"
        assert read(socket, kind="config")["settings"]["picture"] == {"side": 640}
        assert read(socket, kind="sources")["sources"][0]["kind"] == "test"
        frames = [read(socket) for _ in range(5)]
        assert [b.sequence > a.sequence for a, b in itertools.pairwise(frames)] == [True] * 4
        stats = read(socket, kind="stats", check=lambda m: m["sent"] > 0)
        assert stats["fps"] > 0
        assert stats["clients"] == 1


@pytest.mark.parametrize("kind", ["hello", "config", "sources", "stats"])
def test_messages_have_the_fields_that_the_page_of_the_protocol_names(client, kind):
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", _section("Text messages, server to client"), re.MULTILINE))
    with connected(client) as socket:
        message = read(socket, kind=kind)
    assert [name for name in message if name != "t" and f"`{name}`" not in rows[kind]] == []


def _section(title):
    return DOCS.read_text("utf-8").split(f"## {title}")[1].split("\n## ")[0]


def test_without_the_token_nobody_gets_in(client):
    for protocols in ([NAME], [NAME, "token.abcdefghijklmnoX"], []):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://127.0.0.1/ws", subprotocols=protocols):
            pass


def test_pages_from_elsewhere_do_not_get_in(client):
    for origin in ("http://evil.test", "null", "http://127.0.0.1:81", "https://127.0.0.1"):
        headers = {"origin": origin}
        is_own = origin == "https://127.0.0.1"  # the same host; a proxy may speak https for us
        try:
            with client.websocket_connect("ws://127.0.0.1/ws", subprotocols=PROTOCOLS, headers=headers):
                assert is_own
        except WebSocketDisconnect:
            assert not is_own


def test_names_that_are_not_ours_are_refused(client):
    assert client.get("/healthz", headers={"host": "evil.test"}).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("ws://127.0.0.1/ws", subprotocols=PROTOCOLS, headers={"host": "evil.test"}),
    ):
        pass


def test_the_page_changes_the_token_for_a_cookie(client):
    assert client.post("/login", json={"token": "wrong"}, headers=OWN).status_code == 403
    assert client.post("/login", content=b"{", headers=OWN).status_code == 400
    assert client.post("/login", content=b"x" * 5000, headers=OWN).status_code == 413
    assert client.post("/login", json={"token": TOKEN}, headers={"origin": "http://evil.test"}).status_code == 403
    answer = client.post("/login", json={"token": TOKEN}, headers=OWN)
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    with client.websocket_connect("ws://127.0.0.1/ws", subprotocols=[NAME], headers=OWN) as socket:
        socket.send_json({"t": "hello", "role": "viewer"})
        read(socket, kind="hello")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://127.0.0.1/ws", subprotocols=[NAME]):
        pass  # a program with a stolen cookie, or a browser that hides where it comes from


def test_a_token_in_the_address_is_taken_out_of_it(client):
    answer = client.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert client.get("/?token=wrong", follow_redirects=False).status_code == 403


def test_who_speaks_something_else_is_told(client):
    with client.websocket_connect("ws://127.0.0.1/ws", subprotocols=["vergence.v9", f"token.{TOKEN}"]) as socket:
        assert closed(socket) == 1002


def test_every_answer_carries_the_policy(client, tmp_path):
    for path in ("/", "/healthz", "/nothing"):
        policy = client.get(path).headers["content-security-policy"]
        assert "script-src 'self' 'wasm-unsafe-eval'" in policy
        assert "unsafe-inline" not in policy.split("style-src")[0]


def test_the_viewer_is_served_and_nothing_beside_it(tmp_path):
    static = tmp_path / "static"
    static.mkdir()
    (static / "index.html").write_text("<p>viewer</p>")
    (static / "a.js").write_text("1")
    (tmp_path / "secret").write_text("x")
    with serving(static=static) as client:
        assert client.get("/").text == "<p>viewer</p>"
        assert "javascript" in client.get("/a.js").headers["content-type"]
        for path in ("/../secret", "/%2e%2e/secret", "/..%2fsecret"):
            assert client.get(path).status_code in (403, 404)


def test_a_missing_viewer_is_said_aloud(tmp_path):
    with serving(static=tmp_path / "none") as client:
        answer = client.get("/")
        assert answer.status_code == 404
        assert "make web" in answer.text


def test_health_is_public_and_metrics_are_not(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/metrics").status_code == 403
    text = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).text
    assert re.search(r"^vergence_clients 0$", text, re.MULTILINE)


def test_a_setting_is_told_to_everyone(client):
    with connected(client) as one, connected(client) as two:
        read(two, kind="sources")
        one.send_json({"t": "set", "path": "picture.side", "value": 320})
        for socket in (one, two):
            found = read(socket, kind="config", check=lambda m: m["settings"]["picture"]["side"] == 320)
            assert found
        one.send_json({"t": "set", "path": "picture.side", "value": "huge"})
        assert read(one, kind="error")["code"] == "bad-value"
        one.send_json({"t": "set", "path": "picture.colour", "value": 1})
        assert read(one, kind="error")["code"] == "unknown-setting"
        assert read(two)  # who did nothing wrong goes on


def test_messages_that_make_no_sense_are_told_and_too_many_end_it(client):
    with connected(client) as socket:
        for message in ({"t": "dance"}, {"t": "ack", "seq": "1"}, {"t": "seek", "to": None}, {"t": "source", "id": 9}):
            socket.send_json(message)
            assert read(socket, kind="error")["code"] in ("bad-message", "bad-value", "unknown-source")
        for _ in range(MOST_FAULTS):
            socket.send_json({"t": "dance"})
        assert closed(socket) == 1008


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"x"', "{}", '{"t": 1}', "[" * 20_000, '{"t": "hello", "role": "king"}']
)
def test_what_is_no_message_ends_the_connection(client, text):
    with client.websocket_connect("ws://127.0.0.1/ws", subprotocols=PROTOCOLS) as socket:
        socket.send_text(text)
        assert closed(socket) == 1008


def test_the_first_message_is_hello(client):
    for send in (lambda s: s.send_json({"t": "ping"}), lambda s: s.send_bytes(capture(jpeg()))):
        with client.websocket_connect("ws://127.0.0.1/ws", subprotocols=PROTOCOLS) as socket:
            send(socket)
            assert closed(socket) == 1008


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_garbage_from_a_camera_is_told(client, data):
    with connected(client, "both") as socket:
        socket.send_bytes(data)
        assert read(socket, kind="error")["code"] == "bad-packet"


def test_a_camera_is_shown_to_a_viewer():
    with serving() as client, connected(client) as viewer, connected(client, "camera", name="phone") as camera:
        number = read(camera, kind="hello")["source"]
        read(viewer, kind="sources", check=lambda m: [s["name"] for s in m["sources"]] == ["phone"])
        camera.send_json({"t": "ping", "ts": 5})
        pong = read(camera, kind="pong")
        assert pong["ts"] == 5
        camera.send_bytes(capture(jpeg(value=200), sequence=77, time_us=pong["now"] - 1000, fov=1.2))
        assert read(camera, kind="ack")["seq"] == 77
        found = read(viewer)
        assert found.source == number
        assert found.time_us == pong["now"] - 1000
        assert found.extension.fx == pytest.approx(16 / np.tan(0.6), rel=1e-3)
        picture = cv2.imdecode(np.frombuffer(found.blocks[0], np.uint8), cv2.IMREAD_COLOR)
        assert abs(int(picture.mean()) - 200) < 3


def test_a_camera_that_leaves_is_taken_off_the_list():
    with serving() as client, connected(client) as viewer:
        with connected(client, "camera"):
            read(viewer, kind="sources", check=lambda m: len(m["sources"]) == 1)
        read(viewer, kind="sources", check=lambda m: not m["sources"])


def test_pictures_that_lie_about_their_size_are_refused_before_they_are_decoded():
    with serving() as client, connected(client, "both") as socket:
        header = jpeg(16, 16)
        at = header.index(b"\xff\xc0") + 5
        huge = header[:at] + (60000).to_bytes(2, "big") + (60000).to_bytes(2, "big") + header[at + 4 :]
        for data, code in ((huge, "bad-picture"), (jpeg(20, 20), "bad-picture"), (b"no picture" * 9, "bad-picture")):
            socket.send_bytes(capture(data, 64, 36))
            assert read(socket, kind="error")["code"] == code
        socket.send_bytes(capture(huge, 60000, 60000))
        assert read(socket, kind="error")["code"] == "too-large"


def test_a_half_picture_is_told_or_shown_but_harms_nobody():
    with serving() as client, connected(client, "both") as socket:
        data = jpeg()
        socket.send_bytes(capture(data[: len(data) // 3]))
        read(socket, kind="ack")
        socket.send_bytes(capture(data, sequence=2))
        read(socket, kind="ack", check=lambda m: m["seq"] == 2)
        assert read(socket)


def test_a_viewer_sends_no_pictures(client):
    with connected(client) as socket:
        socket.send_bytes(capture(jpeg()))
        assert read(socket, kind="error")["code"] == "no-camera"


def test_too_long_a_message_ends_the_connection(client):
    with connected(client) as socket:
        socket.send_bytes(bytes((4 << 20) + 1))
        assert closed(socket) == 1009


def test_no_more_clients_than_allowed():
    with serving(most_clients=2) as client, connected(client) as one, connected(client) as two:
        read(one, kind="hello")
        read(two, kind="hello")
        with client.websocket_connect("ws://127.0.0.1/ws", subprotocols=PROTOCOLS) as three:
            assert closed(three) == 1013


def test_one_may_wish_for_what_is_not_there_yet(client):
    with connected(client) as socket:
        socket.send_json({"t": "capture", "quality": "high"})
        assert read(socket, kind="error")["code"] == "not-available"


def test_each_viewer_gets_the_kind_it_wants():
    with serving("test:64x36@30", gaussian_model=GaussianModel(500)) as client, connected(client) as one:
        assert read(one, kind="hello")["modes"] == ["rgbd", "splat16"]
        with connected(client) as two:
            one.send_json({"t": "want", "kind": "splat16"})
            assert read(one, check=lambda p: isinstance(p.extension, Splat16))
            assert isinstance(read(two).extension, Rgbd)
            one.send_json({"t": "want", "kind": "rgbd"})
            assert read(one, check=lambda p: isinstance(p.extension, Rgbd))
        one.send_json({"t": "want", "kind": "smell"})
        assert read(one, kind="error")["code"] == "bad-value"


def test_gaussians_that_nobody_makes_cannot_be_wanted(client):
    with connected(client) as socket:
        assert read(socket, kind="hello")["modes"] == ["rgbd"]
        socket.send_json({"t": "want", "kind": "splat16"})
        assert read(socket, kind="error")["code"] == "not-available"


def test_a_capture_comes_to_the_one_who_asked():
    with serving("test:64x36@30", can_capture=True) as client, connected(client) as one:
        read(one)
        one.send_json({"t": "capture", "quality": "high"})
        fine = read(one, check=lambda p: p.flags & Flag.HIGH_QUALITY)
        assert fine.extension.depth_codec == 1
        done = read(one, kind="capture", check=lambda m: m["state"] == "done")
        assert client.get(f"/{done['url']}").status_code == 403
        answer = client.get(f"/{done['url']}", headers={"authorization": f"Bearer {TOKEN}"})
        assert answer.content[:2] == b"PK"
        assert "attachment" in answer.headers["content-disposition"]
        for name in ("nothing.zip", "..%2f..%2fetc%2fpasswd"):
            assert client.get(f"/files/{name}", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 404
        assert read(one)  # the stream goes on


def test_another_device_is_invited_by_those_who_know_the_token(client):
    assert client.get("/invite").status_code == 403
    known = {"authorization": f"Bearer {TOKEN}"}
    assert client.get("/invite?role=king", headers=known).status_code == 400
    answer = client.get("/invite?role=camera", headers=known)
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["url"], answer.json()["role"]) == (None, "camera")
    assert "--host" in answer.json()["command"]
    there = client.get("/invite", params={"role": "viewer", "page": "https://192.0.2.7/"}, headers=known).json()
    assert there["url"] == f"https://192.0.2.7/#t={TOKEN}"


def test_viewers_are_told_of_a_smaller_model(tmp_path):
    with serving(asked="a-giant") as client, connected(client) as socket:
        assert read(socket, kind="hello")["model"]["instead_of"] == "a-giant"
