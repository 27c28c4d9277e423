"""The server as its users start it: a process, a port, a WebSocket of another library."""

import asyncio
import contextlib
import json
import os
import queue
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
import websockets

from live_models import RuleModel
from live_processes import TOKEN, VERGENCE, command, port_of
from vergence.errors import SettingsError
from vergence.server import run
from vergence.server.engine import Engine
from vergence.server.player import Player
from vergence.server.protocol import parse
from vergence.server.run import ServeSettings
from vergence.server.security import Access

OFFER = ["vergence.v1", f"token.{TOKEN}"]


async def messages(url, count, *, context=None, seconds=60.0, then=None):
    """The first packets of a stream, each acknowledged, and why it ended."""
    found = []
    scheme = "wss" if context else "ws"
    address = f"{scheme}://127.0.0.1:{port_of(url)}/ws"
    async with websockets.connect(address, subprotocols=OFFER, max_size=1 << 26, ssl=context, compression=None) as wire:
        await wire.send(json.dumps({"t": "hello", "role": "viewer"}))
        try:
            async with asyncio.timeout(seconds):
                async for message in wire:
                    if isinstance(message, str):
                        found.append(json.loads(message))
                        continue
                    packet = parse(message)
                    found.append(packet)
                    await wire.send(json.dumps({"t": "ack", "seq": packet.sequence}))
                    count -= 1
                    if count == 0 and then is None:
                        break
                    if count == 0:
                        then()
        except websockets.ConnectionClosed:
            pass
        return found, wire.close_code


@pytest.mark.slow
def test_a_program_watches_and_is_told_goodbye(tmp_path):
    with command("test:96x64@20", home=tmp_path) as (process, url):
        assert url.endswith(f"/#t={TOKEN}")
        found, code = asyncio.run(messages(url, 3, then=lambda: process.send_signal(signal.SIGTERM)))
        assert [each["t"] for each in found if isinstance(each, dict)][:3] == ["hello", "config", "sources"]
        assert [each for each in found if isinstance(each, dict) and each["t"] == "bye"]
        assert code == 1001
        told = process.stderr.read()
        assert process.wait(20) == 0, told
        assert "Traceback" not in told


@pytest.mark.slow
def test_https_with_a_certificate_of_its_own(tmp_path):
    with command("test:96x64@20", "--tls", home=tmp_path) as (process, url):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        found, _ = asyncio.run(messages(url, 1, context=context))
        assert not isinstance(found[-1], dict)
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(20) == 0, told
        assert re.search(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", told)


@pytest.mark.slow
def test_strangers_and_floods_do_no_harm(tmp_path):
    with command("test:96x64@20", home=tmp_path) as (_, url):
        port = port_of(url)

        async def strangers():
            address = f"ws://127.0.0.1:{port}/ws"
            for options in (
                {"subprotocols": ["vergence.v1"]},
                {"subprotocols": ["vergence.v1", "token.wrongwrongwrongwro"]},
                {"subprotocols": OFFER, "origin": "http://evil.test"},
            ):
                with pytest.raises(websockets.InvalidStatus) as refused:
                    await websockets.connect(address, **options)
                assert refused.value.response.status_code == 403
            async with websockets.connect(address, subprotocols=OFFER, compression=None) as wire:
                await wire.send(json.dumps({"t": "hello", "role": "both"}))
                with contextlib.suppress(websockets.ConnectionClosed):
                    await wire.send(bytes((4 << 20) + 1))
                    while True:
                        await wire.recv()
                assert wire.close_code == 1009

        asyncio.run(strangers())
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        for each in idle[::2]:
            each.sendall(b"\x16\x03garbage\r\n\r\n")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20) as answer:
            assert json.load(answer) == {"status": "ok"}
        for each in idle:
            each.close()
        found, _ = asyncio.run(messages(url, 2))
        assert not isinstance(found[-1], dict)
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20)


def test_connections_that_ask_for_nothing_are_closed(monkeypatch):
    servers = []

    class Kept(run._Server):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            servers.append(self)

    monkeypatch.setattr(run, "PATIENCE", 0.5)
    monkeypatch.setattr(run, "_Server", Kept)
    engine, told = Engine(RuleModel()), queue.Queue()
    settings = ServeSettings(port=0, access=Access(TOKEN))
    thread = threading.Thread(target=run.serve, args=(engine, Player(engine), settings), kwargs={"tell": told.put})
    thread.start()
    try:
        port = port_of(told.get(timeout=30).url)
        for words in (b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as silent:
                silent.sendall(words)
                assert silent.recv(1) == b""  # closed, before its own time is out
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20) as answer:
            assert answer.status == 200
    finally:
        servers[0].should_exit = True
        thread.join(30)
    assert not thread.is_alive()


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*VERGENCE, "serve", "test:", "--port", str(port)],
            capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"error: cannot listen on 127.0.0.1 port {port}")


@pytest.mark.parametrize(
    "options", [{"port": 70000}, {"certificate": "a.pem"}, {"key": "a.pem"}, {"most_clients": 0}], ids=str
)
def test_settings_that_make_no_sense_are_refused(options):
    with pytest.raises(SettingsError):
        ServeSettings(**options)


@pytest.mark.slow
def test_latency_does_not_grow_with_a_viewer_that_is_slow(tmp_path):
    async def ages(url):
        found = []
        address = f"ws://127.0.0.1:{port_of(url)}/ws"
        async with websockets.connect(address, subprotocols=OFFER, max_size=1 << 26, compression=None) as wire:
            await wire.send(json.dumps({"t": "hello", "role": "viewer"}))
            offset, until = 0.0, time.monotonic() + 8
            while time.monotonic() < until:
                message = await wire.recv()
                if isinstance(message, str):
                    told = json.loads(message)
                    if told["t"] == "hello":
                        offset = told["now"] / 1e6 - time.monotonic()
                    continue
                packet = parse(message)
                found.append(time.monotonic() + offset - packet.time_us / 1e6)
                await asyncio.sleep(0.4)  # what drawing takes there
                await wire.send(json.dumps({"t": "ack", "seq": packet.sequence}))
        return found

    with command("test:96x64@30", home=tmp_path) as (_, url):
        found = asyncio.run(ages(url))
    half = len(found) // 2
    assert half >= 4
    assert min(found[half:]) < min(found[:half]) + 1.0  # a queue would have grown by seconds


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1", []),
        ("localhost", []),
        ("::1", []),
        ("192.168.1.5", ["192.168.1.5"]),
        ("0.0.0.0", ["10.0.0.9"]),
        ("::", ["10.0.0.9", "fd00::2"]),
    ],
)
def test_others_are_told_the_addresses_that_lead_here(monkeypatch, host, found):
    monkeypatch.setattr(run, "own_addresses", lambda: ["10.0.0.9", "fd00::2"])
    assert run._addresses(host) == found
