"""Points of a cloud as POINTS16 carries them: three int16 about a middle, and colours, see docs/protocol.md."""

import numpy as np
from numpy.typing import NDArray

from vergence.errors import ProtocolError
from vergence.server.protocol import Packet, Points16
from vergence.types import PointCloud

LARGEST = 32767
SUREST = 255
OUTLIERS = (1, 99)  # %, of confidence: what lies beyond counts as these


def points_payload(cloud: PointCloud, most: int) -> tuple[Points16, bytes, bytes]:
    """The extension and both blocks of the first `most` points of a cloud."""
    points, colours = cloud.points[:most], cloud.colours[:most]
    count = len(points)
    axes = np.ascontiguousarray(points.T)
    low, high = (axes.min(axis=1), axes.max(axis=1)) if count else (np.zeros(3), np.zeros(3))
    # As float32, which is what the packet holds of them.
    origin = ((low.astype(np.float64) + high) / 2).astype(np.float32)
    scale = np.float32(max(float(np.maximum(high - origin, origin - low).max()) * (1 + 1e-6), 1e-6))
    places = np.zeros((count, 4), "<i2")
    for axis in range(3):
        places[:, axis] = np.rint((axes[axis] - origin[axis]) * (LARGEST / scale))
    rgba = np.empty((count, 4), np.uint8)
    rgba[:, :3] = colours
    rgba[:, 3] = SUREST if cloud.confidence is None else _sureness(cloud.confidence)[:most]
    x, y, z = (float(value) for value in origin)
    return Points16(count, float(scale), (x, y, z)), places.tobytes(), rgba.tobytes()


def unpacked_points(packet: Packet) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Points (N, 3) and colours (N, 3) of a POINTS16 packet."""
    extension = packet.extension
    if not isinstance(extension, Points16):
        raise ProtocolError(f"a {extension.KIND.name} packet holds no points")
    places, rgba = packet.blocks
    step = np.float32(extension.scale / LARGEST)
    points = np.frombuffer(places, "<i2").reshape(-1, 4)[:, :3] * step + np.array(extension.origin, np.float32)
    return points.astype(np.float32, copy=False), np.frombuffer(rgba, np.uint8).reshape(-1, 4)[:, :3]


def _sureness(confidence: NDArray[np.float32]) -> NDArray[np.uint8]:
    """0..255 as RGBD packets have it, of all points of a cloud."""
    if not len(confidence):
        return np.empty(0, np.uint8)
    low, high = np.percentile(confidence, OUTLIERS)
    share = (confidence - low) / max(float(high - low), 1e-6)
    return np.asarray(np.rint(share.clip(0, 1) * SUREST), np.uint8)
