"""Options that several commands share, and how their text is read. Imports nothing heavy.

Those that go together are in dataclasses, see `groups`, which also make of them what a job takes.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from vergence.depth.model import DepthModel
    from vergence.media.camera import CameraSettings
    from vergence.media.video_writer import EncodeSettings
    from vergence.pipelines.job import GivenDepth, Part
    from vergence.stability.stabilise import StabiliseSettings

Layout = Literal[
    "sbs", "half-sbs", "tb", "half-tb", "parallel", "cross", "anaglyph", "anaglyph-half", "anaglyph-optimised",
    "anaglyph-gray", "anaglyph-colour", "anaglyph-green-magenta", "anaglyph-amber-blue", "rows", "columns", "rgbd",
    "half-rgbd", "vr180", "left", "right", "separate", "mpo", "jps", "spatial", "parallax-mp4",
]  # fmt: skip
LAYOUT_LINES: dict[str, str] = {
    "sbs": "side by side, each eye at full width: headsets, 3-D players",
    "half-sbs": "side by side, each squeezed to half its width: 3-D televisions",
    "tb": "left eye above right, each at full height",
    "half-tb": "the same, each squeezed to half its height: 3-D televisions",
    "parallel": "sbs without 3-D tags, for free viewing with the eyes parallel",
    "cross": "right eye at the left, for free viewing with crossed eyes",
    "anaglyph": "red-cyan glasses, true colours with the least ghosting (Dubois)",
    "anaglyph-half": "red-cyan, half colour: less rivalry on red things",
    "anaglyph-optimised": "red-cyan, without red: little rivalry, odd reds",
    "anaglyph-gray": "red-cyan, black and white: no rivalry, for prints",
    "anaglyph-colour": "red-cyan, every colour as it is: most rivalry",
    "anaglyph-green-magenta": "green-magenta glasses (Dubois)",
    "anaglyph-amber-blue": "amber-blue glasses such as ColorCode (Dubois)",
    "rows": "rows by turns, left eye in the 1st: passive 3-D screens, pixel by pixel",
    "columns": "columns by turns, left eye in the 1st: screens without glasses",
    "rgbd": "the picture, and its depth at its right: near is white",
    "half-rgbd": "the same, each squeezed to half its width",
    "vr180": "each eye on half a sphere at its true angle (--fov-x-deg): headsets",
    "left": "the left eye alone",
    "right": "the right eye alone",
    "separate": "two files, NAME_left and NAME_right",
    "mpo": "a photo for 3-D cameras, televisions and the Nintendo 3DS",
    "jps": "a photo as a stereo JPEG, crossed eyes",
    "spatial": "Apple's spatial video (MV-HEVC, .mov) and photos (.heic); not yet tried on a device",
    "parallax-mp4": "a photo as a short film whose camera sways, and loops",
}
Codec = Literal["auto", "h264", "hevc", "av1"]
Place = Literal["quest", "visionpro", "tv", "cinema", "cardboard", "anaglyph"]
ProgressStyle = Literal["bar", "json", "none"]
Stabilising = Literal["auto", "gated", "ema", "none"]

STEREO, MODEL, FILM, OUTPUT, CAMERA, OWN = "3-D", "Model", "Film", "Output", "Camera", "Depth of your own"  # panels

LayoutName = Annotated[
    Layout,
    typer.Option(
        "--layout",
        metavar="NAME",
        help="\n\n".join(("How the two eyes are arranged.", *map(": ".join, LAYOUT_LINES.items()))),
        rich_help_panel=STEREO,
    ),
]

Inputs = Annotated[
    list[str], typer.Argument(metavar="IN...", help="Photos, films, folders of either, or a folder of numbered frames.")
]
Target = Annotated[
    str | None,
    typer.Option(
        "-o", "--output", metavar="OUT", help="A file, or a folder (FOLDER/ makes it; needed for several inputs)."
    ),
]


def is_folder(target: str) -> bool:
    """Whether a target is written as a folder: with a slash at its end."""
    return target.endswith(("/", os.sep))


Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what lies there.", rich_help_panel=OUTPUT)]
Progress = Annotated[
    ProgressStyle,
    typer.Option(help="json: one object a line on stderr (stage, done, total, fps, eta).", rich_help_panel=OUTPUT),
]

ModelName = Annotated[
    str,
    typer.Option("--model", metavar="NAME", help="See `vergence models list`.", rich_help_panel=MODEL),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="PATH",
        help="Weights of your own: .onnx, .pth, .safetensors, or an export's folder.",
        rich_help_panel=MODEL,
    ),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option("--device", help="Where the network runs, and `stereo` makes its views.", rich_help_panel=MODEL),
]
Precision = Annotated[
    Literal["f32", "bf16", "f16"],
    typer.Option(
        "--precision", help="bf16: OpenVINO or torch, faster on new CPUs. f16: torch on a GPU.", rich_help_panel=MODEL
    ),
]
Runtime = Annotated[
    Literal["auto", "onnxruntime", "openvino", "torch"],
    typer.Option("--runtime", help="What computes the network.", rich_help_panel=MODEL),
]
WeightsKind = Annotated[
    Literal["relative", "metric"] | None,
    typer.Option("--kind", help="What --weights of your own give.", rich_help_panel=MODEL),
]
MaxDepth = Annotated[
    float | None,
    typer.Option(
        "--max-depth", metavar="M", help="What metric --weights of Depth Anything V2 reach.", rich_help_panel=MODEL
    ),
]
Streaming = Annotated[
    bool,
    typer.Option("--streaming", help="Video models: answer each frame at once, from the past.", rich_help_panel=MODEL),
]
Exact = Annotated[
    bool,
    typer.Option("--exact", help="Video models: as the authors' code to the last digit.", rich_help_panel=MODEL),
]
InputSize = Annotated[
    int | None,
    typer.Option(
        "--input-size",
        min=14,
        metavar="PX",
        help="Short side (Depth Anything 3: longer side) of what the network sees; less is faster.",
        rich_help_panel=MODEL,
    ),
]
RayPoses = Annotated[
    bool,
    typer.Option(
        "--ray-poses",
        help="Depth Anything 3, many views: find cameras by the rays it sees, the authors' slower second way.",
        rich_help_panel=MODEL,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        "--batch",
        min=1,
        metavar="N",
        help="Depth Anything 3: so many frames of a film at once, for a GPU.",
        rich_help_panel=MODEL,
    ),
]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        "--max-memory",
        metavar="SIZE",
        help="Depth Anything 3: take no more, such as 4GB; else what is free.",
        rich_help_panel=MODEL,
    ),
]
ModelFallback = Annotated[
    bool,
    typer.Option(
        "--model-fallback",
        help="Depth Anything 3: where memory does not suffice take the next smaller one.",
        rich_help_panel=MODEL,
    ),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Never use the network (or VERGENCE_OFFLINE=1).", rich_help_panel=MODEL)
]
AcceptLicence = Annotated[
    bool,
    typer.Option("--accept-licence", help="Accept non-commercial weights, once.", rich_help_panel=MODEL),
]
Stabilise = Annotated[
    Stabilising,
    typer.Option("--stabilise", help="auto: gated, but video models are steady already.", rich_help_panel=FILM),
]
Shots = Annotated[
    bool,
    typer.Option("--shots/--no-shots", help="Find cuts and begin anew at each.", rich_help_panel=FILM),
]


def seconds(text: str) -> Fraction:
    """Read `90`, `1:30` or `0:01:30.5` as seconds."""
    try:
        total = Fraction(0)
        for part in text.split(":"):
            total = total * 60 + Fraction(part)
    except (ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(f"{text!r} is no time; write seconds or H:MM:SS") from error
    if total < 0:
        raise typer.BadParameter("a time in a film is not negative")
    return total


Start = Annotated[
    Fraction | None,
    typer.Option("--start", parser=seconds, metavar="TIME", help="Seconds or H:MM:SS.", rich_help_panel=FILM),
]
End = Annotated[
    Fraction | None,
    typer.Option("--end", parser=seconds, metavar="TIME", help="Not included itself.", rich_help_panel=FILM),
]
MaxFrames = Annotated[
    int | None,
    typer.Option(
        "--max-frames", "--max-len", min=1, help="At most so many, counted after --target-fps.", rich_help_panel=FILM
    ),
]


def frames_per_second(text: str) -> Fraction:
    """Read `15`, `23.976` or `30000/1001` as frames per second."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(f"{text!r} is no frame rate; write one like 15, 23.976 or 30000/1001") from error
    if rate <= 0:
        raise typer.BadParameter("a film has more than 0 frames a second")
    return rate


