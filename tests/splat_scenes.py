"""Scenes of Gaussians for the tests of drawing."""

import numpy as np

import slow_splats as reference
from vergence.splats.harmonics import colours, plain
from vergence.types import Gaussians, Intrinsics

SMALL = Intrinsics(70, 75, 47, 30, 101, 67)


def scene(count, *, seed=0, size=0.05, degree=0):
    dice = np.random.default_rng(seed)
    turns = dice.normal(size=(count, 4))
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    return Gaussians(
        means=dice.uniform([-2, -1.5, -0.5], [2, 1.5, 4], (count, 3)).astype(np.float32),
        scales=(size * dice.uniform(0.05, 3, (count, 3))).astype(np.float32),
        rotations=turns.astype(np.float32),
        opacities=dice.uniform(0, 1, count).astype(np.float32),
        harmonics=dice.normal(0, 0.5, (count, (degree + 1) ** 2, 3)).astype(np.float32),
    )


def one(place, *, scale=0.1, opacity=0.9, rgb=(1.0, 0.0, 0.0)):
    return Gaussians(
        means=np.array([place], np.float32),
        scales=np.full((1, 3), scale, np.float32),
        rotations=np.array([[1, 0, 0, 0]], np.float32),
        opacities=np.array([opacity], np.float32),
        harmonics=plain(np.array([rgb], np.float32)),
    )


def both(*parts):
    names = ("means", "scales", "rotations", "opacities", "harmonics")
    return Gaussians(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def turned(angle, place=(0.0, 0.0, 0.0)):
    """A camera rolled and turned a little."""
    pose = np.eye(4)
    pose[:3, :3] = reference.rotation(np.cos(angle / 2), *(np.sin(angle / 2) * np.array([0.36, 0.8, 0.48])))
    pose[:3, 3] = place
    return pose


def toward(gaussians, view):
    away = gaussians.means - view.position.astype(np.float32)
    return colours(gaussians.harmonics, away / np.linalg.norm(away, axis=1, keepdims=True))


def decibels(found, expected):
    return 10 * np.log10(1 / np.mean((np.asarray(found, float) - expected) ** 2))
