import itertools

from vergence.server.adaptation import FIRST, LADDER, Pace, adapted, quality_of
from vergence.server.settings import LiveSettings


def after(pace, *, seconds, took, since=0.0, period=1 / 30):
    now = since
    while now < since + seconds:
        now += period
        pace = adapted(pace, now=now, took=took, period=period)
    return pace


def test_every_step_asks_for_less_than_the_one_before():
    def cost(level):
        q = level.quality
        return (-q.bits, -q.jpeg, -q.side, level.interval)

    assert all(
        all(b >= a for a, b in zip(cost(one), cost(two), strict=True)) and cost(one) != cost(two)
        for one, two in itertools.pairwise(LADDER)
    )


def test_answers_that_take_long_for_a_second_lower_it_one_step():
    assert after(Pace(), seconds=0.5, took=0.3).step == FIRST
    assert after(Pace(), seconds=1.2, took=0.3).step == FIRST + 1


def test_it_stops_at_the_last_step():
    assert after(Pace(), seconds=60, took=5.0).step == len(LADDER) - 1


def test_one_slow_answer_changes_nothing():
    pace = adapted(Pace(), now=1.0, took=0.4, period=1 / 30)
    assert after(pace, seconds=3, took=0.02, since=1.0).step == FIRST


def test_quick_answers_raise_it_slowly():
    assert after(Pace(), seconds=5, took=0.01).step == FIRST
    assert after(Pace(), seconds=7, took=0.01).step == FIRST - 1


def test_it_grows_shy_of_what_went_wrong():
    pace, now, raised = Pace(step=2), 0.0, []
    for _ in range(3):
        since = now
        while pace.step == 2:
            now += 0.03
            pace = adapted(pace, now=now, took=0.01, period=0.03)
        raised.append(now - since)
        while pace.step == 1:
            now += 0.03
            pace = adapted(pace, now=now, took=0.9, period=0.03)
    assert raised[1] > 1.8 * raised[0]
    assert raised[2] > 1.8 * raised[1]


def test_a_distant_viewer_is_not_a_slow_one():
    assert after(Pace(), seconds=5, took=0.09, period=1 / 60).step <= FIRST


def test_settings_override_the_ladder():
    settings = LiveSettings(depth_bits=16, colour_quality=90, picture_side=320)
    assert quality_of(Pace(step=4), settings).bits == 16
    assert quality_of(Pace(step=4), settings).jpeg == 90
    assert quality_of(Pace(step=0), settings).side == 320
    assert quality_of(Pace(step=4), LiveSettings()).side == LADDER[4].quality.side
