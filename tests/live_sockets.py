"""A live server in this process, and clients of it."""

import json
from contextlib import contextmanager

from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from live_models import RuleModel
from vergence.server.app import create_app
from vergence.server.capture import Capturer
from vergence.server.engine import Engine
from vergence.server.hub import Hub
from vergence.server.player import Player
from vergence.server.protocol import NAME, parse
from vergence.server.security import Access

TOKEN = "abcdefghijklmnop"
PROTOCOLS = [NAME, f"token.{TOKEN}"]


@contextmanager
def serving(
    *uris, model=None, static=None, most_clients=16, gaussian_model=None, world_model=None, can_capture=False,
    outputs=None, **others,
):  # fmt: skip
    """Serve; `outputs(engine, player)` gives what is made of the stream besides, `others` go to the application."""
    engine = Engine(model or RuleModel(), gaussian_model=gaussian_model, world_model=world_model)
    player = Player(engine, uris)
    options = others if static is None else others | {"static": static}
    if can_capture:
        options["capturer"] = Capturer(RuleModel, engine.next_sequence)
    if outputs is not None:
        options["outputs"] = outputs(engine, player)
    app = create_app(engine, player, access=Access(TOKEN), hub=Hub(most_clients=most_clients), **options)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


@contextmanager
def connected(client, role="viewer", **hello):
    with client.websocket_connect("ws://127.0.0.1/ws", subprotocols=PROTOCOLS) as socket:
        socket.send_json({"t": "hello", "role": role, **hello})
        yield socket


def read(socket, *, kind=None, check=lambda message: True):
    """The next text message of a kind, or the next packet; packets on the way are acknowledged."""
    for _ in range(400):
        message = socket.receive()
        if message["type"] == "websocket.close":
            raise WebSocketDisconnect(message["code"], message.get("reason"))
        if message.get("bytes") is not None:
            found = parse(message["bytes"])
            socket.send_json({"t": "ack", "seq": found.sequence, "decoded": 1.0, "drawn": None})
            if kind is None and check(found):
                return found
        elif kind is not None:
            found = json.loads(message["text"])
            if found["t"] == kind and check(found):
                return found
    raise AssertionError(f"no {kind or 'packet'} came")
