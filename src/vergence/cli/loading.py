"""Getting the model a command asked for, telling on stderr what is fetched or made do with."""

from typing import TYPE_CHECKING, Any

from vergence.cli.options import ProgressStyle

if TYPE_CHECKING:
    from vergence.depth.model import DepthModel


def load(name: str, *, style: ProgressStyle = "bar", **options: Any) -> "DepthModel":
    """`vergence.load_model` with its announcements and its download shown on stderr; it takes the same options."""
    from contextlib import nullcontext

    from vergence.cli import report
    from vergence.cli.models import download_bar
    from vergence.depth.model import load_model

    with download_bar(name) if style == "bar" else nullcontext() as progress:
        return load_model(name, progress=progress, announce=report.line, **options)
