"""Pictures in the host's memory, their views made on a device and brought back."""

# torch types some of its functions not at all.
# mypy: disable-error-code="no-untyped-call"

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vergence.errors import DeviceError
from vergence.stereo.memory import Background
from vergence.stereo.torch.fuse import Fuse, as_is
from vergence.stereo.torch.views import views
from vergence.stereo.views import Method


class TorchViews:
    """`vergence.stereo.views.views`, computed by torch on a device.

    To CUDA, pictures go through page-locked memory, which torch keeps and gives out again, and a stream of their own:
    a network may run on the same device meanwhile. Calls are complete when they return.
    """

    def __init__(self, device: str = "cuda", *, fuse: Fuse = as_is) -> None:
        """Choose "cuda", "cuda:1" or "cpu", which is there for tests and slower than the kernels, and how it is run.

        Raises:
            DeviceError: torch finds no such device here.
        """
        self.device = torch.device(device)
        if self.device.type == "cuda" and (self.device.index or 0) >= torch.cuda.device_count():
            raise DeviceError(
                f"cannot make views on {device}: torch {torch.__version__} finds {torch.cuda.device_count()} CUDA "
                "devices; choose cpu, or install a CUDA build of torch"
            )
        self.fuse = fuse
        self._stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None

    def __call__(
        self,
        rgb: NDArray[Any],
        disparity: NDArray[np.float32],
        shifts: Iterable[float],
        *,
        method: Method = "layered",
        background: Background | None = None,
    ) -> list[NDArray[Any]]:
        """As `vergence.stereo.views.views`: 0 among `shifts` gives `rgb` itself."""
        shifts = tuple(shifts)
        moved = [shift for shift in shifts if shift != 0]
        if not moved:
            return [rgb for _ in shifts]
        with torch.cuda.stream(self._stream):  # None: does nothing
            sent = self._send(rgb), self._send(disparity)
            seen = views(*sent, moved, method=method, background=background, fuse=self.fuse)
            fetched = [self._fetch(view) for view in seen]
        if self._stream is not None:
            self._stream.synchronize()
        rest = iter(fetched)
        return [rgb if shift == 0 else next(rest).numpy() for shift in shifts]

    def _send(self, array: NDArray[Any]) -> Tensor:
        if self.device.type != "cuda":
            return torch.from_numpy(np.require(array, requirements=["C", "W"]))
        staged = torch.empty(array.shape, dtype=_type_of(array), pin_memory=True)
        np.copyto(staged.numpy(), array)
        return staged.to(self.device, non_blocking=True)

    def _fetch(self, values: Tensor) -> Tensor:
        if self.device.type != "cuda":
            return values
        staged = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        return staged.copy_(values, non_blocking=True)


def _type_of(array: NDArray[Any]) -> torch.dtype:
    return torch.from_numpy(np.empty(0, array.dtype)).dtype
