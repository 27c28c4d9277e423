"""Players, older clients and recordings of a server as its users start it."""

import asyncio
import json
import signal
import time
import urllib.request

import av
import pytest
import websockets

from live_processes import TOKEN, command, port_of
from vergence.server.recording import Recording


def watched(url, path, seconds=20.0):
    """Some pictures of a player, which then goes away."""
    times = []
    with av.open(f"http://127.0.0.1:{port_of(url)}/{path}?token={TOKEN}", timeout=seconds) as film:
        for frame in film.decode(video=0):
            times.append(frame.time)
            if len(times) == 4:
                return (frame.width, frame.height), times
    raise AssertionError("the film ended")


@pytest.mark.slow
def test_players_watch_and_the_server_ends_while_one_still_does(tmp_path):
    path = tmp_path / "a.vgr"
    with command("test:96x64@20", "--record-stream", str(path), home=tmp_path) as (process, url):
        assert watched(url, "stereo.mp4")[0] == (96, 64)
        assert watched(url, "stereo.mjpeg")[0] == (96, 64)
        staying = urllib.request.urlopen(f"http://127.0.0.1:{port_of(url)}/stereo.mjpeg?token={TOKEN}", timeout=20)
        assert staying.read(1000)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)  # somebody is impatient
        told = process.stderr.read()
        assert process.wait(20) == 0, told
        assert time.monotonic() - began < 15
        assert "Traceback" not in told
        staying.close()
    with Recording(path) as recording:
        assert len(recording) >= 4


@pytest.mark.slow
def test_a_small_older_client(tmp_path):
    msgpack = pytest.importorskip("msgpack")

    async def points(url):
        address = f"ws://127.0.0.1:{port_of(url)}/ws?token={TOKEN}"
        async with websockets.connect(address, max_size=1 << 26) as wire, asyncio.timeout(60):
            await wire.send(json.dumps({"type": "register_role", "role": "viewer", "timestamp": 0}))
            async for message in wire:
                if isinstance(message, bytes):
                    return msgpack.unpackb(message)
            return None

    with command("test:96x64@20", "--compat", home=tmp_path) as (_, url):
        found = asyncio.run(points(url))
    assert found["type"] == "pointcloud"
    assert len(found["points"]) == 12 * found["num_points"] == 4 * len(found["colors"])


@pytest.mark.slow
def test_what_a_killed_server_had_recorded_can_be_shown(tmp_path):
    path = tmp_path / "a.vgr"
    with command("test:96x64@20", "--record-stream", str(path), home=tmp_path) as (process, _):
        for _ in range(400):
            parts = [part for part in tmp_path.glob(".*.vgr") if part.stat().st_size > 60_000]
            if parts:
                break
            time.sleep(0.1)
        process.kill()
        process.wait()
    assert not path.exists()
    with Recording(parts[0]) as recording:
        assert len(list(recording.since(0))) > 1
