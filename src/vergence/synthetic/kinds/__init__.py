"""The kinds of places. Each builds itself and says where a photographer would stand: see `KINDS`."""

from collections.abc import Callable
from dataclasses import dataclass

from vergence.synthetic.builder import Builder
from vergence.synthetic.kinds.crowded import crowded
from vergence.synthetic.kinds.outside import nature, street
from vergence.synthetic.kinds.rooms import corridor, mirrors, posters, room, staircase, table_top
from vergence.synthetic.kinds.sight import Sights
from vergence.synthetic.kinds.subjects import chaos, portrait, studio, thin_structures
from vergence.synthetic.kinds.tilted import downward, skyward


@dataclass(frozen=True)
class Kind:
    """A kind of place.

    Attributes:
        build: builds it.
        share: how often it comes up, beside the shares of the others.
        is_shown: whether pictures on walls show it. Another kind of picture would change the walls of every place, and
            with them what has been measured on held-out ones.
    """

    build: Callable[[Builder], Sights]
    share: float
    is_shown: bool = True


KINDS: dict[str, Kind] = {
    "room": Kind(room, 0.22),
    "table": Kind(table_top, 0.13),
    "street": Kind(street, 0.13),
    "portrait": Kind(portrait, 0.12),
    "nature": Kind(nature, 0.1),
    "studio": Kind(studio, 0.08),
    "thin": Kind(thin_structures, 0.06),
    "corridor": Kind(corridor, 0.04),
    "stairs": Kind(staircase, 0.03),
    "mirrors": Kind(mirrors, 0.03),
    "posters": Kind(posters, 0.03),
    "chaos": Kind(chaos, 0.03),
    "skyward": Kind(skyward, 0.08, is_shown=False),
    "downward": Kind(downward, 0.05, is_shown=False),
    "crowded": Kind(crowded, 0.2, is_shown=False),
}
