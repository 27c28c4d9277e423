from io import BytesIO
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from vergence.server.invite import COMMAND, ROLES, Door, invitation
from vergence.server.security import Access

TOKEN = "a-token-of-the-tests"
DOOR = Door(("https://192.0.2.7:8123/",), "AB:CD")


def invited(page=None, *, door=DOOR, role="both", names=()):
    return invitation(door, Access(TOKEN, names), role=role, page=page)


@pytest.mark.parametrize(("role", "camera"), [("viewer", None), ("both", ["1"]), ("camera", ["only"])])
def test_the_address_says_what_the_other_device_is_to_be(role, camera):
    said = parse_qs(urlsplit(invited(role=role)["url"]).fragment)
    assert said["t"] == [TOKEN]
    assert said.get("camera") == camera
    assert role in ROLES


def test_the_code_is_a_picture_the_page_may_show():
    answer = invited()
    assert answer["code"].startswith("data:image/svg+xml")
    assert "<svg" in unquote(answer["code"])
    assert answer["is_secure"]
    assert answer["fingerprint"] == "AB:CD"


def test_the_code_holds_the_address():
    cv2 = pytest.importorskip("cv2")
    import numpy as np
    import segno

    made = BytesIO()
    segno.make(invited()["url"], error="m", micro=False).save(made, kind="png", scale=4, border=3)
    picture = cv2.imdecode(np.frombuffer(made.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == invited()["url"]


def test_a_server_of_this_machine_only_says_how_to_open_it():
    answer = invited(door=Door())
    assert (answer["url"], answer["code"], answer["command"]) == (None, None, COMMAND)


@pytest.mark.parametrize("page", ["http://localhost:8123/", "http://127.0.0.1:8123/", "http://[::1]:8123/", "nonsense"])
def test_where_only_this_machine_finds_it_another_address_is_given(page):
    assert invited(page)["url"].startswith(DOOR.pages[0])


def test_a_page_behind_a_proxy_is_given_as_it_was_opened():
    answer = invited("https://depth.example/room/?panel=0#x", names=("depth.example",))
    assert answer["url"].startswith("https://depth.example/room/#t=")


@pytest.mark.parametrize(
    "page", ["https://elsewhere.example/", "ftp://192.0.2.9/", "https://[", "https://a" + "a" * 600]
)
def test_the_key_is_never_put_into_an_address_of_others(page):
    assert invited(page)["url"].startswith(DOOR.pages[0])
