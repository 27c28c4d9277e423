"""`vergence cloud`: photos and films in, coloured point clouds out."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vergence.cli import options as opt
from vergence.cli import world
from vergence.cli.groups import with_groups

if TYPE_CHECKING:
    from vergence.pipelines.job import Result

POINTS = "Points"  # a panel of --help


@with_groups
def cloud(
    inputs: opt.Inputs,
    output: world.Target = None,
    *,
    lens: opt.CameraOptions,
    edges: Annotated[
        Literal["drop", "snap", "keep"],
        typer.Option(
            help="What becomes of points that hang between two surfaces, where depth rises or falls by a share of more "
            "than 11 / focal length (px) a pixel on both sides. drop: they go, and leave gaps. snap: each goes to the "
            "surface next to it. keep: they stay.",
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
    voxel: Annotated[
        float | None, typer.Option(metavar="M", help="One point of all in a cube of this side.", rich_help_panel=POINTS)
    ] = None,
    sor_neighbors: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Leave out what lies alone: look at so many of each point's nearest, 20 with --sor-std-ratio alone. "
            "Points thin out with distance, so far ones go first; with --voxel they do not.",
            rich_help_panel=POINTS,
        ),
    ] = None,
    sor_std_ratio: Annotated[
        float | None,
        typer.Option(
            metavar="R",
            help="The same: their mean distance may be so many deviations above that of all, 2 with --sor-neighbors "
            "alone.",
            rich_help_panel=POINTS,
        ),
    ] = None,
    normals: Annotated[
        bool, typer.Option("--normals", help="Also say which way surfaces face.", rich_help_panel=POINTS)
    ] = False,
    mesh: Annotated[
        bool, typer.Option("--mesh", help="Join neighbouring points by triangles.", rich_help_panel=POINTS)
    ] = False,
    tear: Annotated[
        float | None,
        typer.Option(
            metavar="RATIO",
            help="Of a mesh: no triangle where depth changes by a larger factor from a pixel to the next, such as "
            "1.05. Else where a surface would be seen under 5 degrees.",
            rich_help_panel=POINTS,
        ),
    ] = None,
    fuse: Annotated[
        bool,
        typer.Option(
            "--fuse", help="All frames of a film in one cloud, by the poses of --depth.", rich_help_panel=POINTS
        ),
    ] = False,
    consistency: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="With --fuse or in one world: leave out points that more of the 16 frames about theirs see through "
            "than agree with, to this share of depth, such as 0.05.",
            rich_help_panel=POINTS,
        ),
    ] = None,
    asked: world.WorldOptions,
    own: opt.OwnMetres,
    estimator: opt.ModelOptions,
    steady: opt.SteadyOptions,
    whole: opt.PartOptions,
    overwrite: opt.Overwrite = False,
    progress: opt.Progress = "bar",
) -> None:
    """Make coloured point clouds or meshes (.ply .glb; metres, y up) of photos and films, by a model that gives metres.

    Of a film, a folder with one file per frame. Without -o: NAME.ply of a photo, NAME_cloud/000000.ply, ... of a film.
    Several pictures with one file as OUT (.ply, .glb with cameras, .npz with everything) go into one world; with
    --one-world a folder becomes a model of COLMAP.
    """
    from vergence.cli import inputs as files
    from vergence.cli import report
    from vergence.pipelines.cloud import cloud_path, process_cloud, process_fused_cloud
    from vergence.pipelines.job import GivenDepth
    from vergence.pipelines.points import CloudSettings
    from vergence.pipelines.world import process_world_cloud
    from vergence.points.outliers import OutlierSettings

    camera = lens.settings()
    alone = None
    if sor_neighbors is not None or sor_std_ratio is not None:
        usual = OutlierSettings()
        alone = OutlierSettings(
            usual.neighbours if sor_neighbors is None else sor_neighbors,
            usual.std_ratio if sor_std_ratio is None else sor_std_ratio,
        )
    settings = CloudSettings(
        edges,
        depth_limit(farthest),
        min_confidence,
        max_points=max_points,
        normals=normals,
        voxel=voxel,
        outliers=alone,
        mesh=mesh,
        tear=tear,
    )
    if fuse and own.depth is None:
        raise typer.BadParameter(
            "--fuse puts the frames of one film together, by depth with poses: give it with --depth"
        )
    sources = files.expand(inputs)
    is_world = asked.are_meant(sources, output)
    if consistency is not None and not fuse and not is_world:
        raise typer.BadParameter("--consistency is of --fuse and --one-world")
    target = None if is_world else files.target_for(sources, output, partial(cloud_path, is_fused=fuse))
    source_of_depth = world.source_of_depth(
        sources, asked=asked, is_world=is_world, camera=camera, own=own, estimator=estimator,
        shots=steady.shots, style=progress,
    )  # fmt: skip
    part = whole.part()
    if is_world:
        assert not isinstance(source_of_depth, GivenDepth)
        with report.progress(progress, "one world") as show:
            done = process_world_cloud(
                sources,
                world.target_of(sources, output),
                depth=source_of_depth,
                settings=settings,
                tolerance=consistency,
                world=asked.settings(shots=steady.shots),
                part=part,
                overwrite=overwrite,
                progress=show,
            )
        report.result(done)
        return

    def job(source: str) -> "Result":
        with report.progress(progress, Path(source).name) as show:
            if fuse:
                assert isinstance(source_of_depth, GivenDepth)
                return process_fused_cloud(
                    source,
                    target,
                    depth=source_of_depth,
                    camera=camera,
                    settings=settings,
                    tolerance=consistency,
                    part=part,
                    overwrite=overwrite,
                    progress=show,
                )
            return process_cloud(
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


def depth_limit(text: str) -> float | Literal["auto"]:
    """Read what `--farthest` says."""
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is neither auto nor a number of metres") from error
