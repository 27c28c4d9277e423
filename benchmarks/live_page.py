"""The part of `live.py` that needs a browser: the page of the viewer, without a graphics card, on the same machine.

The browser's camera is a film of its own, 640 x 360 at 30 frames/s; the model answers at once, or as late as told.

A picture's time begins when the browser hands it to the page, and ends when the page has given the commands to draw it
to the browser. What the processor then does in a graphics card's place is told apart: the commands are waited for by
reading a pixel of what they drew, in runs of their own, since nobody's page does that.
"""

import shutil
import statistics
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import uvicorn

from vergence.depth.cards import find_card
from vergence.geometry.resample import shrink
from vergence.media.open import open_source
from vergence.server.app import create_app
from vergence.server.engine import Engine
from vergence.server.hub import Published
from vergence.server.player import Player
from vergence.server.protocol import parse
from vergence.server.security import Access
from vergence.server.settings import LiveSettings
from vergence.server.shown import now_us
from vergence.types import DepthFrame, DepthMap, Frame

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TOKEN = "a-token-of-the-benchmark"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--disable-background-networking",
)  # fmt: skip
CAMERA, FRAMES = (640, 360), 60
DEPTH = (504, 280)
SETTLING, SECONDS, PATIENCE = 5.0, 6.0, 60.0  # s; the page finds out first how many pictures it can show
SPLAT_RUNS = 40


@dataclass(frozen=True)
class Shown:
    """What a page tells of some seconds: ms from capture to the server and to the screen, and frames a second."""

    to_server: tuple[float, float]
    to_screen: tuple[float, float]
    data_rate: float
    drawn_rate: float
    steps: dict[str, list[float]]


class Moments:
    """When a picture, known by its time, was where on the server; µs."""

    def __init__(self) -> None:
        self._seen: dict[int, dict[str, int]] = {}

    def note(self, name: str, time_us: int) -> None:
        self._seen.setdefault(time_us, {}).setdefault(name, now_us())

    def ages(self, *, since: int) -> list[float]:
        """How old pictures were when they came, ms, of those that came since then."""
        arrivals = ((time_us, seen["arrived"]) for time_us, seen in self._seen.items() if "arrived" in seen)
        return [(arrived - time_us) / 1e3 for time_us, arrived in arrivals if arrived >= since]

    def of(self, time_us: int) -> dict[str, int]:
        return self._seen.get(time_us, {})

    def frame(self, frame: Callable[[int], Frame], time_us: int) -> Callable[[int], Frame]:
        """The same picture, but noted when it is taken to be decoded and when it is."""

        def noted(index: int) -> Frame:
            self.note("taken", time_us)
            found = frame(index)
            self.note("read", time_us)
            return found

        return noted


class Instant:
    """A model that costs nothing but the time it is told to wait."""

    lookahead = 0

    def __init__(self, seconds: float) -> None:
        self.card = replace(find_card("preview"), kind="metric")
        self._seconds = seconds
        across, down = np.meshgrid(np.linspace(0, 6, DEPTH[0]), np.linspace(0, 4, DEPTH[1]))
        self._values = (3 + np.sin(across) * np.cos(down)).astype(np.float32)

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        for frame in frames:
            if self._seconds:
                time.sleep(self._seconds)
            valid = np.ones(self._values.shape, bool)
            yield DepthFrame(frame, DepthMap(self._values, valid, "metric"))


def _write_film(path: Path, photo: Path) -> None:
    """A photo that moves past, as YUV4MPEG2."""
    with open_source(photo) as source:
        rgb = shrink(next(iter(source)).rgb8, CAMERA[0] + FRAMES, CAMERA[1])
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{CAMERA[0]} H{CAMERA[1]} F30:1 Ip A1:1 C420jpeg\n".encode())
        for index in range(FRAMES):
            part = np.ascontiguousarray(rgb[:, index : index + CAMERA[0]])
            file.write(b"FRAME\n" + cv2.cvtColor(part, cv2.COLOR_RGB2YUV_I420).tobytes())


