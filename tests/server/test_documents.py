"""docs/protocol.md says what the server does."""

import re
from pathlib import Path

from vergence.server import upload
from vergence.server.hub import DEAD, HELLO, SILENT, WINDOW
from vergence.server.protocol import HEADER, Capture, Flag, Kind, Points16, Rgbd, Splat16, VideoDepth, VideoRgb
from vergence.server.session import MESSAGE_BYTES, TEXT_CHARACTERS, Session
from vergence.server.settings import CHECKS, LiveSettings

TEXT = (Path(__file__).parent.parent.parent / "docs" / "protocol.md").read_text("utf-8")


def section(title):
    return TEXT.split(f"\n## {title}")[1].split("\n## ")[0]


def test_every_setting_has_a_row_with_its_default():
    rows = {}
    for line in section("Settings").splitlines():
        if found := re.match(r"\| `([a-z_.]+)`.* \| ([^|]*) \|$", line):
            rows[found[1]] = found[2].strip()
    assert set(rows) == set(CHECKS)
    for path, default in rows.items():
        group, name = path.split(".")
        value = LiveSettings().nested()[group][name]
        wanted = (
            {None: "null", True: "true", False: "false"}.get(value, value) if not isinstance(value, float) else value
        )
        assert default.strip('"') == (f"{wanted:g}" if isinstance(wanted, float) else str(wanted)), path


def test_every_message_of_a_client_has_a_row():
    text = section("Text messages, client to server")
    rows = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[a-z_`, ]+`) \|", text, re.MULTILINE))))
    assert rows - {"t"} == set(Session._ANSWERS) | {"hello"}


def test_every_code_of_an_error_is_named():
    source = "".join(
        path.read_text("utf-8") for path in Path(upload.__file__).parent.glob("*.py")
    )  # what the server can say
    said = set(re.findall(r'_fault\(\s*"([a-z-]+)"', source)) | set(re.findall(r'code="([a-z-]+)", msg', source))
    said |= set(re.findall(r'_tell\("([a-z-]+)"', source)) - {"stopping"}
    named = set(re.findall(r"`([a-z]+-[a-z-]+)`", section("Text messages, server to client")))
    assert said - {"stopping"} <= named


def test_sizes_and_numbers_are_those_of_the_code():
    for layout, name in ((Rgbd.LAYOUT, "96"), (Splat16.LAYOUT, "32"), (Points16.LAYOUT, "32"), (Capture.LAYOUT, "16")):
        assert layout.size == int(name)
        assert f"extension ({name} bytes)" in TEXT
    for layout, name in ((VideoRgb, "VIDEO_RGB: (32"), (VideoDepth, "VIDEO_DEPTH: (112")):
        assert f"extension of {name} bytes)" in TEXT
        assert name.endswith(f"({layout.LAYOUT.size}")
    assert f"header ({HEADER.size} bytes)" in TEXT
    for kind in Kind:
        assert f"{kind.value} {kind.name}" in TEXT
    assert all(re.search(rf"\b{flag.value} ", section("A packet")) for flag in Flag)
    assert MESSAGE_BYTES == 4 << 20
    assert TEXT_CHARACTERS == 64 << 10
    assert (WINDOW, SILENT, DEAD, HELLO) == (2, 5.0, 30.0, 10.0)
    assert f"At most {upload.LONGEST_SIDE} pixels a side" in TEXT
