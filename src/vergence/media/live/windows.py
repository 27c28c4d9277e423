"""The windows on an X11 desktop, by python-xlib."""

from dataclasses import dataclass
from typing import Any

from vergence.errors import MediaError

LEAST = 16  # px a side: smaller ones are helpers of programs, not windows


@dataclass(frozen=True)
class Window:
    """A window that can be seen: its number on the X server, its title, its size in pixels."""

    number: int
    title: str
    width: int
    height: int


def windows(display_name: str | None = None) -> tuple[Window, ...]:
    """The windows on the desktop, the topmost first where the server says.

    Raises:
        MediaError: python-xlib is not installed, or no X server answers.
    """
    try:
        from Xlib import X, display
        from Xlib.error import XError
    except ImportError as error:
        raise MediaError("finding windows by their title needs an extra: pip install 'vergence[live]'") from error
    try:
        connection = display.Display(display_name)
    except Exception as error:  # python-xlib raises whatever its sockets do
        raise MediaError(f"windows cannot be listed: no X server answers ({error})") from error
    found = []
    try:
        for window in reversed(_top_windows(connection, X.AnyPropertyType)):
            try:
                title = _title(connection, window)
                shape = window.get_geometry()
                is_seen = window.get_attributes().map_state == X.IsViewable
            except XError:  # it was closed while we looked
                continue
            if title and is_seen and min(shape.width, shape.height) >= LEAST:
                found.append(Window(window.id, title, shape.width, shape.height))
    finally:
        connection.close()
    return tuple(found)


def find_window(title: str) -> Window:
    """The window of that title, else the one with that in its title; raises `MediaError` where not exactly one fits."""
    known = windows()
    found = [window for window in known if window.title == title]
    found = found[:1] or [window for window in known if title.lower() in window.title.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        raise MediaError(f"window:{title} could be {_listed(found)}; give more of its title")
    raise MediaError(f"there is no window:{title}; there is {_listed(known) or 'none'}")


def _top_windows(connection: Any, any_type: int) -> list[Any]:
    """What a window manager calls windows (EWMH), else the children of the root, the topmost last."""
    root = connection.screen().root
    for name in ("_NET_CLIENT_LIST_STACKING", "_NET_CLIENT_LIST"):
        if (listed := root.get_full_property(connection.intern_atom(name), any_type)) is not None:
            return [connection.create_resource_object("window", number) for number in listed.value]
    return list(root.query_tree().children)


def _title(connection: Any, window: Any) -> str:
    encoded = window.get_full_property(connection.intern_atom("_NET_WM_NAME"), connection.intern_atom("UTF8_STRING"))
    if encoded is not None:
        return bytes(encoded.value).decode(errors="replace")
    name = window.get_wm_name()
    return name.decode(errors="replace") if isinstance(name, bytes) else name or ""


def _listed(windows: Any) -> str:
    return ", ".join(window.title for window in windows)
