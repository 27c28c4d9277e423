"""Cost of a live frame on the server, outside the model, printed as Markdown tables. Reported, never pass or fail.

    python benchmarks/live.py
    python benchmarks/live.py tests/fixtures/images/cc0_leopard.jpg

The picture is a camera's, 1280 x 720. Its depth is that of the model in the package, grown to 504 x 280, once as it is
and once with noise on every pixel, which is what costs bytes: sharper models lie between the two.
CPU times are summed over threads, the median of several runs after one that compiles: wall times would tell of what
else this machine is doing. The last table is the whole server, its test pattern and a viewer on the same machine.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from live_page import tables
from vergence.depth.model import load_model
from vergence.geometry.resample import resize_depth, shrink
from vergence.media.open import open_source
from vergence.server import rgbd, splat16
from vergence.server.adaptation import Quality
from vergence.server.engine import Engine
from vergence.server.hub import FilmFrame, Published
from vergence.server.pack import FIRST, Spans, rgbd_packet, splat_packet
from vergence.server.player import Player
from vergence.server.protocol import DepthCodec, VideoDepth, parse
from vergence.server.video import DEPTH_CODECS, LEVELS, Film, depth_codec_for, whole_of
from vergence.types import DepthFrame, Frame, Gaussians

PICTURE = Path(__file__).parent.parent / "tests" / "fixtures" / "images" / "cc0_dino.jpg"
WIDTH, HEIGHT = 504, 280
SPLATS = 254_016
RUNS = 15
SECONDS = 8.0  # of the whole server
CAMERA = (1280, 720)
NOISE = 0.002  # relative, of depth
FRAMES = 60  # of film
CORES = len(os.sched_getaffinity(0))
GOALS: list[str] = []  # rows of the last table


def goal(name: str, aim: str, found: str) -> None:
    """Note a figure that something was aimed at for."""
    GOALS.append(f"| {name} | {aim} | {found} |")


def cpu(work: Callable[[], Any]) -> float:
    """Median CPU milliseconds of a call."""
    work()
    found = []
    for _ in range(RUNS):
        began = time.process_time()
        work()
        found.append(1e3 * (time.process_time() - began))
    return statistics.median(found)


def seen(path: Path, noise: float) -> DepthFrame:
    """A picture and its depth at the size that is measured."""
    model = load_model("preview")
    with open_source(path) as source:
        frame = next(iter(source))
    frame = replace(frame, rgb=shrink(frame.rgb8, *CAMERA), intrinsics=None)
    item = next(model.estimate([frame]))
    values = resize_depth(item.depth.values, WIDTH, HEIGHT, sampling="centres")
    values = (values * (1 + noise * np.random.default_rng(0).normal(size=values.shape))).astype(np.float32)
    depth = replace(item.depth, values=values, valid=np.ones(values.shape, bool), intrinsics=None)
    return replace(item, depth=depth)


def frames(path: Path) -> None:
    """The table of RGBD packets, and what it is made of."""
    points = WIDTH * HEIGHT
    old = 24 * points  # x, y, z, r, g, b as float32
    print(f"| RGBD, {WIDTH} x {HEIGHT} ({points} points) | CPU, ms | kB | bytes a point | share of float32 arrays |")
    print("|---|---|---|---|---|")
    for noise in (0.0, NOISE):
        item = seen(path, noise)
        for bits in (12, 16):
            work = partial(_packet, item, Quality(bits, 80, WIDTH), Spans())
            size = len(work())
            name = f"{bits} bits, JPEG 80, {'noisy' if noise else 'smooth'} depth"
            milliseconds = cpu(work)
            print(f"| {name} | {milliseconds:.1f} | {size / 1e3:.0f} | {size / points:.2f} | 1/{old / size:.0f} |")
            if bits == 12:
                name = "noisy" if noise else "smooth"
                goal(f"work of a frame, {name} depth, 12 bits", "<= 12 CPU-ms", f"{milliseconds:.1f} CPU-ms")
                goal(f"bytes of a frame, {name} depth, 12 bits", "<= 140 kB", f"{size / 1e3:.0f} kB")
                goal(f"of float32 arrays, {name} depth, 12 bits", "<= 1/30", f"1/{old / size:.0f}")
    near = np.float32(1) / item.depth.values
    small = np.ascontiguousarray(shrink(item.frame.rgb8, WIDTH, HEIGHT))
    pack = partial(rgbd.packed_depth, near, item.depth.valid, float(near.min()), float(near.max()))
    print("\n| part of it | CPU, ms |\n|---|---|")
    print(f"| range | {cpu(partial(Spans(), item)):.1f} |")
    print(f"| noisy depth, 12 bits | {cpu(partial(pack, codec=DepthCodec.DELTA_DEFLATE12)):.1f} |")
    print(f"| noisy depth, 16 bits | {cpu(partial(pack, codec=DepthCodec.DELTA_DEFLATE16)):.1f} |")
    print(f"| picture made smaller | {cpu(partial(shrink, item.frame.rgb8, WIDTH, HEIGHT)):.1f} |")
    print(f"| JPEG 80 | {cpu(partial(rgbd.packed_colour, small, 80)):.1f} |")


def films(path: Path) -> None:
    """The table of the low-bandwidth tier: the same picture and depth, held by a hand."""
    print(f"\n| film, {WIDTH} x {HEIGHT}, from the hand | CPU, ms | delay, ms | kB | key, kB | error of z |")
    print("|---|---|---|---|---|---|")
    for noise in (0.0, NOISE):
        items, name = moving(seen(path, noise), noise), "noisy" if noise else "smooth"
        spans, quality = Spans(), Quality(12, 80, WIDTH)
        exact = [_timed(partial(rgbd_packet, item, spans(item), quality)) for item in items]
        size = statistics.mean(len(made) for made, _, _ in exact[1:])
        print(f"| {name}, exact, 12 bits | {_middle(exact, 1):.1f} | {_middle(exact, 2):.1f} | {size / 1e3:.1f} | | |")
        for codec in DEPTH_CODECS:
            if depth_codec_for(["h264", codec]) is None:
                continue
            film, decode, spans = Film(codec, side=WIDTH), luma_decoder(codec), Spans()
            made = [_timed(partial(film.frame, item, spans(item), FIRST)) for item in items]
            film.close()
            sizes = [sum(map(len, frame.packets)) for frame, _, _ in made]
            errors = np.concatenate(
                [_errors(item, frame, decode) for item, (frame, _, _) in zip(items, made, strict=True)]
            )
            median, most = 100 * np.quantile(errors, (0.5, 0.99))
            size = statistics.mean(sizes[1:])
            print(
                f"| {name}, {codec} | {_middle(made, 1):.1f} | {_middle(made, 2):.1f} | {size / 1e3:.1f} "
                f"| {sizes[0] / 1e3:.1f} | {median:.2f} / {most:.2f} % |"
            )
            if codec == "h264-10":
                goal(f"bytes of a frame as film, {name} depth", "about 10 kB", f"{size / 1e3:.1f} kB")
    print("\nOf the error the median and 99 %. The delay is from depth to packets; no frame waits for another one.")


def moving(item: DepthFrame, noise: float) -> list[DepthFrame]:
    """A picture with its depth as from a hand that is not still, with other noise on every frame."""
    dice, found = np.random.default_rng(1), []
    for index in range(FRAMES):
        values = _moved(item.depth.values, index, cv2.INTER_NEAREST)
        values = (values * (1 + noise * dice.normal(size=values.shape))).astype(np.float32)
        frame = Frame(_moved(item.frame.rgb8, index, cv2.INTER_LINEAR), index, Fraction(index, 30))
        found.append(replace(item, frame=frame, depth=replace(item.depth, values=values)))
    return found


def _moved(values: np.ndarray[Any, Any], index: int, interpolation: int) -> np.ndarray[Any, Any]:
    """Shifted, turned and brought nearer: by up to about 3 of 504 px a frame."""
    height, width = values.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 2 * np.sin(index / 9), 1.1 + 0.03 * np.sin(index / 13))
    matrix[:, 2] += width * np.array([0.03 * np.sin(index / 7), 0.01 * np.sin(index / 5)])
    moved = cv2.warpAffine(values, matrix, (width, height), flags=interpolation, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, values.dtype)


def luma_decoder(codec: str) -> Callable[[bytes], np.ndarray[tuple[int, ...], np.dtype[np.uint16]]]:
    """Decodes frames of depth, one by one, to their luma."""
    decoder = av.CodecContext.create("h264" if codec.startswith("h264") else "libdav1d", "r")
    decoder.thread_count = 1
    if not codec.startswith("h264"):
        decoder.options = {"max_frame_delay": "1"}

    def decode(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
        (frame,) = decoder.decode(av.Packet(data))  # type: ignore[attr-defined]
        plane = frame.planes[0]
        return np.frombuffer(plane, np.uint16).reshape(-1, plane.line_size // 2)[: frame.height, : frame.width]

    return decode


def _errors(item: DepthFrame, frame: FilmFrame, decode: Callable[[bytes], Any]) -> np.ndarray[Any, Any]:
    packet = parse(frame.packets[1])
    e = packet.extension
    assert isinstance(e, VideoDepth)
    whole = whole_of(decode(bytes(packet.blocks[0])))
    far, near = 1 / e.far, 1 / e.near
    inverse = far + (whole.astype(np.float64) - 1) / (LEVELS - 1) * (near - far)
    return np.abs(1 / (inverse * item.depth.values) - 1)[whole > 0]


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What a call gives, and its CPU and wall milliseconds."""
    spent, began = time.process_time(), time.perf_counter()
    made = work()
    return made, 1e3 * (time.process_time() - spent), 1e3 * (time.perf_counter() - began)


