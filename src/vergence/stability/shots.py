"""Where one shot ends and the next begins.

A cut is a frame whose layout and colours both differ from the last one. Either alone is common inside a shot: a
flash or a fade changes the colours and keeps the layout, a whip pan or a body passing the lens changes the layout and
keeps the colours. Both are compared on a thumbnail, free of exposure: the layout by phase correlation of
contrast-normalised edges, so that a shifted picture still matches, the colours by a soft histogram relative to mean
luma.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.geometry.resample import shrink
from vergence.types import Frame

WIDTH, HEIGHT = 96, 54  # of the thumbnail: edges survive, grain and lettering do not
LAYOUT = 0.5  # share of the edges that agree in no shift; clips shown at 2 to 3 frames per second stay under 0.6
CHANGE = 0.25  # geometric mean of both differences; the same clips stay under 0.28, cuts between photos start at 0.36
ABOVE_USUAL = 3.0  # times the shot's usual change, so that strobing footage needs a clearer cut
USUAL_FRAMES = 8  # memory of the usual change: what half a second to a second of film does

BLACK = 4.0  # mean luma under which a picture is blank whatever is in it: fades start and end there in coding noise
DARKEST = 12.0  # mean luma under which noise would be amplified into colour
CONTRAST_FLOOR = 10.0  # edge strength, grey levels, that counts as noise
FEWEST_EDGES = 0.02  # mean normalised edge under which a picture is blank (black, white, fog) and tells nothing

_BINS = 8  # per channel
_SOFTEN = np.array([[{0: 0.5, 1: 0.25}.get(abs(i - j), 0.0) for i in range(_BINS)] for j in range(_BINS)], np.float32)
_SOFTEN[[0, -1], [0, -1]] += 0.25  # what would blur out of the first and last bin stays there


@dataclass(frozen=True)
class _Look:
    """What is compared of a frame: its edges' spectrum and their norm, its mean luma, its colour histogram."""

    spectrum: NDArray[np.complex64]
    norm: float
    luma: float
    colours: NDArray[np.float32]

    @property
    def is_blank(self) -> bool:
        return self.luma < BLACK or self.norm < FEWEST_EDGES * np.sqrt(WIDTH * HEIGHT)


def mark_shots(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Set each frame's `shot` to the number of cuts before it, looking at no later frame.

    Hard cuts only: a dissolve mostly stays in one shot. Blank frames belong to the shot before them, and the frame
    after them is compared with the last one that was not blank, so a flash to white does not cut and black between
    scenes does.
    """
    last: _Look | None = None
    shot, usual = 0, 0.0
    for frame in frames:
        look = _look(frame)
        if last is None:
            last = look
        elif not look.is_blank:
            layout, change = _difference(last, look)
            if not last.is_blank and layout > LAYOUT and change > max(CHANGE, ABOVE_USUAL * usual):
                shot, usual = shot + 1, 0.0
            else:
                usual += (change - usual) / USUAL_FRAMES
            last = look
        yield replace(frame, shot=shot)


def _difference(one: _Look, two: _Look) -> tuple[float, float]:
    """How far the layouts differ, and the geometric mean of that and the colours' difference; all 0 to 1."""
    correlation = np.fft.ifft2(one.spectrum * two.spectrum.conj()).real.max()
    layout = max(0.0, 1 - float(correlation) / (one.norm * two.norm + 1e-6))
    colours = 0.5 * float(np.abs(one.colours - two.colours).sum())
    return layout, (layout * colours) ** 0.5


def _look(frame: Frame) -> _Look:
    # A strided view first: averaging all of a 1080p frame costs ten times the rest of this module.
    step = max(1, min(frame.height // (2 * HEIGHT), frame.width // (2 * WIDTH)))
    view = replace(frame, rgb=frame.rgb[step // 2 :: step, step // 2 :: step]).rgb8
    small = shrink(np.ascontiguousarray(view), WIDTH, HEIGHT)
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    exposure = max(float(luma.mean()), DARKEST)

    x, y = cv2.Sobel(luma, -1, 1, 0), cv2.Sobel(luma, -1, 0, 1)
    contrast = cv2.boxFilter(cv2.magnitude(x, y), -1, (15, 15)) + 0.12 * exposure + CONTRAST_FLOOR
    edges = cv2.GaussianBlur(cv2.merge([x / contrast, y / contrast]), (0, 0), 1.5)
    spectrum = np.fft.fft2(edges[..., 0] + 1j * edges[..., 1])

    # Mean luma at bin 3 of 8, as of a well-exposed picture.
    bins = np.minimum(small * np.float32(3 / exposure), _BINS - 1).astype(np.intp)
    counts = np.bincount(((bins[..., 0] * _BINS + bins[..., 1]) * _BINS + bins[..., 2]).ravel(), minlength=_BINS**3)
    colours = counts.reshape(_BINS, _BINS, _BINS) / np.float32(WIDTH * HEIGHT)
    for _ in range(3):  # each contracts the first axis and appends the softened one: after three, the order is back
        colours = np.tensordot(colours, _SOFTEN, axes=(0, 0))
    return _Look(
        spectrum.astype(np.complex64), float(np.linalg.norm(edges)), float(luma.mean()), colours.astype(np.float32)
    )
