"""The viewer in a real browser, without a graphics card, fed by the real server and a model by rule."""

import re
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest

from vergence.server.protocol import SPLAT_BLOCK, Points16, Splat16, SplatCodec, packet
from vergence.server.splat16 import LN_SCALE_MAX, LN_SCALE_MIN, packed_splats, splat_payload
from vergence.types import Gaussians
from viewers import FAR, NEAR, SIZE, TOKEN, Viewer

pytestmark = pytest.mark.slow

NAME = "document.querySelector('.measure-label').textContent"
EMULATOR = Path(__file__).parent.parent.parent / "web" / "node_modules" / "iwer" / "build" / "iwer.min.js"


def halves(seen):
    """Mean colours of two patches in the middle, left and right of the picture's seam."""
    height, width = seen.shape[:2]
    rows = slice(int(0.42 * height), int(0.5 * height))
    return (
        seen[rows, int(0.38 * width) : int(0.44 * width)].mean((0, 1)),
        seen[rows, int(0.56 * width) : int(0.62 * width)].mean((0, 1)),
    )


def far_edges(seen):
    """Where the bright half begins in the left and the right half of the view, px of each."""
    row = seen[len(seen) // 2].mean(1)
    middle = row.size // 2
    return tuple(int(np.argmax(part[: middle - 20] > 150)) for part in (row[:middle], row[middle:]))


def test_a_picture_arrives_and_nothing_is_complained_of(open_viewer, server):
    viewer = open_viewer().wait_for_picture()
    viewer.settle()
    left, right = halves(viewer.seen())
    np.testing.assert_allclose(left, (64, 60, 90), atol=14)
    np.testing.assert_allclose(right, (192, 170, 120), atol=14)
    assert viewer.get("location.hash") == ""
    assert viewer.complaints == []
    assert all(url.startswith((server, "blob:", "data:")) for url in viewer.requests), viewer.requests


def test_depth_is_what_the_model_said(open_viewer):
    viewer = open_viewer().wait_for_picture()
    found = viewer.get(
        "(({stream: {shape, depth}}) => [20, 75].map((c) =>"
        " 1 / (shape.offset + shape.step * (depth[27 * shape.width + c] - 1))))(vergence)"
    )
    np.testing.assert_allclose(found, (NEAR, FAR), rtol=2e-3)
    assert viewer.get("vergence.stream.isMetric")


@pytest.fixture
def headset_chromium(launch):
    """A browser whose own WebXR is off, so that an emulated headset can take its place."""
    if not EMULATOR.is_file():
        pytest.skip("no emulated headset here: run `npm ci` in web/")
    browser = launch("--disable-blink-features=WebXR")
    yield browser
    browser.close()


@pytest.mark.parametrize("mode", ["points", "mesh"])
def test_a_view_from_the_camera_is_the_picture(open_viewer, mode):
    viewer = open_viewer().wait_for_picture()
    viewer.show(mode)
    left, right = halves(viewer.seen())
    np.testing.assert_allclose(left, (64, 60, 90), atol=14)
    np.testing.assert_allclose(right, (192, 170, 120), atol=14)


def test_from_the_side_the_halves_part(open_viewer):
    viewer = open_viewer().wait_for_picture()
    viewer.show("mesh")
    background = viewer.seen()[viewer.page.viewport_size["height"] // 2, 4]
    viewer.get("vergence.stage.move({yaw: 0.6})")
    viewer.settle()
    row = viewer.seen()[180]
    inside = np.flatnonzero(np.abs(row - background).sum(1) > 40)
    hole = np.abs(row[inside[0] : inside[-1]] - background).sum(1) < 12
    assert hole.sum() > 20, "nothing is torn where depth jumps from 2 m to 4 m"
    viewer.get("vergence.settings.set('edge_cut', 0)")
    viewer.settle()
    assert (np.abs(viewer.seen()[180][inside[0] : inside[-1]] - background).sum(1) < 12).sum() < hole.sum()


def test_depth_is_coloured_from_near_to_far(open_viewer):
    viewer = open_viewer().wait_for_picture()
    viewer.get("vergence.settings.set('side_by_side', false)")
    viewer.show("depth")
    near, far = halves(viewer.seen())
    assert near[0] > near[2] + 60, f"near is red, not {near}"
    assert far[2] > far[0] + 15, f"far is blue, not {far}"
    viewer.page.keyboard.press("i")
    viewer.settle()
    swapped, _ = halves(viewer.seen())
    assert swapped[2] > swapped[0]
    assert "m" in viewer.get("document.querySelector('.legend').textContent")


def test_stereo_gives_each_eye_its_own_view(open_viewer):
    viewer = open_viewer(width=800, height=400).wait_for_picture()
    viewer.get("vergence.settings.set('stereo_strength', 3)")
    viewer.get("vergence.settings.set('stereo_layout', 'sbs-full')")
    viewer.show("stereo")
    left, right = far_edges(viewer.seen())
    assert 2 < right - left < 40, "what lies behind the screen is farther right for the right eye"
    viewer.get("vergence.settings.set('swap_eyes', true)")
    viewer.settle()
    assert far_edges(viewer.seen()) == (right, left)
    viewer.get("vergence.settings.set('stereo_layout', 'anaglyph')")
    viewer.settle()
    red, _, blue = viewer.seen()[200, 300:500].T
    assert np.argmax(np.diff(red)) != np.argmax(np.diff(blue))
    viewer.get("vergence.settings.set('stereo_layout', 'tab')")
    viewer.settle()
    seen = viewer.seen()
    assert (seen[100, 300] > 30).any()
    assert (seen[250, 300] > 30).any()


def test_surfels_are_made_from_the_same_packet(open_viewer):
    viewer = open_viewer(width=480, height=270).wait_for_picture()
    viewer.get("vergence.settings.set('subsample', 2)")
    assert not any("spark" in url for url in viewer.requests)
    viewer.show("surfels")
    wanted = (SIZE[0] // 2) * (SIZE[1] // 2)
    viewer.wait(f"vergence.stage.scene.getObjectByName('spark')?.activeSplats === {wanted}")
    viewer.settle()
    viewer.settle()
    left, right = halves(viewer.seen())
    np.testing.assert_allclose(left, (64, 60, 90), atol=25)
    np.testing.assert_allclose(right, (192, 170, 120), atol=25)
    assert viewer.complaints == []


def push(viewer, data):
    """Give the page a packet as if it had come from the server."""
    text = b64encode(data).decode()
    viewer.get(f"vergence.decoder.push(Uint8Array.from(atob('{text}'), (c) => c.charCodeAt(0)).buffer)")


def test_gaussians_of_a_model_are_shown_as_the_server_packs_them(open_viewer):
    viewer = open_viewer(width=480, height=270).wait_for_picture()
    count = 60
    means = np.zeros((count, 3), np.float32)
    means[:, 2], means[:, 0] = 3, np.linspace(-0.6, 0.6, count)
    colours = np.tile(np.float32([[[0.9, 0.1, 0.1]]]), (count, 1, 1))
    gaussians = Gaussians(
        means, np.full((count, 3), 0.3, np.float32), np.tile(np.float32([1, 0, 0, 0]), (count, 1)),
        np.full(count, 0.99, np.float32), ((colours - 0.5) / 0.28209479).astype(np.float32),
    )  # fmt: skip
    viewer.get("vergence.state.packetKinds.push('splat16')")
    viewer.get("vergence.settings.set('background', 'black')")
    viewer.page.keyboard.press("4")
    for codec in SplatCodec:
        payload = splat_payload(packed_splats(gaussians), codec=codec)
        extension = Splat16(count, 2 * SPLAT_BLOCK, LN_SCALE_MIN, LN_SCALE_MAX, 0, 1, codec)
        push(viewer, packet(extension, [payload]))
        viewer.wait(f"vergence.views.splats?.count === {count}")
        viewer.get("vergence.views.splats.count = 0")
    assert viewer.get("vergence.views.splats.object.packedSplats.numSplats") == 2 * SPLAT_BLOCK
    viewer.wait("vergence.stage.scene.getObjectByName('spark').activeSplats > 0")
    viewer.settle()
    viewer.settle()
    red, green, _ = viewer.seen()[115:130, 225:255].mean((0, 1))
    assert (red > 150, green < 80) == (True, True), (red, green)
    assert viewer.complaints == []


def test_a_cloud_that_is_no_picture_is_shown(open_viewer):
    viewer = open_viewer(width=480, height=270).wait_for_picture()
    viewer.get("vergence.settings.set('background', 'black')")
    across, down = np.meshgrid(np.linspace(-1, 1, 120), np.linspace(-1, 1, 120))
    whole = np.zeros((across.size, 4), np.int16)
    whole[:, 0], whole[:, 1] = 32767 * across.ravel(), 32767 * down.ravel()
    rgba = np.tile(np.uint8([20, 220, 40, 255]), (len(whole), 1))
    push(viewer, packet(Points16(len(whole), 1.0, (0.0, 0.0, 3.0)), [whole.tobytes(), rgba.tobytes()]))
    viewer.wait("vergence.views.cloud.object.visible")
    viewer.get("vergence.settings.set('point_size', 5)")
    viewer.settle()
    red, green, blue = viewer.seen()[110:135, 225:255].mean((0, 1))
    assert (green > 150, red < 60, blue < 80) == (True, True, True), (red, green, blue)


def test_garbage_from_the_server_is_refused_and_the_stream_goes_on(open_viewer):
    viewer = open_viewer().wait_for_picture()
    for data in (b"", b"VGN1" + bytes(60), bytes(range(200))):
        push(viewer, data)
    assert "could not be read" in viewer.wait("document.querySelector('.notices').textContent")
    before = viewer.get("vergence.stream.head.sequence")
    viewer.get("vergence.connection.send({t: 'key_frame'})")
    viewer.get("vergence.stage.move({yaw: 0.1})")
    viewer.settle()
    assert viewer.get("vergence.stream.head.sequence") >= before


def test_two_clicks_measure_metres(open_viewer):
    viewer = open_viewer().wait_for_picture()
    viewer.show("mesh")
    viewer.page.keyboard.press("m")
    place = "vergence.stage.screenOf([{}, 0.05, {}])"
    for x, z in ((-0.9, NEAR), (0.7, FAR)):
        at = viewer.get(place.format(x, z))
        viewer.page.mouse.click(at["x"], at["y"])
    found = viewer.wait(NAME)
    metres = float(re.fullmatch(r"([\d.]+) m", found)[1])
    assert metres == pytest.approx(np.hypot(1.6, FAR - NEAR), rel=0.03)
    viewer.page.keyboard.press("Escape")
    assert viewer.get("document.querySelector('.measure-label').hidden")


def test_keys_do_what_the_help_says(open_viewer):
    viewer = open_viewer().wait_for_picture()
    press, value = viewer.page.keyboard.press, lambda key: viewer.get(f"vergence.settings.get('{key}')")
    for key, mode in (("2", "mesh"), ("5", "depth"), ("d", "points"), ("6", "stereo"), ("1", "points")):
        press(key)
        if key == "d":
            assert value("mode") != "depth"
        else:
            assert value("mode") == mode
    press("]")
    assert value("edge_cut") == pytest.approx(0.25)
    press("=")
    assert value("point_size") == pytest.approx(1.7)
    press("o")
    assert value("orbit")
    press("ArrowRight")
    assert not viewer.get("vergence.stage.isHome")
    press("c")
    assert viewer.get("vergence.stage.isHome")
    press("?")
    assert viewer.get("document.querySelector('.help').open")
    press("Escape")
    assert not viewer.get("document.querySelector('.help').open")


def test_a_model_without_gaussians_says_so(open_viewer):
    viewer = open_viewer().wait_for_picture()
    viewer.page.keyboard.press("4")
    assert "no Gaussians" in viewer.wait("document.querySelector('.notices').textContent")
    assert viewer.get("vergence.settings.get('mode')") == "points"


def test_a_wrong_token_says_what_to_do(open_viewer, server):
    viewer = open_viewer(f"{server}#t=not-this-token-at-all")
    viewer.excused.append("403")
    assert "no valid key" in viewer.wait("document.querySelector('.card:not([hidden])')?.textContent")
    assert viewer.get("vergence.connection.state") == "refused"


def test_the_cameras_pictures_go_up_and_come_back_in_depth(open_viewer, serve):
    url = serve()
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}&camera=1&view=mesh").wait_for_picture()
    assert viewer.get("vergence.settings.get('mode')") == "mesh"
    assert viewer.get("vergence.uploader.sent") > 0
    active = viewer.get("vergence.state.sources.find((source) => source.is_active)")
    assert active["kind"] == "camera"
    viewer.get("vergence.source.stop()")
    viewer.wait("vergence.connection.state === 'open' && !vergence.state.sources.length")


def test_the_stream_is_recorded_and_can_be_saved(open_viewer):
    viewer = open_viewer().wait_for_picture()
    viewer.page.keyboard.press("Shift+R")
    viewer.wait("document.querySelector('.status').textContent.startsWith('Recording')")
    viewer.page.keyboard.press("Shift+R")
    viewer.wait("document.querySelector('.notices a[download]')?.href.includes('/files/')")
    assert viewer.get("document.querySelector('.status').textContent").startswith("Live")


def test_what_is_live_can_be_looked_back_on(open_viewer, serve):
    url = serve("test:64x36@10")
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}").wait_for_picture()
    viewer.wait("vergence.film.past > 2")
    viewer.page.keyboard.press("Space")
    viewer.wait("document.querySelector('.status').textContent.startsWith('Paused')")
    newest = viewer.get("vergence.stream.head.time")
    viewer.page.get_by_role("slider", name="Look back").press("Home")
    viewer.wait(f"vergence.stream.head.time < {newest}")
    assert viewer.get("document.querySelector('.film output').value").endswith("ago")
    viewer.page.locator("canvas").press("Space")
    viewer.wait(f"vergence.stream.head.time > {newest}")
    assert viewer.get("document.querySelector('.film output').value") == "now"


def test_settings_of_the_stream_reach_every_viewer(open_viewer):
    first, second = open_viewer().wait_for_picture(), open_viewer().wait_for_picture()
    first.get("vergence.connection.send({t: 'set', path: 'view.depth_scale', value: 0.5})")
    second.wait("vergence.settings.get('depth_scale') === 0.5")
    first.get("vergence.connection.send({t: 'set', path: 'view.depth_scale', value: 1})")
    second.wait("vergence.settings.get('depth_scale') === 1")


def test_a_phone_has_one_sheet_and_nothing_beside_the_screen(open_viewer):
    viewer = open_viewer(
        width=390, height=780, has_touch=True, is_mobile=True, device_scale_factor=2
    ).wait_for_picture()
    assert not viewer.get("document.body.classList.contains('has-panel')")
    viewer.page.get_by_role("button", name="Settings", exact=True).click()
    viewer.wait("document.querySelector('.panel').getBoundingClientRect().bottom <= innerHeight + 1")
    assert viewer.get("document.documentElement.scrollWidth <= innerWidth")
    box = viewer.get("document.querySelector('.panel').getBoundingClientRect().toJSON()")
    assert (box["left"], box["right"]) == (0, 390)
    assert box["height"] < 0.65 * 780


def test_every_control_has_a_name_and_can_be_reached(open_viewer):
    viewer = open_viewer().wait_for_picture()
    viewer.get("document.body.classList.contains('has-panel') || document.querySelector('.panel-button').click()")
    viewer.get("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    nameless = viewer.get(
        "[...document.querySelectorAll('button, input, select')].filter((e) => !e.closest('[hidden]') &&"
        " !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim())).map((e) => e.outerHTML)"
    )
    assert nameless == []
    viewer.page.keyboard.press("Tab")
    assert viewer.get("document.activeElement !== document.body")


def test_a_headset_sees_the_stream_with_both_eyes(headset_chromium, server):
    context = headset_chromium.new_context(viewport={"width": 480, "height": 270})
    context.add_init_script("localStorage.setItem('vergence.hints', 'yes')")
    context.add_init_script(path=EMULATOR)
    context.add_init_script(
        "window.headset = new IWER.XRDevice(IWER.metaQuest3); headset.installRuntime(); headset.stereoEnabled = true"
    )
    viewer = Viewer(context.new_page(), f"{server}?panel=0&mode=mesh#t={TOKEN}").wait_for_picture()
    viewer.page.keyboard.press("v")
    viewer.wait("vergence.stage.renderer.xr.isPresenting")
    viewer.settle()
    assert viewer.get("vergence.stage.renderer.xr.getCamera().cameras.length") == 2
    seen = viewer.seen()
    assert (seen[135, 120:200] > 100).any(), "the left eye sees nothing"
    assert (seen[135, 320:420] > 100).any(), "the right eye sees nothing"
    viewer.page.keyboard.press("v")
    viewer.wait("!vergence.stage.renderer.xr.isPresenting")
    viewer.settle()
    assert viewer.complaints == []
    context.close()


def test_hints_are_shown_once(open_viewer):
    viewer = open_viewer(hints=True).wait_for_picture()
    viewer.wait("!document.querySelector('.hints').hidden")
    viewer.page.get_by_role("button", name="Got it").click()
    viewer.page.reload()
    viewer.wait_for_picture()
    assert viewer.get("document.querySelector('.hints').hidden")
