"""Picture and depth as film: in both codecs, from the middle, after the end of a server, and where it cannot be had."""

from pathlib import Path

import numpy as np
import pytest

from live_models import RuleModel
from live_processes import TOKEN as LAUNCHED
from live_processes import command, port_of
from vergence.server.settings import LiveSettings
from vergence.server.video import can_film, depth_codec_for
from viewers import FAR, NEAR, TOKEN

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not can_film(), reason="FFmpeg has no encoder for film here")]

FILM = Path(__file__).parents[1] / "fixtures" / "edge" / "photo_pan_4px.mp4"
SIZE = (192, 108)
VIDEO = LiveSettings().with_value("stream.tier", "video")
IS_FILM = "vergence.stream.head?.extension.isLossy === true"
IS_EXACT = "vergence.stream.head && !vergence.stream.head.extension.isLossy"
# Browsers as they are elsewhere.
SAVING = "Object.defineProperty(navigator, 'connection', {value: {saveData: true}});"
WITHOUT_HIGH_10 = """
  const ask = VideoDecoder.isConfigSupported.bind(VideoDecoder);
  const isHigh10 = ({codec}) => codec.startsWith('avc1.6E');
  VideoDecoder.isConfigSupported = async (config) => isHigh10(config) ? {supported: false} : ask(config);
"""
WITHOUT_DECODERS = "delete window.VideoDecoder;"
INSECURE = WITHOUT_DECODERS + "Object.defineProperty(window, 'isSecureContext', {value: false});"
DEPTH = """() => {
  const {shape, depth} = vergence.stream;
  return {width: shape.width, height: shape.height, time: vergence.stream.head.time,
    z: Array.from(depth, (q) => q === 0 ? -1 : 1 / (shape.offset + shape.step * (q - 1)))};
}"""


def depth_of(viewer):
    found = viewer.page.evaluate(DEPTH)
    return found["time"], np.reshape(found["z"], (found["height"], found["width"]))


def halves(viewer):
    """Depth in the middle of both halves of the picture."""
    _, z = depth_of(viewer)
    height, width = z.shape
    return [
        float(np.median(z[height // 4 : -height // 4, int(at * width) - 8 : int(at * width) + 8]))
        for at in (0.25, 0.75)
    ]


def notices(viewer):
    return viewer.get("document.querySelector('.notices')?.textContent ?? ''")


@pytest.mark.parametrize(("script", "codec"), [("", "h264-10"), (WITHOUT_HIGH_10, "av1-10")])
def test_film_shows_the_depth_that_exact_packets_show(open_viewer, serve, script, codec):
    if depth_codec_for(["h264", codec]) is None:
        pytest.skip(f"FFmpeg has no encoder for {codec} here")
    url = serve(str(FILM), model=RuleModel(size=SIZE), settings=VIDEO)
    film = open_viewer(f"{url}?panel=0#t={TOKEN}&view=depth", script=script).wait_for_picture()
    exact = open_viewer(f"{url}?panel=0#t={TOKEN}&view=depth", script=WITHOUT_DECODERS).wait_for_picture()
    film.wait("vergence.statistics.data.perSecond > 1")
    film.page.keyboard.press("Space")
    for viewer, kind in ((film, IS_FILM), (exact, IS_EXACT)):
        viewer.wait("vergence.state.isPaused && vergence.stream.head.flags.still")
        viewer.get("vergence.connection.send({t: 'key_frame'})")
        viewer.wait(kind)
    film.wait(f"vergence.stream.head.time === {exact.get('vergence.stream.head.time')}")
    (one, found), (other, wanted) = map(depth_of, (film, exact))
    assert one == other, "they show different frames"
    assert found.shape == wanted.shape == (SIZE[1], SIZE[0])
    assert (found > 0).all()
    relative = np.abs(found / wanted - 1)
    print(f"{codec}: relative error {100 * np.median(relative):.2f} %, 95 % {100 * np.quantile(relative, 0.95):.2f} %")
    assert np.median(relative) < 0.01
    assert np.quantile(relative, 0.95) < 0.06
    seen, drawn = (viewer.seen(is_bare=True) for viewer in (film, exact))
    assert np.abs(seen - drawn).mean() < 8


def test_one_who_comes_late_sees_the_same(open_viewer, picture, serve):
    url = serve(str(picture), settings=VIDEO)
    for _ in range(2):
        viewer = open_viewer(f"{url}?panel=0#t={TOKEN}").wait_for_picture()
        assert viewer.get(IS_FILM)
        assert halves(viewer) == pytest.approx([NEAR, FAR], rel=0.01)
    assert notices(viewer) == ""


def test_a_server_that_is_killed_is_found_again_by_one_who_watches_film(open_viewer, picture, tmp_path):
    with command(str(picture), home=tmp_path) as (process, url):
        viewer = open_viewer(f"{url.partition('#')[0]}?panel=0#t={LAUNCHED}", script=SAVING).wait_for_picture()
        viewer.wait(IS_FILM)
        viewer.excused += ["WebSocket", "Failed to load resource"]  # the browser says so itself
        session = viewer.get("vergence.state.hello.session")
        process.kill()
        viewer.wait("vergence.connection.state === 'waiting'")
    with command(str(picture), home=tmp_path, port=port_of(url)):
        viewer.get("window.before = vergence.stream.head")
        viewer.wait(f"vergence.connection.state === 'open' && vergence.state.hello.session !== '{session}'")
        viewer.wait("vergence.stream.head !== window.before")
        assert viewer.get(IS_FILM)
        viewer.get("window.before = vergence.stream.head, vergence.connection.send({t: 'key_frame'})")
        viewer.wait("vergence.stream.head !== window.before")


@pytest.mark.parametrize(("script", "words"), [(WITHOUT_DECODERS, "cannot show film"), (INSECURE, "needs https")])
def test_a_browser_without_decoders_says_so_only_where_film_is_asked_for(open_viewer, picture, serve, script, words):
    url = serve(str(picture))
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}", script=SAVING + script).wait_for_picture()
    assert viewer.get(IS_EXACT)
    assert notices(viewer) == ""
    viewer.get("vergence.connection.send({t: 'set', path: 'stream.tier', value: 'video'})")
    viewer.wait(f"(document.querySelector('.notices')?.textContent ?? '').includes({words!r})")
    assert viewer.get(IS_EXACT)


def test_frames_that_cannot_be_decoded_end_film_with_one_notice(open_viewer, picture, serve):
    viewer = open_viewer(f"{serve(str(picture))}?panel=0#t={TOKEN}").wait_for_picture()
    viewer.get("""(() => {
      const push = vergence.video.push.bind(vergence.video);
      vergence.video.push = (buffer) => {
        new Uint8Array(buffer, new DataView(buffer).getUint16(10, true) * 16 + 32).fill(0x5a);
        push(buffer);
      };
      window.before = vergence.stream.head;
      vergence.connection.send({t: 'set', path: 'stream.tier', value: 'video'});
    })()""")
    viewer.wait("(document.querySelector('.notices')?.textContent ?? '').includes('cannot show film')")
    viewer.wait("vergence.stream.head !== window.before")
    assert viewer.get(IS_EXACT)
    assert halves(viewer) == pytest.approx([NEAR, FAR], rel=0.002)
    assert notices(viewer).count("cannot show film") == 1
