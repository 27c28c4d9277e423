"""The table of methods: floors, rivals, and ours by the way a user has it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import numpy as np

from vergence.errors import SettingsError
from vergence.evaluation.stereo import rivals
from vergence.evaluation.stereo.truth import Rgb
from vergence.stereo.settings import StereoSettings
from vergence.stereo.synthesise import synthesise
from vergence.types import DepthFrame


@dataclass(frozen=True)
class Method:
    """A way to make right eyes.

    Attributes:
        name: as tables print it.
        right_eyes: frames of one shot with the left eye's disparity to its right eyes, in order.
        is_ours: made by `synthesise`.
    """

    name: str
    right_eyes: Callable[[Iterable[DepthFrame]], Iterator[Rgb]]
    is_ours: bool = False


def _each(name: str, make: Callable[[DepthFrame], Rgb]) -> Method:
    return Method(name, lambda items: (make(item) for item in items))


def ours(name: str, settings: StereoSettings) -> Method:
    """`synthesise` with its left eye the picture itself."""

    def right_eyes(items: Iterable[DepthFrame]) -> Iterator[Rgb]:
        for pair in synthesise(items, settings=settings):
            yield np.asarray(pair.right, dtype=np.uint8)

    return Method(name, right_eyes, is_ours=True)


def _our(
    method: Literal["fast", "layered"], *, fill: Literal["auto", "texture", "temporal"] = "auto", name: str = ""
) -> Method:
    return ours(f"ours, {name or method}", StereoSettings(hero="left", method=method, fill=fill))


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        _each("identity", rivals.identity),
        _each("whole shift", rivals.whole_shift),
        _each("backward, plain", rivals.plain_backward),
        _each("backward", rivals.backward),
        _each("forward_fill", rivals.forward_fill),
        _our("fast"),
        _our("layered", fill="texture", name="single frame"),
        _our("layered"),
    )
}


def find_methods(words: Iterable[str]) -> list[Method]:
    """The methods whose names begin with, or after "ours, " are, one of `words`; all of them when there are none.

    Raises:
        SettingsError: a word names none.
    """
    words = list(words)
    if not words:
        return list(METHODS.values())
    found: list[Method] = []
    for word in words:
        named = [m for n, m in METHODS.items() if n.startswith(word) or n.removeprefix("ours, ") == word]
        if not named:
            near = get_close_matches(word, METHODS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"no stereo method is called {word!r}{hint}; choose from {', '.join(METHODS)}")
        found += [method for method in named if method not in found]
    return found
