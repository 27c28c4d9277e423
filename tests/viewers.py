"""The live server with a model by rule, and a browser's page that shows what it sends."""

import io
import threading
import time
from contextlib import contextmanager

import numpy as np
import uvicorn
from PIL import Image

from live_models import RuleModel
from vergence.server.app import create_app
from vergence.server.capture import Capturer
from vergence.server.engine import Engine
from vergence.server.player import Player
from vergence.server.security import Access

TOKEN = "a-token-of-the-tests"
PATIENCE = 60.0  # s; a software renderer on a busy machine
NEAR, FAR = 2.0, 4.0  # m; what the model says of the two halves of the picture
BARE = ".bar, .foot, .messages, .panel { visibility: hidden !important }"
SIZE = (96, 54)  # px of the depth map


@contextmanager
def running(*uris, port=0, model=None, gaussian_model=None, world_model=None, can_capture=False, settings=None):
    """Serve `uris` from a thread; the page's address."""
    engine = Engine(
        model or RuleModel(size=SIZE), settings=settings, gaussian_model=gaussian_model, world_model=world_model
    )
    capturer = (
        Capturer(lambda: RuleModel(size=(2 * SIZE[0], 2 * SIZE[1])), engine.next_sequence) if can_capture else None
    )
    app = create_app(engine, Player(engine, uris), access=Access(TOKEN), capturer=capturer)
    config = uvicorn.Config(
        app, port=port, ws="websockets-sansio", ws_per_message_deflate=False, lifespan="on", log_config=None,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server-of-the-tests")
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()


class Viewer:
    """A page of the viewer, and everything it complained of.

    Attributes:
        excused: parts of complaints that a test brings about itself.
    """

    def __init__(self, page, url):
        self.page, self.complaints, self.requests = page, [], []
        self.excused = []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(url)

    @property
    def faults(self):
        """Complaints that nobody expected: errors of the page, and what its strict policy has kept it from."""
        return [text for text in self.complaints if not any(part in text for part in self.excused)]

    def get(self, expression):
        return self.page.evaluate(expression)

    def wait(self, expression, *, seconds=PATIENCE):
        """Wait until an expression is true; its value. Playwright's own way needs `eval`, which the page forbids."""
        last = time.monotonic() + seconds
        while time.monotonic() < last:
            found = self.get(expression)
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"never true: {expression}; the page complained of {self.complaints[:5]}")

    def wait_for_picture(self):
        self.wait("window.vergence?.state.hasPicture")
        return self

    def show(self, mode):
        self.get(f"vergence.settings.set('mode', '{mode}')")
        self.settle()

    def settle(self):
        """Wait until everything that has changed is drawn."""
        shown = self.get("vergence.stage.invalidate(), vergence.state.shown")
        self.wait(f"vergence.state.shown > {shown} + 1 || (vergence.stage.invalidate(), false)")

    def seen(self, *, is_bare=False):
        """What the page shows, (H, W, 3) float; bare: without its controls and messages."""
        with Image.open(io.BytesIO(self.page.screenshot(style=BARE if is_bare else None))) as image:
            return np.asarray(image.convert("RGB"), np.float32)
