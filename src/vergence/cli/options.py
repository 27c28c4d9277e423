"""Options that several commands share, and how their text is read. Imports nothing heavy."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import typer

Layout = Literal["sbs", "half-sbs", "tb", "half-tb", "anaglyph", "left", "right", "cross"]
Codec = Literal["auto", "h264", "hevc", "av1"]
ProgressStyle = Literal["bar", "json", "none"]
Stabilising = Literal["gated", "ema", "none"]

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
    typer.Option("--weights", metavar="PATH", help="A file of weights of your own.", rich_help_panel=MODEL),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where the network runs.", rich_help_panel=MODEL)
]
Precision = Annotated[
    Literal["f32", "bf16"],
    typer.Option("--precision", help="bf16 needs OpenVINO and is faster on new CPUs.", rich_help_panel=MODEL),
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
    Stabilising, typer.Option("--stabilise", help="How depth is steadied over time.", rich_help_panel=FILM)
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
MaxFrames = Annotated[int | None, typer.Option("--max-frames", min=1, rich_help_panel=FILM)]
CodecName = Annotated[
    Codec, typer.Option("--codec", help="auto: h264, or hevc where there are 10 bits.", rich_help_panel=FILM)
]
Crf = Annotated[int | None, typer.Option("--crf", help="Quality of the codec, lower is better.", rich_help_panel=FILM)]
Preset = Annotated[str | None, typer.Option("--preset", help="Speed of the encoder.", rich_help_panel=FILM)]
