"""Rectified pairs of photographs with measured disparity: few, real, and always at hand."""

import importlib.util
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.errors import MediaError
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

# Focal length in px and baseline in m, as published with the two sets for the sizes below.
ALOE_SIZE, ALOE_FOCAL, ALOE_BASELINE, ALOE_OFFSET = (1282, 1110), 3740.0, 0.160, 270.0
MOTORCYCLE_FOCAL, MOTORCYCLE_BASELINE, MOTORCYCLE_OFFSET = 994.978, 0.193001, 31.086


def aloe(folder: Path) -> DepthFrame:
    """The left eye of Middlebury 2006 "Aloe" (Scharstein and Pal, 2007); `folder` has aloeL.jpg and aloeGT.png.

    Raises:
        MediaError: a file is missing or unreadable.
    """
    rgb, disparity = _read(folder / "aloeL.jpg"), _read(folder / "aloeGT.png", cv2.IMREAD_GRAYSCALE)
    width, height = ALOE_SIZE
    if rgb.shape[:2] != (height, width) or disparity.shape != (height, width):
        raise MediaError(f"{folder} holds Aloe at another size than {width}x{height}, which its calibration is for")
    known = disparity > 0
    z = ALOE_FOCAL * ALOE_BASELINE / (disparity.astype(np.float32) + ALOE_OFFSET)
    camera = Intrinsics(ALOE_FOCAL, ALOE_FOCAL, width / 2, height / 2, width, height)
    return _truth(rgb, z, known, camera)


def motorcycle() -> DepthFrame | None:
    """The left eye of Middlebury 2014 "Motorcycle" (Scharstein et al., 2014), which the scikit-image package carries.

    None where that package is not installed; it is read from its folder, not imported.
    """
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "data"
    rgb = _read(folder / "motorcycle_left.png")
    with np.load(folder / "motorcycle_disp.npz") as stored:
        disparity = stored["arr_0"].astype(np.float32)
    height, width = disparity.shape
    known = np.isfinite(disparity)
    z = MOTORCYCLE_FOCAL * MOTORCYCLE_BASELINE / (np.where(known, disparity, 0) + MOTORCYCLE_OFFSET)
    camera = Intrinsics(MOTORCYCLE_FOCAL, MOTORCYCLE_FOCAL, width / 2, height / 2, width, height)
    return _truth(rgb, z, known, camera)


def _truth(rgb: NDArray[np.uint8], z: NDArray[np.floating], known: NDArray[np.bool_], camera: Intrinsics) -> DepthFrame:
    depth = DepthMap(z.astype(np.float32), known, "metric", intrinsics=camera)
    return DepthFrame(Frame(rgb, index=0, time=Fraction(0), intrinsics=camera), depth)


def _read(path: Path, flags: int = cv2.IMREAD_COLOR) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), flags) if path.is_file() else None
    if picture is None:
        raise MediaError(f"cannot read {path}; it is part of the repository's tests/fixtures/stereo or of scikit-image")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) if picture.ndim == 3 else picture, dtype=np.uint8)
