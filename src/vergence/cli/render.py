"""`vergence render`: a scene of splats or points in, a film or a picture of it out."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from vergence.cli import options as opt

CAMERA, LOOKS = "Camera", "Looks"


def render(
    scene: Annotated[
        Path,
        typer.Argument(metavar="SCENE", help="Splats (.ply .spz .splat), points (.ply .glb) or a scene (.npz)."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="A film, a picture, or turn/%04d.png for many.")
    ],
    path: Annotated[
        Literal["auto", "orbit", "wiggle", "spline"],
        typer.Option(
            help="orbit: around the scene's middle. wiggle: a small sway before it. spline: through --poses, or on a "
            "short tour. auto: wiggle for a scene of one photo, else orbit.",
            rich_help_panel=CAMERA,
        ),
    ] = "auto",
    poses: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Cameras to go through: a transforms.json, a COLMAP folder, or what `cloud --poses-to` wrote.",
            rich_help_panel=CAMERA,
        ),
    ] = None,
    degrees: Annotated[
        float,
        typer.Option(metavar="DEG", help="How far an orbit goes; under 360, to and fro.", rich_help_panel=CAMERA),
    ] = 360,
    fov_x_deg: Annotated[
        float | None,
        typer.Option(
            metavar="DEG",
            help="Horizontal field of view; else what the first of --poses sees, or all of the scene.",
            rich_help_panel=CAMERA,
        ),
    ] = None,
    at: Annotated[
        float, typer.Option(metavar="0..1", help="Where on the path a picture is taken.", rich_help_panel=CAMERA)
    ] = 0.0,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Pixels, as 1280x720; else 960 for the longer side, in the shape of the scene, or of --poses.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Of a film.", rich_help_panel=opt.OUTPUT)] = 120,
    fps: Annotated[float, typer.Option(min=1, max=240, help="Of a film.", rich_help_panel=opt.OUTPUT)] = 30,
    background: Annotated[
        str, typer.Option(metavar="RRGGBB", help="Colour where nothing is.", rich_help_panel=LOOKS)
    ] = "000000",
    point_radius: Annotated[
        float | None,
        typer.Option(
            metavar="PX", help="Of the discs that points are drawn as; else by their number.", rich_help_panel=LOOKS
        ),
    ] = None,
    device: Annotated[
        Literal["cpu", "cuda"],
        typer.Option(help="cuda: splats drawn by gsplat, to be installed beside torch.", rich_help_panel=LOOKS),
    ] = "cpu",
    overwrite: opt.Overwrite = False,
    progress: opt.Progress = "bar",
) -> None:
    """Draw a scene of splats or points as a film of a moving camera, or as a picture."""
    from fractions import Fraction

    from vergence.cli import report
    from vergence.media.scene.cameras import read_cameras
    from vergence.pipelines.render import RenderSettings, process_render

    width, height = _size(size)
    views = () if poses is None else read_cameras(poses).views
    settings = RenderSettings(
        path=path,
        width=width,
        height=height,
        fov_x_deg=fov_x_deg,
        frames=frames,
        rate=Fraction(fps).limit_denominator(1001),
        degrees=degrees,
        at=at,
        background=_colour(background),
        point_radius=point_radius,
        device=device,
    )
    keys, lens = None, None
    if poses is not None:
        keys, lens = [view.world_from_camera for view in views], views[0].intrinsics if views else None
    with report.progress(progress, scene.name) as show:
        done = process_render(
            scene, output, settings=settings, poses=keys, lens=lens, overwrite=overwrite, progress=show
        )
    pictures = "1 picture" if done.frames == 1 else f"{done.frames} frames"
    report.line(f"{pictures} in {done.seconds:.1f} s ({done.frames / max(done.seconds, 1e-9):.1f} per second)")
    print(done.path, flush=True)


def _size(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    if not re.fullmatch(r"[0-9]{1,5}x[0-9]{1,5}", text):
        raise typer.BadParameter(f"{text!r} is no size such as 1280x720")
    width, height = text.split("x")
    return int(width), int(height)


def _colour(text: str) -> tuple[float, float, float]:
    if not re.fullmatch(r"#?[0-9a-fA-F]{6}", text):
        raise typer.BadParameter(f"{text!r} is no colour such as ffffff")
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red / 255, green / 255, blue / 255