@contextmanager
def browser(photo: Path) -> Iterator["Browser | None"]:
    """A browser with that camera; None where there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as running:
        film = Path(folder) / "camera.y4m"
        _write_film(film, photo)
        found = next(filter(None, map(shutil.which, (*BROWSERS, running.chromium.executable_path))), None)
        if found is None:
            yield None
            return
        switches = [*SWITCHES, f"--use-file-for-fake-video-capture={film}"]
        started = running.chromium.launch(executable_path=found, args=switches)
        yield started
        started.close()


@contextmanager
def _server(model: Any, tier: str = "exact") -> Iterator[tuple[str, Moments]]:
    """The address of a server with a model, and when pictures of cameras were where in it."""
    settings = LiveSettings().with_value("stabilise.method", "none").with_value("stream.tier", tier)
    engine = Engine(model, settings=settings)
    player, moments = Player(engine), Moments()
    app = create_app(engine, player, access=Access(TOKEN))
    hub, offer = app.state.studio.hub, player.offer
    publish = hub.publish

    def heard(number: int, frame: Callable[[int], Frame], *, time_us: int, **others: Any) -> bool:
        moments.note("arrived", time_us)
        return offer(number, moments.frame(frame, time_us), time_us=time_us, **others)

    def packed(frame: Published) -> None:
        for data in frame.packets.values():
            moments.note("packed", parse(data).time_us)
        publish(frame)

    player.offer = heard  # type: ignore[method-assign]
    hub.publish = packed
    engine.listeners.append(lambda seen: moments.note("answered", seen.time_us))
    config = uvicorn.Config(
        app, port=0, ws="websockets-sansio", ws_per_message_deflate=False, log_config=None,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/", moments
    server.should_exit = True
    thread.join()


# Notes of every picture that is drawn when it was where on the page, µs of the server's clock.
NOTES = """(isFinished) => {
  const {connection, decoder, statistics, stream, views, stage} = vergence;
  const now = () => connection.clock.now();
  const sent = new Map(), packets = new Map();
  const before = (object, name, note) => {
    const original = object[name].bind(object);
    object[name] = (...all) => { note(...all); return original(...all); };
  };
  const timeOf = (buffer) => Number(new DataView(buffer.buffer ?? buffer).getBigUint64(16, true));
  let shown = null;
  before(connection, 'sendBinary', (packet) => sent.set(timeOf(packet), now()));
  before(decoder, 'push', (buffer) => packets.set(
    new DataView(buffer).getUint32(12, true), {time: timeOf(buffer), received: now()}));
  before(connection, 'acknowledge', (sequence) => {
    if (packets.has(sequence)) packets.get(sequence).decoded = now();
  });
  before(stream, 'apply', ({head}) => { shown = packets.get(head.sequence); if (shown) shown.begun = now(); });
  if (isFinished) {
    const render = views.render.bind(views);
    views.render = () => {
      render();
      const gl = stage.renderer.getContext();
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    };
  }
  window.pictures = []; window.first = vergence.state.shown; window.begun = performance.now();
  before(statistics, 'frame', ({age}) => {
    window.pictures.push({age, ...shown, sent: sent.get(shown?.time), drawn: now()});
  });
}"""
STEPS = (  # what happens until then, as a row of the table; the moment
    ("page: JPEG of the camera's picture", "sent"),
    ("on its way to the server", "arrived"),
    ("waits for the model's thread", "taken"),
    ("server: JPEG read", "read"),
    ("model that answers at once, and range", "answered"),
    ("waits for the packing thread, packed", "packed"),
    ("on its way to the page", "received"),
    ("page: unpacked", "decoded"),
    ("waits for the page's next frame", "begun"),
    ("put on the card, drawn", "drawn"),
)


def _steps(pictures: list[dict[str, float]], moments: Moments) -> dict[str, list[float]]:
    """Milliseconds of every step, of the pictures whose moments are all known."""
    found: dict[str, list[float]] = {name: [] for name, _ in STEPS}
    for picture in pictures:
        if picture.get("time") is None:
            continue
        at = {**picture, **moments.of(int(picture["time"]))}
        if any(at.get(moment) is None for _, moment in STEPS):
            continue
        last = at["time"]
        for name, moment in STEPS:
            found[name].append((at[moment] - last) / 1e3)
            last = at[moment]
    return found


def _wait(page: "Page", expression: str) -> None:
    last = time.monotonic() + PATIENCE
    while not page.evaluate(expression):
        assert time.monotonic() < last, expression
        time.sleep(0.05)


def _middle(values: list[float]) -> tuple[float, float]:
    """Median and 95 %."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[int(0.95 * len(ordered))]


def shown(
    chromium: "Browser",
    mode: str,
    *,
    seconds: float = 0.0,
    moves: bool = False,
    tier: str = "exact",
    is_finished: bool = False,
) -> Shown:
    """Watch the camera for a while in a mode.

    Args:
        seconds: that the model takes.
        moves: the view turns.
        tier: of the stream, see `server.settings`.
        is_finished: wait for what was drawn.
    """
    page = chromium.new_page(viewport={"width": 800, "height": 450})
    with _server(Instant(seconds), tier) as (url, moments):
        page.goto(f"{url}?panel=0#t={TOKEN}&camera=1&view={mode}")
        _wait(page, "window.vergence?.state.hasPicture && vergence.connection.clock.isKnown")
        page.evaluate(f"vergence.settings.set('orbit', {str(moves).lower()})")
        time.sleep(SETTLING)
        page.evaluate(NOTES, is_finished)
        began = now_us()
        time.sleep(SECONDS)
        pictures, frames, took = page.evaluate(
            "[window.pictures, vergence.state.shown - window.first, (performance.now() - window.begun) / 1000]"
        )
        page.close()
    drawn = [picture["age"] for picture in pictures]
    return Shown(
        _middle(moments.ages(since=began)), _middle(drawn), len(drawn) / took, frames / took, _steps(pictures, moments)
    )


