import hashlib
import http.server
import json
import multiprocessing
import socket
import threading
import time
from dataclasses import dataclass, field, replace

import pytest
from typer.testing import CliRunner

from vergence.cli import models
from vergence.depth import download, weights
from vergence.depth.cards import CARDS, HubFile
from vergence.errors import LicenceError, WeightsError

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Request:
    path: str
    range: str | None
    if_range: str | None
    authorization: str | None


@dataclass
class Server:
    """What the server under test does; tests change it as they go."""

    content: bytes = field(default=CONTENT, repr=False)
    etag: str | None = '"v1"'
    knows_ranges: bool = True
    breaks_after: list[int] = field(default_factory=list)  # bytes of the body, one entry per answer
    errors: list[int] = field(default_factory=list)  # statuses, one entry per answer
    redirect: str | None = None
    linked: dict[str, str] = field(default_factory=dict)  # headers of the redirect
    says_length: bool = True
    requests: list[Request] = field(default_factory=list)
    url: str = ""


def start_server():
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *args):
            pass

        def do_GET(self):
            headers = self.headers
            state.requests.append(Request(self.path, headers["Range"], headers["If-Range"], headers["Authorization"]))
            if state.errors:
                self.send_response(state.errors.pop(0))
                self.end_headers()
                return
            if state.redirect:
                self.send_response(302)
                self.send_header("Location", state.redirect)
                for name, value in state.linked.items():
                    self.send_header(name, value)
                self.end_headers()
                return
            start = self.start()
            if start > len(state.content) or (start and start == len(state.content)):
                self.send_response(416)
                self.end_headers()
                return
            body = state.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
            if state.says_length:
                self.send_header("Content-Length", str(len(body)))
            if state.etag:
                self.send_header("ETag", state.etag)
            self.end_headers()
            if state.breaks_after:
                body = body[: state.breaks_after.pop(0)]
            self.wfile.write(body)

        def start(self):
            is_current = self.headers["If-Range"] in (None, state.etag)
            if not (state.knows_ranges and is_current and self.headers["Range"]):
                return 0
            return int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))

    class Quiet(http.server.ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """A client that hung up is part of the tests."""

    http_server = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{http_server.server_port}"
    return state, http_server


@pytest.fixture
def make_server():
    started = []

    def make():
        state, http_server = start_server()
        started.append(http_server)
        return state

    yield make
    for http_server in started:
        http_server.shutdown()
        http_server.server_close()


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    monkeypatch.setattr(download, "BACKOFF_SECONDS", 0.001)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "models" / "net.onnx"


def left_behind(target):
    return sorted(path.name for path in target.parent.iterdir() if not path.name.endswith(".lock"))


def test_a_whole_file_arrives_with_a_record_of_what_it_is(server, target):
    seen = []
    download.download(f"{server.url}/net.onnx", target, progress=lambda *both: seen.append(both))
    assert target.read_bytes() == CONTENT
    assert download.read_record(target) == download.Record(f"{server.url}/net.onnx", len(CONTENT), SHA256, '"v1"')
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)
    assert left_behind(target) == ["net.onnx", "net.onnx.json"]


def test_a_file_that_is_there_is_not_fetched_again(server, target):
    target.parent.mkdir()
    target.write_bytes(b"mine")
    download.download(f"{server.url}/net.onnx", target)
    assert target.read_bytes() == b"mine"
    assert server.requests == []


def test_a_dropped_connection_is_resumed_where_it_broke(server, target):
    server.breaks_after = [300_000, 200_000]
    download.download(f"{server.url}/net.onnx", target)
    assert target.read_bytes() == CONTENT
    assert [request.range for request in server.requests] == [None, "bytes=300000-", "bytes=500000-"]
    assert [request.if_range for request in server.requests] == [None, '"v1"', '"v1"']


def test_a_later_run_resumes_what_an_earlier_one_left(server, target, monkeypatch):
    monkeypatch.setattr(download, "TRIES", 1)
    server.breaks_after = [300_000]
    with pytest.raises(WeightsError, match="broke off after 300000 of 1048576 bytes"):
        download.download(f"{server.url}/net.onnx", target)
    assert left_behind(target) == ["net.onnx.part", "net.onnx.part.json"]
    download.download(f"{server.url}/net.onnx", target)
    assert target.read_bytes() == CONTENT
    assert server.requests[-1].range == "bytes=300000-"
    assert left_behind(target) == ["net.onnx", "net.onnx.json"]


