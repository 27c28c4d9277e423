"""A rendered room seen by three cameras, and models that know the truth of it."""

from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
from PIL import Image

from vergence.depth.cards import CARDS
from vergence.depth.world import World
from vergence.geometry.pose import inverse
from vergence.synthetic.clips import render_clip
from vergence.types import DepthFrame

SEED, FRAMES = 2, 3  # a room in which nothing moves; the camera goes a metre forth
WIDTH, HEIGHT = 128, 96


@cache
def room(width=WIDTH, height=HEIGHT):
    """The samples, whose first camera is where the world begins."""
    samples = list(
        render_clip(
            SEED, frames=FRAMES, rate=Fraction(2), width=width, height=height, motion="dolly", kind="room", device="cpu"
        )
    )
    assert all(sample.is_static.all() for sample in samples)
    first = inverse(samples[0].depth.world_from_camera)
    return [replace(s, depth=replace(s.depth, world_from_camera=first @ s.depth.world_from_camera)) for s in samples]


def write_photos(folder):
    paths = [folder / f"view {index}.png" for index in range(FRAMES)]
    for path, sample in zip(paths, room(), strict=True):
        Image.fromarray(sample.frame.rgb8).save(path)
    return paths


class Knowing:
    """A model of many views: the true depth, at half the pictures' size, and the true cameras."""

    card = CARDS["depth-anything-3-small"]
    lookahead = 0

    def __init__(self, kind="metric"):
        self.kind = kind
        self.asked = []

    def estimate(self, frames):
        raise AssertionError("one by one is not how a world is made")

    def world(self, frames, *, cameras=None, gaussians=False):
        assert not gaussians
        self.asked.append((len(frames), cameras))
        return World(tuple(DepthFrame(frame, self.depth(frame)) for frame in frames))

    def depth(self, frame):
        return replace(room(WIDTH // 2, HEIGHT // 2)[truth_of(frame)].depth, kind=self.kind)


class Alone:
    """A model of single views, whose unit is another in every picture."""

    card = CARDS["depth-anything-v2-metric-indoor-small"]
    lookahead = 0

    def __init__(self, *, off=(2.0, 0.5, 3.0)):
        self.off = off

    def estimate(self, frames):
        for frame in frames:
            index = truth_of(frame)
            depth = room(WIDTH // 2, HEIGHT // 2)[index].depth
            values = depth.values * np.float32(self.off[index])
            yield DepthFrame(
                frame, replace(depth, values=values, kind="metric", world_from_camera=None, intrinsics=None)
            )


def truth_of(frame):
    """Which view a picture is of, by what it shows."""
    errors = [np.abs(frame.rgb8.astype(int) - sample.frame.rgb8).mean() for sample in room()]
    assert min(errors) < 5
    return int(np.argmin(errors))
