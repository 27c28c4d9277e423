"""How a job is told while it runs and when it is done."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from vergence.cli.options import ProgressStyle
from vergence.pipelines.job import Progress, ProgressCallback, Result, silent


def line(text: str) -> None:
    """Say one line on stderr."""
    print(text, file=sys.stderr, flush=True)


def result(done: Result) -> None:
    """Print where a result lies on stdout, and how it came about on stderr."""
    frames = f"{done.frames} frames" if done.frames != 1 else "1 picture"
    rate = f" ({done.frames / done.seconds:.1f} per second)" if done.frames > 1 and done.seconds else ""
    line(f"{frames} in {done.seconds:.1f} s{rate}, depth by {done.model or 'your own file'}")
    for note in done.notes:
        line(note)
    print(*(done.path, *done.also), sep="\n", flush=True)


@contextmanager
def progress(style: ProgressStyle, title: str) -> Iterator[ProgressCallback]:
    """Show progress on stderr in the given style while the context lasts."""
    if style == "json":
        yield _json
    elif style == "bar" and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bar(title) as show:
            yield show
    else:
        yield silent


def _json(step: Progress) -> None:
    eta = None if step.eta is None else round(step.eta, 1)
    line(
        json.dumps({"stage": step.stage, "done": step.done, "total": step.total, "fps": round(step.fps, 2), "eta": eta})
    )


@contextmanager
def _bar(title: str) -> Iterator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]:.1f} fps"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, fps=0.0)
        yield lambda step: bar.update(task, completed=step.done, total=step.total, fps=step.fps)
