""".splat: 3-D Gaussians as 32 bytes each, without a header (K. Kwok, github.com/antimatter15/splat).

Means and scales as floats, then bytes: red green blue opacity, and the quaternion, w first, as 128 + 128 q. There is
one colour for all directions. Axes are those of memory, y down, see the package.
"""

from pathlib import Path

import numpy as np

from vergence.errors import FormatError
from vergence.media.splats.ply import normalised
from vergence.types import Gaussians

RECORD = np.dtype([("means", "<f4", 3), ("scales", "<f4", 3), ("colour", "u1", 4), ("rotation", "u1", 4)])
FLAT = 0.28209479177387814  # the harmonic of degree 0: 1 / (2 sqrt(pi))


def size(gaussians: Gaussians) -> int:
    """How large the file becomes, bytes."""
    return RECORD.itemsize * len(gaussians)


def save(path: Path, gaussians: Gaussians) -> None:
    """Write Gaussians with their colour of degree 0."""
    records = np.empty(len(gaussians), RECORD)
    records["means"] = gaussians.means
    records["scales"] = np.abs(gaussians.scales)  # a negative scale makes the same covariance
    colour = 0.5 + FLAT * gaussians.harmonics[:, 0]
    rgba = np.concatenate([colour, gaussians.opacities[:, None]], axis=1)
    records["colour"] = np.rint(np.clip(rgba, 0, 1) * 255)
    records["rotation"] = np.clip(np.rint(normalised(gaussians.rotations) * 128 + 128), 0, 255)
    with path.open("wb") as file:
        file.write(records.view(np.uint8).data)


def load(path: Path) -> Gaussians:
    """Read Gaussians; raises `FormatError` where the file is not a whole number of them."""
    held = path.stat().st_size
    if held % RECORD.itemsize:
        raise FormatError(f"{path} is damaged or no .splat: {held} bytes are no whole number of {RECORD.itemsize}")
    records = np.fromfile(path, RECORD)
    rgba = records["colour"].astype(np.float32) / np.float32(255)
    return Gaussians(
        means=records["means"].astype(np.float32),
        scales=records["scales"].astype(np.float32),
        rotations=normalised((records["rotation"].astype(np.float32) - np.float32(128)) / np.float32(128)),
        opacities=np.ascontiguousarray(rgba[:, 3]),
        harmonics=((rgba[:, :3] - np.float32(0.5)) / np.float32(FLAT))[:, None],
    )
