"""`vergence depth`: photos and films in, depth files and depth films out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vergence.cli import options as opt

if TYPE_CHECKING:
    from vergence.pipelines.job import Result


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
    """Write the depth of photos and films: .png (16 bit), .npz, .exr with values, kind and unit; .mp4, .jpg to look at.

    Of a film, .png, .npz and .exr become a folder with one file per frame. Without -o: NAME_depth.png, NAME_depth.mp4.
    """
    from vergence.cli import inputs as files
    from vergence.cli import report
    from vergence.cli.loading import load
    from vergence.media.video_writer import EncodeSettings
    from vergence.pipelines.depth import process_depth
    from vergence.pipelines.job import Part
    from vergence.stability.stabilise import StabiliseSettings

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
        streaming=streaming,
        exact=exact,
        offline=offline,
        accept_licence=accept_licence,
        style=progress,
    )

    def job(source: str) -> "Result":
        with report.progress(progress, Path(source).name) as show:
            return process_depth(
                source,
                output,
                model=estimator,
                grayscale=grayscale,
                side_by_side=side_by_side,
                audio=not no_audio,
                stabilising=StabiliseSettings(method=stabilise, shots=shots),
                encode=encode,
                part=Part(start, end, max_frames, target_fps, max_res),
                overwrite=overwrite,
                progress=show,
            )

    if not files.each(sources, job, tell=report.result, fail=lambda text: report.line(f"error: {text}")):
        raise typer.Exit(1)
