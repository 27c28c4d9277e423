"""What a user gets without asking: both eyes, strength and convergence by default, with and without floating window."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from vergence.evaluation.stereo.matching import RADIUS, fidelity, places
from vergence.evaluation.stereo.metrics import window_violations
from vergence.evaluation.stereo.scenes import SceneSet
from vergence.evaluation.stereo.truth import Rgb, Truth, given
from vergence.stereo.settings import StereoSettings
from vergence.stereo.synthesise import synthesise
from vergence.stereo.window import float_windows
from vergence.types import DepthFrame, StereoPair


@dataclass(frozen=True)
class Shipped:
    """Of one scene, relative depth of a network's size.

    Attributes:
        scenes, scene: its set and its name.
        far, near: 1st and 99th percentile of disparity, share of the width.
        cut, cut_after: window violations without and with a floating window, share of border rows.
        slope: disparity measured between the eyes over what was asked for.
        vertical: mean |difference of height| between the eyes, px.
    """

    scenes: str
    scene: str
    far: float
    near: float
    cut: float
    cut_after: float
    slope: float
    vertical: float


def shipped(sets: Iterable[SceneSet]) -> Iterator[Shipped]:
    """Measure the first frame of every scene."""
    settings = StereoSettings()
    for scenes in sets:
        for name, make in scenes.scenes.items():
            truth = next(iter(make()))
            pair = next(synthesise([_relative(truth)], settings=settings))
            window = next(pair for pair, _ in float_windows([pair], settings=settings))
            yield _measure(scenes.name, name, truth, pair, window)


def _relative(truth: Truth) -> DepthFrame:
    """As a network gives it: disparity is nearness up to scale and shift."""
    item = given(truth, "degraded")
    return replace(item, depth=replace(item.depth, kind="affine_inverse"))


def _measure(scenes: str, name: str, truth: Truth, pair: StereoPair, window: StereoPair) -> Shipped:
    assert pair.disparity is not None  # `synthesise` knows it
    far, near = np.percentile(pair.disparity, (1, 99)) / truth.left.shape[1]
    left, right = _eyes(pair)
    at = places(truth)
    # The left eye sees a pixel of the source half its disparity to the right.
    column = np.rint(at.columns + pair.disparity[at.rows, at.columns] / 2).astype(np.int64)
    inside = (column > RADIUS) & (column < truth.left.shape[1] - RADIUS)
    asked = pair.disparity[at.rows, at.columns]
    made = fidelity(left, right, replace(at, rows=at.rows[inside], columns=column[inside], disparity=asked[inside]))
    cut, cut_after = (window_violations(*_eyes(p), pair.disparity) for p in (pair, window))
    return Shipped(scenes, name, float(far), float(near), cut, cut_after, made.slope, made.vertical)


def _eyes(pair: StereoPair) -> tuple[Rgb, Rgb]:
    return np.asarray(pair.left, dtype=np.uint8), np.asarray(pair.right, dtype=np.uint8)


def table(rows: Iterable[Shipped]) -> str:
    """Markdown, a row a scene."""
    head = ("scene", "far %", "near %", "window cut %", "with floating window", "slope", "vertical px")
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for r in rows:
        figures = (f"{100 * r.far:.2f}", f"{100 * r.near:.2f}", f"{100 * r.cut:.1f}", f"{100 * r.cut_after:.1f}")
        lines.append(f"| {r.scene} | {' | '.join(figures)} | {r.slope:.2f} | {r.vertical:.2f} |")
    return "\n".join(lines)
