"""A log of numbers as a picture of curves."""

import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

PANEL, MARGIN = (320, 180), 24  # pixels
INK, PAPER = (180, 60, 20), 255
X_AXIS = "presentations"
LEFT_OUT = ("step", "done", X_AXIS)


def draw_curves(log: Path, picture: Path) -> None:
    """Draw every column of a CSV over its presentations, three panels a row, into a PNG."""
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if len(rows) < 2:
        return
    x = np.array([float(row[X_AXIS]) for row in rows])
    panels = [_panel(name, x, np.array([float(row[name]) for row in rows])) for name in rows[0] if name not in LEFT_OUT]
    while len(panels) % 3:
        panels.append(np.full_like(panels[0], PAPER))
    bands = [np.hstack(panels[n : n + 3]) for n in range(0, len(panels), 3)]
    cv2.imwrite(str(picture), np.vstack(bands))


def _panel(name: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.uint8]:
    width, height = PANEL
    panel = np.full((height, width, 3), PAPER, dtype=np.uint8)
    low, high = np.quantile(y, [0.0, 0.98])
    u = MARGIN + (x - x[0]) / max(x[-1] - x[0], 1e-9) * (width - 2 * MARGIN)
    v = height - MARGIN - np.clip((y - low) / max(high - low, 1e-9), 0, 1) * (height - 2 * MARGIN)
    cv2.polylines(panel, [np.stack([u, v], 1).round().astype(np.int32)], False, INK, 1, cv2.LINE_AA)
    title = f"{name}  {y[0]:.3g} .. {y[-1]:.3g}   (range {low:.3g}, {high:.3g})"
    cv2.putText(panel, title, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return panel
