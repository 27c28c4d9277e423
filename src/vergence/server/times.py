"""What the engine did of late, for those who watch it."""

import threading
import time
from collections import deque
from dataclasses import dataclass, field

MEMORY = 2.0  # s of the past that statistics are about


@dataclass
class Times:
    """What happened of late: (when, value) by name."""

    past: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **values: float) -> None:
        now = time.monotonic()
        with self.lock:
            for name, value in values.items():
                self.past.setdefault(name, deque(maxlen=600)).append((now, value))

    def recent(self, name: str) -> list[float]:
        since = time.monotonic() - MEMORY
        with self.lock:
            return [value for when, value in self.past.get(name, ()) if when >= since]

    def mean_ms(self, name: str) -> float | None:
        values = self.recent(name)
        return round(1e3 * sum(values) / len(values), 2) if values else None
