import cv2

from live_sockets import connected, read, serving
from vergence.media.depth_file import read_depth
from vergence.server.app import Outputs
from vergence.server.snapshot import Snapshots


def into(folder):
    return lambda *_: Outputs(snapshots=Snapshots(folder))


def test_a_snapshot_lies_in_the_folder_that_is_said(tmp_path):
    with serving("test:64x36@30", outputs=into(tmp_path)) as client, connected(client) as socket:
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
    with serving("test:64x36@30", outputs=into(tmp_path)) as client, connected(client) as socket:
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
