"""Scores as Markdown tables and as JSON: means over the scenes of a set."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import numpy as np

from vergence.evaluation.stereo.protocol import Row, Scores, mean

COLUMNS: tuple[tuple[str, Callable[[Scores], str]], ...] = (
    ("all dB", lambda s: _number(s.psnr, 2)),
    ("visible", lambda s: _number(s.visible, 2)),
    ("edges", lambda s: _number(s.edges, 2)),
    ("disoccl.", lambda s: _number(s.disoccluded, 2)),
    ("SSIM", lambda s: _number(s.ssim, 3)),
    ("hole SSIM", lambda s: _number(s.hole_ssim, 3)),
    ("sharpness", lambda s: _number(s.sharpness, 2)),
    ("slope", lambda s: _number(s.slope, 2)),
    ("wrong %", lambda s: _number(100 * s.wrong, 1)),
    ("vertical px", lambda s: _number(s.vertical, 2)),
    ("L-R dB", lambda s: _number(s.consistency, 1)),
    ("flicker %", lambda s: _number(100 * s.flicker, 2)),
)


def _number(value: float, digits: int) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def table(rows: Sequence[Row], *, each: bool = False) -> str:
    """Markdown: for each set of scenes (or `each` scene) and track a row a method, means over the set's scenes."""
    if each:
        rows = [replace(row, scenes=row.scene) for row in rows]
    columns = [(name, shown) for name, shown in COLUMNS if _is_known(rows, shown)]
    head = ("scenes", "depth", "method", *(name for name, _ in columns))
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for (scenes, track, method), scores in means(rows).items():
        cells = (scenes, track, method, *(shown(scores) for _, shown in columns))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _is_known(rows: Sequence[Row], shown: Callable[[Scores], str]) -> bool:
    return any(shown(row.scores) != "–" for row in rows)


def means(rows: Sequence[Row]) -> dict[tuple[str, str, str], Scores]:
    """Mean scores by (set of scenes, track, method), in the order they first occur."""
    grouped: dict[tuple[str, str, str], list[Scores]] = {}
    for row in rows:
        grouped.setdefault((row.scenes, row.track, row.method), []).append(row.scores)
    return {key: mean(scores) for key, scores in grouped.items()}


def as_json(rows: Sequence[Row]) -> str:
    """One object for each row, `null` where nothing can be said."""
    return json.dumps([_plain(row) for row in rows], indent=1)


def _plain(row: Row) -> dict[str, object]:
    found = asdict(row)
    scores = found.pop("scores")
    return found | {name: value if np.isfinite(value) else None for name, value in scores.items()}