TargetFps = Annotated[
    Fraction | None,
    typer.Option(
        "--target-fps",
        parser=frames_per_second,
        metavar="FPS",
        help="Leave out frames down to this rate, at the film's own speed; never adds any.",
        rich_help_panel=FILM,
    ),
]
MaxRes = Annotated[
    int | None,
    typer.Option(
        "--max-res",
        min=16,
        metavar="PX",
        help="Shrink pictures whose longer side has more, before anything else.",
        rich_help_panel=OUTPUT,
    ),
]
CodecName = Annotated[
    Codec, typer.Option("--codec", help="auto: h264, or hevc where there are 10 bits.", rich_help_panel=FILM)
]
DisparityAdjustment = Annotated[
    float,
    typer.Option(
        "--disparity-adjustment",
        metavar="SHARE",
        help="Layout spatial: how far headsets move the eyes' pictures apart, -1 to 1 of their width.",
        rich_help_panel=OUTPUT,
    ),
]
SpatialEncoder = Annotated[
    Literal["x265", "spatial"],
    typer.Option(
        "--encoder",
        help="Layout spatial: x265 is our own; spatial is the macOS tool of that name, on the PATH.",
        rich_help_panel=OUTPUT,
    ),
]
Crf = Annotated[int | None, typer.Option("--crf", help="Quality of the codec, lower is better.", rich_help_panel=FILM)]
Preset = Annotated[str | None, typer.Option("--preset", help="Speed of the encoder.", rich_help_panel=FILM)]


