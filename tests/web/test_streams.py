"""What a server does besides showing: captures, recordings, viewers that are slow, and its own sudden end."""

import io
import zipfile

import pytest

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