def test_a_server_without_ranges_is_asked_for_everything_again(server, target):
    server.knows_ranges = False
    server.breaks_after = [300_000]
    download.download(f"{server.url}/net.onnx", target)
    assert target.read_bytes() == CONTENT


def test_bytes_no_one_vouches_for_are_not_resumed(server, target):
    server.etag = None
    server.breaks_after = [300_000]
    download.download(f"{server.url}/net.onnx", target)
    assert target.read_bytes() == CONTENT
    assert [request.range for request in server.requests] == [None, None]


def test_a_known_checksum_vouches_for_them(server, target):
    server.etag = None
    server.breaks_after = [300_000]
    download.download(f"{server.url}/net.onnx", target, sha256=SHA256)
    assert [request.range for request in server.requests] == [None, "bytes=300000-"]


def test_a_version_that_changed_between_two_parts_is_fetched_anew(server, target, monkeypatch):
    monkeypatch.setattr(download, "TRIES", 1)
    server.breaks_after = [300_000]
    with pytest.raises(WeightsError):
        download.download(f"{server.url}/net.onnx", target)
    server.content, server.etag = CONTENT[::-1], '"v2"'
    download.download(f"{server.url}/net.onnx", target)
    assert target.read_bytes() == CONTENT[::-1]


def test_a_changed_version_is_noticed_behind_a_weak_tag_too(server, target):
    server.etag = 'W/"v1"'
    server.breaks_after = [300_000]

    def change(received, size):
        server.content, server.etag = CONTENT[::-1], 'W/"v2"'

    download.download(f"{server.url}/net.onnx", target, progress=change)
    assert target.read_bytes() == CONTENT[::-1]
    assert [request.range for request in server.requests] == [None, "bytes=300000-", None]


def test_a_part_from_a_server_that_mixes_versions_is_fetched_anew(server, target, monkeypatch):
    monkeypatch.setattr(download, "TRIES", 1)
    server.breaks_after = [300_000]
    with pytest.raises(WeightsError):
        download.download(f"{server.url}/net.onnx", target, sha256=SHA256)
    part, _ = download.parts(target)
    part.write_bytes(b"x" * 300_000)
    monkeypatch.setattr(download, "TRIES", 2)
    download.download(f"{server.url}/net.onnx", target, sha256=SHA256)
    assert target.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(server, target):
    target.parent.mkdir()
    part, part_record = download.parts(target)
    part.write_bytes(CONTENT + b"more")
    part_record.write_text(json.dumps({"etag": '"v1"'}))
    download.download(f"{server.url}/net.onnx", target)
    assert target.read_bytes() == CONTENT


def test_a_finished_part_only_wants_its_name(server, target):
    target.parent.mkdir()
    part, part_record = download.parts(target)
    part.write_bytes(CONTENT)
    part_record.write_text(json.dumps({"size": len(CONTENT), "sha256": SHA256}))
    download.download(f"{server.url}/net.onnx", target)
    assert target.read_bytes() == CONTENT
    assert server.requests == []


def test_a_wrong_checksum_leaves_nothing_behind(server, target):
    with pytest.raises(WeightsError, match=f"damaged: 1048576 bytes, sha256 {SHA256[:12]}….*expected.*{'0' * 12}…"):
        download.download(f"{server.url}/net.onnx", target, sha256="0" * 64)
    assert left_behind(target) == []


def test_a_wrong_size_leaves_nothing_behind(server, target):
    with pytest.raises(WeightsError, match="expected 1000 bytes"):
        download.download(f"{server.url}/net.onnx", target, size=1000)
    assert left_behind(target) == []


def test_a_file_that_never_arrives_whole_is_given_up_and_never_named(server, target):
    server.knows_ranges = False
    server.breaks_after = [1000] * 50
    with pytest.raises(WeightsError, match="broke off after 1000 of 1048576 bytes, 5 times in a row"):
        download.download(f"{server.url}/net.onnx", target)
    assert not target.exists()


def test_many_short_pieces_are_progress(server, target):
    server.content = CONTENT[:100_000]
    server.breaks_after = [9_000] * 20
    download.download(f"{server.url}/net.onnx", target)
    assert target.read_bytes() == CONTENT[:100_000]


