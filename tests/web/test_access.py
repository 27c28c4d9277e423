"""The page for everybody: by the keyboard alone, with names for all of it, and at rest for those who want that."""

from itertools import pairwise
from pathlib import Path

import pytest

from viewers import Viewer

pytestmark = pytest.mark.slow

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
FAULTS = """async () => (await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})).violations
  .map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html.slice(0, 120)).join(" ")}`)"""
FOCUS = """() => {
  const at = document.activeElement;
  const {outlineStyle, outlineWidth} = getComputedStyle(at);
  const {width, height, left, top} = at.getBoundingClientRect();
  const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent.trim();
  return {
    tag: at.tagName, name, isRinged: outlineStyle !== "none" && parseFloat(outlineWidth) > 0,
    isSeen: width > 0 && height > 0 && left + width > 0 && top < innerHeight,
    id: [...document.querySelectorAll("*")].indexOf(at),
  };
}"""


@pytest.fixture
def viewer(open_viewer) -> Viewer:
    return open_viewer().wait_for_picture()


def focused(viewer):
    return viewer.get(FOCUS)


def reach(viewer, name, *, most=60):
    """Press Tab until the control of this name has the focus."""
    for _ in range(most):
        viewer.page.keyboard.press("Tab")
        if focused(viewer)["name"] == name:
            return
    raise AssertionError(f"Tab never comes to {name!r}")


def test_everything_is_reached_by_the_keyboard_and_shows_where_it_is(viewer):
    stops = []
    while len(stops) < 60:
        viewer.page.keyboard.press("Tab")
        stop = focused(viewer)
        if stop["tag"] == "BODY" or (stops and stop["id"] == stops[0]["id"]):
            break
        stops.append(stop)
    assert {"Live view in three dimensions", "Help", "Settings", "Points", "Pause", "Full screen"} <= {
        stop["name"] for stop in stops
    }
    assert [stop for stop in stops if not (stop["name"] and stop["isRinged"] and stop["isSeen"])] == []
    assert len({stop["id"] for stop in stops}) == len(stops), "the focus is caught"
    assert all(a["id"] < b["id"] for a, b in pairwise(stops)), "the order is not that of the page"


def test_a_view_is_chosen_changed_and_left_without_a_mouse(viewer):
    press = viewer.page.keyboard.press
    reach(viewer, "Points")
    press("ArrowRight")
    viewer.wait("vergence.settings.get('mode') === 'mesh'")
    assert focused(viewer)["name"] == "Mesh"
    press("ArrowLeft")
    viewer.wait("vergence.settings.get('mode') === 'points'")
    viewer.page.locator("canvas.view").focus()
    reach(viewer, "Settings")
    press("Enter")
    viewer.wait("document.body.classList.contains('has-panel')")
    reach(viewer, "Relief")
    press("ArrowLeft")
    viewer.wait("vergence.settings.get('depth_scale') < 1")
    viewer.get("document.querySelector('.panel-button').click()")
    assert focused(viewer)["name"] == "Settings"  # not lost with what had it
    assert viewer.get("document.querySelector('.panel').inert")
    press("?")
    viewer.wait("document.querySelector('.help').open")
    assert viewer.get("document.querySelector('.help').contains(document.activeElement)")
    press("Escape")
    viewer.wait("!document.querySelector('.help').open")
    assert focused(viewer)["name"] == "Settings"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_known_barrier_is_found(viewer, scheme):
    if not AXE.is_file():
        pytest.skip("axe-core is not here: run `npm ci` in web/")
    viewer.page.emulate_media(color_scheme=scheme)
    viewer.page.evaluate(AXE.read_text("utf-8"))
    viewer.page.get_by_role("button", name="Settings", exact=True).press("Enter")
    viewer.wait("document.body.classList.contains('has-panel')")
    viewer.get("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert viewer.page.evaluate(FAULTS) == []
    viewer.page.keyboard.press("?")
    viewer.wait("document.querySelector('.help').open")
    assert viewer.page.evaluate(FAULTS) == []


def test_what_happens_is_said_and_not_only_shown(viewer):
    assert viewer.get("document.querySelector('.status').getAttribute('role')") == "status"
    viewer.page.keyboard.press("m")
    viewer.wait("document.querySelector('.notices[aria-live]').textContent.includes('Click two points')")
    viewer.page.keyboard.press("Escape")
    viewer.page.keyboard.press("5")
    viewer.wait("document.querySelector('.modes [aria-checked=true]').textContent.includes('Depth')")
    viewer.page.keyboard.press("Space")
    viewer.wait("document.querySelector('.status').textContent.startsWith('Paused')")
    assert viewer.page.get_by_role("button", name="Pause").get_attribute("aria-pressed") == "true"


def test_whoever_wants_less_motion_gets_none(open_viewer):
    viewer = open_viewer(reduced_motion="reduce").wait_for_picture()
    place = "vergence.stage.camera.position.toArray().join()"
    viewer.settle()
    before = viewer.get(place)
    viewer.page.mouse.move(30, 30)  # else the view follows it
    viewer.settle()
    assert viewer.get(place) == before
    assert viewer.get("document.getAnimations().filter(({playState}) => playState === 'running').length") == 0
    parts = "[...document.querySelectorAll('*')].map((each) => parseFloat(getComputedStyle(each).transitionDuration))"
    assert viewer.get(f"Math.max(...{parts})") <= 0.001  # s
