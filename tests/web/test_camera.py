"""A camera in the browser, to the server, through the model and back into the page: in order, and never late."""

import os
from itertools import pairwise

import numpy as np
import pytest

from bar_codes import MIDDLES, ROW, number_in, steps
from live_models import RuleModel
from vergence.server.settings import LiveSettings
from viewers import SIZE, TOKEN

pytestmark = pytest.mark.slow

FAR = 3.0  # m: white bars lie behind it, black ones before it (see `RuleModel`)
RAW = LiveSettings().with_value("stabilise.method", "none")
SECONDS = float(os.environ.get("VERGENCE_TEST_SECONDS", "16"))  # how long a slow model is watched
# Notes of every frame that is drawn when it was taken, how old it is, and which number its depth shows.
WATCH = """({middles, row, far}) => {
  const {stream, statistics} = vergence;
  const draw = statistics.frame.bind(statistics);
  window.drawn = [];
  statistics.frame = (frame) => {
    const {width, height, offset, step} = stream.shape;
    const start = Math.floor(row * height) * width;
    const number = middles.reduce((sum, at, bit) => {
      const q = stream.depth[start + Math.floor(at * width)];
      return sum + (1 / (offset + step * (q - 1)) > far ? 1 << bit : 0);
    }, 0);
    window.drawn.push({time: stream.head.time, age: frame.age, number});
    draw(frame);
  };
}"""


def watch(viewer):
    viewer.page.evaluate(WATCH, {"middles": MIDDLES.tolist(), "row": ROW, "far": FAR})


def test_frames_of_a_camera_arrive_in_order_and_as_they_were_filmed(open_viewer, serve):
    model = RuleModel(size=SIZE)
    url = serve(model=model, settings=RAW)
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}&camera=1&view=depth").wait_for_picture()
    watch(viewer)
    viewer.wait("drawn.length >= 40 && vergence.connection.clock.isKnown")
    drawn = viewer.get("drawn")
    assert viewer.get("vergence.uploader.answered") > 40
    taken = {round(frame.time * 1_000_000): number_in(frame.rgb8) for frame in model.seen}
    assert (steps(list(taken.values())) > 0).all(), "the server saw frames out of order, or twice"
    assert [each["number"] for each in drawn] == [taken[each["time"]] for each in drawn]
    assert all(a["time"] < b["time"] for a, b in pairwise(drawn))
    ages = np.array([each["age"] for each in drawn if each["age"] is not None])
    assert ages.size > 20
    assert (ages > 0).all()
    print(f"camera to screen: {np.median(ages):.0f} ms, 95 % {np.quantile(ages, 0.95):.0f} ms")


def test_latency_does_not_grow_where_the_model_is_slower_than_the_camera(open_viewer, serve):
    url = serve(model=RuleModel(size=SIZE, seconds=0.2), settings=RAW)
    viewer = open_viewer(f"{url}?panel=0#t={TOKEN}&camera=1&view=depth").wait_for_picture()
    viewer.wait("vergence.connection.clock.isKnown")
    watch(viewer)
    begun = viewer.get("performance.now()")
    viewer.wait(f"performance.now() - {begun} > {1000 * SECONDS} && drawn.length >= 20", seconds=SECONDS + 120)
    ages = np.array(viewer.get("drawn.map((each) => each.age)"), float)
    unanswered = viewer.get("vergence.uploader.sent - vergence.uploader.answered")
    early, late = np.median(ages[: len(ages) // 3]), np.median(ages[-len(ages) // 3 :])
    print(f"camera to screen: {early:.0f} ms in the first third, {late:.0f} ms in the last")
    # The camera gives some thirty pictures a second and the model takes five: a queue would grow by seconds.
    assert late < early + 1000 * SECONDS / 8
    assert unanswered <= 2
