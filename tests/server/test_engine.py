import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from live_models import Audience, GaussianModel, RuleModel
from splat_payloads import unpacked_payload
from vergence.errors import MediaError, ModelError
from vergence.server import rgbd
from vergence.server.adaptation import Quality
from vergence.server.engine import THREAD_NAME, Engine
from vergence.server.protocol import DepthCodec, Flag, Rgbd, Splat16
from vergence.server.shown import Arrival, now_us
from vergence.server.slot import Slot
from vergence.types import Frame


def picture(value=100, *, width=64, height=36):
    rgb = np.full((height, width, 3), value, np.uint8)
    rgb[:, : width // 2] //= 2
    return rgb


def arrival(index=0, value=100, *, source=0, run=0, **options):
    frame = Frame(picture(value), index, Fraction(index, 30))
    return Arrival(lambda: frame, source, run, now_us(), **options)


@contextmanager
def running(model, audience, **options):
    engine = Engine(model, **options)
    engine.start(audience)
    try:
        yield engine
    finally:
        engine.stop()


def test_a_picture_becomes_a_packet_of_its_depth():
    audience = Audience(Quality(16, 90, 640))
    with running(RuleModel(), audience) as engine:
        sent = arrival(source=3, is_still=True)
        engine.inbox.put(sent)
        assert audience.wait(lambda a: a.frames)
    found = audience.packets()[0]
    e = found.extension
    assert (e.width, e.height, e.depth_codec, found.source) == (32, 18, DepthCodec.DELTA_DEFLATE16, 3)
    assert found.flags == Flag.INDEPENDENT | Flag.METRIC | Flag.STILL
    assert found.time_us == sent.time_us
    z = rgbd.z_of(rgbd.unpacked_depth(found.blocks[1], 32, 18, codec=e.depth_codec), e)
    np.testing.assert_allclose(z[:, 20], 1 + 100 / 64, rtol=1e-3)
    np.testing.assert_allclose(z[:, 5], 1 + 50 / 64, rtol=1e-3)


@pytest.mark.parametrize("kind", ["scale_invariant", "affine_inverse", "disparity"])
def test_every_kind_of_depth_can_be_shown(kind):
    audience = Audience()
    with running(RuleModel(kind=kind), audience) as engine:
        engine.inbox.put(arrival())
        assert audience.wait(lambda a: a.frames)
    found = audience.packets()[0]
    assert Flag.METRIC not in found.flags
    e = found.extension
    z = rgbd.z_of(rgbd.unpacked_depth(found.blocks[1], 32, 18, codec=e.depth_codec), e)
    is_right_nearer = z[0, 20] < z[0, 5]  # larger is nearer in relative kinds
    assert is_right_nearer == (kind != "scale_invariant")


def test_a_slow_model_is_never_behind_by_more_than_two_frames():
    audience, model = Audience(), RuleModel(seconds=0.15)
    with running(model, audience) as engine:
        until = time.monotonic() + 3
        index = 0
        while time.monotonic() < until:  # thirty pictures a second for a model that takes six
            engine.inbox.put(arrival(index))
            index += 1
            time.sleep(1 / 30)
        engine.stop()
    ages = [when - parsed.time_us / 1e6 for (when, _), parsed in zip(audience.frames, audience.packets(), strict=True)]
    assert len(model.seen) < index / 2
    early, late = ages[1 : len(ages) // 2], ages[len(ages) // 2 :]
    assert min(late) < 3 * 0.15 + min(early)  # a queue would have grown by more than two seconds
    assert engine.stats()["dropped"] > 10
    sequences = [packet.sequence for packet in audience.packets()]
    assert sequences == sorted(set(sequences))


def test_nothing_is_asked_of_the_model_while_nobody_watches():
    audience, model = Audience(), RuleModel()
    audience.qualities = frozenset()
    with running(model, audience) as engine:
        engine.inbox.put(arrival())
        time.sleep(0.3)
        assert not model.seen
        audience.qualities = frozenset({Quality(12, 80, 640)})
        assert audience.wait(lambda a: a.frames)


def test_each_quality_is_packed_once():
    audience = Audience(Quality(12, 80, 640), Quality(16, 80, 20))
    with running(RuleModel(), audience) as engine:
        engine.inbox.put(arrival())
        assert audience.wait(lambda a: a.frames)
    sizes = {(p.extension.width, p.extension.height, p.sequence) for p in audience.packets()}
    assert sizes == {(32, 18, 1), (20, 11, 1)}


def test_refreshing_sends_the_last_frame_again():
    audience, model = Audience(), RuleModel()
    with running(model, audience) as engine:
        engine.refresh()  # nothing yet
        engine.inbox.put(arrival())
        assert audience.wait(lambda a: len(a.frames) == 1)
        engine.refresh()
        assert audience.wait(lambda a: len(a.frames) == 2)
    assert len(model.seen) == 1
    first, second = audience.packets()
    assert second.sequence == first.sequence + 1
    assert second.payload == first.payload


def test_a_still_is_asked_about_again_where_the_camera_changed():
    audience, model = Audience(), RuleModel()
    with running(model, audience) as engine:
        engine.inbox.put(arrival(is_still=True))
        assert audience.wait(lambda a: len(a.frames) == 1)
        engine.settings = engine.settings.with_value("camera.fov", 90)
        engine.repeat()
        assert audience.wait(lambda a: len(a.frames) == 2)
    assert model.seen[1].intrinsics.fx == pytest.approx(32)
    assert audience.packets()[1].extension.fx == pytest.approx(16)  # of 32 samples


def test_pausing_makes_a_still_of_what_is_shown_and_of_what_was_on_its_way():
    audience, model = Audience(), RuleModel()
    with running(model, audience) as engine:
        engine.inbox.put(arrival())
        assert audience.wait(lambda a: len(a.frames) == 1)
        engine.is_paused = True
        assert audience.wait(lambda a: len(a.frames) == 2)
        engine.inbox.put(arrival(1))
        assert audience.wait(lambda a: len(a.frames) == 3)
        engine.is_paused = False
        assert audience.wait(lambda a: len(a.frames) == 4)
    assert [bool(packet.flags & 16) for packet in audience.packets()] == [False, True, True, False]
    assert len(model.seen) == 2


@pytest.mark.parametrize("error", [ModelError("no"), ValueError("a bug")])
def test_a_frame_that_fails_is_told_and_the_next_one_shown(error, caplog):
    audience = Audience()
    model = RuleModel(poison=7, error=error)
    black = Frame(np.full((8, 8, 3), 7, np.uint8), 0, Fraction(0))
    with running(model, audience) as engine:
        engine.inbox.put(Arrival(lambda: black, 0, 0, now_us()))
        assert audience.wait(lambda a: a.messages)
        assert audience.messages[0]["code"] == "model-failed"
        engine.inbox.put(arrival(1))
        assert audience.wait(lambda a: a.frames)


def test_a_picture_that_cannot_be_decoded_is_told():
    def broken():
        raise MediaError("half a JPEG")

    audience = Audience()
    with running(RuleModel(), audience) as engine:
        engine.inbox.put(Arrival(broken, 0, 0, now_us()))
        assert audience.wait(lambda a: a.messages)
    assert audience.messages[0] == {"t": "error", "code": "bad-picture", "msg": "half a JPEG", "hint": ""}


def test_a_model_that_looks_ahead_is_refused():
    model = RuleModel()
    model.lookahead = 3
    with pytest.raises(ModelError, match="ahead"):
        Engine(model)


def test_a_model_that_asks_for_more_than_it_was_given_is_told():
    class Greedy(RuleModel):
        def estimate(self, frames):
            frames = iter(frames)
            for frame in frames:
                next(frames)
                yield from super().estimate([frame])

    audience = Audience()
    with running(Greedy(), audience) as engine:
        engine.inbox.put(arrival())
        assert audience.wait(lambda a: a.messages)
    assert "lookahead" in audience.messages[0]["msg"]


def test_another_run_starts_afresh():
    audience = Audience()
    settings = Engine(RuleModel()).settings.with_value("stabilise.half_life", 5)
    with running(RuleModel(), audience, settings=settings) as engine:
        for run, value in ((0, 40), (1, 200)):
            engine.inbox.put(arrival(0, value, run=run))
            assert audience.wait(lambda a, run=run: len(a.frames) == run + 1)
    e = audience.packets()[1].extension
    z = rgbd.z_of(rgbd.unpacked_depth(audience.packets()[1].blocks[1], 32, 18, codec=e.depth_codec), e)
    assert z[0, 20] == pytest.approx(1 + 200 / 64, rel=1e-2)


def test_stopping_ends_the_threads():
    before = {thread.ident for thread in threading.enumerate()}
    with running(RuleModel(), Audience()) as engine:
        assert engine.is_busy
    assert not [t for t in threading.enumerate() if t.name == THREAD_NAME and t.ident not in before]


def test_the_rate_is_held():
    audience, model = Audience(), RuleModel()
    settings = Engine(model).settings.with_value("rate.most", 5)
    with running(model, audience, settings=settings) as engine:
        until = time.monotonic() + 1.05
        while time.monotonic() < until:
            engine.inbox.put(arrival())
            time.sleep(0.01)
    assert len(model.seen) <= 7


def test_a_patient_put_waits_for_room():
    slot = Slot()
    slot.put(1)
    assert not slot.put_patiently(2, lambda: True)
    assert slot.take(0) == 1
    assert slot.put_patiently(2, lambda: False)
    assert (slot.take(0), slot.take(0), slot.replaced) == (2, None, 0)


def test_a_frame_of_16_bits_is_shown():
    audience = Audience()
    frame = Frame((picture().astype(np.uint16) << 8), 0, Fraction(0))
    model = RuleModel()
    with running(model, audience) as engine:
        engine.inbox.put(replace(arrival(), frame=lambda: frame))
        assert audience.wait(lambda a: a.frames)


def test_gaussians_go_to_those_who_want_them_and_their_room_is_constant():
    audience = Audience(Quality(12, 80, 640), Quality(16, 0, 0, "splat16"))
    with running(RuleModel(), audience, gaussian_model=GaussianModel(3000, 100, 5000)) as engine:
        for index in range(3):
            engine.inbox.put(arrival(index))
            assert audience.wait(lambda a, index=index: len(a.frames) == index + 1)
    splats = [p.extension for p in audience.packets() if isinstance(p.extension, Splat16)]
    assert [(e.count, e.capacity) for e in splats] == [(3000, 4096), (100, 4096), (4096, 4096)]
    assert sum(isinstance(p.extension, Rgbd) for p in audience.packets()) == 3
    assert all(p.flags & Flag.METRIC for p in audience.packets())


def test_the_faintest_gaussians_go_first_where_there_is_no_room():
    audience = Audience(Quality(12, 0, 0, "splat16"))
    with running(RuleModel(), audience, gaussian_model=GaussianModel(2000, 4000)) as engine:
        for index in range(2):
            engine.inbox.put(arrival(index))
            assert audience.wait(lambda a, index=index: len(a.frames) == index + 1)
    found = audience.packets()[1]
    splats = unpacked_payload(found.payload, found.extension)
    assert splats.shape == (2048, 16)
    assert splats[:, 3].min() >= 120  # of an even spread from 0 to 255


def test_nobody_is_sent_gaussians_that_nobody_makes():
    audience = Audience(Quality(16, 0, 0, "splat16"))
    with running(RuleModel(), audience) as engine:
        assert not engine.makes_gaussians
        engine.inbox.put(arrival())
        time.sleep(0.3)
    assert not audience.frames