def splat_milliseconds(chromium: "Browser", packet: bytes) -> float:
    """JavaScript of the page's main thread for one SPLAT16 packet that is decoded, ms."""
    page = chromium.new_page(viewport={"width": 320, "height": 180})
    with _server(Instant(0.0)) as (url, _):
        page.goto(f"{url}?panel=0#t={TOKEN}&camera=1")
        _wait(page, "window.vergence?.state.hasPicture")
        page.evaluate(
            "() => { vergence.stage.renderer.setAnimationLoop(null); vergence.uploader.push = async () => false;"
            " vergence.state.packetKinds.push('splat16'); vergence.settings.set('mode', 'splats');"
            " const {views} = vergence, show = views.showSplats.bind(views);"
            " views.showSplats = (packet) => { window.packet = packet; show(packet); }; }"
        )
        text = b64encode(packet).decode()
        page.evaluate(
            "(text) => vergence.decoder.push(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer)", text
        )
        _wait(page, "vergence.views.splats?.count > 0")
        found: float = page.evaluate(
            "(runs) => { const {splats} = vergence.views, times = [];"
            " for (let i = 0; i < 9; i++) { const begun = performance.now();"
            " for (let k = 0; k < runs; k++) splats.apply(window.packet);"
            " times.push((performance.now() - begun) / runs); }"
            " return times.sort((a, b) => a - b)[4]; }",
            SPLAT_RUNS,
        )
        page.close()
    return found


def split(quick: Shown, finished: Shown) -> None:
    """The table of where the time from the camera to the screen goes."""
    print("\n| depth, from camera to screen | median, ms | 95 % | mean |\n|---|---|---|---|")
    for name, times in (
        *quick.steps.items(),
        ("in all", [sum(each) for each in zip(*quick.steps.values(), strict=True)]),
    ):
        print(f"| {name} | {_middle(times)[0]:.1f} | {_middle(times)[1]:.1f} | {statistics.mean(times):.1f} |")
    last = STEPS[-1][0]
    more = statistics.mean(finished.steps[last]) - statistics.mean(quick.steps[last])
    print(f"\nTo draw the picture the processor, which stands in for a graphics card, needs another {more:.0f} ms.")


def tables(photo: Path, packet: bytes, goal: Callable[[str, str, str], None]) -> None:
    """Print what pages do; `goal` takes name, aim and figure of what is aimed at."""
    with browser(photo) as chromium:
        if chromium is None:
            print("\nNo browser is here: nothing is said of the page.")
            return
        print("\n| page, software WebGL, camera 640 x 360 | capture to server | to screen | data/s | drawn/s |")
        print("|---|---|---|---|---|")
        rows = [
            ("depth", 0.0, False), ("depth, as film", 0.0, False), ("points", 0.0, False), ("mesh", 0.0, False),
            ("mesh, view turns", 0.0, True), ("mesh, view turns, model 0.1 s", 0.1, True),
            ("mesh, view turns, model 0.5 s", 0.5, True),
        ]  # fmt: skip
        seen = {}
        for name, seconds, moves in rows:
            tier = "video" if "film" in name else "exact"
            found = seen[name] = shown(chromium, name.partition(",")[0], seconds=seconds, moves=moves, tier=tier)
            server, screen = (f"{middle:.0f} / {most:.0f} ms" for middle, most in (found.to_server, found.to_screen))
            print(f"| {name} | {server} | {screen} | {found.data_rate:.1f} | {found.drawn_rate:.1f} |")
        print("\nOf both times the median and 95 %.")
        split(seen["depth"], shown(chromium, "depth", is_finished=True))
        quick, slow = seen["depth"], seen["mesh, view turns, model 0.5 s"]
        goal("capture to server, median", "<= 25 ms", f"{quick.to_server[0]:.0f} ms")
        goal("capture to drawn, without the model, median", "<= 60 ms", f"{quick.to_screen[0]:.0f} ms")
        goal("drawn frames for one of data, slow model", "> 1", f"{slow.drawn_rate / max(slow.data_rate, 0.01):.0f}")
        milliseconds = splat_milliseconds(chromium, packet)
        goal("254,016 splats, JavaScript", "<= 0.5 ms", f"{milliseconds:.2f} ms")
