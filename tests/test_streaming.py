import threading
import time
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.streaming import THREAD_NAME, overlapped


def running():
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


def doubled(items):
    for item in items:
        yield item * 2


@given(items=st.lists(st.integers()), stages=st.integers(0, 3), size=st.integers(1, 4))
def test_every_item_comes_through_every_stage_in_order(items, stages, size):
    with overlapped(items, *[doubled] * stages, size=size) as out:
        assert list(out) == [item * 2**stages for item in items]


def test_a_stage_may_make_more_or_fewer_items_than_it_takes():
    def thrice(items):
        for item in items:
            yield from [item] * 3

    def even(items):
        return (item for item in items if item % 2 == 0)

    with overlapped(range(5), even, thrice) as out:
        assert list(out) == [0, 0, 0, 2, 2, 2, 4, 4, 4]


def test_leaving_early_stops_every_thread():
    with overlapped(count(), doubled, doubled) as out:
        assert [next(out), next(out)] == [0, 4]
    assert not running()


@pytest.mark.parametrize("where", [0, 1, 2])
def test_an_error_anywhere_reaches_the_consumer_after_what_came_before(where):
    def failing(items):
        for item in items:
            if item >= 3:
                raise ValueError("three")
            yield item

    def passing(items):
        yield from items

    stages = [failing if place == where else passing for place in range(3)]
    seen = []
    with pytest.raises(ValueError, match="three"), overlapped(range(9), *stages) as out:
        seen.extend(out)
    assert seen == [0, 1, 2]
    assert not running()


def test_an_error_of_the_consumer_stops_every_thread():
    def stopped():
        with overlapped(count(), doubled) as out:
            next(out)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert not running()


def test_a_slow_consumer_holds_the_source_back():
    taken = []

    def source():
        for i in range(100):
            taken.append(i)
            yield i

    with overlapped(source(), doubled, size=2) as out:
        next(out)
        time.sleep(0.2)
        assert len(taken) <= 1 + 2 + 1 + 2 + 1  # shown, waiting, in the stage, waiting, in the source


def test_a_stage_that_never_yields_can_be_left():
    def swallowing(items):
        for _ in items:
            pass
        yield 0

    began = time.monotonic()
    with overlapped(count(), swallowing):
        pass
    assert time.monotonic() - began < 2
    assert not running()


def test_stages_run_at_the_same_time():
    meeting = threading.Barrier(2, timeout=10)

    def meet_at(number):
        def stage(items):
            for item in items:
                if item == number:
                    meeting.wait()
                yield item

        return stage

    with overlapped(range(3), meet_at(1), meet_at(0)) as out:
        assert list(out) == [0, 1, 2]
