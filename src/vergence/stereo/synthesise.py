"""The stage from depth to two eyes."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from vergence.stereo.device import Views, find_views
from vergence.stereo.disparity import disparities
from vergence.stereo.memory import Background, remember
from vergence.stereo.refine import refine
from vergence.stereo.settings import StereoSettings
from vergence.types import DepthFrame, Frame, StereoPair

SHIFTS = {None: (0.5, -0.5), "left": (0.0, -1.0), "right": (1.0, 0.0)}  # of disparity, for (left, right) by hero


def synthesise(items: Iterable[DepthFrame], *, settings: StereoSettings | None = None) -> Iterator[StereoPair]:
    """Make what two eyes see of each picture, in order; holds `settings.lookahead` seconds of frames.

    Where `settings.remembers`, it holds as many again and some key frames, see `stereo.memory`. Near things have
    x_left > x_right. Rows stay rows. A hero eye is the source's own array.

    Raises:
        DeviceError: `settings.device` is not there.
    """
    settings = settings or StereoSettings()
    views = find_views(settings.device)
    made = disparities(items, settings=settings)
    if settings.remembers:
        for known in remember(made, lookahead=settings.lookahead):
            yield _pair(known.item.frame, known.disparity, known.background, settings, views)
    else:
        for item in made:
            disparity = refine(item.disparity, item.frame.rgb, sampling=item.sampling)
            yield _pair(item.frame, disparity, None, settings, views)


def _pair(
    frame: Frame,
    disparity: NDArray[np.float32],
    background: Background | None,
    settings: StereoSettings,
    views: Views,
) -> StereoPair:
    left, right = views(frame.rgb, disparity, SHIFTS[settings.hero], method=settings.method, background=background)
    return StereoPair(left, right, frame, disparity)
