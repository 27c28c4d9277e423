"""Room for one thing between two threads: what is newest."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

IDLE = 0.1  # s between looks at whether anybody still waits


class Slot(Generic[T]):
    """Room for one thing. Putting replaces it; `put_patiently` waits for it to be taken."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self.replaced = 0

    def put(self, item: T) -> None:
        with self._changed:
            self.replaced += self._item is not None
            self._item = item
            self._changed.notify_all()

    def put_patiently(self, item: T, is_over: Callable[[], bool]) -> bool:
        """Put once there is room; False, without it, where `is_over` says so first."""
        with self._changed:
            while self._item is not None:
                if is_over():
                    return False
                self._changed.wait(IDLE)
            self._item = item
            self._changed.notify_all()
            return True

    def take(self, seconds: float) -> T | None:
        """Take what lies there, None where nothing comes for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None, seconds)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def clear(self) -> None:
        with self._changed:
            self._item = None
            self._changed.notify_all()
