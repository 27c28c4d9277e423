"""Streams, from a server in the test: played in time, opened again when they break off, and led nowhere else."""

import http.server
import io
import threading
import time
from fractions import Fraction

import av
import pytest
from PIL import Image

from clips import drawing, write_clip
from rtsp_server import rtsp_camera
from vergence.errors import MediaError
from vergence.media.live import network, open_live
from vergence.media.live.network import ReconnectingGrabber, open_network, shown
from vergence.media.live.source import LiveSource


class Camera(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, and MJPEG of so many pictures: /mjpeg/12."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if not self.path.startswith("/mjpeg/"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for index in range(int(self.path.rpartition("/")[2])):
            encoded = io.BytesIO()
            Image.fromarray(drawing(index)).save(encoded, "JPEG")
            data = encoded.getvalue()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + data + b"\r\n")
            except OSError:  # the viewer has gone
                return None
            time.sleep(0.01)
        return None


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    write_clip(folder / "clip.mp4", frames=12)
    write_clip(folder / "clip.ts", frames=12)
    with av.open(
        str(folder / "clip.m3u8"), "w", format="hls", options={"hls_time": "0.5", "hls_list_size": "0"}
    ) as out:
        video = out.add_stream("libx264", rate=24, options={"g": "12"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for index in range(24):
            out.mux(video.encode(av.VideoFrame.from_ndarray(drawing(index), format="rgb24")))
        out.mux(video.encode())
    handler = type(
        "Handler", (Camera,), {"__init__": lambda self, *a: Camera.__init__(self, *a, directory=str(folder))}
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        running.folder, running.url = folder, f"http://127.0.0.1:{running.server_port}"
        yield running
        running.shutdown()


@pytest.mark.parametrize(("name", "frames"), [("clip.mp4", 12), ("clip.ts", 12), ("clip.m3u8", 24)])
def test_films_over_http_are_played_in_time_and_end(server, name, frames):
    began = time.monotonic()
    with open_live(f"{server.url}/{name}") as source:
        found = list(source)
    assert len(found) + source.missed == frames
    assert time.monotonic() - began > (frames - 2) / 24
    assert source.info.rate == 24
    assert source.info.path is None


def test_mjpeg_comes_as_it_is_sent(server):
    with open_live(f"{server.url}/mjpeg/500", max_frames=10) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(10))
    assert frames[0].rgb.shape == (48, 64, 3)


def test_a_stream_that_breaks_off_is_opened_again(server, caplog):
    with open_live(f"{server.url}/mjpeg/8", end=Fraction(10), max_frames=14) as source:
        frames = list(source)
    assert len(frames) == 14
    assert "broke off" in caplog.text
    assert "is back after" in caplog.text


def test_a_camera_of_the_network_is_shown_as_it_comes():
    with rtsp_camera() as uri, open_live(uri, max_frames=8) as source:
        frames = list(source)
    assert frames[0].rgb.shape == (48, 64, 3)
    assert len(frames) == 8
    assert abs(frames[-1].rgb.astype(int) - frames[0].rgb).max() > 50  # its bar moves


def test_a_camera_of_the_network_that_restarts_is_shown_again(caplog):
    with rtsp_camera(pictures=30) as uri, open_live(uri, end=Fraction(20), max_frames=40) as source:
        assert len(list(source)) == 40
    assert "is back after" in caplog.text


class Stream:
    """A stream that gives one picture of some width and breaks off."""

    height, rate, is_endless = 48, None, True

    def __init__(self, width=64):
        self.width, self._has_given = width, False

    def read(self):
        from vergence.media.live.source import Taken

        if self._has_given:
            raise MediaError("gone")
        self._has_given = True
        rgb = drawing(0, width=self.width, height=self.height)
        return Taken(rgb, time.monotonic())

    def close(self):
        pass


def test_one_that_does_not_come_back_is_given_up(caplog):
    answers = iter([Stream()])

    def build():
        try:
            return next(answers)
        except StopIteration:
            raise MediaError("Connection refused") from None

    now = iter(range(0, 1000, 40))
    grabber = ReconnectingGrabber("rtsp://camera", build, patience=60, clock=lambda: next(now))
    assert grabber.read() is not None
    with pytest.raises(MediaError, match="rtsp://camera broke off and did not come back: Connection refused"):
        grabber.read()


def test_pictures_keep_their_size_when_it_comes_back_with_another():
    answers = iter([Stream(64), Stream(128)])
    grabber = ReconnectingGrabber("camera", lambda: next(answers))
    assert [grabber.read().rgb.shape for _ in range(2)] == [(48, 64, 3)] * 2


def test_leaving_does_not_wait_for_a_stream_that_is_away():
    answers = iter([Stream()])

    def build():
        for answer in answers:
            return answer
        raise MediaError("Connection refused")

    with LiveSource("camera", ReconnectingGrabber("camera", build)) as source:
        assert source.latest() is not None
        time.sleep(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("path", ["nothing.mp4", "clip.txt"])
def test_what_is_not_there_is_one_line(server, path):
    with pytest.raises(MediaError, match=r"cannot open http://127.0.0.1"):
        open_live(f"{server.url}/{path}")


@pytest.mark.parametrize("uri", ["rtsp://127.0.0.1:9/stream", "http://127.0.0.1:9/a.mp4"])
def test_a_server_that_does_not_answer_is_one_line(uri):
    with pytest.raises(MediaError, match=f"cannot open {uri}: Connection refused"):
        open_live(uri)


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    import socket

    monkeypatch.setattr(network, "ANSWER", 0.3)
    monkeypatch.setattr(network, "OPENING", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(MediaError, match=r"cannot open|does not answer"):
            open_network(f"http://127.0.0.1:{silent.getsockname()[1]}/a.mp4")
    assert time.monotonic() - began < 5


def test_a_playlist_cannot_name_files_of_this_machine(server):
    secret = server.folder / "clip.ts"
    (server.folder / "evil.m3u8").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(MediaError, match="cannot open"):
        open_live(f"{server.url}/evil.m3u8")


def test_an_address_without_a_server_is_refused():
    with pytest.raises(MediaError, match="names no server"):
        open_live("rtsp:///stream")


def test_passwords_are_never_shown():
    assert shown("rtsp://me:secret@cam.local:554/live?key=1") == "rtsp://cam.local:554/live?..."
    with pytest.raises(MediaError) as raised:
        open_live("rtsp://me:secret@127.0.0.1:9/x?key=hidden")
    assert "secret" not in str(raised.value)
    assert "hidden" not in str(raised.value)
