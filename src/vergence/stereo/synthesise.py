"""The stage from depth to two eyes."""

from collections.abc import Iterable, Iterator

from vergence.stereo.disparity import DisparityFrame, disparities
from vergence.stereo.refine import refine
from vergence.stereo.settings import StereoSettings
from vergence.stereo.views import views
from vergence.types import DepthFrame, StereoPair

SHIFTS = {None: (0.5, -0.5), "left": (0.0, -1.0), "right": (1.0, 0.0)}  # of disparity, for (left, right) by hero


def synthesise(items: Iterable[DepthFrame], *, settings: StereoSettings | None = None) -> Iterator[StereoPair]:
    """Make what two eyes see of each picture, in order; holds `settings.lookahead` seconds of frames.

    Near things have x_left > x_right. Rows stay rows. A hero eye is the source's own array.
    """
    settings = settings or StereoSettings()
    for item in disparities(items, settings=settings):
        yield _pair(item, settings)


def _pair(item: DisparityFrame, settings: StereoSettings) -> StereoPair:
    rgb = item.frame.rgb
    disparity = refine(item.disparity, rgb, sampling=item.sampling)
    left, right = views(rgb, disparity, SHIFTS[settings.hero], method=settings.method)
    return StereoPair(left, right, item.frame, disparity)
