"""`vergence eval depth`: how good a depth model is, on pictures with truth that need no download."""

from pathlib import Path
from typing import Annotated

import typer

from vergence.cli import options as opt

app = typer.Typer(no_args_is_help=True, help="Measure models on pictures with truth.")

STATIC_CLIP = Path("tests/fixtures/edge/static_photo_noise.mp4")  # of a checkout: one photograph under noise
STATIC_FRAMES = 24


@app.command("depth")
def eval_depth(
    model: opt.ModelName = "preview",
    weights: opt.Weights = None,
    count: Annotated[int, typer.Option(min=1, help="Rendered pictures in each of the two rendered benchmarks.")] = 120,
    fixtures: Annotated[Path, typer.Option(metavar="DIR", help="Where the Aloe pair lies.")] = Path(
        "tests/fixtures/stereo"
    ),
    device: opt.Device = "auto",
    offline: opt.Offline = False,
) -> None:
    """Print a Markdown table: a model beside the vertical prior, which is the floor that needs no weights."""
    from itertools import islice

    from vergence.cli.loading import load
    from vergence.cli.report import line
    from vergence.depth.model import DepthModel
    from vergence.evaluation.benchmarks import benchmarks, still_clips
    from vergence.evaluation.depth import VerticalPrior, flicker, score, table
    from vergence.media.open import open_source

    asked = load(model, weights=weights, device=device, offline=offline)
    models: list[DepthModel] = [VerticalPrior(), asked]
    found, missing = benchmarks(count=count, folder=fixtures)
    for text in missing:
        line(text)
    print(table([(b.name, b.pictures, m.card.name, score(m, b)) for b in found for m in models]))
    clips = {"rendered, static camera": list(still_clips())}
    if STATIC_CLIP.is_file():
        with open_source(str(STATIC_CLIP)) as source:
            clips["one photograph under noise"] = [list(islice(source, STATIC_FRAMES))]
    print("\n| flicker | model | mean change of log depth per frame |\n|---|---|---|")
    for name, frames in clips.items():
        for m in models:
            print(f"| {name} | {m.card.name} | {flicker(m, frames):.4f} |")
