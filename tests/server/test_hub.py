import asyncio
import json

import pytest

from vergence.server.adaptation import LADDER, Quality
from vergence.server.hub import DEAD, FILM_WAITING, FILM_WINDOW, HELLO, KEY_AGAIN, SILENT, FilmFrame, Hub, Published


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Wire:
    """A socket that keeps what is sent; `stuck` ones never finish."""

    def __init__(self, *, stuck=False):
        self.texts, self.packets, self.stuck = [], [], stuck

    async def send_text(self, data):
        self.texts.append(json.loads(data))

    async def send_bytes(self, data):
        self.packets.append(data)
        if self.stuck:
            await asyncio.Event().wait()


def together(story):
    """Run `story(hub, clock, add)` on a loop; `add(role, stuck)` gives a client and its wire."""

    async def main():
        clock = Clock()
        hub, pumps = Hub(clock=clock), []
        hub.bind(asyncio.get_running_loop())

        def add(role="viewer", *, stuck=False):
            client, wire = hub.join(), Wire(stuck=stuck)
            client.role = role
            hub.update()
            pumps.append(asyncio.create_task(client.pump(wire)))
            return client, wire

        try:
            await asyncio.wait_for(story(hub, clock, add), 10)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    asyncio.run(main())


async def send(hub, sequence):
    hub.publish(Published(sequence, dict.fromkeys(hub.wanted(), b"%d" % sequence)))
    await settle()


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


def test_two_packets_go_unanswered_and_then_the_newest_waits():
    async def story(hub, clock, add):
        client, wire = add()
        for sequence in range(1, 7):
            await send(hub, sequence)
        assert wire.packets == [b"1", b"2"]
        hub.acknowledge(client, 1)
        await settle()
        assert wire.packets == [b"1", b"2", b"6"]
        assert client.skipped == 3

    together(story)


def test_an_answer_also_answers_what_came_before():
    async def story(hub, clock, add):
        client, wire = add()
        for sequence in (1, 2):
            await send(hub, sequence)
        hub.acknowledge(client, 2)
        for sequence in (3, 4, 5):
            await send(hub, sequence)
        assert wire.packets == [b"1", b"2", b"3", b"4"]

    together(story)


def test_answers_to_nothing_open_no_window():
    async def story(hub, clock, add):
        client, wire = add()
        for sequence in (1, 2, 3):
            await send(hub, sequence)
            hub.acknowledge(client, 77)
        assert wire.packets == [b"1", b"2"]

    together(story)


def test_a_slow_viewer_does_not_hold_up_a_quick_one():
    async def story(hub, clock, add):
        _, slow = add(stuck=True)
        quick, wire = add()
        for sequence in range(1, 11):
            await send(hub, sequence)
            hub.acknowledge(quick, sequence)
            await settle()
        assert len(wire.packets) == 10
        assert slow.packets == [b"1"]

    together(story)


def test_cameras_get_messages_but_no_packets():
    async def story(hub, clock, add):
        add()
        _, wire = add("camera")
        await send(hub, 1)
        hub.tell_all(t="config")
        await settle()
        assert (wire.packets, wire.texts) == ([], [{"t": "config"}])

    together(story)


def test_who_is_silent_gets_nothing_more_and_is_closed_in_the_end():
    async def story(hub, clock, add):
        client, wire = add()
        await send(hub, 1)
        clock.now += SILENT + 1
        hub.check()
        assert not hub.is_watched  # and the model rests
        client.offer(2, b"2")
        await settle()
        assert wire.packets == [b"1"]
        clock.now += DEAD
        hub.check()
        assert client.closing.code == 1013

    together(story)


def test_who_says_no_hello_is_closed():
    async def story(hub, clock, add):
        client = hub.join()
        clock.now += HELLO + 1
        hub.check()
        assert client.closing.code == 1008

    together(story)


def test_a_client_that_reads_no_messages_is_closed():
    async def story(hub, clock, add):
        client = hub.join()
        for index in range(1000):
            client.tell(t="stats", index=index)
        assert client.closing.code == 1013

    together(story)


def test_qualities_are_those_of_the_viewers():
    async def story(hub, clock, add):
        assert not hub.is_watched
        one, _ = add()
        add()
        add("camera")
        assert hub.wanted() == {one.quality}
        hub.apply(hub.settings.with_value("depth.bits", 16))
        assert {quality.bits for quality in hub.wanted()} == {16}
        for client in hub.clients:
            hub.leave(client)
        assert not hub.is_watched

    together(story)


def test_nobody_is_served_after_the_loop_has_gone():
    hub = Hub()
    loop = asyncio.new_event_loop()
    hub.bind(loop)
    loop.close()
    hub.publish(Published(1, {}))


def test_it_is_full_at_its_number():
    hub = Hub(most_clients=2)
    hub.join()
    assert not hub.is_full
    hub.join()
    assert hub.is_full


@pytest.mark.parametrize("code", [1000, 1013])
def test_texts_leave_before_the_end(code):
    async def story(hub, clock, add):
        client, wire = hub.join(), Wire()
        client.tell(t="bye")
        client.close(code, "so")
        assert (await client.pump(wire)).code == code
        assert wire.texts == [{"t": "bye"}]

    together(story)


def test_a_capture_is_not_replaced_by_what_comes_after_it():
    async def story(hub, clock, add):
        client, wire = add()
        for sequence in (1, 2):
            await send(hub, sequence)
        client.send(3, b"capture")
        await send(hub, 4)
        hub.acknowledge(client, 2)
        await settle()
        assert wire.packets == [b"1", b"2", b"capture", b"4"]

    together(story)


