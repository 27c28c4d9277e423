"""Scoring methods on scenes: the same left eye and the same disparity for all, the right eye against the true one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from vergence.evaluation.stereo import matching, metrics
from vergence.evaluation.stereo.methods import Method
from vergence.evaluation.stereo.scenes import SceneSet
from vergence.evaluation.stereo.truth import Rgb, Track, Truth, given


@dataclass(frozen=True)
class Scores:
    """Of one method, or means over scenes; NaN where nothing can be said. See `metrics` and `matching`.

    Attributes:
        psnr: dB over all pixels.
        visible, edges, disoccluded: dB over parts of them: what both eyes see well away from holes, what lies within
            2 px of an edge of depth and is seen by both, and what the left eye does not see.
        ssim, hole_ssim: structural similarity of luma, mean over all pixels, and over those within 4 px of what is
            disoccluded.
        sharpness: horizontal gradient of what was filled in, as a share of the truth's.
        slope, wrong, vertical: of the disparity that was made.
        consistency: dB of the left eye against the right one brought back.
        flicker: change of the error in what is filled, share of white a frame; of clips.
    """

    psnr: float
    visible: float
    edges: float
    disoccluded: float
    ssim: float
    hole_ssim: float
    sharpness: float
    slope: float
    wrong: float
    vertical: float
    consistency: float
    flicker: float


@dataclass(frozen=True)
class Row:
    """Scores of a method on one scene, given disparity of one track."""

    scenes: str
    scene: str
    track: Track
    method: str
    scores: Scores


def score(made: Sequence[Rgb], truths: Sequence[Truth], places: Sequence[matching.Places]) -> Scores:
    """Scores of the right eyes `made` of the frames of a scene, one of a picture: means over frames."""
    single = [_score(truth, picture, at) for truth, picture, at in zip(truths, made, places, strict=True)]
    changes = [
        metrics.flicker((a, s.right, s.disoccluded), (b, t.right, t.disoccluded))
        for (a, s), (b, t) in zip(_pairs(made, truths)[:-1], _pairs(made, truths)[1:], strict=True)
    ]
    return mean([Scores(**figures, flicker=_mean(changes)) for figures in single])


def _pairs(made: Sequence[Rgb], truths: Sequence[Truth]) -> list[tuple[Rgb, Truth]]:
    return list(zip(made, truths, strict=True))


def _score(truth: Truth, picture: Rgb, at: matching.Places) -> dict[str, float]:
    similar, squared = metrics.ssim_map(picture, truth.right), metrics.squared_error(picture, truth.right)
    fidelity = matching.fidelity(truth.left, picture, at)
    return {
        "psnr": metrics.decibels(squared, truth.known),
        "visible": metrics.decibels(squared, truth.visible),
        "edges": metrics.decibels(squared, truth.edges),
        "disoccluded": metrics.decibels(squared, truth.disoccluded & truth.known),
        "ssim": metrics.mean_over(similar, truth.known),
        "hole_ssim": metrics.mean_over(similar, truth.hole_band),
        "sharpness": metrics.sharpness(picture, truth.right, truth.disoccluded & truth.known),
        "slope": fidelity.slope,
        "wrong": fidelity.wrong,
        "vertical": fidelity.vertical,
        "consistency": metrics.consistency(truth, picture),
    }


def mean(scores: Sequence[Scores]) -> Scores:
    """Field by field, leaving out NaN."""
    return Scores(**{field.name: _mean([getattr(s, field.name) for s in scores]) for field in fields(Scores)})


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def run(
    sets: Iterable[SceneSet], tracks: Sequence[Track], methods: Sequence[Method], *, pictures: Path | None = None
) -> Iterator[Row]:
    """Every method on every scene and track; a scene is made once and let go before the next.

    With `pictures` the last frame of each is written into that folder beside the truth and the error.
    """
    for scenes in sets:
        for name, make in scenes.scenes.items():
            truths = list(make())
            places = [matching.places(truth) for truth in truths]
            for track in tracks:
                items = [given(truth, track, index=n) for n, truth in enumerate(truths)]
                for method in methods:
                    made = list(method.right_eyes(items))
                    if pictures is not None:
                        _save(pictures / f"{name}, {track}, {method.name}.png", made[-1], truths[-1])
                    yield Row(scenes.name, name, track, method.name, score(made, truths, places))


def _save(path: Path, picture: Rgb, truth: Truth) -> None:
    """What was made, the truth, and grey plus twice their difference, side by side."""
    difference = 128 + 2 * (picture.astype(np.int16) - truth.right)
    shown = np.hstack([picture, truth.right, np.clip(difference, 0, 255).astype(np.uint8)])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.ascontiguousarray(shown[..., ::-1]))[1].tobytes())
