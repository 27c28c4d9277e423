"""`vergence eval`: how good depth and stereo are, on pictures with truth that need no download."""

from pathlib import Path
from typing import Annotated

import typer

from vergence.cli import options as opt

app = typer.Typer(no_args_is_help=True, help="Measure depth and stereo on pictures with truth.")

STATIC_CLIP = Path("tests/fixtures/edge/static_photo_noise.mp4")  # of a checkout: one photograph under noise
STATIC_FRAMES = 24


@app.command("depth")
def eval_depth(
    model: opt.ModelName = "preview",
    weights: opt.Weights = None,
    input_size: opt.InputSize = None,
    count: Annotated[int, typer.Option(min=1, help="Rendered pictures in each of the two rendered benchmarks.")] = 120,
    fixtures: Annotated[Path, typer.Option(metavar="DIR", help="Where the Aloe pair lies.")] = Path(
        "tests/fixtures/stereo"
    ),
    frames: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Pictures with depth of your own, DIR/rgb/NAME.png and DIR/depth/NAME.png (or .npz, .exr), instead of "
            "the benchmarks; repeated.",
        ),
    ] = None,
    depth_unit: Annotated[
        float, typer.Option(min=1e-6, metavar="M", help="Metres a step of their 16-bit depth; 0.0002 is TUM's.")
    ] = 0.001,
    nearest: Annotated[float, typer.Option(min=0, metavar="M", help="Their depth counts from here, metres.")] = 0.2,
    farthest: Annotated[float, typer.Option(min=0, metavar="M", help="And up to here.")] = 10.0,
    device: opt.Device = "auto",
    offline: opt.Offline = False,
) -> None:
    """Print a Markdown table: a model beside the vertical prior, which is the floor that needs no weights."""
    from functools import partial
    from itertools import islice

    from vergence.cli.loading import load
    from vergence.cli.report import line
    from vergence.datasets.rgbd import open_rgbd
    from vergence.depth.model import DepthModel
    from vergence.errors import SettingsError
    from vergence.evaluation.benchmarks import Benchmark, benchmarks, still_clips
    from vergence.evaluation.depth import VerticalPrior, flicker, score, table
    from vergence.media.open import open_source

    if nearest >= farthest:
        raise SettingsError(
            f"no depth lies between --nearest {nearest:g} and --farthest {farthest:g} m; give less, then more"
        )
    own = [open_rgbd(path, unit=depth_unit) for path in frames or []]
    asked = load(model, weights=weights, input_size=input_size, device=device, offline=offline)
    models: list[DepthModel] = [VerticalPrior(), asked]
    if own:
        found = [Benchmark(f.path.name, partial(iter, f), len(f), nearest, farthest) for f in own]
        print(table([(b.name, b.pictures, m.card.name, score(m, b)) for b in found for m in models]))
        return
    found, missing = benchmarks(count=count, folder=fixtures)
    for text in missing:
        line(text)
    print(table([(b.name, b.pictures, m.card.name, score(m, b)) for b in found for m in models]))
    clips = {"rendered, static camera": list(still_clips())}
    if STATIC_CLIP.is_file():
        with open_source(str(STATIC_CLIP)) as source:
            clips["one photograph under noise"] = [list(islice(source, STATIC_FRAMES))]
    print("\n| flicker | model | mean change of log depth per frame |\n|---|---|---|")
    for name, clip in clips.items():
        for m in models:
            print(f"| {name} | {m.card.name} | {flicker(m, clip):.4f} |")


@app.command("stereo")
def eval_stereo(
    scenes: Annotated[
        list[str] | None,
        typer.Option(metavar="SET", help="analytic, photographs, harder, rendered, aloe, motorcycle, clips; repeated."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Scenes whose name begins so; may be repeated.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="identity, 'whole shift', backward, forward_fill, fast, layered; repeated."),
    ] = None,
    depth: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TRACK",
            help="exact; degraded: small and soft as of a network; upsampled: that at full size; may be repeated.",
        ),
    ] = None,
    width: Annotated[int, typer.Option(min=320, help="Of drawn scenes, pixels; less is quicker.")] = 1920,
    fixtures: Annotated[Path, typer.Option(metavar="DIR", help="Where the Aloe pair lies.")] = Path(
        "tests/fixtures/stereo"
    ),
    window: Annotated[
        bool, typer.Option("--window", help="Besides: both eyes as shipped, and what the screen's border cuts.")
    ] = False,
    each: Annotated[bool, typer.Option("--each", help="A row a scene, in place of means over a set.")] = False,
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write what was made beside the truth, to look at.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Every scene's figures as JSON.")] = False,
) -> None:
    """Print a Markdown table: right eyes made from left ones against true ones, ours beside rivals and floors."""
    from vergence.cli.report import line
    from vergence.evaluation.stereo import report, shipped
    from vergence.evaluation.stereo.methods import find_methods
    from vergence.evaluation.stereo.protocol import run
    from vergence.evaluation.stereo.scenes import find_scenes
    from vergence.evaluation.stereo.truth import find_tracks

    methods, tracks = find_methods(method or []), find_tracks(depth or [])
    found, missing = find_scenes(scenes or [], only=only or [], width=width, folder=fixtures)
    for text in missing:
        line(text)
    rows = []
    for row in run(found, tracks, methods, pictures=pictures):
        rows.append(row)
        line(f"{row.scene}, {row.track}, {row.method}: {row.scores.psnr:.2f} dB")
    print(report.as_json(rows) if json else report.table(rows, each=each))
    if window and not json:
        print("\n" + shipped.table(shipped.shipped(found)))
