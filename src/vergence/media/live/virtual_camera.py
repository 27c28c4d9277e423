"""Pictures out as a camera of their own, which meeting and streaming programs can choose (by pyvirtualcam)."""

from fractions import Fraction
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.errors import MediaError
from vergence.types import Frame

RATE = Fraction(30)  # frames per second the camera claims where the source has no rate
NEEDS = "it needs OBS with its virtual camera on Windows and macOS, and the kernel module v4l2loopback on Linux"


class VirtualCamera:
    """A camera that shows what is written to it, in one size: even numbers, as its formats need.

    Args:
        width, height: of the pictures, pixels.
        rate: frames per second it claims; pictures are shown when they are written.
        device: which one, such as /dev/video9 or "OBS Virtual Camera"; None is the first.

    Attributes:
        name: what other programs call it.

    Raises:
        MediaError: pyvirtualcam is not installed, or there is no virtual camera on this machine.
    """

    def __init__(self, width: int, height: int, *, rate: Fraction | None = None, device: str | None = None) -> None:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise MediaError(f"a virtual camera needs an extra: pip install 'vergence[live]'; {NEEDS}") from error
        self._width, self._height = width // 2 * 2, height // 2 * 2
        try:
            self._camera: Any = pyvirtualcam.Camera(
                width=self._width, height=self._height, fps=float(rate or RATE), device=device, print_fps=False
            )
        except (RuntimeError, ValueError) as error:
            raise MediaError(f"no virtual camera can be opened ({' '.join(str(error).split())}); {NEEDS}") from error
        self.name: str = self._camera.device

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._camera.close()

    def write(self, frame: Frame) -> None:
        """Show a frame; one of another size is scaled to the camera's."""
        rgb: NDArray[np.uint8] = frame.rgb8
        if rgb.shape[:2] != (self._height, self._width):
            rgb = cv2.resize(rgb, (self._width, self._height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        self._camera.send(np.ascontiguousarray(rgb))
