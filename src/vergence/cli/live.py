"""`vergence live` and `vergence serve`: a picture that moves, in depth, in the browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from vergence.cli import live_options as own
from vergence.cli import options as opt
from vergence.cli.groups import with_groups

if TYPE_CHECKING:
    from vergence.depth.world import WorldModel
    from vergence.server.run import ServeSettings, Serving

SERVER, VIEW = "Server", "View"  # panels of --help

View = Literal["points", "mesh", "surfels", "splats", "depth", "stereo"]

ViewName = Annotated[View | None, typer.Option("--view", help="What the page shows first.", rich_help_panel=VIEW)]
Host = Annotated[
    str,
    typer.Option(
        "--host", metavar="ADDRESS", help="Address to bind; 0.0.0.0 lets other machines in.", rich_help_panel=SERVER
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", metavar="N", help="0: any that is free. Without it 8123, or another.", rich_help_panel=SERVER
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token", metavar="TEXT", envvar="VERGENCE_TOKEN", help="A token of your own in place of a random one.",
        rich_help_panel=SERVER,
    ),
]  # fmt: skip
Tls = Annotated[
    bool,
    typer.Option(
        "--tls",
        help="https, which phones and headsets need for camera and VR. With --host 0.0.0.0 a QR code leads there.",
        rich_help_panel=SERVER,
    ),
]
CertificateFile = Annotated[
    Path | None,
    typer.Option("--tls-cert", metavar="PEM", help="A certificate of your own.", rich_help_panel=SERVER),
]
KeyFile = Annotated[Path | None, typer.Option("--tls-key", metavar="PEM", help="Its key.", rich_help_panel=SERVER)]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host", metavar="NAME", help="A name the server answers to, such as a proxy's.", rich_help_panel=SERVER
    ),
]
RootPath = Annotated[
    str, typer.Option("--root-path", metavar="PATH", help="Where a proxy shows it.", rich_help_panel=SERVER)
]
MostClients = Annotated[
    int, typer.Option("--max-clients", min=1, help="Viewers and cameras at once.", rich_help_panel=SERVER)
]
Source = Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="webcam:0, screen:1, a film, a photo, ...")]
Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]...", help="As of live; the page can choose among them."),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only say the address.", rich_help_panel=VIEW)]
Fov = Annotated[
    float | None,
    typer.Option("--fov-x-deg", metavar="DEG", help="Horizontal field of view of the source.", rich_help_panel=VIEW),
]
CaptureModel = Annotated[
    str | None,
    typer.Option(
        "--capture-model",
        metavar="NAME",
        help="Model of captures (key X); the same without it.",
        rich_help_panel=opt.MODEL,
    ),
]
EveryFrame = Annotated[
    bool,
    typer.Option("--every-frame", help="Films: leave none out, as fast as the model.", rich_help_panel=opt.FILM),
]


@with_groups
def live(
    source: Source = None,
    *,
    view: ViewName = None,
    no_browser: NoBrowser = False,
    fov_x_deg: Fov = None,
    every_frame: EveryFrame = False,
    subsample: own.Subsample = None,
    depth_scale: own.DepthScale = None,
    depth_min_percentile: own.MinPercentile = None,
    depth_max_percentile: own.MaxPercentile = None,
    sor_neighbors: own.SorNeighbours = None,
    sor_std_ratio: own.SorRatio = None,
    high_quality: own.HighQuality = False,
    metric: own.Metric = False,
    focal_length_x: own.FocalX = None,
    focal_length_y: own.FocalY = None,
    window: own.Window = False,
    grayscale: own.Grayscale = False,
    record: own.Record = False,
    record_stream: own.RecordStream = None,
    overwrite: opt.Overwrite = False,
    virtual_camera: own.VirtualCamera = False,
    virtual_layout: own.VirtualLayout = "half-sbs",
    compat: own.Compat = False,
    output_dir: own.OutputFolder = Path(),
    stabilise: opt.Stabilise = "auto",
    max_res: opt.MaxRes = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    token: Token = None,
    tls: Tls = False,
    capture_model: CaptureModel = None,
    estimator: opt.LiveModelOptions,
) -> None:
    """Show a source as moving 3-D in the browser: points, mesh, surfels, depth, stereo, VR.

    SOURCE: webcam:0, screen:1, window:TITLE, rtsp://..., http://..., test:, a film or a photo; see `vergence devices`.
    Without one, the browser's own camera.
    """
    if grayscale and not window:
        raise typer.BadParameter("--grayscale is of --window")
    if window and (record_stream is not None or compat):
        raise typer.BadParameter("--record-stream and --compat are of the page, not of --window")
    seen = own.ViewOptions(
        subsample, depth_scale, depth_min_percentile, depth_max_percentile, sor_neighbors, sor_std_ratio, high_quality
    )
    name = own.metric_model(estimator.model, is_wanted=metric and estimator.weights is None)
    chosen = estimator.options(name)
    if window:
        own.show_in_window(
            source, model=chosen, grayscale=grayscale, record=record, folder=output_dir, virtual_camera=virtual_camera,
            stabilise=stabilise, max_res=seen.side(max_res),
        )  # fmt: skip
        return
    settings = _server(host=host, port=port, token=token, tls=tls)
    _run(
        (source,) if source else (),
        settings,
        fragment=_fragment(view, is_camera=source is None),
        opens_browser=not no_browser,
        initial={
            "fov_x_deg": fov_x_deg, "every_frame": every_frame, "stabilise": stabilise, "max_res": seen.side(max_res),
            "camera": own.camera(focal_length_x, focal_length_y, fov_x_deg), "settings": dict(seen.settings()),
            "record_to": own.folder_for(output_dir) if record else None,
        },
        model=chosen,
        capture_model=capture_model,
        outputs=own.OutputOptions(
            folder=output_dir, recordings=None if output_dir == Path() else output_dir, record_to=record_stream,
            overwrite=overwrite, virtual_layout=virtual_layout if virtual_camera else None, has_old_clients=compat,
        ),
    )  # fmt: skip


@with_groups
def serve(
    sources: Sources = None,
    *,
    view: ViewName = None,
    fov_x_deg: Fov = None,
    every_frame: EveryFrame = False,
    stabilise: opt.Stabilise = "auto",
    max_res: opt.MaxRes = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    token: Token = None,
    tls: Tls = False,
    tls_cert: CertificateFile = None,
    tls_key: KeyFile = None,
    allow_host: AllowHost = None,
    root_path: RootPath = "",
    max_clients: MostClients = 16,
    compat: own.Compat = False,
    record_stream: own.RecordStream = None,
    overwrite: opt.Overwrite = False,
    output_dir: own.ServerFolder = None,
    capture_model: CaptureModel = None,
    estimator: opt.LiveModelOptions,
) -> None:
    """Serve the live viewer to browsers elsewhere, and take their cameras; opens no browser itself."""
    settings = _server(
        host=host, port=port, token=token, tls=tls, certificate=tls_cert, key=tls_key,
        names=tuple(allow_host or ()), root_path=root_path, most_clients=max_clients,
    )  # fmt: skip
    _run(
        tuple(sources or ()),
        settings,
        fragment=_fragment(view, is_camera=False),
        opens_browser=False,
        initial={"fov_x_deg": fov_x_deg, "every_frame": every_frame, "stabilise": stabilise, "max_res": max_res},
        model=estimator.options(),
        capture_model=capture_model,
        outputs=own.OutputOptions(
            folder=output_dir, recordings=output_dir, record_to=record_stream, overwrite=overwrite,
            has_old_clients=compat, most_clients=max_clients,
        ),
    )  # fmt: skip


def _server(
    *, host: str, port: int | None, token: str | None, tls: bool, names: tuple[str, ...] = (), **others: Any
) -> "ServeSettings":
    from platformdirs import user_data_path

    from vergence.server.run import ServeSettings
    from vergence.server.security import Access, new_token

    access = Access(token or new_token(), names)
    folder = user_data_path("vergence", appauthor=False) / "tls"
    return ServeSettings(host=host, port=port, access=access, is_encrypted=tls, folder=folder, **others)


def _fragment(view: str | None, *, is_camera: bool) -> dict[str, str]:
    found = {"view": view} if view else {}
    return found | ({"camera": "1"} if is_camera else {})


def _run(
    sources: tuple[str, ...],
    settings: "ServeSettings",
    *,
    fragment: dict[str, str],
    opens_browser: bool,
    initial: dict[str, Any],
    model: dict[str, Any],
    capture_model: str | None,
    outputs: own.OutputOptions,
) -> None:
    from contextlib import nullcontext

    from vergence.cli import report
    from vergence.cli.loading import load
    from vergence.media.live import check_live, is_live
    from vergence.pipelines.posed import sees_many
    from vergence.pipelines.recorded import Recorded
    from vergence.server.capture import Capturer
    from vergence.server.engine import Engine
    from vergence.server.outliers import WithoutLonely
    from vergence.server.player import Player, listed
    from vergence.server.recording import NoModel, is_recording
    from vergence.server.run import serve as run
    from vergence.server.settings import LiveSettings

    for source in sources:
        if is_live(source):
            check_live(source)
    outputs.check()
    shown = tuple(listed(source, number) for number, source in enumerate(sources))  # what is missing is told first
    live_settings = LiveSettings()
    live_settings = live_settings.with_value("camera.fov", initial["fov_x_deg"])
    live_settings = live_settings.with_value("film.every_frame", initial["every_frame"])
    if initial["stabilise"] != "auto":
        live_settings = live_settings.with_value("stabilise.method", initial["stabilise"])
    is_replay = bool(sources) and all(map(is_recording, sources))
    replayed = NoModel(*sources) if is_replay else None
    if replayed is not None:  # it begins as those saw it who saw it live
        live_settings = replayed.viewed(live_settings)
    for path, value in initial.get("settings", {}).items():
        live_settings = live_settings.with_value(path, value)
    model = own.within_memory(model)
    estimator = replayed or load(**model)
    asked = None if is_replay else own.instead_of(model, estimator.card.name)
    if initial["stabilise"] == "auto" and estimator.card.lookahead > 0:  # a video model is steady by itself
        live_settings = live_settings.with_value("stabilise.method", "none")
    cleaned = WithoutLonely(estimator, lambda: engine.settings.outliers)
    folder = initial.get("record_to")
    recorded = None if folder is None else Recorded(cleaned, folder, tell=report.line)
    engine = Engine(
        recorded or cleaned,
        settings=live_settings,
        gaussian_model=cast("WorldModel", estimator) if estimator.card.options.get("has_gaussians") else None,
        world_model=estimator if sees_many(estimator) else None,
    )
    player = Player(engine, shown, max_side=initial["max_res"], camera=initial.get("camera"))
    made = outputs.of(engine, player)

    def tell(serving: "Serving") -> None:
        depth = "a recorded stream" if is_replay else f"depth by {estimator.card.name} ({estimator.card.licence})"
        report.line(f"{depth}; Ctrl-C ends it")
        _show_addresses(serving)
        if opens_browser:
            import webbrowser

            webbrowser.open(serving.url)

    finer = model
    if capture_model is None and replayed is None and model.get("weights") is None:
        finer = model | {"name": estimator.card.name}  # what "auto" takes has been told
    elif capture_model is not None:
        of_any = ("device", "precision", "runtime", "offline", "accept_licence")
        finer = own.within_memory({"name": capture_model} | {name: model[name] for name in of_any})
    capturer = Capturer(lambda: load(**finer, style="none"), engine.next_sequence)
    with recorded or nullcontext():
        run(engine, player, settings, capturer=capturer, outputs=made, fragment=fragment, asked=asked, tell=tell)


def _show_addresses(serving: "Serving") -> None:
    import sys

    import segno

    from vergence.cli import report

    print(serving.url, flush=True)
    for address in serving.elsewhere:
        report.line(f"from other machines: {address}")
    if serving.fingerprint:
        report.line(f"the browser asks about our own certificate; its SHA-256 is\n{serving.fingerprint}")
    if serving.url.startswith("https") and not serving.elsewhere:
        report.line("only this machine can open it; add --host 0.0.0.0 for phones and headsets")
    if serving.elsewhere and sys.stderr.isatty():
        segno.make(serving.elsewhere[0], error="l").terminal(sys.stderr, compact=True, border=2)
