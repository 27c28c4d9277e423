"""Another device is let in by the page, and films."""

import pytest

from viewers import TOKEN

pytestmark = pytest.mark.slow

CODE = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"
DIALOG = "document.querySelector('.invite')"


def test_the_page_shows_a_code_for_a_phone(open_viewer, server):
    viewer = open_viewer(f"{server}#t={TOKEN}", width=1000, height=700).wait_for_picture()
    viewer.page.get_by_role("button", name="Add a phone").click()
    viewer.wait(f"{DIALOG}.textContent.includes('--host 0.0.0.0 --tls')")  # only this machine gets in
    answer = {"url": "https://192.0.2.7/#t=x", "code": CODE, "is_secure": True, "fingerprint": None}
    viewer.page.route("**/invite?*", lambda route: route.fulfill(json=answer))
    viewer.page.get_by_text("View", exact=True).click()
    viewer.wait(f"{DIALOG}.querySelector('img.code') && {DIALOG}.querySelector('a').href === 'https://192.0.2.7/#t=x'")
    viewer.page.keyboard.press("Escape")
    assert not viewer.get(f"{DIALOG}.open")


def test_a_camera_films_and_is_sent_nothing(open_viewer, serve):
    url = serve()
    camera = open_viewer(f"{url}?panel=0#t={TOKEN}&camera=only")
    camera.wait("document.querySelector('.card:not([hidden])')?.textContent.includes('is a camera')")
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}").wait_for_picture()
    assert viewer.get("vergence.state.sources.find((source) => source.is_active).kind") == "camera"
    camera.wait("vergence.uploader.answered > 3")
    assert not camera.get("vergence.state.hasPicture")
    camera.page.get_by_role("button", name="Watch here too").click()
    camera.wait_for_picture()