def _middle(made: list[tuple[Any, float, float]], at: int) -> float:
    return statistics.median([each[at] for each in made[1:]])


def _packet(item: DepthFrame, quality: Quality, spans: Spans) -> bytes:
    return rgbd_packet(item, spans(item), quality)


def splats() -> bytes:
    """The table of packed splats; a packet of them."""
    dice = np.random.default_rng(0)
    turns = dice.normal(size=(SPLATS, 4)).astype(np.float32)
    cloud = Gaussians(
        dice.normal(size=(SPLATS, 3)).astype(np.float32),
        np.exp(dice.normal(-5, 1, size=(SPLATS, 3))).astype(np.float32),
        turns / np.linalg.norm(turns, axis=1, keepdims=True),
        dice.random(SPLATS).astype(np.float32),
        dice.normal(size=(SPLATS, 1, 3)).astype(np.float32),
    )
    packed = splat16.packed_splats(cloud)
    print(f"\n| {SPLATS} splats | CPU, ms | MB |\n|---|---|---|")
    milliseconds = cpu(partial(splat16.packed_splats, cloud))
    print(f"| packed | {milliseconds:.1f} | {packed.nbytes / 1e6:.2f} |")
    goal(f"{SPLATS} splats, packing", "<= 15 CPU-ms", f"{milliseconds:.1f} CPU-ms")
    return splat_packet(cloud, splat16.capacity_for(SPLATS), Quality(16, 0, 0, "splat16"))


