import asyncio

import pytest

from live_sockets import TOKEN, serving
from vergence.server.app import Outputs
from vergence.server.eyes import Eyes
from vergence.server.players import BOUNDARY, _film, _pictures


def test_players_bring_the_token_in_the_address():
    with serving() as client:
        for path in ("stereo.mjpeg", "stereo.mp4"):
            assert client.head(f"/{path}").status_code == 403
            assert client.head(f"/{path}?token=abcdefghijklmnoX").status_code == 403
            assert client.head(f"/{path}?token={TOKEN}&layout=spatial").status_code == 400
            assert client.head(f"/{path}?token={TOKEN}&layout=sbs").status_code == 200


def test_players_beyond_those_there_may_be_are_sent_away():
    eyes = Eyes(most_listeners=1)
    with serving(outputs=lambda *_: Outputs(eyes=eyes)) as client, eyes.listen():
        assert client.head(f"/stereo.mjpeg?token={TOKEN}").status_code == 503


@pytest.mark.parametrize(("make", "mark"), [(_pictures, b"\xff\xd8\xff"), (_film, b"moof")])
def test_a_player_gets_pictures_and_is_forgotten_when_it_goes(make, mark):
    eyes = Eyes()
    with serving("test:64x36@30", outputs=lambda *_: Outputs(eyes=eyes)):
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
