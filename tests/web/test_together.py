"""Two pages film, a third shows what both see in one cloud."""

import re
import time

import pytest

from live_models import RuleModel, RuleWorld
from viewers import PATIENCE, SIZE, TOKEN

pytestmark = pytest.mark.slow

ALL = "All cameras"
ACTIVE = "vergence.state.active?.kind === 'together'"
SHOWN = "vergence.views.cloud.object.visible"


@pytest.fixture
def films(open_viewer, serve):
    """Begin a server to which two cameras film: a page that watches, and what lets one more camera film."""

    def begin(model, **options):
        url = serve(model=model, **options)

        def film():
            camera = open_viewer(f"{url}?panel=0#t={TOKEN}&camera=only", width=320, height=200)
            camera.wait("vergence.uploader.answered > 2")

        for _ in range(2):
            film()
        return open_viewer(f"{url}#t={TOKEN}", width=1000, height=700).wait_for_picture(), film

    return begin


def entry(viewer):
    return viewer.page.get_by_role("radio", name=ALL)


def test_two_cameras_are_shown_in_one_cloud(films):
    model = RuleWorld(size=SIZE)
    viewer, film = films(model, world_model=model)
    viewer.get("vergence.settings.set('background', 'black')")
    entry(viewer).click()
    viewer.wait(f"{ACTIVE} && {SHOWN}")
    assert set(model.sizes) == {2}
    points = viewer.get("vergence.views.cloud.count")
    assert points > 0.3 * 2 * SIZE[0] * SIZE[1]
    assert re.search(r"points$", viewer.get("vergence.views.count"))
    for mode in ("mesh", "surfels", "points"):  # one cloud in all of them
        viewer.show(mode)
        assert viewer.get(f"{SHOWN} && !vergence.views.mesh.object.visible && !vergence.views.points.object.visible")
    viewer.get("vergence.settings.set('point_size', 4)")
    viewer.settle()
    assert (viewer.seen(is_bare=True)[200:500, 200:800].max(axis=-1) > 40).mean() > 0.25
    viewer.get("vergence.settings.set('subsample', 4)")
    viewer.settle()
    assert viewer.get("vergence.views.cloud.count") == pytest.approx(points / 16, rel=0.2)
    viewer.page.keyboard.press("m")
    viewer.page.mouse.click(400, 350)
    viewer.wait("document.querySelector('.notices').textContent.includes('of a single camera')")
    viewer.page.keyboard.press("m")
    viewer.show("depth")  # of the first camera
    viewer.wait(f"!{SHOWN} && vergence.stream.head.source === 999")
    viewer.show("points")
    viewer.wait(SHOWN)
    film()  # one more joins, and takes nobody's view away
    viewer.wait(f"{ACTIVE} && vergence.state.sources.length === 4")
    end = time.monotonic() + PATIENCE
    while 3 not in model.sizes:
        assert time.monotonic() < end
        time.sleep(0.1)
    viewer.page.locator(".source-row").first.click()
    viewer.wait(f"!{SHOWN} && vergence.stream.head.source === vergence.state.active.id && !({ACTIVE})")
    assert viewer.get("vergence.views.points.object.visible")


def test_a_model_of_single_pictures_says_why_it_cannot(films):
    viewer, _ = films(RuleModel(size=SIZE))
    row = entry(viewer)
    assert row.is_disabled()
    assert "one picture at a time" in row.inner_text()