def test_a_length_the_server_does_not_say_is_no_fault(server, target):
    server.says_length = False
    seen = []
    download.download(f"{server.url}/net.onnx", target, progress=lambda *both: seen.append(both))
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), None)


def test_a_missing_file_is_named_at_once(server, target):
    server.errors = [404]
    with pytest.raises(WeightsError, match=r"answers 404 Not Found for http://127.*/net\.onnx"):
        download.download(f"{server.url}/net.onnx", target)
    assert len(server.requests) == 1


def test_a_file_behind_a_login_asks_for_a_token(server, target):
    server.errors = [401]
    with pytest.raises(WeightsError, match="set HF_TOKEN"):
        download.download(f"{server.url}/net.onnx", target)


def test_a_server_that_fails_once_is_asked_again(server, target):
    server.errors = [500, 503]
    download.download(f"{server.url}/net.onnx", target)
    assert target.read_bytes() == CONTENT


def test_a_server_that_fails_for_ever_is_given_up(server, target):
    server.errors = [500] * 50
    with pytest.raises(WeightsError, match="answers 500 Internal Server Error, 5 times in a row"):
        download.download(f"{server.url}/net.onnx", target)
    assert len(server.requests) == 5


def test_a_server_that_is_not_there_is_named(target):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(WeightsError, match=f"connection to 127.0.0.1:{port} broke.*5 times"):
        download.download(f"http://127.0.0.1:{port}/net.onnx", target)


