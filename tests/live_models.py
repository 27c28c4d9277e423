"""Models for the live server that answer by rule, and viewers that keep what they get."""

import threading
import time
from dataclasses import replace

import numpy as np

from vergence.depth.cards import find_card
from vergence.depth.world import World
from vergence.geometry.rotation import rotation_about
from vergence.server.adaptation import Quality
from vergence.server.protocol import parse
from vergence.types import DepthFrame, DepthMap, Gaussians, Intrinsics


class RuleModel:
    """Depth is 1 m + the red channel; `seconds` a frame; `kind` as wanted. Raises on frames that are all `poison`."""

    lookahead = 0

    def __init__(self, *, kind="metric", seconds=0.0, size=(32, 18), poison=None, error=None):
        self.card = replace(find_card("preview"), kind=kind)
        self.seconds, self.size, self.poison, self.error = seconds, size, poison, error
        self.seen = []

    def estimate(self, frames):
        for frame in frames:
            self.seen.append(frame)
            if self.poison is not None and (frame.rgb == self.poison).all():
                raise self.error
            time.sleep(self.seconds)
            width, height = self.size
            rows = np.linspace(0, frame.height - 1, height).astype(int)
            columns = np.linspace(0, frame.width - 1, width).astype(int)
            values = 1 + frame.rgb[rows[:, None], columns, 0].astype(np.float32) / 64
            yield DepthFrame(frame, DepthMap(values, np.ones(values.shape, bool), self.card.kind))


class RuleWorld(RuleModel):
    """A `RuleModel` that also sees several pictures: each camera stands `STEP` m to the right of the one before.

    Every world is turned, moved and in a unit of its own, as those of networks are; `sizes` are of the sets it saw.
    """

    STEP = 0.5

    def __init__(self, *, wildness=0.5, **options):
        super().__init__(**options)
        self.card = replace(self.card, name="rule-world")
        self.sizes, self._wildness, self._random = [], wildness, np.random.default_rng(0)

    def world(self, frames, *, cameras=None, gaussians=False):
        self.sizes.append(len(frames))
        wild = self._wildness * self._random.normal(size=7)
        turn, shift, unit = rotation_about(wild[:3]), wild[3:6], float(np.exp(wild[6]))
        width, height = self.size
        lens = Intrinsics(width, width, width / 2, height / 2, width, height)
        views = []
        for place, item in enumerate(self.estimate(frames)):
            pose = np.eye(4)
            pose[:3, :3], pose[:3, 3] = turn, unit * (turn @ [self.STEP * place, 0, 0] + shift)
            depth = replace(
                item.depth, values=item.depth.values * np.float32(unit), kind="scale_invariant", intrinsics=lens,
                world_from_camera=pose, confidence=np.ones_like(item.depth.values),
            )  # fmt: skip
            views.append(replace(item, depth=depth))
        return World(tuple(views))


class GaussianModel:
    """One Gaussian a pixel of red, all the same; `counts` says of how many pixels, picture after picture."""

    def __init__(self, *counts):
        self.card = replace(find_card("preview"), kind="metric")
        self.counts = list(counts)

    def world(self, frames, *, cameras=None, gaussians=False):
        assert gaussians
        (view,) = RuleModel().estimate(frames)
        count = self.counts.pop(0) if len(self.counts) > 1 else self.counts[0]
        means = np.tile(np.array([0, 0, 2], np.float32), (count, 1))
        turns = np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1))
        opacities = np.linspace(0, 1, count, dtype=np.float32)
        cloud = Gaussians(
            means, np.full((count, 3), 0.01, np.float32), turns, opacities, np.ones((count, 1, 3), np.float32)
        )
        return World((view,), cloud)


class Audience:
    """Viewers without a network."""

    def __init__(self, *qualities):
        self.qualities = frozenset(qualities or {Quality(12, 80, 640)})
        self.frames, self.messages = [], []
        self._changed = threading.Condition()

    @property
    def is_watched(self):
        return bool(self.qualities)

    def wanted(self):
        return self.qualities

    def publish(self, frame):
        with self._changed:
            self.frames.append((time.monotonic(), frame))
            self._changed.notify_all()

    def announce(self, **message):
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def wait(self, check, seconds=20.0):
        """Wait until `check(self)`; False where it does not come to that."""
        with self._changed:
            return self._changed.wait_for(lambda: check(self), seconds)

    def packets(self):
        return [parse(data) for _, frame in self.frames for data in frame.packets.values()]