@dataclass(frozen=True)
class CameraOptions:
    """The lens of photos and films."""

    focal_length_x: Annotated[
        float | None,
        typer.Option(metavar="PX", help="In pixels of the source's picture; else EXIF.", rich_help_panel=CAMERA),
    ] = None
    focal_length_y: Annotated[
        float | None, typer.Option(metavar="PX", help="Where it differs.", rich_help_panel=CAMERA)
    ] = None
    fov_x_deg: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="Horizontal field of view, in their place.", rich_help_panel=CAMERA),
    ] = None

    def settings(self) -> "CameraSettings":
        """The same for a job."""
        from vergence.media.camera import CameraSettings

        return CameraSettings(self.focal_length_x, self.focal_length_y, self.fov_x_deg)


@dataclass(frozen=True)
class OwnMetres:
    """Depth of the user's own that is in metres."""

    depth: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Metres in a file (.png .npz .exr), or a folder.", rich_help_panel=OWN),
    ] = None
    depth_kind: Annotated[
        Literal["metric"] | None,
        typer.Option(help="metric: metres, or millimetres as 16-bit integers.", rich_help_panel=OWN),
    ] = None

    def given(self) -> "GivenDepth | None":
        """The same for a job; None where a model is asked."""
        from vergence.pipelines.job import GivenDepth

        return None if self.depth is None else GivenDepth(self.depth, self.depth_kind)


@dataclass(frozen=True)
class LiveModelOptions:
    """Which model, how it runs, and on what terms."""

    model: ModelName = "auto"
    weights: Weights = None
    kind: WeightsKind = None
    max_depth: MaxDepth = None
    device: Device = "auto"
    precision: Precision = "f32"
    runtime: Runtime = "auto"
    input_size: InputSize = None
    max_memory: MaxMemory = None
    streaming: Streaming = False
    offline: Offline = False
    accept_licence: AcceptLicence = False

    def options(self, name: str | None = None) -> dict[str, Any]:
        """What `loading.load` takes, for the model called `name` where one is given."""
        options = {**vars(self)}
        own = options.pop("model")
        return {"name": name or own, **options}


@dataclass(frozen=True)
class ModelOptions(LiveModelOptions):
    """The same for files, which may take their time."""

    batch: Batch = None
    model_fallback: ModelFallback = False
    exact: Exact = False
    ray_poses: RayPoses = False

    def load(self, *, style: ProgressStyle, name: str | None = None, views: int = 1) -> "DepthModel":
        """Load it, or the one called `name` in its place, to be shown so many views at once."""
        from vergence.cli.loading import load

        return load(**self.options(name), views=views, style=style)

    def named(self, choose: Callable[[str], str]) -> str:
        """The model's name, or what `choose` says of it where no weights of the user's own are given."""
        return self.model if self.weights is not None else choose(self.model)


@dataclass(frozen=True)
class SteadyOptions:
    """How depth of films is held still."""

    stabilise: Stabilise = "auto"
    shots: Shots = True

    def settings(self) -> "StabiliseSettings":
        """The same for a job."""
        from vergence.stability.stabilise import StabiliseSettings

        return StabiliseSettings(method=self.stabilise, shots=self.shots)


@dataclass(frozen=True)
class PartOptions:
    """How much of the sources."""

    start: Start = None
    end: End = None
    target_fps: TargetFps = None
    max_frames: MaxFrames = None
    max_res: MaxRes = None

    def part(self, until: Event | None = None) -> "Part":
        """The same for a job."""
        from vergence.pipelines.job import Part

        return Part(self.start, self.end, self.max_frames, self.target_fps, self.max_res, until)


@dataclass(frozen=True)
class EncodeOptions:
    """How films are coded."""

    codec: CodecName = "auto"
    crf: Crf = None
    preset: Preset = None

    def settings(self, codec: Codec | None = None) -> "EncodeSettings":
        """The same for a job, with another codec where one is given."""
        from vergence.media.video_writer import EncodeSettings

        return EncodeSettings(codec=codec or self.codec, crf=self.crf, preset=self.preset)
