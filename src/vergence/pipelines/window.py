"""A plain window on the desktop: the picture and its depth side by side, without a browser."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.depth.model import DepthModel
from vergence.errors import MediaError, ModelError
from vergence.media.depth_file import write_depth
from vergence.media.image import save_picture
from vergence.pipelines.job import Part
from vergence.pipelines.recorded import Recorder, named_by_time, side_by_side
from vergence.stability.shots import mark_shots
from vergence.stability.stabilise import StabiliseSettings, stabilise
from vergence.types import DepthFrame, Frame

logger = logging.getLogger(__name__)

TITLE = "vergence"
WIDEST = 1600  # px of a window when it opens; it can be made larger
RECENT = 20  # frames the rate shown is an average of
KEYS = "q or Esc ends it, s saves picture and depth, r starts and ends a recording"


class Window(Protocol):
    """Where pictures are shown and keys are pressed."""

    @property
    def is_open(self) -> bool: ...
    def show(self, rgb: NDArray[np.uint8]) -> None: ...
    def key(self) -> str:
        """The key pressed since the last call, "" for none."""

    def close(self) -> None: ...


class Output(Protocol):
    """What pictures are written to besides, such as a virtual camera."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def write(self, frame: Frame, /) -> None: ...


class OpenCvWindow:
    """A window by OpenCV.

    Raises:
        MediaError: this build of OpenCV has no windows, or there is no desktop.
    """

    def __init__(self, title: str = TITLE) -> None:
        if not getattr(cv2, "currentUIFramework", str)():
            raise MediaError(
                "this OpenCV was built without windows; leave out --window to see it in the browser, or run: "
                "pip uninstall opencv-python-headless; pip install opencv-python"
            )
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise MediaError("there is no desktop to open a window on; leave out --window to see it in the browser")
        self._title = title
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        self._is_sized = False

    @property
    def is_open(self) -> bool:
        return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) > 0

    def show(self, rgb: NDArray[np.uint8]) -> None:
        if not self._is_sized:
            height, width = rgb.shape[:2]
            scale = min(1.0, WIDEST / width)
            cv2.resizeWindow(self._title, round(width * scale), round(height * scale))
            self._is_sized = True
        cv2.imshow(self._title, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))

    def key(self) -> str:
        code = cv2.waitKey(1) & 0xFF
        return "" if code == 0xFF else chr(code)

    def close(self) -> None:
        cv2.destroyWindow(self._title)


def show_window(
    source: str | Path,
    *,
    model: DepthModel,
    window: Window | None = None,
    grayscale: bool = False,
    stabilising: StabiliseSettings | None = None,
    part: Part | None = None,
    folder: Path = Path(),
    recording: bool = False,
    also: Callable[[Frame], Output] | None = None,
    tell: Callable[[str], None] = logger.info,
) -> int:
    """Show a source and its depth until a key or the source ends it; returns how many frames were shown.

    Films run at their own speed, or slower where the model is. Keys: see `KEYS`.

    Args:
        source: as `open_source` takes it.
        model: one that does not look ahead.
        window: where to show it; None opens one by OpenCV.
        grayscale: show depth in grey, near is bright.
        stabilising: how depth is steadied, from the past alone.
        part: how much of the source.
        folder: where pictures and recordings go, named by the time of day.
        recording: begin with a recording.
        also: opens what every picture is written to besides, for pictures like the one it is given.
        tell: called with a line for each file that was written.

    Raises:
        ModelError: the model looks ahead.
        VergenceError: as `open_source`; or no window can be opened.
    """
    if model.lookahead > 0:
        raise ModelError(f"{model.card.name} looks {model.lookahead} frames ahead and cannot run live; add --streaming")
    shown = 0
    with (part or Part()).of(source) as media, ExitStack() as opened:
        place = window or OpenCvWindow()
        opened.callback(place.close)
        frames: Iterable[Frame] = media if media.info.path is None else _at_its_speed(media)
        depths = stabilise(model.estimate(mark_shots(frames)), settings=stabilising or StabiliseSettings())
        recorder = opened.enter_context(Recorder(folder, media.info, tell))
        output: Output | None = None
        if recording:
            recorder.toggle()
        speed = _Speed()
        for item, picture in side_by_side(depths, grayscale=grayscale):
            if output is None and also is not None:
                output = opened.enter_context(also(picture))
            if output is not None:
                output.write(picture)
            recorder.write(picture)
            place.show(_labelled(picture.rgb8, f"{speed.tick():.1f} fps", is_recording=recorder.is_on))
            shown += 1
            key = place.key().lower()
            if key in ("q", "\x1b") or not place.is_open:
                break
            if key == "s":
                _save(item, folder, tell)
            if key == "r":
                recorder.toggle()
    return shown


def _at_its_speed(frames: Iterable[Frame]) -> Iterator[Frame]:
    began: float | None = None
    for frame in frames:
        began = time.monotonic() - float(frame.time) if began is None else began
        time.sleep(max(0.0, began + float(frame.time) - time.monotonic()))
        yield frame


def _labelled(rgb: NDArray[np.uint8], text: str, *, is_recording: bool) -> NDArray[np.uint8]:
    """A copy with a line of text at its top left, and a red dot at its top right while recording."""
    labelled: Any = np.ascontiguousarray(rgb).copy()
    scale = max(0.4, rgb.shape[0] / 900)
    at = (round(12 * scale), round(28 * scale))
    for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(labelled, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)
    if is_recording:
        radius = round(12 * scale)
        cv2.circle(labelled, (rgb.shape[1] - 2 * radius, 2 * radius), radius, (230, 30, 30), -1, cv2.LINE_AA)
    result: NDArray[np.uint8] = labelled
    return result


def _save(item: DepthFrame, folder: Path, tell: Callable[[str], None]) -> None:
    path = named_by_time(folder, ".png")
    save_picture(path, item.frame)
    depth_path = path.with_name(f"{path.stem}_depth.png")
    write_depth(depth_path, item.depth, width=item.frame.width, height=item.frame.height)
    tell(f"saved {path} and {depth_path}")


class _Speed:
    """Frames per second over the last few."""

    def __init__(self) -> None:
        self._moments: list[float] = []

    def tick(self) -> float:
        self._moments = [*self._moments[-RECENT:], time.monotonic()]
        span = self._moments[-1] - self._moments[0]
        return (len(self._moments) - 1) / span if span > 0 else 0.0
