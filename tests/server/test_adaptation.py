import itertools

from vergence.server.adaptation import AFTER_VIDEO, COURAGE, FIRST, LADDER, VIDEO_COURAGE, Pace, adapted, quality_of
from vergence.server.settings import LiveSettings


def after(pace, *, seconds, took, since=0.0, period=1 / 30, has_video=False, unpacking=0.0):
    now = since
    while now < since + seconds:
        now += period
        pace = adapted(pace, now=now, took=took, period=period, has_video=has_video, unpacking=unpacking)
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


LAST = len(LADDER) - 1


def test_film_comes_after_the_last_step_for_those_who_can_show_it():
    pace = after(Pace(step=LAST), seconds=5, took=1.0, has_video=True)
    assert pace.is_video
    assert pace.interval == 0
    assert not after(Pace(step=LAST), seconds=5, took=1.0).is_video
    assert not after(Pace(step=LAST - 1), seconds=1.0, took=0.4, has_video=True).is_video


def test_film_stays_where_even_that_is_slow():
    pace = Pace(step=LAST, is_video=True)
    assert after(pace, seconds=30, took=1.0, has_video=True).is_video


def test_exact_packets_come_back_slowly_at_the_size_of_the_film():
    pace = Pace(step=LAST, is_video=True)
    assert after(pace, seconds=VIDEO_COURAGE * COURAGE - 1, took=0.01, has_video=True).is_video
    pace = after(pace, seconds=VIDEO_COURAGE * COURAGE + 0.5, took=0.01, has_video=True)
    assert (pace.is_video, pace.step) == (False, AFTER_VIDEO)


def test_film_returns_at_once_where_exact_packets_were_too_much_and_stays_longer():
    pace, now = Pace(step=LAST, is_video=True), 0.0
    waits = []
    for _ in range(2):
        since = now
        while pace.is_video:
            now += 0.03
            pace = adapted(pace, now=now, took=0.01, period=0.03, has_video=True)
        waits.append(now - since)
        since = now
        while not pace.is_video:
            now += 0.03
            pace = adapted(pace, now=now, took=0.9, period=0.03, has_video=True)
        assert now - since < 2
    assert waits[1] > 1.8 * waits[0]


def test_who_can_no_longer_show_film_begins_at_the_last_step():
    pace = adapted(Pace(step=LAST, is_video=True), now=1.0, took=0.01, period=0.03)
    assert (pace.is_video, pace.step) == (False, LAST)


def test_film_has_a_size_of_its_own():
    found = quality_of(Pace(), LiveSettings(picture_side=320), "video", film="av1-10")
    assert (found.side, found.film) == (320, "av1-10")
    assert quality_of(Pace(), LiveSettings(picture_side=1920), "video").side == 504


def test_a_slow_device_on_a_quick_line_gets_no_film():
    assert not after(Pace(step=LAST), seconds=20, took=1.0, has_video=True, unpacking=0.9).is_video
    pace = after(Pace(step=LAST, is_video=True), seconds=2, took=1.0, has_video=True, unpacking=0.9)
    assert (pace.is_video, pace.step) == (False, LAST)
