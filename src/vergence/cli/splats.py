"""`vergence splats`: photos and films in, 3-D Gaussians out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vergence.cli import options as opt
from vergence.cli import world
from vergence.cli.cloud import depth_limit
from vergence.cli.groups import with_groups

if TYPE_CHECKING:
    from vergence.pipelines.job import Result

SPLATS = "Splats"  # a panel of --help
LONGER_SIDE = 1280  # px: one splat a pixel, so a million of them and 60 MB as PLY


@dataclass(frozen=True)
class SplatPart(opt.PartOptions):
    """As of any job, with pictures of at most a million splats."""

    max_res: opt.MaxRes = LONGER_SIDE


@with_groups
def splats(
    inputs: opt.Inputs,
    output: world.Target = None,
    *,
    lens: opt.CameraOptions,
    edges: Annotated[
        Literal["snap", "drop", "keep"],
        typer.Option(
            help="What becomes of the ramps depth draws between two surfaces. snap: each of their pixels goes to the "
            "surface next to it. drop: they go, and leave gaps. keep: they stay, as sheets.",
            rich_help_panel=SPLATS,
        ),
    ] = "snap",
    farthest: Annotated[
        str,
        typer.Option(
            metavar="auto|M",
            help="Leave out what lies farther. auto: 50 times the depth within which a quarter of the picture lies, "
            "so that the sky goes. inf keeps all.",
            rich_help_panel=SPLATS,
        ),
    ] = "auto",
    min_confidence: Annotated[
        float | None, typer.Option(help="Leave out what is less sure.", rich_help_panel=SPLATS)
    ] = None,
    voxel: Annotated[
        float | None,
        typer.Option(metavar="M", help="Prune: one splat of all in a cube of this side.", rich_help_panel=SPLATS),
    ] = None,
    min_opacity: Annotated[
        float | None,
        typer.Option(metavar="0..1", help="Prune: leave out fainter splats.", rich_help_panel=SPLATS),
    ] = None,
    sh: Annotated[
        int | None, typer.Option(min=0, max=3, help="Harmonics up to this degree at most.", rich_help_panel=SPLATS)
    ] = None,
    source: Annotated[
        Literal["auto", "head", "lift"],
        typer.Option(
            help="Of one world. head: the Gaussians that the model itself gives. lift: one of every pixel's depth. "
            "auto: head where the model has one.",
            rich_help_panel=world.WORLD,
        ),
    ] = "auto",
    asked: world.WorldOptions,
    own: opt.OwnMetres,
    estimator: opt.ModelOptions,
    steady: opt.SteadyOptions,
    whole: SplatPart,
    overwrite: opt.Overwrite = False,
    progress: opt.Progress = "bar",
) -> None:
    """Make 3-D Gaussians (.ply, .compressed.ply, .spz, .splat) of photos and films: one splat a pixel.

    Of a film, a folder with one file per frame. Without -o: NAME_splats.ply of a photo, NAME_splats/000000.ply, ... of
    a film. Pictures are shrunk to --max-res first, 1280 px unless you say otherwise. Several pictures with one file as
    OUT (also .npz, with everything) go into one world.
    """
    from vergence.cli import inputs as files
    from vergence.cli import report
    from vergence.pipelines.job import GivenDepth
    from vergence.pipelines.splats import SplatSettings, process_splats, splats_path
    from vergence.pipelines.world import process_world_splats

    camera = lens.settings()
    settings = SplatSettings(edges, depth_limit(farthest), min_confidence, voxel, sh, min_opacity)
    sources = files.expand(inputs)
    is_world = asked.are_meant(sources, output)
    target = None if is_world else files.target_for(sources, output, splats_path)
    source_of_depth = world.source_of_depth(
        sources, asked=asked, is_world=is_world, camera=camera, own=own, estimator=estimator,
        shots=steady.shots, style=progress,
    )  # fmt: skip
    part = whole.part()
    if is_world:
        assert not isinstance(source_of_depth, GivenDepth)
        with report.progress(progress, "one world") as show:
            done = process_world_splats(
                sources,
                world.target_of(sources, output),
                depth=source_of_depth,
                source=source,
                settings=settings,
                world=asked.settings(shots=steady.shots),
                part=part,
                overwrite=overwrite,
                progress=show,
            )
        report.result(done)
        return

    def job(source: str) -> "Result":
        with report.progress(progress, Path(source).name) as show:
            return process_splats(
                source,
                target,
                depth=source_of_depth,
                camera=camera,
                settings=settings,
                stabilising=steady.settings(),
                part=part,
                overwrite=overwrite,
                progress=show,
            )

    if not files.each(sources, job, tell=report.result, fail=lambda text: report.line(f"error: {text}")):
        raise typer.Exit(1)
