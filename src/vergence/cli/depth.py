"""`vergence depth`: photos and films in, depth files and depth films out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vergence.cli import options as opt

if TYPE_CHECKING:
    from vergence.pipelines.job import Result

CAMERA = "Camera, of models whose metres depend on it"


def depth(
    inputs: opt.Inputs,
    output: opt.Target = None,
    grayscale: Annotated[bool, typer.Option("--grayscale", help="Show depth in grey, near is bright.")] = False,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Show the source on the left and its depth on the right.")
    ] = False,
    no_audio: Annotated[
        bool, typer.Option("--no-audio", help="Leave out a film's sound, subtitles and chapters.")
    ] = False,
    focal_length_x: Annotated[
        float | None,
        typer.Option(metavar="PX", help="In pixels of the source's picture; else EXIF.", rich_help_panel=CAMERA),
    ] = None,
    fov_x_deg: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="Horizontal field of view, in its place.", rich_help_panel=CAMERA),
    ] = None,
    model: opt.ModelName = "auto",
    weights: opt.Weights = None,
    kind: opt.WeightsKind = None,
    max_depth: opt.MaxDepth = None,
    device: opt.Device = "auto",
    precision: opt.Precision = "f32",
    runtime: opt.Runtime = "auto",
    input_size: opt.InputSize = None,
    batch: opt.Batch = None,
    max_memory: opt.MaxMemory = None,
    model_fallback: opt.ModelFallback = False,
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
    """Write the depth of photos and films: .png (16 bit), .npz, .exr with values, kind and unit; .mp4, .jpg to look at.

    Of a film, .png, .npz and .exr become a folder with one file per frame. Without -o: NAME_depth.png, NAME_depth.mp4.
    """
    from vergence.cli import inputs as files
    from vergence.cli import live_inputs, report
    from vergence.cli.loading import load
    from vergence.media.camera import CameraSettings
    from vergence.media.video_writer import EncodeSettings
    from vergence.pipelines.depth import process_depth
    from vergence.pipelines.job import Part
    from vergence.stability.stabilise import StabiliseSettings

    camera = CameraSettings(focal_length_x, None, fov_x_deg)
    encode = EncodeSettings(codec=codec, crf=crf, preset=preset)
    sources = files.expand(inputs)
    files.check_target(sources, output)
    estimator = load(
        model,
        weights=weights,
        kind=kind,
        max_depth=max_depth,
        device=device,
        precision=precision,
        runtime=runtime,
        input_size=input_size,
        batch=batch,
        max_memory=max_memory,
        model_fallback=model_fallback,
        streaming=streaming,
        exact=exact,
        offline=offline,
        accept_licence=accept_licence,
        style=progress,
    )

    def job(source: str) -> "Result":
        with report.progress(progress, Path(source).name) as show, live_inputs.until_stopped(source) as until:
            return process_depth(
                source,
                output,
                model=estimator,
                grayscale=grayscale,
                side_by_side=side_by_side,
                audio=not no_audio,
                camera=camera,
                stabilising=StabiliseSettings(method=stabilise, shots=shots),
                encode=encode,
                part=Part(start, end, max_frames, target_fps, max_res, until),
                overwrite=overwrite,
                progress=show,
            )

    if not files.each(sources, job, tell=report.result, fail=lambda text: report.line(f"error: {text}")):
        raise typer.Exit(1)
