"""Stages side by side: every thread of a job starts here, and ends here.

A stage is a function from an iterable to an iterator. `overlapped` runs a source and any number of stages each in
a thread of its own, joined by small queues, so decoding, the network and the warp overlap while memory stays bounded.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Stage = Callable[[Iterable[Any]], Iterable[Any]]

THREAD_NAME = "vergence-stage"
JOIN_SECONDS = 1.0  # a thread deep in one item of work is left to finish it alone; it holds no file


class _Cancelled(BaseException):
    """The consumer has gone; unwinds a stage's thread."""


class _Queue:
    """A bounded queue that ends by `finish`, by an error, or by everyone leaving (`cancelled`)."""

    def __init__(self, size: int, cancelled: threading.Event, condition: threading.Condition) -> None:
        self._items: deque[Any] = deque()
        self._size = size
        self._cancelled = cancelled
        self._changed = condition
        self._is_finished = False
        self._error: BaseException | None = None

    def put(self, item: Any) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._size or self._cancelled.is_set())
            if self._cancelled.is_set():
                raise _Cancelled
            self._items.append(item)
            self._changed.notify_all()

    def finish(self, error: BaseException | None = None) -> None:
        with self._changed:
            self._is_finished, self._error = True, error
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Any]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._is_finished or self._cancelled.is_set())
                if self._cancelled.is_set():
                    raise _Cancelled
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
            del item  # else this frame would hold the picture until the next one arrives


def _run(items: Iterable[Any], stage: Stage | None, out: _Queue) -> None:
    try:
        for item in items if stage is None else stage(items):
            out.put(item)
            del item
    except _Cancelled:
        out.finish()
    except BaseException as error:
        out.finish(error)
    else:
        out.finish()


@contextmanager
def overlapped(items: Iterable[Any], *stages: Stage, size: int = 2) -> Iterator[Iterator[Any]]:
    """Run `items` and each of `stages` in a thread of its own; the last one's results are the context's value.

    At most `size` finished items wait between two neighbours. An error in any thread is raised to the
    consumer in place of the next item. Leaving the context, for whatever reason, stops the threads within a second
    plus one item's work.
    """
    if size < 1:
        raise ValueError(f"a queue holds at least 1 item, not {size}")
    cancelled, changed = threading.Event(), threading.Condition()
    threads: list[threading.Thread] = []
    upstream: Iterable[Any] = items
    for stage in (None, *stages):
        queue = _Queue(size, cancelled, changed)
        threads.append(threading.Thread(target=_run, args=(upstream, stage, queue), name=THREAD_NAME, daemon=True))
        upstream = queue
    for thread in threads:
        thread.start()
    try:
        yield iter(upstream)
    finally:
        with changed:
            cancelled.set()
            changed.notify_all()
        for thread in threads:
            thread.join(JOIN_SECONDS)
