"""`vergence depth`: photos and films in, depth files and depth films out."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vergence.cli import options as opt
from vergence.cli.groups import with_groups

if TYPE_CHECKING:
    from vergence.pipelines.job import Result

CAMERA = "Camera, of models whose metres depend on it"


@with_groups
def depth(
    inputs: opt.Inputs,
    output: opt.Target = None,
    *,
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
    estimator: opt.ModelOptions,
    steady: opt.SteadyOptions,
    whole: opt.PartOptions,
    coding: opt.EncodeOptions,
    overwrite: opt.Overwrite = False,
    progress: opt.Progress = "bar",
) -> None:
    """Write the depth of photos and films: .png (16 bit), .npz, .exr with values, kind and unit; .mp4, .jpg to look at.

    Of a film, .png, .npz and .exr become a folder with one file per frame. Without -o: NAME_depth.png, NAME_depth.mp4.
    """
    from vergence.cli import inputs as files
    from vergence.cli import live_inputs, report
    from vergence.media.camera import CameraSettings
    from vergence.pipelines.depth import depth_path, process_depth

    camera = CameraSettings(focal_length_x, None, fov_x_deg)
    sources = files.expand(inputs)
    target = files.target_for(sources, output, partial(depth_path, encode=coding.settings(), side_by_side=side_by_side))
    model = estimator.load(style=progress)

    def job(source: str) -> "Result":
        with report.progress(progress, Path(source).name) as show, live_inputs.until_stopped(source) as until:
            return process_depth(
                source,
                target,
                model=model,
                grayscale=grayscale,
                side_by_side=side_by_side,
                audio=not no_audio,
                camera=camera,
                stabilising=steady.settings(),
                encode=coding.settings(),
                part=whole.part(until),
                overwrite=overwrite,
                progress=show,
            )

    if not files.each(sources, job, tell=report.result, fail=lambda text: report.line(f"error: {text}")):
        raise typer.Exit(1)
