import shutil

import numpy as np
import pytest
from PIL import Image

from viewers import TOKEN, Viewer, running

SWITCHES = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--disable-background-networking",
)


@pytest.fixture(scope="session")
def launch():
    """Start a browser with more switches than the usual ones."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[dev]'")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as running:
        yield lambda *more: running.chromium.launch(executable_path=found, args=[*SWITCHES, *more])


@pytest.fixture(scope="session")
def chromium(launch):
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def picture(tmp_path_factory):
    """A photo whose left half is dark and 2 m away, its right half bright and 4 m (see `RuleModel`)."""
    rgb = np.empty((180, 320, 3), np.uint8)
    rgb[:, :160], rgb[:, 160:] = (64, 60, 90), (192, 170, 120)
    path = tmp_path_factory.mktemp("picture") / "two_halves.png"
    Image.fromarray(rgb).save(path)
    return path


@pytest.fixture(scope="session")
def server(picture):
    with running(str(picture)) as url:
        yield url


@pytest.fixture
def open_viewer(chromium, server):
    contexts = []

    def open_one(url=None, *, width=800, height=450, hints=False, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme="dark", **options)
        contexts.append(context)
        if not hints:
            context.add_init_script("localStorage.setItem('vergence.hints', 'yes')")
        return Viewer(context.new_page(), url or f"{server}?panel=0#t={TOKEN}")

    yield open_one
    for context in contexts:
        context.close()
