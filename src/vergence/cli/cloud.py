"""`vergence cloud`: photos and films in, coloured point clouds out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vergence.cli import options as opt

if TYPE_CHECKING:
    from vergence.depth.model import DepthModel
    from vergence.pipelines.job import Result

CAMERA, POINTS, OWN = "Camera", "Points", "Depth of your own"


def cloud(
    inputs: opt.Inputs,
    output: opt.Target = None,
    focal_length_x: Annotated[
        float | None,
        typer.Option(metavar="PX", help="In pixels of the source's picture; else EXIF.", rich_help_panel=CAMERA),
    ] = None,
    focal_length_y: Annotated[
        float | None, typer.Option(metavar="PX", help="Where it differs.", rich_help_panel=CAMERA)
    ] = None,
    fov_x_deg: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="Horizontal field of view, in their place.", rich_help_panel=CAMERA),
    ] = None,
    edges: Annotated[
        Literal["drop", "keep"],
        typer.Option(
            help="drop: leave out points that hang between two surfaces, where depth rises or falls by a share of more "
            "than 11 / focal length (px) a pixel on both sides.",
            rich_help_panel=POINTS,
        ),
    ] = "drop",
    farthest: Annotated[
        str,
        typer.Option(
            metavar="auto|M",
            help="Leave out what lies farther. auto: 50 times the depth within which a quarter of the picture lies, "
            "so that the sky goes. inf keeps all.",
            rich_help_panel=POINTS,
        ),
    ] = "auto",
    min_confidence: Annotated[
        float | None, typer.Option(help="Leave out what is less sure.", rich_help_panel=POINTS)
    ] = None,
    max_points: Annotated[
        int | None, typer.Option(min=1, help="At most so many, chosen at random.", rich_help_panel=POINTS)
    ] = None,
    depth: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Metres in a file (.png .npz .exr), or a folder.", rich_help_panel=OWN),
    ] = None,
    depth_kind: Annotated[
        Literal["metric"] | None,
        typer.Option(help="metric: metres, or millimetres as 16-bit integers.", rich_help_panel=OWN),
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
    overwrite: opt.Overwrite = False,
    progress: opt.Progress = "bar",
) -> None:
    """Make coloured point clouds (.ply, metres, y up) of photos and films, with a model that gives metres.

    Of a film, a folder with one file per frame. Without -o: NAME.ply of a photo, NAME_cloud/000000.ply, ... of a film.
    """
    from vergence.cli import inputs as files
    from vergence.cli import report
    from vergence.cli.loading import load
    from vergence.media.cloud import CameraSettings, CloudSettings
    from vergence.pipelines.cloud import model_for_cloud, process_cloud
    from vergence.pipelines.job import GivenDepth, Part
    from vergence.stability.stabilise import StabiliseSettings

    camera = CameraSettings(focal_length_x, focal_length_y, fov_x_deg)
    settings = CloudSettings(edges, depth_limit(farthest), min_confidence, max_points)
    sources = files.expand(inputs)
    files.check_target(sources, output)
    source_of_depth: DepthModel | GivenDepth
    if depth is not None:
        source_of_depth = GivenDepth(depth, depth_kind)
    else:
        source_of_depth = load(
            model if weights is not None else model_for_cloud(model),
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
            return process_cloud(
                source,
                output,
                depth=source_of_depth,
                camera=camera,
                settings=settings,
                stabilising=StabiliseSettings(method=stabilise, shots=shots),
                part=Part(start, end, max_frames, target_fps, max_res),
                overwrite=overwrite,
                progress=show,
            )

    if not files.each(sources, job, tell=report.result, fail=lambda text: report.line(f"error: {text}")):
        raise typer.Exit(1)


def depth_limit(text: str) -> float | Literal["auto"]:
    """Read what `--farthest` says."""
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is neither auto nor a number of metres") from error
