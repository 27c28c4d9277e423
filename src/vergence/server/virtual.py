"""What is shown as a camera of its own: both eyes in one picture, for meeting and streaming programs."""

import logging
import threading
from collections.abc import Callable
from fractions import Fraction
from types import TracebackType
from typing import Protocol, Self

from vergence.errors import MediaError
from vergence.server.eyes import Eyes, packed_size
from vergence.server.slot import IDLE
from vergence.types import Frame

logger = logging.getLogger(__name__)

EYE = (1280, 720)  # px: meeting programs take 16:9
THREAD_NAME = "vergence-virtual-camera"
JOIN_SECONDS = 3.0


class Camera(Protocol):
    """What pictures are written to."""

    name: str

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def write(self, frame: Frame) -> None: ...


class VirtualOutput:
    """Writes what is shown to a virtual camera, from `start` to `stop`.

    Args:
        eyes: makes the pictures.
        layout: how the eyes are packed.
        open_camera: opens a camera of (width, height).

    Attributes:
        name: what other programs call the camera.

    Raises:
        MediaError: when made: there is no virtual camera on this machine.
    """

    def __init__(self, eyes: Eyes, layout: str, open_camera: Callable[[int, int], Camera]) -> None:
        self._eyes, self._layout = eyes, layout
        self._camera = open_camera(*packed_size(layout, EYE))
        self.name = self._camera.name
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and close the camera."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        index = 0
        with self._camera as camera, self._eyes.listen(self._layout, size=EYE) as listener:
            while not self._stopping.is_set():
                picture = listener.pictures.take(IDLE)
                if picture is None:
                    continue
                try:
                    camera.write(Frame(picture.rgb, index, Fraction(picture.time_us, 1_000_000)))
                except (MediaError, RuntimeError, OSError) as error:
                    logger.warning("the virtual camera has stopped: %s", error)
                    return
                index += 1
