"""Where pictures are rendered: on the CPU, or on a GPU where numba finds one."""

import logging
from functools import cache
from importlib import import_module
from typing import Literal, get_args

from vergence.errors import DeviceError, SettingsError

logger = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda"]
Processor = Literal["cpu", "cuda"]


def choose_device(device: Device) -> Processor:
    """The processor to render on; "auto" is the GPU where numba can use one, else the CPU.

    Raises:
        SettingsError: there is no such device.
        DeviceError: "cuda" is asked for, but numba finds no CUDA GPU or no compiler for it.
    """
    if device not in get_args(Device):
        raise SettingsError(f"no device is called {device!r}; choose from {', '.join(get_args(Device))}")
    if device == "cpu":
        return "cpu"
    if _has_cuda():
        return "cuda"
    if device == "cuda":
        raise DeviceError(
            "cannot render on cuda: numba finds no NVIDIA GPU with its driver and the package numba-cuda here; "
            "install what is missing (`pip install 'numba-cuda[cu12]'`), or choose cpu"
        )
    return "cpu"


@cache
def _has_cuda() -> bool:
    cuda, config = import_module("numba.cuda"), import_module("numba.core.config")  # not before somebody wants to know
    # The target that numba itself brings is no longer kept up: it cannot compile `min`. Its simulator works.
    found = bool(cuda.is_available() and (cuda.implementation != "Built-in" or config.ENABLE_CUDASIM))
    logger.info("the synthetic world is rendered on %s", "cuda" if found else "cpu")
    return found
