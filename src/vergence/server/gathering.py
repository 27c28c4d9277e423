"""Pictures of several cameras that were taken at about the same time: of each the newest, and never a queue."""

from collections.abc import Collection
from dataclasses import replace

from vergence.server.shown import Arrival

WINDOW = 500_000  # µs that a camera's picture may be older than the newest of all
LEAST, MOST = 2, 8  # cameras of a set


class Gathering:
    """Gathers sets of pictures.

    Args:
        source: the number that sets have as their source.
    """

    def __init__(self, source: int) -> None:
        self._source = source
        self._newest: dict[int, Arrival] = {}

    def put(self, arrival: Arrival) -> Arrival | None:
        """Take a picture; returns the set there is now, its cameras in the order of their numbers, the lowest first.

        Cameras whose picture is too old are late: the set goes without them. None where fewer than two are in time.
        """
        self._newest[arrival.source] = arrival
        now = max(each.time_us for each in self._newest.values())
        in_time = [each for _, each in sorted(self._newest.items()) if now - each.time_us <= WINDOW][:MOST]
        if len(in_time) < LEAST:
            return None
        return replace(arrival, frame=in_time[0].frame, source=self._source, time_us=now, together=tuple(in_time))

    def keep(self, cameras: Collection[int]) -> None:
        """Forget the pictures of all other cameras."""
        self._newest = {number: each for number, each in self._newest.items() if number in cameras}
