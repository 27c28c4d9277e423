import shutil
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import Image

from bar_codes import write_film
from viewers import TOKEN, Viewer, running

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--disable-background-networking",
)


@pytest.fixture(scope="package")
def camera_film(tmp_path_factory):
    """What the browser's camera sees: a number on every frame (see `bar_codes`)."""
    path = tmp_path_factory.mktemp("camera") / "numbers.y4m"
    write_film(path)
    return path


@pytest.fixture(scope="package")
def launch(camera_film):
    """Start a browser with more switches than the usual ones."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[dev]'")
    with playwright.sync_playwright() as running:
        own = running.chromium.executable_path
        found = next(filter(None, map(shutil.which, (*BROWSERS, own))), None)
        if found is None:
            pytest.skip("no Chromium here: make browser")
        switches = [*SWITCHES, f"--use-file-for-fake-video-capture={camera_film}"]
        yield lambda *more: running.chromium.launch(executable_path=found, args=[*switches, *more])


@pytest.fixture(scope="package")
def chromium(launch):
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def picture(tmp_path_factory):
    """A photo whose left half is dark and 2 m away, its right half bright and 4 m (see `RuleModel`)."""
    rgb = np.empty((180, 320, 3), np.uint8)
    rgb[:, :160], rgb[:, 160:] = (64, 60, 90), (192, 170, 120)
    path = tmp_path_factory.mktemp("picture") / "two_halves.png"
    Image.fromarray(rgb).save(path)
    return path


@pytest.fixture(scope="package")
def server(picture):
    with running(str(picture)) as url:
        yield url


@pytest.fixture
def serve():
    """Start a server of a test's own (see `running`); it goes after the pages, which would complain of its end."""
    with ExitStack() as servers:
        yield lambda *uris, **options: servers.enter_context(running(*uris, **options))


@pytest.fixture
def open_viewer(chromium, server, serve):
    """Open a page of the viewer; in the end none of them may have complained of anything."""
    contexts, viewers = [], []

    def open_one(url=None, *, width=800, height=450, hints=False, script="", **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme="dark", **options)
        contexts.append(context)
        if not hints:
            context.add_init_script("localStorage.setItem('vergence.hints', 'yes')")
        if script:
            context.add_init_script(script)
        viewers.append(Viewer(context.new_page(), url or f"{server}?panel=0#t={TOKEN}"))
        return viewers[-1]

    yield open_one
    for context in contexts:
        context.close()
    assert [viewer.faults for viewer in viewers if viewer.faults] == []
