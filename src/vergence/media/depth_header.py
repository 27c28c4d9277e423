"""What a depth file says of its values, the same in every format that carries words beside pixels."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError, VergenceError
from vergence.types import DepthKind, DepthMap, Intrinsics

VERSION = 1
UNITS: dict[DepthKind, str] = {"metric": "m", "scale_invariant": "none", "affine_inverse": "none", "disparity": "px"}


def header_of(depth: DepthMap) -> dict[str, Any]:
    """Describe a depth map in strings, numbers and lists of them."""
    header: dict[str, Any] = {
        "version": VERSION,
        "kind": depth.kind,
        "unit": UNITS[depth.kind],
        "sampling": depth.sampling,
    }
    if (camera := depth.intrinsics) is not None:
        header["intrinsics"] = [camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height]
    if depth.world_from_camera is not None:
        header["world_from_camera"] = depth.world_from_camera.tolist()
    return header


def described_depth(
    header: dict[str, Any],
    values: NDArray[np.float32],
    *,
    valid: NDArray[np.bool_],
    path: Path,
    asked: DepthKind | None,
    confidence: NDArray[np.float32] | None = None,
) -> DepthMap:
    """Join values with the header read from `path`.

    Raises:
        MediaError: the header is damaged.
        FormatError: a later version wrote it, or it contradicts the kind `asked` for.
    """
    try:
        if int(header["version"]) > VERSION:
            raise FormatError(f"{path} was written by a later version of vergence; update it to read the file")
        if header["unit"] != UNITS[header["kind"]] or header["sampling"] not in ("centres", "corners"):
            raise ValueError(f"unit {header['unit']!r}, sampling {header['sampling']!r}")
        if not np.isfinite(values).all():
            raise ValueError("not all values are finite")
        if confidence is not None and (confidence.shape != values.shape or confidence.dtype != np.float32):
            raise ValueError(f"confidence is {confidence.shape} {confidence.dtype}")
        intrinsics = header.get("intrinsics")
        pose = header.get("world_from_camera")
        depth = DepthMap(
            values,
            valid,
            kind=header["kind"],
            sampling=header["sampling"],
            intrinsics=None if intrinsics is None else _intrinsics(*intrinsics),
            world_from_camera=None if pose is None else np.array(pose, dtype=np.float64).reshape(4, 4),
            confidence=confidence,
        )
    except FormatError:
        raise
    except (VergenceError, KeyError, TypeError, ValueError) as error:
        raise MediaError(f"{path} is damaged: its description of the depth cannot be read ({error})") from error
    if asked not in (None, depth.kind):
        raise FormatError(f"{path} says that it holds {depth.kind} depth, not {asked}; leave out --depth-kind")
    return depth


def foreign_depth(values: NDArray[Any], kind: DepthKind | None, *, path: Path) -> DepthMap:
    """Depth from another program, of the kind the user says.

    Zero, negative and non-finite values are invalid; of inverse depth zero is the far end of its scale, and valid.

    Raises:
        FormatError: `kind` is None, so that nobody knows what the numbers mean.
    """
    check_kind(kind, path)
    assert kind is not None
    with np.errstate(over="ignore"):  # a float64 beyond float32 is infinite, and so invalid
        cleaned = values.astype(np.float32)
    valid = np.isfinite(cleaned)
    if kind != "affine_inverse":
        valid &= cleaned > 0
    return DepthMap(np.where(valid, cleaned, np.float32(0)), valid, kind)


def check_kind(kind: DepthKind | None, path: Path) -> None:
    """Raise `FormatError` where neither the file nor the user says what its numbers mean."""
    if kind is None:
        raise FormatError(
            f"{path} does not say what its values mean; add --depth-kind metric (metres or millimetres), "
            "inverse (larger is nearer) or disparity (pixels)"
        )


def _intrinsics(fx: float, fy: float, cx: float, cy: float, width: float, height: float) -> Intrinsics:
    return Intrinsics(float(fx), float(fy), float(cx), float(cy), int(width), int(height))
