"""Depth and pictures as the blocks of an RGBD packet: whole numbers of inverse depth, differences, deflate.

What is sent is nearness, 1 / z: its error in z grows with distance, as the eye's does. Sixteen bits would mostly carry
the network's noise; twelve are what a viewer sees. Lossless from the integers on.
"""

import zlib

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.errors import ProtocolError
from vergence.geometry.rows import by_rows
from vergence.server.protocol import Buffer, DepthCodec, Rgbd

F = np.float32
ZERO, HALF = F(0), F(0.5)

LEVEL = 1  # of deflate: more costs more time than it saves bytes
INTEGERS = {DepthCodec.RAW16: 65535, DepthCodec.DELTA_DEFLATE16: 65535, DepthCodec.DELTA_DEFLATE12: 4095}


def packed_depth(
    nearness: NDArray[np.float32], valid: NDArray[np.bool_], low: float, high: float, *, codec: DepthCodec
) -> bytes:
    """The block of depth.

    Args:
        nearness: (h, w), larger is nearer.
        valid: (h, w); elsewhere, and where `nearness` is not finite, the integer is 0.
        low, high: what the integers 1 and the last stand for; what lies outside is brought to them.
        codec: see docs/protocol.md.
    """
    height, width = nearness.shape
    nearness = np.ascontiguousarray(nearness)
    valid = np.ascontiguousarray(valid)
    steps = F(INTEGERS[codec] - 1)
    scale = F(float(steps) / max(high - low, 1e-30))
    if codec == DepthCodec.RAW16:
        whole = np.empty((height, width), np.uint16)
        by_rows(_quantise, height, nearness, valid, F(low), scale, steps, whole)
        return whole.astype("<u2", copy=False).tobytes()
    planes = np.empty((2, height, width), np.uint8)
    by_rows(_difference, height, nearness, valid, F(low), scale, steps, planes)
    return _deflated(planes)


def unpacked_depth(block: Buffer, width: int, height: int, *, codec: DepthCodec) -> NDArray[np.uint16]:
    """The integers of a block, (height, width); raises `ProtocolError` where it is damaged."""
    pixels = width * height
    if codec == DepthCodec.RAW16:
        if len(block) != 2 * pixels:
            raise ProtocolError(f"raw depth of {pixels} pixels has {len(block)} bytes")
        return np.frombuffer(block, "<u2").astype(np.uint16).reshape(height, width)
    planes = np.frombuffer(inflated(block, 2 * pixels), np.uint8).reshape(2, height, width).astype(np.uint16)
    zigzag = planes[0] | (planes[1] << np.uint16(8))
    steps = (zigzag >> np.uint16(1)) ^ (np.uint16(0) - (zigzag & np.uint16(1)))
    steps[:, 0] = np.cumsum(steps[:, 0], dtype=np.uint16)
    return np.cumsum(steps, axis=1, dtype=np.uint16)


def z_of(whole: NDArray[np.uint16], extension: Rgbd) -> NDArray[np.float32]:
    """The depth that integers stand for; NaN where they say invalid."""
    near, far = 1 / extension.near, 1 / extension.far
    t = (whole.astype(np.float64) - 1) / (INTEGERS[extension.depth_codec] - 1)
    z = 1 / (far + t * (near - far))
    return np.where(whole > 0, z, np.nan).astype(np.float32)


def packed_confidence(confidence: NDArray[np.float32], low: float, high: float) -> bytes:
    """The block of confidence: `low` and less is 0, `high` and more 255."""
    share = (confidence - F(low)) * F(255 / max(high - low, 1e-30))
    return _deflated(np.clip(np.nan_to_num(share), 0, 255).astype(np.uint8))


def inflated(block: Buffer, size: int, *, padding: int = 0) -> bytes:
    """Undo raw deflate of exactly `size` bytes, never making more, with at most `padding` zeros after it.

    Raises:
        ProtocolError: it is not that.
    """
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = engine.decompress(block, size + 1)
    except zlib.error as error:
        raise ProtocolError(f"a block cannot be inflated: {error}") from error
    rest = engine.unused_data
    if len(data) != size or not engine.eof or len(rest) > padding or any(rest):
        raise ProtocolError(f"a block does not inflate to {size} bytes")
    return data


def _deflated(data: NDArray[np.uint8]) -> bytes:
    engine = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(np.ascontiguousarray(data).data) + engine.flush()


def packed_colour(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """A (H, W, 3) picture as a JPEG, its colours at half the size each way as cameras have them."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    assert done
    return data.tobytes()


@njit(nogil=True, cache=True, inline="always")  # type: ignore[untyped-decorator,unused-ignore]
def _whole(value, is_valid, low, scale, steps):  # type: ignore[no-untyped-def]
    if not is_valid or not np.isfinite(value):
        return np.uint16(0)
    t = (value - low) * scale
    t = min(max(t, ZERO), steps)
    return np.uint16(np.int32(t + HALF) + 1)


@njit(nogil=True, cache=True)
def _quantise(first, last, values, valid, low, scale, steps, out):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        for x in range(values.shape[1]):
            out[y, x] = _whole(values[y, x], valid[y, x], low, scale, steps)


@njit(nogil=True, cache=True)
def _difference(first, last, values, valid, low, scale, steps, planes):  # type: ignore[no-untyped-def]
    for y in range(first, last):
        before = np.uint16(0)
        if y > 0:
            before = _whole(values[y - 1, 0], valid[y - 1, 0], low, scale, steps)
        for x in range(values.shape[1]):
            now = _whole(values[y, x], valid[y, x], low, scale, steps)
            step = np.int32(now) - np.int32(before)
            # Modulo 2^16, as a signed number, folded so that small ones of either sign are small.
            step = ((step + 32768) & 65535) - 32768
            fold = (step << 1) ^ (step >> 31)
            planes[0, y, x] = fold & 255
            planes[1, y, x] = (fold >> 8) & 255
            before = now
