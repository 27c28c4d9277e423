"""Where the views of a picture are made: by the kernels on the CPU's cores, or by torch on a CUDA device."""

import logging
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vergence.errors import DeviceError
from vergence.stereo.memory import Background
from vergence.stereo.views import Method, views

logger = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda"]


class Views(Protocol):
    """Makes views as `vergence.stereo.views.views` does."""

    def __call__(
        self,
        rgb: NDArray[Any],
        disparity: NDArray[np.float32],
        shifts: Iterable[float],
        *,
        method: Method = "layered",
        background: Background | None = None,
    ) -> list[NDArray[Any]]: ...


@cache  # one for all jobs
def find_views(device: Device = "cpu") -> Views:
    """Return what makes views on `device`; "auto" takes CUDA where torch is installed and has it.

    Raises:
        DeviceError: "cuda" is asked for, but torch is not installed or finds no CUDA device.
    """
    if device == "cpu":
        return views
    if find_spec("torch") is None:
        if device == "auto":
            return views
        raise DeviceError("views are made on cuda by torch, which is not installed; choose cpu, or install torch")
    from vergence.stereo.torch.host import TorchViews  # not before somebody wants it: torch takes a second to load

    try:
        found = TorchViews("cuda")
    except DeviceError:
        if device == "cuda":
            raise
        return views
    logger.info("views are made on %s", found.device)
    return found
