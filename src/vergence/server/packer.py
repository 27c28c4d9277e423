"""Packs what is shown in every quality that somebody wants; runs in the thread that packs."""

from collections.abc import Callable, Collection
from dataclasses import replace

from vergence.errors import MediaError
from vergence.server.adaptation import Quality
from vergence.server.hub import FilmFrame
from vergence.server.pack import Header, points_packet, rgbd_packet, splat_packet
from vergence.server.restamp import restamped
from vergence.server.shown import Answer, Recorded
from vergence.server.splat16 import capacity_for
from vergence.server.video import Film, can_film
from vergence.types import Intrinsics


class Packer:
    """Packets of what is shown.

    Args:
        tell: called with what went wrong; packets of other kinds go on.

    Attributes:
        makes_film: whether there is a tier of low bandwidth.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.makes_film = can_film()
        self._films: dict[Quality, Film] = {}
        self._capacity: tuple[tuple[int, int], int] | None = None

    def packets(
        self, shown: Answer | Recorded, wanted: Collection[Quality], header: Header, camera: Intrinsics | None
    ) -> dict[Quality, bytes]:
        """A frame's packet in every quality that is wanted and can be had, but film.

        Args:
            camera: of its picture, where one was given.
        """
        if isinstance(shown, Recorded):
            return _sent_again(shown, wanted, header)
        packets, is_metric = dict[Quality, bytes](), shown.item.depth.kind == "metric"
        for quality in wanted:
            if quality.payload == "rgbd":
                own = None if shown.views else camera  # worlds have their own
                packets[quality] = rgbd_packet(shown.item, shown.span, quality, header, camera=own)
            elif quality.payload == "points16":
                if shown.cloud is not None:
                    packets[quality] = points_packet(shown.cloud, quality, header, is_metric=is_metric)
            elif shown.gaussians is not None:
                room = self._room(shown)
                packets[quality] = splat_packet(shown.gaussians, room, quality, header, is_metric=is_metric)
        return packets

    def films(
        self, shown: Answer | Recorded, wanted: Collection[Quality], header: Header, camera: Intrinsics | None
    ) -> dict[Quality, FilmFrame]:
        """A frame of every film that is wanted; what was recorded is sent as it was."""
        if not self.makes_film or isinstance(shown, Recorded):
            self.close()
            return {}
        self._keep_films({quality for quality in wanted if quality.payload == "video"})
        made = {}
        for quality, film in self._films.items():
            try:
                made[quality] = film.frame(shown.item, shown.span, header, run=shown.arrival.run, camera=camera)
            except MediaError as error:
                self.makes_film = False
                self._tell(str(error))
        return made

    def ask_key(self) -> None:
        """Make the next frames of film need none before them; by any thread."""
        for film in list(self._films.values()):
            film.ask_key()

    def close(self) -> None:
        """Nobody wants film: give the encoders back."""
        self._keep_films(set())

    def _keep_films(self, wanted: set[Quality]) -> None:
        for quality in self._films.keys() - wanted:
            self._films.pop(quality).close()
        for quality in wanted - self._films.keys():
            self._films[quality] = Film(quality.film, side=quality.side)

    def _room(self, shown: Answer) -> int:
        """For how many splats a stream has room: those of its first frame."""
        key = (shown.arrival.source, shown.arrival.run)
        if self._capacity is None or self._capacity[0] != key:
            self._capacity = (key, capacity_for(len(shown.gaussians) if shown.gaussians else 0))
        return self._capacity[1]


def _sent_again(shown: Recorded, wanted: Collection[Quality], header: Header) -> dict[Quality, bytes]:
    made = {
        payload: restamped(
            data, sequence=header.sequence, source=header.source, time_us=header.time_us, is_still=header.is_still
        )
        for payload, data in shown.moment.packets.items()
    }
    packets = {quality: made[quality.payload] for quality in wanted if quality.payload in made}
    if not packets and "rgbd" in made:  # those who want points get the picture of a frame that has none
        packets = {replace(quality, payload="rgbd"): made["rgbd"] for quality in wanted}
    return packets
