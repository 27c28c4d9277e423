"""Getting the model a command asked for, telling on stderr what is fetched or made do with."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vergence.cli.options import ProgressStyle

if TYPE_CHECKING:
    from vergence.depth.model import DepthModel


def load(
    name: str,
    *,
    weights: Path | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    precision: Literal["f32", "bf16"] = "f32",
    input_size: int | None = None,
    offline: bool = False,
    accept_licence: bool = False,
    style: ProgressStyle = "bar",
) -> "DepthModel":
    """`vergence.load_model` with its announcements and its download shown on stderr."""
    from contextlib import nullcontext

    from vergence.cli import report
    from vergence.cli.models import download_bar
    from vergence.depth.model import load_model

    with download_bar(name) if style == "bar" else nullcontext() as progress:
        return load_model(
            name,
            weights=weights,
            device=device,
            precision=precision,
            input_size=input_size,
            offline=offline,
            accept_licence=accept_licence,
            progress=progress,
            announce=report.line,
        )
