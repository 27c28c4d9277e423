"""From RGBD packets back to pictures with depth: the inverse of `pack`."""

from fractions import Fraction

import cv2
import numpy as np

from vergence.errors import ProtocolError
from vergence.server.protocol import ColourCodec, Flag, Packet, Rgbd
from vergence.server.rgbd import inflated, unpacked_depth, z_of
from vergence.types import DepthFrame, DepthKind, DepthMap, Frame, Intrinsics


def depth_frame(packet: Packet, *, kind: DepthKind | None = None, index: int = 0) -> DepthFrame:
    """The picture and depth that a packet shows.

    Args:
        packet: an RGBD packet.
        kind: of the depth it was made of, where that is known; else its metric flag says it.
        index: of the frame; its time is the packet's.

    Raises:
        ProtocolError: the packet is another one, or a block is damaged.
    """
    extension = packet.extension
    if not isinstance(extension, Rgbd):
        raise ProtocolError(f"a {extension.KIND.name} packet holds no picture with depth")
    colour, depth, confidence = packet.blocks
    width, height = extension.width, extension.height
    whole = unpacked_depth(depth, width, height, codec=extension.depth_codec)
    z, valid = z_of(whole, extension), whole > 0
    z = np.where(valid, z, np.float32(extension.far))
    is_relative = kind in ("affine_inverse", "disparity")
    found: DepthKind = (
        "metric" if Flag.METRIC in packet.flags else "affine_inverse" if is_relative else "scale_invariant"
    )
    lens = Intrinsics(extension.fx, extension.fy, extension.cx, extension.cy, width, height)
    pose = np.vstack([np.reshape(extension.pose, (3, 4)), [0.0, 0.0, 0.0, 1.0]]).astype(np.float64)
    sureness = None
    if len(confidence):
        data = np.frombuffer(inflated(confidence, width * height), np.uint8)
        sureness = (data.reshape(height, width) / np.float32(255)).astype(np.float32)
    values = (1 / z if found == "affine_inverse" else z).astype(np.float32)
    rgb = _picture(colour, extension)
    frame = Frame(
        rgb, index, Fraction(packet.time_us, 1_000_000), intrinsics=lens.resized(int(rgb.shape[1]), int(rgb.shape[0]))
    )
    return DepthFrame(frame, DepthMap(values, valid, found, "centres", lens, pose, sureness))


def _picture(block: memoryview, extension: Rgbd) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    data = np.frombuffer(block, np.uint8)
    if extension.colour_codec == ColourCodec.RAW:
        return data.reshape(extension.height, extension.width, 3)
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise ProtocolError("the picture of a packet is damaged")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
