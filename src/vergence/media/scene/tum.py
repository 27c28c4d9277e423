"""Trajectories as text, the way of the TUM RGB-D benchmark (J. Sturm et al., 2012).

A line is one camera: `timestamp tx ty tz qx qy qz qw`, the pose from the camera (x right, y down, z forward) to the
world, in seconds and the world's unit, with the quaternion's w last. Lines that begin with # are comments.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError
from vergence.geometry.pose import pose, quaternions, rotation_matrices
from vergence.media.scene.scene import read_whole
from vergence.media.targets import Target

HEAD = "# timestamp tx ty tz qx qy qz qw (world from camera; x right, y down, z forward)\n"
DIGITS = 9  # of a second's fraction
UNIT = 1e-2  # how far a quaternion's length may be from 1: files of other programs have four digits and fewer
LARGEST = 1e30  # a number that is larger is damage
LONGEST = 400  # characters of a line
TIME = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?")  # of an exponent that is no attack


@dataclass(frozen=True)
class Moment:
    """Where a camera was at a time, seconds; the pose is (4, 4) float64, OpenCV axes."""

    time: Fraction
    world_from_camera: NDArray[np.float64]


def write_tum(path: str | Path, trajectory: Iterable[Moment], *, overwrite: bool = False) -> None:
    """Write a trajectory. Times are decimals to the nanosecond; poses keep every digit.

    Raises:
        TargetError: see `Target`.
    """
    with Target(Path(path), overwrite=overwrite) as target, target.temporary.open("w", encoding="ascii") as file:
        file.write(HEAD)
        for moment in trajectory:
            w, x, y, z = quaternions(moment.world_from_camera[:3, :3])
            numbers = (*moment.world_from_camera[:3, 3], x, y, z, w)
            file.write(f"{decimal(moment.time)} {' '.join(repr(float(number)) for number in numbers)}\n")


def decimal(time: Fraction) -> str:
    """A time to the nanosecond; exact where it has no more digits."""
    ticks = round(time * 10**DIGITS)
    whole, rest = divmod(abs(ticks), 10**DIGITS)
    digits = f"{rest:0{DIGITS}d}".rstrip("0").ljust(1, "0")
    return f"{'-' if ticks < 0 else ''}{whole}.{digits}"


def read_tum(path: str | Path) -> tuple[Moment, ...]:
    """Read a trajectory; times are exactly what the file says.

    Raises:
        MediaError: there is no such file, or it is no text.
        FormatError: a line is no camera.
    """
    path = Path(path)
    try:
        text = read_whole(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MediaError(f"{path} is no text, so no trajectory") from error
    moments = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                moments.append(_moment(line))
            except (ValueError, OverflowError, ZeroDivisionError) as error:
                raise FormatError(
                    f"{path} is no TUM trajectory: line {number} is {line[:60]!r}, "
                    f"needed are 8 numbers, timestamp tx ty tz qx qy qz qw ({error})"
                ) from error
    if not moments:
        raise FormatError(f"{path} is no TUM trajectory: it has no camera")
    return tuple(moments)


def _moment(line: str) -> Moment:
    if len(line) > LONGEST:
        raise ValueError("it is too long")
    words = line.replace(",", " ").split()
    if len(words) != 8:
        raise ValueError(f"it has {len(words)}")
    x, y, z, *turn = numbers = [float(word) for word in words[1:]]
    if not TIME.fullmatch(words[0]) or not all(abs(number) < LARGEST for number in (*numbers, float(words[0]))):
        raise ValueError("one is no number")
    length = float(np.linalg.norm(turn))
    if abs(length - 1) > UNIT:
        raise ValueError(f"its quaternion has the length {length:.3g}, not 1")
    rotation = rotation_matrices(np.array([turn[3], *turn[:3]]))
    return Moment(Fraction(words[0]), pose(rotation, np.array([x, y, z])))
