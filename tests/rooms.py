"""Films of a box with waves painted on its walls, seen from inside: exact depth and poses, no renderer."""

from fractions import Fraction

import numpy as np

from vergence.types import DepthMap, Frame, Intrinsics

HALF = np.array([5.0, 1.5, 5.0])  # m, of the room's sides
LENS = Intrinsics(40, 40, 24, 18, 48, 36)


def look(place, yaw, pitch=0.0):
    """world_from_camera at a place, turned to the right by `yaw` and up by `pitch`, rad; the world's y is down."""
    across = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    up = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = across @ up, place
    return pose


def circle(frames, *, turns=1.0, radius=2.5):
    """Poses on a circle about the room's middle, looking along it."""
    angles = np.arange(frames) * 2 * np.pi * turns / frames
    return [look((radius * np.cos(a), 0.2 * np.sin(3 * a), -radius * np.sin(a)), -a) for a in angles]


def seen(pose, index=0, *, shot=0, rate=10):
    """The frame and the true depth from a pose; the depth is z, metres."""
    v, u = np.mgrid[0 : LENS.height, 0 : LENS.width] + 0.5
    rays = np.stack([(u - LENS.cx) / LENS.fx, (v - LENS.cy) / LENS.fy, np.ones_like(u)], axis=-1) @ pose[:3, :3].T
    with np.errstate(divide="ignore"):
        z = ((np.sign(rays) * HALF - pose[:3, 3]) / rays).min(axis=-1)
    points = pose[:3, 3] + rays * z[..., None]
    waves = [np.sin(points @ turn + shift) for turn, shift in WAVES]
    rgb = 127 + 40 * np.stack([waves[c] + waves[c + 3] + waves[c + 6] for c in range(3)], axis=-1)
    depth = DepthMap(
        z.astype(np.float32), np.ones(z.shape, np.bool_), "scale_invariant", intrinsics=LENS, world_from_camera=pose
    )
    return Frame(rgb.clip(0, 255).astype(np.uint8), index, Fraction(index, rate), shot=shot, intrinsics=LENS), depth


WAVES = [(np.random.default_rng(n).normal(size=3) * 1.2, n) for n in range(9)]


def film(poses, **more):
    """The frames of poses and the true depth by number."""
    pairs = [seen(pose, index, **more) for index, pose in enumerate(poses)]
    return [frame for frame, _ in pairs], {frame.index: depth for frame, depth in pairs}