class Tapping:
    """Takes what is published besides the clients."""

    def __init__(self, *qualities, is_watching=False):
        self.qualities, self.is_watching, self.taken = frozenset(qualities), is_watching, []

    def wanted(self):
        return self.qualities

    def take(self, frame):
        self.taken.append(frame.sequence)


def test_taps_are_asked_and_given_what_clients_are():
    async def story(hub, clock, add):
        silent, fine = Tapping(), Tapping(Quality(16, 92, 1920), is_watching=True)
        hub.taps += [silent]
        assert not hub.is_watched
        hub.taps += [fine]
        assert hub.is_watched
        assert hub.wanted() == fine.qualities
        client, _ = add()
        assert hub.wanted() == {client.quality, *fine.qualities}
        await send(hub, 7)
        assert silent.taken == fine.taken == [7]

    together(story)


def test_one_who_looks_back_wants_and_gets_nothing_live():
    async def story(hub, clock, add):
        client, wire = add()
        client.is_held = True
        hub.update()
        assert not hub.is_watched
        hub.publish(Published(1, {client.quality: b"1"}))
        await settle()
        assert wire.packets == []
        client.is_held = False
        hub.update()
        await send(hub, 2)
        assert wire.packets == [b"2"]

    together(story)


def filming(hub, add):
    """A viewer of film, its wire, and how often a key frame was asked for."""
    asked = []
    hub.on_key_needed = lambda: asked.append(True)
    client, wire = add()
    client.film = "av1-10"
    hub.apply(hub.settings.with_value("stream.tier", "video"))
    return client, wire, asked


async def film(hub, number, *, is_key=False):
    name = b"%d" % number
    (quality,) = (each for each in hub.wanted() if each.payload == "video")
    frame = FilmFrame(number, is_key, (b"colour " + name, b"depth " + name))
    hub.publish(Published(number, {}, {quality: frame}))
    await settle()


def shown(wire):
    """Numbers of the frames that came whole."""
    numbers = [int(data.split()[1]) for data in wire.packets]
    assert numbers[::2] == numbers[1::2]
    assert [data.split()[0] for data in wire.packets] == [b"colour", b"depth"] * (len(numbers) // 2)
    return numbers[::2]


def test_film_begins_with_a_key_frame_which_is_asked_for():
    async def story(hub, clock, add):
        _, wire, asked = filming(hub, add)
        await film(hub, 5)
        await film(hub, 6)
        assert (shown(wire), len(asked)) == ([], 1)
        clock.now += KEY_AGAIN
        await film(hub, 7)
        assert len(asked) == 2
        await film(hub, 8, is_key=True)
        await film(hub, 9)
        assert (shown(wire), len(asked)) == ([8, 9], 2)

    together(story)


def test_after_a_frame_of_film_is_left_out_nothing_goes_before_a_key_frame():
    async def story(hub, clock, add):
        client, wire, asked = filming(hub, add)
        await film(hub, 1, is_key=True)
        for number in range(2, 20):
            await film(hub, number)
        sent = list(range(1, FILM_WINDOW + 1))
        assert (shown(wire), asked) == (sent, [])  # not before its line is free
        for number in sent:
            hub.acknowledge(client, number)
            await settle()
        assert (shown(wire), len(asked)) == (sent, 1)
        await film(hub, 20)
        await film(hub, 21, is_key=True)
        await film(hub, 22)
        assert shown(wire) == [*sent, 21, 22]
        assert client.skipped == 20 - FILM_WINDOW

    together(story)


def test_a_few_frames_of_film_wait_and_a_key_frame_takes_their_place():
    async def story(hub, clock, add):
        client, wire, asked = filming(hub, add)
        await film(hub, 1, is_key=True)
        last = FILM_WINDOW + FILM_WAITING
        for number in range(2, last + 1):
            await film(hub, number)
        hub.acknowledge(client, FILM_WINDOW)
        await settle()
        assert shown(wire) == list(range(1, last + 1))
        for number in range(last + 1, last + 1 + FILM_WINDOW):
            await film(hub, number)
        await film(hub, 100, is_key=True)
        hub.acknowledge(client, last)
        await settle()
        assert shown(wire)[-1] == 100
        assert asked == []

    together(story)


def test_a_gap_in_the_numbers_is_a_frame_left_out():
    async def story(hub, clock, add):
        client, wire, asked = filming(hub, add)
        await film(hub, 1, is_key=True)
        hub.acknowledge(client, 1)
        await film(hub, 3)
        assert (shown(wire), len(asked)) == ([1], 1)

    together(story)


def test_exact_packets_go_to_those_who_want_film_where_there_is_none():
    async def story(hub, clock, add):
        client, wire, _ = filming(hub, add)
        exact = LADDER[-1].quality
        assert hub.wanted() == {client.quality, exact}
        hub.publish(Published(1, {exact: b"1"}))
        await settle()
        assert wire.packets == [b"1"]

    together(story)


def test_film_is_for_those_who_can_show_it():
    async def story(hub, clock, add):
        _, _, _ = filming(hub, add)
        other, _ = add()
        hub.apply(hub.settings)
        assert other.quality.payload == "rgbd"
        assert {quality.payload for quality in hub.wanted()} == {"rgbd", "video"}

    together(story)
