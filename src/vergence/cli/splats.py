"""`vergence splats`: photos and films in, 3-D Gaussians out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vergence.cli import options as opt
from vergence.cli import world
from vergence.cli.cloud import depth_limit

if TYPE_CHECKING:
    from vergence.depth.model import DepthModel
    from vergence.pipelines.job import Result

CAMERA, SPLATS, OWN = "Camera", "Splats", "Depth of your own"
LONGER_SIDE = 1280  # px: one splat a pixel, so a million of them and 60 MB as PLY


def splats(
    inputs: opt.Inputs,
    output: world.Target = None,
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
    one_world: world.OneWorld = False,
    poses: world.Poses = None,
    poses_to: world.PosesTo = None,
    every: world.Every = None,
    loops: world.Loops = False,
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
    max_res: opt.MaxRes = LONGER_SIDE,
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
    from vergence.cli.loading import load
    from vergence.media.camera import CameraSettings
    from vergence.pipelines import posed
    from vergence.pipelines.job import GivenDepth, Part
    from vergence.pipelines.lifting import model_for_cloud
    from vergence.pipelines.splats import SplatSettings, process_splats
    from vergence.pipelines.world import process_world_splats
    from vergence.stability.stabilise import StabiliseSettings

    camera = CameraSettings(focal_length_x, focal_length_y, fov_x_deg)
    settings = SplatSettings(edges, depth_limit(farthest), min_confidence, voxel, sh)
    sources = files.expand(inputs)
    asked = world.WorldOptions(one_world, poses, poses_to, every, loops)
    if is_world := asked.are_meant(sources, output):
        world.check_alone(camera=camera, depth=depth)
        named = posed.model_for_world(model, has_cameras=poses is not None) if weights is None else model
    else:
        files.check_target(sources, output)
        named = model_for_cloud(model) if weights is None else model
    source_of_depth: DepthModel | GivenDepth
    if depth is not None:
        source_of_depth = GivenDepth(depth, depth_kind)
    else:
        source_of_depth = load(
            named,
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
            views=world.at_once(sources, asked.settings(shots=shots)) if is_world else 1,
            streaming=streaming,
            exact=exact,
            offline=offline,
            accept_licence=accept_licence,
            style=progress,
        )

    part = Part(start, end, max_frames, target_fps, max_res)
    if is_world:
        assert not isinstance(source_of_depth, GivenDepth)
        with report.progress(progress, "one world") as show:
            done = process_world_splats(
                sources,
                world.target_of(sources, output),
                depth=source_of_depth,
                source=source,
                settings=settings,
                world=asked.settings(shots=shots),
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
                output,
                depth=source_of_depth,
                camera=camera,
                settings=settings,
                stabilising=StabiliseSettings(method=stabilise, shots=shots),
                part=part,
                overwrite=overwrite,
                progress=show,
            )

    if not files.each(sources, job, tell=report.result, fail=lambda text: report.line(f"error: {text}")):
        raise typer.Exit(1)
