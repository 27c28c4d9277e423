"""What a server does besides showing: captures, recordings, viewers that are slow, and its own sudden end."""

import io
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from live_models import RuleModel
from live_processes import TOKEN as LAUNCHED
from live_processes import command, port_of
from vergence.server.hub import WINDOW
from vergence.server.recording import NoModel
from viewers import FAR, NEAR, SIZE, TOKEN

pytestmark = pytest.mark.slow

POSITION = "Number(document.querySelector('.film input').value)"
BESIDE = "vergence.views.beside.stream"
DEPTHS = """(which) => {
  const {shape, depth} = which === "live" ? vergence.stream : vergence.views.beside.stream;
  const {width, height, offset, step} = shape;
  const start = width * Math.floor(height / 2);
  return [0.2, 0.8].map((at) => 1 / (offset + step * (depth[start + Math.floor(at * width)] - 1)));
}"""
LENGTH = "(({hidden, textContent}) => hidden ? '' : textContent)(document.querySelector('.measure-label'))"
DRAWN = "['points', 'mesh', 'surfels'].filter((name) => vergence.views.beside[name]?.object.visible)"
# Notes the number of every packet that comes.
COUNT = """() => {
  const {decoder} = vergence;
  const push = decoder.push.bind(decoder);
  window.came = [];
  decoder.push = (buffer) => {
    window.came.push(new DataView(buffer).getUint32(12, true));
    push(buffer);
  };
}"""


def part(seen, rectangle):
    """The middle of a part of the view."""
    x, y, width, height = (rectangle[key] for key in ("x", "y", "width", "height"))
    rows, columns = (slice(int(a + 0.4 * b), int(a + 0.6 * b)) for a, b in ((y, height), (x, width)))
    return seen[rows, columns]


def saved(viewer):
    """The file that the page offers."""
    address = viewer.wait("document.querySelector('.notices a[download], .beside a[download]:not([hidden])')?.href")
    answer = viewer.page.context.request.get(address)
    assert answer.ok, answer.status
    return answer.body()


def test_a_capture_is_shown_beside_the_stream_and_can_be_saved(open_viewer, picture, serve):
    url = serve(str(picture), can_capture=True)
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}").wait_for_picture()
    assert viewer.get("vergence.stream.shape.width") == SIZE[0]
    viewer.page.keyboard.press("x")
    viewer.wait(f"vergence.views.beside.isShown && {BESIDE}.head.flags.highQuality")
    assert viewer.get(f"{BESIDE}.shape.width") == 2 * SIZE[0]  # by the larger model
    assert viewer.page.evaluate(DEPTHS, "beside") == pytest.approx([NEAR, FAR], rel=1e-3)
    assert viewer.page.evaluate(DEPTHS, "live") == pytest.approx([NEAR, FAR], rel=2e-3)
    with zipfile.ZipFile(io.BytesIO(saved(viewer))) as archive:
        names = {name.rpartition("/")[2] for name in archive.namelist()}
    assert {"picture.jpg", "depth.png", "points.ply", "mesh.glb", "splats.spz"} <= names
    viewer.get("window.before = vergence.stream.head, vergence.connection.send({t: 'key_frame'})")
    viewer.wait("vergence.stream.head !== window.before")  # the stream goes on
    assert viewer.get("vergence.stream.shape.width") == SIZE[0]
    viewer.page.keyboard.press("Escape")
    viewer.wait("!vergence.views.beside.isShown")


def hold_a_capture(viewer):
    """Capture what is shown, with no notice in the way."""
    viewer.page.keyboard.press("x")
    viewer.wait(f"vergence.views.beside.isShown && {BESIDE}.head")
    viewer.wait("document.querySelector('.notices a[download]')")
    viewer.get("document.querySelectorAll('.notice button').forEach((each) => each.click())")


class WithoutMetres(RuleModel):
    """Sees everything half as far away, and in units of its own."""

    def __init__(self):
        super().__init__(kind="scale_invariant", size=SIZE)

    def estimate(self, frames):
        for item in super().estimate(frames):
            yield replace(item, depth=replace(item.depth, values=item.depth.values / 2))


def test_a_capture_is_measured_in_its_own_metres(open_viewer, picture, serve):
    url = serve(str(picture), model=WithoutMetres(), can_capture=True)
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}").wait_for_picture()
    viewer.page.keyboard.press("m")
    hold_a_capture(viewer)
    viewer.get("vergence.stage.move({yaw: 0.1})")

    def click(surface, size, *places):
        """Click on pixels, given as shares of the picture's sides, at the depth that they have."""
        for x, y, z in places:
            pixel = f"{{column: {int(x * size[0])}, row: {int(y * size[1])}}}"
            at = viewer.get(f"{surface}.placeOf({pixel}, {z})")
            viewer.page.mouse.click(at["x"], at["y"])

    large = (2 * SIZE[0], 2 * SIZE[1])
    near, far = NEAR, FAR
    metres = np.hypot(0.5 * np.tan(np.pi / 6) * (near + far), far - near)
    for mode in ("mesh", "depth"):
        viewer.show(mode)
        viewer.get("vergence.measure.clear()")
        click("vergence.views.beside.surface", large, (0.25, 0.5, near), (0.75, 0.5, far))
        assert float(re.fullmatch(r"([\d.]+) m", viewer.wait(LENGTH))[1]) == pytest.approx(metres, rel=0.03)
        assert viewer.get("document.querySelector('.cursor-depth').textContent").endswith(" m")
        click("vergence.views.surface", SIZE, (0.25, 0.5, near / 2))
        assert not viewer.get(LENGTH), "a length from one picture to another"
        click("vergence.views.surface", SIZE, (0.75, 0.5, far / 2))
        assert float(re.fullmatch(r"([\d.]+) units", viewer.wait(LENGTH))[1]) == pytest.approx(metres / 2, rel=0.03)
    click("vergence.views.beside.surface", large, (0.25, 0.5, near), (0.75, 0.5, far))
    assert viewer.wait(LENGTH).endswith(" m")
    viewer.show("stereo")
    assert not viewer.get(LENGTH)
    viewer.show("mesh")
    assert viewer.wait(LENGTH).endswith(" m")
    hold_a_capture(viewer)
    assert not viewer.get(LENGTH), "what was measured in one capture is shown in another"


