"""A screen that nobody sees: Xvfb, where it is installed."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager

import pytest

WIDTH, HEIGHT = 320, 200


@contextmanager
def hidden_screen():
    """Start an X server on a free display, with DISPLAY set to it; skips where there is none to start."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=(write,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as told:  # ends with an empty line where the server dies
            number = told.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def coloured_window(display_name, title, *, x, y, width, height, colour):
    """A window of one colour (0xRRGGBB) with a title, as no window manager is there to frame it."""
    display = pytest.importorskip("Xlib.display")
    connection = display.Display(display_name)
    try:
        _show(connection, title, x, y, width, height, colour)
        yield
    finally:
        connection.close()


def _show(connection, title, x, y, width, height, colour):
    from Xlib import X

    root = connection.screen().root
    window = root.create_window(
        x, y, width, height, 0, connection.screen().root_depth, X.InputOutput, X.CopyFromParent,
        background_pixel=colour, override_redirect=False, event_mask=X.ExposureMask,
    )  # fmt: skip
    window.set_wm_name(title.encode("ascii", "replace").decode())
    utf8 = connection.intern_atom("UTF8_STRING")
    window.change_property(connection.intern_atom("_NET_WM_NAME"), utf8, 8, title.encode())
    window.map()
    connection.sync()
    time.sleep(0.1)
