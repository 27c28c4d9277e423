import os
import threading
from fractions import Fraction

import av
import pytest

from vergence.media.priority import usual_priority

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="priorities of threads are Linux's")


def others():
    """Scheduling of all threads of this process."""
    found = {int(name) for name in os.listdir("/proc/self/task")}
    return {os.sched_getscheduler(thread) for thread in found}


def test_an_encoder_leaves_this_thread_and_its_own_among_the_others():
    before = others()
    context = av.CodecContext.create("libsvtav1", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 64, "yuv420p", Fraction(1, 24)
    with usual_priority():
        context.open()
    assert others() == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may take the machine")
def test_what_was_taken_is_given_back_also_where_the_work_fails():
    before, done = os.sched_getscheduler(0), threading.Event()
    worker = threading.Thread(target=done.wait, daemon=True)

    def take_the_machine_and_fail():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        worker.start()
        assert os.sched_getscheduler(worker.native_id) == os.SCHED_FIFO
        raise RuntimeError

    with pytest.raises(RuntimeError), usual_priority():
        take_the_machine_and_fail()
    assert os.sched_getscheduler(0) == before
    assert os.sched_getscheduler(worker.native_id) == before
    done.set()
