"""Encoders that take the machine for themselves are put back among everybody else's threads.

SVT-AV1, where root runs it as in most containers, gives the calling thread and all of its own the highest real-time
priority there is. Nothing else is computed meanwhile, and every process started afterwards inherits it.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def usual_priority() -> Iterator[None]:
    """Leave this thread's scheduling as it was, and give it to threads begun meanwhile; does nothing but on Linux."""
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    before = _threads()
    try:
        yield
    finally:
        for thread in {threading.get_native_id()} | (_threads() - before):
            with suppress(ProcessLookupError):  # it has ended
                os.sched_setscheduler(thread, policy, parameters)


def _threads() -> set[int]:
    return {int(name) for name in os.listdir("/proc/self/task")}
