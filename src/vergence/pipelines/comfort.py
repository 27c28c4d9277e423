"""Between depth and the file: pairs behind their floating window, and a report of how comfortable they are."""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

from vergence.errors import FormatError
from vergence.media.camera import GUESSED_FOV, guessed_camera
from vergence.media.targets import Target
from vergence.pipelines.job import check_not_its_own
from vergence.stereo.comfort import ComfortLog
from vergence.stereo.comfort_page import page
from vergence.stereo.settings import StereoSettings
from vergence.stereo.synthesise import synthesise
from vergence.stereo.window import OPEN, float_windows, is_floating
from vergence.types import DepthFrame, Intrinsics, MediaInfo, StereoPair

logger = logging.getLogger(__name__)

SUFFIXES = (".html", ".json")


def pairs_of(
    items: Iterable[DepthFrame], *, settings: StereoSettings, layout: str, log: ComfortLog | None
) -> Iterator[StereoPair]:
    """What the two eyes see in this layout, behind a floating window where it has one; `log` sees every pair.

    Disparity of the user's own gets no window: it is used to the pixel.
    """
    depths = iter(items)
    first = next(depths, None)
    if first is None:
        return
    is_exact = first.depth.kind == "disparity"
    made = synthesise(chain([first], depths), settings=settings)
    del first  # else its picture would stay for the whole film
    if is_exact and settings.floating_window == "on":
        logger.warning("disparity of your own is used to the pixel, so there is no floating window")
    if is_floating(settings, layout) and not is_exact:
        shown = float_windows(made, settings=settings)
    else:
        shown = ((pair, OPEN) for pair in made)
    for pair, window in shown:
        if log is not None:
            log.see(pair, window)
        yield pair


def with_known_camera(items: Iterable[DepthFrame], told: Intrinsics | None) -> Iterator[DepthFrame]:
    """Give depth its camera: the one the user told of, else the depth's, the picture's, or a guess, said once."""
    has_warned = False
    for item in items:
        frame, depth = item.frame, item.depth
        camera = told or depth.intrinsics or frame.intrinsics
        if camera is None:
            if not has_warned:
                has_warned = True
                logger.warning(
                    "nothing says what camera took the picture, so %g degrees across are assumed; "
                    "depth is scaled wrongly if that is wrong: give --fov-x-deg",
                    GUESSED_FOV,
                )
            camera = guessed_camera(frame.width, frame.height)
        height, width = depth.values.shape
        yield replace(item, depth=replace(depth, intrinsics=camera.resized(width, height)))


@contextmanager
def reported(
    report: str | Path | None, settings: StereoSettings, info: MediaInfo, *, overwrite: bool
) -> Iterator[ComfortLog | None]:
    """A log whose report lies at `report` when the context ends well; None where none is asked for.

    `.html` is a page to look at, `.json` the numbers; in an existing folder it is `NAME_comfort.html`.

    Raises:
        FormatError: the suffix is neither.
        TargetError: the place cannot be written to, or holds something.
    """
    if report is None:
        yield None
        return
    path, name = Path(report), info.path.stem if info.path is not None else "live"
    if path.is_dir():
        path = path / f"{name}_comfort.html"
    if path.suffix.lower() not in SUFFIXES:
        raise FormatError(f"a comfort report is {' or '.join(SUFFIXES)}, not {path.suffix or path.name!r}; rename it")
    check_not_its_own(path, info)
    with Target(path, overwrite=overwrite) as target:
        log = ComfortLog(settings)
        yield log
        done = log.done()
        if path.suffix.lower() == ".json":
            text = json.dumps({"source": name, **done.as_json()}, indent=1)
        else:
            text = page(done, title=info.path.name if info.path is not None else name)
        target.temporary.write_text(text, encoding="utf-8")
