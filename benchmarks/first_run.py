"""From typing `vergence live` to seeing oneself, printed as a Markdown table. Reported, never pass or fail.

    python benchmarks/first_run.py

A browser is open already; its camera is the one that Chromium has for tests, and it draws without a graphics card. The
clock starts with the process and stops when the page has drawn its first frame in depth. The first of the runs may
compile, and is left out.
"""

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RUNS = 4
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--disable-background-networking",
)  # fmt: skip
COMMAND = (str(Path(sys.executable).with_name("vergence")), "live", "--no-browser", "--port", "0")
STEPS = {
    "the address is printed": None,
    "the page is connected": "window.vergence?.connection.state === 'open'",
    "the first frame has come": "Boolean(window.vergence?.stream.head)",
    "it is drawn": "window.vergence?.state.hasPicture && vergence.statistics && vergence.state.shown > 1",
}
PATIENCE = 120.0  # s


def run(browser: Any) -> list[float]:
    """Seconds from the start of the process to every step."""
    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    began, found = time.monotonic(), []
    process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        for reached in STEPS.values():
            while reached is not None and not page.evaluate(reached):
                if time.monotonic() - began > PATIENCE:
                    raise SystemExit(f"never true: {reached}")
                time.sleep(0.01)
            found.append(time.monotonic() - began)
            if reached is None:
                page.goto(address)
    finally:
        process.terminate()
        process.wait()
        page.close()
    return found


def main() -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, BROWSERS)), playwright.chromium.executable_path)
        if not Path(path).is_file():
            raise SystemExit("no Chromium here: make browser")
        browser = playwright.chromium.launch(executable_path=path, args=list(SWITCHES))
        runs = [run(browser) for _ in range(RUNS)][1:]
        browser.close()
    print("| since the process was started | s, median | worst |\n|---|---|---|")
    for step, times in zip(STEPS, zip(*runs, strict=True), strict=True):
        print(f"| {step} | {statistics.median(times):.1f} | {max(times):.1f} |")


if __name__ == "__main__":
    main()
