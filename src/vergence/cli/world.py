"""Options of `cloud` and `splats` for several pictures, or a film, in one world. Imports nothing heavy."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vergence.cli import options as opt
from vergence.errors import SettingsError
from vergence.media.formats import is_pattern

if TYPE_CHECKING:
    from vergence.depth.model import DepthModel
    from vergence.media.camera import CameraSettings
    from vergence.pipelines.job import GivenDepth
    from vergence.pipelines.posed import WorldSettings

WORLD = "One world"
TAG = "_world"  # of a result whose name is derived


def frames_or_seconds(text: str) -> int | Fraction:
    """Read `10` as frames and `0.5s` as seconds."""
    if re.fullmatch(r"[0-9]+", text) and int(text) > 0:
        return int(text)
    try:
        seconds = Fraction(text.removesuffix("s")) if text.endswith("s") else Fraction(0)
    except (ValueError, ZeroDivisionError):
        seconds = Fraction(0)
    if seconds <= 0:
        raise typer.BadParameter(f"{text!r} is neither a number of frames such as 10 nor seconds such as 0.5s")
    return seconds


Target = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="A file or a folder. Of several inputs: a folder for a file each, a file for one world.",
    ),
]
OneWorld = Annotated[
    bool,
    typer.Option(
        "--one-world",
        help="Put all pictures, or a film, into one world and one file. Goes without saying where several pictures "
        "have one file as OUT, and with --poses or --poses-to.",
        rich_help_panel=WORLD,
    ),
]
Poses = Annotated[
    Path | None,
    typer.Option(
        "--poses",
        metavar="PATH",
        help="Known cameras, by the pictures' names: a COLMAP folder, transforms.json, or our .json or .npz. "
        "Else the model finds them.",
        rich_help_panel=WORLD,
    ),
]
PosesTo = Annotated[
    Path | None,
    typer.Option(
        "--poses-to",
        metavar="PATH",
        help="Write the cameras: FOLDER (COLMAP; FOLDER/cameras.txt as text), transforms.json, .json of ours, .npz, "
        ".tum.",
        rich_help_panel=WORLD,
    ),
]
Every = Annotated[
    str | None,
    typer.Option(
        "--every",
        metavar="N|Ns",
        help="Key frames of a film: with 10 each tenth, with 0.5s two a second; else one whenever the picture has "
        "moved enough.",
        rich_help_panel=WORLD,
    ),
]
Loops = Annotated[
    bool,
    typer.Option(
        "--loops",
        help="Mend a film's drift where it comes back to a place; holds all key frames in memory.",
        rich_help_panel=WORLD,
    ),
]


@dataclass(frozen=True)
class WorldOptions:
    """What a command line says of one world."""

    one_world: OneWorld = False
    poses: Poses = None
    poses_to: PosesTo = None
    every: Every = None
    loops: Loops = False

    def are_meant(self, sources: Sequence[str], output: str | None) -> bool:
        """Whether the sources go into one world, and not each into a file of its own."""
        if self.every is not None:
            frames_or_seconds(self.every)  # a wrong word is told before a model is fetched
        is_file = output is not None and not opt.is_folder(output) and _is_file_name(Path(output))
        is_said = self.one_world or self.poses is not None or self.poses_to is not None
        if is_said or (is_file and len(sources) > 1):
            return True
        if self.every is not None or self.loops:
            raise SettingsError("--every and --loops are of a film in one world; add --one-world, or use --target-fps")
        return False

    def settings(self, *, shots: bool) -> "WorldSettings":
        """The same for the job."""
        from vergence.pipelines.posed import WorldSettings

        step = None if self.every is None else frames_or_seconds(self.every)
        return WorldSettings(self.poses, self.poses_to, step, shots, self.loops)


def _is_file_name(path: Path) -> bool:
    return path.suffix != "" and not path.is_dir() and not is_pattern(path)


def source_of_depth(
    sources: Sequence[str],
    *,
    asked: WorldOptions,
    is_world: bool,
    camera: "CameraSettings",
    own: opt.OwnMetres,
    estimator: opt.ModelOptions,
    shots: bool,
    style: opt.ProgressStyle,
) -> "DepthModel | GivenDepth":
    """Depth of the user's own, else the model that the job needs, loaded; what cannot be is told before that."""
    from vergence.pipelines.lifting import model_for_cloud
    from vergence.pipelines.posed import model_for_world

    if not is_world:
        return own.given() or estimator.load(name=estimator.named(model_for_cloud), style=style)
    check_alone(camera=camera, depth=own.depth)
    name = estimator.named(partial(model_for_world, has_cameras=asked.poses is not None))
    return estimator.load(name=name, views=at_once(sources, asked.settings(shots=shots)), style=style)


def check_alone(*, camera: "CameraSettings", depth: Path | None) -> None:
    """Raise `SettingsError` for what is of single pictures."""
    from vergence.media.camera import CameraSettings

    if depth is not None:
        raise SettingsError(
            "one world takes a model, and --poses for known cameras, in place of --depth; depth of a film that has "
            "poses of its own goes with --fuse"
        )
    if camera != CameraSettings():
        raise SettingsError("in one world lenses are found by the model, or known by --poses; leave out the camera's")


def at_once(sources: Sequence[str], settings: "WorldSettings") -> int:
    """How many views the model sees together."""
    from vergence.pipelines.job import Part
    from vergence.pipelines.posed import film_among, unfolded

    pictures = unfolded(sources, settings)
    return len(pictures) if film_among(pictures, Part()) is None else settings.chunks.size


def target_of(sources: Sequence[str], output: str | None) -> Path:
    """Where a world goes: OUT, else `NAME_world.ply` beside the first source."""
    first = Path(sources[0])
    return first.with_name(f"{first.stem}{TAG}.ply") if output is None else Path(output)
