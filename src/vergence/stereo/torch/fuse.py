"""How the parts that go over whole pictures are run: one operation after another, or compiled into few kernels.

Such a part is some forty operations, each of which reads and writes the picture anew: its time is that of the memory.
"""

from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


class Fuse:
    """Makes of a function of tensors one that does the same."""

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        return function


class Compiled(Fuse):
    """By torch.compile, which takes a minute for each part and size of picture, and needs a C compiler."""

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        return _compiled(function)


@cache
def _compiled(function: Callable[P, R]) -> Callable[P, R]:
    fused: Callable[P, R] = torch.compile(function, fullgraph=True, dynamic=False)
    return fused


as_is = Fuse()
compiled = Compiled()
