"""Where a film cuts: every frame told how many cuts came before it.

Two frames of one shot share their colours or their edges, mostly both; across a cut neither. The score is the geometric
mean of the change of the colour histogram and of the share of edges that vanish or appear (after Zabih, Miller and
Mai, "A feature-based algorithm for detecting and classifying scene breaks", 1995), so a flash, which keeps the edges,
and a passing object, which keeps the colours, score low. A cut also stands out from what came just before it, which
fast motion does not.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.types import Frame

WIDTH, HEIGHT = 96, 54  # of the copy that is looked at
LEVELS = 4  # of each colour channel in the histogram
STRONGEST = 80  # percentile of the gradient above which a pixel lies on an edge
FAINTEST = 24.0  # gradient, 8-bit levels, under which nothing does
REACH = 5  # pixels of the copy an edge may have moved between two frames
CUT = 0.22  # score; the cuts of the test films have 0.48 and more, their fastest motion 0.05
OUTSTANDING = 3.0  # times the recent mean score
RECENT = 12  # frames


@dataclass(frozen=True)
class _Look:
    """What is compared of a frame: its colours (64 shares) and its edges, as they are and grown by `REACH`."""

    colours: NDArray[np.float64]
    edges: NDArray[np.bool_]
    near_edges: NDArray[np.bool_]


def mark_shots(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Set `shot` of every frame, in order; looks at nothing that comes later."""
    recent: deque[float] = deque(maxlen=RECENT)
    past: _Look | None = None
    shot = 0
    for frame in frames:
        now = _look(frame)
        if past is not None:
            score = _change(past, now)
            usual = sum(recent) / len(recent) if recent else 0.0
            if score > max(CUT, OUTSTANDING * usual):
                shot += 1
                recent.clear()
            else:
                recent.append(score)
        past = now
        yield replace(frame, shot=shot)


def _look(frame: Frame) -> _Look:
    step = max(1, min(frame.width // WIDTH, frame.height // HEIGHT) // 2)  # a strided view costs nothing
    rgb = frame.rgb[::step, ::step]
    if rgb.dtype != np.uint8:
        rgb = (rgb >> 8).astype(np.uint8)
    small = cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    codes = (small // (256 // LEVELS)).astype(np.intp) @ np.array([LEVELS * LEVELS, LEVELS, 1])
    colours = np.bincount(codes.ravel(), minlength=LEVELS**3) / codes.size
    grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 0.8)
    gradient = cv2.magnitude(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1))
    edges = gradient > max(FAINTEST, float(np.percentile(gradient, STRONGEST)))
    grown = cv2.dilate(edges.astype(np.uint8), np.ones((REACH, REACH), np.uint8)) > 0
    return _Look(colours, edges, grown)


def _change(past: _Look, now: _Look) -> float:
    """0 (the same) to 1 (nothing in common)."""
    colours = 0.5 * float(np.abs(now.colours - past.colours).sum())
    appeared = _share(now.edges & ~past.near_edges, now.edges)
    vanished = _share(past.edges & ~now.near_edges, past.edges)
    return float(np.sqrt(colours * max(appeared, vanished)))


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    count = np.count_nonzero(whole)
    # A plain picture has no edges; that all of none vanished says nothing, so colours alone decide.
    return np.count_nonzero(part) / count if count else 1.0
