import itertools

from live_models import GaussianModel
from live_sockets import connected, read, serving
from vergence.server.protocol import Flag, Splat16
from vergence.server.unpack import depth_frame


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


def test_a_capture_while_one_looks_back_is_of_the_frame_one_looks_at():
    with serving("test:64x36@30", can_capture=True) as client, connected(client) as socket:
        for _ in range(12):
            read(socket)
        socket.send_json({"t": "scrub", "seconds": 60})
        read(socket, kind="past")
        past = read(socket, check=lambda found: Flag.STILL in found.flags)
        socket.send_json({"t": "capture", "quality": "high"})
        made = read(socket, check=lambda found: Flag.HIGH_QUALITY in found.flags)
        assert (made.time_us, made.source) == (past.time_us, past.source)
        was, now = (depth_frame(found).frame for found in (past, made))
        assert abs(was.rgb.astype(int) - now.rgb).mean() < 6  # a JPEG of a JPEG
        assert (now.intrinsics.fx, now.intrinsics.cx) == (was.intrinsics.fx, was.intrinsics.cx)
        done = read(socket, kind="capture", check=lambda m: m["state"] == "done")
        assert done["msg"] == "by preview from the 64 x 36 px that were sent"


def test_splats_of_the_past_alone_hold_no_picture_to_capture():
    makers = {"gaussian_model": GaussianModel(30), "can_capture": True}
    with serving("test:64x36@30", **makers) as client, connected(client) as socket:
        socket.send_json({"t": "want", "kind": "splat16"})
        read(socket, check=lambda found: isinstance(found.extension, Splat16))
        socket.send_json({"t": "scrub", "seconds": 0})
        socket.send_json({"t": "capture", "quality": "high"})
        assert read(socket, kind="error")["msg"] == "no picture was sent with this frame"


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
        for seconds in (-1, "3", None, True, 1e999, 10**400, -(10**400)):
            for message in ({"t": "scrub", "seconds": seconds}, {"t": "seek", "to": seconds}):
                if message.get("to") != -1:  # that is the beginning
                    socket.send_json(message)
                    assert read(socket, kind="error")["code"] == "bad-value"
        socket.send_json({"t": "scrub", "seconds": 1})
        assert read(socket, kind="error")["code"] == "not-available"
