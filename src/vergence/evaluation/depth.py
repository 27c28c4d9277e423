"""Scoring a depth model on pictures with truth, beside a floor that needs no weights: the mean depth of a row."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from vergence.depth.cards import ModelCard
from vergence.depth.families.preview import CANONICAL_FOCAL, VERTICAL_PRIOR, relative_focal
from vergence.depth.model import DepthModel
from vergence.errors import DepthKindError
from vergence.evaluation import metrics
from vergence.evaluation.benchmarks import Benchmark
from vergence.geometry.resample import resize_depth
from vergence.types import DepthFrame, DepthMap, Frame

PRIOR_SIZE = (64, 48)  # width, height of the floor's depth: it is smooth
SEED = 0  # of the pairs of pixels asked for their order
BOUNDARY_WIDTH = 192  # about how many columns boundaries are asked for in: the size of what a small network can draw


@dataclass(frozen=True)
class Scores:
    """Means over the pictures of a benchmark; NaN where a model's kind of depth leaves a question open.

    Attributes:
        affine_abs_rel, affine_delta1: after the best scale and shift of inverse depth per picture.
        scale_abs_rel, scale_delta1: after the median ratio per picture.
        metric_abs_rel, metric_delta1: as it is, the camera known.
        boundary_f1, same_row_order, confidence: see `metrics`.
    """

    affine_abs_rel: float
    affine_delta1: float
    scale_abs_rel: float
    scale_delta1: float
    metric_abs_rel: float
    metric_delta1: float
    boundary_f1: float
    same_row_order: float
    confidence: float


class VerticalPrior:
    """The floor of every table: depth by the picture's row alone, from no weights at all."""

    lookahead = 0
    card = ModelCard(
        name="vertical prior",
        family="preview",
        kind="scale_invariant",
        licence="Apache-2.0",
        is_commercial=True,
        parameters=len(VERTICAL_PRIOR),
        summary="mean depth of a row in upright pictures; sees nothing",
    )

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        width, height = PRIOR_SIZE
        y = (np.arange(height) + 0.5) / height * 2 - 1
        row = np.exp(np.polynomial.polynomial.polyval(y, VERTICAL_PRIOR))
        for frame in frames:
            z = row * relative_focal(frame) / CANONICAL_FOCAL
            values = np.repeat(z[:, None], width, axis=1).astype(np.float32)
            yield DepthFrame(frame, DepthMap(values, np.ones_like(values, dtype=bool), self.card.kind))


def score(model: DepthModel, benchmark: Benchmark) -> Scores:
    """Run a model on every picture of a benchmark and average its scores.

    Raises:
        DepthKindError: the model gives disparity of stereo, which has nothing to guess.
    """
    generator = np.random.default_rng(SEED)
    rows = []
    for truth in benchmark.frames():
        [found] = model.estimate([truth.frame])
        rows.append(_score(found.depth, truth.depth, benchmark, generator))
    # An all-NaN column stays NaN; a picture without, say, boundaries is left out of that mean.
    table = np.array([[getattr(row, field.name) for field in fields(Scores)] for row in rows], dtype=np.float64)
    known = ~np.isnan(table)
    counts = known.sum(0)
    means = np.where(counts, np.where(known, table, 0).sum(0) / np.maximum(counts, 1), np.nan)
    return Scores(*means.tolist())


def flicker(model: DepthModel, clips: Iterable[Iterable[Frame]]) -> float:
    """`metrics.flicker` of a model, over clips in each of which neither anything nor the camera moves.

    NaN for "affine_inverse" depth, which has no ratios before it is aligned with a truth.
    """
    if model.card.kind == "affine_inverse":
        return float("nan")
    return float(np.mean([metrics.flicker([item.depth.values for item in model.estimate(clip)]) for clip in clips]))


def _score(found: DepthMap, truth: DepthMap, benchmark: Benchmark, generator: np.random.Generator) -> Scores:
    wanted = truth.metres()
    valid = truth.valid & (wanted > benchmark.nearest) & (wanted < benchmark.farthest)
    inverse = _inverse(found, wanted.shape)
    aligned = metrics.align_affine(inverse, wanted, valid, farthest=benchmark.farthest)
    coarse = (slice(None, None, max(1, round(wanted.shape[1] / BOUNDARY_WIDTH))),) * 2
    scores = Scores(
        affine_abs_rel=metrics.abs_rel(aligned, wanted, valid),
        affine_delta1=metrics.delta1(aligned, wanted, valid),
        scale_abs_rel=np.nan,
        scale_delta1=np.nan,
        metric_abs_rel=np.nan,
        metric_delta1=np.nan,
        boundary_f1=metrics.boundary_f1(aligned[coarse], wanted[coarse], valid[coarse]),
        same_row_order=metrics.same_row_order(-inverse, wanted, valid, generator=generator),
        confidence=np.nan,
    )
    if found.confidence is not None:
        confidence = resize_depth(found.confidence, wanted.shape[1], wanted.shape[0], sampling=found.sampling)
        scores = replace(scores, confidence=metrics.confidence_correlation(confidence, aligned, wanted, valid))
    if found.kind == "affine_inverse":
        return scores
    z = 1 / inverse
    scaled = metrics.align_scale(z, wanted, valid)
    return replace(
        scores,
        scale_abs_rel=metrics.abs_rel(scaled, wanted, valid),
        scale_delta1=metrics.delta1(scaled, wanted, valid),
        metric_abs_rel=metrics.abs_rel(z, wanted, valid),
        metric_delta1=metrics.delta1(z, wanted, valid),
    )


def _inverse(depth: DepthMap, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Inverse depth at the truth's size, resampled as stereo resamples it."""
    if depth.kind == "disparity":
        raise DepthKindError("a depth model is scored, but this is measured disparity; name a model of one picture")
    inverse = depth.values if depth.kind == "affine_inverse" else np.float32(1) / depth.values
    return resize_depth(inverse, shape[1], shape[0], sampling=depth.sampling)


def table(rows: Sequence[tuple[str, int, str, Scores]]) -> str:
    """A Markdown table of (benchmark, pictures, model, scores): AbsRel / delta1, then shares and correlations."""
    head = (
        "| benchmark | pictures | model | affine | scale | metric | boundary F1 | same-row order | confidence |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    lines = [
        f"| {name} | {pictures} | {model} "
        f"| {_pair(s.affine_abs_rel, s.affine_delta1)} | {_pair(s.scale_abs_rel, s.scale_delta1)} "
        f"| {_pair(s.metric_abs_rel, s.metric_delta1)} "
        f"| {_number(s.boundary_f1)} | {_number(s.same_row_order)} | {_number(s.confidence)} |"
        for name, pictures, model, s in rows
    ]
    return "\n".join([head, *lines])


def _pair(abs_rel: float, delta1: float) -> str:
    return "–" if np.isnan(abs_rel) else f"{abs_rel:.3f} / {delta1:.3f}"


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"
