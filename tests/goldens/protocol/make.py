"""Make the golden packets: run from the project's folder as `python tests/goldens/protocol/make.py`.

Each NAME.bin is a packet, each NAME.json what a decoder must find in it.
"""

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np

from vergence.server import rgbd, splat16
from vergence.server.protocol import (
    Capture,
    ColourCodec,
    ConfidenceCodec,
    DepthCodec,
    Flag,
    Points16,
    Rgbd,
    Splat16,
    SplatCodec,
    VideoDepth,
    VideoRgb,
    packet,
    padded,
    parse,
)
from vergence.types import Gaussians

HERE = Path(__file__).parent
POSE = (0.8, 0.0, 0.6, 0.25, 0.0, 1.0, 0.0, -0.5, -0.6, 0.0, 0.8, 2.0)


def scene(width, height):
    """Nearness with a step, a slope and holes; a picture; confidence."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    nearness = 0.1 + 0.9 * (x / width) * (y + 1) / height
    nearness[height // 3 : height // 2, width // 4 : width // 2] = 1.9
    valid = (x + 3 * y) % 11 != 0
    rgb = np.stack([x * 255 / width, y * 255 / height, (x + y) * 4 % 256], axis=-1).astype(np.uint8)
    return nearness, valid, rgb, np.clip(x / width, 0, 1)


def picture(rgb, codec):
    if codec == ColourCodec.RAW:
        return rgb.tobytes()
    if codec == ColourCodec.JPEG:
        return rgbd.packed_colour(rgb, 90)
    import cv2

    return cv2.imencode(".webp", rgb[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes()


def depth_packet(name, width, height, depth_codec, colour_codec, *, has_confidence, **header):
    nearness, valid, rgb, sure = scene(width, height)
    near, far = 0.5, 20.0
    depth = rgbd.packed_depth(nearness, valid, 1 / far, 1 / near, codec=depth_codec)
    colour = picture(np.repeat(np.repeat(rgb, 2, 0), 2, 1) if colour_codec != ColourCodec.RAW else rgb, colour_codec)
    confidence = rgbd.packed_confidence(sure, 0, 1) if has_confidence else b""
    extension = Rgbd(
        width, height, 20.5, 21.25, width / 2 + 0.25, height / 2, near, far, depth_codec, colour_codec,
        ConfidenceCodec.DEFLATE8 if has_confidence else ConfidenceCodec.NONE, len(colour), len(depth),
        len(confidence), POSE if has_confidence else parse_identity(),
    )  # fmt: skip
    data = packet(extension, (colour, depth, confidence), **header)
    whole = rgbd.unpacked_depth(depth, width, height, codec=depth_codec)
    z = rgbd.z_of(whole, extension)
    more = {
        "colour_sha256": hashlib.sha256(colour).hexdigest(),
        "depth": whole.ravel().tolist(),
        "z": [None if math.isnan(v) else round(float(v), 6) for v in z.ravel()],
        "confidence": list(rgbd.inflated(confidence, width * height)) if has_confidence else None,
    }
    save(name, data, more)


def parse_identity():
    return (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def gaussians(count):
    dice = np.random.default_rng(7)
    turns = dice.normal(size=(count, 4))
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    turns[0] = (1, 0, 0, 0)
    scales = np.exp(dice.uniform(-8, 0, size=(count, 3)))
    scales[1, 2] = 0
    return Gaussians(
        (dice.normal(size=(count, 3)) * 4).astype(np.float32),
        scales.astype(np.float32),
        turns.astype(np.float32),
        dice.uniform(size=count).astype(np.float32),
        dice.normal(size=(count, 1, 3)).astype(np.float32),
    )


def splat_packet(name, codec, **header):
    cloud = gaussians(5)
    splats = splat16.packed_splats(cloud)
    extension = Splat16(5, 4096, splat16.LN_SCALE_MIN, splat16.LN_SCALE_MAX, 0.0, 1.0, codec)
    payload = splat16.splat_payload(splats, codec=codec)
    save(name, packet(extension, (payload,), **header), {"splats": splats[:5].tolist(), "plain_bytes": splats.size})


def points_packet(name, **header):
    xyz = np.array([[1000, -2000, 32767, 0], [-32767, 0, 1, 0], [5, 6, 7, 0]], np.int16)
    rgba = np.array([[255, 0, 0, 255], [0, 255, 0, 128], [1, 2, 3, 4]], np.uint8)
    extension = Points16(3, 2.5, (0.5, -1.0, 4.0))
    data = packet(extension, (xyz.tobytes(), rgba.tobytes()), **header)
    save(name, data, {"xyz": xyz.tolist(), "rgba": rgba.tolist()})


def save(name, data, more):
    found = parse(data)
    head = {
        "kind": int(found.extension.KIND),
        "flags": int(found.flags),
        "source": found.source,
        "sequence": found.sequence,
        "time_us": found.time_us,
        "bytes": len(data),
        "payload_bytes": len(found.payload),
    }
    assert padded(len(data)) == len(data)
    (HERE / f"{name}.bin").write_bytes(data)
    text = {"header": head, "extension": asdict(found.extension), **more}
    (HERE / f"{name}.json").write_text(json.dumps(text, indent=1) + "\n")


def main():
    first = Flag.INDEPENDENT
    depth_packet(
        "rgbd_raw16", 5, 3, DepthCodec.RAW16, ColourCodec.RAW, has_confidence=False,
        flags=first | Flag.HIGH_QUALITY | Flag.LAST_OF_CAPTURE, sequence=1,
    )  # fmt: skip
    depth_packet(
        "rgbd_delta16", 24, 16, DepthCodec.DELTA_DEFLATE16, ColourCodec.JPEG, has_confidence=True,
        flags=first | Flag.METRIC, source=3, sequence=0xFFFFFFFF, time_us=1_234_567_890_123, checked=True,
    )  # fmt: skip
    depth_packet(
        "rgbd_delta12", 33, 17, DepthCodec.DELTA_DEFLATE12, ColourCodec.WEBP, has_confidence=False,
        flags=first | Flag.STILL, sequence=42, time_us=5,
    )  # fmt: skip
    splat_packet("splat16_plain", SplatCodec.PLAIN, flags=first, sequence=7, checked=True)
    splat_packet("splat16_planar", SplatCodec.PLANAR_DEFLATE, flags=first | Flag.METRIC, sequence=8)
    points_packet("points16", flags=first, sequence=9, time_us=77)
    frame = bytes(range(200, 239))  # of some film: packets carry it as it is
    film = VideoRgb(504, 284, len(frame), "avc1.640015")
    save("video_rgb", packet(film, (frame,), flags=Flag(0), source=1, sequence=21, time_us=6), {"frame": list(frame)})
    depth = VideoDepth(
        256, 144, len(frame), "av01.0.04M.10", 200.5, 201.25, 128.0, 72.0, 0.5, 16.0, 128, 1023, POSE
    )  # fmt: skip
    luma = [0, 63, 64, 128, 129, 600, 1023]
    whole = [0 if code < 64 else 1 + round((max(code - 128, 0) / 895) ** 2 * 65534) for code in luma]
    save(
        "video_depth",
        packet(depth, (frame,), flags=first | Flag.METRIC, source=1, sequence=21, time_us=6, checked=True),
        {"frame": list(frame), "luma": luma, "whole": whole, "levels": 65535},
    )
    jpeg = rgbd.packed_colour(scene(16, 12)[2], 80)
    capture = Capture(16, 12, ColourCodec.JPEG, 1.25, len(jpeg))
    save(
        "capture",
        packet(capture, (jpeg,), flags=first, sequence=11, time_us=99, checked=True),
        {"picture_sha256": hashlib.sha256(jpeg).hexdigest()},
    )


if __name__ == "__main__":
    main()
