from vergence.server.adaptation import Quality
from vergence.server.hub import Published
from vergence.server.protocol import Splat16, SplatCodec, packet, parse
from vergence.server.restamp import restamped, time_of
from vergence.server.ring import MOST_HELD, Ring

FINE, COARSE, SPLATS = Quality(16, 85, 640), Quality(12, 85, 640), Quality(16, 0, 0, "splat16")
NOTHING = Splat16(0, 0, -9.0, 0.0, 0.0, 1.0, SplatCodec.PLAIN)


def frame(time_us, *qualities):
    made = {quality: packet(NOTHING, (), sequence=quality.bits, time_us=time_us) for quality in qualities or (FINE,)}
    return Published(1, made)


def ring_with(times, **options):
    now = [0.0]
    ring = Ring(clock=lambda: now[0], **options)
    for time in times:
        now[0] = time
        ring.take(frame(round(time * 1e6)))
    return ring


def times(held):
    seconds = held.seconds
    return [round(seconds - back, 6) for back in sorted({held.back(s / 100)[1] for s in range(2000)}, reverse=True)]


def test_it_keeps_the_last_seconds():
    ring = ring_with([0, 4, 8, 12, 16])
    assert ring.seconds == 8  # 8, 12, 16
    assert times(ring.hold()) == [0, 4, 8]


def test_it_keeps_no_more_bytes_than_it_may():
    size = len(frame(0).packets[FINE])
    ring = ring_with(range(9), most_bytes=3 * size)
    assert ring.seconds == 2


def test_the_same_picture_once_more_takes_the_place_of_the_last():
    now = [0.0]
    ring = Ring(clock=lambda: now[0])
    for at, taken in ((0, 5), (1, 7), (2, 7), (3, 7)):
        now[0] = at
        ring.take(frame(taken))
    assert times(ring.hold()) == [0, 3]


def test_of_every_kind_the_finest_is_kept():
    ring = Ring()
    ring.take(frame(9, COARSE, FINE, SPLATS))
    past, back = ring.hold().back(3.0)
    assert back == 0
    assert set(past.packets) == {"rgbd", "splat16"}
    assert past.packets["rgbd"] == packet(NOTHING, (), sequence=16, time_us=9)


def test_the_nearest_frame_is_found():
    held = ring_with([0, 1, 2, 3]).hold()
    assert [held.back(seconds)[1] for seconds in (0, 0.4, 0.6, 2.9, 99)] == [0, 0, 1, 3, 3]


def test_what_is_held_does_not_move_on():
    now = [0.0]
    ring = Ring(clock=lambda: now[0])
    ring.take(frame(1))
    held = ring.hold()
    now[0] = 100
    ring.take(frame(2))
    assert held.back(0)[0].taken_us == 1


def test_only_so_many_look_back_and_others_see_the_newest():
    ring = Ring()
    assert ring.hold() is None
    ring.take(frame(1))
    ring.take(frame(2))
    held = [ring.hold() for _ in range(MOST_HELD)]
    late = ring.hold()
    assert late.back(99)[0].taken_us == 2
    late.release()
    held[0].release()
    held[0].release()
    assert ring.hold().back(99)[0].taken_us == 1
    assert ring.hold().back(99)[0].taken_us == 2


def test_a_packet_under_another_number_keeps_its_checksum():
    data = packet(NOTHING, (), sequence=1, time_us=5, checked=True)
    again = restamped(data, sequence=9, source=3, time_us=77, is_still=True)
    found = parse(again)
    assert (found.sequence, found.source, found.time_us, bool(found.flags & 16)) == (9, 3, 77, True)
    assert time_of(restamped(again, sequence=2)) == 77
