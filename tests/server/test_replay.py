"""A stream recorded over the protocol, fetched, and shown again without a model."""

import itertools

from live_models import RuleModel
from live_sockets import TOKEN, connected, read, serving
from vergence.server.protocol import Flag
from vergence.server.recording import SUFFIX, NoModel
from vergence.server.unpack import depth_frame

KNOWN = {"authorization": f"Bearer {TOKEN}"}


def recorded(tmp_path, *, frames=6):
    """A recording of a test pattern, as a viewer gets it."""
    with serving("test:64x36@30", model=RuleModel()) as client, connected(client) as socket:
        read(socket)
        socket.send_json({"t": "record", "on": True})
        assert read(socket, kind="record", check=lambda m: m["on"])["url"] is None
        for _ in range(frames):
            read(socket)
        socket.send_json({"t": "record", "on": False})
        done = read(socket, kind="record", check=lambda m: not m["on"])
        assert done["bytes"] > 0
        path = tmp_path / f"stream{SUFFIX}"
        path.write_bytes(client.get(f"/{done['url']}", headers=KNOWN).content)
        assert path.stat().st_size == done["bytes"]
    return str(path)


def test_what_was_recorded_is_shown_again_without_a_model(tmp_path):
    with serving(recorded(tmp_path), model=NoModel()) as client, connected(client) as socket:
        source = read(socket, kind="sources")["sources"][0]
        assert (source["kind"], source["width"], source["height"]) == ("recording", 32, 18)
        assert source["duration"] > 0
        found = [read(socket) for _ in range(10)]  # it begins anew at its end
        assert [packet.extension.width for packet in found] == [32] * 10
        assert all(b.sequence > a.sequence for a, b in itertools.pairwise(found))
        socket.send_json({"t": "pause"})
        socket.send_json({"t": "seek", "to": 0})
        assert read(socket, check=lambda packet: packet.flags & 16)


def test_a_recording_is_captured_by_a_model_from_its_own_pictures(tmp_path):
    with serving(recorded(tmp_path), model=NoModel(), can_capture=True) as client, connected(client) as socket:
        read(socket)
        socket.send_json({"t": "pause"})
        shown = read(socket, check=lambda found: Flag.STILL in found.flags)
        socket.send_json({"t": "capture", "quality": "high"})
        made = read(socket, check=lambda found: Flag.HIGH_QUALITY in found.flags)
        assert made.source == shown.source
        assert depth_frame(made).frame.rgb.shape == depth_frame(shown).frame.rgb.shape
        done = read(socket, kind="capture", check=lambda m: m["state"] == "done")
        assert done["msg"].endswith("px that were sent")
        assert client.get(f"/{done['url']}", headers=KNOWN).status_code == 200


def test_a_recording_that_was_cut_off_is_shown_up_to_there(tmp_path):
    path = recorded(tmp_path)
    with open(path, "r+b") as file:
        file.truncate(file.seek(0, 2) - 7)
    with serving(path, model=NoModel()) as client, connected(client) as socket:
        assert read(socket).extension.width == 32
