"""Options of `vergence live` that set what the page begins with, or show a plain window in its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vergence.cli.options import OUTPUT

if TYPE_CHECKING:
    from vergence.media.camera import CameraSettings
    from vergence.server.app import Outputs
    from vergence.server.engine import Engine
    from vergence.server.player import Player

VIEW, WINDOW = "View", "Window"  # panels of --help
HIGH_QUALITY_SIDE = 1024  # px: what --high-quality shows, and gives the model where nothing else is said


def _view(flag: str, text: str, **more: Any) -> Any:
    return typer.Option(flag, help=text, rich_help_panel=VIEW, **more)


Subsample = Annotated[
    int | None, _view("--subsample", "Show every n-th pixel only, each way.", min=1, max=8, metavar="N")
]
DepthScale = Annotated[
    float | None, _view("--depth-scale", "How strongly near and far differ.", min=0.1, max=2, metavar="X")
]
MinPercentile = Annotated[
    float | None, _view("--depth-min-percentile", "Cut this share of the nearest away.", min=0, max=60, metavar="P")
]
MaxPercentile = Annotated[
    float | None, _view("--depth-max-percentile", "Cut what lies behind this share.", min=40, max=100, metavar="P")
]
SorNeighbours = Annotated[
    int | None,
    _view("--sor-neighbors", "Leave out what lies alone: look at so many around a pixel.", metavar="N"),
]
SorRatio = Annotated[
    float | None,
    _view("--sor-std-ratio", "The same: it may differ by so many deviations more than most.", metavar="R"),
]
HighQuality = Annotated[
    bool, _view("--high-quality", "Larger pictures, 16 bits of depth, strict about what lies alone; slower.")
]
Metric = Annotated[bool, _view("--metric", "Choose a model that gives metres.")]
FocalX = Annotated[float | None, _view("--focal-length-x", "Of the source's camera, px of its picture.", metavar="PX")]
FocalY = Annotated[float | None, _view("--focal-length-y", "The same; one stands for both.", metavar="PX")]
Window = Annotated[
    bool,
    typer.Option("--window", help="A plain window in place of the page: picture and depth.", rich_help_panel=WINDOW),
]
Grayscale = Annotated[
    bool, typer.Option("--grayscale", help="With --window: depth in grey, near is bright.", rich_help_panel=WINDOW)
]
Record = Annotated[
    bool,
    typer.Option(
        "--record", help="Record picture and depth side by side, from the beginning to the end.", rich_help_panel=OUTPUT
    ),
]
OutputFolder = Annotated[
    Path,
    typer.Option(
        "--output-dir",
        metavar="FOLDER",
        help="Where recordings are put, and what key s saves.",
        rich_help_panel=OUTPUT,
    ),
]
RecordStream = Annotated[
    Path | None,
    typer.Option(
        "--record-stream",
        metavar="FILE.vgr",
        help="Record what viewers are sent; vergence live FILE.vgr shows it again without a model.",
        rich_help_panel=OUTPUT,
    ),
]
ServerFolder = Annotated[
    Path | None,
    typer.Option(
        "--output-dir",
        metavar="FOLDER",
        help="Let viewers save pictures with depth, and recordings, in this folder.",
        rich_help_panel=OUTPUT,
    ),
]
VirtualCamera = Annotated[
    bool,
    typer.Option(
        "--virtual-camera",
        help="Also be a camera for other programs: both eyes, or with --window what that shows.",
        rich_help_panel=OUTPUT,
    ),
]
VirtualLayout = Annotated[
    Literal["half-sbs", "sbs", "half-tb", "tb", "cross", "anaglyph"],
    typer.Option(
        "--virtual-layout", help="How the virtual camera shows both eyes.", rich_help_panel=OUTPUT,
    ),
]  # fmt: skip
Compat = Annotated[
    bool,
    typer.Option(
        "--compat", help="Also speak with older clients that take point clouds as msgpack.", rich_help_panel="Server"
    ),
]


@dataclass(frozen=True)
class ViewOptions:
    """What the page begins with; None leaves it to the page."""

    subsample: int | None
    depth_scale: float | None
    min_percentile: float | None
    max_percentile: float | None
    sor_neighbours: int | None
    sor_ratio: float | None
    high_quality: bool

    def settings(self) -> Iterator[tuple[str, Any]]:
        """Paths of `docs/protocol.md` and their values."""
        if self.high_quality:
            yield from (("picture.side", HIGH_QUALITY_SIDE), ("depth.bits", 16), ("colour.quality", 92))
        shown = {
            "subsample": self.subsample,
            "depth_scale": self.depth_scale,
            "near_percentile": self.min_percentile,
            "far_percentile": self.max_percentile,
        }
        yield from ((f"view.{name}", value) for name, value in shown.items() if value is not None)
        neighbours = self.sor_neighbours or (100 if self.high_quality else None)
        ratio = self.sor_ratio or (0.5 if self.high_quality else 1.0 if neighbours is not None else None)
        if neighbours is not None:
            yield "outliers.neighbours", neighbours
        if ratio is not None:
            yield "outliers.std_ratio", ratio

    def side(self, asked: int | None) -> int | None:
        """How large pictures may be that the model sees, px, where `--max-res` asked for that or for nothing."""
        return asked or (HIGH_QUALITY_SIDE if self.high_quality else None)


def camera(focal_x: float | None, focal_y: float | None, fov_x_deg: float | None) -> "CameraSettings":
    """What is known of the camera; raises `SettingsError` where it is said twice."""
    from vergence.media.camera import CameraSettings

    return CameraSettings(focal_x, focal_y, fov_x_deg)


def metric_model(name: str, *, is_wanted: bool) -> str:
    """The name of the model to load, one that gives metres where that is wanted and none was chosen."""
    if not is_wanted:
        return name
    from vergence.pipelines.lifting import model_for_cloud

    return model_for_cloud(name)


def within_memory(model: dict[str, Any]) -> dict[str, Any]:
    """Options of `load`, with the next smaller model where memory does not suffice and it is known which that is."""
    from vergence.depth.cards import CARDS
    from vergence.depth.memory import FAMILY

    card = CARDS.get(model["name"])
    return model | {"model_fallback": card is not None and card.family == FAMILY and model.get("weights") is None}


def instead_of(model: dict[str, Any], found: str) -> str | None:
    """The model that was asked for, where `found` had to take its place."""
    asked = model["name"]
    return str(asked) if model.get("model_fallback") and asked != found else None


def folder_for(path: Path) -> Path:
    """The folder, made where it is not there; raises `TargetError` where that cannot be done."""
    from vergence.errors import TargetError

    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"cannot make the folder {path}: {error.strerror}") from error
    return path


@dataclass(frozen=True)
class OutputOptions:
    """What is made of the stream besides the page.

    Attributes:
        folder: where viewers may save frames; None: nowhere.
        recordings: the same of recordings; None: they go with the server.
        record_to: record to this file from the beginning.
        overwrite: replace what lies there.
        virtual_layout: how a virtual camera shows both eyes; None: there is none.
        has_old_clients: speak with older clients too.
        most_clients: of them.
    """

    folder: Path | None = None
    recordings: Path | None = None
    record_to: Path | None = None
    overwrite: bool = False
    virtual_layout: str | None = None
    has_old_clients: bool = False
    most_clients: int = 16

    def check(self) -> None:
        """Raise where a recording cannot be written, before a model is loaded."""
        from vergence.server.recorder import Recorder

        if self.record_to is not None:
            Recorder.target(self.record_to, overwrite=self.overwrite)

    def of(self, engine: "Engine", player: "Player") -> "Outputs":
        """Make them ready; raises where something is missing."""
        from vergence.cli import report
        from vergence.media.live.virtual_camera import VirtualCamera as Camera
        from vergence.server.app import Outputs
        from vergence.server.compat import OldClients
        from vergence.server.eyes import Eyes
        from vergence.server.recorder import Recorder
        from vergence.server.recording import about
        from vergence.server.snapshot import Snapshots
        from vergence.server.virtual import VirtualOutput

        eyes, camera = Eyes(), None
        if self.virtual_layout is not None:
            camera = VirtualOutput(eyes, self.virtual_layout, Camera)
            report.line(f"other programs see it as {camera.name}")
        return Outputs(
            eyes=eyes,
            snapshots=None if self.folder is None else Snapshots(folder_for(self.folder)),
            recorder=Recorder(
                lambda: about(engine.model.card, engine.settings),
                lambda: engine.settings,
                folder=None if self.recordings is None else folder_for(self.recordings),
            ),
            record_to=self.record_to,
            overwrite=self.overwrite,
            virtual_camera=camera,
            old_clients=OldClients(engine, player, most_clients=self.most_clients) if self.has_old_clients else None,
        )


def show_in_window(
    source: str | None,
    *,
    model: dict[str, Any],
    grayscale: bool,
    record: bool,
    folder: Path,
    virtual_camera: bool,
    stabilise: Any,
    max_res: int | None,
) -> None:
    """`vergence live --window`: until a key ends it, or Ctrl-C."""
    from vergence.cli import report
    from vergence.cli.live_inputs import until_stopped
    from vergence.cli.loading import load
    from vergence.media.live import is_live
    from vergence.media.live.virtual_camera import VirtualCamera as Camera
    from vergence.media.open import open_source
    from vergence.pipelines.job import Part
    from vergence.pipelines.window import KEYS, OpenCvWindow, show_window
    from vergence.stability.stabilise import StabiliseSettings
    from vergence.types import Frame

    def output(picture: Frame) -> Camera:
        opened = Camera(picture.width, picture.height)
        report.line(f"other programs see it as {opened.name}")
        return opened

    source = source or "webcam:0"
    window = OpenCvWindow()
    folder_for(folder)
    if not is_live(source):  # what is missing is told before a model is loaded
        with open_source(source):
            pass
    estimator = load(model.pop("name"), **model)
    report.line(KEYS)
    with until_stopped(source) as until:
        frames = show_window(
            source,
            model=estimator,
            window=window,
            grayscale=grayscale,
            stabilising=StabiliseSettings(method=stabilise),
            part=Part(max_side=max_res, until=until),
            folder=folder,
            recording=record,
            also=output if virtual_camera else None,
            tell=report.line,
        )
    report.line(f"{frames} frames were shown")
