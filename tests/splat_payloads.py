"""The inverse of `server.splat16.splat_payload`, as a page does it; see docs/protocol.md."""

import numpy as np

from vergence.server.protocol import ALIGNMENT, SPLAT_BYTES, SplatCodec
from vergence.server.rgbd import inflated


def unpacked_payload(payload, extension):
    """The packed splats of a payload, (whole blocks of 2048, 16); raises `ProtocolError` where it is damaged."""
    if extension.codec == SplatCodec.PLAIN:
        return np.frombuffer(payload, np.uint8).reshape(-1, SPLAT_BYTES)
    data = inflated(payload, extension.plain_bytes, padding=ALIGNMENT - 1)
    planes = np.frombuffer(data, np.uint8).reshape(SPLAT_BYTES, -1)
    return np.ascontiguousarray(np.cumsum(planes, axis=1, dtype=np.uint8).T)
