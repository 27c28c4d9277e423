"""`vergence synth`: rendered photos and clips with perfect truth, as folders."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vergence.synthetic import Sample

CLIPS = "Clips"  # a panel of --help


def picture_size(text: str) -> tuple[int, int]:
    """Read `640x480` as width and height."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise typer.BadParameter(f"{text!r} is no size; write WIDTHxHEIGHT, such as 640x480")
    return int(width), int(height)


def synth(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where to write; made when missing.")],
    kind: Annotated[Literal["photos", "clips"], typer.Option(help="Single pictures or films.")] = "photos",
    count: Annotated[int, typer.Option(min=1, help="How many photos or clips.")] = 10,
    size: Annotated[str, typer.Option(metavar="WxH", help="Of each picture, pixels.")] = "640x480",
    seed: Annotated[int, typer.Option(min=0, help="Of the first; the others follow it.")] = 0,
    place: Annotated[
        str | None, typer.Option(metavar="NAME", help="One kind of place, such as room or street.")
    ] = None,
    baseline: Annotated[
        float | None, typer.Option(metavar="METRES", help="Render a right eye this far away, such as 0.063.")
    ] = None,
    faults: Annotated[
        bool, typer.Option("--camera-faults", help="Add noise, blur and JPEG artefacts of some camera.")
    ] = False,
    photographs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Cover walls, floors, posters and furniture with pictures of this folder."),
    ] = None,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where pictures are rendered.")] = "auto",
    frames: Annotated[int, typer.Option(min=1, help="Of each clip.", rich_help_panel=CLIPS)] = 60,
    rate: Annotated[int, typer.Option(min=1, help="Frames a second.", rich_help_panel=CLIPS)] = 24,
    motion: Annotated[
        Literal["handheld", "dolly", "pan", "static"] | None,
        typer.Option(help="Of the camera; each clip its own when not given.", rich_help_panel=CLIPS),
    ] = None,
) -> None:
    """Render a synthetic world with exact depth, camera, motion and identity; the folder is printed when done."""
    from vergence.datasets.synthetic import write_sample
    from vergence.errors import TargetError
    from vergence.synthetic import render_clip, render_photo
    from vergence.synthetic.photographs import find_photographs
    from vergence.synthetic.render.device import choose_device

    width, height = picture_size(size)
    if photographs is not None:
        find_photographs(photographs)  # a wrong folder is told before anything is made
    choose_device(device)  # and a GPU that is not there
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"cannot make the folder {out}: {error.strerror or error}") from error
    for number in range(count):
        samples: Iterable[Sample]
        if kind == "photos":
            samples = [
                render_photo(
                    seed + number,
                    width=width,
                    height=height,
                    kind=place,
                    right_eye_baseline=baseline,
                    effects=faults,
                    photographs=photographs,
                    device=device,
                )
            ]
        else:
            samples = render_clip(
                seed + number,
                frames=frames,
                rate=rate,
                width=width,
                height=height,
                motion=motion,
                kind=place,
                effects=faults,
                right_eye_baseline=baseline,
                photographs=photographs,
                device=device,
            )
        write_sample(out / f"{number:06d}", samples, seed=seed + number)
        print(f"{number + 1} of {count} {kind}", file=sys.stderr, flush=True)
    print(out)