def test_a_capture_is_drawn_as_the_stream_is(open_viewer, picture, serve):
    viewer = open_viewer(f"{serve(str(picture), can_capture=True)}?panel=0#t={TOKEN}").wait_for_picture()
    viewer.get("vergence.settings.set('side_by_side', false)")
    hold_a_capture(viewer)
    for mode in ("points", "mesh", "surfels", "depth"):
        viewer.show(mode)
        if mode == "surfels":
            viewer.wait("vergence.views.beside.surfels && !vergence.views.beside.points.object.visible")
            viewer.wait("!vergence.views.points.object.visible")
        if mode != "depth":
            assert viewer.get(DRAWN) == [mode]
        viewer.settle()
        viewer.settle()
        seen = viewer.seen(is_bare=True)
        live, beside = (part(seen, viewer.get(f"vergence.stage.halves.{name}")) for name in ("live", "beside"))
        assert beside.std((0, 1)).min() > 12, f"{mode} is all of one colour"
        assert np.abs(live - beside).mean() < 12, mode
    viewer.page.keyboard.press("1")
    viewer.wait("vergence.views.beside.points.object.visible && !vergence.views.beside.surfels.object.visible")


def test_a_recording_is_shown_again_without_a_model(open_viewer, serve, tmp_path):
    viewer = open_viewer(f"{serve('test:64x36@20')}?panel=0#t={TOKEN}").wait_for_picture()
    viewer.page.keyboard.press("Shift+R")
    viewer.wait("vergence.state.recording?.seconds >= 2")
    viewer.page.keyboard.press("Shift+R")
    path = tmp_path / "stream.vgr"
    path.write_bytes(saved(viewer))
    url = serve(str(path), model=NoModel(str(path)))
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}").wait_for_picture()
    duration = viewer.wait("vergence.film.duration")
    assert 1 < duration < 60
    viewer.page.keyboard.press("Space")
    viewer.wait("vergence.state.isPaused && vergence.stream.head.flags.still")
    bar = viewer.page.get_by_role("slider", name="Position in the film")
    bar.focus()
    bar.press("Home")
    viewer.wait(f"{POSITION} === 0")
    first = viewer.wait("vergence.stream.depth.join()")
    bar.press("End")
    viewer.wait(f"{POSITION} > 900 && vergence.stream.depth.join() !== '{first}'")
    viewer.show("mesh")
    assert viewer.seen()[150:250, 300:500].std() > 10


def test_a_viewer_that_is_slow_holds_up_nobody(open_viewer, serve):
    url = serve("test:64x36@20")
    address = f"{url}?panel=0#t={TOKEN}"
    quick, slow = open_viewer(address).wait_for_picture(), open_viewer(address).wait_for_picture()
    for viewer in (quick, slow):
        viewer.get(COUNT)
    slow.get("window.say = vergence.connection.acknowledge, vergence.connection.acknowledge = () => {}")
    slow.get("window.came.length = 0")
    quick.wait("window.came.length >= 40")
    held = slow.get("window.came.length")
    assert held <= WINDOW
    newest = quick.get("window.came.at(-1)")
    slow.get("(vergence.connection.acknowledge = window.say).call(vergence.connection, vergence.stream.head.sequence)")
    came = slow.wait(f"window.came.length >= {held} + 3 && window.came")
    assert min(came[held:]) >= newest - 1, "it was sent what is long past"


def test_a_server_that_is_killed_and_started_again_is_found_again(open_viewer, picture, tmp_path):
    with command(str(picture), home=tmp_path) as (process, url):
        viewer = open_viewer(f"{url.partition('#')[0]}?panel=0#t={LAUNCHED}").wait_for_picture()
        viewer.excused += ["WebSocket", "Failed to load resource"]  # the browser says so itself
        session = viewer.get("vergence.state.hello.session")
        process.kill()
        viewer.wait("vergence.connection.state === 'waiting'")
        assert "Reconnecting" in viewer.get("document.querySelector('.status').textContent")
    with command(str(picture), home=tmp_path, port=port_of(url)):
        viewer.wait(f"vergence.connection.state === 'open' && vergence.state.hello.session !== '{session}'")
        viewer.get("window.before = vergence.stream.head, vergence.connection.send({t: 'key_frame'})")
        viewer.wait("vergence.stream.head !== window.before")
