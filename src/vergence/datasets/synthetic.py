"""Rendered photos and clips in folders: written whole, read back as what was rendered.

    DIR/000000/              one photo or clip; it appears when it is whole
        scene.json           version, kind, seed, rate, baseline; of each frame its time, shot, camera and pose
        rgb/000000.png       the picture, 8 bits
        right/000000.png     the right eye's, where there is one
        depth/000000.exr     z in metres, float32, NaN in the sky
        ids/000000.png       16 bits: primitive + 1, 0 is the sky
        objects/000000.png   16 bits: thing + 1, 0 is the sky
        static/000000.png    8 bits: 255 where nothing moves
        normals/000000.png   16 bits a channel: (n + 1) / 2 * 65535 in the camera's axes; all 0 in the sky
        flow/000000.png      16 bits, as KITTI has it: (x, y) * 64 + 32768 px, then 1 where valid; not of a shot's last

16-bit flow holds up to 512 px in steps of 1/64 px; more is written as not valid.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.errors import MediaError, VergenceError
from vergence.media.targets import Target
from vergence.synthetic.sample import Sample
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

VERSION = 1
DESCRIPTION = "scene.json"
FLOW_SCALE, FLOW_ZERO = 64.0, 32768.0
WORD = 65535  # greatest 16-bit value

Picture = NDArray[np.uint8] | NDArray[np.uint16]


def write_sample(path: Path, samples: Iterable[Sample], *, seed: int | None = None) -> int:
    """Write one photo (a single sample) or clip to the folder `path`; returns the number of frames.

    Raises:
        TargetError: something lies at `path`, or it cannot be written.
    """
    frames: list[dict[str, Any]] = []
    scene: dict[str, Any] = {"version": VERSION, "seed": seed, "frames": frames}
    with Target(path, overwrite=False, is_folder=True) as target:
        for number, sample in enumerate(samples):
            if number == 0:
                duration = sample.frame.duration
                rate = None if duration is None else str(1 / duration)
                scene |= {"kind": sample.kind, "rate": rate, "baseline": sample.baseline}
            for name, picture in _pictures(sample).items():
                _save(target.temporary / name / f"{number:06d}.png", picture)
            _save_depth(target.temporary / "depth" / f"{number:06d}.exr", sample.depth)
            frames.append(_describe(sample))
        (target.temporary / DESCRIPTION).write_text(json.dumps(scene, indent=1))
    return len(frames)


def read_sample(path: Path) -> Iterator[Sample]:
    """Read the frames of one photo or clip.

    Raises:
        MediaError: a file is missing or damaged.
    """
    try:
        scene = json.loads((path / DESCRIPTION).read_text())
        if scene["version"] > VERSION:
            raise MediaError(f"{path} was written by a later version of vergence; update it to read the folder")
        rate = None if scene["rate"] is None else Fraction(scene["rate"])
        described = list(enumerate(scene["frames"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MediaError(f"{path / DESCRIPTION} is missing or damaged ({error})") from error
    for number, about in described:
        yield _read_frame(path, number, about, scene, rate)


def read_samples(path: Path) -> Iterator[Sample]:
    """Read every photo and clip of a folder, one after the other as one source: numbers, times and shots go on.

    Raises:
        MediaError: the folder holds none, or a file is missing or damaged.
    """
    folders = sorted(item.parent for item in path.glob(f"[0-9]*/{DESCRIPTION}"))
    if not folders:
        raise MediaError(f"no rendered photos or clips in {path}; `vergence synth --out {path}` writes them")
    index, shot, start = 0, 0, Fraction(0)
    for folder in folders:
        last = None
        for sample in read_sample(folder):
            frame = _moved(sample.frame, index, shot, start)
            right = None if sample.right is None else _moved(sample.right, index, shot, start)
            last = replace(sample, frame=frame, right=right)
            yield last
            index += 1
        if last is not None:
            shot = last.frame.shot + 1
            start = last.frame.time + (last.frame.duration or 1)


def read_folder(path: Path) -> Iterator[DepthFrame]:
    """The pictures and depth of `read_samples`."""
    return (sample.depth_frame for sample in read_samples(path))


def _pictures(sample: Sample) -> dict[str, Picture]:
    """What is kept as PNG, by folder."""
    in_sky = sample.ids < 0
    normals = ((sample.normals.astype(np.float64) + 1) / 2 * WORD + 0.5).astype(np.uint16)
    normals[in_sky] = 0
    pictures: dict[str, Picture] = {
        "rgb": sample.frame.rgb,
        "ids": (sample.ids + 1).astype(np.uint16),
        "objects": (sample.objects + 1).astype(np.uint16),
        "static": np.where(sample.is_static, 255, 0).astype(np.uint8),
        "normals": normals,
    }
    if sample.right is not None:
        pictures["right"] = sample.right.rgb
    if sample.flow is not None and sample.flow_valid is not None:
        encoded = np.round(sample.flow.astype(np.float64) * FLOW_SCALE + FLOW_ZERO)
        fits = ((encoded >= 0) & (encoded <= WORD)).all(axis=2)
        valid = sample.flow_valid & fits
        pictures["flow"] = np.dstack([encoded.clip(0, WORD), valid]).astype(np.uint16)
    return pictures


def _describe(sample: Sample) -> dict[str, Any]:
    camera, pose = sample.frame.intrinsics, sample.depth.world_from_camera
    assert camera is not None
    assert pose is not None
    return {
        "time": str(sample.frame.time),
        "shot": sample.frame.shot,
        "intrinsics": [camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height],
        "world_from_camera": pose.tolist(),
    }


def _read_frame(path: Path, number: int, about: Any, scene: dict[str, Any], rate: Fraction | None) -> Sample:
    def load(name: str) -> NDArray[Any]:
        return _load(path / name / f"{number:06d}.png")

    try:
        camera = _camera(*about["intrinsics"])
        frame = Frame(
            load("rgb"), number, Fraction(about["time"]), None if rate is None else 1 / rate, about["shot"], camera
        )
        ids = load("ids").astype(np.int32) - 1
        right, flow, flow_valid = None, None, None
        if scene["baseline"] is not None:
            right = replace(frame, rgb=load("right"))
        if (path / "flow" / f"{number:06d}.png").exists():
            encoded = load("flow").astype(np.float32)
            flow, flow_valid = (encoded[..., :2] - FLOW_ZERO) / FLOW_SCALE, encoded[..., 2] > 0
        normals = load("normals").astype(np.float32) * np.float32(2 / WORD) - np.float32(1)
        normals[ids < 0] = 0
        return Sample(
            frame=frame,
            depth=_load_depth(path / "depth" / f"{number:06d}.exr", np.array(about["world_from_camera"])),
            ids=ids,
            objects=load("objects").astype(np.int32) - 1,
            normals=normals,
            is_static=load("static") > 0,
            flow=None if flow is None else flow.astype(np.float32),
            flow_valid=flow_valid,
            right=right,
            baseline=scene["baseline"],
            kind=scene["kind"],
        )
    except MediaError:
        raise
    except (VergenceError, ValueError, KeyError, TypeError, IndexError) as error:
        raise MediaError(f"frame {number} of {path} is damaged ({error})") from error


def _moved(frame: Frame, index: int, shot: int, start: Fraction) -> Frame:
    return replace(frame, index=index, shot=frame.shot + shot, time=frame.time + start)


def _save(path: Path, picture: Picture) -> None:
    path.parent.mkdir(exist_ok=True)
    written = picture if picture.ndim == 2 else picture[..., ::-1]  # OpenCV's order of channels
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(written))
    path.write_bytes(encoded.tobytes())


def _load(path: Path) -> NDArray[Any]:
    try:
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror or error}") from error
    picture = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if len(encoded) else None
    if picture is None:
        raise MediaError(f"{path} is damaged; render it again")
    return np.asarray(picture if picture.ndim == 2 else np.ascontiguousarray(picture[..., ::-1]))


def _save_depth(path: Path, depth: DepthMap) -> None:
    from vergence.media import depth_exr

    path.parent.mkdir(exist_ok=True)
    depth_exr.save(path, depth)


def _load_depth(path: Path, pose: NDArray[np.float64]) -> DepthMap:
    from vergence.media import depth_exr

    return replace(depth_exr.load(path, "metric"), world_from_camera=pose)


def _camera(fx: float, fy: float, cx: float, cy: float, width: int, height: int) -> Intrinsics:
    return Intrinsics(fx, fy, cx, cy, width, height)
