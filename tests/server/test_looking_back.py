import itertools

from live_sockets import connected, read, serving
from vergence.server.protocol import Flag


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
        for seconds in (-1, "3", None, True, 1e999, 10**400, -(10**400)):
            for message in ({"t": "scrub", "seconds": seconds}, {"t": "seek", "to": seconds}):
                if message.get("to") != -1:  # that is the beginning
                    socket.send_json(message)
                    assert read(socket, kind="error")["code"] == "bad-value"
        socket.send_json({"t": "scrub", "seconds": 1})
        assert read(socket, kind="error")["code"] == "not-available"
