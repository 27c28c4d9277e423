"""Options that several commands share, and how their text is read. Imports nothing heavy."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import typer

Layout = Literal["sbs", "half-sbs", "tb", "half-tb", "anaglyph", "left", "right", "cross"]
Codec = Literal["auto", "h264", "hevc", "av1"]
ProgressStyle = Literal["bar", "json", "none"]
Stabilising = Literal["auto", "gated", "ema", "none"]

MODEL, FILM, OUTPUT = "Model", "Film", "Output"  # panels of --help

Inputs = Annotated[
    list[str], typer.Argument(metavar="IN...", help="Photos, films, folders of either, or a folder of numbered frames.")
]
Target = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="OUT", help="A file, or a folder (needed for several inputs)."),
]
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
    Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where the network runs.", rich_help_panel=MODEL)
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
        help="Short side of what the network sees, where it may vary; less is faster.",
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
Crf = Annotated[int | None, typer.Option("--crf", help="Quality of the codec, lower is better.", rich_help_panel=FILM)]
Preset = Annotated[str | None, typer.Option("--preset", help="Speed of the encoder.", rich_help_panel=FILM)]
