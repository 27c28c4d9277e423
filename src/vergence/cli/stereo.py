"""`vergence stereo`: photos and films in, stereo photos and films out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vergence.cli import options as opt

if TYPE_CHECKING:
    from vergence.depth.model import DepthModel
    from vergence.pipelines.job import Result

STEREO, OWN = "3-D", "Depth of your own"


def stereo(
    inputs: opt.Inputs,
    output: opt.Target = None,
    layout: Annotated[opt.Layout, typer.Option(help="How the two eyes are arranged.", rich_help_panel=STEREO)] = "sbs",
    strength: Annotated[
        float, typer.Option(help="Total disparity, % of the picture's width.", rich_help_panel=STEREO)
    ] = 2.0,
    max_disparity: Annotated[
        float | None, typer.Option(metavar="PX", help="The same in pixels, in its place.", rich_help_panel=STEREO)
    ] = None,
    convergence: Annotated[
        str,
        typer.Option(
            metavar="auto|0..1",
            help="What lies on the screen: 0 the farthest (all comes forward) .. 1 the nearest (all lies behind).",
            rich_help_panel=STEREO,
        ),
    ] = "auto",
    hero: Annotated[
        Literal["left", "right"] | None, typer.Option(help="Keep this eye untouched.", rich_help_panel=STEREO)
    ] = None,
    headset_names: Annotated[
        bool,
        typer.Option(
            "--headset-names",
            help="Name results as headsets tell 3-D by: NAME_LRF_Full_SBS.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = False,
    depth: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A depth file (.png .npz .exr), folder or film.", rich_help_panel=OWN),
    ] = None,
    depth_kind: Annotated[
        Literal["metric", "inverse", "disparity"] | None,
        typer.Option(
            help="metric: metres. inverse: larger is nearer. disparity: pixels of x_left - x_right, used exactly.",
            rich_help_panel=OWN,
        ),
    ] = None,
    model: opt.ModelName = "auto",
    weights: opt.Weights = None,
    kind: opt.WeightsKind = None,
    max_depth: opt.MaxDepth = None,
    device: opt.Device = "auto",
    precision: opt.Precision = "f32",
    runtime: opt.Runtime = "auto",
    input_size: opt.InputSize = None,
    streaming: opt.Streaming = False,
    exact: opt.Exact = False,
    offline: opt.Offline = False,
    accept_licence: opt.AcceptLicence = False,
    stabilise: opt.Stabilise = "auto",
    shots: opt.Shots = True,
    start: opt.Start = None,
    end: opt.End = None,
    target_fps: opt.TargetFps = None,
    max_frames: opt.MaxFrames = None,
    max_res: opt.MaxRes = None,
    codec: opt.CodecName = "auto",
    crf: opt.Crf = None,
    preset: opt.Preset = None,
    overwrite: opt.Overwrite = False,
    progress: opt.Progress = "bar",
) -> None:
    """Make stereo 3-D of photos and films; without -o beside each, as NAME_sbs.EXT."""
    from vergence.cli import inputs as files
    from vergence.cli import report
    from vergence.cli.loading import load
    from vergence.media.video_writer import EncodeSettings
    from vergence.pipelines.job import GivenDepth, Part
    from vergence.pipelines.stereo import process_video
    from vergence.stability.stabilise import StabiliseSettings
    from vergence.stereo.settings import StereoSettings

    settings = StereoSettings(
        strength=strength, max_disparity=max_disparity, convergence=_convergence(convergence), hero=hero
    )
    encode = EncodeSettings(codec=codec, crf=crf, preset=preset)
    sources = files.expand(inputs)
    files.check_target(sources, output)
    source_of_depth: DepthModel | GivenDepth
    if depth is not None:
        source_of_depth = GivenDepth(depth, depth_kind)
    else:
        source_of_depth = load(
            model,
            weights=weights,
            kind=kind,
            max_depth=max_depth,
            device=device,
            precision=precision,
            runtime=runtime,
            input_size=input_size,
            streaming=streaming,
            exact=exact,
            offline=offline,
            accept_licence=accept_licence,
            style=progress,
        )

    def job(source: str) -> "Result":
        with report.progress(progress, Path(source).name) as show:
            return process_video(
                source,
                output,
                layout=layout,
                stereo=settings,
                depth=source_of_depth,
                stabilising=StabiliseSettings(method=stabilise, shots=shots),
                encode=encode,
                part=Part(start, end, max_frames, target_fps, max_res),
                headset_names=headset_names,
                overwrite=overwrite,
                progress=show,
            )

    if not files.each(sources, job, tell=report.result, fail=lambda text: report.line(f"error: {text}")):
        raise typer.Exit(1)


def _convergence(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is neither auto nor a number from 0 to 1") from error
