import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import SettingsError
from vergence.server.security import Access, new_token

ACCESS = Access("abcdefghijklmnop", ("proxy.example", "other.example:8443"))


def test_tokens_are_made_anew_and_are_long():
    assert new_token() != new_token()
    assert len(new_token()) >= 22


@pytest.mark.parametrize("token", ["", "short", "with spaces in the middle", "ümläuteümläuteü"])
def test_weak_tokens_are_refused(token):
    with pytest.raises(SettingsError, match="token"):
        Access(token)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8000", "localhost", "localhost:1", "[::1]:80", "192.168.1.7:8000", "proxy.example", "Proxy.Example:9"],
)
def test_it_answers_to_addresses_and_to_its_own_names(host):
    assert ACCESS.answers_to(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "",
        None,
        "a@127.0.0.1",
        "[::1",
        "other.example",
        "local host",
    ],
)
def test_it_does_not_answer_to_other_names(host):
    assert not ACCESS.answers_to(host)


def test_a_listed_port_counts():
    assert ACCESS.answers_to("other.example:8443")
    assert not ACCESS.answers_to("other.example:1")


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("https://proxy.example", "127.0.0.1:8000", True),
        ("http://127.0.0.1:8001", "127.0.0.1:8000", False),
        ("http://evil.test", "127.0.0.1:8000", False),
        ("http://evil.test", "evil.test", True),  # which `answers_to` has refused before
        ("null", "127.0.0.1:8000", False),
        ("file://", "127.0.0.1:8000", False),
        ("chrome-extension://127.0.0.1:8000", "127.0.0.1:8000", False),
        ("", "127.0.0.1:8000", False),
        ("http://[", "127.0.0.1:8000", False),
    ],
)
def test_pages_are_our_own_where_their_host_is(origin, host, is_own):
    assert ACCESS.is_own_page(origin, host) == is_own


def test_the_token_lets_in_programs_and_pages():
    assert ACCESS.lets_in(origin=None, cookies={}, protocols=["vergence.v1", "token.abcdefghijklmnop"])
    assert ACCESS.lets_in(origin="http://x", cookies={}, protocols=["token.abcdefghijklmnop"])
    assert not ACCESS.lets_in(origin=None, cookies={}, protocols=["vergence.v1", "token.abcdefghijklmnoq", "token."])


def test_the_cookie_lets_in_pages_only():
    cookies = {ACCESS.cookie_name: ACCESS.cookie_value}
    assert ACCESS.lets_in(origin="http://127.0.0.1", cookies=cookies, protocols=[])
    assert not ACCESS.lets_in(origin=None, cookies=cookies, protocols=[])


def test_the_cookie_is_not_the_token():
    assert ACCESS.token not in ACCESS.cookie_value
    assert Access("ponmlkjihgfedcba").cookie_name != ACCESS.cookie_name


@given(host=st.text(max_size=40), origin=st.text(max_size=40))
def test_no_header_breaks_the_checks(host, origin):
    assert ACCESS.answers_to(host) in (True, False)
    assert ACCESS.is_own_page(origin, host) in (True, False)