class _Viewer:
    """Takes every packet at once; keeps ages and sizes."""

    is_watched = True

    def __init__(self, quality: Quality) -> None:
        self.quality, self.ages, self.sizes = quality, list[float](), list[int]()

    def wanted(self) -> frozenset[Quality]:
        return frozenset({self.quality})

    def publish(self, frame: Published) -> None:
        now = time.monotonic_ns() / 1e6
        for data in frame.packets.values():
            self.ages.append(now - parse(data).time_us / 1e3)
            self.sizes.append(len(data))

    def announce(self, **message: Any) -> None:
        """There is nobody to tell."""


async def whole() -> None:
    """The table of the engine at work."""
    model = load_model("preview")
    engine = Engine(model)
    player, viewer = Player(engine, (f"test:{WIDTH}x{HEIGHT}@30",)), _Viewer(Quality(12, 85, WIDTH))
    engine.start(viewer)
    player.start()
    await asyncio.sleep(3)
    viewer.ages.clear()
    viewer.sizes.clear()
    began, spent = time.monotonic(), time.process_time()
    await asyncio.sleep(SECONDS)
    seconds, spent = time.monotonic() - began, time.process_time() - spent
    stats = engine.stats()
    player.stop()
    engine.stop()
    ages = sorted(viewer.ages)
    assert ages, "the engine gave nothing"
    print(f"\n| {model.card.name}, test pattern, a viewer beside it | |\n|---|---|")
    print(f"| frames/s | {len(ages) / seconds:.1f} |")
    print(f"| taken to packed, median / 95 % | {statistics.median(ages):.0f} / {ages[int(0.95 * len(ages))]:.0f} ms |")
    for name in ("wait", "infer", "stabilise", "pack"):
        print(f"| of it {name} | {stats[f'{name}_ms']:.1f} ms |")
    print(f"| CPU a frame, pattern and all | {1e3 * spent / len(ages):.0f} ms |")
    print(f"| a packet | {statistics.mean(viewer.sizes) / 1e3:.0f} kB |")
    goal(
        f"depth frames/s, model in the package, {len(os.sched_getaffinity(0))} cores",
        ">= 15",
        f"{len(ages) / seconds:.1f}",
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", nargs="?", type=Path, default=PICTURE)
    path = parser.parse_args().picture
    busy = os.getloadavg()[0]
    print(f"{CORES} cores, of which {busy:.1f} were wanted by others when this began.\n")
    frames(path)
    films(path)
    packet = splats()
    asyncio.run(whole())
    tables(path, packet, goal)
    print("\n| aimed at | aim | found |\n|---|---|---|", *GOALS, sep="\n")


if __name__ == "__main__":
    main()