def test_a_server_that_says_nothing_is_named(target, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(download, "TRIES", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/net.onnx"
        with pytest.raises(WeightsError, match="sent nothing for"):
            download.download(url, target)


def test_a_name_that_cannot_be_looked_up_is_no_reason_to_wait(target, monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(WeightsError, match=r"the name weights\.example cannot be looked up"):
        download.download("https://weights.example/net.onnx", target)


def test_plain_http_is_refused(target):
    with pytest.raises(WeightsError, match="over https alone"):
        download.download("http://weights.example/net.onnx", target)


def test_a_redirect_to_plain_http_is_refused(server, target):
    server.redirect = "http://weights.example/net.onnx"
    with pytest.raises(WeightsError, match=r"over https alone, not from http://weights\.example"):
        download.download(f"{server.url}/net.onnx", target)


def test_a_full_disk_is_noticed_before_the_first_byte(server, target, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(WeightsError, match=r"0 MB free, and 1 MB are needed.*VERGENCE_HOME"):
        download.download(f"{server.url}/net.onnx", target)


def test_a_place_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "models").write_text("a file, not a folder")
    with pytest.raises(WeightsError, match=r"cannot write .*net\.onnx"):
        download.download(f"{server.url}/net.onnx", tmp_path / "models" / "net.onnx")


def test_files_of_the_hub_come_from_the_mirror_asked_for(server, target, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url + "/")
    download.download(HubFile("org/name", "onnx/model.onnx"), target)
    assert server.requests[0].path == "/org/name/resolve/main/onnx/model.onnx"


def test_without_a_mirror_they_come_from_the_hub():
    source = HubFile("org/name", "onnx/model.onnx", "v1")
    assert download.address(source) == "https://huggingface.co/org/name/resolve/v1/onnx/model.onnx"


def test_the_token_goes_to_the_hub_and_is_not_passed_on(make_server, target, monkeypatch):
    hub, storage = make_server(), make_server()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", "secret")
    hub.redirect = f"{storage.url}/blob"
    hub.linked = {"X-Linked-Etag": f'"{SHA256}"', "X-Linked-Size": str(len(CONTENT))}
    download.download(HubFile("org/name", "net.onnx"), target)
    assert target.read_bytes() == CONTENT
    assert [request.authorization for request in hub.requests] == ["Bearer secret"]
    assert [request.authorization for request in storage.requests] == [None]


def test_the_token_stays_on_a_redirect_within_the_hub(server, target, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", "secret")
    server.redirect = f"{server.url}/renamed"
    with pytest.raises(WeightsError):  # for ever round and round
        download.download(HubFile("org/name", "net.onnx"), target)
    assert {request.authorization for request in server.requests} == {"Bearer secret"}


def test_the_token_is_not_sent_to_another_host(make_server, target, monkeypatch):
    hub, other = make_server(), make_server()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", "secret")
    download.download(f"{other.url}/net.onnx", target)
    assert other.requests[0].authorization is None


def test_the_checksum_the_hub_knows_is_checked(make_server, target, monkeypatch):
    hub, storage = make_server(), make_server()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.redirect = f"{storage.url}/blob"
    hub.linked = {"X-Linked-Etag": '"' + "0" * 64 + '"', "X-Linked-Size": str(len(CONTENT))}
    with pytest.raises(WeightsError, match="damaged"):
        download.download(HubFile("org/name", "net.onnx"), target)
    assert left_behind(target) == []


def test_what_the_hub_said_is_recorded_beside_what_was_computed(make_server, target, monkeypatch):
    hub, storage = make_server(), make_server()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.redirect = f"{storage.url}/blob"
    hub.linked = {"X-Linked-Etag": f'"{SHA256}"', "X-Linked-Size": str(len(CONTENT))}
    download.download(HubFile("org/name", "net.pth"), target)
    expected = download.Record(f"{hub.url}/org/name/resolve/main/net.pth", len(CONTENT), SHA256, '"v1"', SHA256)
    assert download.read_record(target) == expected


def test_a_renamed_repository_is_followed_to_what_the_hub_says(make_server, target, monkeypatch):
    hub, renamed, storage = make_server(), make_server(), make_server()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.redirect = f"{renamed.url}/org/new/resolve/main/net.pth"
    renamed.redirect = f"{storage.url}/blob"
    renamed.linked = {"X-Linked-Etag": '"' + "0" * 64 + '"'}
    with pytest.raises(WeightsError, match=f"damaged: .*sha256 {SHA256[:12]}….*expected.*{'0' * 12}…"):
        download.download(HubFile("org/old", "net.pth"), target)
    assert left_behind(target) == []


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"'])
def test_a_tag_of_the_hub_that_is_a_checksum_is_checked_without_a_redirect_too(server, target, monkeypatch, form):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    server.etag = form.format("0" * 64)
    with pytest.raises(WeightsError, match="damaged"):
        download.download(HubFile("org/name", "net.pth"), target)
    assert left_behind(target) == []
    server.etag = form.format(SHA256.upper())
    download.download(HubFile("org/name", "net.pth"), target)
    assert download.read_record(target).hub_etag == SHA256.upper()


@pytest.mark.parametrize("tag", ["a" * 40, "g" * 64, "0x8DC" + "0" * 11])
def test_a_tag_of_the_hub_that_is_no_checksum_is_only_recorded(server, target, monkeypatch, tag):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    server.etag = f'"{tag}"'
    download.download(HubFile("org/name", "net.pth"), target)
    record = download.read_record(target)
    assert (record.sha256, record.hub_etag) == (SHA256, tag)


def test_what_another_server_calls_a_version_is_no_checksum(server, target):
    server.etag = f'"{"0" * 64}"'
    download.download(f"{server.url}/net.onnx", target)
    record = download.read_record(target)
    assert (record.sha256, record.hub_etag) == (SHA256, None)


def test_a_resumed_file_is_checked_against_the_hubs_word_as_a_whole(make_server, target, monkeypatch):
    hub, storage = make_server(), make_server()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.redirect = f"{storage.url}/blob"
    hub.linked = {"X-Linked-Etag": f'"{SHA256}"', "X-Linked-Size": str(len(CONTENT))}
    storage.breaks_after = [300_000]
    download.download(HubFile("org/name", "net.pth"), target)
    assert [request.range for request in storage.requests] == [None, "bytes=300000-"]
    assert download.read_record(target).sha256 == SHA256


@pytest.fixture
def small(server, online, monkeypatch):
    """The card of a small model whose two forms come from the server under test."""
    card = replace(
        CARDS["depth-anything-v2-small"],
        onnx=f"{server.url}/model.onnx",
        checkpoint=HubFile("org/name", "depth_anything_v2_vits.pth"),
    )
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    server.etag = f'"{SHA256}"'
    return card


def test_a_checkpoint_arrives_in_the_store_and_is_held_to_its_record(server, small):
    path = weights.fetch(small, form="checkpoint")
    assert path == weights.store() / "depth_anything_v2_vits.pth"
    assert path.read_bytes() == CONTENT
    assert [request.path for request in server.requests] == ["/org/name/resolve/main/depth_anything_v2_vits.pth"]
    assert weights.check(small, path)
    assert weights.fetch(small) == path
    assert len(server.requests) == 1
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(WeightsError, match=f"expected {SHA256[:12]}…"):
        weights.fetch(small)


def test_a_checkpoint_the_hub_tags_otherwise_does_not_arrive(server, small):
    server.etag = '"' + "0" * 64 + '"'
    with pytest.raises(
        WeightsError, match=r"cannot fetch 'depth-anything-v2-small': .*damaged.*and save it as .*\.pth"
    ):
        weights.fetch(small, form="checkpoint")
    assert weights.find(small) is None


def test_a_checkpoint_without_a_name_of_its_own_gets_its_models(server, small):
    card = CARDS["depth-anything-3-small"]
    path = weights.fetch(card)
    assert path == weights.store() / "depth-anything-3-small.safetensors"
    assert [request.path for request in server.requests] == ["/depth-anything/DA3-SMALL/resolve/main/model.safetensors"]
    assert weights.check(card, path)
    assert weights.fetch(CARDS["depth-anything-3-base"]) != path
    weights.remove(card)
    assert weights.find(card) is None


def test_a_checkpoint_that_may_not_be_sold_is_pulled_once_its_licence_is_accepted(server, small):
    name = "depth-anything-3-large"
    with pytest.raises(LicenceError, match="may not be used commercially"):
        CliRunner().invoke(models.app, ["pull", name], catch_exceptions=False)
    assert server.requests == []
    result = CliRunner().invoke(models.app, ["pull", name, "--accept-licence"], catch_exceptions=False)
    assert result.stdout.splitlines() == [str(weights.store() / "depth-anything-3-large.safetensors")]
    listed = CliRunner(env={"COLUMNS": "400"}).invoke(models.app, ["list"], catch_exceptions=False).stdout
    assert "depth-anything-3-large.safetensors" in listed


def test_any_form_is_onnx_where_it_is_published(server, small):
    assert weights.fetch(small).name == "depth-anything-v2-small.onnx"
    assert weights.fetch(replace(small, name="other", onnx=None, also_called=())).suffix == ".pth"
    assert [request.path.rpartition("/")[2] for request in server.requests] == [
        "model.onnx",
        "depth_anything_v2_vits.pth",
    ]


def test_all_that_is_apache_is_pulled_and_nothing_else(server, small, monkeypatch):
    paid = replace(small, name="paid", licence="CC-BY-NC-4.0", is_commercial=False)
    video = replace(CARDS["video-depth-anything-small"], checkpoint=HubFile("org/video", "video.pth"))
    table = {card.name: card for card in (CARDS["preview"], small, paid, video)}
    monkeypatch.setattr("vergence.depth.cards.CARDS", table)
    result = CliRunner().invoke(models.app, ["pull", "--all-apache"], catch_exceptions=False)
    assert result.stdout.splitlines() == [
        str(weights.store() / "depth-anything-v2-small.onnx"),
        str(weights.store() / "video.pth"),
    ]
    assert [request.path for request in server.requests] == ["/model.onnx", "/org/video/resolve/main/video.pth"]
    assert (weights.store() / "video.pth").read_bytes() == CONTENT


@pytest.mark.slow
def test_two_processes_at_once_fetch_once(server, target):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=download.download, args=(f"{server.url}/net.onnx", target)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_two_threads_at_once_fetch_once(server, target):
    threads = [threading.Thread(target=download.download, args=(f"{server.url}/net.onnx", target)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_server_that_answers_can_be_reached(server):
    port = int(server.url.rpartition(":")[2])
    assert download.can_reach("127.0.0.1", port=port)
    assert download.is_reachable(f"{server.url}/net.onnx")


def test_a_server_that_is_not_there_cannot_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert not download.can_reach("127.0.0.1", port=port)


def test_a_look_up_that_hangs_is_not_waited_for(monkeypatch):
    released = threading.Event()

    def hang(*args, **kwargs):
        released.wait(30)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begin = time.monotonic()
    assert not download.can_reach("huggingface.co", timeout=0.05)
    assert time.monotonic() - begin < 20
    released.set()


def test_behind_a_proxy_it_is_the_proxy_that_must_answer(monkeypatch):
    asked = []
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setattr(download, "can_reach", lambda host, *, port: asked.append((host, port)) or True)
    assert download.is_reachable(HubFile("org/name", "net.onnx"))
    assert asked == [("proxy.example", 3128)]
