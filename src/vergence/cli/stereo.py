"""`vergence stereo`: photos and films in, stereo photos and films out."""

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from vergence.cli import options as opt
from vergence.cli.groups import with_groups
from vergence.errors import DeviceError, SettingsError
from vergence.stereo.presets import PRESETS, find_preset
from vergence.stereo.screen import IPD, SEAT, Screen

if TYPE_CHECKING:
    from vergence.depth.model import DepthModel
    from vergence.pipelines.job import Result

logger = logging.getLogger(__name__)

STEREO, OWN, COMFORT = "3-D", "Depth of your own", "Where it is watched"


@with_groups
def stereo(
    context: typer.Context,
    inputs: opt.Inputs,
    output: opt.Target = None,
    *,
    layout: opt.LayoutName = "sbs",
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
    method: Annotated[
        Literal["layered", "fast"],
        typer.Option(
            help="layered: edges split into what is in front and what behind. fast: half the work, for live use.",
            rich_help_panel=STEREO,
        ),
    ] = "layered",
    fill: Annotated[
        Literal["auto", "texture", "temporal"],
        typer.Option(
            help="Where what a near thing hid comes from. texture: from beside it. temporal: from other frames of the "
            "shot that show it, else from beside it. auto: temporal, with --method fast texture.",
            rich_help_panel=STEREO,
        ),
    ] = "auto",
    place: Annotated[
        opt.Place | None,
        typer.Option(
            "--for",
            help=f"Sets defaults of other options. {'; '.join(preset.summary for preset in PRESETS.values())}.",
            rich_help_panel=COMFORT,
        ),
    ] = None,
    screen_width_m: Annotated[
        float | None,
        typer.Option(metavar="M", help="Nothing lies so far behind it that eyes diverge.", rich_help_panel=COMFORT),
    ] = None,
    viewing_distance_m: Annotated[
        float | None,
        typer.Option(metavar="M", help="From the screen; else twice its width.", rich_help_panel=COMFORT),
    ] = None,
    ipd_mm: Annotated[
        float | None,
        typer.Option(
            metavar="MM",
            help="True to scale for eyes so far apart (63), as through a window: needs a model that gives metres, and "
            "a screen. --strength only limits it.",
            rich_help_panel=COMFORT,
        ),
    ] = None,
    fov_x_deg: Annotated[
        float | None,
        typer.Option(
            metavar="DEG", help="The camera's horizontal field of view; else EXIF or a guess.", rich_help_panel=COMFORT
        ),
    ] = None,
    floating_window: Annotated[
        Literal["auto", "on", "off"],
        typer.Option(
            help="Black edges where the border cuts what stands in front of the screen. auto: on screens, not in "
            "headsets.",
            rich_help_panel=COMFORT,
        ),
    ] = "auto",
    comfort_report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="PATH",
            help="How comfortable the result is: a page (.html), numbers (.json), or a folder for a page each.",
            rich_help_panel=COMFORT,
        ),
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
    estimator: opt.ModelOptions,
    steady: opt.SteadyOptions,
    whole: opt.PartOptions,
    coding: opt.EncodeOptions,
    disparity_adjustment: opt.DisparityAdjustment = 0.0,
    encoder: opt.SpatialEncoder = "x265",
    overwrite: opt.Overwrite = False,
    progress: opt.Progress = "bar",
) -> None:
    """Make stereo 3-D of photos and films; without -o beside each, as NAME_sbs.EXT."""
    from vergence.cli import inputs as files
    from vergence.cli import live_inputs, report
    from vergence.media.camera import CameraSettings
    from vergence.media.spatial.metadata import SpatialCamera, SpatialSettings
    from vergence.pipelines.arranged import target_of
    from vergence.pipelines.job import GivenDepth
    from vergence.pipelines.lifting import model_for_cloud
    from vergence.pipelines.stereo import process_video
    from vergence.stereo.layout import find_layout
    from vergence.stereo.settings import StereoSettings

    codec: opt.Codec | None = None
    if place is not None:
        preset_for, said = find_preset(place), _said(context)
        layout = layout if "layout" in said else cast(opt.Layout, preset_for.layout)
        strength = strength if "strength" in said else preset_for.strength
        codec = None if "codec" in said else preset_for.codec
        headset_names = headset_names or preset_for.headset_names
    settings = StereoSettings(
        strength=strength,
        max_disparity=max_disparity,
        convergence=_convergence(convergence),
        hero=hero,
        method=method,
        fill=fill,
        screen=_screen(place, screen_width_m, viewing_distance_m, ipd_mm),
        is_to_scale=ipd_mm is not None,
        floating_window=floating_window,
    )
    apart = SpatialCamera.baseline if ipd_mm is None else ipd_mm
    spatial = SpatialSettings(SpatialCamera(baseline=apart, disparity_adjustment=disparity_adjustment), encoder)
    sources = files.expand(inputs)
    arranged = find_layout(layout)
    tag = arranged.headset_tag if headset_names else arranged.tag
    encode = coding.settings(codec)
    target = files.target_for(sources, output, partial(target_of, layout=arranged, tag=tag, encode=encode))
    if comfort_report is not None and len(sources) > 1 and not comfort_report.is_dir():
        raise SettingsError(f"{len(sources)} inputs need an existing folder for their reports, not {comfort_report}")
    source_of_depth: DepthModel | GivenDepth
    if depth is not None:
        source_of_depth = GivenDepth(depth, depth_kind)
    else:
        named = estimator.named(model_for_cloud) if settings.is_to_scale else None
        source_of_depth = estimator.load(name=named, style=progress)
    if estimator.device == "cuda":
        settings = replace(settings, device=_views_device())

    def job(source: str) -> "Result":
        with report.progress(progress, Path(source).name) as show, live_inputs.until_stopped(source) as until:
            return process_video(
                source,
                target,
                layout=layout,
                stereo=settings,
                depth=source_of_depth,
                stabilising=steady.settings(),
                encode=encode,
                part=whole.part(until),
                headset_names=headset_names,
                camera=CameraSettings(fov_x_deg=fov_x_deg),
                spatial=spatial,
                report=comfort_report,
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


def _views_device() -> Literal["cpu", "cuda"]:
    """CUDA where torch has it; the network may have it by another runtime."""
    from vergence.stereo.device import find_views

    try:
        find_views("cuda")
    except DeviceError as error:
        logger.warning("what the eyes see is made on the cpu: %s", error)
        return "cpu"
    return "cuda"


def _said(context: typer.Context) -> set[str]:
    """The options that the command line names."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name != "DEFAULT"}


def _screen(place: str | None, width: float | None, distance: float | None, ipd_mm: float | None) -> Screen | None:
    """The preset's screen with what is said of it in its place; None where nothing is known."""
    ipd = IPD if ipd_mm is None else ipd_mm / 1000
    usual = None if place is None else find_preset(place).screen
    if usual is not None:
        width = usual.width if width is None else width
        distance = usual.distance if distance is None else distance
        return replace(usual, width=width, distance=distance, ipd=ipd)
    if width is not None:
        return Screen(width, SEAT * width if distance is None else distance, ipd)
    if distance is not None:
        raise SettingsError("a viewing distance needs a screen: give --screen-width-m too, or --for")
    return None
